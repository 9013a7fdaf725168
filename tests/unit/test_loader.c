/* What the plans of a loader refuse, repeat and finish. Power cuts: test_switch. */
#include <string.h>
#include "boot_at.h"
#include "loader_model.h"
#include "run.h"
#include "text.h"
#include "unit.h"

/* ---- offer, adopt, keep_old ---- */

START_TEST(one_commit_point)
{
	auto_at struct at at = at_in_use();

	at_planned(&at, WORLD_OFFER, 9, 9);
	ck_assert_uint_eq(at_count_commits(&at.plan), 1);
	ck_assert_int_eq(at.plan.steps[0].kind, STEP_CHECK_VOLUME);
	plan_done(&at.plan);
	at_planned(&at, WORLD_ADOPT, 9, 9);
	ck_assert_uint_eq(at_count_commits(&at.plan), 1);
	plan_done(&at.plan);
	at_planned(&at, WORLD_OLD, 9, 9);
	ck_assert_uint_eq(at_count_commits(&at.plan), 0);
}
END_TEST

START_TEST(offer_needs_something_to_come_back_to)
{
	auto_at struct at at = {.fake = world_new()};
	char path[128];

	at_look(&at);
	at_refused(&at, WORLD_OFFER, 1, 1, "no entry of a good generation");
	world_do(at.fake, WORLD_ADOPT, 0, 0);
	at_look(&at);
	at_planned(&at, WORLD_OFFER, 1, 1);
	sdboot_loader.blob_path("linux", at.menu.entries[0].linux_sha256, path, sizeof(path));
	ck_assert_int_eq(at.fake->host.ops->remove(&at.fake->host, VOLUME_BOOT, path), 0);
	at_look(&at);
	at_refused(&at, WORLD_OFFER, 1, 1, "no entry of a good generation");
}
END_TEST

START_TEST(serials_only_grow)
{
	auto_at struct at at = at_in_use();

	at_refused(&at, WORLD_OFFER, 9, 6, "serial 6 is not above serial 7");
	at_refused(&at, WORLD_OFFER, 7, 7, "serial 7 is not above serial 7");
	at_refused(&at, WORLD_ADOPT, 5, 6, "serial 6 would stay below serial 7");
	/* but the original's entry may be put back at any time */
	at_planned(&at, WORLD_ADOPT, 0, 0);
}
END_TEST

START_TEST(tries_have_one_digit)
{
	auto_at struct at at = at_in_use();
	struct world_entry storage;
	struct boot_entry entry = world_entry(9, 9, &storage);

	for (unsigned tries = 0; tries < 12; tries++) {
		entry.tries = tries;
		ck_assert(sdboot_loader.offer(&at.menu, &entry, &at.plan, &at.err) ==
			  (tries >= 1 && tries <= 9));
		plan_done(&at.plan);
	}
}
END_TEST

START_TEST(too_long_for_every_verb)
{
	auto_at struct at at = at_in_use();
	struct world_entry storage;
	struct boot_entry entry = world_entry(9, 9, &storage);
	char options[2100];

	memset(options, 'x', sizeof(options));
	options[sizeof(options) - 1] = '\0';
	entry.options = options;
	ck_assert(!sdboot_loader.offer(&at.menu, &entry, &at.plan, &at.err));
	ck_assert(!sdboot_loader.adopt(&at.menu, &entry, &at.plan, &at.err));
	ck_assert(!sdboot_loader.keep_old(&at.menu, &entry, &at.plan, &at.err));
	ck_assert_uint_eq(at.plan.count, 0);
}
END_TEST

START_TEST(blobs_must_be_named_and_there)
{
	auto_at struct at at = at_in_use();
	struct world_entry storage;
	struct boot_entry entry = world_entry(9, 9, &storage);

	entry.linux_from = NULL;
	ck_assert(!sdboot_loader.keep_old(&at.menu, &entry, &at.plan, &at.err));
	ck_assert_ptr_nonnull(strstr(at.err.text, "lacks"));
	entry = world_entry(9, 9, &storage);
	entry.initrd_from = NULL;
	ck_assert(!sdboot_loader.adopt(&at.menu, &entry, &at.plan, &at.err));
	entry = world_entry(9, 9, &storage);
	entry.linux_sha256 = "1234";
	ck_assert(!sdboot_loader.offer(&at.menu, &entry, &at.plan, &at.err));
	entry.linux_sha256 = NULL;
	ck_assert(!sdboot_loader.offer(&at.menu, &entry, &at.plan, &at.err));
	entry = world_entry(9, 9, &storage);
	entry.initrd_sha256 = "";
	plan_done(&at.plan);
	ck_assert(sdboot_loader.offer(&at.menu, &entry, &at.plan, &at.err));
	entry.initrd_sha256 = NULL;
	plan_done(&at.plan);
	ck_assert(sdboot_loader.offer(&at.menu, &entry, &at.plan, &at.err));
	ck_assert_uint_eq(at_count_steps(&at.plan, STEP_PUT_BLOB), 1);
	at_run(&at);
	/* a blob that is there needs no source */
	entry = world_entry(7, 7, &storage);
	entry.linux_from = entry.initrd_from = NULL;
	ck_assert(sdboot_loader.keep_old(&at.menu, &entry, &at.plan, &at.err));
	at_run(&at);
}
END_TEST

