/*
 * What is said before a rollback, and what is done: both for every state a generation can be in,
 * and for the original, whose data is not that of the others.
 */
#include <errno.h>
#include <string.h>
#include "engine_judge.h"
#include "text.h"
#include "verbs.h"

static const char *const accept_original[] = {"ORIGINAL_DATA", NULL};
static const char *const accept_bad[] = {"BAD_GENERATION", NULL};

/* 1 is current; 2 was offered and taken back for 3, which failed its trial; 4 was never offered. */
static void open_world(struct engine_world *world)
{
	struct verb_request failed = {.verb = "give-up", .reason = "sshd is dead"};
	struct err err = {0};
	json_t *answer = NULL;

	engine_world_open(world);
	must(engine_offer(&world->machine, 2, &err));
	must(engine_offer(&world->machine, 3, &err));
	engine_runs(world, 3, menu_trial(&world->machine.menu)->serial, true, "b3");
	must(engine_world_reopen(world, &world->fake->host, &err));
	must(verb_give_up(&world->machine, &failed, &answer, &err));
	json_decref(answer);
	for (int i = 0; i < 3; i++)
		loader_model_boot(&world->fake->disk);
	for (int i = 0; i < 4; i++) {
		auto_free char *path =
			i ? xasprintf("@gens/%d/root/usr/lib/sysimage/dpkg/status", i)
			  : xstrdup("@rootfs/var/lib/dpkg/status");

		fake_host_put(world->fake, VOLUME_POOL, path,
			      "Package: a\nStatus: install ok installed\nVersion: 1\n"
			      "Architecture: all\n");
	}
	engine_runs(world, 1, 2, false, "b4");
	must(engine_world_reopen(world, &world->fake->host, &err));
	must(engine_recover(&world->machine, &err));
	ck_assert_int_eq(find(world, 2)->state, GEN_BUILT);
	ck_assert_int_eq(find(world, 3)->state, GEN_BAD);
}

static bool has_note(const json_t *document, const char *part)
{
	const json_t *note;
	size_t i;

	json_array_foreach(json_object_get(document, "notes"), i, note)
	{
		if (strstr(json_string_value(note), part))
			return true;
	}
	return false;
}

static bool has_step(const json_t *document, const char *name)
{
	const json_t *step;
	size_t i;

	json_array_foreach(json_object_get(document, "steps"), i, step)
	{
		if (text_equal(json_string_value(json_object_get(step, "name")), name))
			return true;
	}
	return false;
}

/* --- the original -------------------------------------------------------------------------------- */

#define ORIGINAL "what was written since stays in the data subvolumes"

START_TEST(the_original_is_made_current_only_by_those_who_know_that_its_data_is_old)
{
	struct verb_request request = {.verb = "rollback", .which = "0"};
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;

	open_world(&world);
	ck_assert(!verb_rollback(&world.machine, &request, &answer, &err));
	ck_assert_int_eq(err.kind, ERR_NEEDS_ACK);
	ck_assert_ptr_nonnull(strstr(err.text, ORIGINAL));
	ck_assert_str_eq(err.hint, "sudo moult rollback 0 --accept ORIGINAL_DATA");
	ck_assert_uint_eq(default_generation(world.fake), 1);
	err = (struct err){0};
	request.accept = accept_bad;
	ck_assert(!verb_rollback(&world.machine, &request, &answer, &err));
	err = (struct err){0};
	request.accept = accept_original;
	must(verb_rollback(&world.machine, &request, &answer, &err));
	ck_assert_uint_eq(default_generation(world.fake), 0);
	ck_assert(has_note(answer, ORIGINAL));
	ck_assert(has_note(answer, "sudo mount -o subvolid=5 UUID="));
	ck_assert(!has_note(answer, "stay as they are"));
	json_decref(answer);
	must(verb_rollback(&world.machine, &(struct verb_request){.verb = "rollback", .which = "1"},
			   &answer, &err));
	ck_assert(has_note(answer, "stay as they are"));
	json_decref(answer);
	engine_world_done(&world);
}
END_TEST

/* Without a number it may be meant, too. */
START_TEST(the_original_is_not_slipped_in_as_the_last_good_one)
{
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;

	open_world(&world);
	ck_assert(!verb_rollback(&world.machine, &(struct verb_request){.verb = "rollback"},
				 &answer, &err));
	ck_assert_int_eq(err.kind, ERR_NEEDS_ACK);
	ck_assert_str_eq(err.hint, "sudo moult rollback 0 --accept ORIGINAL_DATA");
	engine_world_done(&world);
}
END_TEST

START_TEST(the_plan_of_the_original_does_not_promise_that_data_stays)
{
	struct verb_request request = {.verb = "plan", .which = "rollback", .name = "0"};
	struct engine_world world;
	struct err err = {0};
	json_t *plan = NULL;

	open_world(&world);
	must(verb_plan(&world.machine, &request, &plan, &err));
	ck_assert_uint_eq(json_array_size(json_object_get(plan, "not_rolled_back")), 0);
	ck_assert(has_note(plan, ORIGINAL));
	ck_assert_str_eq(json_string_value(json_array_get(json_object_get(plan, "accept"), 0)),
			 "ORIGINAL_DATA");
	ck_assert(has_step(plan, "set-default"));
	json_decref(plan);
	engine_world_done(&world);
}
END_TEST

