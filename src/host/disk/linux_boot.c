/* linux_boot - volumes come and go: mounting them in our own namespace. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include "linux_internal.h"

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
static bool is_unclean(const struct linux_volume *volume)
{
	auto_close int fd = open(volume->device, O_RDONLY | O_EXCL | O_CLOEXEC);

	return fd >= 0 && fat_is_dirty(fd);
}

static int mount_device(const struct linux_volume *volume, const char *at, bool read_only)
{
	const struct mount_kind *kind = kind_of(volume->type);
	unsigned long flags;

	if (!kind)
		return -EINVAL;
	flags = kind->flags | (read_only ? MS_RDONLY : 0);
	if (mount(volume->device, at, kind->type, flags, kind->options) == 0)
		return 0;
	if (errno == EROFS && read_only && kind->replay_options)
		return mount(volume->device, at, kind->type, flags, kind->replay_options) < 0
			       ? -errno
			       : 0;
	if (errno != EBUSY || !read_only)
		return -errno;
	/* it is mounted elsewhere for writing: then only our own view of it is read-only */
	if (mount(volume->device, at, kind->type, kind->flags, kind->options) < 0)
		return -errno;
	return mount(NULL, at, NULL, MS_REMOUNT | MS_BIND | flags, NULL) < 0 ? -errno : 0;
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

static int use_mtools(struct linux_host *host, struct linux_volume *volume)
{
	auto_close int fd = open(volume->device, (host->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (volume->device_fd >= 0)
		close(volume->device_fd);
	volume->device_fd = take_fd(&fd);
	volume->access = &mtools_access;
	return 0;
}

int volume_mount(struct linux_host *host, enum volume which, const char *directory)
{
	struct linux_volume *volume = &host->volumes[which];
	const struct mount_kind *kind = kind_of(volume->type);
	auto_free char *at =
		xasprintf("%s/%s", host->directory, which == VOLUME_POOL ? "pool" : "boot");
	int result;

	if (mkdir(at, 0700) < 0 && errno != EEXIST)
		return -errno;
	volume->unclean = !directory && text_equal(volume->type, "vfat") && is_unclean(volume);
	result = directory ? bind_directory(volume, directory, at, host->read_only)
			   : mount_device(volume, at, host->read_only);
	if (result == -ENODEV && text_equal(volume->type, "vfat"))
		return use_mtools(host, volume);
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
	if (volume->mounted && umount2(volume->mounted, 0) < 0)
		umount2(volume->mounted, MNT_DETACH);
	free(take(volume->mounted));
	volume->access = NULL;
}

int linux_writable(struct host *host, enum volume which)
{
	const struct linux_volume *volume = &linux_of(host)->volumes[which];
	struct statvfs space;

	if (!volume->access)
		return -ENODEV;
	if (linux_of(host)->read_only)
		return -EPERM;
	if (volume->fd >= 0)
		return fstatvfs(volume->fd, &space) < 0 ? -errno
		       : space.f_flag & ST_RDONLY	? -EROFS
							: 0;
	/* through mtools the device itself must take writes */
	return volume->device && access(volume->device, W_OK) < 0 ? -errno : 0;
}
