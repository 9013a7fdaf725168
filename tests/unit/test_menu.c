/* What the loader would choose: menu and order against an independent model of systemd-boot. */
#include <stdio.h>
#include <string.h>
#include "boot_world.h"
#include "loader_model.h"
#include "order.h"
#include "text.h"
#include "unit.h"

static const char *const versions[] = {
	"~1",
	"~a",
	"",
	"-1",
	"^1",
	".1",
	"a",
	"a~",
	"A",
	"Z",
	"b",
	"z",
	"0",
	"00",
	"1",
	"1~rc1",
	"1-1",
	"1^2",
	"1.0",
	"1.1",
	"1a",
	"2",
	"9",
	"10",
	"000012",
	"12",
	"012",
	"99999999999",
	"1_2",
	"1 2",
	"12+3",
	"é",
	"1é2",
	"6.1.0-50-amd64",
	"6.1.0-5-amd64",
	"6.12.107",
	"moult-000009.conf",
	"moult-000010.conf",
	"moult-000010+3-0.conf",
	"moult-000010+2-1.conf",
	"123",
	"123.a",
	"123a",
	"123-3",
	"123^3",
};

static int sign(int r)
{
	return (r > 0) - (r < 0);
}

START_TEST(versions_as_the_model)
{
	for (size_t i = 0; i < COUNT(versions); i++)
		for (size_t j = 0; j < COUNT(versions); j++)
			ck_assert_msg(sign(order_versions(versions[i], versions[j])) ==
					      sign(loader_model_compare_versions(versions[i],
										 versions[j])),
				      "'%s' and '%s'", versions[i], versions[j]);
}
END_TEST

START_TEST(versions_known)
{
	ck_assert_int_lt(order_versions("9", "10"), 0);
	ck_assert_int_eq(order_versions("000012", "12"), 0);
	ck_assert_int_lt(order_versions("1~rc1", "1"), 0);
	ck_assert_int_lt(order_versions("1", "1-1"), 0);
	ck_assert_int_lt(order_versions("1-1", "1^1"), 0);
	ck_assert_int_lt(order_versions("1^1", "1.1"), 0);
	ck_assert_int_lt(order_versions("123.a", "123a"), 0);
	ck_assert_int_lt(order_versions("A", "a"), 0);
	ck_assert_int_eq(order_versions("1_2", "1 2"), 0);
	ck_assert_int_gt(order_versions("6.12.107", "6.1.0-50"), 0);
}
END_TEST

/* ---- random menus ---- */

static const char *any(const char *const *choices, size_t count)
{
	return choices[(size_t)rand() % count];
}
#define ANY(...)                                                                                   \
	any((const char *const[]){__VA_ARGS__}, COUNT(((const char *const[]){__VA_ARGS__})))

static void add_line(struct text *text, const char *key, const char *value)
{
	if (value)
		text_addf(text, "%s%s%s\n", ANY("", "", " ", "\t"), key, value);
}

#define OURS "11111111-2222-3333-4444-555555555555"
#define ANOTHERS "22222222-2222-3333-4444-555555555555"

/* An entry of ours, or nearly; in one of four the loader has to look twice, one of five is another's. */
static char *random_text(unsigned serial)
{
	auto_text struct text text = {0};
	auto_free char *version = xasprintf(" %06u", serial);
	bool strange = rand() % 4 == 0;

	add_line(&text, "title", " Debian");
	add_line(&text, "sort-key",
		 strange ? ANY(NULL, " moult", " moult-z", " aaa", " zzz") : " moult");
	add_line(&text, "machine-id", strange ? ANY(NULL, " aaaa", " bbbb") : NULL);
	add_line(&text, "version", strange ? ANY(NULL, " 7", " 1~rc1", " 000100") : version);
	text_addf(
		&text,
		"options root=UUID=%s rootflags=subvol=@gens/1/root moult.gen=1 moult.serial=%u\n",
		ANY(OURS, OURS, OURS, OURS, ANOTHERS), serial);
	if (strange && rand() % 3 == 0)
		text_addf(&text, "linux /debian/linux\n");
	text_addf(&text, "%slinux %s\n", ANY("#", " ", " ", " "),
		  ANY("/moult/sha256-aaaa.linux", "/moult/sha256-aaaa.linux",
		      "/moult/sha256-missing.linux", "/debian/linux"));
	return text_take(&text);
}

static void random_entry(struct fake_host *fake)
{
	unsigned serial = (unsigned)rand() % 15 + 1, left = (unsigned)rand() % 4;
	auto_free char *text = random_text(serial), *path = NULL;

	switch (rand() % 8) {
	case 0:
		path = xasprintf("loader/entries/moult-old-%06u.conf", serial);
		break;
	case 1:
	case 2:
	case 3:
		path = xasprintf("loader/entries/moult-%06u+%u-%u.conf", serial, left, 3 - left);
		break;
	case 4:
		path = xasprintf("loader/entries/moult-%u%s", serial,
				 ANY(".conf", "-copy.conf", "+2.conf", "+0x.conf", "+1-99.conf"));
		break;
	default:
		path = xasprintf("loader/entries/moult-%06u.conf", serial);
	}
	fake_host_put(fake, VOLUME_BOOT, path, text);
}

/* Without a match the loader takes the topmost entry, which is not a candidate. */
static const char *wanted_of(const struct model_menu *model)
{
	const struct model_entry *chosen = model->chosen;
	bool candidate = chosen && strspn(chosen->name + 6, "0123456789") > 0;

	return candidate && strstr(chosen->options, OURS) ? chosen->name : "none";
}

