/*
 * carve - parts a copy of the original root into the generation and the machine's data.
 *
 * Works on @gens/.1.tmp only. Each data subvolume is a snapshot of the root whose wanted directory
 * is hoisted and whose rest is pruned: no copying, so NOCOW files and their extents stay as they
 * are. carve_place() then moves the subvolumes to the top level; run again it finishes.
 */
#pragma once
#include "host.h"
#include "err.h"

/* Leaves the data subvolumes in `making`/carve/NAME and empties their directories in `making`/root. */
bool carve_run(struct host *host, const char *making, struct err *err);
/* `directory`/carve/@var → @var, for each that is still there. */
bool carve_place(struct host *host, const char *directory, struct err *err);
/* Whether this row of data_paths applies to the root: it is a directory, and no package owns it. */
bool carve_applies(struct host *host, const char *root, size_t row);
