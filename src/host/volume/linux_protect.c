/*
 * linux_protect - what chattr says of a file: what `+i` and `+a` keep from being changed, how it is
 * changed all the same, and how a copy gets the same flags.
 *
 * By FS_IOC_FSSETXATTR: FS_IOC_SETFLAGS, which chattr uses, sets the compression of a Btrfs file
 * anew along with these flags. What only that can set is set on a file that is empty yet.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include "linux_internal.h"

#define PROTECTION (FS_XFLAG_IMMUTABLE | FS_XFLAG_APPEND)
/* A copy gets these in the end, and those in the beginning: they hold for what is written after. */
#define FLAGS_LATE (PROTECTION | FS_XFLAG_NOATIME | FS_XFLAG_NODUMP | FS_XFLAG_SYNC)
#define FLAGS_EARLY (FS_NOCOW_FL | FS_NOCOMP_FL | FS_COMPR_FL | FS_DIRSYNC_FL)

struct fd_path fd_path(int fd)
{
	struct fd_path path;

	snprintf(path.text, sizeof(path.text), "/proc/self/fd/%d", fd);
	return path;
}

/* Pipes and devices are not opened, not even to look: they have no such flags. */
static int open_again(int object)
{
	struct stat st;
	int fd;

	if (fstat(object, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return -ENOTTY;
	fd = open(fd_path(object).text, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

unsigned protection_of(int object)
{
	auto_close int fd = open_again(object);
	struct fsxattr attributes;

	if (fd < 0 || ioctl(fd, FS_IOC_FSGETXATTR, &attributes) < 0)
		return 0;
	return attributes.fsx_xflags & PROTECTION;
}

int protection_set(int object, unsigned protection)
{
	auto_close int fd = -1;
	struct fsxattr attributes;

	if (protection_of(object) == protection)
		return 0;
	fd = open_again(object);
	if (fd < 0)
		return fd;
	if (ioctl(fd, FS_IOC_FSGETXATTR, &attributes) < 0)
		return -errno;
	attributes.fsx_xflags = (attributes.fsx_xflags & ~(unsigned)PROTECTION) | protection;
	return ioctl(fd, FS_IOC_FSSETXATTR, &attributes) < 0 ? -errno : 0;
}

static bool lift(struct protections *lifted, int parent, const char *name)
{
	auto_close int object = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	unsigned protection = object < 0 ? 0 : protection_of(object);

	if (!protection || lifted->count == COUNT(lifted->list) || protection_set(object, 0) < 0)
		return false;
	lifted->list[lifted->count++] = (struct lifted){take_fd(&object), protection};
	return true;
}

bool protections_lift(struct protections *lifted, int parent, const char *name)
{
	bool directory = lift(lifted, parent, ".");

	return lift(lifted, parent, name) || directory;
}

void protections_done(struct protections *lifted)
{
	for (size_t i = 0; i < lifted->count; i++) {
		protection_set(lifted->list[i].object, lifted->list[i].protection);
		close(lifted->list[i].object);
	}
	lifted->count = 0;
}

int unlink_through(int parent, const char *name, int flags)
{
	auto_protections struct protections lifted = {0};

	if (unlinkat(parent, name, flags) == 0)
		return 0;
	if (errno != EPERM)
		return -errno;
	if (!protections_lift(&lifted, parent, name))
		return -EPERM;
	return unlinkat(parent, name, flags) < 0 ? -errno : 0;
}

/* --- of copies ---------------------------------------------------------------------------------- */

int flags_begin(int from, int to)
{
	unsigned wanted = 0, flags = 0;

	/* file systems that know no flags have none to copy */
	if (ioctl(from, FS_IOC_GETFLAGS, &wanted) < 0 || ioctl(to, FS_IOC_GETFLAGS, &flags) < 0)
		return 0;
	if (((flags ^ wanted) & FLAGS_EARLY) == 0)
		return 0;
	flags = (flags & ~(unsigned)FLAGS_EARLY) | (wanted & FLAGS_EARLY);
	return ioctl(to, FS_IOC_SETFLAGS, &flags) < 0 ? -errno : 0;
}

int flags_finish(int from, int to)
{
	struct fsxattr wanted = {0}, attributes = {0};

	if (ioctl(from, FS_IOC_FSGETXATTR, &wanted) < 0 ||
	    ioctl(to, FS_IOC_FSGETXATTR, &attributes) < 0)
		return 0;
	if (((attributes.fsx_xflags ^ wanted.fsx_xflags) & FLAGS_LATE) == 0)
		return 0;
	attributes.fsx_xflags =
		(attributes.fsx_xflags & ~(unsigned)FLAGS_LATE) | (wanted.fsx_xflags & FLAGS_LATE);
	return ioctl(to, FS_IOC_FSSETXATTR, &attributes) < 0 ? -errno : 0;
}
