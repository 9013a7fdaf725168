/*
 * Late edits with every call failing once, and with the power cut after every effect: a generation
 * that may boot has all of them or none, and once it booted it has all.
 */
#include <errno.h>
#include <stdio.h>
#include "fault_host.h"
#include "late_world.h"
#include "text.h"
#include "verbs.h"

#define HOSTS "127.0.0.1 here\n"

typedef bool verb_of(struct machine *, const struct verb_request *, json_t **, struct err *);

static bool call(struct engine_world *world, verb_of *verb, struct err *err)
{
	struct verb_request request = {.verb = "test"};
	json_t *answer = NULL;
	bool done = verb(&world->machine, &request, &answer, err);

	json_decref(answer);
	return done;
}

static void edit_some(struct engine_world *world)
{
	struct host *host = &world->fake->host;

	edit(world, "etc/hosts", HOSTS);
	edit(world, "etc/new/file", "mine\n");
	ck_assert_int_eq(host->ops->remove(host, VOLUME_POOL, RUNS "/etc/motd"), 0);
}

static void edit_and_boot(struct engine_world *world)
{
	edit_some(world);
	late_world_boot(world);
}

static void change_packages(struct engine_world *world)
{
	edit(world, STATUS, DPKG("5.1.1"));
}

/* 2 is current, and was edited since it was built; 1 is gone back to. */
static void edit_current(struct engine_world *world)
{
	struct host *host = &world->fake->host;
	struct err err = {0};

	ck_assert_int_eq(host->ops->snapshot(host, PENDING, "@gens/2/base", true), 0);
	reopen(world);
	must(engine_bless(&world->machine, 2, &err));
	rebuild(world, "etc/hosts", HOSTS);
	rebuild(world, "etc/new/file", "mine\n");
}

static bool roll_back(struct machine *machine, const struct verb_request *request, json_t **ret,
		      struct err *err)
{
	struct verb_request back = {.verb = request->verb, .which = "1"};

	return verb_rollback(machine, &back, ret, err);
}

static size_t count_carried(const struct engine_world *world)
{
	return (strcmp(pending_text(world, "etc/hosts"), HOSTS) == 0) +
	       (pending_text(world, "etc/new/file") != NULL) + !pending_text(world, "etc/motd");
}

/* --- what must hold after recovery ---------------------------------------------------------------- */

static void assert_whole(const struct engine_world *world, const char *when)
{
	size_t carried = count_carried(world);

	ck_assert_msg(carried == 0 || carried == 3, "%s: %zu of 3 edits", when, carried);
}

static void assert_carried(struct engine_world *world, const char *when)
{
	struct err err = {0};

	assert_whole(world, when);
	/* what cannot be read cannot be vouched for: it is built again */
	if (find(world, 2)->stale) {
		ck_assert_msg(strstr(find(world, 2)->stale_why, "do not fit it") != NULL, "%s: %s",
			      when, find(world, 2)->stale_why);
		ck_assert_uint_eq(default_generation(world->fake), 1);
		return;
	}
	ck_assert_uint_eq(default_generation(world->fake), 2);
	ck_assert_msg(call(world, verb_late_edits, &err), "%s: again: %s", when, err.text);
	ck_assert_uint_eq(count_carried(world), 3);
}

static void assert_booted(struct engine_world *world, const char *when)
{
	struct err err = {0};

	ck_assert_msg(call(world, verb_first_boot, &err), "%s: again: %s", when, err.text);
	ck_assert_uint_eq(count_carried(world), 3);
}

static void assert_withdrawn(struct engine_world *world, const char *when)
{
	struct err err = {0};
	unsigned boots = default_generation(world->fake);

	ck_assert_msg(boots == 1 || boots == 2, "%s: %u boots", when, boots);
	ck_assert_msg(call(world, verb_stale_check, &err), "%s: again: %s", when, err.text);
	reopen(world);
	ck_assert_uint_eq(default_generation(world->fake), 1);
	ck_assert(find(world, 2)->stale);
}