START_TEST(a_session_of_the_original_is_kept_only_by_those_who_know)
{
	struct verb_request request = {.verb = "keep"};
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;

	open_world(&world);
	engine_runs(&world, 0, 0, false, "b5");
	must(engine_world_reopen(&world, &world.fake->host, &err));
	ck_assert(!verb_keep(&world.machine, &request, &answer, &err));
	ck_assert_int_eq(err.kind, ERR_NEEDS_ACK);
	ck_assert_str_eq(err.hint, "sudo moult keep --accept ORIGINAL_DATA");
	ck_assert_uint_eq(default_generation(world.fake), 1);
	err = (struct err){0};
	request.accept = accept_original;
	must(verb_keep(&world.machine, &request, &answer, &err));
	ck_assert_str_eq(json_string_value(json_object_get(answer, "sentence")),
			 "generation 0 is current");
	ck_assert_uint_eq(default_generation(world.fake), 0);
	ck_assert(has_note(answer, ORIGINAL));
	json_decref(answer);
	engine_world_done(&world);
}
END_TEST

/* --- what is shown is what is done ---------------------------------------------------------------- */

static const struct {
	const char *which;
	const char *const *accept;
	bool base;
	enum err_kind refused; /* ERR_NONE = it is done */
	const char *outcome; /* of the verb */
	unsigned boots; /* by default, afterwards */
	const char *step; /* that is shown; NULL = none */
	const char *not_step; /* that must not be */
} cases[] = {
	{"1", NULL, false, ERR_NONE, "nothing", 1, NULL, "set-default"},
	{"0", accept_original, false, ERR_NONE, "done", 0, "set-default", "offer it on trial"},
	{"0", NULL, false, ERR_NEEDS_ACK, NULL, 1, NULL, NULL},
	{"2", NULL, false, ERR_NONE, "done", 2, "offer it on trial", "set-default"},
	{"3", NULL, false, ERR_NEEDS_ACK, NULL, 1, NULL, NULL},
	{"3", accept_bad, false, ERR_NONE, "done", 3, "offer it on trial", "set-default"},
	{"2", NULL, true, ERR_REFUSED, NULL, 1, NULL, NULL},
	{"9", NULL, false, ERR_REFUSED, NULL, 1, NULL, NULL},
};

static bool roll_back(struct engine_world *world, size_t i, bool dry_run, json_t **ret,
		      struct err *err)
{
	struct verb_request request = {.verb = "rollback",
				       .which = cases[i].which,
				       .accept = cases[i].accept,
				       .base = cases[i].base,
				       .dry_run = dry_run};

	*ret = NULL;
	*err = (struct err){0};
	return verb_rollback(&world->machine, &request, ret, err);
}

static const char *outcome_of(const json_t *answer)
{
	return json_string_value(json_object_get(answer, "outcome"));
}

static void assert_shown(struct engine_world *world, size_t i)
{
	size_t effects = world->fake->effect_count;
	struct err err;
	json_t *answer;
	bool shown = roll_back(world, i, true, &answer, &err);

	ck_assert_msg(shown == (cases[i].refused == ERR_NONE), "case %zu: %s", i, err.text);
	ck_assert_int_eq(shown ? ERR_NONE : err.kind, cases[i].refused);
	ck_assert_uint_eq(world->fake->effect_count, effects);
	if (!shown)
		return;
	ck_assert_str_eq(outcome_of(answer),
			 strcmp(cases[i].outcome, "nothing") == 0 ? "nothing" : "planned");
	ck_assert_msg(!cases[i].step || has_step(answer, cases[i].step), "case %zu", i);
	ck_assert_msg(!has_step(answer, cases[i].not_step), "case %zu", i);
	json_decref(answer);
}

START_TEST(a_dry_run_foretells_what_the_rollback_does_or_why_it_is_refused)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct engine_world world;
		struct err err;
		json_t *answer;
		bool done;

		open_world(&world);
		assert_shown(&world, i);
		done = roll_back(&world, i, false, &answer, &err);
		ck_assert_msg(done == (cases[i].refused == ERR_NONE), "case %zu: %s", i, err.text);
		ck_assert_int_eq(done ? ERR_NONE : err.kind, cases[i].refused);
		ck_assert_uint_eq(default_generation(world.fake), cases[i].boots);
		if (done)
			ck_assert_str_eq(outcome_of(answer), cases[i].outcome);
		json_decref(answer);
		engine_world_done(&world);
	}
}
END_TEST

