/* linux_boot - volumes come and go: mounting them in our own namespace. */
#include <errno.h>
#include <fcntl.h>
#include <libmount/libmount.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include "linux_internal.h"

DEFINE_AUTO(table, struct libmnt_table *, mnt_unref_table)
#define auto_table __attribute__((cleanup(auto_table_)))
DEFINE_AUTO(iterator, struct libmnt_iter *, mnt_free_iter)
#define auto_iterator __attribute__((cleanup(auto_iterator_)))

/* How each kind of file system is mounted. atime is never written: looking changes nothing. */
static const struct mount_kind {
	const char *type;
	unsigned long flags;
	const char *options;
	bool attributes;
	const char *replay_options; /* for looking at one whose log waits to be replayed */
} mount_kinds[] = {
	{"btrfs", MS_NODEV | MS_NOATIME | MS_NODIRATIME, "subvolid=5", true,
	 "subvolid=5,rescue=nologreplay"},
	{"vfat", MS_NODEV | MS_NOSUID | MS_NOEXEC | MS_NOATIME, "umask=0077", false, NULL},
	{"ext4", MS_NODEV | MS_NOSUID | MS_NOEXEC | MS_NOATIME, "", true, "noload"},
	{"ext3", MS_NODEV | MS_NOSUID | MS_NOEXEC | MS_NOATIME, "", true, "noload"},
	{"ext2", MS_NODEV | MS_NOSUID | MS_NOEXEC | MS_NOATIME, "", true, NULL},
};

static const struct mount_kind *kind_of(const char *type)
{
	for (size_t i = 0; i < COUNT(mount_kinds); i++)
		if (text_equal(type, mount_kinds[i].type))
			return &mount_kinds[i];
	return NULL;
}

/*
 * Linux sets the flag while it writes, takes it away when it unmounts, and leaves one that it found.
 * So it tells of a cut only where nobody has the file system mounted.
 */
enum use { USE_SOMEBODYS, USE_NONE, USE_NONE_UNCLEAN };

static enum use use_of(const struct linux_volume *volume)
{
	auto_close int fd = open(volume->device, O_RDONLY | O_EXCL | O_CLOEXEC);

	if (fd < 0)
		return USE_SOMEBODYS;
	return fat_is_dirty(fd) ? USE_NONE_UNCLEAN : USE_NONE;
}

/* --- mounted elsewhere --------------------------------------------------------------------------- */

enum elsewhere {
	ELSEWHERE_NOT, /* or for writing */
	ELSEWHERE_BY_OWNER, /* read-only, as its owner wanted it */
	ELSEWHERE_BY_KERNEL, /* it was to be written to, and the kernel met an error on it */
};

static bool has_option(const char *options, const char *name)
{
	return options && mnt_optstr_get_option(options, name, NULL, NULL) == 0;
}

/* A mount and the file system below it are read-only each by itself. */
static enum elsewhere look_elsewhere(const struct linux_volume *volume)
{
	auto_table struct libmnt_table *table = mnt_new_table_from_file("/proc/self/mountinfo");
	auto_iterator struct libmnt_iter *iterator = mnt_new_iter(MNT_ITER_FORWARD);
	enum elsewhere found = ELSEWHERE_NOT;
	struct libmnt_fs *fs;
	struct stat st;

	if (!table || !iterator || !volume->device || stat(volume->device, &st) < 0)
		return found;
	while (mnt_table_next_fs(table, iterator, &fs) == 0) {
		if (mnt_fs_get_devno(fs) != st.st_rdev ||
		    !has_option(mnt_fs_get_fs_options(fs), "ro"))
			continue;
		if (!has_option(mnt_fs_get_vfs_options(fs), "ro"))
			return ELSEWHERE_BY_KERNEL;
		found = ELSEWHERE_BY_OWNER;
	}
	return found;
}

static int mount_as(const struct linux_volume *volume, const char *at, unsigned long flags)
{
	const struct mount_kind *kind = kind_of(volume->type);
	bool again = flags & MS_REMOUNT;

	return mount(again ? NULL : volume->device, at, again ? NULL : kind->type,
		     kind->flags | flags, kind->options) < 0
		       ? -errno
		       : 0;
}

/*
 * The kernel has one file system of a device, and does not change for a second mount whether it is
 * written to. What the owner mounted read-only stays so: only our own mount writes. What the kernel
 * made read-only is looked at as it is, and the first write says so.
 */
static int mount_beside_read_only(struct linux_volume *volume, const char *at)
{
	int result = mount_as(volume, at, MS_RDONLY);

	if (result == 0 && look_elsewhere(volume) == ELSEWHERE_BY_OWNER)
		volume->lent = mount_as(volume, at, MS_REMOUNT) == 0;
	return result;
}

