/* apt: what its simulation and its status lines say, and that nothing else is believed. */
#include <string.h>
#include "apt.h"
#include "unit.h"

static bool read_one(const char *line, struct package_changes *ret)
{
	*ret = (struct package_changes){0};
	return apt_read_change(line, ret);
}

START_TEST(test_changes)
{
	static const struct {
		const char *line, *name, *from, *to;
	} cases[] = {
		{"Inst bash [5.2.15-2+b2] (5.2.15-2+b7 Debian:12.5/stable [amd64])", "bash",
		 "5.2.15-2+b2", "5.2.15-2+b7"},
		{"Inst libc6 [2.36-9] (2.36-10 Debian:12.5/stable, Debian-Security:12/oldstable "
		 "[amd64]) []",
		 "libc6", "2.36-9", "2.36-10"},
		{"Inst libc6:i386 [2.36-9] (1:2.36~rc1 Debian [i386]) [a:amd64 on b:amd64]",
		 "libc6:i386", "2.36-9", "1:2.36~rc1"},
		{"Inst new-one (1.0 localhost [all])", "new-one", NULL, "1.0"},
		{"Remv old [1.0]", "old", "1.0", NULL},
		{"Remv old:i386 [1.0] [other ]", "old:i386", "1.0", NULL},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		auto_package_changes struct package_changes changes;

		ck_assert_msg(read_one(cases[i].line, &changes), "%s", cases[i].line);
		ck_assert_uint_eq(changes.count, 1);
		ck_assert_str_eq(changes.all[0].name, cases[i].name);
		ck_assert_pstr_eq(changes.all[0].from, cases[i].from);
		ck_assert_pstr_eq(changes.all[0].to, cases[i].to);
	}
}
END_TEST

START_TEST(test_downloads)
{
	ck_assert_uint_eq(apt_read_download("'http://host/pool/b/bash_5.2_amd64.deb' "
					    "bash_5.2_amd64.deb 1491656 SHA256:00"),
			  1491656);
	ck_assert_uint_eq(apt_read_download("'file:/x y.deb' x.deb 7 "), 7);
	ck_assert_uint_eq(apt_read_download("'http://host/x.deb' x.deb -7 SHA256:00"), 0);
	ck_assert_uint_eq(apt_read_download("'http://host/x.deb x.deb 7"), 0);
	ck_assert_uint_eq(apt_read_download("Reading package lists..."), 0);
	ck_assert_uint_eq(apt_read_download(""), 0);
}
END_TEST

START_TEST(test_not_changes)
{
	static const char *const lines[] = {
		"",
		"I",
		"Inst",
		"Inst ",
		"Remv",
		"Conf bash (5.2 Debian:12.5/stable [amd64])",
		"Inst bash",
		"Inst bash ",
		"Inst bash [5.2",
		"Inst bash [5.2]",
		"Inst bash (5.2",
		"Inst bash ( )",
		"Inst bash [] (1 x)",
		"Remv bash",
		"Remv bash (1 x)",
		"Inst ba\"sh (1.0 Debian [all])",
		"Inst bash (1;0 Debian [all])",
		"Inst bash [1'] (1.0 Debian [all])",
		"Inst ../../etc (1.0 Debian [all])",
		"3 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.",
	};

	for (size_t i = 0; i < COUNT(lines); i++) {
		auto_package_changes struct package_changes changes;

		ck_assert_msg(!read_one(lines[i], &changes), "%s", lines[i]);
		ck_assert_uint_eq(changes.count, 0);
	}
}
END_TEST

START_TEST(test_long_name)
{
	auto_package_changes struct package_changes changes = {0};
	auto_text struct text line = {0};

	text_add(&line, "Inst ");
	for (int i = 0; i < 300; i++)
		text_add(&line, "a");
	text_add(&line, " (1.0 Debian [all])");
	ck_assert(!apt_read_change(line.bytes, &changes));
}
END_TEST

START_TEST(test_status)
{
	static const struct {
		const char *line;
		enum progress_kind kind;
		unsigned percent;
		const char *package, *text;
	} cases[] = {
		{"dlstatus:1:20.5000:Retrieving file 1 of 3", PROGRESS_AT, 6, "1",
		 "Retrieving file 1 of 3"},
		{"dlstatus:3:100:Done", PROGRESS_AT, 30, "3", "Done"},
		{"pmstatus:bash:0:Preparing bash", PROGRESS_AT, 30, "bash", "Preparing bash"},
		{"pmstatus:libc6:amd64:50.0000:Unpacking libc6:amd64", PROGRESS_AT, 65,
		 "libc6:amd64", "Unpacking libc6:amd64"},
		{"pmstatus:dpkg-exec:100.0000:Running dpkg", PROGRESS_AT, 100, "dpkg-exec",
		 "Running dpkg"},
		{"pmstatus:x:99999999999.9:far", PROGRESS_AT, 100, "x", "far"},
		{"pmerror:/var/cache/apt/archives/bash_5.2_amd64.deb:3.3:no space left: really",
		 PROGRESS_FAILED, 0, "bash", "no space left: really"},
		{"pmerror:shed:66.6667:installed shed package post-installation script "
		 "subprocess returned error exit status 3",
		 PROGRESS_FAILED, 0, "shed",
		 "installed shed package post-installation script subprocess returned error exit "
		 "status 3"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct manager_progress at;

		apt_read_status(cases[i].line, &at);
		ck_assert_int_eq(at.kind, cases[i].kind);
		ck_assert_uint_eq(at.percent, cases[i].percent);
		ck_assert_str_eq(at.package, cases[i].package);
		ck_assert_str_eq(at.text, cases[i].text);
	}
}
END_TEST

START_TEST(test_not_status)
{
	static const char *const lines[] = {
		"",
		"dlstatus",
		"dlstatus:",
		"pmstatus:bash",
		"pmstatus:bash:x",
		"pmerror:a:b",
		"pmstatus:a:50",
		"media-change:",
		"pmconffile:/etc/a:1:'a' 'b' 1 1",
	};
	struct manager_progress at;
	auto_text struct text line = {0};

	for (size_t i = 0; i < COUNT(lines); i++) {
		apt_read_status(lines[i], &at);
		ck_assert_msg(at.kind == PROGRESS_NONE, "%s", lines[i]);
	}
	text_add(&line, "pmerror:");
	for (int i = 0; i < 1000; i++)
		text_add(&line, "a");
	text_add(&line, ":5:");
	for (int i = 0; i < 1000; i++)
		text_add(&line, "b");
	apt_read_status(line.bytes, &at);
	ck_assert_int_eq(at.kind, PROGRESS_FAILED);
	ck_assert_uint_lt(strlen(at.package), sizeof(at.package));
	ck_assert_uint_lt(strlen(at.text), sizeof(at.text));
}
END_TEST

UNIT_MAIN("apt", test_changes, test_not_changes, test_downloads, test_long_name, test_status,
	  test_not_status)
