/*
 * linux_tree - directories with all that is in them: removed, copied, and what belongs to a file
 * beside its bytes.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include "linux_internal.h"

#define XATTR_BYTES_MAX 65536

static int remove_children(int parent, const char *name)
{
	auto_close int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_host_names struct host_names names = {0};
	int result;

	if (fd < 0)
		return -errno;
	result = list_directory(fd, &names);
	for (size_t i = 0; result == 0 && i < names.count; i++)
		result = tree_remove(fd, names.names[i].name);
	return result;
}

int tree_remove(int parent, const char *name)
{
	struct host_stat st;
	struct stat raw;
	int result;

	if (fstatat(parent, name, &raw, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	host_stat_fill(&raw, &st);
	if (st.type != HOST_DIRECTORY)
		return unlink_through(parent, name, 0);
	if (st.subvolume)
		return -EXDEV;
	result = remove_children(parent, name);
	if (result < 0)
		return result;
	return unlink_through(parent, name, AT_REMOVEDIR);
}

int xattr_names(const char *path, char **ret, size_t *ret_length)
{
	auto_free char *names = xcalloc(1, XATTR_BYTES_MAX);
	ssize_t length = listxattr(path, names, XATTR_BYTES_MAX - 1);

	if (length < 0 && errno != EOPNOTSUPP)
		return -errno;
	*ret_length = length > 0 ? (size_t)length : 0;
	*ret = take(names);
	return 0;
}

static int xattrs_put(const char *from, const char *to)
{
	auto_free char *names = NULL;
	auto_free char *value = xmalloc(XATTR_BYTES_MAX);
	size_t length;
	int result = xattr_names(from, &names, &length);

	for (const char *name = names; result == 0 && name < names + length;
	     name += strlen(name) + 1) {
		ssize_t size = getxattr(from, name, value, XATTR_BYTES_MAX);

		if (size < 0 || setxattr(to, name, value, (size_t)size, 0) < 0)
			result = -errno;
	}
	return result;
}

/* What `to` has and `from` has not. */
static int xattrs_drop(const char *from, const char *to)
{
	auto_free char *names = NULL;
	size_t length;
	int result = xattr_names(to, &names, &length);

	for (const char *name = names; result == 0 && name < names + length;
	     name += strlen(name) + 1)
		if (getxattr(from, name, NULL, 0) < 0 && errno == ENODATA &&
		    removexattr(to, name) < 0)
			result = -errno;
	return result;
}

int attributes_copy(int from, int to)
{
	struct fd_path from_path = fd_path(from), to_path = fd_path(to);
	struct stat st;
	int result;

	if (fstat(from, &st) < 0)
		return -errno;
	if (fchownat(to, "", st.st_uid, st.st_gid, AT_EMPTY_PATH) < 0)
		return -errno;
	/* after the owner, whose change clears capabilities and set-id bits */
	result = xattrs_drop(from_path.text, to_path.text);
	if (result == 0)
		result = xattrs_put(from_path.text, to_path.text);
	if (result < 0)
		return result;
	if (!S_ISLNK(st.st_mode) && chmod(to_path.text, st.st_mode & 07777) < 0)
		return -errno;
	if (utimensat(AT_FDCWD, to_path.text, (const struct timespec[2]){st.st_atim, st.st_mtim},
		      0) < 0)
		return -errno;
	return 0;
}

int linux_copy_attributes(struct host *host, const char *from, const char *to)
{
	const struct linux_volume *pool = &linux_of(host)->volumes[VOLUME_POOL];
	auto_close int from_fd = open_beneath(pool->fd, from, O_PATH, 0);
	auto_close int to_fd = open_beneath(pool->fd, to, O_PATH, 0);

	unsigned before;
	int result;

	if (from_fd < 0 || to_fd < 0)
		return from_fd < 0 ? from_fd : to_fd;
	before = protection_of(to_fd);
	result = protection_set(to_fd, 0);
	if (result == 0)
		result = attributes_copy(from_fd, to_fd);
	if (result == 0)
		return protection_set(to_fd, protection_of(from_fd));
	protection_set(to_fd, before);
	return result;
}

