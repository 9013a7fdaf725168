/* fstab: every byte survives, edits change what they name, lint and adoption do what the layout wants. */
#include <string.h>
#include "fstab.h"
#include "fstab_adopt.h"
#include "fstab_lint.h"
#include "text.h"
#include "unit.h"

#define POOL "11111111-2222-3333-4444-555555555555"
#define ESP "ABCD-1234"

static void parse(const char *text, struct fstab *ret)
{
	struct err err = {0};

	ck_assert(fstab_parse("fstab", text, strlen(text), ret, &err));
}

static void check_print(const struct fstab *fstab, const char *wanted)
{
	auto_free char *printed = fstab_print(fstab);

	ck_assert_str_eq(printed, wanted);
}

START_TEST(test_lossless)
{
	static const char *const texts[] = {
		"",
		"\n",
		"# x",
		"a / b\n \t",
		"  # x\n\n\t\n",
		"UUID=a\t/ \t btrfs  rw,subvol=@rootfs   0\t1",
		"UUID=a / btrfs\n",
		"UUID=a /\n",
		"a",
		"a / b c 0 0\r\n",
		"\\040\\011 /with\\040blank ext4 x\\054y 0 0 # tail\n",
		"tmpfs /tmp tmpfs defaults 0 0\n\n\n# end\n",
		"\xff\xfe /x \x01 y\n",
	};

	for (size_t i = 0; i < COUNT(texts); i++) {
		auto_fstab struct fstab fstab = {0};

		parse(texts[i], &fstab);
		check_print(&fstab, texts[i]);
	}
}
END_TEST

START_TEST(test_fields)
{
	auto_fstab struct fstab fstab = {0};
	const struct fstab_line *line;

	parse("# c\nUUID=a /with\\040blank\\134 ext4 rw 0 0\nb /b\\400 auto\nshort /s\n"
	      "x /\\000 t \\08\\1\n"
	      "x /\\!11\\1!1\\11!\\118\\911\\191\\1z1\\11z\\z11\\377 t o\n",
	      &fstab);
	ck_assert_uint_eq(fstab.count, 6);
	ck_assert_str_eq(fstab.lines[5].mount_point,
			 "/\\!11\\1!1\\11!\\118\\911\\191\\1z1\\11z\\z11\xff");
	line = &fstab.lines[0];
	ck_assert_ptr_null(line->device);
	ck_assert(fstab_is_comment(line));
	line = &fstab.lines[1];
	ck_assert_str_eq(line->device, "UUID=a");
	ck_assert_str_eq(line->mount_point, "/with blank\\");
	ck_assert_str_eq(line->type, "ext4");
	ck_assert_str_eq(line->options, "rw");
	ck_assert_uint_eq(line->number, 2);
	line = &fstab.lines[2];
	ck_assert_str_eq(line->mount_point, "/b\\400");
	ck_assert_str_eq(line->options, "defaults");
	ck_assert_ptr_null(fstab.lines[3].device);
	ck_assert(!fstab_is_comment(&fstab.lines[3]));
	/* a NUL cannot be in a path, and what is no octal number is what it says */
	ck_assert_str_eq(fstab.lines[4].mount_point, "/\\000");
	ck_assert_str_eq(fstab.lines[4].options, "\\08\\1");
}
END_TEST

START_TEST(test_refused)
{
	auto_free char *large = xmalloc(FSTAB_MAX_BYTES + 1);
	auto_fstab struct fstab fstab = {0};
	struct err err = {0};

	memset(large, '\n', FSTAB_MAX_BYTES + 1);
	ck_assert(!fstab_parse("/etc/fstab", large, FSTAB_MAX_BYTES + 1, &fstab, &err));
	ck_assert_str_eq(err.text, "/etc/fstab is larger than 262144 bytes");
	ck_assert(!fstab_parse("/etc/fstab", "a\0b", 3, &fstab, &err));
	ck_assert_str_eq(err.text, "/etc/fstab contains a NUL byte");
	ck_assert_int_eq(err.kind, ERR_CONFIG);
	ck_assert_ptr_null(fstab.lines);
}
END_TEST

