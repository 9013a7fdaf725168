/* What is written down of how a machine booted, read back, and the boot order made of it. */
#include "takeover.h"
#include <string.h>
#include "text.h"
#include "unit.h"

static bool parse(const char *text, struct takeover *ret, struct err *err)
{
	return takeover_parse(text, strlen(text), ret, err);
}

START_TEST(what_is_written_is_read)
{
	auto_takeover struct takeover before = {0}, after = {0};
	auto_free char *text = NULL;
	struct err err = {0};

	before.has_order = true;
	for (uint16_t number = 0; number < 3; number++)
		*array_add(before.order, before.order_count) = (uint16_t)(0x00ff + number);
	before.former = xstrdup("EFI/debian/grubx64.efi");
	before.former_settings = xstrdup("EFI/debian/grub.cfg");
	before.former_text = xstrdup("configfile 'x'\n");
	takeover_add_file(&before, "EFI/systemd/systemd-bootx64.efi");
	takeover_add_file(&before, "efi/systemd/systemd-bootx64.EFI");
	before.fallback = xstrdup("EFI/BOOT/BOOTX64.EFI");
	before.kept = xstrdup("EFI/BOOT/moult-kept.efi");
	text = takeover_print(&before);
	ck_assert_msg(parse(text, &after, &err), "%s", err.text);
	ck_assert(after.has_order);
	ck_assert_uint_eq(after.order_count, 3);
	ck_assert_uint_eq(after.order[2], 0x101);
	ck_assert_uint_eq(after.file_count, 1);
	ck_assert_str_eq(after.former, before.former);
	ck_assert_str_eq(after.former_settings, before.former_settings);
	ck_assert_str_eq(after.former_text, before.former_text);
	ck_assert_str_eq(after.fallback, before.fallback);
	ck_assert_str_eq(after.kept, before.kept);
}
END_TEST

START_TEST(an_order_that_was_not_read_is_not_an_empty_one)
{
	auto_takeover struct takeover unread = {0}, empty = {0};
	struct err err = {0};

	ck_assert(parse("{\"files\": []}", &unread, &err));
	ck_assert(!unread.has_order);
	ck_assert(parse("{\"boot_order\": []}", &empty, &err));
	ck_assert(empty.has_order);
}
END_TEST

START_TEST(fields_of_a_newer_moult_survive)
{
	auto_takeover struct takeover takeover = {0};
	auto_free char *text = NULL;
	struct err err = {0};

	ck_assert(parse("{\"files\": [], \"shim\": {\"a\": 1}}", &takeover, &err));
	text = takeover_print(&takeover);
	ck_assert_ptr_nonnull(strstr(text, "\"shim\""));
}
END_TEST

/* It says what is removed: nothing outside of EFI, whoever wrote it. */
static const char *const hostile[] = {
	"{\"files\": [\"../etc/passwd\"]}",
	"{\"files\": [\"loader/loader.conf\"]}",
	"{\"files\": [\"EFI/../moult/reserve\"]}",
	"{\"files\": [7]}",
	"{\"files\": \"EFI/x\"}",
	"{\"former\": \"/EFI/x\"}",
	"{\"kept\": \"moult/x\"}",
	"{\"fallback\": 3}",
	"{\"former_settings\": \"grub.cfg\"}",
	"{\"boot_order\": [\"12345\"]}",
	"{\"boot_order\": [\"00G1\"]}",
	"{\"boot_order\": [\"1\"]}",
	"{\"boot_order\": [1]}",
	"{\"min_reader\": 2}",
	"[]",
	"",
};

START_TEST(what_it_must_not_say_is_refused)
{
	for (size_t i = 0; i < COUNT(hostile); i++) {
		auto_takeover struct takeover takeover = {0};
		struct err err = {0};

		ck_assert_msg(!parse(hostile[i], &takeover, &err), "%s", hostile[i]);
		ck_assert_msg(strstr(err.text, TAKEOVER_PATH), "%s", err.text);
		ck_assert(!takeover.document && !takeover.files && !takeover.order);
	}
}
END_TEST

/* Entries there are now, "*" marks ours, in BootOrder's order; | ends those that are in it. */
static const struct {
	const char *recorded, *present, *back;
} orders[] = {
	{"0 1", "*3 *4 0 1 |", "0 1"},
	{"0 1", "1 *3 0 |", "0 1"},
	/* one that went away, and one that somebody added since */
	{"0 1 2", "*3 0 7 2 |", "0 2 7"},
	/* one that fell out of the order comes back, ours never does */
	{"0 1", "*3 0 | 1 *5", "0 1"},
	{"0 3", "*3 0 |", "0"},
	{"0 0 0", "0 |", "0"},
	{"", "*3 |", ""},
	{"", "*3 2 |", "2"},
};

static size_t read_places(const char *text, struct boot_place *places, size_t *ret_ordered)
{
	size_t count = 0;

	for (; *text; text++) {
		if (*text == '|')
			*ret_ordered = count;
		else if (*text >= '0' && *text <= '9')
			places[count++] = (struct boot_place){
				.number = (uint16_t)(*text - '0'),
				.ours = text[-1] == '*',
			};
	}
	return count;
}

START_TEST(the_order_that_is_given_back)
{
	for (size_t i = 0; i < COUNT(orders); i++) {
		auto_free char *present = xasprintf(" %s", orders[i].present);
		auto_takeover struct takeover takeover = {.has_order = true};
		struct boot_place places[16] = {{0}};
		auto_free uint16_t *back = NULL;
		auto_text struct text got = {0};
		size_t ordered = 0, count, length;

		for (const char *at = orders[i].recorded; *at; at++)
			if (*at != ' ')
				*array_add(takeover.order, takeover.order_count) =
					(uint16_t)(*at - '0');
		count = read_places(present, places, &ordered);
		back = takeover_order_back(&takeover, places, ordered, count, &length);
		for (size_t at = 0; at < length; at++)
			text_addf(&got, "%s%u", at > 0 ? " " : "", back[at]);
		ck_assert_msg(strcmp(got.bytes ? got.bytes : "", orders[i].back) == 0, "%zu: %s", i,
			      got.bytes);
	}
}
END_TEST

UNIT_MAIN("takeover", what_is_written_is_read, an_order_that_was_not_read_is_not_an_empty_one,
	  fields_of_a_newer_moult_survive, what_it_must_not_say_is_refused,
	  the_order_that_is_given_back)
