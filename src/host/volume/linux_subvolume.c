/*
 * linux_subvolume - Btrfs: subvolumes, the default one, devices.
 *
 * libbtrfsutil 1.2 by descriptors only, so that no path is ever resolved by the library.
 */
#include <btrfsutil.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <string.h>
#include <sys/ioctl.h>
#include "linux_internal.h"

/* The library keeps errno of the call that failed. */
static int from_btrfs(enum btrfs_util_error error)
{
	if (error == BTRFS_UTIL_OK)
		return 0;
	if (error == BTRFS_UTIL_ERROR_NO_MEMORY)
		abort();
	if (error == BTRFS_UTIL_ERROR_NOT_BTRFS || error == BTRFS_UTIL_ERROR_NOT_SUBVOLUME)
		return -EINVAL;
	if (error == BTRFS_UTIL_ERROR_SUBVOLUME_NOT_FOUND)
		return -ENOENT;
	return errno > 0 ? -errno : -EIO;
}

static const struct linux_volume *pool_of(struct host *host)
{
	return &linux_of(host)->volumes[VOLUME_POOL];
}

/* The top of the subvolume at path; -EINVAL where that is something else. */
static int open_subvolume(struct host *host, const char *path)
{
	int fd = open_beneath(pool_of(host)->fd, path, O_RDONLY | O_DIRECTORY, 0);
	int result;

	if (fd < 0)
		return fd == -ENOTDIR ? -EINVAL : fd;
	result = from_btrfs(btrfs_util_is_subvolume_fd(fd));
	if (result < 0)
		close(fd);
	return result < 0 ? result : fd;
}

static int subvolume_id(struct host *host, const char *path, uint64_t *ret_id)
{
	auto_close int fd = open_subvolume(host, path);

	return fd < 0 ? fd : from_btrfs(btrfs_util_subvolume_id_fd(fd, ret_id));
}

static int path_of_id(int pool, uint64_t id, char **ret_path)
{
	if (id == BTRFS_FS_TREE_OBJECTID) {
		*ret_path = xstrdup("");
		return 0;
	}
	return from_btrfs(btrfs_util_subvolume_path_fd(pool, id, ret_path));
}

