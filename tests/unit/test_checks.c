/*
 * moult check and the preflights: on a machine as it should be they find nothing; then one thing at a
 * time is broken, and must be found, with a sentence that stands alone and a command that helps.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "damage.h"
#include "fault_host.h"
#include "sdboot.h"
#include "text.h"
#include "unit.h"
#include "verbs.h"

#define ROOT "@gens/1/root"
#define POOL "UUID=11111111-2222-3333-4444-555555555555"

/* Two that a healthy machine has too: a note on the watchdog, and the owner may keep entries. */
static bool is_expected(const struct finding *finding)
{
	return finding->level == FINDING_NOTE;
}

static void assert_readable(const struct finding *finding)
{
	ck_assert_ptr_nonnull(finding->why);
	ck_assert_msg(!isupper((unsigned char)finding->why[0]) || text_starts(finding->why, "EFI"),
		      "%s", finding->why);
	ck_assert_msg(!text_ends(finding->why, "."), "%s", finding->why);
	ck_assert_msg(strlen(finding->why) > 15, "%s", finding->why);
	ck_assert_msg(!finding->remedy || *finding->remedy, "%s", finding->why);
	for (const char *c = finding->code; *c; c++)
		ck_assert(isupper((unsigned char)*c) || *c == '_');
	ck_assert_ptr_null(strstr(finding->why, "(null)"));
}

static void run(struct engine_world *world, enum check_context context, struct findings *ret)
{
	struct err err = {0};

	checks_world_reopen(world);
	ck_assert_msg(checks_run(&world->machine, context, NULL, ret, &err), "%s", err.text);
	for (size_t i = 0; i < ret->count; i++)
		assert_readable(&ret->all[i]);
}

static void assert_nothing(struct engine_world *world, enum check_context context)
{
	auto_findings struct findings findings = {0};

	run(world, context, &findings);
	for (size_t i = 0; i < findings.count; i++)
		ck_assert_msg(is_expected(&findings.all[i]), "%s: %s", findings.all[i].code,
			      findings.all[i].why);
}

static void assert_found(struct engine_world *world, const struct expected *expected)
{
	auto_findings struct findings findings = {0};
	const struct finding *finding;

	run(world, expected->context, &findings);
	finding = findings_find(&findings, expected->code);
	ck_assert_msg(finding != NULL, "%s was not found", expected->code);
	ck_assert_msg(strstr(finding->why, expected->part), "%s", finding->why);
	ck_assert_msg(finding->level == expected->level, "%s: %s", expected->code, finding->why);
	if (!expected->remedy)
		ck_assert_ptr_null(finding->remedy);
	else
		ck_assert_msg(finding->remedy && strstr(finding->remedy, expected->remedy),
			      "%s: %s", expected->code, finding->remedy);
}

START_TEST(a_machine_as_it_should_be_has_no_findings)
{
	struct engine_world world;

	checks_world_adopted(&world);
	assert_nothing(&world, CHECK_ALL);
	assert_nothing(&world, CHECK_UPGRADE);
	engine_world_done(&world);
	checks_world_debian(&world);
	assert_nothing(&world, CHECK_INIT);
	engine_world_done(&world);
}
END_TEST

START_TEST(every_damage_is_found)
{
	const struct damage *damage;

	for (size_t i = 0; (damage = damage_at(i)); i++) {
		struct engine_world world;

		damage->start(&world);
		damage->break_it(&world);
		assert_found(&world, &damage->expected);
		engine_world_done(&world);
	}
}
END_TEST

/* Looking changes nothing, whatever is broken. */
START_TEST(checks_only_read)
{
	const struct damage *damage;

	for (size_t i = 0; (damage = damage_at(i)); i++) {
		auto_findings struct findings findings = {0};
		struct engine_world world;

		damage->start(&world);
		damage->break_it(&world);
		checks_world_reopen(&world);
		fake_host_mark(world.fake);
		run(&world, damage->expected.context, &findings);
		ck_assert_uint_eq(world.fake->effect_count, 0);
		ck_assert_uint_eq(world.fake->package_locks, 0);
		engine_world_done(&world);
	}
}
END_TEST

