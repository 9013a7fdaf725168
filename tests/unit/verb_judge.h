/* verb_judge - what must hold of a machine on which a verb did not come to its end. */
#pragma once
#include <stdio.h>
#include "engine_judge.h"
#include "verb_scenes.h"

/* What the loader boots by itself once the verb is done. */
static inline unsigned boots_after(const struct engine_world *before, const struct scene *scene)
{
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;
	unsigned boots;

	scene_copy(before, &world);
	reopen(&world);
	scene_call(scene, &world, &answer, &err);
	json_decref(answer);
	boots = default_generation(world.fake);
	engine_world_done(&world);
	return boots;
}

/* What it is for is done: a scene that refuses would prove nothing. */
static inline void scene_must(const struct scene *scene, struct engine_world *world)
{
	struct err err = {0};
	json_t *answer = NULL;

	ck_assert_msg(scene_call(scene, world, &answer, &err), "%s: %s", scene->command, err.text);
	ck_assert_ptr_nonnull(answer);
	json_decref(answer);
}

struct fate {
	const struct engine_world *world; /* as it was before */
	const struct scene *scene;
	unsigned before, after; /* generations that may boot by default */
	const char *when;
};

static inline bool is_between(const struct scene *scene, unsigned boots)
{
	return scene->between && (unsigned)atoi(scene->between) == boots;
}

static inline void assert_boots(const struct fate *fate, const struct engine_world *world)
{
	unsigned boots = default_generation(world->fake);

	ck_assert_msg(boots == fate->before || boots == fate->after ||
			      is_between(fate->scene, boots),
		      "%s: generation %u boots", fate->when, boots);
}

/* The next command recovers, and the one after that finds nothing to do. */
static inline void assert_recovers(const struct fate *fate, struct engine_world *world)
{
	struct err err = {0};
	size_t effects;

	world->fake->locked = false;
	ck_assert_msg(engine_world_reopen(world, &world->fake->host, &err), "%s: %s", fate->when,
		      err.text);
	ck_assert_msg(engine_recover(&world->machine, &err), "%s: %s", fate->when, err.text);
	assert_boots(fate, world);
	effects = world->fake->effect_count;
	ck_assert_msg(engine_recover(&world->machine, &err), "%s, again: %s", fate->when, err.text);
	ck_assert_msg(world->fake->effect_count == effects, "%s: recovering again did %d to %s",
		      fate->when, world->fake->effects[effects].kind,
		      world->fake->effects[effects].path);
}
