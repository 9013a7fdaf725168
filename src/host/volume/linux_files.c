/*
 * linux_files - volumes that are mounted, and roots inside the pool.
 *
 * Every path is resolved by openat2() beneath a descriptor: the kernel refuses what leaves it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include "linux_internal.h"

#define BTRFS_SUBVOLUME_INODE 256
#define BTRFS_TYPE "btrfs"

bool path_is_plain(const char *path)
{
	if (path[0] == '\0')
		return true;
	for (const char *at = path;; at++) {
		size_t length = strcspn(at, "/");

		if (length == 0 || length > NAME_MAX || (length == 1 && at[0] == '.') ||
		    (length == 2 && at[0] == '.' && at[1] == '.'))
			return false;
		at += length;
		if (*at == '\0')
			return true;
	}
}

static int open_how(int top, const char *path, const struct open_how *how)
{
	int fd;

	/* EAGAIN: something on the way was renamed meanwhile */
	for (int tries = 0; tries < 32; tries++) {
		fd = (int)syscall(SYS_openat2, top, path[0] ? path : ".", how, sizeof(*how));
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return fd >= 0 ? fd : -errno;
}

int open_beneath(int top, const char *path, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)flags | O_CLOEXEC | O_NOFOLLOW,
		.mode = mode,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};

	if (!path_is_plain(path))
		return -EINVAL;
	if (!(flags & O_PATH))
		how.flags |= O_NONBLOCK | O_NOCTTY;
	return open_how(top, path, &how);
}

int open_in_root(int root, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)flags | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};

	if (!(flags & O_PATH))
		how.flags |= O_NONBLOCK | O_NOCTTY;
	return open_how(root, path, &how);
}

int open_parent(int top, const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	auto_free char *parent = xstrndup(path, slash ? (size_t)(slash - path) : 0);

	if (!path_is_plain(path) || path[0] == '\0')
		return -EINVAL;
	*ret_name = slash ? slash + 1 : path;
	return open_beneath(top, parent, O_PATH | O_DIRECTORY, 0);
}

static enum host_type type_of(mode_t mode)
{
	return S_ISREG(mode)   ? HOST_FILE
	       : S_ISDIR(mode) ? HOST_DIRECTORY
	       : S_ISLNK(mode) ? HOST_SYMLINK
			       : HOST_OTHER;
}

void host_stat_fill(const struct stat *st, struct host_stat *ret)
{
	*ret = (struct host_stat){
		.type = type_of(st->st_mode),
		/* Btrfs has no device number of its own; FAT may well use this inode number */
		.subvolume = S_ISDIR(st->st_mode) && st->st_ino == BTRFS_SUBVOLUME_INODE &&
			     major(st->st_dev) == 0,
		.mode = st->st_mode & 07777,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.size_bytes = (uint64_t)st->st_size,
		.mtime_sec = st->st_mtim.tv_sec,
		.ctime_nsec = st->st_ctim.tv_sec * 1000000000LL + st->st_ctim.tv_nsec,
		.rdev = st->st_rdev,
		.whiteout = S_ISCHR(st->st_mode) && st->st_rdev == 0,
	};
}

static int stat_fd(int fd, struct host_stat *ret)
{
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	host_stat_fill(&st, ret);
	return 0;
}

DEFINE_AUTO(directory, DIR *, closedir)

