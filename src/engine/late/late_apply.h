/*
 * late_apply - edits put into another root: content by reflink, owner, mode, times, attributes.
 *
 * Each file is complete under another name before it gets its own, so a cut leaves the old one or
 * the new one; doing it again changes nothing. Two names of one file become two files.
 */
#pragma once
#include "late.h"

struct late_apply {
	struct machine *machine;
	const char *from, *to; /* roots on the pool; `from` does not change meanwhile */
	int64_t until_usec; /* monotonic; then it is given up with ERR_BUSY. 0 = never */
};

/* Those that are to be carried; all that is gone first, the deepest first. */
bool late_apply(const struct late_apply *apply, const struct late_edits *edits, struct err *err);
/*
 * One path of `from` into a tree of its own, with the directories it needs. What is gone is nothing;
 * ERR_BUSY and ERR_INTERRUPTED as above.
 */
bool late_park(const struct late_apply *apply, const char *path, struct err *err);