/* What was interrupted is planned again and finished, also after its commit point. */
START_TEST(offer_again)
{
	auto_at struct at at = at_in_use();
	auto_free char *before = NULL, *after = NULL;

	at_planned(&at, WORLD_OFFER, 9, 9);
	for (size_t i = 0; !at.plan.steps[i].commit; i++)
		ck_assert(run_step(&at.fake->host, &at.plan.steps[i], &at.err));
	at_look(&at);
	ck_assert_uint_eq(menu_next(&at.menu)->generation, 7);
	at_planned(&at, WORLD_OFFER, 9, 9);
	at_run(&at);
	ck_assert_uint_eq(menu_next(&at.menu)->generation, 9);
	before = at_text(&at, "moult-000009+3-0.conf");
	at_planned(&at, WORLD_OFFER, 9, 9);
	ck_assert_uint_eq(at_count_steps(&at.plan, STEP_WRITE), 0);
	ck_assert_uint_eq(at_count_commits(&at.plan), 1);
	at_run(&at);
	after = at_text(&at, "moult-000009+3-0.conf");
	ck_assert_str_eq(before, after);
}
END_TEST

START_TEST(same_serial_other_contents)
{
	auto_at struct at at = at_in_use();
	struct world_entry storage;
	struct boot_entry entry = world_entry(9, 9, &storage);

	at_refused(&at, WORLD_ADOPT, 5, 7, "is in the menu with other contents");
	world_do(at.fake, WORLD_OFFER, 9, 9);
	at_look(&at);
	at_refused(&at, WORLD_OFFER, 8, 9, "is in the menu with other contents");
	at_refused(&at, WORLD_OLD, 6, 5, "is in the menu with other contents");
	entry.linux_sha256 = entry.initrd_sha256;
	ck_assert(!sdboot_loader.offer(&at.menu, &entry, &at.plan, &at.err));
	entry = world_entry(9, 9, &storage);
	entry.options = "ro";
	ck_assert(!sdboot_loader.offer(&at.menu, &entry, &at.plan, &at.err));
	world_do(at.fake, WORLD_DISABLE, 9, 9);
	at_look(&at);
	at_planned(&at, WORLD_OFFER, 8, 9);
	at_run(&at);
	ck_assert_uint_eq(menu_next(&at.menu)->generation, 8);
}
END_TEST

/* A trial that was tried and lost its entry is offered with what is left. */
START_TEST(same_serial_other_counter)
{
	auto_at struct at at = at_in_use();
	struct world_entry storage;
	struct boot_entry entry = world_entry(9, 9, &storage);

	world_do(at.fake, WORLD_OFFER, 9, 9);
	loader_model_boot(&at.fake->disk);
	at_look(&at);
	ck_assert_uint_eq(menu_next(&at.menu)->tries_left, 2);
	entry.tries = 1;
	ck_assert(sdboot_loader.offer(&at.menu, &entry, &at.plan, &at.err));
	at_run(&at);
	ck_assert_uint_eq(menu_next(&at.menu)->tries_left, 1);
	ck_assert_uint_eq(at.menu.torn_count, 0);
	ck_assert_uint_eq(at.menu.count, 4);
}
END_TEST

