/* A good generation tries another kernel command line: offered, blessed, refused, kept, given up. */
#include "kargs_judge.h"

/* --- offered ------------------------------------------------------------------------------------ */

START_TEST(a_new_line_is_tried_beside_the_one_that_boots_by_default)
{
	struct engine_world world;
	uint64_t before, serial;

	open_running(&world);
	before = proven(&world, 1);
	kargs(&world, "add", "nosmt");
	serial = proposed(&world, 1);
	ck_assert_uint_gt(serial, before);
	ck_assert_int_eq(find(&world, 1)->state, GEN_GOOD);
	ck_assert(entry_at(&world, serial)->counted);
	ck_assert(entry_at(&world, serial)->enabled);
	ck_assert_ptr_nonnull(strstr(entry_at(&world, serial)->options, " ro quiet nosmt"));
	ck_assert_ptr_nonnull(strstr(entry_at(&world, serial)->options, " panic=10 "));
	ck_assert_uint_eq(menu_truth(&world.machine.menu)->serial, before);
	ck_assert_uint_eq(menu_next(&world.machine.menu)->serial, serial);
	/* the same kernel: nothing was copied */
	ck_assert_str_eq(entry_at(&world, serial)->linux_sha256,
			 entry_at(&world, before)->linux_sha256);
	ck_assert_str_eq(report_session(&world.machine), "normal");
	ck_assert_uint_eq(world.fake->reboot_required, 1);
	engine_world_done(&world);
}
END_TEST

START_TEST(changes_add_up_before_the_first_was_tried)
{
	struct engine_world world;
	uint64_t first;

	open_proposing(&world);
	first = proposed(&world, 1);
	kargs(&world, "add", "debug");
	ck_assert_ptr_nonnull(
		strstr(entry_at(&world, proposed(&world, 1))->options, " ro quiet nosmt debug"));
	ck_assert_ptr_null(menu_find(&world.machine.menu, first));
	engine_world_done(&world);
}
END_TEST

START_TEST(taking_it_back_leaves_nothing_to_try)
{
	struct engine_world world;
	uint64_t before;

	open_proposing(&world);
	before = proven(&world, 1);
	kargs(&world, "remove", "nosmt");
	ck_assert_ptr_null(generation_proposed(find(&world, 1)));
	ck_assert_ptr_null(menu_trial(&world.machine.menu));
	ck_assert_uint_eq(menu_next(&world.machine.menu)->serial, before);
	ck_assert_uint_eq(proven(&world, 1), before);
	engine_world_done(&world);
}
END_TEST

START_TEST(what_is_so_already_is_nothing_to_do)
{
	static const char *const arguments[] = {"quiet", NULL};
	struct verb_request request = {.verb = "kargs", .which = "add", .arguments = arguments};
	struct engine_world world;
	json_t *answer;

	open_running(&world);
	answer = does(&world, verb_kargs, &request);
	ck_assert_str_eq(json_string_value(json_object_get(answer, "outcome")), "nothing");
	ck_assert_str_eq(json_string_value(json_object_get(answer, "options")), "ro quiet");
	ck_assert_ptr_null(generation_proposed(find(&world, 1)));
	json_decref(answer);
	engine_world_done(&world);
}
END_TEST

START_TEST(a_dry_run_shows_the_line_and_changes_nothing)
{
	static const char *const arguments[] = {"nosmt", NULL};
	struct verb_request request = {
		.verb = "kargs", .which = "add", .arguments = arguments, .dry_run = true};
	struct engine_world world;
	size_t effects;
	json_t *answer;

	open_running(&world);
	effects = world.fake->effect_count;
	answer = does(&world, verb_kargs, &request);
	ck_assert_uint_eq(world.fake->effect_count, effects);
	ck_assert(has_note(answer, "ro quiet nosmt"));
	ck_assert_uint_gt(json_array_size(json_object_get(answer, "steps")), 3);
	json_decref(answer);
	engine_world_done(&world);
}
END_TEST

START_TEST(both_lines_are_shown)
{
	struct verb_request request = {.verb = "kargs"};
	struct engine_world world;
	json_t *answer;

	open_proposing(&world);
	answer = does(&world, verb_kargs, &request);
	ck_assert_int_eq(json_integer_value(json_object_get(answer, "generation")), 1);
	ck_assert_str_eq(
		json_string_value(json_object_get(json_object_get(answer, "current"), "options")),
		"ro quiet");
	ck_assert_str_eq(
		json_string_value(json_object_get(json_object_get(answer, "trial"), "options")),
		"ro quiet nosmt");
	json_decref(answer);
	engine_world_done(&world);
}
END_TEST

/* --- what comes of it --------------------------------------------------------------------------- */