/* What was edited stays, and of a copy there is all or nothing. */
static void assert_left(struct engine_world *world, const char *when)
{
	const char *copy = fake_host_text(world->fake, VOLUME_POOL, "@moult/left/2/etc/hosts");
	unsigned boots = default_generation(world->fake);
	struct err err = {0};

	ck_assert_msg(boots == 1 || boots == 2, "%s: %u boots", when, boots);
	ck_assert_msg(!copy || strcmp(copy, HOSTS) == 0, "%s: %s", when, copy);
	ck_assert_msg(call(world, roll_back, &err), "%s: again: %s", when, err.text);
	reopen(world);
	ck_assert_uint_eq(default_generation(world->fake), 1);
	ck_assert_str_eq(pending_text(world, "etc/hosts"), HOSTS);
}

static const struct {
	const char *name;
	void (*prepare)(struct engine_world *);
	verb_of *verb;
	void (*judge)(struct engine_world *, const char *when);
} operations[] = {
	{"late-edits", edit_some, verb_late_edits, assert_carried},
	{"first-boot", edit_and_boot, verb_first_boot, assert_booted},
	{"stale-check", change_packages, verb_stale_check, assert_withdrawn},
	{"rollback", edit_current, roll_back, assert_left},
};

static void judge(struct engine_world *world, size_t which, const char *when)
{
	static const char *const left[] = {"@gens/2/late-root", "@gens/2/late-seen"};
	struct err err = {0};
	size_t effects;

	world->fake->locked = false;
	ck_assert_msg(engine_world_reopen(world, &world->fake->host, &err), "%s: %s", when,
		      err.text);
	ck_assert_msg(engine_recover(&world->machine, &err), "%s: %s", when, err.text);
	for (size_t i = 0; i < COUNT(left); i++)
		ck_assert_msg(!fake_disk_find(&world->fake->disk, VOLUME_POOL, left[i]), "%s: %s",
			      when, left[i]);
	effects = world->fake->effect_count;
	ck_assert_msg(engine_recover(&world->machine, &err), "%s: %s", when, err.text);
	ck_assert_uint_eq(world->fake->effect_count, effects);
	operations[which].judge(world, when);
}

/* --- what can go wrong ---------------------------------------------------------------------------- */

static void fail_at(size_t which, unsigned number, int errnum, bool *ret_reached)
{
	struct engine_world world;
	struct fault_host fault;
	struct err err = {0};
	char when[80];

	late_world_open(&world);
	operations[which].prepare(&world);
	fault_host_init(&fault, &world.fake->host);
	fault.fail_at = number;
	fault.errnum = errnum;
	if (engine_world_reopen(&world, &fault.host, &err))
		call(&world, operations[which].verb, &err);
	*ret_reached = fault.failed != NULL;
	snprintf(when, sizeof(when), "%s, call %u (%s) failed", operations[which].name, number,
		 fault.failed ? fault.failed : "none");
	judge(&world, which, when);
	engine_world_done(&world);
}

START_TEST(any_call_may_fail)
{
	bool reached = true;

	for (unsigned number = 1; reached; number++)
		fail_at((size_t)_i, number, number % 2 ? EIO : ENOSPC, &reached);
}
END_TEST

static void judge_cut(const struct engine_world *world, const struct fake_cut *cut, size_t which)
{
	struct engine_world after = {.progress = world->progress};
	char when[80];

	snprintf(when, sizeof(when), "%s, power cut after effect %zu", operations[which].name,
		 cut->at);
	after.fake = fake_host_after_cut(world->fake, cut);
	judge(&after, which, when);
	engine_world_done(&after);
}

START_TEST(the_power_may_go_after_any_effect)
{
	struct engine_world world;
	struct err err = {0};
	size_t which = (size_t)_i;

	late_world_open(&world);
	operations[which].prepare(&world);
	reopen(&world);
	fake_host_mark(world.fake);
	must(call(&world, operations[which].verb, &err));
	for (size_t at = 0; at <= world.fake->effect_count; at++) {
		struct fake_cut cut;

		for (unsigned n = 0; fake_cut_sample(world.fake, at, n, &cut); n++)
			judge_cut(&world, &cut, which);
	}
	engine_world_done(&world);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("late_faults");

	unit_add(suite, any_call_may_fail, 0, COUNT(operations));
	unit_add(suite, the_power_may_go_after_any_effect, 0, COUNT(operations));
	return unit_run_suite(suite);
}
