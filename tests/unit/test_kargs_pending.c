/* Another command line, and what else is pending or runs: one at a time, and nothing is lost. */
#include "kargs_judge.h"

#define ck_text_eq(expression, expected)                                                           \
	do {                                                                                       \
		auto_free char *text_ = (expression);                                              \
		ck_assert_str_eq(text_, expected);                                                 \
	} while (0)

/* --- one at a time ------------------------------------------------------------------------------ */

static void open_pending(struct engine_world *world)
{
	struct err err = {0};

	open_running(world);
	must(engine_offer(&world->machine, 2, &err));
	kargs(world, "add", "nosmt");
}

START_TEST(a_pending_generation_waits_and_comes_after_with_the_new_line)
{
	struct engine_world world;

	open_pending(&world);
	ck_assert_uint_eq(default_generation(world.fake), 1);
	ck_assert(find(&world, 2)->waiting);
	ck_assert_int_eq(find(&world, 2)->state, GEN_BUILT);
	boots(&world, 1, proposed(&world, 1), true);
	/* while it is tried, nothing else is offered */
	json_decref(reconciles(&world));
	ck_assert_int_eq(find(&world, 2)->state, GEN_BUILT);
	blesses(&world);
	ck_assert_int_eq(find(&world, 2)->state, GEN_TRIAL);
	ck_assert(!find(&world, 2)->waiting);
	ck_assert_uint_eq(default_generation(world.fake), 2);
	ck_assert_ptr_nonnull(strstr(entry_of(&world, 2)->options, " ro quiet nosmt"));
	ck_assert_uint_gt(entry_of(&world, 2)->serial, proven(&world, 1));
	engine_world_done(&world);
}
END_TEST

START_TEST(after_a_failure_the_pending_one_comes_without_the_new_line)
{
	struct engine_world world;
	uint64_t before;

	open_pending(&world);
	before = proven(&world, 1);
	for (int i = 0; i < 3; i++)
		loader_model_boot(&world.fake->disk);
	comes_back(&world, before);
	json_decref(reconciles(&world));
	ck_assert_int_eq(find(&world, 2)->state, GEN_TRIAL);
	ck_assert_ptr_null(strstr(entry_of(&world, 2)->options, "nosmt"));
	ck_assert_uint_eq(default_generation(world.fake), 2);
	engine_world_done(&world);
}
END_TEST

START_TEST(taking_the_line_back_offers_the_pending_one_again)
{
	struct engine_world world;

	open_pending(&world);
	kargs(&world, "remove", "nosmt");
	ck_assert_int_eq(find(&world, 2)->state, GEN_TRIAL);
	ck_assert_uint_eq(default_generation(world.fake), 2);
	engine_world_done(&world);
}
END_TEST

START_TEST(a_generation_that_is_made_meanwhile_waits_too)
{
	struct engine_world world;
	struct err err = {0};

	open_proposing(&world);
	must(engine_offer(&world.machine, 2, &err));
	ck_assert(find(&world, 2)->waiting);
	ck_assert(generation_comes(find(&world, 2)));
	ck_text_eq(generation_when(&world.machine.listing, find(&world, 2)),
		   "it is tried once the new kernel command line of generation 1 is found good or "
		   "bad");
	ck_assert_uint_eq(default_generation(world.fake), 1);
	boots(&world, 1, proposed(&world, 1), true);
	blesses(&world);
	ck_text_eq(generation_when(&world.machine.listing, find(&world, 2)),
		   "it is tried at the next boot");
	ck_assert(generation_comes(find(&world, 2)) && !generation_comes(find(&world, 1)));
	ck_assert_uint_eq(default_generation(world.fake), 2);
	ck_assert_ptr_nonnull(strstr(entry_of(&world, 2)->options, " nosmt"));
	engine_world_done(&world);
}
END_TEST

