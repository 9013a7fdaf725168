/* apt's source lists: which suites move to the next release, which stay, and what is said of both. */
#include <string.h>
#include "aptsources.h"
#include "text.h"
#include "unit.h"

struct reading {
	const char *text, *wanted; /* wanted NULL = unchanged */
	unsigned changes;
	const char *findings; /* "CODE line\n" of each */
};

static const struct reading one_line[] = {
	{"", NULL, 0, ""},
	{"deb http://mirror.example/debian bookworm main",
	 "deb http://mirror.example/debian trixie main", 1, ""},
	{"deb http://mirror.example/debian/ bookworm main contrib\n"
	 "deb-src\thttp://mirror.example/debian/   bookworm-updates  main # note\n"
	 "deb http://security.example/debian-security bookworm-security main\n"
	 "deb http://security.example/debian-security bookworm/updates main\n"
	 "deb http://mirror/debian bookworm-backports main\r\n"
	 "deb http://mirror/debian bookworm-proposed-updates contrib\n",
	 "deb http://mirror.example/debian/ trixie main contrib\n"
	 "deb-src\thttp://mirror.example/debian/   trixie-updates  main # note\n"
	 "deb http://security.example/debian-security trixie-security main\n"
	 "deb http://security.example/debian-security trixie/updates main\n"
	 "deb http://mirror/debian trixie-backports main\r\n"
	 "deb http://mirror/debian trixie-proposed-updates contrib\n",
	 6, ""},
	{"# deb http://mirror.example/debian bookworm main\n\n  \nrpm http://x bookworm main\ndeb\n"
	 "deb http://x\ndeb [arch=amd64\ndeb [a=b]\n",
	 NULL, 0, ""},
	{"deb [arch=amd64 signed-by=/usr/share/keyrings/bookworm.gpg] http://m/debian bookworm "
	 "main\n",
	 "deb [arch=amd64 signed-by=/usr/share/keyrings/bookworm.gpg] http://m/debian trixie "
	 "main\n",
	 1, ""},
	{"deb cdrom:[Debian GNU/Linux 12 _Bookworm_ - amd64]/ bookworm main\n",
	 "deb cdrom:[Debian GNU/Linux 12 _Bookworm_ - amd64]/ trixie main\n", 1, ""},
	{"deb mirror+file:/etc/apt/mirrors.list bookworm main\n",
	 "deb mirror+file:/etc/apt/mirrors.list trixie main\n", 1, ""},
	{"deb http://m/debian bookwormish main\ndeb http://m/debian stable main\n", NULL, 0,
	 "APT_SUITE_LEFT 1\nAPT_SUITE_LEFT 2\n"},
	{"deb http://m/debian trixie main\ndeb http://m/debian trixie-updates main\n", NULL, 0, ""},
	{"deb https://download.docker.com/linux/debian bookworm stable\n",
	 "deb https://download.docker.com/linux/debian trixie stable\n", 1, "APT_THIRD_PARTY 1\n"},
	{"\ndeb https://apt.postgresql.org/pub/repos/apt bookworm-pgdg main\n",
	 "\ndeb https://apt.postgresql.org/pub/repos/apt trixie-pgdg main\n", 1,
	 "APT_THIRD_PARTY 2\n"},
	{"deb http://ppa.launchpad.net/a/b/ubuntu bookworm main\n",
	 "deb http://ppa.launchpad.net/a/b/ubuntu trixie main\n", 1, "APT_THIRD_PARTY 1\n"},
	{"deb http://x/flat bookworm/\n", "deb http://x/flat trixie/\n", 1, "APT_THIRD_PARTY 1\n"},
	{"deb http://x/flat ./\n", NULL, 0, "APT_SUITE_LEFT 1\n"},
	{"deb / bookworm main\n", "deb / trixie main\n", 1, "APT_THIRD_PARTY 1\n"},
};

static const struct reading deb822[] = {
	{"", NULL, 0, ""},
	{"Types: deb\nURIs: http://mirror.example/debian/\nSuites: bookworm bookworm-updates\n"
	 "Components: main non-free-firmware\nSigned-By: /usr/share/keyrings/bookworm.gpg\n\n"
	 "Types: deb\nURIs: http://mirror.example/debian-security\nSuites: bookworm-security\n"
	 "Components: main",
	 "Types: deb\nURIs: http://mirror.example/debian/\nSuites: trixie trixie-updates\n"
	 "Components: main non-free-firmware\nSigned-By: /usr/share/keyrings/bookworm.gpg\n\n"
	 "Types: deb\nURIs: http://mirror.example/debian-security\nSuites: trixie-security\n"
	 "Components: main",
	 3, ""},
	{"types: deb\nuris: http://m/debian\nSUITES:\n bookworm\n# bookworm stays here\n"
	 "\tbookworm-backports  stable\nX-Note: bookworm\n bookworm\ncomponents: main\n",
	 "types: deb\nuris: http://m/debian\nSUITES:\n trixie\n# bookworm stays here\n"
	 "\ttrixie-backports  stable\nX-Note: bookworm\n bookworm\ncomponents: main\n",
	 2, "APT_SUITE_LEFT 6\n"},
	{"Enabled: no\nURIs: http://m/debian\nSuites: bookworm stable\nComponents: main\n", NULL, 0,
	 ""},
	{"URIs: http://m/debian\nSuites: bookworm\nComponents: main\nEnabled: yes\n \n\n \n"
	 "URIs: http://m/debian\nSuites: bookworm\nEnabled: off\n",
	 "URIs: http://m/debian\nSuites: trixie\nComponents: main\nEnabled: yes\n \n\n \n"
	 "URIs: http://m/debian\nSuites: bookworm\nEnabled: off\n",
	 1, ""},
	{"URIs: http://m/debian https://x/y http://m/debian\nSuites : bookworm\nComponents: main\n",
	 "URIs: http://m/debian https://x/y http://m/debian\nSuites : trixie\nComponents: main\n",
	 1, "APT_THIRD_PARTY 2\n"},
	{"no colon\n: empty name\n bookworm\nSuites\n bookworm\n", NULL, 0, ""},
	{" bookworm\nSuites: bookworm\r\nComponents: main\r\nURIs: http://m/ubuntu\r\n\r\n",
	 " bookworm\nSuites: trixie\r\nComponents: main\r\nURIs: http://m/ubuntu\r\n\r\n", 1, ""},
};

