/*
 * first_mounts - how the data of generation 1 is mounted in the boot that parts it.
 *
 * systemd reads fstab before anything can have changed it. So the mounts that the new fstab has and
 * the old one lacks are kept as units, in a directory of the root where moult-generator finds them;
 * each waits for moult-carve.service. They are there until the new fstab is.
 */
#pragma once
#include "err.h"
#include "machine.h"

#define FIRST_MOUNTS "usr/lib/sysimage/moult-first-mounts"

/* The units for what the fstab of `adapted` has more than that of `original`; two roots. Into @gens/.1.tmp. */
bool first_mounts_keep(struct machine *machine, const char *adapted, const char *original,
		       struct err *err);
/* Those that @gens/1 keeps go into the root. */
bool first_mounts_put(struct host *host, const char *root, struct err *err);
/* None are left in the root; that there are none is well. */
bool first_mounts_take(struct host *host, const char *root, struct err *err);
