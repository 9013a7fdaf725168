/*
 * carve - parts a copy of the original root into the generation and the machine's data.
 *
 * Works below one directory, @gens/.1.tmp or @gens/1. Each data subvolume is a snapshot of the root
 * whose wanted directory is hoisted: no copying, so NOCOW files and their extents stay as they are.
 * The rest of it is put aside at once, in CARVE_REST, and deleted when there is time. What fstab
 * mounts already is parted already, wherever from.
 */
#pragma once
#include "err.h"
#include "machine.h"

#define CARVE_REST ".moult-rest"

/* Makes the data subvolumes, `making`/carve/NAME; the root is only read. */
bool carve_copy(struct host *host, const char *making, struct err *err);
/* Deletes those of an attempt that was cut off. */
bool carve_forget(struct host *host, const char *making, struct err *err);
/*
 * Takes what is data by now, and the package state, out of the places they had in the root. Run again
 * it goes on where it was cut off. The listing says which subvolumes lie in the root: those in data
 * move into it.
 */
bool carve_settle(struct machine *machine, const char *making, struct err *err);
/* `directory`/carve/@var → @var, for each that is still there. Refuses where the name is taken. */
bool carve_place(struct host *host, const char *directory, struct err *err);
/* Deletes what was put aside in a root or a data subvolume; it takes its time. */
bool carve_prune(struct host *host, const char *subvolume, struct err *err);
/* Copies, settles and prunes at once, where nobody waits for it. */
bool carve_run(struct machine *machine, const char *making, struct err *err);
