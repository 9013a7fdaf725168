/* systemd-boot's files: names, texts, settings, and what plans refuse. Power cuts: test_switch. */
#include <string.h>
#include "boot_at.h"
#include "boot_world.h"
#include "sdboot_entry.h"
#include "text.h"
#include "unit.h"

/* ---- names ---- */

static const struct {
	const char *name;
	enum sdboot_name kind;
	enum menu_role role;
	uint64_t serial;
	bool counted;
	unsigned left, done;
} names[] = {
	{"moult-000012.conf", SDBOOT_OURS, MENU_CANDIDATE, 12, false, 0, 0},
	{"moult-000000.conf", SDBOOT_OURS, MENU_CANDIDATE, 0, false, 0, 0},
	{"moult-1234567.conf", SDBOOT_OURS, MENU_CANDIDATE, 1234567, false, 0, 0},
	{"moult-000012+3-0.conf", SDBOOT_OURS, MENU_CANDIDATE, 12, true, 3, 0},
	{"moult-000012+0-3.conf", SDBOOT_OURS, MENU_CANDIDATE, 12, true, 0, 3},
	{"moult-000012+0-10.conf", SDBOOT_OURS, MENU_CANDIDATE, 12, true, 0, 10},
	{"moult-000012+3.conf", SDBOOT_OURS, MENU_CANDIDATE, 12, true, 3, 0},
	{"MOULT-000012.CONF", SDBOOT_OURS, MENU_CANDIDATE, 12, false, 0, 0},
	{"moult-old-000012.conf", SDBOOT_OURS, MENU_OLD, 12, false, 0, 0},
	/* the loader takes these for candidates */
	{"moult-12.conf", SDBOOT_STRANGE, MENU_CANDIDATE, 12, false, 0, 0},
	{"moult-0000012.conf", SDBOOT_STRANGE, MENU_CANDIDATE, 12, false, 0, 0},
	{"moult-000012-copy.conf", SDBOOT_STRANGE, MENU_CANDIDATE, 12, false, 0, 0},
	{"moult-000012+.conf", SDBOOT_STRANGE, MENU_CANDIDATE, 12, false, 0, 0},
	{"moult-000012+3-.conf", SDBOOT_STRANGE, MENU_CANDIDATE, 12, false, 0, 0},
	{"moult-000012+3-0x.conf", SDBOOT_STRANGE, MENU_CANDIDATE, 12, false, 0, 0},
	{"moult-000012x+3-0.conf", SDBOOT_STRANGE, MENU_CANDIDATE, 12, true, 3, 0},
	{"moult-000012+9999999999-0.conf", SDBOOT_STRANGE, MENU_CANDIDATE, 12, false, 0, 0},
	{"moult-99999999999999999999999999.conf", SDBOOT_STRANGE, MENU_CANDIDATE, 0, false, 0, 0},
	{"moult-99999999999999999999.conf", SDBOOT_STRANGE, MENU_CANDIDATE, 0, false, 0, 0},
	{"moult-1000000000000.conf", SDBOOT_STRANGE, MENU_CANDIDATE, 0, false, 0, 0},
	{"moult-old-000012+3-0.conf", SDBOOT_STRANGE, MENU_OLD, 12, true, 3, 0},
	/* what FAT leaves of a torn rename */
	{"MOULT-~1.CON", SDBOOT_ALIAS, 0, 0, false, 0, 0},
	{"moult-~5.con", SDBOOT_ALIAS, 0, 0, false, 0, 0},
	{"MO1A2B~1.CON", SDBOOT_ALIAS, 0, 0, false, 0, 0},
	{"mo~x.con", SDBOOT_FOREIGN, 0, 0, false, 0, 0},
	{"mo~1.conf", SDBOOT_FOREIGN, 0, 0, false, 0, 0},
	{"debian.con", SDBOOT_FOREIGN, 0, 0, false, 0, 0},
	{"mo.con", SDBOOT_FOREIGN, 0, 0, false, 0, 0},
	{"debian.conf", SDBOOT_FOREIGN, 0, 0, false, 0, 0},
	{"moult-look-7.conf", SDBOOT_FOREIGN, 0, 0, false, 0, 0},
	{"moult-old-.conf", SDBOOT_FOREIGN, 0, 0, false, 0, 0},
	{"moult-000012.conf.new", SDBOOT_FOREIGN, 0, 0, false, 0, 0},
	{"", SDBOOT_FOREIGN, 0, 0, false, 0, 0},
};