START_TEST(a_swap_file_in_its_own_subvolume_is_right)
{
	struct host_swap swaps[] = {{(char *)"/swap/swapfile", (char *)"@swap"},
				    {(char *)"/mnt/elsewhere", (char *)"@elsewhere"}};
	struct engine_world world;

	checks_world_debian(&world);
	fake_host_put_subvolume(world.fake, "@swap");
	put(&world, "@rootfs/etc/fstab",
	    POOL " / btrfs subvol=@rootfs 0 0\n" POOL " /swap btrfs subvol=@swap 0 0\n"
		 "/swap/swapfile none swap sw 0 0\n");
	assert_nothing(&world, CHECK_INIT);
	/* in use, and by a name that fstab does not know */
	world.fake->swaps = (struct host_swaps){swaps, COUNT(swaps)};
	assert_nothing(&world, CHECK_INIT);
	swaps[0].path = (char *)"/swap/second";
	assert_nothing(&world, CHECK_INIT);
	put(&world, "@rootfs/etc/fstab",
	    POOL " / btrfs subvol=@rootfs 0 0\n" POOL " /swap btrfs subvol=@pages 0 0\n"
		 "/swap/swapfile none swap sw 0 0\n");
	fake_host_put_subvolume(world.fake, "@pages");
	assert_nothing(&world, CHECK_INIT);
	engine_world_done(&world);
}
END_TEST

START_TEST(before_the_first_bless_the_original_is_looked_at_as_it_is)
{
	struct engine_world world;
	auto_findings struct findings findings = {0};
	struct host *host;

	checks_world_adopted(&world);
	host = &world.fake->host;
	put(&world, "@rootfs/etc/fstab", POOL " / btrfs subvol=@rootfs 0 0\n");
	put(&world, "@rootfs/var/lib/dpkg/status", "");
	put(&world, "@rootfs/usr/lib/systemd/system/systemd-boot-update.service", "");
	ck_assert_int_eq(host->ops->set_default(host, ""), 0);
	run(&world, CHECK_ALL, &findings);
	ck_assert_ptr_null(findings_find(&findings, "UNIT_NOT_MASKED"));
	ck_assert_ptr_null(findings_find(&findings, "DEFAULT_FOREIGN"));
	ck_assert_ptr_null(findings_find(&findings, "FSTAB_ROOT_SUBVOLUME"));
	engine_world_done(&world);
}
END_TEST

START_TEST(blobs_that_only_a_publication_names_are_missed_too)
{
	struct engine_world world;
	struct expected expected = {CHECK_ALL, "BLOB_MISSING", FINDING_WARN,
				    "the kernel of generation 1", "moult repair"};
	const struct menu_entry *entry;
	char path[128];

	checks_world_adopted(&world);
	entry = menu_truth(&world.machine.menu);
	sdboot_loader.blob_path("linux", entry->linux_sha256, path, sizeof(path));
	world_remove(&world, VOLUME_BOOT, entry->path);
	world_remove(&world, VOLUME_BOOT, path);
	assert_found(&world, &expected);
	engine_world_done(&world);
}
END_TEST

START_TEST(all_refusals_come_in_one_list)
{
	auto_findings struct findings findings = {0};
	struct engine_world world;
	struct err err = {0};

	checks_world_debian(&world);
	damage_do(&world, "CLOCK");
	damage_do(&world, "MOULT_NOT_INSTALLED");
	damage_do(&world, "SEPARATE_BOOT");
	run(&world, CHECK_INIT, &findings);
	ck_assert(!findings_refuse(&findings, "this system cannot be adopted", &err));
	ck_assert(
		text_starts(err.text, "this system cannot be adopted: the clock says 1970-01-01"));
	ck_assert_ptr_nonnull(strstr(err.text, "; the package moult is not installed"));
	ck_assert_ptr_nonnull(strstr(err.text, "; /boot is a file system of its own"));
	ck_assert_str_eq(err.hint, "sudo timedatectl set-ntp true");
	engine_world_done(&world);
}
END_TEST

