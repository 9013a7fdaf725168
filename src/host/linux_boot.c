/*
 * linux_boot - volumes come and go: mounting them in our own namespace, and checking the file
 * system that firmware and loader write to as well.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include "linux_internal.h"

#define CHECK_TIMEOUT_SEC 120

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

/* Lines of fsck.fat that are no damage: who speaks, and what a running machine looks like. */
static bool harmless(const char *line)
{
	static const char *const starts[] = {
		"fsck.fat ",
		"Leaving filesystem unchanged",
		/* the kernel sets the flag while it is mounted; what it may hide, fsck looks for */
		"Dirty bit is set.",
		" Automatically removing dirty bit",
		/* the flag is not in the backup sector, which nobody reads */
		"There are differences between boot sector and its backup",
		"This is mostly harmless.",
		"  Not automatically fixing this",
	};

	for (size_t i = 0; i < COUNT(starts); i++)
		if (text_starts(line, starts[i]))
			return true;
	return line[0] == '\0';
}

/* "  65:01/00", a byte of the boot sector; "/dev/loop0: 4 files, 4/80628 clusters". */
static bool harmless_figures(const char *line, const char *device)
{
	unsigned offset, original, backup;

	if (sscanf(line, "  %u:%2x/%2x", &offset, &original, &backup) == 3)
		return true;
	return text_starts(line, device) && strstr(line, " files, ");
}

static char *findings_of(const char *output, const char *device)
{
	auto_text struct text findings = {0};
	const char *cursor = output, *line;
	size_t length;

	while (text_next_line(&cursor, output + strlen(output), &line, &length)) {
		auto_free char *copy = xstrndup(line, length);

		if (harmless(copy) || harmless_figures(copy, device))
			continue;
		text_addf(&findings, "%s%s", findings.length > 0 ? "\n" : "", copy);
	}
	return findings.length > 0 ? text_take(&findings) : NULL;
}

/* mode -n: 1 = damage that is left; -a: 1 = damage that was repaired. */
static int run_fsck(const char *mode, const char *device, char **ret_findings)
{
	const char *argv[] = {"fsck.fat", mode, device, NULL};
	auto_free char *output = NULL;
	int status = 0;
	int result = program_run(
		&(struct program){.argv = argv, .input = -1, .timeout_sec = CHECK_TIMEOUT_SEC},
		&output, &status);

	if (result < 0)
		return result == -ENOENT ? -ENOPKG : result;
	if (!WIFEXITED(status) || WEXITSTATUS(status) > 1)
		return -EIO;
	if (WEXITSTATUS(status) == 0)
		return 0;
	*ret_findings = findings_of(output, device);
	return *ret_findings && text_equal(mode, "-n") ? -EUCLEAN : 0;
}

/* A repair beneath a mounted file system would destroy it; the kernel knows all namespaces. */
static int nobody_has(const char *device)
{
	auto_close int fd = open(device, O_RDONLY | O_EXCL | O_CLOEXEC);

	return fd < 0 ? -errno : 0;
}

static int fsck_unmounted(struct linux_host *own, enum volume which, const char *mode,
			  char **ret_findings)
{
	struct linux_volume *volume = &own->volumes[which];
	bool remount = volume->access == &files_access && !volume->bound;
	int result, mounted = 0;

	*ret_findings = NULL;
	if (!volume->access)
		return -ENODEV;
	if (!text_equal(volume->type, "vfat") || !volume->device)
		return -EOPNOTSUPP;
	result = own->read_only ? 0 : volume->access->sync(volume);
	if (result < 0)
		return result;
	if (remount)
		volume_unmount(own, which);
	/* so that fsck.fat reads the medium, not what we wrote into the cache */
	if (volume->device_fd >= 0)
		ioctl(volume->device_fd, BLKFLSBUF, 0);
	result = text_equal(mode, "-n") ? 0 : nobody_has(volume->device);
	if (result == 0)
		result = run_fsck(mode, volume->device, ret_findings);
	if (volume->device_fd >= 0) {
		fsync(volume->device_fd);
		ioctl(volume->device_fd, BLKFLSBUF, 0);
	}
	if (remount)
		mounted = volume_mount(own, which, NULL);
	return result < 0 ? result : mounted;
}

int linux_check(struct host *host, enum volume which, char **ret_findings)
{
	return fsck_unmounted(linux_of(host), which, "-n", ret_findings);
}

int linux_repair(struct host *host, enum volume which, char **ret_findings)
{
	if (linux_of(host)->read_only)
		return -EROFS;
	return fsck_unmounted(linux_of(host), which, "-a", ret_findings);
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