START_TEST(names_of_entries)
{
	for (size_t i = 0; i < COUNT(names); i++) {
		struct menu_entry entry = {0};
		enum sdboot_name kind = sdboot_name_parse(names[i].name, &entry);

		ck_assert_msg(kind == names[i].kind, "%s is %d", names[i].name, kind);
		if (kind == SDBOOT_FOREIGN || kind == SDBOOT_ALIAS)
			continue;
		ck_assert_msg(entry.role == names[i].role && entry.serial == names[i].serial &&
				      entry.counted == names[i].counted &&
				      entry.tries_left == names[i].left &&
				      entry.tries_done == names[i].done,
			      "%s", names[i].name);
	}
}
END_TEST

START_TEST(paths_of_entries)
{
	auto_free char *plain = sdboot_entry_path(MENU_CANDIDATE, 7, 0);
	auto_free char *counted = sdboot_entry_path(MENU_CANDIDATE, 1234567, 3);
	auto_free char *old = sdboot_entry_path(MENU_OLD, 0, 0);

	ck_assert_str_eq(plain, "loader/entries/moult-000007.conf");
	ck_assert_str_eq(counted, "loader/entries/moult-1234567+3-0.conf");
	ck_assert_str_eq(old, "loader/entries/moult-old-000000.conf");
}
END_TEST

/* ---- texts ---- */

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B64 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static const struct boot_entry sample = {
	.generation = 7,
	.serial = 12,
	.title = "Debian, generation 7",
	.root_uuid = "11111111-2222-3333-4444-555555555555",
	.subvolume = "@gens/7/root",
	.options = "ro quiet",
	.linux_sha256 = A64,
	.initrd_sha256 = B64,
	.tries = 3,
};

static const char sample_text[] =
	"title Debian, generation 7\n"
	"sort-key moult\n"
	"version 000012\n"
	"options root=UUID=11111111-2222-3333-4444-555555555555 rootflags=subvol=@gens/7/root "
	"moult.gen=7 moult.serial=12 ro quiet\n"
	"initrd /moult/sha256-" B64 ".initrd\n"
	"#linux /moult/sha256-" A64 ".linux\n";

static char *print(const struct boot_entry *entry, enum boot_role role)
{
	struct err err = {0};
	char *text = NULL;

	ck_assert_msg(sdboot_entry_print(entry, role, &text, &err), "%s", err.text);
	return text;
}

static void refuse_print(struct boot_entry entry, const char *why)
{
	struct err err = {0};
	char *text = NULL;

	ck_assert(!sdboot_entry_print(&entry, BOOT_TRIAL, &text, &err));
	ck_assert_ptr_null(text);
	ck_assert_msg(strstr(err.text, why) != NULL, "%s", err.text);
}

START_TEST(text_of_an_entry)
{
	auto_free char *text = print(&sample, BOOT_CURRENT), *old = print(&sample, BOOT_OLD);
	struct boot_entry bare = sample;
	auto_free char *without = NULL;

	ck_assert_str_eq(text, sample_text);
	ck_assert_int_eq(text[sdboot_switch_offset(text)], '#');
	ck_assert_ptr_nonnull(strstr(old, "sort-key moult-z\n"));
	bare.initrd_sha256 = bare.title = NULL;
	without = print(&bare, BOOT_CURRENT);
	ck_assert_ptr_null(strstr(without, "initrd"));
	ck_assert_ptr_eq(strstr(without, "title generation 7\n"), without);
	bare.initrd_sha256 = bare.title = "";
	free(without);
	without = print(&bare, BOOT_CURRENT);
	ck_assert_ptr_eq(strstr(without, "title generation 7\n"), without);
}
END_TEST

START_TEST(title_is_plain)
{
	struct boot_entry entry = sample;
	auto_free char *text = NULL;

	entry.title = "D\303\251bian\nlinux /evil";
	text = print(&entry, BOOT_CURRENT);
	ck_assert_ptr_eq(strstr(text, "title D??bian?linux /evil\nsort-key"), text);
}
END_TEST