START_TEST(torn_entries_are_not_touched)
{
	auto_at struct at at = at_in_use();
	auto_free char *text = NULL;
	struct menu_entry *twin;

	world_do(at.fake, WORLD_OFFER, 9, 9);
	text = at_text(&at, "moult-000009+3-0.conf");
	at_put_entry(&at, "moult-000009+2-1.conf", text);
	ck_assert_uint_eq(at.menu.torn_count, 2);
	at_refused(&at, WORLD_OFFER, 9, 9, "did not leave");
	at_refused(&at, WORLD_REMOVE, 9, 9, "did not leave");
	at_refused(&at, WORLD_ENABLE, 9, 9, "did not leave");
	ck_assert_str_eq(at.err.hint, "sudo moult repair");
	/* also where the other name comes after its own */
	ck_assert_int_eq(at.fake->host.ops->rename(&at.fake->host, VOLUME_BOOT,
						   "loader/entries/moult-000009+2-1.conf",
						   "loader/entries/moult-000009+4-0.conf"),
			 0);
	at_look(&at);
	at_refused(&at, WORLD_OFFER, 9, 9, "did not leave");
	/* both names are one file: the byte of each goes back before another is offered */
	at_planned(&at, WORLD_OFFER, 8, 10);
	at_run(&at);
	ck_assert_uint_eq(menu_next(&at.menu)->generation, 8);
	twin = (struct menu_entry *)menu_find(&at.menu, 9);
	ck_assert(!twin[0].enabled && !twin[1].enabled);
}
END_TEST

/* fsck.fat empties the second of two names on one cluster: that one is only litter. */
START_TEST(empty_twin_is_litter)
{
	auto_at struct at at = at_in_use();

	world_do(at.fake, WORLD_OFFER, 9, 9);
	at_put_entry(&at, "moult-000009+2-1.conf", "");
	ck_assert_uint_eq(at.menu.torn_count, 0);
	ck_assert_uint_eq(menu_next(&at.menu)->generation, 9);
	at_planned(&at, WORLD_REMOVE, 9, 9);
	at_run(&at);
	ck_assert_uint_eq(at.menu.torn_count, 0);
	at_planned(&at, WORLD_OFFER, 8, 10);
}
END_TEST

/* An alias that the firmware left shares nothing once the file system was repaired. */
START_TEST(alias_is_tidied_away)
{
	auto_at struct at at = at_in_use();

	world_do(at.fake, WORLD_OFFER, 9, 9);
	at_put_entry(&at, "MOULT-~2.CON", "title cut\n");
	ck_assert_uint_eq(at.menu.torn_count, 1);
	ck_assert(sdboot_loader.tidy(&at.menu, &at.plan, &at.err));
	ck_assert_int_eq(at.plan.steps[at.plan.count - 1].kind, STEP_SYNC);
	at_run(&at);
	ck_assert_uint_eq(at.menu.torn_count, 0);
	ck_assert_uint_eq(menu_next(&at.menu)->generation, 9);
	plan_done(&at.plan);
	at.plan = (struct plan){0};
	ck_assert(sdboot_loader.tidy(&at.menu, &at.plan, &at.err));
	ck_assert_uint_eq(at.plan.count, 0);
}
END_TEST

START_TEST(counted_entry_without_a_switch)
{
	auto_at struct at at = at_in_use();

	at_put_entry(&at, "moult-000008+3-0.conf", "linux /debian/linux");
	at_refused(&at, WORLD_OFFER, 9, 9, "did not leave");
	at_refused(&at, WORLD_DISABLE, 8, 8, "did not leave");
	/* but it can be removed */
	at_planned(&at, WORLD_REMOVE, 8, 8);
	at_run(&at);
	at_planned(&at, WORLD_OFFER, 9, 9);
}
END_TEST

/* An enabled entry of the same serial that cannot be taken away stops a plan. */
START_TEST(empty_boot_volume)
{
	auto_at struct at at = {.fake = world_new()};

	ck_assert_int_eq(at.fake->host.ops->remove_tree(&at.fake->host, VOLUME_BOOT, "loader"), 0);
	at_look(&at);
	at_planned(&at, WORLD_ADOPT, 0, 0);
	at_run(&at);
	ck_assert_ptr_null(at.menu.settings);
	at_planned(&at, WORLD_OFFER, 1, 1);
	at_run(&at);
	ck_assert_uint_eq(menu_next(&at.menu)->generation, 1);
}
END_TEST

/* The pool may have been checked in the same plan; that says nothing of the boot volume. */
START_TEST(check_of_another_volume)
{
	auto_at struct at at = at_in_use();

	plan_at(&at.plan, STEP_CHECK_VOLUME, VOLUME_POOL, "");
	at_planned(&at, WORLD_OFFER, 9, 9);
	at_planned(&at, WORLD_OLD, 6, 6);
	ck_assert_uint_eq(at_count_steps(&at.plan, STEP_CHECK_VOLUME), 2);
}
END_TEST

