/* What a boot volume with anything on it is taken for. Names and texts: test_sdboot. */
#include <string.h>
#include "boot_at.h"
#include "text.h"
#include "unit.h"

START_TEST(table)
{
	ck_assert_ptr_eq(loader_find("systemd-boot"), &sdboot_loader);
	ck_assert_ptr_null(loader_find("lilo"));
	ck_assert_uint_ge(loader_count, 1);
	ck_assert_str_eq(sdboot_loader.settings(), sdboot_settings_text);
	ck_assert(sdboot_loader.wants_text("loader/loader.conf"));
	ck_assert(sdboot_loader.wants_text("loader/entries/x.conf"));
	ck_assert(!sdboot_loader.wants_text("loader/entries/x/y.conf"));
	ck_assert(!sdboot_loader.wants_text("loader/entriesx"));
	ck_assert(!sdboot_loader.wants_text("moult/sha256-x.linux"));
}
END_TEST

START_TEST(parse_a_used_machine)
{
	auto_at struct at at = at_in_use();

	ck_assert_uint_eq(at.menu.count, 3);
	ck_assert_uint_eq(at.menu.foreign_count, 1);
	ck_assert_str_eq(at.menu.foreign[0], "debian.conf");
	ck_assert_uint_eq(at.menu.blob_count, 6);
	ck_assert_uint_eq(at.menu.torn_count, 0);
	ck_assert_uint_eq(menu_truth(&at.menu)->generation, 7);
	ck_assert_uint_eq(menu_next(&at.menu)->serial, 7);
	ck_assert(sdboot_settings_are_ours(at.menu.settings));
}
END_TEST

START_TEST(parse_strange_things)
{
	static const struct loader_file files[] = {
		{"loader/loader.conf", NULL},
		{"loader/loader.conf", "timeout 1\n"},
		{"loader/random-seed", NULL},
		{"loader/entries/MOULT-~1.CON", NULL},
		{"loader/entries/moult-~1.con", NULL},
		{"loader/entries/unreadable.conf", NULL},
		{"loader/entries/mine.conf",
		 "linux /moult/sha256-1.linux\ninitrd //moult/sha256-2.initrd\nefi /EFI/x.efi\n"
		 "#linux /moult/sha256-3.linux\noptions linux\n"},
		{"loader/entries/moult-000004+3-0.conf", "linux /moult/sha256-1.linux\n"},
		{"loader/entries/moult-000004+2-1.conf", "linux /moult/SHA256-9.linux\n"},
		{"loader/entries/moult-000004+1-2.conf", NULL},
		{"loader/entries/moult-old-000004.conf", "linux /elsewhere/linux\n"},
		{"loader/entries/moult-5.conf", "linux /moult/sha256-8.linux\n"},
		{"moult/sha256-1.linux", NULL},
		{"moult/sha256-9.linux", NULL},
		{"moult/reserve", NULL},
		{"moultx/sha256-1.linux", NULL},
	};
	auto_menu struct menu menu = {0};
	struct err err = {0};

	ck_assert(sdboot_parse(&(struct loader_found){files, COUNT(files), NULL}, &menu, &err));
	ck_assert_str_eq(menu.settings, "timeout 1\n");
	ck_assert_uint_eq(menu.count, 5);
	ck_assert_uint_eq(menu.foreign_count, 2);
	ck_assert_uint_eq(menu.blob_count, 2);
	/* mine: three; the others: one each but for the kernel elsewhere */
	ck_assert_uint_eq(menu.other_blob_count, 6);
	/* two aliases, the strange name, and the three of one serial */
	ck_assert_uint_eq(menu.torn_count, 6);
	for (size_t i = 0; i < menu.count; i++)
		ck_assert(!menu.entries[i].whole);
	ck_assert(menu_is_torn(&menu, menu_find_path(&menu, files[7].path)));
	ck_assert(!menu_is_torn(&menu, menu_find_path(&menu, files[10].path)));
	ck_assert(menu_find_path(&menu, files[11].path)->kernel_missing);
	ck_assert(!menu_find_path(&menu, files[8].path)->kernel_missing);
	ck_assert(!menu_find_path(&menu, files[10].path)->kernel_missing);
}
END_TEST

/* A copy under a strange name may be whole in every other respect. */
START_TEST(strange_name_of_a_whole_entry)
{
	auto_at struct at at = at_in_use();
	auto_free char *text = at_text(&at, "moult-000007.conf");
	const struct menu_entry *copy;

	at_put_entry(&at, "moult-7.conf", text);
	copy = menu_find_path(&at.menu, "loader/entries/moult-7.conf");
	ck_assert(!copy->whole && copy->enabled && copy->generation == 7);
	ck_assert_ptr_ne(menu_truth(&at.menu), copy);
}
END_TEST

/* Entries of others: the one that the loader would put first is what an adoption takes over. */
START_TEST(first_of_the_others)
{
	static const struct loader_file files[] = {
		{"loader/entries/b.conf", "version 2\noptions two\nlinux /b\n"},
		{"loader/entries/a.conf", "sort-key x\nversion 1\noptions one\nlinux /a\n"},
		{"loader/entries/c.conf", "sort-key x\nversion 3\noptions three\nlinux /c\n"},
		{"loader/entries/d.conf", "sort-key x\nversion 4\noptions four\n#linux /d\n"},
		{"loader/entries/e.conf", "sort-key x\nversion 5\nlinux /e\n"},
		{"loader/entries/f.conf", "sort-key x\nversion 2\noptions two\nlinux /f\n"},
	};
	auto_menu struct menu menu = {0};
	struct err err = {0};

	ck_assert(sdboot_parse(&(struct loader_found){files, COUNT(files), NULL}, &menu, &err));
	ck_assert_str_eq(menu.bootable[0].options, "three");
	ck_assert_uint_eq(menu.bootable_count, 4);
	ck_assert_str_eq(sdboot_base_name("no-directory.conf"), "no-directory.conf");
}
END_TEST

UNIT_MAIN("parse", table, parse_a_used_machine, parse_strange_things, strange_name_of_a_whole_entry,
	  first_of_the_others)