START_TEST(next_as_the_model)
{
	unsigned chosen = 0;

	srand(7);
	for (unsigned round = 0; round < 3000; round++) {
		auto_fake_host struct fake_host *fake = fake_host_new();
		auto_menu struct menu menu = {0};
		auto_model_menu struct model_menu model = {0};
		const struct menu_entry *next;
		const char *wanted;

		fake_host_put(fake, VOLUME_BOOT, "loader/loader.conf", "default moult-[0-9]*\n");
		fake_host_put(fake, VOLUME_BOOT, "moult/sha256-aaaa.linux", "kernel");
		fake_host_put(fake, VOLUME_BOOT, "debian/linux", "kernel");
		for (int i = rand() % 7; i >= 0; i--)
			random_entry(fake);
		world_menu(&fake->host, &menu);
		loader_model_read(&fake->disk, &model);
		next = menu_next(&menu);
		wanted = wanted_of(&model);
		/* moult-10 and moult-000010 are equal: then the order of the directory decides */
		ck_assert_msg(loader_model_compare_versions(
				      next ? sdboot_base_name(next->path) : "none", wanted) == 0,
			      "round %u: %s, but the loader takes %s", round,
			      next ? next->path : "none", wanted);
		chosen += next != NULL;
	}
	ck_assert_uint_gt(chosen, 1500);
}
END_TEST

/* ---- menus made by hand ---- */

#define S(literal) ((char[]){literal})

START_TEST(queries)
{
	struct menu_entry entries[] = {
		{.path = S("loader/entries/moult-000003.conf"),
		 .serial = 3,
		 .enabled = true,
		 .whole = true},
		{.path = S("loader/entries/moult-old-000003.conf"),
		 .serial = 3,
		 .role = MENU_OLD,
		 .enabled = true,
		 .whole = true},
		{.path = S("loader/entries/moult-000005.conf"),
		 .serial = 5,
		 .enabled = true,
		 .whole = false},
		{.path = S("loader/entries/moult-000006.conf"), .serial = 6, .whole = true},
		{.path = S("loader/entries/moult-000007+0-3.conf"),
		 .serial = 7,
		 .counted = true,
		 .enabled = true,
		 .whole = true},
		{.path = S("loader/entries/moult-000008+1-2.conf"),
		 .serial = 8,
		 .counted = true,
		 .whole = true},
	};
	struct menu menu = {.entries = entries, .count = COUNT(entries)};

	ck_assert_ptr_eq(menu_truth(&menu), &entries[0]);
	ck_assert_ptr_eq(menu_trial(&menu), &entries[4]);
	ck_assert_ptr_eq(menu_find(&menu, 3), &entries[0]);
	ck_assert_ptr_null(menu_find(&menu, 4));
	ck_assert_ptr_eq(menu_find_path(&menu, entries[1].path), &entries[1]);
	ck_assert_ptr_null(menu_find_path(&menu, "loader/entries/moult-000004.conf"));
	ck_assert_uint_eq(menu_highest_serial(&menu), 8);
	/* by name alone: neither has a version */
	ck_assert_ptr_eq(menu_next(&menu), &entries[2]);
	entries[2].kernel_missing = true;
	ck_assert_ptr_eq(menu_next(&menu), &entries[0]);
	ck_assert(!menu_is_torn(&menu, &entries[0]));
	entries[5].counted = false;
	entries[5].enabled = true;
	ck_assert_ptr_eq(menu_trial(&menu), &entries[4]);
	menu.torn = (char *[]){S("other.conf"), S("moult-000003.conf")};
	menu.torn_count = 2;
	ck_assert(menu_is_torn(&menu, &entries[0]));
	ck_assert(menu_is_torn(&menu, &(struct menu_entry){.path = S("other.conf")}));
	ck_assert(!menu_has_blob(&menu, "moult/sha256-1.linux"));
}
END_TEST

START_TEST(empty_menu)
{
	struct menu menu = {0};

	menu_sort(&menu);
	ck_assert_ptr_null(menu_truth(&menu));
	ck_assert_ptr_null(menu_next(&menu));
	ck_assert_ptr_null(menu_trial(&menu));
	ck_assert_uint_eq(menu_highest_serial(&menu), 0);
	menu_done(&menu);
}
END_TEST

START_TEST(exhausted_entry_is_the_last_resort)
{
	struct menu_entry entries[] = {
		{.path = S("x/moult-000007+0-3.conf"),
		 .serial = 7,
		 .counted = true,
		 .enabled = true},
		{.path = S("x/moult-000003.conf"), .serial = 3, .enabled = true},
	};
	struct menu menu = {.entries = entries, .count = 2};

	ck_assert_ptr_eq(menu_next(&menu), &entries[1]);
	menu.count = 1;
	ck_assert_ptr_eq(menu_next(&menu), &entries[0]);
}
END_TEST

START_TEST(order_needs_no_names)
{
	struct menu_entry a = {.sort_key = S("moult"), .machine_id = S("a"), .version = S("2")};
	struct menu_entry b = {.sort_key = S("moult")};

	ck_assert_int_lt(order_entries(&b, &a), 0);
	b.machine_id = S("a");
	ck_assert_int_lt(order_entries(&a, &b), 0);
	b.version = S("2");
	ck_assert_int_eq(order_entries(&a, &b), 0);
	a.path = S("no-slash");
	ck_assert_int_eq(order_entries(&a, &b), 0);
}
END_TEST

UNIT_MAIN("menu", versions_as_the_model, versions_known, next_as_the_model, queries, empty_menu,
	  exhausted_entry_is_the_last_resort, order_needs_no_names)