/* The library writes through descriptors that can do more than name a place. */
static int open_writable_parent(struct host *host, const char *path, const char **ret_name)
{
	auto_close int parent = open_parent(pool_of(host)->fd, path, ret_name);
	int fd;

	if (parent < 0)
		return parent;
	fd = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int linux_snapshot(struct host *host, const char *from, const char *to, bool read_only)
{
	const char *name;
	auto_close int source = open_subvolume(host, from);
	auto_close int parent = open_writable_parent(host, to, &name);

	if (source < 0 || parent < 0)
		return source < 0 ? source : parent;
	return from_btrfs(btrfs_util_create_snapshot_fd2(
		source, parent, name, read_only ? BTRFS_UTIL_CREATE_SNAPSHOT_READ_ONLY : 0, NULL,
		NULL));
}

int linux_create_subvolume(struct host *host, const char *path)
{
	const char *name;
	auto_close int parent = open_writable_parent(host, path, &name);

	if (parent < 0)
		return parent;
	return from_btrfs(btrfs_util_create_subvolume_fd(parent, name, 0, NULL, NULL));
}

static int delete_subvolume(int parent, const char *name)
{
	return from_btrfs(btrfs_util_delete_subvolume_fd(parent, name, 0));
}

/* One whose top is protected, as a root of which somebody said `chattr +i /`, and its snapshots. */
static int delete_protected(int fd, int parent, const char *name)
{
	unsigned protection = protection_of(fd);
	bool read_only = false;
	int result = from_btrfs(btrfs_util_get_subvolume_read_only_fd(fd, &read_only));

	if (result == 0 && read_only)
		result = from_btrfs(btrfs_util_set_subvolume_read_only_fd(fd, false));
	if (result == 0)
		result = protection_set(fd, 0);
	if (result == 0)
		result = delete_subvolume(parent, name);
	if (result == 0)
		return 0;
	protection_set(fd, protection);
	if (read_only)
		btrfs_util_set_subvolume_read_only_fd(fd, true);
	return result;
}

int linux_delete_subvolume(struct host *host, const char *path)
{
	const char *name;
	auto_close int fd = open_subvolume(host, path);
	auto_close int parent = open_writable_parent(host, path, &name);
	int result;

	if (fd < 0 || parent < 0)
		return fd < 0 ? fd : parent;
	result = delete_subvolume(parent, name);
	return result == -EPERM && protection_of(fd) ? delete_protected(fd, parent, name) : result;
}

int linux_subvolume(struct host *host, const char *path, struct host_subvolume *ret)
{
	struct btrfs_util_subvolume_info info;
	auto_close int fd = open_subvolume(host, path);
	int result;

	if (fd < 0)
		return fd;
	result = from_btrfs(btrfs_util_subvolume_info_fd(fd, 0, &info));
	if (result < 0)
		return result;
	*ret = (struct host_subvolume){
		.id = info.id,
		.parent_id = info.parent_id,
		.transid = info.generation,
		.made_transid = info.otransid,
		.read_only = info.flags & BTRFS_ROOT_SUBVOL_RDONLY,
		.path = xstrdup(path),
	};
	return 0;
}

int linux_get_default(struct host *host, char **ret_path)
{
	uint64_t id = 0;
	int pool = pool_of(host)->fd;
	int result = from_btrfs(btrfs_util_get_default_subvolume_fd(pool, &id));

	return result < 0 ? result : path_of_id(pool, id, ret_path);
}

int linux_set_default(struct host *host, const char *path)
{
	uint64_t id = BTRFS_FS_TREE_OBJECTID;
	int result = path[0] ? subvolume_id(host, path, &id) : 0;

	if (result < 0)
		return result;
	return from_btrfs(btrfs_util_set_default_subvolume_fd(pool_of(host)->fd, id));
}

int subvolume_path_of(const struct linux_host *host, int fd, char **ret)
{
	uint64_t id = 0;
	int result = from_btrfs(btrfs_util_subvolume_id_fd(fd, &id));

	return result < 0 ? result : path_of_id(host->volumes[VOLUME_POOL].fd, id, ret);
}

int btrfs_uuid(int fd, char **ret)
{
	struct btrfs_ioctl_fs_info_args info = {0};
	auto_text struct text text = {0};

	if (ioctl(fd, BTRFS_IOC_FS_INFO, &info) < 0)
		return -errno;
	for (int i = 0; i < BTRFS_FSID_SIZE; i++)
		text_addf(&text, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
			  info.fsid[i]);
	*ret = text_take(&text);
	return 0;
}

int each_device(int fd, int (*visit)(void *, const struct btrfs_ioctl_dev_info_args *),
		void *userdata)
{
	struct btrfs_ioctl_fs_info_args info = {0};
	int result = 0;

	if (ioctl(fd, BTRFS_IOC_FS_INFO, &info) < 0)
		return -errno;
	for (uint64_t id = 1; result == 0 && id <= info.max_id; id++) {
		struct btrfs_ioctl_dev_info_args device = {.devid = id};

		if (ioctl(fd, BTRFS_IOC_DEV_INFO, &device) == 0)
			result = visit(userdata, &device);
		else if (errno != ENODEV)
			result = -errno;
	}
	return result;
}

static int keep_path(void *userdata, const struct btrfs_ioctl_dev_info_args *device)
{
	const char *path = (const char *)device->path;

	if (path[0] != '/' || access(path, F_OK) < 0)
		return 0;
	*(char **)userdata = xstrndup(path, sizeof(device->path));
	return 1;
}

int btrfs_device(int fd, char **ret)
{
	int result = each_device(fd, keep_path, ret);

	return result < 0 ? result : result == 0 ? -ENODEV : 0;
}
