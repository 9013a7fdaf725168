/*
 * fstab_data - which subvolumes a system's fstab mounts beside its root: its data.
 */
#pragma once
#include "fstab.h"

/* Whether something beside the root is there by this line once the machine is up. */
bool fstab_is_mounted(const struct fstab_line *line);
/* Whether a boot goes on without it. */
bool fstab_may_miss(const struct fstab_line *line);
/* The subvolume of the pool that a line mounts by its name, without slashes in front; NULL = none. Caller frees. */
char *fstab_subvolume(const struct fstab *fstab, const struct fstab_line *line, const char *uuid);
/* Without slashes at its end. Caller frees. */
char *fstab_plain_mount_point(const struct fstab_line *line);
/* A path as one name: "/" as "!". Caller frees. */
char *flat_name(const char *path);
