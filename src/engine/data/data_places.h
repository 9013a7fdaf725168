/*
 * data_places - where a system's data is: the subvolumes of the pool that its fstab mounts.
 *
 * moult's own state and swap are none.
 */
#pragma once
#include "machine.h"

struct data_place {
	char *mount_point; /* "/var" */
	char *subvolume; /* "@var" */
	char *name; /* of its snapshots: the subvolume, "/" as "!" */
};

struct data_places {
	struct data_place *all; /* in the order of fstab; each subvolume once */
	size_t count;
	char **elsewhere; /* where something else is mounted */
	size_t elsewhere_count;
};

/* `root`: path on the pool. A root without an fstab has none. */
bool data_places_read(struct machine *machine, const char *root, struct data_places *ret,
		      struct err *err);
/* As a person calls it: "var", "/var", "@var". NULL = there is none. */
const struct data_place *data_places_find(const struct data_places *places, const char *word);
/* The one that this absolute path lies in, the innermost; NULL = it is not data. */
const struct data_place *data_places_of(const struct data_places *places, const char *path);
void data_places_done(struct data_places *places);

DEFINE_AUTO_STRUCT(data_places, struct data_places, data_places_done)
#define auto_data_places __attribute__((cleanup(auto_data_places_)))