static const struct {
	const char *options, *name, *value;
} lookups[] = {
	{"rw,subvol=@a", "subvol", "@a"},
	{"subvolid=5,rw", "subvol", NULL},
	{"subvol=@a,subvol=@b", "subvol", "@b"},
	{"rw,nofail", "nofail", ""},
	{"nofail=", "nofail", ""},
	{"nofailx", "nofail", NULL},
	{"nofai", "nofail", NULL},
	{"context=\"a,nofail,b\",rw", "nofail", NULL},
	{"context=\"a,nofail,b\",rw", "context", "\"a,nofail,b\""},
	{",,rw,", "rw", ""},
	{"\"x,nofail", "nofail", ""},
	{"x=a=b", "x", "a=b"},
};

START_TEST(test_option)
{
	struct fstab_line opaque = {0};

	for (size_t i = 0; i < COUNT(lookups); i++) {
		auto_free char *text = xasprintf("d /m t %s 0 0\n", lookups[i].options);
		auto_fstab struct fstab fstab = {0};
		auto_free char *value = NULL;

		parse(text, &fstab);
		value = fstab_option(&fstab.lines[0], lookups[i].name);
		if (!text_equal(value, lookups[i].value))
			ck_abort_msg("%s of %s is %s", lookups[i].name, lookups[i].options,
				     value ? value : "absent");
	}
	ck_assert_ptr_null(fstab_option(&opaque, "rw"));
}
END_TEST

START_TEST(test_edit)
{
	auto_fstab struct fstab fstab = {0};
	struct fstab_line *line;

	parse("# c\nUUID=a\t/  btrfs\trw,subvol=@x,noatime\t0 1\nb /b auto", &fstab);
	line = fstab_find(&fstab, "/");
	fstab_remove_option(line, "subvol");
	fstab_set_option(line, "noatime", NULL);
	ck_assert_str_eq(line->options, "rw,noatime");
	fstab_set_option(line, "compress", "zstd");
	fstab_set_option(line, "rw", "1");
	check_print(&fstab, "# c\nUUID=a\t/  btrfs\trw=1,noatime,compress=zstd\t0 1\nb /b auto");
	fstab_remove_option(line, "rw");
	fstab_remove_option(line, "compress");
	fstab_remove_option(line, "noatime");
	fstab_remove_option(line, "noatime");
	ck_assert_str_eq(line->options, "defaults");
	line = fstab_find(&fstab, "/b/");
	fstab_set_option(line, "nofail", NULL);
	check_print(&fstab, "# c\nUUID=a\t/  btrfs\tdefaults\t0 1\nb /b auto defaults,nofail");
	fstab_set_options(line, "a b#\\,x=\n");
	ck_assert_ptr_nonnull(
		fstab_append(&fstab, &(struct fstab_line){.device = (char *)"#d",
							  .mount_point = (char *)"/m\tn",
							  .type = (char *)"t",
							  .options = (char *)"o"}));
	check_print(&fstab, "# c\nUUID=a\t/  btrfs\tdefaults\t0 1\n"
			    "b /b auto a\\040b#\\134,x=\\012\n\\043d /m\\011n t o 0 0\n");
	ck_assert_str_eq(fstab_find(&fstab, "/m\tn")->device, "#d");
	ck_assert_ptr_null(fstab_find(&fstab, "/nothing"));
}
END_TEST

START_TEST(test_edit_repeated)
{
	auto_fstab struct fstab fstab = {0};

	/* an option that stands there twice is one afterwards */
	parse("d /m t a=1,b,a=2 0 0\n", &fstab);
	fstab_set_option(&fstab.lines[0], "a", "3");
	check_print(&fstab, "d /m t a=3,b 0 0\n");
}
END_TEST

START_TEST(test_append_to_empty)
{
	auto_fstab struct fstab fstab = {0};

	parse("", &fstab);
	fstab_append(&fstab, &(struct fstab_line){.device = (char *)"d",
						  .mount_point = (char *)"/m",
						  .type = (char *)"t",
						  .options = (char *)"o"});
	check_print(&fstab, "d /m t o 0 0\n");
}
END_TEST

