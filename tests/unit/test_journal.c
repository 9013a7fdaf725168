/* The journal, read from its end: whole records only, over both of its files, and no more than is asked for. */
#include <string.h>
#include "fake_host.h"
#include "journal.h"
#include "text.h"
#include "unit.h"

static void append(struct fake_host *fake, int number)
{
	auto_json json_t *record = json_object();
	struct err err = {0};

	json_object_set_new(record, "number", json_integer(number));
	ck_assert(journal_append(&fake->host, record, &err));
}

static long number_of(const json_t *record)
{
	return (long)json_integer_value(json_object_get(record, "number"));
}

static struct fake_host *journal_of(int count)
{
	struct fake_host *fake = fake_host_new();

	ck_assert_int_eq(fake->host.ops->make_directory(&fake->host, VOLUME_POOL, "@moult", 0700),
			 0);
	for (int i = 1; i <= count; i++)
		append(fake, i);
	return fake;
}

/* The newest `max` records, oldest first, as "1 2 3 ". Borrowed until the next call. */
static const char *numbers(struct fake_host *fake, size_t max)
{
	static struct text text;
	auto_json json_t *records = NULL;
	struct err err = {0};
	json_t *record;
	size_t i;

	text_done(&text);
	text_add(&text, "");
	ck_assert(journal_read(&fake->host, max, &records, &err));
	json_array_foreach(records, i, record)
	{
		text_addf(&text, "%ld ", number_of(record));
	}
	return text.bytes;
}

static void put(struct fake_host *fake, const char *path, const char *text)
{
	fake_host_put(fake, VOLUME_POOL, path, text);
}

START_TEST(records_come_back_in_order_and_the_newest_are_kept)
{
	auto_fake_host struct fake_host *fake = journal_of(4);

	ck_assert_str_eq(numbers(fake, 100), "1 2 3 4 ");
	ck_assert_str_eq(numbers(fake, 2), "3 4 ");
	ck_assert_str_eq(numbers(fake, 4), "1 2 3 4 ");
}
END_TEST

START_TEST(the_former_file_comes_before_the_present_one)
{
	auto_fake_host struct fake_host *fake = journal_of(2);

	ck_assert_int_eq(
		fake->host.ops->rename(&fake->host, VOLUME_POOL, JOURNAL_PATH, JOURNAL_PATH ".1"),
		0);
	ck_assert_str_eq(numbers(fake, 100), "1 2 ");
	append(fake, 3);
	append(fake, 4);
	ck_assert_str_eq(numbers(fake, 100), "1 2 3 4 ");
	ck_assert_str_eq(numbers(fake, 3), "2 3 4 ");
	ck_assert_str_eq(numbers(fake, 1), "4 ");
}
END_TEST

START_TEST(what_is_not_whole_is_passed_over)
{
	auto_fake_host struct fake_host *fake = journal_of(2);
	auto_free char *good = xstrdup(fake_host_text(fake, VOLUME_POOL, JOURNAL_PATH));
	auto_free char *torn = xstrndup(good, strlen(good) - 4);
	auto_free char *changed = xstrdup(good), *between = NULL;

	put(fake, JOURNAL_PATH, torn);
	ck_assert_str_eq(numbers(fake, 100), "1 ");
	*strstr(changed, "2}") = '7';
	put(fake, JOURNAL_PATH, changed);
	ck_assert_str_eq(numbers(fake, 100), "1 ");
	between = xasprintf("\n\n%s\n\nx\n0123456789abcdef \n%s\n", good, good);
	put(fake, JOURNAL_PATH, between);
	ck_assert_str_eq(numbers(fake, 100), "1 2 1 2 ");
	put(fake, JOURNAL_PATH, "");
	ck_assert_str_eq(numbers(fake, 100), "");
	put(fake, JOURNAL_PATH, "\n");
	ck_assert_str_eq(numbers(fake, 100), "");
}
END_TEST

START_TEST(a_last_line_without_its_end_counts_if_it_is_whole)
{
	auto_fake_host struct fake_host *fake = journal_of(2);
	auto_free char *good = xstrdup(fake_host_text(fake, VOLUME_POOL, JOURNAL_PATH));

	good[strlen(good) - 1] = '\0';
	put(fake, JOURNAL_PATH, good);
	ck_assert_str_eq(numbers(fake, 100), "1 2 ");
}
END_TEST

/* It is read from its end in pieces, and none of them may lose or repeat a line. */
START_TEST(a_long_one_is_read_to_its_beginning)
{
	auto_fake_host struct fake_host *fake = journal_of(2000);
	auto_json json_t *records = NULL;
	struct err err = {0};

	ck_assert(journal_read(&fake->host, 10000, &records, &err));
	ck_assert_uint_eq(json_array_size(records), 2000);
	for (size_t i = 0; i < 2000; i++)
		ck_assert_int_eq(number_of(json_array_get(records, i)), (long)i + 1);
	ck_assert_str_eq(numbers(fake, 2), "1999 2000 ");
}
END_TEST

/* A line that is longer than what is read at first. */
START_TEST(a_long_line_is_read_whole)
{
	auto_fake_host struct fake_host *fake = journal_of(1);
	auto_free char *words = xcalloc(1, 100001);
	auto_json json_t *record = json_object();
	struct err err = {0};

	memset(words, 'w', 100000);
	json_object_set_new(record, "number", json_integer(2));
	json_put_string(record, "words", words);
	ck_assert(journal_append(&fake->host, record, &err));
	ck_assert_str_eq(numbers(fake, 100), "1 2 ");
}
END_TEST

struct until {
	long wanted;
	int seen;
};

static bool look(void *userdata, json_t *record)
{
	struct until *until = userdata;

	until->seen++;
	return number_of(record) != until->wanted;
}

START_TEST(a_reader_that_has_what_it_wants_sees_no_more)
{
	auto_fake_host struct fake_host *fake = journal_of(5);
	struct until until = {.wanted = 4};
	struct err err = {0};

	ck_assert(journal_walk(&fake->host,
			       &(struct journal_reader){.on_record = look, .userdata = &until},
			       &err));
	ck_assert_int_eq(until.seen, 2);
	until = (struct until){.wanted = -1};
	ck_assert(journal_walk(&fake->host,
			       &(struct journal_reader){.on_record = look, .userdata = &until},
			       &err));
	ck_assert_int_eq(until.seen, 5);
}
END_TEST

UNIT_MAIN("journal", records_come_back_in_order_and_the_newest_are_kept,
	  the_former_file_comes_before_the_present_one, what_is_not_whole_is_passed_over,
	  a_long_one_is_read_to_its_beginning, a_long_line_is_read_whole,
	  a_last_line_without_its_end_counts_if_it_is_whole,
	  a_reader_that_has_what_it_wants_sees_no_more)
