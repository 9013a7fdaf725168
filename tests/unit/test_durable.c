/*
 * Every verb with the power cut: once it says that it is done nothing of it can be lost, and after each
 * of its effects the machine boots what it booted or what was asked for, and is recovered from.
 */
#include "checks_world.h"
#include "verb_judge.h"

START_TEST(what_is_reported_as_done_is_durable)
{
	const struct scene *scene = &scenes[_i];
	struct engine_world world;

	scene_open(scene, &world);
	scene_must(scene, &world);
	ck_assert_msg(!fake_host_pending(world.fake, 0), "%s: %s may be lost", scene->command,
		      fake_host_pending(world.fake, 0));
	engine_world_done(&world);
}
END_TEST

/* An adoption that was cut is gone on with; all else may be asked for once more, and says what it does. */
static void assert_done_again(const struct fate *fate, struct engine_world *world)
{
	const struct listing *listing = &world->machine.listing;
	struct err err = {0};
	json_t *answer = NULL;
	bool done = scene_call(fate->scene, world, &answer, &err);
	bool adopts = strcmp(fate->scene->command, "init") == 0 && !fate->scene->request.undo;

	json_decref(answer);
	ck_assert_msg(done || *err.text, "%s: failed without a word", fate->when);
	ck_assert_msg(done || !adopts || strstr(err.text, "adopted already"), "%s, again: %s",
		      fate->when, err.text);
	checks_world_reopen(world);
	for (size_t i = 0; i < listing->count; i++)
		ck_assert_msg(!listing->generations[i].damage, "%s: generation %u: %s", fate->when,
			      listing->generations[i].id, listing->generations[i].damage);
}

static void judge_cut(struct fate *fate, const struct engine_world *world,
		      const struct fake_cut *cut)
{
	struct engine_world after = {.progress = world->progress};
	char when[120];

	snprintf(when, sizeof(when), "%s, power cut after effect %zu", fate->scene->command,
		 cut->at);
	fate->when = when;
	after.fake = fake_host_after_cut(world->fake, cut);
	assert_boots(fate, &after);
	assert_recovers(fate, &after);
	assert_done_again(fate, &after);
	engine_world_done(&after);
}

START_TEST(the_power_may_go_after_any_effect)
{
	const struct scene *scene = &scenes[_i];
	struct engine_world world;
	struct fate fate = {.world = &world, .scene = scene};
	struct fake_cut cut;

	scene_open(scene, &world);
	fate.before = default_generation(world.fake);
	scene_must(scene, &world);
	fate.after = default_generation(world.fake);
	for (size_t at = 0; at <= world.fake->effect_count; at++)
		for (unsigned n = 0; fake_cut_sample(world.fake, at, n, &cut); n++)
			judge_cut(&fate, &world, &cut);
	engine_world_done(&world);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("durable");

	unit_add(suite, what_is_reported_as_done_is_durable, 0, (int)scene_count);
	unit_add(suite, the_power_may_go_after_any_effect, 0, (int)scene_count);
	return unit_run_suite(suite);
}
