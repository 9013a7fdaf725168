/*
 * linux_confine - what a program may do, narrowed in the process that is about to become it.
 *
 * File systems become read-only in a mount namespace of its own, as mount_setattr(2) does it for a
 * whole tree; what may be written is cloned before and attached again after.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>
#include "linux_internal.h"

#define WRITES_MAX 32

/* --- capabilities ---------------------------------------------------------------------------- */

DEFINE_AUTO(caps, cap_t, cap_free)
#define auto_caps __attribute__((cleanup(auto_caps_)))

int capabilities_limit(uint64_t mask)
{
	auto_caps cap_t caps = cap_get_proc();

	if (!caps || cap_reset_ambient() < 0)
		return -errno;
	for (cap_value_t cap = 0; cap <= cap_max_bits() - 1; cap++) {
		if (mask & (UINT64_C(1) << cap))
			continue;
		/* unknown to this kernel: nobody can have it */
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno != EINVAL)
			return -errno;
		if (cap_set_flag(caps, CAP_PERMITTED, 1, &cap, CAP_CLEAR) < 0 ||
		    cap_set_flag(caps, CAP_EFFECTIVE, 1, &cap, CAP_CLEAR) < 0)
			return -errno;
	}
	if (cap_clear_flag(caps, CAP_INHERITABLE) < 0 || cap_set_proc(caps) < 0)
		return -errno;
	return 0;
}

/* --- files ----------------------------------------------------------------------------------- */

static int set_attributes(int fd, const char *path, struct mount_attr *attributes)
{
	return mount_setattr(fd, path, AT_RECURSIVE | (*path ? 0 : AT_EMPTY_PATH), attributes,
			     sizeof(*attributes)) < 0
		       ? -errno
		       : 0;
}

/* A copy of the mounts at a path, to be put over it again; -1 in *ret where there is nothing. */
static int clone_writable(const char *path, bool wanted, int *ret)
{
	*ret = open_tree(AT_FDCWD, path,
			 OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW);
	if (*ret >= 0 || (errno == ENOENT && !wanted))
		return 0;
	if (errno == ENOENT)
		fprintf(stderr, "%s, which it asks to write, does not exist\n", path);
	return -errno;
}

static int limit_writes(const struct host_confinement *confinement)
{
	static const char *const always[] = {"/run", "/tmp"};
	struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
	const char *paths[WRITES_MAX + COUNT(always)];
	int trees[WRITES_MAX + COUNT(always)], result = 0;
	size_t count = 0;

	if (confinement->write_count > WRITES_MAX)
		return -E2BIG;
	for (; count < COUNT(always); count++)
		paths[count] = always[count];
	for (size_t i = 0; i < confinement->write_count; i++)
		paths[count++] = confinement->writes[i];
	for (size_t i = 0; result == 0 && i < count; i++)
		result = clone_writable(paths[i], i >= COUNT(always), &trees[i]);
	if (result == 0)
		result = set_attributes(AT_FDCWD, "/", &read_only);
	for (size_t i = 0; result == 0 && i < count; i++)
		if (trees[i] >= 0 &&
		    move_mount(trees[i], "", AT_FDCWD, paths[i], MOVE_MOUNT_F_EMPTY_PATH) < 0)
			result = -errno;
	return result;
}

/* What moult has mounted for itself holds every generation, writable. */
static int hide_volumes(const struct linux_host *host)
{
	for (int i = 0; i < VOLUME_COUNT; i++)
		if (host->volumes[i].mounted && umount2(host->volumes[i].mounted, MNT_DETACH) < 0)
			return -errno;
	return 0;
}

int confine(const struct linux_host *host, const struct host_confinement *confinement)
{
	int result =
		unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0
			? -errno
			: hide_volumes(host);

	if (result == 0)
		result = limit_writes(confinement);

	if (result == 0 && !confinement->network && unshare(CLONE_NEWNET) < 0)
		result = -errno;
	return result < 0 ? result : capabilities_limit(confinement->capabilities);
}