START_TEST(last_candidate_under_another_name)
{
	auto_at struct at at = {.fake = world_new()};
	auto_free char *text = NULL;

	world_do(at.fake, WORLD_ADOPT, 0, 0);
	world_settle(at.fake);
	world_do(at.fake, WORLD_ADOPT, 7, 7);
	world_do(at.fake, WORLD_REMOVE, 0, 0);
	text = at_text(&at, "moult-000007.conf");
	ck_assert_int_eq(at.fake->host.ops->rename(&at.fake->host, VOLUME_BOOT,
						   "loader/entries/moult-000007.conf",
						   "loader/entries/MOULT-000007.CONF"),
			 0);
	at_look(&at);
	ck_assert_uint_eq(menu_truth(&at.menu)->generation, 7);
	at_refused(&at, WORLD_ADOPT, 7, 7, "is the last one");
}
END_TEST

/* ---- disable, enable, remove ---- */

START_TEST(the_last_one_stays)
{
	auto_at struct at at = at_in_use();

	world_do(at.fake, WORLD_OFFER, 9, 9);
	world_do(at.fake, WORLD_DISABLE, 7, 7);
	at_look(&at);
	at_refused(&at, WORLD_DISABLE, 0, 0, "is the last one");
	at_refused(&at, WORLD_REMOVE, 0, 0, "is the last one");
	/* entries that the loader does not choose by themselves may go, and disabled ones */
	at_planned(&at, WORLD_REMOVE, 5, 5);
	at_planned(&at, WORLD_REMOVE, 9, 9);
	at_planned(&at, WORLD_REMOVE, 7, 7);
	at_run(&at);
	ck_assert_uint_eq(at.menu.count, 1);
	/* with its owner's settings the loader does not choose among ours */
	ck_assert(sdboot_loader.settle(&at.menu, NULL, &at.plan, &at.err));
	at_planned(&at, WORLD_REMOVE, 0, 0);
	at_run(&at);
	ck_assert_uint_eq(at.menu.count, 0);
	ck_assert_ptr_null(at.menu.settings);
}
END_TEST

START_TEST(what_does_not_count_as_another)
{
	auto_at struct at at = at_in_use();
	char path[128];

	world_do(at.fake, WORLD_OFFER, 8, 8);
	world_do(at.fake, WORLD_ADOPT, 9, 9);
	world_do(at.fake, WORLD_REMOVE, 7, 7);
	at_look(&at);
	at_put_entry(&at, "moult-000003.conf", "title Mine\nlinux /debian/linux\n");
	/* the original's kernel is lost; left are an old entry, a counted and a strange one */
	sdboot_loader.blob_path("linux", menu_find(&at.menu, 0)->linux_sha256, path, sizeof(path));
	ck_assert_int_eq(at.fake->host.ops->remove(&at.fake->host, VOLUME_BOOT, path), 0);
	at_look(&at);
	at_refused(&at, WORLD_DISABLE, 9, 9, "is the last one");
}
END_TEST

START_TEST(nothing_to_do)
{
	auto_at struct at at = at_in_use();

	at_planned(&at, WORLD_ENABLE, 7, 7);
	ck_assert_uint_eq(at.plan.count, 0);
	world_do(at.fake, WORLD_OFFER, 9, 9);
	world_do(at.fake, WORLD_DISABLE, 9, 9);
	at_look(&at);
	at_planned(&at, WORLD_DISABLE, 9, 9);
	ck_assert_uint_eq(at.plan.count, 0);
	at_planned(&at, WORLD_REMOVE, 9, 9);
	ck_assert_uint_eq(at_count_steps(&at.plan, STEP_SET_BYTE), 0);
	/* gone by then */
	at_planned(&at, WORLD_REMOVE, 9, 9);
	at_planned(&at, WORLD_DISABLE, 9, 9);
	ck_assert_uint_eq(at_count_steps(&at.plan, STEP_REMOVE), 1);
	at_refused(&at, WORLD_ENABLE, 9, 9, "");
}
END_TEST

START_TEST(enable_gone)
{
	auto_at struct at at = at_in_use();

	world_do(at.fake, WORLD_OFFER, 9, 9);
	at_look(&at);
	at_planned(&at, WORLD_REMOVE, 9, 9);
	ck_assert(!world_plan(&at.menu, WORLD_ENABLE, 9, 9, &at.plan, &at.err));
}
END_TEST

