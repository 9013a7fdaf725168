/*
 * checks - what must hold before moult changes a machine, and what `moult check` looks at.
 *
 * One table of checks, each for some contexts. A check only reads; what it has to say are findings.
 * One that cannot be carried out is a finding too ("unchecked"): nothing is passed over in silence.
 */
#pragma once
#include "findings.h"
#include "machine.h"

enum check_context {
	CHECK_INIT = 1 << 0, /* before a system is adopted */
	CHECK_UPGRADE = 1 << 1, /* before a generation is made; errors are what would stop it */
	CHECK_ALL = 1 << 2, /* everything that makes a promise false; reads every blob */
};

/*
 * `root`: path on the pool of the root that is looked at; NULL = the current generation's, or with
 * CHECK_INIT the one that checks_find_root() finds. CHECK_UPGRADE tries the package manager's lock
 * and gives it back: the caller must not hold it. Fails only when interrupted.
 */
bool checks_run(struct machine *machine, enum check_context context, const char *root,
		struct findings *findings, struct err *err);

/* Fails, with what to do, in a session in which nothing is changed: trial, temporary, volatile. */
bool checks_require_session(const struct machine *machine, struct err *err);

/* What the boot volume must have free for an adoption of this root, with the owner's margin. */
uint64_t checks_adoption_bytes(struct machine *machine, const char *root);

/* The root of a system that can be adopted, or could if its layout were supported; caller frees, NULL = none. */
char *checks_find_root(struct machine *machine);

/*
 * All refusals in one list, before anything is written. Warnings become notes of the progress; errors
 * one refusal. `root` as in checks_run().
 */
bool preflight(struct machine *machine, enum check_context context, const char *root,
	       struct err *err);