START_TEST(test_is_on)
{
	auto_fstab struct fstab by_uuid = {0}, by_path = {0};

	parse("UUID=" POOL " / btrfs rw 0 0\nUUID=\"" POOL "\" /a btrfs rw 0 0\n"
	      "/dev/disk/by-uuid/" POOL " /b btrfs rw 0 0\nUUID=" POOL "x /c btrfs rw 0 0\n"
	      "/dev/sda2 /d btrfs rw 0 0\nUUID=\"" POOL " /e btrfs rw 0 0\n# x\n",
	      &by_uuid);
	ck_assert(fstab_is_on(&by_uuid, &by_uuid.lines[0], POOL));
	ck_assert(fstab_is_on(&by_uuid, &by_uuid.lines[1], POOL));
	ck_assert(fstab_is_on(&by_uuid, &by_uuid.lines[2], POOL));
	for (size_t i = 3; i < by_uuid.count; i++)
		ck_assert(!fstab_is_on(&by_uuid, &by_uuid.lines[i], POOL));

	parse("/dev/sda2 / btrfs rw 0 0\n/dev/sda2 /a btrfs rw 0 0\n/dev/sdb1 /b btrfs rw 0 0\n",
	      &by_path);
	ck_assert(fstab_is_on(&by_path, &by_path.lines[1], POOL));
	ck_assert(!fstab_is_on(&by_path, &by_path.lines[2], POOL));
}
END_TEST

START_TEST(test_is_on_without_root)
{
	auto_fstab struct fstab fstab = {0};

	parse("/dev/sda2 /a btrfs rw 0 0\n", &fstab);
	ck_assert(!fstab_is_on(&fstab, &fstab.lines[0], POOL));
}
END_TEST

START_TEST(test_is_boot)
{
	auto_fstab struct fstab fstab = {0};

	parse("UUID=" ESP " /somewhere vfat x 0 0\n/dev/sda1 /boot/efi/ vfat x 0 0\n"
	      "/dev/sda1 /efi msdos x 0 0\n/dev/sda1 /boot ext4 x 0 0\n/dev/sda1 /mnt vfat x\n\n",
	      &fstab);
	ck_assert(fstab_is_boot(&fstab.lines[0], ESP));
	ck_assert(!fstab_is_boot(&fstab.lines[0], NULL));
	ck_assert(fstab_is_boot(&fstab.lines[1], NULL));
	ck_assert(fstab_is_boot(&fstab.lines[2], ESP));
	ck_assert(!fstab_is_boot(&fstab.lines[3], ESP));
	ck_assert(!fstab_is_boot(&fstab.lines[4], ESP));
	ck_assert(!fstab_is_boot(&fstab.lines[5], ESP));
}
END_TEST

#define ROOT "UUID=" POOL " / btrfs rw 0 0\n"

