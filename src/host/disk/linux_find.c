/*
 * linux_find - which file systems are meant: the pool, and what the loader reads.
 *
 * What is given may be a directory, a block device or an image file, of one file system or of a
 * whole disk. A wrong guess would write to somebody's disk, so anything ambiguous is refused.
 */
#include <blkid/blkid.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>
#include <time.h>
#include "linux_internal.h"

#define LOWER_DIRECTORY "/run/moult/lower"

DEFINE_AUTO(directory, DIR *, closedir)

#define TWIN_WAIT_MSEC 3000
#define TWIN_POLL_MSEC 50

/* The name of another device with this file system that is mounted; caller frees; NULL = none. */
static char *find_twin(const struct linux_volume *volume)
{
	auto_free char *directory = xasprintf("/sys/fs/btrfs/%s/devices", volume->uuid);
	__attribute__((cleanup(auto_directory_))) DIR *devices = opendir(directory);
	auto_free char *own = NULL;
	struct dirent *entry;
	struct stat st;
	auto_free char *other = NULL;

	if (!devices || stat(volume->device, &st) < 0 || device_path(st.st_rdev, &own) < 0)
		return NULL;
	while ((entry = readdir(devices))) {
		if (strcmp(entry->d_name, strrchr(own, '/') + 1) == 0)
			return NULL;
		if (entry->d_name[0] != '.' && !other)
			other = xstrdup(entry->d_name);
	}
	return take(other);
}

/*
 * The kernel would take a second device with the same identity for the first one. What a process
 * that just ended had mounted goes away a moment after it.
 */
static bool refuse_twin(const struct linux_volume *volume, const char *where, struct err *err)
{
	const struct timespec pause = {.tv_nsec = TWIN_POLL_MSEC * 1000000L};
	auto_free char *other = find_twin(volume);

	for (int waited = 0; other && waited < TWIN_WAIT_MSEC; waited += TWIN_POLL_MSEC) {
		nanosleep(&pause, NULL);
		free(take(other));
		other = find_twin(volume);
	}
	if (!other)
		return true;
	return err_set(err, ERR_REFUSED, 0,
		       "the Btrfs file system %s of %s is already mounted from /dev/%s: two copies "
		       "of one file system cannot be mounted at a time",
		       volume->uuid, text_quote(where), other);
}

static bool mount_pool(struct linux_host *host, const char *directory, struct err *err)
{
	int result = volume_mount(host, VOLUME_POOL, directory);

	if (result < 0)
		return err_set(err, ERR_SYSTEM, -result, "cannot mount the Btrfs of %s",
			       text_quote(host->where));
	return true;
}

static const char *type_at(int fd)
{
	static const struct {
		long magic;
		const char *name;
	} names[] = {
		{EXT4_SUPER_MAGIC, "ext4"}, {XFS_SUPER_MAGIC, "XFS"},
		{TMPFS_MAGIC, "tmpfs"},	    {OVERLAYFS_SUPER_MAGIC, "OverlayFS"},
		{F2FS_SUPER_MAGIC, "F2FS"},
	};
	struct statfs st;

	if (fstatfs(fd, &st) == 0) {
		if (st.f_type == BTRFS_SUPER_MAGIC)
			return NULL;
		for (size_t i = 0; i < COUNT(names); i++)
			if (st.f_type == names[i].magic)
				return names[i].name;
	}
	return "another file system";
}

/* The Btrfs that a mounted directory is on. */
static bool pool_of_directory(struct linux_host *host, const char *path, struct err *err)
{
	struct linux_volume *pool = &host->volumes[VOLUME_POOL];
	auto_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_free char *inside = NULL;
	const char *type;

	if (fd < 0)
		return err_set(err, ERR_SYSTEM, errno, "cannot open %s", text_quote(path));
	type = type_at(fd);
	if (type)
		return err_set(err, ERR_REFUSED, 0, "%s is on %s, not on Btrfs", text_quote(path),
			       type);
	pool->type = xstrdup("btrfs");
	btrfs_uuid(fd, &pool->uuid);
	if (btrfs_device(fd, &pool->device) == 0)
		return mount_pool(host, NULL, err);
	/* its device cannot be seen from here: the directory itself must be the top level */
	if (subvolume_path_of(host, fd, &inside) < 0 || inside[0] != '\0')
		return err_set(err, ERR_REFUSED, 0,
			       "the device of %s is not visible, and it is not the top level",
			       text_quote(path));
	return mount_pool(host, path, err);
}

static bool pool_of_container(struct linux_host *host, const char *path, struct err *err)
{
	struct linux_volume *pool = &host->volumes[VOLUME_POOL];
	auto_container struct container container = {
		.path = path,
		.fd = -1,
		.read_only = host->read_only,
	};
	struct choice choice = {.device_fd = -1};

	if (!container_open(&container, err) ||
	    !container_choose(&container, PARTITION_BTRFS, &choice, err))
		return false;
	if (!container.probe.type)
		host->disk = xstrdup(path);
	if (container.image)
		host->image_fd = pool->image_fd = take_fd(&container.fd);
	free(host->where);
	host->where = choice.where;
	if (!volume_take(pool, &choice, err))
		return false;
	if (!text_equal(pool->type, "btrfs"))
		return err_set(err, ERR_REFUSED, 0, "%s holds %s, not Btrfs", text_quote(path),
			       pool->type ? pool->type : "no file system that is known");
	if (!refuse_twin(pool, host->where, err) || !mount_pool(host, NULL, err))
		return false;
	if (pool->device_fd >= 0)
		close(take_fd(&pool->device_fd)); /* the mount holds the loop device from now on */
	return true;
}

static bool open_pool(struct linux_host *host, const struct linux_options *options, struct err *err)
{
	const char *path = options->sysroot;
	int result = -1;
	struct stat st;

	host->where = xstrdup(path ? path : "/");
	if (!path) {
		auto_close int root = open("/", O_PATH | O_CLOEXEC);
		auto_close int lower = open(LOWER_DIRECTORY, O_PATH | O_CLOEXEC);
		bool volatile_session = root >= 0 && lower >= 0 && type_at(root) && !type_at(lower);

		return pool_of_directory(host, volatile_session ? LOWER_DIRECTORY : "/", err);
	}
	result = stat(path, &st);
	if (result < 0)
		return err_set(err, ERR_SYSTEM, errno, "cannot open %s", text_quote(path));
	if (S_ISDIR(st.st_mode))
		return pool_of_directory(host, path, err);
	if (S_ISBLK(st.st_mode) || S_ISREG(st.st_mode))
		return pool_of_container(host, path, err);
	return err_set(err, ERR_REFUSED, 0,
		       "%s is neither a directory nor a block device nor an image file",
		       text_quote(path));
}

bool find_pool(struct linux_host *host, const struct linux_options *options, struct err *err)
{
	if (open_pool(host, options, err))
		return true;
	return err->hint[0] ? false : err_try(err, "lsblk --fs");
}
