/* dpkg's status file: what is installed, what is half done, what differs; and the order of versions. */
#include <string.h>
#include "dpkg.h"
#include "osrelease.h"
#include "text.h"
#include "unit.h"

#define STATUS                                                                                     \
	"Package: zlib1g\nStatus: install ok installed\nMulti-Arch: same\n"                        \
	"Architecture: amd64\nVersion: 1:1.2.13.dfsg-1\n\n"                                        \
	"Package: bash\nEssential: yes\nStatus: hold ok installed\nArchitecture: amd64\n"          \
	"Version: 5.2.15-2+b13\nConffiles:\n"                                                      \
	" /etc/bash.bashrc 89269e1298235f1b12b4c16e4065ad0d\n"                                     \
	" /etc/skel/.bash rc 22bfb8c1dd94b5f3813a2b25da67463f obsolete\n"                          \
	" /etc/new newconffile\n /etc/x 22bfb8c1dd94b5f3813a2b25da67463f remove-on-upgrade\n"      \
	" etc/relative 22bfb8c1dd94b5f3813a2b25da67463f\n /etc/alone\n"                            \
	"Description: shell\n Version: 9\n .\n more\n\n"                                           \
	"package: zlib1g\nSTATUS: install ok installed\nArchitecture: i386\n"                      \
	"Multi-Arch: foreign\nVersion: 1:1.2.13.dfsg-1\n\n\n"                                      \
	"Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.21.23\n\n"   \
	"Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n\n"    \
	"Package: never\nArchitecture: all\n\n"                                                    \
	"Package: wine\nStatus: install ok installed\nArchitecture: i386\nVersion: 8\n\n"          \
	"Package: tzdata\nStatus: install ok installed\nArchitecture: all\nVersion: 2024a-0\n"

static void parse(const char *text, struct packages *ret)
{
	struct err err = {0};

	if (!packages_parse("status", text, strlen(text), ret, &err))
		ck_abort_msg("%s", err.text);
}

START_TEST(test_parse)
{
	auto_packages struct packages packages = {0};
	const struct package *bash;

	parse(STATUS, &packages);
	ck_assert_uint_eq(packages.count, 8);
	ck_assert_str_eq(packages.native, "amd64");
	ck_assert_str_eq(packages.all[0].name, "bash");
	ck_assert_str_eq(packages.all[6].architecture, "amd64");
	ck_assert_str_eq(packages.all[7].architecture, "i386");
	bash = packages_find(&packages, "bash");
	ck_assert_str_eq(bash->version, "5.2.15-2+b13");
	ck_assert(bash->held && !bash->broken && package_is_installed(bash));
	ck_assert_uint_eq(bash->conffile_count, 3);
	ck_assert_str_eq(bash->conffiles[0].path, "/etc/bash.bashrc");
	ck_assert_str_eq(bash->conffiles[0].md5, "89269e1298235f1b12b4c16e4065ad0d");
	ck_assert(!bash->conffiles[0].obsolete);
	ck_assert_str_eq(bash->conffiles[1].path, "/etc/skel/.bash rc");
	ck_assert(bash->conffiles[1].obsolete && bash->conffiles[2].obsolete);
	ck_assert_str_eq(packages_find(&packages, "never")->state, "not-installed");
	ck_assert_str_eq(packages_find(&packages, "never")->version, "");
}
END_TEST

START_TEST(test_parse_blanks)
{
	auto_packages struct packages packages = {0};
	const struct package *package;

	parse("Package: \t 0A \r\nMulti-Arch: sane\nVersion:\t1 \t\nConffiles:\n"
	      "\t \t/a b 22bfb8c1dd94b5f3813a2b25da67463f\n"
	      "\n\n",
	      &packages);
	package = packages_find(&packages, "0A");
	ck_assert_str_eq(package->version, "1");
	ck_assert(!package->co_installable);
	ck_assert_uint_eq(package->conffile_count, 1);
	ck_assert_str_eq(package->conffiles[0].path, "/a b");
}
END_TEST

START_TEST(test_conffile_digests)
{
	auto_packages struct packages packages = {0};

	parse("Package: a\nConffiles:\n /a 22bfb8c1dd94b5f3813a2b25da67463g\n \n"
	      " /b 22bfb8c1dd94b5f3813a2b25da67463ff\n /c 22bfb8c1dd94b5f3813a2b25da67463f\n",
	      &packages);
	ck_assert_uint_eq(packages.all[0].conffile_count, 1);
	ck_assert_str_eq(packages.all[0].conffiles[0].path, "/c");
}
END_TEST

