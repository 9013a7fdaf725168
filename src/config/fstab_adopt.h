/*
 * fstab_adopt - what `moult init` makes of the copy's fstab.
 *
 * The line of / loses subvol= and subvolid=; each data path that no line mounts gets one by subvol=;
 * lines that name a subvolume lose its number; the boot partition's line no longer stops a boot, nor
 * has it checked. All other lines and all other options stay: what is mounted from elsewhere is data already.
 */
#pragma once
#include "fstab.h"

struct fstab_data {
	const char *mount_point; /* "/var" */
	const char *subvolume; /* "@var" */
};

struct fstab_adoption {
	const char *pool_uuid;
	const char *boot_uuid; /* NULL = there is no boot volume */
	const struct fstab_data *data;
	size_t data_count;
};

/* Twice is the same as once. Refuses where there is no line for /. */
bool fstab_adopt(struct fstab *fstab, const struct fstab_adoption *adoption, struct err *err);