/* Nothing is done by halves: neither the default subvolume nor data is touched. */
START_TEST(where_the_boot_volume_takes_no_writes_nothing_is_begun)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct engine_world world;
		struct err err;
		json_t *answer;
		auto_free char *before = NULL;
		bool nothing = cases[i].outcome && strcmp(cases[i].outcome, "nothing") == 0;

		open_world(&world);
		world.fake->not_writable[VOLUME_BOOT] = -EROFS;
		before = xstrdup(world.machine.listing.default_root);
		for (int dry_run = 0; dry_run < 2; dry_run++) {
			ck_assert(roll_back(&world, i, dry_run, &answer, &err) == nothing);
			json_decref(answer);
			if (cases[i].refused != ERR_NONE || nothing)
				continue;
			ck_assert_ptr_nonnull(strstr(err.text, "is read-only"));
			/* only the original has an entry beside that of current */
			if (strcmp(cases[i].which, "0") != 0)
				ck_assert_str_eq(err.hint, "sudo moult check");
			else
				ck_assert_str_eq(err.hint,
						 "sudo systemctl reboot --boot-loader-menu=60");
		}
		ck_assert_uint_eq(default_generation(world.fake), 1);
		must(engine_world_reopen(&world, &world.fake->host, &err));
		ck_assert_str_eq(world.machine.listing.default_root, before);
		engine_world_done(&world);
	}
}
END_TEST

START_TEST(a_dry_run_that_wants_an_acknowledgement_does_not_name_the_real_command)
{
	struct verb_request request = {.verb = "rollback", .which = "3", .dry_run = true};
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;

	open_world(&world);
	ck_assert(!verb_rollback(&world.machine, &request, &answer, &err));
	ck_assert_str_eq(err.hint, "sudo moult rollback 3 -n --accept BAD_GENERATION");
	engine_world_done(&world);
}
END_TEST

START_TEST(a_plan_shows_a_trial_where_the_rollback_is_one)
{
	struct verb_request request = {.verb = "plan", .which = "rollback"};
	struct engine_world world;
	struct err err = {0};
	json_t *plan = NULL;

	open_world(&world);
	for (request.name = "2"; request.name; request.name = *request.name == '2' ? "3" : NULL) {
		bool bad = *request.name == '3';

		must(verb_plan(&world.machine, &request, &plan, &err));
		ck_assert(has_step(plan, "offer it on trial") && !has_step(plan, "set-default"));
		ck_assert(has_note(plan, "it is tried first"));
		ck_assert_uint_gt(json_array_size(json_object_get(plan, "not_rolled_back")), 0);
		ck_assert_uint_eq(json_array_size(json_object_get(plan, "accept")), bad);
		json_decref(plan);
	}
	request.name = "1";
	must(verb_plan(&world.machine, &request, &plan, &err));
	ck_assert_uint_eq(json_array_size(json_object_get(plan, "steps")), 0);
	ck_assert(has_note(plan, "generation 1 is current already"));
	json_decref(plan);
	engine_world_done(&world);
}
END_TEST

START_TEST(the_plan_says_which_configuration_changes_back)
{
	struct engine_world world;
	struct err err = {0};
	auto_json json_t *plan = NULL;
	auto_free char *config = NULL;

	open_world(&world);
	fake_host_put(world.fake, VOLUME_POOL, "@gens/1/root/etc/mine", "m");
	fake_host_put(world.fake, VOLUME_POOL, "@gens/1/root/etc/both", "1");
	fake_host_put(world.fake, VOLUME_POOL, "@gens/2/root/etc/both", "2");
	fake_host_put(world.fake, VOLUME_POOL, "@gens/2/root/etc/theirs", "t");
	must(verb_plan(&world.machine,
		       &(struct verb_request){.verb = "plan", .which = "rollback", .name = "2"},
		       &plan, &err));
	config = json_print_line(json_object_get(plan, "config"));
	ck_assert_str_eq(
		config,
		"[{\"code\":\"CONFIG_CHANGED\",\"level\":\"note\",\"file\":\"/etc/both\",\"line\":"
		"null,\"why\":\"generation 2 has another content\",\"remedy\":null},"
		"{\"code\":\"CONFIG_REMOVED\",\"level\":\"note\",\"file\":\"/etc/mine\",\"line\":"
		"null,\"why\":\"only generation 1 has it\",\"remedy\":null},"
		"{\"code\":\"CONFIG_CREATED\",\"level\":\"note\",\"file\":\"/etc/theirs\",\"line\":"
		"null,\"why\":\"only generation 2 has it\",\"remedy\":null}]");
	engine_world_done(&world);
}
END_TEST

UNIT_MAIN("rollback_plan", the_plan_says_which_configuration_changes_back,
	  the_original_is_made_current_only_by_those_who_know_that_its_data_is_old,
	  the_original_is_not_slipped_in_as_the_last_good_one,
	  the_plan_of_the_original_does_not_promise_that_data_stays,
	  a_session_of_the_original_is_kept_only_by_those_who_know,
	  a_dry_run_foretells_what_the_rollback_does_or_why_it_is_refused,
	  where_the_boot_volume_takes_no_writes_nothing_is_begun,
	  a_dry_run_that_wants_an_acknowledgement_does_not_name_the_real_command,
	  a_plan_shows_a_trial_where_the_rollback_is_one)