static const struct {
	const char *name, *architecture, *label, *info;
} finds[] = {
	{"zlib1g", "amd64", "zlib1g", "zlib1g:amd64"},
	{"zlib1g:i386", "i386", "zlib1g:i386", "zlib1g"},
	{"zlib1g:amd64", "amd64", "zlib1g", "zlib1g:amd64"},
	{"wine", "i386", "wine:i386", "wine"},
	{"tzdata", "all", "tzdata", "tzdata"},
};

START_TEST(test_find)
{
	auto_packages struct packages packages = {0}, none = {0};

	parse(STATUS, &packages);
	for (size_t i = 0; i < COUNT(finds); i++) {
		const struct package *package = packages_find(&packages, finds[i].name);
		auto_free char *label = package_label(&packages, package);
		auto_free char *info = package_info_name(package);

		ck_assert_str_eq(package->architecture, finds[i].architecture);
		ck_assert_str_eq(label, finds[i].label);
		ck_assert_str_eq(info, finds[i].info);
	}
	ck_assert_ptr_null(packages_find(&packages, "wine:amd64"));
	ck_assert_ptr_null(packages_find(&packages, "zz"));
	ck_assert_ptr_null(packages_find(&packages, "bas"));
	parse("", &none);
	ck_assert_ptr_null(packages_find(&none, "bash"));
	ck_assert_str_eq(none.native, "");
}
END_TEST

static const struct {
	const char *text, *sentence;
} refusals[] = {
	{"Package: a\nnonsense\n", "status:2: this is not a field"},
	{": x\n", "status:1: this is not a field"},
	{"Package: ../a\n", "status:1: the field Package cannot be right"},
	{"Package: a/../b\n", "status:1: the field Package cannot be right"},
	{"Package:\n", "status:1: the field Package cannot be right"},
	{"Package: a@b\n", "status:1: the field Package cannot be right"},
	{"Package: a{b\n", "status:1: the field Package cannot be right"},
	{"Package: a`b\n", "status:1: the field Package cannot be right"},
	{"Package: -a\n", "status:1: the field Package cannot be right"},
	{"Package: [a\n", "status:1: the field Package cannot be right"},
	{"Package: {a\n", "status:1: the field Package cannot be right"},
	{"Package: a\nArchitecture: a b\n", "status:2: the field Architecture cannot be right"},
	{"Package: a\nVersion: 1\n 2\n", "status:3: the field Version cannot be right"},
	{"Package: a\nStatus: install ok\n", "status:2: the field Status cannot be right"},
	{"Package: a\nStatus: \n", "status:2: the field Status cannot be right"},
	{"Package: a\nStatus: install\n", "status:2: the field Status cannot be right"},
	{"Package: b\n\nVersion: 1\n\n", "status:3: a package without a name"},
	{"Package: b\n\nPackage: b\n", "status: the package b is there twice"},
	{"Package: a\nConffiles:\n /e x\nVersion: $\n",
	 "status:4: the field Version cannot be right"},
};

START_TEST(test_refused)
{
	auto_free char *large = xcalloc(1, DPKG_STATUS_MAX_BYTES + 1);
	auto_text struct text name = {0};
	auto_packages struct packages packages = {0};
	struct err err = {0};

	for (size_t i = 0; i < COUNT(refusals); i++) {
		ck_assert(!packages_parse("status", refusals[i].text, strlen(refusals[i].text),
					  &packages, &err));
		ck_assert_str_eq(err.text, refusals[i].sentence);
		ck_assert_int_eq(err.kind, ERR_CORRUPT);
		ck_assert_ptr_null(packages.all);
	}
	text_add(&name, "Package: ");
	for (int i = 0; i < 201; i++)
		text_add(&name, "a");
	ck_assert(!packages_parse("status", name.bytes, name.length, &packages, &err));
	ck_assert(!packages_parse("status", "Package: a\0b\n", 13, &packages, &err));
	ck_assert(!packages_parse("status", large, DPKG_STATUS_MAX_BYTES + 1, &packages, &err));
	ck_assert_str_eq(err.text, "status is larger than 67108864 bytes");
}
END_TEST

