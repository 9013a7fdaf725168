/*
 * The engine with every call failing once, and with the power cut after every effect.
 */
#include <stdio.h>
#include "engine_judge.h"
#include "fault_host.h"
#include "text.h"

/* --- what can go wrong -------------------------------------------------------------------------- */

typedef bool engine_call(struct machine *machine, unsigned id, struct err *err);

static const struct {
	const char *name;
	engine_call *prepare, *call;
	unsigned before, after; /* generations that may boot by default */
} operations[] = {
	{"offer", NULL, engine_offer, 1, 2},
	{"bless", engine_offer, engine_bless, 2, 2},
};

/* After recovery: the default is one of two, whole; pool and menu agree; nothing is left to do. */
static void assert_settled(struct engine_world *world, size_t which, const char *when)
{
	struct err err = {0};
	unsigned boots;
	size_t effects;
	const struct menu_entry *truth;

	ck_assert_msg(engine_recover(&world->machine, &err), "%s: %s", when, err.text);
	boots = default_generation(world->fake);
	ck_assert_msg(boots == operations[which].before || boots == operations[which].after,
		      "%s: generation %u boots", when, boots);
	truth = menu_truth(&world->machine.menu);
	ck_assert_ptr_nonnull(truth);
	ck_assert_msg(listing_current(&world->machine.listing)->id == truth->generation,
		      "%s: current is %u, the menu says %u", when,
		      listing_current(&world->machine.listing)->id, truth->generation);
	ck_assert_int_eq(find(world, truth->generation)->state, GEN_GOOD);
	effects = world->fake->effect_count;
	ck_assert_msg(engine_recover(&world->machine, &err), "%s: again: %s", when, err.text);
	for (size_t i = effects; i < world->fake->effect_count; i++)
		fprintf(stderr, "again: %d %s %.300s\n", world->fake->effects[i].kind,
			world->fake->effects[i].path, world->fake->effects[i].bytes);
	ck_assert_msg(world->fake->effect_count == effects, "%s: recovering again did %d to %s",
		      when, world->fake->effects[effects].kind, world->fake->effects[effects].path);
}

static void fail_at(size_t which, unsigned call, int errnum, bool *ret_reached)
{
	struct engine_world world;
	struct fault_host fault;
	struct err err = {0};
	char when[80];

	engine_world_open(&world);
	if (operations[which].prepare)
		must(operations[which].prepare(&world.machine, 2, &err));
	fault_host_init(&fault, &world.fake->host);
	fault.fail_at = call;
	fault.errnum = errnum;
	if (engine_world_reopen(&world, &fault.host, &err))
		operations[which].call(&world.machine, 2, &err);
	*ret_reached = fault.failed != NULL;
	snprintf(when, sizeof(when), "%s, call %u (%s) failed", operations[which].name, call,
		 fault.failed ? fault.failed : "none");
	world.fake->locked = false;
	err = (struct err){0};
	must(engine_world_reopen(&world, &world.fake->host, &err));
	assert_settled(&world, which, when);
	engine_world_done(&world);
}

START_TEST(any_call_may_fail)
{
	for (size_t which = 0; which < COUNT(operations); which++) {
		bool reached = true;

		for (unsigned call = 1; reached; call++) {
			fail_at(which, call, EIO, &reached);
			fail_at(which, call, ENOSPC, &reached);
		}
	}
}
END_TEST

static void judge_cut(const struct engine_world *world, const struct fake_cut *cut, size_t which)
{
	struct engine_world after = {.progress = world->progress};
	struct err err = {0};
	unsigned boots;
	char when[80];

	snprintf(when, sizeof(when), "%s, power cut after effect %zu", operations[which].name,
		 cut->at);
	after.fake = fake_host_after_cut(world->fake, cut);
	after.fake->locked = false;
	boots = default_generation(after.fake);
	ck_assert_msg(boots == operations[which].before || boots == operations[which].after,
		      "%s: generation %u boots", when, boots);
	ck_assert_msg(engine_world_reopen(&after, &after.fake->host, &err), "%s: %s", when,
		      err.text);
	assert_settled(&after, which, when);
	engine_world_done(&after);
}

/* All ways where there are few, the first and last ones where there are many. */
START_TEST(the_power_may_go_after_any_effect)
{
	for (size_t which = 0; which < COUNT(operations); which++) {
		struct engine_world world;
		struct err err = {0};

		engine_world_open(&world);
		if (operations[which].prepare)
			must(operations[which].prepare(&world.machine, 2, &err));
		fake_host_mark(world.fake);
		must(operations[which].call(&world.machine, 2, &err));
		for (size_t at = 0; at <= world.fake->effect_count; at++) {
			struct fake_cut cut;

			for (unsigned n = 0; fake_cut_some(world.fake, at, 40, n, &cut); n++)
				judge_cut(&world, &cut, which);
		}
		engine_world_done(&world);
	}
}
END_TEST

UNIT_MAIN("engine_faults", any_call_may_fail, the_power_may_go_after_any_effect)
