/*
 * A checkpoint takes its snapshot before it reads again what there is: another operation may have
 * ended since it read that at first.
 */
#include <errno.h>
#include <string.h>
#include "fault_host.h"
#include "text.h"
#include "unit.h"
#include "verb_scenes.h"
#include "verbs.h"

typedef bool run_verb(struct machine *, const struct verb_request *, json_t **, struct err *);

static const struct verb_request plain = {.verb = "checkpoint"};

/* Opened, and the number that the next generation would have. */
static unsigned open_world(struct engine_world *world)
{
	for (size_t i = 0; i < scene_count; i++)
		if (strcmp(scenes[i].command, "checkpoint") == 0) {
			scene_open(&scenes[i], world);
			return (unsigned)listing_highest_id(&world->machine.listing) + 1;
		}
	ck_abort_msg("no scene");
}

static void by_another(struct engine_world *world, run_verb *verb,
		       const struct verb_request *request)
{
	struct machine other = {0};
	struct err err = {0};
	json_t *answer = NULL;

	ck_assert(machine_open(&other, &world->fake->host, &world->progress, &err));
	ck_assert_msg(verb(&other, request, &answer, &err), "%s", err.text);
	json_decref(answer);
	machine_done(&other);
}

static const struct generation *look(struct engine_world *world, unsigned id)
{
	struct err err = {0};

	ck_assert(engine_world_reopen(world, &world->fake->host, &err));
	ck_assert_uint_eq(world->machine.listing.leftover_count, 0);
	ck_assert(!world->fake->locked);
	return listing_find(&world->machine.listing, id);
}

START_TEST(a_number_that_was_taken_meanwhile_is_not_used_again)
{
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;
	unsigned id = open_world(&world);

	by_another(&world, verb_checkpoint, &plain);
	ck_assert_msg(verb_checkpoint(&world.machine, &plain, &answer, &err), "%s", err.text);
	ck_assert_int_eq(json_integer_value(json_object_get(answer, "generation")), id + 1);
	ck_assert_int_eq(look(&world, id)->state, GEN_GOOD);
	ck_assert_int_eq(look(&world, id + 1)->state, GEN_GOOD);
	ck_assert_int_eq(look(&world, id + 1)->parent, look(&world, id)->parent);
	json_decref(answer);
	engine_world_done(&world);
}
END_TEST

START_TEST(a_name_that_was_given_meanwhile_is_refused_and_takes_nothing_away)
{
	const struct verb_request named = {.verb = "checkpoint", .name = "before"};
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;
	unsigned id = open_world(&world);

	by_another(&world, verb_checkpoint, &named);
	ck_assert(!verb_checkpoint(&world.machine, &named, &answer, &err));
	ck_assert_ptr_null(answer);
	ck_assert_int_eq(look(&world, id)->state, GEN_GOOD);
	ck_assert_ptr_null(look(&world, id + 1));
	engine_world_done(&world);
}
END_TEST

START_TEST(what_is_current_no_more_is_not_copied)
{
	const struct verb_request back = {.verb = "rollback", .which = "1"};
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;
	unsigned id = open_world(&world);

	by_another(&world, verb_rollback, &back);
	ck_assert(!verb_checkpoint(&world.machine, &plain, &answer, &err));
	ck_assert_int_eq(err.kind, ERR_REFUSED);
	ck_assert_ptr_null(look(&world, id));
	ck_assert_uint_eq(listing_current(&world.machine.listing)->id, 1);
	engine_world_done(&world);
}
END_TEST

static size_t whole(const struct listing *listing)
{
	size_t count = 0;

	for (size_t i = 0; i < listing->count; i++)
		count += !listing->generations[i].damage;
	return count;
}

/* Whether there is such a call. What was there before, the original first of all, is there after it. */
static bool fail_at(unsigned call)
{
	struct engine_world world;
	struct fault_host fault;
	struct err err = {0};
	json_t *answer = NULL;
	unsigned id = open_world(&world);
	size_t before;

	by_another(&world, verb_checkpoint, &plain);
	before = world.machine.listing.count + 1;
	fault_host_init(&fault, &world.fake->host);
	fault.fail_at = call;
	fault.errnum = EIO;
	world.machine.host = &fault.host;
	if (verb_checkpoint(&world.machine, &plain, &answer, &err))
		json_decref(answer);
	world.fake->locked = false;
	ck_assert(engine_world_reopen(&world, &world.fake->host, &(struct err){0}));
	ck_assert_msg(whole(&world.machine.listing) >= before, "call %u (%s) failed: %zu are left",
		      call, fault.failed ? fault.failed : "none", whole(&world.machine.listing));
	ck_assert_msg(listing_find(&world.machine.listing, 0) != NULL, "call %u (%s)", call,
		      fault.failed);
	ck_assert_int_eq(listing_find(&world.machine.listing, id)->state, GEN_GOOD);
	engine_world_done(&world);
	return fault.failed != NULL;
}

START_TEST(whatever_fails_nothing_of_another_goes)
{
	for (unsigned call = 1; fail_at(call); call++)
		continue;
}
END_TEST

UNIT_MAIN("checkpoint_beside", whatever_fails_nothing_of_another_goes,
	  a_number_that_was_taken_meanwhile_is_not_used_again,
	  a_name_that_was_given_meanwhile_is_refused_and_takes_nothing_away,
	  what_is_current_no_more_is_not_copied)