START_TEST(a_command_line_that_is_too_long_is_refused)
{
	struct boot_entry entry = sample;
	char options[SDBOOT_ENTRY_MAX_BYTES], *text;

	entry.title = "A title of exactly forty characters, yes";
	for (size_t length = 0; length < sizeof(options); length++) {
		struct err err = {0};

		memset(options, 'x', length);
		options[length] = '\0';
		entry.options = options;
		if (!sdboot_entry_print(&entry, BOOT_TRIAL, &text, &err)) {
			ck_assert_uint_gt(length, 1500);
			ck_assert_ptr_nonnull(strstr(err.text, " 1 bytes too long"));
			return;
		}
		ck_assert_uint_le(strlen(text), SDBOOT_ENTRY_MAX_BYTES);
		ck_assert_ptr_nonnull(strstr(text, options));
		ck_assert_ptr_eq(strstr(text, "title A title of exact"), text);
		free(text);
	}
	ck_abort_msg("nothing was too long");
}
END_TEST

START_TEST(values_that_cannot_stand_in_an_entry)
{
	static const char *const uuids[] = {NULL, "", "a b", "a\"b", "a,b", "a\nb"};

	for (size_t i = 0; i < COUNT(uuids); i++) {
		struct boot_entry entry = sample;

		entry.root_uuid = uuids[i];
		refuse_print(entry, "UUID");
	}
	for (const char *c = " \",\n"; *c; c++) {
		struct boot_entry entry = sample;
		char subvolume[] = {'@', *c, 'x', '\0'};

		entry.subvolume = subvolume;
		refuse_print(entry, "has a name that cannot");
	}
	{
		struct boot_entry entry = sample;

		entry.options = "ro\nlinux /evil";
		refuse_print(entry, "has a control character");
	}
	{
		struct boot_entry entry = sample;
		auto_free char *text = NULL;

		entry.options = NULL;
		text = print(&entry, BOOT_CURRENT);
		ck_assert_ptr_nonnull(strstr(text, "moult.serial=12\n"));
	}
}
END_TEST

/* ---- reading ---- */

static void read_as(const char *name, const char *text, struct menu_entry *ret)
{
	*ret = (struct menu_entry){0};
	sdboot_name_parse(name, ret);
	sdboot_entry_parse(text, ret);
}

START_TEST(read_what_was_written)
{
	static const struct {
		enum boot_role role;
		const char *name;
	} roles[] = {{BOOT_TRIAL, "moult-000012+3-0.conf"},
		     {BOOT_CURRENT, "moult-000012.conf"},
		     {BOOT_OLD, "moult-old-000012.conf"}};

	for (size_t i = 0; i < COUNT(roles); i++) {
		auto_free char *text = print(&sample, roles[i].role);
		auto_free char *line = boot_command_line(&sample, roles[i].role);
		struct menu_entry entry;

		read_as(roles[i].name, text, &entry);
		ck_assert(entry.whole && !entry.enabled);
		ck_assert_uint_eq(entry.generation, 7);
		ck_assert_str_eq(entry.options, line);
		ck_assert_str_eq(entry.linux_sha256, A64);
		ck_assert_str_eq(entry.initrd_sha256, B64);
		ck_assert_str_eq(entry.text, text);
		ck_assert_uint_eq(entry.switch_offset, sdboot_switch_offset(text));
		menu_entry_done(&entry);
		text[sdboot_switch_offset(text)] = ' ';
		read_as(roles[i].name, text, &entry);
		ck_assert(entry.whole && entry.enabled);
		menu_entry_done(&entry);
	}
}
END_TEST

/* Whatever is cut off or changed: never whole with other values, never out of bounds. */
START_TEST(read_torn_entries)
{
	auto_free char *text = print(&sample, BOOT_CURRENT);
	size_t length = strlen(text);

	text[sdboot_switch_offset(text)] = ' ';
	for (size_t i = 0; i <= length; i++) {
		auto_free char *part = xstrndup(text, i);
		struct menu_entry entry;

		read_as("moult-000012.conf", part, &entry);
		ck_assert(entry.whole == (i >= length - 1));
		menu_entry_done(&entry);
	}
	for (size_t i = 0; i < length; i++) {
		struct menu_entry entry;
		char was = text[i];

		text[i] = '\r';
		read_as("moult-000012.conf", text, &entry);
		menu_entry_done(&entry);
		text[i] = was;
	}
}
END_TEST

