/*
 * territory - what belongs to a generation and what to the machine: the two tables.
 *
 * Data does not roll back. All of /var is data, except the package state, which lives in the root
 * under /usr/lib/sysimage and is reached from /var by symbolic links that hold for every generation.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct data_path {
	const char *path; /* in the root, relative */
	const char *subvolume; /* at the top level; also its name in plans */
	bool if_unowned; /* only where no package owns a file in it */
};

extern const struct data_path data_paths[];
extern const size_t data_path_count;

struct state_path {
	const char *path; /* relative to /var */
	const char *place; /* relative to /usr/lib/sysimage */
	bool file; /* a file; the others are directories, made where missing */
};

extern const struct state_path state_paths[];
extern const size_t state_path_count;

#define SYSIMAGE "usr/lib/sysimage"

/* Where swap files belong: a subvolume with one in use cannot be snapshotted. */
#define SWAP_SUBVOLUME "@swap"
#define SWAP_MOUNT_POINT "/swap"
/* A data subvolume that is about to be put back lies beside it under this name, */
#define DATA_BACK_SUFFIX ".moult-back"
/* and the one that it took the place of under this one, with the time after it. */
#define DATA_ASIDE_SUFFIX ".moult-before-"
/* Whether a subvolume that is mounted there is for swap files only. */
bool territory_is_swap(const char *subvolume, const char *mount_point);
