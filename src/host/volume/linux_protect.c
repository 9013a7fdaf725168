/*
 * linux_protect - what `chattr +i` and `+a` keep from being changed, and how it is changed all the
 * same.
 *
 * By FS_IOC_FSSETXATTR: FS_IOC_SETFLAGS, which chattr uses, sets the compression of a Btrfs file
 * anew along with these flags.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include "linux_internal.h"

#define PROTECTION (FS_XFLAG_IMMUTABLE | FS_XFLAG_APPEND)

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
