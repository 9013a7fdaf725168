/*
 * managers - the package managers that can run in a stage: one row each.
 *
 * A row says with which words a manager refreshes, simulates and upgrades, and how what it prints
 * is read; nothing else in fill knows any of them.
 */
#pragma once
#include "fill.h"

enum progress_kind {
	PROGRESS_NONE, /* says nothing of use */
	PROGRESS_AT, /* percent and what it is at */
	PROGRESS_FAILED, /* a package and what went wrong with it */
};

struct manager_progress {
	enum progress_kind kind;
	unsigned percent; /* of everything */
	char package[128];
	char text[256];
};

/* A directory that the stage shares, so that nothing is downloaded twice. */
struct manager_cache {
	const char *path; /* absolute, in the root */
	const char *own; /* below @moult/cache; NULL = the running system's own directory */
};

struct package_manager {
	const char *name;
	const char *program; /* a root that has it uses this manager */
	const char *const *audit; /* prints something: the database is not in order */
	const char *audit_remedy;
	const char *const *refresh;
	const char *const *simulate;
	const char *const *downloads; /* lists what upgrade would fetch */
	const char *const *upgrade;
	int status_fd; /* that upgrade reports to; 0 = none */
	const char *what; /* for people */
	const struct manager_cache *caches; /* ends with a NULL path */
	const char *const *default_suffixes; /* of new defaults left in /etc, NULL-terminated */
	const char *const *status_paths; /* of its database, in the root, NULL-terminated */
	/* a line of simulate's output; false: it says nothing about a package */
	bool (*read_change)(const char *line, struct package_changes *changes);
	/* a line of downloads' output: how many bytes it stands for */
	uint64_t (*read_download)(const char *line);
	void (*read_status)(const char *line, struct manager_progress *ret);
	bool (*installed)(const char *name, const char *bytes, size_t length, struct packages *ret,
			  struct err *err);
	/* the copy's sources name another release from now on */
	bool (*change_release)(struct fill *fill, struct err *err);
};

extern const struct package_manager package_managers[];
extern const size_t package_manager_count;
