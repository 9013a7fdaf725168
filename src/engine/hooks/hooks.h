/*
 * hooks - executables in /etc/moult/hooks.d that a machine's owner runs along with an upgrade.
 *
 * It may do nothing but what its header declares (hook_header.h): in the phase `staged` on the copy,
 * in the stage; in the others on the system that runs.
 * Argument: the phase. Each run is in the journal: name, exit status, duration, last lines.
 */
#pragma once
#include "hook_header.h"
#include "machine.h"

#define HOOKS_DIRECTORY "etc/moult/hooks.d"

/* A copy that is being made. Everything is borrowed. */
struct hooks_copy {
	const char *making; /* "@gens/.7.tmp" */
	int from; /* the parent generation, -1 = none */
	unsigned to; /* its number */
	/* the machine's data as the stage has it: overlays, parents before what is mounted in them */
	const struct stage_mount *data;
	size_t data_count;
};

/*
 * All hooks of the copy that are for `staged`, by name. One that the parent did not have, or had
 * otherwise, runs twice, and is refused when the second run changes anything of what it may write.
 * Data is there to be read; what a hook writes into it lies in the overlay afterwards, as what
 * packages wrote there does. Writes making/hooks.json, not synced.
 */
bool hooks_staged(struct machine *machine, const struct hooks_copy *copy, struct err *err);

/*
 * All hooks of the running system for `phase`. A failing one does not make this fail: it is kept
 * in @moult/hooks-failed.json, and verb_health() counts it while this boot lasts.
 */
bool hooks_live(struct machine *machine, enum hook_phase phase, struct err *err);
/* What failed in this boot, for people; NULL = nothing. Caller frees. */
char *hooks_failed(struct machine *machine);

/* Reads every header in a root, for checks: false at the first hook that would be refused. */
bool hooks_lint(struct machine *machine, const char *root, struct err *err);