START_TEST(a_line_that_comes_up_is_kept_and_the_former_one_stays_in_the_menu)
{
	struct engine_world world;
	uint64_t before, tried, now;

	open_proposing(&world);
	before = proven(&world, 1);
	tried = proposed(&world, 1);
	boots(&world, 1, tried, true);
	ck_assert_str_eq(report_session(&world.machine), "trial");
	json_decref(reconciles(&world));
	ck_assert_str_eq(report_session(&world.machine), "trial");
	blesses(&world);
	now = proven(&world, 1);
	ck_assert_uint_gt(now, tried);
	ck_assert_str_eq(report_session(&world.machine), "normal");
	ck_assert_ptr_nonnull(strstr(entry_at(&world, now)->options, " ro quiet nosmt"));
	ck_assert_ptr_null(strstr(entry_at(&world, now)->options, "panic="));
	ck_assert(!entry_at(&world, now)->counted);
	ck_assert_int_eq(entry_at(&world, before)->role, MENU_OLD);
	ck_assert_ptr_null(strstr(entry_at(&world, before)->options, "nosmt"));
	ck_assert_ptr_null(menu_find(&world.machine.menu, tried));
	ck_assert_uint_eq(default_generation(world.fake), 1);
	/* nothing is left to do */
	json_decref(reconciles(&world));
	ck_assert_int_eq(entry_at(&world, before)->role, MENU_OLD);
	engine_world_done(&world);
}
END_TEST

START_TEST(a_blessed_line_is_no_trial_any_more_for_those_who_ask_again)
{
	struct verb_request bless = {.verb = "bless"}, give_up = {.verb = "give-up"};
	struct engine_world world;
	json_t *answer;

	open_proposing(&world);
	boots(&world, 1, proposed(&world, 1), true);
	blesses(&world);
	answer = does(&world, verb_bless, &bless);
	ck_assert_str_eq(json_string_value(json_object_get(answer, "outcome")), "nothing");
	json_decref(answer);
	answer = does(&world, verb_give_up, &give_up);
	ck_assert_str_eq(json_string_value(json_object_get(answer, "outcome")), "nothing");
	json_decref(answer);
	ck_assert_uint_eq(world.fake->reboots, 0);
	engine_world_done(&world);
}
END_TEST

START_TEST(a_line_that_fails_is_bad_and_the_generation_stays_good)
{
	struct engine_world world;
	uint64_t before, tried;
	json_t *answer;

	open_proposing(&world);
	before = proven(&world, 1);
	tried = proposed(&world, 1);
	for (int i = 0; i < 3; i++) {
		boots(&world, 1, tried, true);
		gives_up(&world, "sshd is dead");
	}
	ck_assert_uint_eq(world.fake->reboots, 3);
	comes_back(&world, before);
	answer = reconciles(&world);
	ck_assert(has_note(answer, "the new kernel command line of generation 1 did not come up: "
				   "sshd is dead"));
	json_decref(answer);
	ck_assert_int_eq(find(&world, 1)->state, GEN_GOOD);
	ck_assert_ptr_null(find(&world, 1)->reason);
	ck_assert_ptr_null(generation_proposed(find(&world, 1)));
	ck_assert_uint_eq(generation_refused(find(&world, 1))->serial, tried);
	ck_assert_uint_eq(proven(&world, 1), before);
	ck_assert_uint_eq(menu_next(&world.machine.menu)->serial, before);
	ck_assert_ptr_null(menu_find(&world.machine.menu, tried));
	ck_assert_str_eq(report_session(&world.machine), "normal");
	ck_assert_ptr_nonnull(strstr(last_motd(&world), "the new kernel command line of generation "
							"1 did not come up (sshd is dead)"));
	engine_world_done(&world);
}
END_TEST

START_TEST(a_line_that_never_says_anything_is_bad_too)
{
	struct engine_world world;
	uint64_t before;
	json_t *answer;

	open_proposing(&world);
	before = proven(&world, 1);
	for (int i = 0; i < 3; i++)
		loader_model_boot(&world.fake->disk);
	comes_back(&world, before);
	answer = reconciles(&world);
	ck_assert(has_note(answer, "did not come up: 3 tries ended without a verdict"));
	json_decref(answer);
	ck_assert_int_eq(find(&world, 1)->state, GEN_GOOD);
	ck_assert_ptr_null(generation_proposed(find(&world, 1)));
	/* it is never tried again by itself */
	json_decref(reconciles(&world));
	ck_assert_uint_eq(menu_next(&world.machine.menu)->serial, before);
	engine_world_done(&world);
}
END_TEST

