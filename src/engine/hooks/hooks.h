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

/*
 * All hooks of the copy at `making` ("@gens/.7.tmp") that are for `staged`, by name. `from` is the
 * parent generation, -1 = none. A hook that the parent did not have, or had otherwise, runs twice,
 * and is refused when the second run changes anything. Writes making/hooks.json, not synced.
 */
bool hooks_staged(struct machine *machine, const char *making, int from, unsigned to,
		  struct err *err);

/*
 * All hooks of the running system for `phase`. A failing one does not make this fail: it is kept
 * in @moult/hooks-failed.json, and verb_health() counts it while this boot lasts.
 */
bool hooks_live(struct machine *machine, enum hook_phase phase, struct err *err);
/* What failed in this boot, for people; NULL = nothing. Caller frees. */
char *hooks_failed(struct machine *machine);

/* Reads every header in a root, for checks: false at the first hook that would be refused. */
bool hooks_lint(struct machine *machine, const char *root, struct err *err);