static void check_reading(const char *name, const struct reading *reading)
{
	struct aptsources_request request = {.name = name,
					     .bytes = reading->text,
					     .length = strlen(reading->text),
					     .from = "bookworm",
					     .to = "trixie"};
	auto_aptsources struct aptsources sources = {0};
	auto_text struct text codes = {0};
	struct err err = {0};

	ck_assert(aptsources_rewrite(&request, &sources, &err));
	ck_assert_str_eq(sources.bytes, reading->wanted ? reading->wanted : reading->text);
	ck_assert_uint_eq(sources.changes, reading->changes);
	for (size_t i = 0; i < sources.findings.count; i++) {
		const struct finding *finding = &sources.findings.all[i];

		ck_assert(text_starts(finding->object, name));
		text_addf(&codes, "%s %s\n", finding->code, finding->object + strlen(name) + 1);
	}
	text_add(&codes, "");
	ck_assert_str_eq(codes.bytes, reading->findings);
}

START_TEST(test_one_line)
{
	for (size_t i = 0; i < COUNT(one_line); i++)
		check_reading("/etc/apt/sources.list", &one_line[i]);
}
END_TEST

START_TEST(test_deb822)
{
	for (size_t i = 0; i < COUNT(deb822); i++)
		check_reading("/etc/apt/sources.list.d/debian.sources", &deb822[i]);
}
END_TEST

START_TEST(test_sentences)
{
	static const char text[] = "deb http://x/y bookworm main\ndeb http://m/debian sid main\n";
	struct aptsources_request request = {"s", text, strlen(text), "bookworm", "trixie"};
	auto_aptsources struct aptsources sources = {0};
	struct err err = {0};

	ck_assert(aptsources_rewrite(&request, &sources, &err));
	ck_assert_str_eq(sources.findings.all[0].why,
			 "the source 'http://x/y' is not the distribution's; it may have nothing "
			 "for trixie");
	ck_assert_str_eq(sources.findings.all[1].why,
			 "the suite 'sid' is not of bookworm and is left as it is");
}
END_TEST

START_TEST(test_no)
{
	static const char *const words[] = {"no", "FALSE", "without", "off", "disable", "0"};

	for (size_t i = 0; i < COUNT(words); i++) {
		auto_free char *text = xasprintf("Enabled: %s\nSuites: bookworm\n", words[i]);

		check_reading("x.sources", &(struct reading){text, NULL, 0, ""});
	}
}
END_TEST

START_TEST(test_refused)
{
	auto_free char *large = xcalloc(1, APTSOURCES_MAX_BYTES + 1);
	auto_aptsources struct aptsources sources = {0};
	struct aptsources_request request = {"s", "a\0b", 3, "bookworm", "trixie"};
	struct err err = {0};

	ck_assert(!aptsources_rewrite(&request, &sources, &err));
	ck_assert_str_eq(err.text, "s contains a NUL byte");
	request.bytes = large;
	request.length = APTSOURCES_MAX_BYTES + 1;
	ck_assert(!aptsources_rewrite(&request, &sources, &err));
	ck_assert_str_eq(err.text, "s is larger than 262144 bytes");
	request.to = "Trixie";
	ck_assert(!aptsources_rewrite(&request, &sources, &err));
	ck_assert_str_eq(err.text, "'Trixie' is not a codename");
	ck_assert_int_eq(err.kind, ERR_USAGE);
	request.from = "../x";
	ck_assert(!aptsources_rewrite(&request, &sources, &err));
	ck_assert_str_eq(err.text, "'../x' is not a codename");
	ck_assert_ptr_null(sources.bytes);
}
END_TEST

START_TEST(test_codename)
{
	ck_assert(aptsources_codename_valid("trixie"));
	ck_assert(!aptsources_codename_valid(""));
	ck_assert(!aptsources_codename_valid("bookworm-updates"));
	ck_assert(!aptsources_codename_valid("abcdefghijklmnopqrstuvwxyzabcdefg"));
}
END_TEST

UNIT_MAIN("aptsources", test_one_line, test_deb822, test_sentences, test_no, test_refused,
	  test_codename)
