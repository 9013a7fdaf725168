/*
 * carve - parts a copy of the original root into the generation and the machine's data.
 *
 * Works on @gens/.1.tmp only. Each data subvolume is a snapshot of the root whose wanted directory
 * is hoisted and whose rest is pruned: no copying, so NOCOW files and their extents stay as they
 * are. What fstab mounts already is parted already, wherever from. carve_place() then moves the
 * subvolumes to the top level; run again it finishes.
 */
#pragma once
#include "host.h"
#include "err.h"

/* Leaves the data subvolumes in `making`/carve/NAME and empties their directories in `making`/root. */
bool carve_run(struct host *host, const char *making, struct err *err);
/* `directory`/carve/@var → @var, for each that is still there. Refuses where the name is taken. */
bool carve_place(struct host *host, const char *directory, struct err *err);