START_TEST(enable_checks_everything_again)
{
	auto_at struct at at = at_in_use();

	world_do(at.fake, WORLD_OFFER, 8, 8);
	world_do(at.fake, WORLD_DISABLE, 8, 8);
	world_do(at.fake, WORLD_OFFER, 9, 9);
	at_look(&at);
	at_planned(&at, WORLD_ENABLE, 8, 8);
	ck_assert_uint_eq(at_count_steps(&at.plan, STEP_PUT_BLOB), 2);
	ck_assert_int_eq(at.plan.steps[0].kind, STEP_CHECK_VOLUME);
	at_run(&at);
	ck_assert_uint_eq(menu_trial(&at.menu)->serial, 8);
	/* below what is true now it would never boot */
	world_do(at.fake, WORLD_ADOPT, 7, 10);
	at_look(&at);
	at_refused(&at, WORLD_ENABLE, 9, 9, "serial 9 is not above serial 10");
	/* an uncounted one may come back at any time */
	world_do(at.fake, WORLD_DISABLE, 7, 7);
	at_look(&at);
	at_planned(&at, WORLD_ENABLE, 7, 7);
	ck_assert_uint_eq(at_count_commits(&at.plan), 1);
	at_run(&at);
	world_do(at.fake, WORLD_DISABLE, 5, 5);
	at_look(&at);
	at_planned(&at, WORLD_ENABLE, 5, 5);
	ck_assert_uint_eq(at_count_commits(&at.plan), 0);
}
END_TEST

START_TEST(enable_without_its_blobs)
{
	auto_at struct at at = at_in_use();
	char path[128];

	world_do(at.fake, WORLD_OFFER, 8, 8);
	world_do(at.fake, WORLD_DISABLE, 8, 8);
	at_look(&at);
	sdboot_loader.blob_path("initrd", menu_find(&at.menu, 8)->initrd_sha256, path,
				sizeof(path));
	ck_assert_int_eq(at.fake->host.ops->remove(&at.fake->host, VOLUME_BOOT, path), 0);
	at_look(&at);
	at_refused(&at, WORLD_ENABLE, 8, 8, "lacks");
}
END_TEST

START_TEST(enable_beside_one_without_a_switch)
{
	auto_at struct at at = at_in_use();

	world_do(at.fake, WORLD_OFFER, 8, 8);
	world_do(at.fake, WORLD_DISABLE, 8, 8);
	at_put_entry(&at, "moult-000009+3-0.conf", "linux /debian/linux");
	at_refused(&at, WORLD_ENABLE, 8, 8, "did not leave");
}
END_TEST

/* ---- settings ---- */

START_TEST(settle_only_once)
{
	auto_at struct at at = at_in_use();
	static const char original[] = "timeout 5\neditor no\n";

	ck_assert(sdboot_loader.settle(&at.menu, sdboot_loader.settings(), &at.plan, &at.err));
	ck_assert_uint_eq(at.plan.count, 0);
	ck_assert_ptr_nonnull(strstr(at.menu.settings, "editor no\n"));
	ck_assert(sdboot_loader.settle(&at.menu, original, &at.plan, &at.err));
	at_run(&at);
	ck_assert_str_eq(at.menu.settings, original);
	ck_assert(sdboot_loader.settle(&at.menu, original, &at.plan, &at.err));
	ck_assert_uint_eq(at.plan.count, 0);
}
END_TEST

START_TEST(settle_needs_a_candidate)
{
	auto_at struct at at = {.fake = world_new()};

	at_look(&at);
	ck_assert(!sdboot_loader.settle(&at.menu, sdboot_loader.settings(), &at.plan, &at.err));
	ck_assert_ptr_nonnull(strstr(at.err.text, "no entry of a good generation yet"));
	ck_assert_uint_eq(at.plan.count, 0);
}
END_TEST

UNIT_MAIN("loader", one_commit_point, offer_needs_something_to_come_back_to, serials_only_grow,
	  tries_have_one_digit, too_long_for_every_verb, blobs_must_be_named_and_there, offer_again,
	  same_serial_other_contents, same_serial_other_counter, torn_entries_are_not_touched,
	  empty_twin_is_litter, alias_is_tidied_away, counted_entry_without_a_switch,
	  empty_boot_volume, check_of_another_volume, last_candidate_under_another_name,
	  the_last_one_stays, what_does_not_count_as_another, nothing_to_do, enable_gone,
	  enable_checks_everything_again, enable_without_its_blobs,
	  enable_beside_one_without_a_switch, settle_only_once, settle_needs_a_candidate)
