/* How wide a text from outside is on a terminal. What it must not do there is in test_cli_text.c. */
#include <string.h>
#include "safe.h"
#include "unit.h"

#define COMBINING "u\xcc\x88" /* u and a diaeresis of its own */
#define WIDE "\xe4\xb8\xad" /* one of CJK */
#define SNAKE "\xf0\x9f\x90\x8d"

START_TEST(characters_take_no_one_or_two_columns)
{
	static const struct {
		const char *text;
		size_t columns;
	} cases[] = {
		{"", 0},
		{"abc", 3},
		{"\xc3\xbc"
		 "ber",
		 4},
		{COMBINING "ber", 4},
		{WIDE WIDE, 4},
		{"a" SNAKE "b", 4},
		{"a\xef\xb8\x8f", 1}, /* a variation selector */
		{"\xe2\x82\xac", 1},
		{"\xff\xfe", 2},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		ck_assert_msg(text_columns(cases[i].text) == cases[i].columns, "'%s': %zu",
			      cases[i].text, text_columns(cases[i].text));
}
END_TEST

START_TEST(a_text_is_cut_between_characters_that_stand_alone)
{
	ck_assert_uint_eq(text_fit("abc", 2), 2);
	ck_assert_uint_eq(text_fit("abc", 9), 3);
	ck_assert_uint_eq(text_fit("abc", 0), 0);
	/* half of a wide one is none of it, and what is put on a letter stays with it */
	ck_assert_uint_eq(text_fit(WIDE WIDE, 3), strlen(WIDE));
	ck_assert_uint_eq(text_fit("a" WIDE, 2), 1);
	ck_assert_uint_eq(text_fit(COMBINING "x", 1), strlen(COMBINING));
}
END_TEST

UNIT_MAIN("safe", characters_take_no_one_or_two_columns,
	  a_text_is_cut_between_characters_that_stand_alone)