static char *replaced(const char *text, const char *what, const char *with)
{
	const char *at = strstr(text, what);

	ck_assert_ptr_nonnull(at);
	return xasprintf("%.*s%s%s", (int)(at - text), text, with, at + strlen(what));
}

static const struct {
	const char *what, *with;
	bool enabled, switchable;
} changes[] = {
	{"sort-key moult", "sort-key debian", false, true},
	{"sort-key moult\n", "", false, true},
	{"version 000012", "version 000013", false, true},
	{"version 000012", "version 12", false, true},
	{"version 000012", "version 000012a", false, true},
	{"version 000012\n", "", false, true},
	{"moult.gen=7", "moult.gen=", false, true},
	{"moult.gen=7", "moult.gen=7x", false, true},
	{"moult.gen=7", "moult.gen=99999999999", false, true},
	{"moult.gen=7", "xmoult.gen=7", false, true},
	{"moult.serial=12", "moult.serial=13", false, true},
	{"moult.serial=12", "", false, true},
	{"root=UUID=", "root=/dev/", false, true},
	{"rootflags=subvol=", "rootflags=", false, true},
	{"options ", "ignored ", false, true},
	{"initrd /moult", "initrd /other", false, true},
	{"initrd /", "initrd /moult/x\ninitrd /", false, true},
	{"sha256-b", "sha256-B", false, true},
	{"#linux /moult/", "#linux /moult", false, true},
	{"#linux", "#  linux", false, false},
	{"#linux", "  linux", true, true},
	{"#linux", "linux", true, true},
	{"#linux", "\tlinux", true, true},
	{"options ", "options moult.gen=8 ", false, true},
	{"#linux", "machine-id 1\n#linux", false, true},
	{"#linux", "linux /other\n#linux", true, false},
	{"#linux", "efi /other\n#linux", true, false},
	{"#linux", "uki /other\n#linux", true, false},
	{".linux\n", ".linux\ntitle x\n", false, true},
	{".linux\n", ".linus\n", false, true},
};

START_TEST(read_changed_entries)
{
	for (size_t i = 0; i < COUNT(changes); i++) {
		auto_free char *text = replaced(sample_text, changes[i].what, changes[i].with);
		struct menu_entry entry;

		read_as("moult-000012.conf", text, &entry);
		ck_assert_msg(!entry.whole, "%s → %s", changes[i].what, changes[i].with);
		ck_assert_msg(entry.enabled == changes[i].enabled, "%s", changes[i].with);
		ck_assert_msg((entry.switch_offset > 0) == changes[i].switchable, "%s",
			      changes[i].with);
		menu_entry_done(&entry);
	}
}
END_TEST

/* What an owner may change by hand without moult losing it. */
START_TEST(read_entries_that_were_edited)
{
	static const struct {
		const char *what, *with;
	} edits[] = {
		{"ro quiet", "ro quiet splash"},
		{"title Debian, generation 7", "title Mine"},
		{"\n#linux", "\n\n# a remark\nfuture-key x\n#linux"},
		{"moult.gen=7 ", "moult.gen=7 \noptions "},
		{"moult.gen=7", "xmoult.gen=8 moult.gen=7"},
		{"\nversion", " \t\r\n \tversion"},
	};

	for (size_t i = 0; i < COUNT(edits); i++) {
		auto_free char *text = replaced(sample_text, edits[i].what, edits[i].with);
		struct menu_entry entry;

		read_as("moult-000012.conf", text, &entry);
		ck_assert_msg(entry.whole, "%s", edits[i].with);
		ck_assert_uint_eq(entry.generation, 7);
		menu_entry_done(&entry);
	}
}
END_TEST

START_TEST(read_nothing)
{
	struct menu_entry entry;

	read_as("moult-000012.conf", NULL, &entry);
	ck_assert(!entry.whole && !entry.enabled && !entry.text);
	read_as("moult-000012.conf", "", &entry);
	ck_assert(!entry.whole && !entry.enabled);
	menu_entry_done(&entry);
	read_as("moult-000012.conf", "linux", &entry);
	ck_assert(!entry.whole && entry.enabled && entry.switch_offset == 0);
	menu_entry_done(&entry);
}
END_TEST

