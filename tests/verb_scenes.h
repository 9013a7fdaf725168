/*
 * verb_scenes - each verb of the command table on a machine on which it has something to do.
 *
 * For tests that go through all verbs: what fails, and what a power cut leaves.
 */
#pragma once
#include "engine_world.h"
#include "verb.h"

struct scene {
	const char *command;
	void (*open)(struct engine_world *world);
	struct verb_request request; /* `verb` is the command's last word */
	const char *between; /* the generation that boots half-way; NULL = before or after */
};

extern const struct scene scenes[];
extern const size_t scene_count;

/* Everything on its disk is durable. */
void scene_open(const struct scene *scene, struct engine_world *ret);
/* The same machine once more, with a disk of its own; it borrows from `world`. */
void scene_copy(const struct engine_world *world, struct engine_world *ret);
bool scene_call(const struct scene *scene, struct engine_world *world, json_t **ret,
		struct err *err);
