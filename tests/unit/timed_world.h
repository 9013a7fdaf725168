/* timed_world - an ordinary session on the engine's machine, for tests of what timers do. */
#pragma once
#include <string.h>
#include "checks_world.h"
#include "engine_judge.h"
#include "text.h"
#include "verbs.h"

typedef bool verb_of(struct machine *, const struct verb_request *, json_t **, struct err *);

/* The machine of the engine's tests, with 1 current and running, in an ordinary session. */
static inline void open_world(struct engine_world *world)
{
	struct err err = {0};

	engine_world_open(world);
	engine_runs(world, 1, 2, false, "b1");
	world->fake->now_sec = WORLD_NOW;
	must(engine_world_reopen(world, &world->fake->host, &err));
}

static inline void set(char **setting, const char *value)
{
	free(*setting);
	*setting = xstrdup(value);
}

/* The document's sentence; caller frees. */
static inline char *ran(struct engine_world *world, verb_of *verb, struct verb_request request)
{
	auto_json json_t *answer = NULL;
	struct err err = {0};

	ck_assert_msg(verb(&world->machine, &request, &answer, &err), "%s", err.text);
	return xstrdup_or_null(json_string_value(json_object_get(answer, "sentence")));
}
