/*
 * Every verb with every call of the host failing, one after the other: it is
 * done or it says why, the machine boots what it booted or what was asked for,
 * and recovery has nothing left to do.
 */
#include <stdio.h>
#include "command.h"
#include "fault_host.h"
#include "verb_judge.h"

/* What fails, and how: once, although it happened, or from then on. */
static const struct manner {
	int errnum;
	bool afterwards, forever;
} manners[] = {
	{EIO, false, false},
	{ENOSPC, false, true},
	{EINTR, true, false},
	{EROFS, false, true},
};

/* False: there are not so many calls. */
static bool fail_at(struct fate *fate, unsigned number, const struct manner *manner)
{
	struct engine_world world;
	struct fault_host fault;
	struct err err = {0};
	json_t *answer = NULL;
	char when[160];
	bool done = false;

	scene_copy(fate->world, &world);
	fault_host_init(&fault, &world.fake->host);
	fault.fail_at = number;
	fault.errnum = manner->errnum;
	fault.afterwards = manner->afterwards;
	fault.forever = manner->forever;
	if (engine_world_reopen(&world, &fault.host, &err))
		done = scene_call(fate->scene, &world, &answer, &err);
	snprintf(when, sizeof(when), "%s%s, call %u (%s), %s%s%s", fate->scene->command,
		 fate->scene->request.undo ? " --undo" : "", number,
		 fault.failed ? fault.failed : "none", strerror(manner->errnum),
		 manner->afterwards ? " though it was done" : "",
		 manner->forever ? " and ever after" : "");
	fate->when = when;
	ck_assert_msg(done || *err.text, "%s: failed without a word", when);
	ck_assert_msg(!done || answer, "%s: done without an answer", when);
	json_decref(answer);
	assert_boots(fate, &world);
	assert_recovers(fate, &world);
	engine_world_done(&world);
	return fault.failed != NULL;
}

/* Each call in one manner, in turn; with --all in each. */
START_TEST(any_call_of_any_verb_may_fail)
{
	const struct scene *scene = &scenes[_i];
	struct engine_world world;
	struct fate fate = {.world = &world, .scene = scene};
	bool all = getenv("MOULT_TEST_ALL") != NULL;

	scene_open(scene, &world);
	fate.before = default_generation(world.fake);
	fate.after = boots_after(&world, scene);
	for (unsigned i = 0; i < COUNT(manners); i++)
		for (unsigned number = all ? 1 : i + 1; fail_at(&fate, number, &manners[i]);
		     number += all ? 1 : COUNT(manners))
			;
	engine_world_done(&world);
}
END_TEST

START_TEST(without_a_fault_each_is_done)
{
	const struct scene *scene = &scenes[_i];
	struct engine_world world;

	scene_open(scene, &world);
	scene_must(scene, &world);
	engine_world_done(&world);
}
END_TEST

START_TEST(no_verb_is_forgotten)
{
	for (size_t i = 0; command_at(i); i++) {
		bool found = !command_at(i)->verb;

		for (size_t j = 0; j < scene_count; j++)
			found = found || strcmp(scenes[j].command, command_at(i)->name) == 0;
		ck_assert_msg(found, "%s", command_at(i)->name);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("verb_faults");

	unit_add(suite, without_a_fault_each_is_done, 0, scene_count);
	unit_add(suite, any_call_of_any_verb_may_fail, 0, scene_count);
	unit_add(suite, no_verb_is_forgotten, 0, 1);
	return unit_run_suite(suite);
}
