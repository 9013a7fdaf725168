/*
 * late_rules - edits of the running root that came after a generation was staged: what becomes of them.
 *
 * Pure tables. Three sides know a path: the root that runs, the same root as it was when the
 * generation was staged from it (the ancestor), and the pending generation. An edit is carried over
 * where the pending one still has what the ancestor had, so that in the end it is as if it had been
 * made before the staging.
 */
#pragma once
#include <stdbool.h>

struct late_sides {
	bool edited; /* running and ancestor differ */
	bool rebuilt; /* pending and ancestor differ */
	bool alike; /* running and pending do not */
};

enum late_verdict {
	LATE_SAME, /* nothing to do */
	LATE_CARRY, /* the pending one gets what the running one has */
	LATE_CONFLICT, /* both were changed, each in its own way */
	LATE_LEFT, /* so was a file of a package, which brings its own: that one stays */
};

enum late_verdict late_decide(const struct late_sides *sides);

/*
 * Whether what lies at this path (relative to the root) can be an edit: data is shared anyhow,
 * package state is judged as a whole, and some files are made anew from others.
 */
bool late_in_scope(const char *path);
/* Whether a package manager asks before it overwrites what its packages have there. */
bool late_is_configuration(const char *path);
/* Accounts, host keys, certificates and networks: who may log in, and whom others take this for. */
bool late_is_identity(const char *path);
/*
 * What an initrd was made from: what it does by it, for people ("opens encrypted disks"); NULL =
 * it does not matter to it. A generation with another initrd is wanted then. fstab is not in the
 * table: only its lines of / and /usr matter.
 */
const char *late_baked_into(const char *path);