START_TEST(test_digest)
{
	auto_packages struct packages packages = {0}, other = {0}, shuffled = {0};
	static const char lines[] = "bash:amd64=5.2.15-2+b13\ndpkg:amd64=1.21.23\n"
				    "tzdata:all=2024a-0\nwine:i386=8\n"
				    "zlib1g:amd64=1:1.2.13.dfsg-1\nzlib1g:i386=1:1.2.13.dfsg-1\n";
	struct digest first, second, wanted;

	parse(STATUS, &packages);
	packages_digest(&packages, &first);
	digest_bytes(DIGEST_SHA256, lines, strlen(lines), &wanted);
	ck_assert_str_eq(first.hex, wanted.hex);
	parse(STATUS "\nPackage: extra\nStatus: deinstall ok config-files\nVersion: 3\n", &other);
	packages_digest(&other, &second);
	ck_assert_str_eq(first.hex, second.hex);
	parse("Package: new\nStatus: install ok installed\nVersion: 1\n\n" STATUS, &shuffled);
	packages_digest(&shuffled, &second);
	ck_assert_str_ne(first.hex, second.hex);
}
END_TEST

START_TEST(test_json)
{
	auto_packages struct packages packages = {0};
	auto_json json_t *document = NULL;
	json_t *array, *bash;

	parse(STATUS, &packages);
	document = packages_json(&packages);
	array = json_object_get(document, "packages");
	ck_assert_uint_eq(json_array_size(array), 6);
	bash = json_array_get(array, 0);
	ck_assert_str_eq(json_string_value(json_object_get(bash, "name")), "bash");
	ck_assert(json_is_true(json_object_get(bash, "held")));
	ck_assert_ptr_null(json_object_get(json_array_get(array, 1), "held"));
}
END_TEST

START_TEST(test_audit)
{
	auto_packages struct packages packages = {0};
	auto_findings struct findings findings = {0};

	parse(STATUS "\nPackage: h\nStatus: install ok half-configured\nVersion: 1\n\n"
		     "Package: r\nStatus: install reinstreq installed\nVersion: 1\n\n"
		     "Package: t\nStatus: install ok triggers-pending\nVersion: 1\n",
	      &packages);
	packages_audit(&packages, &findings);
	ck_assert_uint_eq(findings.count, 3);
	ck_assert_uint_eq(findings_count(&findings, FINDING_REFUSE), 3);
	ck_assert_str_eq(findings.all[0].why, "the package h is half-configured");
	ck_assert_str_eq(findings.all[1].why,
			 "the package r is installed and has to be reinstalled");
	ck_assert_str_eq(findings.all[0].remedy, "sudo dpkg --configure -a");
}
END_TEST

START_TEST(test_compare)
{
	auto_packages struct packages from = {0}, to = {0};
	auto_package_changes struct package_changes changes = {0}, none = {0}, all = {0};
	struct packages empty = {0};
	auto_json json_t *document = NULL;
	auto_free char *text = NULL;

	parse(STATUS "\nPackage: old\nStatus: install ok installed\nVersion: 1\n", &from);
	parse("Package: aa\nStatus: install ok installed\nVersion: 1\n\n"
	      "Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 6\n\n"
	      "Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\nVersion: "
	      "1.21.23\n\n"
	      "Package: gone\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n"
	      "Package: tzdata\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: "
	      "1\n\n"
	      "Package: zlib1g\nStatus: install ok installed\nArchitecture: i386\nVersion: 2\n\n"
	      "Package: zz\nStatus: deinstall ok config-files\nArchitecture: i386\nVersion: 2\n",
	      &to);
	packages_compare(&from, &to, &changes);
	document = package_changes_json(&changes);
	text = json_print_line(document);
	ck_assert_str_eq(
		text,
		"[{\"name\":\"aa:\",\"from\":null,\"to\":\"1\",\"change\":\"added\"},"
		"{\"name\":\"bash\",\"from\":\"5.2.15-2+b13\",\"to\":\"6\",\"change\":\"upgraded\"}"
		","
		"{\"name\":\"gone\",\"from\":null,\"to\":\"1\",\"change\":\"added\"},"
		"{\"name\":\"old:\",\"from\":\"1\",\"to\":null,\"change\":\"removed\"},"
		"{\"name\":\"tzdata\",\"from\":\"2024a-0\",\"to\":null,\"change\":\"removed\"},"
		"{\"name\":\"wine:i386\",\"from\":\"8\",\"to\":null,\"change\":\"removed\"},"
		"{\"name\":\"zlib1g\",\"from\":\"1:1.2.13.dfsg-1\",\"to\":null,\"change\":"
		"\"removed\"},"
		"{\"name\":\"zlib1g:i386\",\"from\":\"1:1.2.13.dfsg-1\",\"to\":\"2\",\"change\":"
		"\"downgraded\"}]");
	packages_compare(&from, &from, &none);
	ck_assert_uint_eq(none.count, 0);
	packages_compare(&from, &empty, &all);
	ck_assert_uint_eq(all.count, 7);
	ck_assert_ptr_null(all.all[6].to);
}
END_TEST