static int feed_file(void *userdata, const void *bytes, size_t length)
{
	return write_all(*(const int *)userdata, bytes, length);
}

/* What chattr said comes last: it may keep all else from being changed. */
static int attributes_finish(int from, int to)
{
	int result = attributes_copy(from, to);

	return result < 0 ? result : flags_finish(from, to);
}

static int copy_file(const struct tree_copy *copy)
{
	auto_close int from = openat(copy->from_parent, copy->from_name,
				     O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	auto_close int to = -1;
	int result;

	if (from < 0)
		return -errno;
	to = openat(copy->to_parent, copy->to_name,
		    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (to < 0)
		return -errno;
	result = copy->attributes ? flags_begin(from, to) : 0;
	if (result < 0)
		return result;
	/* refused across file systems and between copy-on-write and NOCOW files: then by bytes */
	if (ioctl(to, FICLONE, from) < 0) {
		result = stream_fd(from, &(struct sink){.feed = feed_file, .userdata = &to});
		/* a reflink's bytes are on the medium, too: a rename may follow */
		if (result == 0 && copy->attributes && fdatasync(to) < 0)
			result = -errno;
		if (result < 0)
			return result;
	}
	if (copy->attributes)
		return attributes_finish(from, to);
	fchmod(to, 0644); /* FAT has no modes: nothing lost when refused */
	return 0;
}

static int copy_other(const struct tree_copy *copy, const struct stat *st)
{
	char target[PATH_MAX];
	auto_close int from = -1, to = -1;
	ssize_t length;

	if (S_ISLNK(st->st_mode)) {
		length = readlinkat(copy->from_parent, copy->from_name, target, sizeof(target) - 1);
		if (length < 0)
			return -errno;
		target[length] = '\0';
		if (symlinkat(target, copy->to_parent, copy->to_name) < 0)
			return errno == EPERM ? -EOPNOTSUPP : -errno;
	} else if (mknodat(copy->to_parent, copy->to_name, st->st_mode & ~(mode_t)077,
			   st->st_rdev) < 0) {
		return -errno;
	}
	if (!copy->attributes)
		return 0;
	from = openat(copy->from_parent, copy->from_name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	to = openat(copy->to_parent, copy->to_name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return from < 0 || to < 0 ? -errno : attributes_copy(from, to);
}

static int copy_directory(const struct tree_copy *copy)
{
	auto_close int from = openat(copy->from_parent, copy->from_name,
				     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_close int to = -1;
	auto_host_names struct host_names names = {0};
	int result;

	if (from < 0)
		return -errno;
	if (mkdirat(copy->to_parent, copy->to_name, copy->attributes ? 0700 : 0755) < 0)
		return -errno;
	to = openat(copy->to_parent, copy->to_name,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (to < 0)
		return -errno;
	result = copy->attributes ? flags_begin(from, to) : 0;
	if (result == 0)
		result = list_directory(from, &names);
	for (size_t i = 0; result == 0 && i < names.count; i++)
		result = tree_copy(&(struct tree_copy){
			.from_parent = from,
			.from_name = names.names[i].name,
			.to_parent = to,
			.to_name = names.names[i].name,
			.attributes = copy->attributes,
		});
	if (result == 0 && copy->attributes)
		result = attributes_finish(from, to);
	return result;
}

int tree_copy(const struct tree_copy *copy)
{
	struct host_stat st;
	struct stat raw;

	if (fstatat(copy->from_parent, copy->from_name, &raw, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	host_stat_fill(&raw, &st);
	if (st.type == HOST_FILE)
		return copy_file(copy);
	if (st.type == HOST_DIRECTORY)
		return st.subvolume ? -EXDEV : copy_directory(copy);
	return copy_other(copy, &raw);
}
