/*
 * late - what happens to the running root after a generation was staged from it.
 *
 * The ancestor (@gens/7/ancestor) is the root as it was staged from; what differs from it is an edit,
 * if core/late_rules says so. Finding them costs what was changed (host: changed_since). Packages that
 * changed live, an edit that the initrd was made from, and one that the new generation contradicts
 * make it stale: it leaves the menu (withdraw.h), and is built again. All others are carried over
 * (carry.h). This only looks.
 */
#pragma once
#include "late_rules.h"
#include "machine.h"

/* The generation on trial, and what it was staged from. */
struct late_watch {
	const struct generation *pending; /* borrowed from the listing */
	char from[GENERATION_PATH_MAX]; /* the root that is edited; it runs, or did */
	char ancestor[GENERATION_PATH_MAX], to[GENERATION_PATH_MAX];
	bool runs; /* the pending one: this is its trial boot */
};

struct late_edit {
	char *path; /* relative to the root */
	enum late_verdict verdict; /* never LATE_SAME */
	const char *baked; /* what the initrd does by it; NULL = it does not matter to it */
};

struct late_edits { /* by path */
	struct late_edit *all;
	size_t count;
};

void late_edits_done(struct late_edits *edits);
DEFINE_AUTO_STRUCT(late_edits, struct late_edits, late_edits_done)
#define auto_late_edits __attribute__((cleanup(auto_late_edits_)))

/* False: nothing is on trial, or nobody can have edited what it was staged from. */
bool late_watch(const struct machine *machine, struct late_watch *ret);
/* The same of a generation that is not on trial (yet). */
bool late_watch_of(const struct machine *machine, const struct generation *generation,
		   struct late_watch *ret);
/* `seen`: the edited root, or a snapshot of it. */
bool late_find(struct machine *machine, const struct late_watch *watch, const char *seen,
	       struct late_edits *ret, struct err *err);
size_t late_count(const struct late_edits *edits, enum late_verdict verdict);
/* Why these edits make it stale, one sentence without a full stop; NULL = they do not. Caller frees. */
char *late_contradiction(const struct late_watch *watch, const struct late_edits *edits);

/* *ret_why: how the packages of the edited root changed; NULL = they did not. Caller frees. */
bool late_packages(struct machine *machine, const struct late_watch *watch, char **ret_why,
		   struct err *err);
/* Whatever makes it stale, packages first; NULL = nothing does. `edits` are filled, as far as was looked. */
bool late_stale_why(struct machine *machine, const struct late_watch *watch,
		    struct late_edits *edits, char **ret_why, struct err *err);

/* The command that builds a stale generation again. */
const char *late_remedy(const struct generation *generation);

/* {generation, edits, paths, left}, or null; *conflicts gets sentences. Reads only. */
json_t *late_json(struct machine *machine, json_t *conflicts, char **ret_stale_why);

/*
 * What was edited in `from` since it was built and is not so in `to`: absolute paths, sorted. Empty
 * where that cannot be told: going back must not depend on it.
 */
void late_edited_in(struct machine *machine, const struct generation *from,
		    const struct generation *to, struct host_strings *ret);
/* For people; NULL = nothing was. Caller frees. */
char *late_edited_text(const struct generation *from, const struct host_strings *edits);
