/*
 * live_world - Debian as its installer leaves it, running, in memory; and the boots it goes through.
 *
 * What is written to it while it runs is told apart by where it is looked for: in the data of what
 * boots next, parted or not.
 */
#pragma once
#include "checks_world.h"
#include "verbs.h"

/* In the subvolume `root`: "@rootfs", "@", "debian", or "" for the top of the Btrfs. */
void live_world_open(struct engine_world *world, const char *root);
/* What the loader boots by itself is what runs now, by the independent model; its path, borrowed. */
const char *live_world_boot(struct engine_world *world);
/* Boots that, without counting it as the loader would. */
bool live_verb(struct engine_world *world,
	       bool (*verb)(struct machine *, const struct verb_request *, json_t **, struct err *),
	       const struct verb_request *request, struct err *err);

/* A file of the system that runs, in what its /home is by now. */
void live_world_write(struct engine_world *world, const char *name);
/* Whether the system that runs has it. */
bool live_world_has(const struct engine_world *world, const char *name);
