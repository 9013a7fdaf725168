/*
 * late_world - generation 1 runs, generation 2 was staged from it and is on trial.
 *
 * What was edited since is what a test puts below RUNS; the pending one's own changes below PENDING.
 */
#pragma once
#include "unit/engine_judge.h"

#define RUNS "@gens/1/root"
#define PENDING "@gens/2/root"
#define STATUS "usr/lib/sysimage/dpkg/status"

/* Of a package called "bash", in this version. */
#define DPKG(version)                                                                              \
	"Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: " version "\n" \
	"\n"

/* Edited and staged: nothing yet. The fake's record of effects begins here. */
void late_world_open(struct engine_world *world);
/* Generation 2 runs, in the first boot of its trial. */
void late_world_boot(struct engine_world *world);
void edit(struct engine_world *world, const char *path, const char *text);
void rebuild(struct engine_world *world, const char *path, const char *text);
/* Of the pending root; borrowed; NULL = it is not there. */
const char *pending_text(const struct engine_world *world, const char *path);