/* text → "code level line" of each finding, once for an adopted machine, once before */
static const struct {
	const char *text, *adopted, *before;
} lints[] = {
	{ROOT, "", ""},
	{ROOT "UUID=" POOL
	      " /var btrfs subvol=@var 0 0\ntmpfs /tmp tmpfs x 0 0\nnone none swap sw\n"
	      "UUID=" ESP " /boot/efi vfat nofail,x-systemd.automount 0 0\nnone none swap sw\n",
	 "", ""},
	{"UUID=" POOL " / btrfs subvol=@rootfs 0 0\n", "FSTAB_ROOT_SUBVOLUME error 1\n",
	 "FSTAB_ROOT_SUBVOLUME warn 1\n"},
	{"UUID=" POOL " / btrfs subvolid=256 0 0\n", "FSTAB_ROOT_SUBVOLUME error 1\n",
	 "FSTAB_ROOT_SUBVOLUME warn 1\n"},
	{"UUID=other / ext4 rw 0 0\n", "FSTAB_ROOT_DEVICE warn 1\nFSTAB_DEVICE_REQUIRED warn 1\n",
	 "FSTAB_ROOT_DEVICE warn 1\nFSTAB_DEVICE_REQUIRED warn 1\n"},
	{"UUID=other / btrfs rw,nofail 0 0\n", "FSTAB_ROOT_DEVICE warn 1\n",
	 "FSTAB_ROOT_DEVICE warn 1\n"},
	{ROOT "UUID=" POOL " /v btrfs subvolid=300 0 0\n", "FSTAB_DATA_BY_ID error 2\n",
	 "FSTAB_DATA_BY_ID warn 2\n"},
	{ROOT "UUID=" POOL " /v btrfs rw 0 0\n", "FSTAB_DATA_DEFAULT warn 2\n",
	 "FSTAB_DATA_DEFAULT warn 2\n"},
	{ROOT "UUID=" POOL " /v btrfs subvol=/@gens/7/root/x 0 0\n",
	 "FSTAB_DATA_IN_GENERATION error 2\n", "FSTAB_DATA_IN_GENERATION warn 2\n"},
	{ROOT "UUID=" ESP " /boot/efi vfat umask=0077 0 0\n", "FSTAB_BOOT_REQUIRED error 2\n",
	 "FSTAB_BOOT_REQUIRED warn 2\n"},
	{ROOT "UUID=" ESP " /boot/efi vfat nofail 0 0\n", "FSTAB_BOOT_REQUIRED error 2\n",
	 "FSTAB_BOOT_REQUIRED warn 2\n"},
	{ROOT "UUID=" ESP " /boot/efi vfat noauto 0 0\n", "", ""},
	{ROOT "UUID=" ESP " /boot/efi vfat nofail,x-systemd.automount 0 1\n",
	 "FSTAB_BOOT_CHECKED warn 2\n", "FSTAB_BOOT_CHECKED warn 2\n"},
	{ROOT "tmpfs /tmp tmpfs x 0 0\ntmpfs /tmp/ tmpfs y 0 0\n", "FSTAB_TWICE error 3\n",
	 "FSTAB_TWICE error 3\n"},
	{ROOT "tmpfs /tmp\n", "FSTAB_UNREADABLE warn 2\n", "FSTAB_UNREADABLE warn 2\n"},
	{ROOT "/dev/sdb1 /mnt ext4 rw 0 0\nLABEL=x /x ext4 nofail 0 0\nPARTUUID=x /y xfs noauto\n"
	      "server:/x /z nfs rw 0 0\n",
	 "FSTAB_DEVICE_REQUIRED warn 2\n", "FSTAB_DEVICE_REQUIRED warn 2\n"},
};

static char *run_lint(const char *text, bool adopted)
{
	const struct fstab_facts facts = {POOL, ESP, adopted};
	auto_findings struct findings findings = {0};
	auto_fstab struct fstab fstab = {0};
	auto_text struct text codes = {0};

	parse(text, &fstab);
	fstab_lint("/etc/fstab", &fstab, &facts, &findings);
	for (size_t i = 0; i < findings.count; i++) {
		const struct finding *finding = &findings.all[i];

		ck_assert(text_starts(finding->object, "/etc/fstab:"));
		ck_assert_ptr_nonnull(finding->remedy);
		text_addf(&codes, "%s %s %s\n", finding->code, finding_level_name(finding->level),
			  finding->object + strlen("/etc/fstab:"));
	}
	return text_take(&codes);
}

START_TEST(test_lint)
{
	for (size_t i = 0; i < COUNT(lints); i++) {
		auto_free char *adopted = run_lint(lints[i].text, true);
		auto_free char *before = run_lint(lints[i].text, false);

		ck_assert_str_eq(adopted, lints[i].adopted);
		ck_assert_str_eq(before, lints[i].before);
	}
}
END_TEST

START_TEST(test_findings_json)
{
	auto_findings struct findings findings = {0};
	auto_json json_t *document = NULL;
	auto_free char *text = NULL;

	findings_add(&findings, (struct finding){.code = "A",
						 .level = FINDING_NOTE,
						 .object = xstrdup("o"),
						 .why = xstrdup("w")});
	findings_add(&findings, (struct finding){.code = "B",
						 .level = FINDING_REFUSE,
						 .object = xstrdup("o"),
						 .why = xstrdup("w"),
						 .remedy = xstrdup("r")});
	document = findings_json(&findings);
	text = json_print_line(document);
	ck_assert_uint_eq(findings_count(&findings, FINDING_REFUSE), 1);
	ck_assert_uint_eq(findings_count(&findings, FINDING_WARN), 0);
	ck_assert_ptr_nonnull(strstr(text, "\"level\":\"note\""));
	ck_assert_ptr_nonnull(strstr(text, "\"remedy\":\"r\""));
}
END_TEST