START_TEST(what_init_sets_right_by_itself_is_not_told)
{
	auto_findings struct findings findings = {0};
	struct engine_world world;

	checks_world_debian(&world);
	run(&world, CHECK_INIT, &findings);
	ck_assert_ptr_null(findings_find(&findings, "FSTAB_ROOT_SUBVOLUME"));
	ck_assert_ptr_null(findings_find(&findings, "FSTAB_BOOT_REQUIRED"));
	engine_world_done(&world);
}
END_TEST

START_TEST(the_verb_gives_a_document)
{
	static const struct verb_request request = {.verb = "check"};
	struct engine_world world;
	struct err err = {0};
	auto_json json_t *adopted = NULL, *before = NULL;
	const json_t *first;

	checks_world_adopted(&world);
	damage_do(&world, "BLOB_MISSING");
	checks_world_reopen(&world);
	ck_assert(verb_check(&world.machine, &request, &adopted, &err));
	ck_assert_int_eq(json_integer_value(json_object_get(adopted, "format_version")), 1);
	first = json_array_get(json_object_get(adopted, "findings"), 0);
	ck_assert_str_eq(json_string_value(json_object_get(first, "level")), "error");
	ck_assert_str_eq(json_string_value(json_object_get(first, "code")), "BLOB_MISSING");
	engine_world_done(&world);

	checks_world_debian(&world);
	ck_assert(verb_check(&world.machine, &request, &before, &err));
	ck_assert(json_is_false(json_object_get(before, "adopted")));
	engine_world_done(&world);
}
END_TEST

START_TEST(an_interrupt_stops_the_checks)
{
	auto_findings struct findings findings = {0};
	struct engine_world world;
	struct err err = {0};

	checks_world_adopted(&world);
	world.fake->interrupt = true;
	ck_assert(!checks_run(&world.machine, CHECK_ALL, NULL, &findings, &err));
	ck_assert_int_eq(err.kind, ERR_INTERRUPTED);
	engine_world_done(&world);
}
END_TEST

/* A host that cannot answer is never taken for one that says all is well. */
static void assert_failure_is_told(void (*start)(struct engine_world *world),
				   enum check_context context, const char *root)
{
	struct engine_world world;
	struct fault_host fault;
	unsigned calls;

	start(&world);
	fault_host_init(&fault, &world.fake->host);
	fault.errnum = EIO;
	world.machine.host = &fault.host;
	for (calls = 0, fault.fail_at = 1; fault.fail_at == 1 || fault.failed; fault.fail_at++) {
		auto_findings struct findings findings = {0};
		struct err err = {0};

		fault.calls = 0;
		fault.failed = NULL;
		ck_assert_msg(checks_run(&world.machine, context, root, &findings, &err), "%s: %s",
			      fault.failed, err.text);
		if (!fault.failed)
			break;
		calls++;
		ck_assert_msg(findings_count(&findings, FINDING_WARN) +
					      findings_count(&findings, FINDING_ERROR) >
				      0,
			      "call %u (%s) failed, and nobody was told", fault.fail_at,
			      fault.failed);
	}
	ck_assert_uint_gt(calls, 10);
	engine_world_done(&world);
}

START_TEST(what_cannot_be_checked_is_told)
{
	assert_failure_is_told(checks_world_debian, CHECK_INIT, "@rootfs");
	assert_failure_is_told(checks_world_adopted, CHECK_UPGRADE, ROOT);
	assert_failure_is_told(checks_world_adopted, CHECK_ALL, NULL);
}
END_TEST

UNIT_MAIN("checks", what_cannot_be_checked_is_told, a_machine_as_it_should_be_has_no_findings,
	  every_damage_is_found, checks_only_read, a_swap_file_in_its_own_subvolume_is_right,
	  before_the_first_bless_the_original_is_looked_at_as_it_is,
	  blobs_that_only_a_publication_names_are_missed_too, all_refusals_come_in_one_list,
	  what_init_sets_right_by_itself_is_not_told, the_verb_gives_a_document,
	  an_interrupt_stops_the_checks)
