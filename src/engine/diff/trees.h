/*
 * trees - at which paths the roots of two generations differ, and in what.
 *
 * Nothing is written: the kernel is asked what turns the one read-only base into the other, and
 * what their owners changed in the open roots since. Only the paths that come of it are looked at,
 * so the cost follows what differs. Where a generation has no base, as the original, every file is.
 */
#pragma once
#include "host.h"
#include "machine.h"

struct tree_end {
	const struct generation *generation;
	bool built; /* as it was built: its base; else as it is now */
};

struct tree_change {
	char *path; /* from the root, "" = the root itself; any bytes but 0 */
	struct host_comparison how;
};

struct tree_changes { /* by path, each once */
	struct tree_change *all;
	size_t count;
	const char *slow; /* why everything was looked at; NULL = it was not */
};

/* The subvolume of this end; NULL where it has none (no base). Caller frees. */
char *tree_path(const struct tree_end *end);
/* Data, which all generations share, is left out. On failure *ret is empty. */
bool trees_compare(struct machine *machine, const struct tree_end ends[2], struct tree_changes *ret,
		   struct err *err);
void tree_changes_done(struct tree_changes *changes);
/* Whether a path in a root belongs to the data of this machine. */
bool tree_is_data(const struct machine *machine, const char *path);
/* "c..x..": created, removed, content, type; permissions, user, group, attributes, ACL. */
#define TREE_MARKS 6
void tree_marks(const struct host_comparison *how, char ret[TREE_MARKS + 1]);

DEFINE_AUTO_STRUCT(tree_changes, struct tree_changes, tree_changes_done)
#define auto_tree_changes __attribute__((cleanup(auto_tree_changes_)))