/* What Debian's installer writes. */
#define INSTALLED                                                                                  \
	"# /etc/fstab: static file system information.\n#\n"                                       \
	"# / was on /dev/vda2 during installation\n"                                               \
	"UUID=" POOL " /               btrfs   defaults,noatime,subvol=@rootfs 0       0\n"        \
	"# /boot/efi was on /dev/vda1 during installation\n"                                       \
	"UUID=" ESP "  /boot/efi       vfat    umask=0022,quiet      0       1\n"                  \
	"tmpfs /tmp tmpfs nosuid 0 0"

#define ADOPTED                                                                                    \
	"# /etc/fstab: static file system information.\n#\n"                                       \
	"# / was on /dev/vda2 during installation\n"                                               \
	"UUID=" POOL " /               btrfs   defaults,noatime 0       0\n"                       \
	"# /boot/efi was on /dev/vda1 during installation\n"                                       \
	"UUID=" ESP "  /boot/efi       vfat    umask=0077,quiet,nofail,x-systemd.automount,"       \
	"x-systemd.idle-timeout=1min,x-systemd.device-timeout=10s      0       0\n"                \
	"tmpfs /tmp tmpfs nosuid 0 0\n"                                                            \
	"UUID=" POOL " /var btrfs defaults,noatime,subvol=@var 0 0\n"                              \
	"UUID=" POOL " /home btrfs defaults,noatime,subvol=@home 0 0\n"

static const struct fstab_data data[] = {{"/var", "@var"}, {"/home", "@home"}};

static const struct fstab_adoption adoption = {POOL, ESP, data, COUNT(data)};

START_TEST(test_adopt)
{
	struct fstab_adoption none = {.pool_uuid = POOL};
	auto_fstab struct fstab fstab = {0}, plain = {0};
	auto_free char *lint = NULL;
	struct err err = {0};

	parse(INSTALLED, &fstab);
	ck_assert(fstab_adopt(&fstab, &adoption, &err));
	check_print(&fstab, ADOPTED);
	/* twice is once */
	ck_assert(fstab_adopt(&fstab, &adoption, &err));
	check_print(&fstab, ADOPTED);
	lint = run_lint(ADOPTED, true);
	ck_assert_str_eq(lint, "");

	/* fields that are not there are no check */
	ck_assert(!fstab_is_checked(&fstab.lines[fstab.count - 1]));
	parse(ROOT "tmpfs /tmp tmpfs x 0 0\n", &plain);
	ck_assert(fstab_adopt(&plain, &none, &err));
	check_print(&plain, ROOT "tmpfs /tmp tmpfs x 0 0\n");
}
END_TEST

START_TEST(test_adopt_existing)
{
	auto_fstab struct fstab fstab = {0};
	struct err err = {0};

	/* what is mounted already is data already, wherever from; only its number may change */
	parse("UUID=" POOL " / btrfs subvol=@ 0 1\n"
	      "UUID=" POOL " /home btrfs nosuid,subvolid=257,subvol=@homes 0 2\n"
	      "nas:/srv /srv nfs ro 0 0\n",
	      &fstab);
	ck_assert(fstab_adopt(&fstab, &adoption, &err));
	check_print(&fstab, "UUID=" POOL " / btrfs defaults 0 1\n"
			    "UUID=" POOL " /home btrfs nosuid,subvol=@homes 0 2\n"
			    "nas:/srv /srv nfs ro 0 0\n"
			    "UUID=" POOL " /var btrfs defaults,subvol=@var 0 0\n");
}
END_TEST

START_TEST(test_adopt_refused)
{
	auto_fstab struct fstab none = {0};
	struct err err = {0};

	parse("tmpfs /tmp tmpfs x 0 0\n", &none);
	ck_assert(!fstab_adopt(&none, &adoption, &err));
	ck_assert_str_eq(err.text, "fstab has no line for /");
}
END_TEST

UNIT_MAIN("fstab", test_lossless, test_fields, test_refused, test_option, test_edit,
	  test_edit_repeated, test_append_to_empty, test_is_on, test_is_on_without_root,
	  test_is_boot, test_lint, test_findings_json, test_adopt, test_adopt_existing,
	  test_adopt_refused)
