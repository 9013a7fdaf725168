/*
 * replay - what a generation's packages brought for the data, added at its first boot.
 *
 * @gens/N/replay/NAME is a tree of new files and directories for the data subvolume NAME,
 * @gens/N/replay.json says which subvolume that is and lists the accepted changes to what existed:
 *	{format_version, min_reader, volumes: [{name, subvolume, mount_point, changes: [{path, kind}]}]}
 * Nothing that exists by then is overwritten, accepted changes excepted, for which the data is
 * first snapshotted to @gens/N/data/NAME. Each file appears by a rename; run again after a power
 * cut it goes on. At the end replay becomes replay.done.
 *
 * A generation that is made from one that was never booted takes over what that one was going to
 * add (seed.c), so that its own replay is always all there is to add.
 */
#pragma once
#include "fill.h"

/* One element of "volumes", its strings borrowed from it. */
struct replay_volume {
	const char *name, *subvolume;
	const json_t *changes; /* may be NULL: none */
};

/* Refuses one that names no place of its own on the pool. */
bool replay_volume_read(const json_t *element, struct replay_volume *ret, struct err *err);
/* The kind of the accepted change of this path, or NULL. */
const char *replay_change_of(const json_t *changes, const char *path);
/*
 * What the generation in `directory` ("@gens/7") brings and nobody added yet: its "volumes".
 * *ret is NULL where that is nothing. Caller owns.
 */
bool replay_pending(struct machine *machine, const char *directory, json_t **ret, struct err *err);
/* Takes away below `top`, a subvolume's path, what the accepted changes remove. */
bool replay_remove_accepted(struct machine *machine, const json_t *changes, const char *top,
			    struct err *err);

/* One element of "volumes"; takes a reference to changes. Caller owns. */
json_t *replay_describe(const struct data_volume *volume, json_t *changes);
/* The whole document; takes a reference to volumes. Caller owns. */
json_t *replay_document(json_t *volumes);