START_TEST(after_a_failure_another_line_can_be_tried)
{
	struct engine_world world;
	uint64_t before;

	open_proposing(&world);
	before = proven(&world, 1);
	for (int i = 0; i < 3; i++)
		loader_model_boot(&world.fake->disk);
	comes_back(&world, before);
	kargs(&world, "add", "debug");
	ck_assert_ptr_nonnull(
		strstr(entry_at(&world, proposed(&world, 1))->options, " ro quiet debug"));
	ck_assert_ptr_null(generation_refused(find(&world, 1)));
	engine_world_done(&world);
}
END_TEST

START_TEST(an_entry_that_the_loader_lost_is_offered_again)
{
	struct engine_world world;
	uint64_t tried;

	open_proposing(&world);
	tried = proposed(&world, 1);
	world_remove(&world, VOLUME_BOOT, entry_at(&world, tried)->path);
	json_decref(reconciles(&world));
	ck_assert_uint_gt(proposed(&world, 1), tried);
	ck_assert_int_eq(find(&world, 1)->state, GEN_GOOD);
	ck_assert_uint_eq(entry_at(&world, proposed(&world, 1))->tries_left, 2);
	ck_assert_ptr_nonnull(strstr(entry_at(&world, proposed(&world, 1))->options, "nosmt"));
	engine_world_done(&world);
}
END_TEST

/* --- the former line ---------------------------------------------------------------------------- */

static void open_kept(struct engine_world *world, uint64_t *ret_former)
{
	open_proposing(world);
	*ret_former = proven(world, 1);
	boots(world, 1, proposed(world, 1), true);
	blesses(world);
}

START_TEST(the_former_line_is_a_temporary_session_that_can_be_kept)
{
	struct verb_request keep = {.verb = "keep"};
	struct engine_world world;
	uint64_t former, tried;

	open_kept(&world, &former);
	tried = proven(&world, 1);
	engine_runs(&world, 1, former, false, "picked");
	reopen(&world);
	ck_assert_str_eq(report_session(&world.machine), "temporary");
	refused(&world, "add", "debug", "temporary session");
	json_decref(does(&world, verb_keep, &keep));
	ck_assert_ptr_null(strstr(entry_at(&world, proven(&world, 1))->options, "nosmt"));
	ck_assert_int_eq(entry_at(&world, tried)->role, MENU_OLD);
	engine_world_done(&world);
}
END_TEST

START_TEST(only_the_last_former_line_stays_in_the_menu)
{
	struct engine_world world;
	uint64_t first, second;

	open_kept(&world, &first);
	second = proven(&world, 1);
	engine_runs(&world, 1, second, false, "usual");
	kargs(&world, "add", "debug");
	boots(&world, 1, proposed(&world, 1), true);
	blesses(&world);
	ck_assert_ptr_null(menu_find(&world.machine.menu, first));
	ck_assert_int_eq(entry_at(&world, second)->role, MENU_OLD);
	engine_world_done(&world);
}
END_TEST

START_TEST(an_upgrade_inherits_the_line_and_the_former_generation_has_one_entry)
{
	struct engine_world world;
	struct err err = {0};
	unsigned entries = 0;
	uint64_t former;

	open_kept(&world, &former);
	must(engine_offer(&world.machine, 2, &err));
	must(engine_bless(&world.machine, 2, &err));
	reopen(&world);
	for (size_t i = 0; i < world.machine.menu.count; i++)
		entries += world.machine.menu.entries[i].generation == 1;
	ck_assert_uint_eq(entries, 1);
	ck_assert_int_eq(entry_of(&world, 1)->role, MENU_OLD);
	ck_assert_ptr_nonnull(strstr(entry_of(&world, 1)->options, "nosmt"));
	engine_world_done(&world);
}
END_TEST

UNIT_MAIN("kargs", a_new_line_is_tried_beside_the_one_that_boots_by_default,
	  changes_add_up_before_the_first_was_tried, taking_it_back_leaves_nothing_to_try,
	  what_is_so_already_is_nothing_to_do, a_dry_run_shows_the_line_and_changes_nothing,
	  both_lines_are_shown, a_line_that_comes_up_is_kept_and_the_former_one_stays_in_the_menu,
	  a_blessed_line_is_no_trial_any_more_for_those_who_ask_again,
	  a_line_that_fails_is_bad_and_the_generation_stays_good,
	  a_line_that_never_says_anything_is_bad_too, after_a_failure_another_line_can_be_tried,
	  an_entry_that_the_loader_lost_is_offered_again,
	  the_former_line_is_a_temporary_session_that_can_be_kept,
	  only_the_last_former_line_stays_in_the_menu,
	  an_upgrade_inherits_the_line_and_the_former_generation_has_one_entry)