static int name_add(int fd, const struct dirent *entry, struct host_names *names)
{
	static const enum host_type types[] = {
		[DT_REG] = HOST_FILE,
		[DT_DIR] = HOST_DIRECTORY,
		[DT_LNK] = HOST_SYMLINK,
	};
	enum host_type type = HOST_OTHER;
	struct stat st;

	if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
		return 0;
	if (entry->d_type == DT_REG || entry->d_type == DT_DIR || entry->d_type == DT_LNK) {
		type = types[entry->d_type];
	} else if (entry->d_type == DT_UNKNOWN) {
		if (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return errno == ENOENT ? 0 : -errno;
		type = type_of(st.st_mode);
	}
	*array_add(names->names, names->count) = (struct host_name){
		.name = xstrdup(entry->d_name), .type = type, .inode = entry->d_ino};
	return 0;
}

int list_directory(int fd, struct host_names *ret)
{
	__attribute__((cleanup(auto_directory_))) DIR *directory = NULL;
	auto_close int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_host_names struct host_names names = {0};
	struct dirent *entry;
	int result;

	if (own < 0 || !(directory = fdopendir(own)))
		return -errno;
	take_fd(&own);
	while (errno = 0, (entry = readdir(directory))) {
		result = name_add(dirfd(directory), entry, &names);
		if (result < 0)
			return result;
	}
	if (errno)
		return -errno;
	host_names_sort(&names);
	*ret = names;
	names = (struct host_names){0};
	return 0;
}

static int files_stat(const struct linux_volume *volume, const char *path, struct host_stat *ret)
{
	auto_close int fd = open_beneath(volume->fd, path, O_PATH, 0);

	return stat_fd(fd, ret);
}

static int files_list(const struct linux_volume *volume, const char *path, struct host_names *ret)
{
	auto_close int fd = open_beneath(volume->fd, path, O_RDONLY | O_DIRECTORY, 0);

	return fd < 0 ? fd : list_directory(fd, ret);
}

static int files_read_link(const struct linux_volume *volume, const char *path, char **ret)
{
	char target[PATH_MAX];
	auto_close int fd = open_beneath(volume->fd, path, O_PATH, 0);
	ssize_t length;

	if (fd < 0)
		return fd;
	length = readlinkat(fd, "", target, sizeof(target));
	if (length < 0)
		return errno == ENOENT ? -EINVAL : -errno; /* ENOENT: "" is not a link */
	*ret = xstrndup(target, (size_t)length);
	return 0;
}

/* The same file again, unbuffered where the file system can; its pages are dropped either way. */
static int open_medium(const struct linux_volume *volume, const char *path)
{
	int fd, direct;

	fd = open_beneath(volume->fd, path, O_RDONLY, 0);
	if (fd < 0)
		return fd;
	if (fdatasync(fd) == 0)
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	if (volume->image_fd >= 0 && fdatasync(volume->image_fd) == 0)
		image_drop_cache(volume);
	direct = open_beneath(volume->fd, path, O_RDONLY | O_DIRECT, 0);
	if (direct < 0)
		return fd;
	close(fd);
	return direct;
}

static int files_stream(const struct linux_volume *volume, const char *path, bool medium,
			const struct sink *sink)
{
	auto_close int fd =
		medium ? open_medium(volume, path) : open_beneath(volume->fd, path, O_RDONLY, 0);

	return stream_regular(fd, sink);
}

/* Whether it is worth another try: an effect in the directory of `path` has ended with -EPERM. */
static bool lift_at(const struct linux_volume *volume, const char *path, struct protections *lifted)
{
	const char *name;
	auto_close int parent = open_parent(volume->fd, path, &name);

	return parent >= 0 && protections_lift(lifted, parent, name);
}

static int files_open_new(const struct linux_volume *volume, const char *path,
			  struct protections *lifted)
{
	const int flags = O_WRONLY | O_CREAT | O_TRUNC;
	auto_close int fd = open_beneath(volume->fd, path, flags, 0644);
	int result;

	if (fd == -EPERM && lift_at(volume, path, lifted))
		fd = open_beneath(volume->fd, path, flags, 0644);
	result = regular_file(fd, NULL);
	return result < 0 ? result : take_fd(&fd);
}

static int files_write(const struct linux_volume *volume, const char *path, const void *bytes,
		       size_t length)
{
	auto_protections struct protections lifted = {0};
	auto_close int fd = files_open_new(volume, path, &lifted);

	return fd < 0 ? fd : write_all(fd, bytes, length);
}

static int feed_fd(void *userdata, const void *bytes, size_t length)
{
	return write_all(*(const int *)userdata, bytes, length);
}

static int files_write_from(const struct linux_volume *volume, const char *path, int from)
{
	auto_protections struct protections lifted = {0};
	auto_close int fd = files_open_new(volume, path, &lifted);

	return fd < 0 ? fd : stream_fd(from, &(struct sink){.feed = feed_fd, .userdata = &fd});
}

static int files_write_at(const struct linux_volume *volume, const char *path, off_t offset,
			  const struct host_bytes *bytes)
{
	auto_close int fd = open_beneath(volume->fd, path, O_WRONLY, 0);
	int result = regular_file(fd, NULL);
	struct stat st;

	if (result < 0)
		return result;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (offset < 0 || offset > st.st_size || bytes->length > (uint64_t)(st.st_size - offset))
		return -ERANGE;
	for (size_t done = 0; done < bytes->length;) {
		ssize_t count =
			pwrite(fd, bytes->bytes + done, bytes->length - done, offset + (off_t)done);

		if (count < 0 && errno != EINTR)
			return -errno;
		done += count > 0 ? (size_t)count : 0;
	}
	return 0;
}

static int files_append(const struct linux_volume *volume, const char *path, const void *bytes,
			size_t length)
{
	auto_close int fd = open_beneath(volume->fd, path, O_WRONLY | O_CREAT | O_APPEND, 0644);
	int result = regular_file(fd, NULL);

	return result < 0 ? result : write_all(fd, bytes, length);
}

static int files_make_directory(const struct linux_volume *volume, const char *path, mode_t mode)
{
	auto_protections struct protections lifted = {0};
	const char *name;
	auto_close int parent = open_parent(volume->fd, path, &name);
	int result;

	if (parent < 0)
		return parent;
	result = mkdirat(parent, name, mode) < 0 ? -errno : 0;
	if (result == -EPERM && protections_lift(&lifted, parent, name))
		result = mkdirat(parent, name, mode) < 0 ? -errno : 0;
	if (result < 0)
		return result;
	/* past the umask, on file systems that have modes */
	if (volume->attributes && fchmodat(parent, name, mode, 0) < 0)
		return -errno;
	return 0;
}

static int files_make_symlink(const struct linux_volume *volume, const char *target,
			      const char *path)
{
	auto_protections struct protections lifted = {0};
	const char *name;
	auto_close int parent = open_parent(volume->fd, path, &name);
	int result;

	if (parent < 0)
		return parent;
	result = symlinkat(target, parent, name) < 0 ? -errno : 0;
	if (result == -EPERM && protections_lift(&lifted, parent, name))
		result = symlinkat(target, parent, name) < 0 ? -errno : 0;
	return result == -EPERM ? -EOPNOTSUPP : result;
}

static int rename_with(const struct linux_volume *volume, const char *from, const char *to,
		       unsigned flags)
{
	auto_protections struct protections lifted = {0};
	const char *from_name, *to_name;
	auto_close int from_parent = open_parent(volume->fd, from, &from_name);
	auto_close int to_parent = open_parent(volume->fd, to, &to_name);
	bool again;

	if (from_parent < 0 || to_parent < 0)
		return from_parent < 0 ? from_parent : to_parent;
	if (renameat2(from_parent, from_name, to_parent, to_name, flags) == 0)
		return 0;
	if (errno != EPERM)
		return -errno;
	again = protections_lift(&lifted, from_parent, from_name);
	if (!protections_lift(&lifted, to_parent, to_name) && !again)
		return -EPERM;
	return renameat2(from_parent, from_name, to_parent, to_name, flags) < 0 ? -errno : 0;
}

static int files_rename(const struct linux_volume *volume, const char *from, const char *to)
{
	return rename_with(volume, from, to, 0);
}

static int files_exchange(const struct linux_volume *volume, const char *a, const char *b)
{
	return rename_with(volume, a, b, RENAME_EXCHANGE);
}

static int files_remove(const struct linux_volume *volume, const char *path)
{
	const char *name;
	auto_close int parent = open_parent(volume->fd, path, &name);
	struct host_stat st;
	struct stat raw;

	if (parent < 0)
		return parent;
	if (fstatat(parent, name, &raw, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	host_stat_fill(&raw, &st);
	/* the kernel's rmdir would delete an empty subvolume; ours are deleted by name only */
	if (st.subvolume)
		return -EXDEV;
	return unlink_through(parent, name, st.type == HOST_DIRECTORY ? AT_REMOVEDIR : 0);
}

static int files_remove_tree(const struct linux_volume *volume, const char *path)
{
	const char *name;
	auto_close int parent = open_parent(volume->fd, path, &name);

	return parent < 0 ? parent : tree_remove(parent, name);
}

static int files_space(const struct linux_volume *volume, struct host_space *ret)
{
	struct statvfs st;

	if (text_equal(volume->type, BTRFS_TYPE))
		return btrfs_space(volume, ret);
	if (fstatvfs(volume->fd, &st) < 0)
		return -errno;
	*ret = (struct host_space){
		.total_bytes = (uint64_t)st.f_blocks * st.f_frsize,
		.free_bytes = (uint64_t)st.f_bavail * st.f_frsize,
	};
	return 0;
}

static int files_sync(const struct linux_volume *volume)
{
	if (syncfs(volume->fd) < 0)
		return -errno;
	/* syncfs writes FAT out but does not flush the drive's cache; fsync does */
	return fsync(volume->fd) < 0 ? -errno : 0;
}

const struct volume_access files_access = {
	.stat = files_stat,
	.list = files_list,
	.read_link = files_read_link,
	.stream = files_stream,
	.write = files_write,
	.write_from = files_write_from,
	.write_at = files_write_at,
	.append = files_append,
	.make_directory = files_make_directory,
	.make_symlink = files_make_symlink,
	.rename = files_rename,
	.exchange = files_exchange,
	.remove = files_remove,
	.remove_tree = files_remove_tree,
	.space = files_space,
	.sync = files_sync,
};