static int mount_read_only(const struct linux_volume *volume, const char *at)
{
	const struct mount_kind *kind = kind_of(volume->type);
	int result = mount_as(volume, at, MS_RDONLY);

	if (result == -EROFS && kind->replay_options)
		return mount(volume->device, at, kind->type, kind->flags | MS_RDONLY,
			     kind->replay_options) < 0
			       ? -errno
			       : 0;
	if (result != -EBUSY)
		return result;
	/* it is mounted elsewhere for writing: then only our own view of it is read-only */
	result = mount_as(volume, at, 0);
	if (result < 0)
		return result;
	return mount(NULL, at, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | kind->flags, NULL) < 0
		       ? -errno
		       : 0;
}

static int mount_device(struct linux_volume *volume, const char *at, bool read_only)
{
	int result;

	if (!kind_of(volume->type))
		return -EINVAL;
	if (read_only)
		return mount_read_only(volume, at);
	result = mount_as(volume, at, 0);
	/* of the Btrfs one would not know what else relies on that */
	if (result == -EBUSY && !text_equal(volume->type, "btrfs"))
		return mount_beside_read_only(volume, at);
	return result;
}

static int bind_directory(const struct linux_volume *volume, const char *directory, const char *at,
			  bool read_only)
{
	const struct mount_kind *kind = kind_of(volume->type);
	unsigned long flags =
		(kind ? kind->flags : MS_NODEV | MS_NOATIME) | (read_only ? MS_RDONLY : 0);

	if (mount(directory, at, NULL, MS_BIND, NULL) < 0)
		return -errno;
	return mount(NULL, at, NULL, MS_REMOUNT | MS_BIND | flags, NULL) < 0 ? -errno : 0;
}

static int use_mtools(struct linux_volume *volume, bool look)
{
	auto_close int fd = open(volume->device, (look ? O_RDONLY : O_RDWR) | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (volume->device_fd >= 0)
		close(volume->device_fd);
	volume->device_fd = take_fd(&fd);
	volume->fat = fat_volume_new(volume->device_fd);
	volume->access = &mtools_access;
	return 0;
}

int volume_mount(struct linux_host *host, enum volume which, const char *directory)
{
	struct linux_volume *volume = &host->volumes[which];
	const struct mount_kind *kind = kind_of(volume->type);
	auto_free char *at =
		xasprintf("%s/%s", host->directory, which == VOLUME_POOL ? "pool" : "boot");
	bool look = host->read_only || (which == VOLUME_BOOT && volume->write_protected);
	int result;

	if (mkdir(at, 0700) < 0 && errno != EEXIST)
		return -errno;
	if (!directory && text_equal(volume->type, "vfat")) {
		enum use use = use_of(volume);

		volume->unclean = use == USE_NONE_UNCLEAN;
		/* the kernel would read more of it, and forget all at once when it is unmounted */
		if (look && use != USE_SOMEBODYS)
			return use_mtools(volume, true);
	}
	result = directory ? bind_directory(volume, directory, at, look)
			   : mount_device(volume, at, look);
	if (result == -ENODEV && text_equal(volume->type, "vfat"))
		return use_mtools(volume, look);
	if (result < 0)
		return result;
	volume->fd = open(at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (volume->fd < 0) {
		result = -errno;
		umount2(at, MNT_DETACH);
		return result;
	}
	volume->mounted = take(at);
	volume->bound = directory != NULL;
	volume->attributes = kind && kind->attributes;
	volume->access = &files_access;
	return 0;
}

void volume_unmount(struct linux_host *host, enum volume which)
{
	struct linux_volume *volume = &host->volumes[which];

	if (volume->fd >= 0)
		close(volume->fd);
	volume->fd = -1;
	/* nobody else writes to it; before that its owner gets it back as he had it */
	if (volume->lent)
		mount_as(volume, volume->mounted, MS_REMOUNT | MS_RDONLY);
	volume->lent = false;
	if (volume->mounted && umount2(volume->mounted, 0) < 0)
		umount2(volume->mounted, MNT_DETACH);
	free(take(volume->mounted));
	fat_volume_free(take(volume->fat));
	volume->access = NULL;
}

int linux_writable(struct host *host, enum volume which)
{
	const struct linux_volume *volume = &linux_of(host)->volumes[which];
	struct statvfs space;

	if (!volume->access)
		return -ENODEV;
	/* whoever only looks wants to know, too */
	if (volume->write_protected || look_elsewhere(volume) == ELSEWHERE_BY_KERNEL)
		return -EROFS;
	if (linux_of(host)->read_only)
		return -EPERM;
	if (volume->fd >= 0)
		return fstatvfs(volume->fd, &space) < 0 ? -errno
		       : space.f_flag & ST_RDONLY	? -EROFS
							: 0;
	/* through mtools the device itself must take writes */
	return volume->device && access(volume->device, W_OK) < 0 ? -errno : 0;
}
