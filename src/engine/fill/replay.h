/*
 * replay - what a generation's packages brought for the data, added at its first boot.
 *
 * @gens/N/replay/NAME is a tree of new files and directories for the data subvolume NAME,
 * @gens/N/replay.json says which subvolume that is and lists the accepted changes to what existed:
 *	{format_version, min_reader, volumes: [{name, subvolume, mount_point, changes: [{path, kind}]}]}
 * Nothing that exists by then is overwritten, accepted changes excepted, for which the data is
 * first snapshotted to @gens/N/data/NAME. Each file appears by a rename; run again after a power
 * cut it goes on. At the end replay becomes replay.done.
 */
#pragma once
#include "fill.h"

/* One element of "volumes"; takes a reference to changes. Caller owns. */
json_t *replay_describe(const struct data_volume *volume, json_t *changes);
/* The whole document; takes a reference to volumes. Caller owns. */
json_t *replay_document(json_t *volumes);
