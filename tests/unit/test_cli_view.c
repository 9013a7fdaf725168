/* What all texts are drawn with: times, sizes, columns, lines that are wrapped. */
#include <string.h>
#include <time.h>
#include "table.h"
#include "unit.h"
#include "view.h"

/* 2026-11-22T22:00:00Z */
#define NOW 1795384800

static char *safe(const char *string)
{
	struct text out = {0};

	text_add_safe(&out, string);
	return text_take(&out);
}

START_TEST(hostile_names_cannot_reach_the_terminal)
{
	static const struct {
		const char *from, *to;
	} cases[] = {
		{"plain", "plain"},
		{"über", "über"},
		{"a\033[2Jb", "a\\x1b[2Jb"},
		{"a\nb\tc\x7f", "a\\x0ab\\x09c\\x7f"},
		{"\xc2\x9b", "\\u{009b}"},
		{"\xe2\x80\xae"
		 "txt.exe",
		 "\\u{202e}txt.exe"},
		{"\xef\xbb\xbf", "\\u{feff}"},
		{"\xff\xc3", "\\xff\\xc3"},
		{"\xc0\x80", "\\xc0\\x80"},
		{"\xe0\x80\x80", "\\xe0\\x80\\x80"},
		{"\xed\xa0\x80", "\\xed\\xa0\\x80"},
		{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
		{"\xf0\x9f\x90\x8d", "\xf0\x9f\x90\x8d"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		auto_free char *got = safe(cases[i].from);

		ck_assert_str_eq(got, cases[i].to);
	}
}
END_TEST

START_TEST(times_are_told_as_people_do)
{
	static const struct {
		int64_t distance;
		const char *words;
	} cases[] = {
		{0, "just now"},
		{59, "just now"},
		{60, "1 minute ago"},
		{3 * 3600 + 5, "3 hours ago"},
		{86400, "1 day ago"},
		{13 * 86400, "13 days ago"},
		{14 * 86400, "2 weeks ago"},
		{59 * 86400, "8 weeks ago"},
		{61 * 86400, "2 months ago"},
		{800 * 86400L, "2 years ago"},
		{-30, "in a moment"},
		{-7200, "in 2 hours"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		auto_text struct text out = {0};

		view_add_ago(&out, NOW - cases[i].distance, NOW);
		ck_assert_str_eq(out.bytes, cases[i].words);
	}
}
END_TEST

START_TEST(only_whole_utc_times_are_times)
{
	ck_assert_int_eq(view_parse_time("2026-11-22T22:00:00Z"), NOW);
	ck_assert_int_eq(view_parse_time("1970-01-01T00:00:00Z"), 0);
	ck_assert_int_eq(view_parse_time("2026-11-22T22:00:00"), -1);
	ck_assert_int_eq(view_parse_time("2026-11-22T22:00:00Z "), -1);
	ck_assert_int_eq(view_parse_time("yesterday"), -1);
	ck_assert_int_eq(view_parse_time(NULL), -1);
}
END_TEST

START_TEST(sizes_have_one_decimal)
{
	static const struct {
		unsigned long long bytes;
		const char *words;
	} cases[] = {
		{0, "0 B"},	      {1023, "1023 B"},
		{1024, "1.0 KiB"},    {123456789, "117.7 MiB"},
		{1048575, "1.0 MiB"}, {UINT64_MAX, "16.0 EiB"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		auto_text struct text out = {0};

		view_add_size(&out, cases[i].bytes);
		ck_assert_str_eq(out.bytes, cases[i].words);
	}
}
END_TEST

START_TEST(long_words_and_lines_stay_in_their_column)
{
	static const struct view narrow = {.now = NOW, .columns = 30};
	auto_text struct text out = {0};

	view_add_labelled(&narrow, &out, "label", "one two three four five six");
	view_add_bulleted(&narrow, &out, "- ", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa b");
	ck_assert_str_eq(out.bytes, "label       one two three four\n"
				    "            five six\n"
				    "- aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n  b\n");
	text_done(&out);
	view_add_trouble(&narrow, &out, "it is broken, and that is bad", "sudo mend");
	ck_assert_str_eq(out.bytes, "! it is broken, and that is\n"
				    "  bad\n"
				    "  try: sudo mend\n");
}
END_TEST

START_TEST(the_last_column_of_a_table_is_cut)
{
	static const struct view narrow = {.columns = 20};
	auto_table struct table table = {0};
	auto_text struct text out = {0};

	table_row(&table);
	table_set(&table, 0, TINT_NONE, "ü");
	table_set(&table, 2, TINT_NONE, "a rather long text here");
	table_row(&table);
	table_set(&table, 0, TINT_NONE, "bbb");
	table_set(&table, 2, TINT_NONE, NULL);
	table_print(&table, &narrow, 2, &out);
	ck_assert_str_eq(out.bytes, "  ü    a rather l...\n  bbb\n");
	text_done(&out);
	table_set(&table, 0, TINT_NONE, "u\xcc\x88中");
	table_set(&table, 2, TINT_NONE, "中中中中中中中中");
	table_print(&table, &narrow, 2, &out);
	ck_assert_str_eq(out.bytes, "  ü    a rather l...\n  u\xcc\x88中  中中中中中...\n");
}
END_TEST

UNIT_MAIN("cli_view", hostile_names_cannot_reach_the_terminal, times_are_told_as_people_do,
	  only_whole_utc_times_are_times, sizes_have_one_decimal,
	  long_words_and_lines_stay_in_their_column, the_last_column_of_a_table_is_cut)