START_TEST(one_that_became_stale_waits_no_more)
{
	struct engine_world world;
	struct operation operation = {0};
	struct err err = {0};

	open_pending(&world);
	must(operation_begin(&operation, &world.machine, "test", &err));
	must(publish_withdraw(&operation, 2, "packages were changed", &err));
	operation_end(&operation, NULL);
	ck_assert(!generation_comes(find(&world, 2)));
	boots(&world, 1, proposed(&world, 1), true);
	blesses(&world);
	ck_assert_int_eq(find(&world, 2)->state, GEN_BUILT);
	ck_assert_uint_eq(default_generation(world.fake), 1);
	engine_world_done(&world);
}
END_TEST

START_TEST(rolling_back_gives_the_line_up_and_says_so)
{
	struct verb_request request = {.verb = "rollback", .which = "1"};
	struct engine_world world;
	json_t *answer;

	open_pending(&world);
	answer = does(&world, verb_rollback, &request);
	ck_assert(has_note(answer,
			   "the new kernel command line of generation 1 is not tried any more"));
	json_decref(answer);
	ck_assert_ptr_null(generation_proposed(find(&world, 1)));
	ck_assert_ptr_null(menu_trial(&world.machine.menu));
	ck_assert(!find(&world, 2)->waiting);
	json_decref(reconciles(&world));
	ck_assert_uint_eq(default_generation(world.fake), 1);
	engine_world_done(&world);
}
END_TEST

/* --- refusals ----------------------------------------------------------------------------------- */

START_TEST(sessions_that_are_not_the_usual_one_are_refused)
{
	struct engine_world world;
	struct err err = {0};

	open_proposing(&world);
	boots(&world, 1, proposed(&world, 1), true);
	refused(&world, "add", "debug", "trial session");
	engine_world_done(&world);
	open_running(&world);
	must(engine_offer(&world.machine, 2, &err));
	must(engine_bless(&world.machine, 2, &err));
	reopen(&world);
	refused(&world, "add", "debug", "temporary session");
	world.running.root_path[1] = 'x';
	refused(&world, "add", "debug", "none of moult's");
	engine_world_done(&world);
}
END_TEST

START_TEST(the_original_boots_as_it_did)
{
	struct engine_world world;
	struct verb_request request = {.verb = "rollback",
				       .which = "0",
				       .accept = (const char *const[]){"ORIGINAL_DATA", NULL}};

	open_running(&world);
	json_decref(does(&world, verb_rollback, &request));
	engine_runs(&world, 0, 0, false, "original");
	refused(&world, "add", "debug", "is the original");
	engine_world_done(&world);
}
END_TEST

START_TEST(a_line_too_long_for_an_entry_is_refused_before_anything_is_written)
{
	struct engine_world world;
	char *words = xmalloc(2001);

	memset(words, 'x', 2000);
	words[2000] = '\0';
	open_running(&world);
	refused(&world, "add", words, "too long");
	ck_assert_ptr_null(generation_proposed(find(&world, 1)));
	free(words);
	engine_world_done(&world);
}
END_TEST

START_TEST(undoing_the_adoption_takes_the_trial_back)
{
	struct verb_request request = {.verb = "init", .undo = true};
	struct engine_world world;

	open_proposing(&world);
	json_decref(does(&world, verb_init, &request));
	ck_assert_ptr_null(generation_proposed(find(&world, 1)));
	ck_assert_ptr_null(menu_trial(&world.machine.menu));
	engine_world_done(&world);
}
END_TEST

UNIT_MAIN("kargs_pending", a_pending_generation_waits_and_comes_after_with_the_new_line,
	  after_a_failure_the_pending_one_comes_without_the_new_line,
	  taking_the_line_back_offers_the_pending_one_again,
	  a_generation_that_is_made_meanwhile_waits_too, one_that_became_stale_waits_no_more,
	  rolling_back_gives_the_line_up_and_says_so,
	  sessions_that_are_not_the_usual_one_are_refused, the_original_boots_as_it_did,
	  a_line_too_long_for_an_entry_is_refused_before_anything_is_written,
	  undoing_the_adoption_takes_the_trial_back)
