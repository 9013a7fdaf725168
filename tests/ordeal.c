#include "ordeal.h"
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include "fault_host.h"

static void assert_settled(const struct ordeal *ordeal, struct engine_world *world,
			   const char *when)
{
	struct err err = {0};
	size_t effects;

	world->fake->locked = false;
	world->fake->package_locks = 0;
	ck_assert_msg(engine_world_reopen(world, &world->fake->host, &err), "%s: %s", when,
		      err.text);
	ck_assert_msg(engine_recover(&world->machine, &err), "%s: %s", when, err.text);
	ordeal->settled(world, when);
	effects = world->fake->effect_count;
	ck_assert_msg(engine_recover(&world->machine, &err), "%s: again: %s", when, err.text);
	ck_assert_msg(world->fake->effect_count == effects, "%s: recovering again did %d to %s",
		      when, world->fake->effects[effects].kind, world->fake->effects[effects].path);
}

/* Whether there is such a call. */
static bool fail_at(const struct ordeal *ordeal, unsigned call, int errnum)
{
	struct engine_world world;
	struct fault_host fault;
	struct err err = {0};
	json_t *answer = NULL;
	char when[80];

	ordeal->open(&world);
	fault_host_init(&fault, &world.fake->host);
	fault.fail_at = call;
	fault.errnum = errnum;
	if (engine_world_reopen(&world, &fault.host, &err) &&
	    ordeal->verb(&world.machine, ordeal->request, &answer, &err))
		json_decref(answer);
	snprintf(when, sizeof(when), "call %u (%s) failed", call,
		 fault.failed ? fault.failed : "none");
	assert_settled(ordeal, &world, when);
	engine_world_done(&world);
	return fault.failed != NULL;
}

void ordeal_of_calls(const struct ordeal *ordeal)
{
	bool reached = true;

	for (unsigned call = 1; reached; call++) {
		reached = fail_at(ordeal, call, call % 2 ? EIO : ENOSPC);
		if (ordeal->each_error)
			fail_at(ordeal, call, call % 2 ? ENOSPC : EIO);
	}
}

void ordeal_judge(const struct ordeal *ordeal, const struct engine_world *world,
		  const struct fake_cut *cut)
{
	struct engine_world after = {.progress = world->progress};
	char when[80];

	snprintf(when, sizeof(when), "power cut after effect %zu", cut->at);
	after.fake = fake_host_after_cut(world->fake, cut);
	if (ordeal->boots)
		ordeal->boots(after.fake, when);
	assert_settled(ordeal, &after, when);
	engine_world_done(&after);
}

static bool next_cut(const struct ordeal *ordeal, const struct fake_host *fake, size_t at,
		     unsigned n, struct fake_cut *ret)
{
	return ordeal->cuts ? fake_cut_some(fake, at, ordeal->cuts, n, ret)
			    : fake_cut_sample(fake, at, n, ret);
}

void ordeal_of_power(const struct ordeal *ordeal)
{
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;

	ordeal->open(&world);
	ck_assert_msg(ordeal->verb(&world.machine, ordeal->request, &answer, &err), "%s", err.text);
	json_decref(answer);
	for (size_t at = 0; at <= world.fake->effect_count; at++) {
		struct fake_cut cut;

		for (unsigned n = 0; next_cut(ordeal, world.fake, at, n, &cut); n++)
			ordeal_judge(ordeal, &world, &cut);
	}
	engine_world_done(&world);
}