START_TEST(read_far_too_much)
{
	auto_free char *text = xmalloc(100001);
	struct menu_entry entry;

	memset(text, 'x', 100000);
	text[100000] = '\0';
	read_as("moult-000012.conf", text, &entry);
	ck_assert(!entry.whole);
	ck_assert_uint_lt(strlen(entry.text), 10000);
	menu_entry_done(&entry);
}
END_TEST

/* ---- settings ---- */

static const struct {
	const char *owners, *merged;
} settings[] = {
	{NULL, "default moult-[0-9]*\ntimeout 3\nconsole-mode keep\neditor yes\n"},
	{"", "default moult-[0-9]*\ntimeout 3\nconsole-mode keep\neditor yes\n"},
	{"timeout 10\neditor no\ndefault debian.conf\npreferred x\n",
	 "default moult-[0-9]*\ntimeout 10\nconsole-mode keep\neditor no\n"},
	{"timeout 0\n", "default moult-[0-9]*\ntimeout 3\nconsole-mode keep\neditor yes\n"},
	{"timeout menu-hidden\n",
	 "default moult-[0-9]*\ntimeout 3\nconsole-mode keep\neditor yes\n"},
	{"timeout menu-force\n",
	 "default moult-[0-9]*\ntimeout menu-force\nconsole-mode keep\neditor yes\n"},
	{"#timeout 9\n   \n  console-mode\tmax  \r\nbeep\nbeep yes\nauto-firmware "
	 "no\nauto-firmware 1\n",
	 "default moult-[0-9]*\ntimeout 3\nconsole-mode max\neditor yes\nbeep yes\nauto-firmware "
	 "1\n"},
};

START_TEST(settings_of_owner_stay)
{
	for (size_t i = 0; i < COUNT(settings); i++) {
		auto_free char *merged = sdboot_settings_merge(settings[i].owners);
		auto_free char *again = sdboot_settings_merge(merged);

		ck_assert_ptr_nonnull(strstr(merged, settings[i].merged));
		ck_assert_str_eq(strchr(merged, '\n') + 1, settings[i].merged);
		ck_assert_str_eq(again, merged);
		ck_assert(sdboot_settings_are_ours(merged));
	}
	ck_assert(!sdboot_settings_are_ours(NULL));
	ck_assert(!sdboot_settings_are_ours("timeout 3\n"));
	ck_assert(!sdboot_settings_are_ours("default moult-[0-9]*\neditor no\rdefault debian\n"));
	ck_assert(!sdboot_settings_are_ours("default moult-[0-9]*\ndefault debian\n"));
}
END_TEST

START_TEST(hostile_settings)
{
	auto_free char *text = xmalloc(50001), *merged = NULL;

	memset(text, 'e', 50000);
	memcpy(text, "editor ", 7);
	text[50000] = '\0';
	merged = sdboot_settings_merge(text);
	ck_assert_ptr_nonnull(strstr(merged, "editor yes\n"));
}
END_TEST

/* ---- the file system is checked before it is written to ---- */

START_TEST(every_publication_checks_the_file_system_first)
{
	static const enum world_verb verbs[] = {WORLD_OFFER, WORLD_ADOPT, WORLD_OLD};

	for (size_t i = 0; i < COUNT(verbs); i++) {
		auto_at struct at at = at_in_use();

		at_planned(&at, verbs[i], 9, 9);
		ck_assert_int_eq(at.plan.steps[0].kind, STEP_CHECK_VOLUME);
	}
}
END_TEST

START_TEST(settings_are_written_to_a_checked_file_system)
{
	auto_at struct at at = at_in_use();

	ck_assert(sdboot_loader.settle(&at.menu, "timeout 7\n", &at.plan, &at.err));
	ck_assert_int_eq(at.plan.steps[0].kind, STEP_CHECK_VOLUME);
}
END_TEST

UNIT_MAIN("systemd-boot", names_of_entries, paths_of_entries, text_of_an_entry, title_is_plain,
	  a_command_line_that_is_too_long_is_refused, values_that_cannot_stand_in_an_entry,
	  read_what_was_written, read_torn_entries, read_changed_entries,
	  read_entries_that_were_edited, read_nothing, read_far_too_much, settings_of_owner_stay,
	  hostile_settings, every_publication_checks_the_file_system_first,
	  settings_are_written_to_a_checked_file_system)