/* ascending; on one line what is equal */
static const char *const versions[][3] = {
	{"~~"},
	{"~"},
	{"0~a"},
	{"", "0", "00"},
	{"0a"},
	{"1~rc1"},
	{"1~rc2"},
	{"1", "01", "1-0"},
	{"1-1~a"},
	{"1-1"},
	{"1-1+b1"},
	{"1-2"},
	{"1A-1"},
	{"1a"},
	{"1z"},
	{"1+a"},
	{"1.0"},
	{"1.2"},
	{"1.10"},
	{"1@"},
	{"1_"},
	{"1{"},
	{"2-1-1"},
	{"6.1.0-9-amd64"},
	{"6.1.0-50-amd64"},
	{"6.12.107"},
	{"6.12.107+deb13-amd64"},
	{"10"},
	{"1:0"},
	{"1:0.1"},
	{"12:0"},
};

START_TEST(test_versions)
{
	for (size_t i = 0; i < COUNT(versions); i++)
		for (size_t k = 0; k < COUNT(versions); k++)
			for (size_t m = 0; m < 9; m++) {
				const char *a = versions[i][m / 3], *b = versions[k][m % 3];
				int order = a && b ? dpkg_version_compare(a, b) : 0;

				if (!a || !b)
					continue;
				if ((order > 0) - (order < 0) != (i > k) - (i < k))
					ck_abort_msg("%s against %s gives %d", a, b, order);
			}
}
END_TEST

static const struct {
	const char *text, *value;
} releases[] = {
	{"NAME=x\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION=12\n",
	 "Debian GNU/Linux 12 (bookworm)"},
	{"PRETTY_NAME='it''s'\n", "it"},
	{"PRETTY_NAME=\"a \\\"b\\\" \\$c \\\\\"\n", "a \"b\" $c \\"},
	{"PRETTY_NAME='a \\n'", "a \\n"},
	{"PRETTY_NAME=plain word\n", "plain"},
	{"PRETTY_NAME=tab\tword\n", "tab"},
	{"PRETTY_NAME=end\\", "end\\"},
	{"PRETTY_NAME=\"open", "open"},
	{"PRETTY_NAME=\n", ""},
	{"PRETTY_NAME=one\nPRETTY_NAME=two\n", "two"},
	{"PRETTY_NAME=\"a\x1b[31m\x7f z\"\n", "a[31m z"},
	{"PRETTY_NAMES=x\nPRETTY_NAME x\n PRETTY_NAME=x\nPRETTY_NAME\n", NULL},
	{"", NULL},
};

START_TEST(test_osrelease)
{
	auto_free char *large = xcalloc(1, OSRELEASE_MAX_BYTES + 1), *value = NULL;
	auto_text struct text longer = {0};

	for (size_t i = 0; i < COUNT(releases); i++) {
		auto_free char *got =
			osrelease_value(releases[i].text, strlen(releases[i].text), "PRETTY_NAME");

		if (!text_equal(got, releases[i].value))
			ck_abort_msg("%s gives %s", releases[i].text, got ? got : "nothing");
	}
	ck_assert_ptr_null(osrelease_value(large, OSRELEASE_MAX_BYTES + 1, "NAME"));
	text_add(&longer, "NAME=");
	for (int i = 0; i < 1000; i++)
		text_add(&longer, "x");
	value = osrelease_value(longer.bytes, longer.length, "NAME");
	ck_assert_uint_eq(strlen(value), 200);
}
END_TEST

UNIT_MAIN("dpkg", test_parse, test_parse_blanks, test_conffile_digests, test_find, test_refused,
	  test_digest, test_json, test_audit, test_compare, test_versions, test_osrelease)
