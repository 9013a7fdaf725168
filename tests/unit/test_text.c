/* Strings that grow and the helpers around them. */
#include <stdint.h>
#include <string.h>
#include "text.h"
#include "unit.h"

START_TEST(grows)
{
	auto_text struct text text = {0};
	auto_free char *taken = NULL;

	for (int i = 0; i < 1000; i++)
		text_addf(&text, "%03d", i);
	ck_assert_uint_eq(text.length, 3000);
	ck_assert_uint_eq(strlen(text.bytes), 3000);
	text_add(&text, "");
	text_add_bytes(&text, "a\0b", 3);
	ck_assert_uint_eq(text.length, 3003);
	ck_assert_int_eq(memcmp(text.bytes + 3000, "a\0b", 4), 0);
	taken = text_take(&text);
	ck_assert_uint_eq(text.length, 0);
	ck_assert_ptr_null(text.bytes);
	ck_assert_int_eq(strncmp(taken, "000001002", 9), 0);
}
END_TEST

START_TEST(nothing_added)
{
	struct text text = {0};
	auto_free char *taken = text_take(&text);

	ck_assert_str_eq(taken, "");
	text_add_bytes(&text, "", 0);
	ck_assert_str_eq(text.bytes, "");
	text_done(&text);
	text_done(&text);
}
END_TEST

START_TEST(long_format)
{
	auto_text struct text text = {0};
	auto_free char *same = NULL;
	char name[5000];

	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	text_addf(&text, "<%s>", name);
	ck_assert_uint_eq(text.length, sizeof(name) + 1);
	same = xasprintf("<%s>", name);
	ck_assert_str_eq(text.bytes, same);
}
END_TEST

START_TEST(memory)
{
	char *none = xstrdup_or_null(NULL);
	auto_free char *some = xstrdup_or_null("a"), *cut = xstrndup("abc", 2);
	auto_free char *zero = xmalloc(0), *cleared = xcalloc(0, 8);

	ck_assert_ptr_null(none);
	ck_assert_str_eq(some, "a");
	ck_assert_str_eq(cut, "ab");
	ck_assert_ptr_nonnull(zero);
	zero = xrealloc(zero, 100);
	ck_assert_ptr_nonnull(zero);
	ck_assert_ptr_nonnull(cleared);
}
END_TEST

START_TEST(arrays)
{
	auto_free uint64_t *numbers = NULL;
	size_t count = 0;

	for (uint64_t i = 0; i < 1000; i++) {
		uint64_t *number = array_add(numbers, count);

		ck_assert_uint_eq(*number, 0);
		*number = i;
	}
	ck_assert_uint_eq(count, 1000);
	for (uint64_t i = 0; i < 1000; i++)
		ck_assert_uint_eq(numbers[i], i);
}
END_TEST

START_TEST(comparing)
{
	ck_assert(text_equal(NULL, NULL));
	ck_assert(!text_equal("a", NULL));
	ck_assert(!text_equal(NULL, "a"));
	ck_assert(text_equal("a", "a"));
	ck_assert(!text_equal("a", "b"));
	ck_assert(text_starts("moult-7", "moult-"));
	ck_assert(!text_starts("mou", "moult-"));
	ck_assert(text_ends("a.conf", ".conf"));
	ck_assert(!text_ends("conf", ".conf"));
	ck_assert(text_ends("a", ""));
}
END_TEST

START_TEST(numbers)
{
	static const struct {
		const char *text;
		bool good;
		unsigned long long value;
	} cases[] = {
		{"0", true, 0},
		{"007", true, 7},
		{"18446744073709551615", true, UINT64_MAX},
		{"18446744073709551616", false, 0},
		{"18446744073709551620", false, 0},
		{"99999999999999999999999", false, 0},
		{"", false, 0},
		{"-1", false, 0},
		{"+1", false, 0},
		{" 1", false, 0},
		{"1 ", false, 0},
		{"0x1", false, 0},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		unsigned long long value = 0;

		ck_assert_msg(text_to_u64(cases[i].text, &value) == cases[i].good, "'%s'",
			      cases[i].text);
		ck_assert_uint_eq(value, cases[i].value);
	}
}
END_TEST

START_TEST(lines)
{
	static const char text[] = "one\n\nthree\r\nlast";
	static const char *const wanted[] = {"one", "", "three\r", "last"};
	const char *cursor = text, *end = text + strlen(text), *line;
	size_t length, count = 0;

	while (text_next_line(&cursor, end, &line, &length)) {
		ck_assert_uint_lt(count, 4);
		ck_assert_uint_eq(length, strlen(wanted[count]));
		ck_assert_int_eq(strncmp(line, wanted[count], length), 0);
		count++;
	}
	ck_assert_uint_eq(count, 4);
	cursor = end = text;
	ck_assert(!text_next_line(&cursor, end, &line, &length));
}
END_TEST

START_TEST(quoting)
{
	char name[1000];
	const char *quoted, *other;

	ck_assert_str_eq(text_quote("a b"), "'a b'");
	ck_assert_str_eq(text_quote("a\nb\x7f"), "'a\\x0ab\\x7f'");
	memset(name, '\n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	quoted = text_quote(name);
	ck_assert_uint_lt(strlen(quoted), 300);
	ck_assert(text_ends(quoted, "...'"));
	other = text_quote("x");
	ck_assert_ptr_ne(quoted, other);
	ck_assert_str_eq(other, "'x'");
}
END_TEST

UNIT_MAIN("text", grows, nothing_added, long_format, memory, arrays, comparing, numbers, lines,
	  quoting)
