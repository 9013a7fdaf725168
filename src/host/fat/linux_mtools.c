/*
 * linux_mtools - a FAT volume that is not mounted: read by linux_fat, written by mtools.
 *
 * Names are checked first, since mtools takes some characters for patterns, and so is what would
 * make it ask a question: its stdin is a file or /dev/null.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include "linux_internal.h"

#define MTOOLS_TIMEOUT_SEC 600
#define PATTERN_CHARACTERS "*?[]\\:\"<>|"

static bool name_is_safe(const char *path)
{
	return path[0] && path_is_plain(path) && !strpbrk(path, PATTERN_CHARACTERS);
}

/* Runs `tool -i DEVICE option… ::path…`; `arguments` ends with NULL. */
static int mtools(const struct linux_volume *volume, int input, const char *const *arguments)
{
	static const char *const environment[] = {"MTOOLS_SKIP_CHECK=1", "MTOOLSRC=/dev/null",
						  "LC_ALL=C.UTF-8", NULL};
	const char *argv[10] = {arguments[0], "-i", volume->device};
	auto_free char *output = NULL;
	int status = 0, result;

	if (volume->write_protected)
		return -EROFS;
	for (int i = 1; arguments[i] && i < 6; i++)
		argv[i + 2] = arguments[i];
	result = program_run(&(struct program){.argv = argv,
					       .environment = environment,
					       .input = input,
					       .timeout_sec = MTOOLS_TIMEOUT_SEC},
			     &output, &status);
	fat_volume_forget(volume->fat);
	if (result < 0)
		return result == -ENOENT ? -ENOPKG : result;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return strstr(output, "full") ? -ENOSPC : -EIO;
}

static char *in_volume(const char *path)
{
	return xasprintf("::/%s", path);
}

static int mtools_stat(const struct linux_volume *volume, const char *path, struct host_stat *ret)
{
	return fat_stat(volume->fat, path, ret);
}

static int mtools_list(const struct linux_volume *volume, const char *path, struct host_names *ret)
{
	return fat_list(volume->fat, path, ret);
}

static int mtools_read_link(const struct linux_volume *volume, const char *path, char **ret)
{
	struct host_stat st;
	int result = mtools_stat(volume, path, &st);

	(void)ret;
	return result < 0 ? result : -EINVAL;
}

static int mtools_sync(const struct linux_volume *volume)
{
	if (fsync(volume->device_fd) < 0)
		return -errno;
	return volume->image_fd >= 0 && fsync(volume->image_fd) < 0 ? -errno : 0;
}

/* Both caches go: that of the device, and below a loop device that of the file. */
static int drop_caches(const struct linux_volume *volume)
{
	int result = mtools_sync(volume);

	if (result < 0)
		return result;
	ioctl(volume->device_fd, BLKFLSBUF, 0);
	posix_fadvise(volume->device_fd, 0, 0, POSIX_FADV_DONTNEED);
	fat_volume_forget(volume->fat);
	image_drop_cache(volume);
	return 0;
}

static int mtools_stream(const struct linux_volume *volume, const char *path, bool medium,
			 const struct sink *sink)
{
	int result = medium ? drop_caches(volume) : 0;

	return result < 0 ? result : fat_stream(volume->fat, path, sink);
}

/* The directory above path is there; mtools would only say that something failed. */
static int parent_exists(const struct linux_volume *volume, const char *path)
{
	const char *slash = strrchr(path, '/');
	auto_free char *parent = xstrndup(path, slash ? (size_t)(slash - path) : 0);
	struct host_stat st;
	int result = mtools_stat(volume, parent, &st);

	return result < 0 ? result : st.type == HOST_DIRECTORY ? 0 : -ENOTDIR;
}

/* Refused before anything is written: a copy that stops half-way costs the old content too. */
static int room_for(const struct linux_volume *volume, int fd, uint64_t present_bytes)
{
	struct host_space space;
	struct stat st;
	int result;

	if (fstat(fd, &st) < 0)
		return -errno;
	result = fat_space(volume->fat, &space);
	if (result < 0)
		return result;
	return (uint64_t)st.st_size > space.free_bytes + present_bytes ? -ENOSPC : 0;
}

static int mtools_write_from(const struct linux_volume *volume, const char *path, int fd)
{
	auto_free char *target = in_volume(path);
	const char *arguments[] = {"mcopy", "-o", "-Q", "-", target, NULL};
	struct host_stat st = {0};
	int result = name_is_safe(path) ? parent_exists(volume, path) : -EINVAL;

	if (result < 0)
		return result;
	result = mtools_stat(volume, path, &st);
	if (result < 0 && result != -ENOENT)
		return result;
	if (result == 0 && st.type == HOST_DIRECTORY)
		return -EISDIR;
	result = room_for(volume, fd, st.size_bytes);
	return result < 0 ? result : mtools(volume, fd, arguments);
}

static int memory_file(const void *bytes, size_t length)
{
	auto_close int fd = memfd_create("boot", MFD_CLOEXEC);
	int result;

	if (fd < 0)
		return -errno;
	result = write_all(fd, bytes, length);
	if (result == 0 && lseek(fd, 0, SEEK_SET) < 0)
		result = -errno;
	return result < 0 ? result : take_fd(&fd);
}

static int mtools_write(const struct linux_volume *volume, const char *path, const void *bytes,
			size_t length)
{
	auto_close int fd = memory_file(bytes, length);

	return fd < 0 ? fd : mtools_write_from(volume, path, fd);
}

static int mtools_write_at(const struct linux_volume *volume, const char *path, off_t offset,
			   const struct host_bytes *bytes)
{
	struct host_stat st;
	int result = mtools_stat(volume, path, &st);

	if (result < 0)
		return result;
	if (st.type != HOST_FILE)
		return -EISDIR;
	if (volume->write_protected)
		return -EROFS;
	if (offset < 0 || (uint64_t)offset > st.size_bytes ||
	    bytes->length > st.size_bytes - (uint64_t)offset)
		return -ERANGE;
	for (size_t done = 0; done < bytes->length;) {
		struct fat_place place;
		size_t length = bytes->length - done;
		ssize_t count;

		result = fat_locate(volume->fat, path, offset + (off_t)done, &place);
		if (result < 0)
			return result;
		if (length > place.length_bytes)
			length = place.length_bytes;
		count = pwrite(volume->device_fd, bytes->bytes + done, length, place.at_bytes);
		fat_volume_forget(volume->fat);
		if (count < 0 && errno != EINTR)
			return -errno;
		done += count > 0 ? (size_t)count : 0;
	}
	return 0;
}

static int feed_fd(void *userdata, const void *bytes, size_t length)
{
	return write_all(*(const int *)userdata, bytes, length);
}

static int mtools_append(const struct linux_volume *volume, const char *path, const void *bytes,
			 size_t length)
{
	auto_close int fd = memfd_create("boot", MFD_CLOEXEC);
	int result;

	if (fd < 0)
		return -errno;
	result = fat_stream(volume->fat, path, &(struct sink){.feed = feed_fd, .userdata = &fd});
	if (result == 0 || result == -ENOENT)
		result = write_all(fd, bytes, length);
	if (result == 0 && lseek(fd, 0, SEEK_SET) < 0)
		result = -errno;
	return result < 0 ? result : mtools_write_from(volume, path, fd);
}

static int mtools_make_directory(const struct linux_volume *volume, const char *path, mode_t mode)
{
	auto_free char *target = in_volume(path);
	const char *arguments[] = {"mmd", target, NULL};
	struct host_stat st;
	int result = name_is_safe(path) ? parent_exists(volume, path) : -EINVAL;

	(void)mode; /* FAT has none */
	if (result < 0)
		return result;
	if (mtools_stat(volume, path, &st) == 0)
		return -EEXIST;
	return mtools(volume, -1, arguments);
}

static int mtools_make_symlink(const struct linux_volume *volume, const char *target,
			       const char *path)
{
	(void)volume, (void)target, (void)path;
	return -EOPNOTSUPP;
}

static int mtools_exchange(const struct linux_volume *volume, const char *a, const char *b)
{
	(void)volume, (void)a, (void)b;
	return -EOPNOTSUPP;
}

static int mtools_remove(const struct linux_volume *volume, const char *path)
{
	auto_free char *target = in_volume(path);
	auto_host_names struct host_names names = {0};
	const char *arguments[] = {"mdel", target, NULL};
	struct host_stat st;
	int result = name_is_safe(path) ? mtools_stat(volume, path, &st) : -EINVAL;

	if (result < 0)
		return result;
	if (st.type == HOST_DIRECTORY) {
		arguments[0] = "mrd";
		result = mtools_list(volume, path, &names);
		if (result == 0 && names.count > 0)
			result = -ENOTEMPTY;
	}
	return result < 0 ? result : mtools(volume, -1, arguments);
}

static int mtools_remove_tree(const struct linux_volume *volume, const char *path)
{
	auto_free char *target = in_volume(path);
	const char *arguments[] = {"mdeltree", target, NULL};
	struct host_stat st;
	int result = name_is_safe(path) ? mtools_stat(volume, path, &st) : -EINVAL;

	return result < 0 ? result : mtools(volume, -1, arguments);
}

static int mtools_rename(const struct linux_volume *volume, const char *from, const char *to)
{
	auto_free char *source = in_volume(from), *target = in_volume(to);
	const char *arguments[] = {"mren", source, target, NULL};
	struct host_stat from_stat, to_stat;
	int result;

	if (!name_is_safe(from) || !name_is_safe(to))
		return -EINVAL;
	result = mtools_stat(volume, from, &from_stat);
	if (result == 0)
		result = parent_exists(volume, to);
	if (result < 0 || strcmp(from, to) == 0)
		return result;
	if (strcasecmp(from, to) == 0)
		return -EOPNOTSUPP; /* mren takes the name for one that exists */
	result = mtools_stat(volume, to, &to_stat);
	if (result == 0 && to_stat.type == HOST_DIRECTORY)
		return -EISDIR; /* mren would move it inside */
	if (result == 0)
		result = from_stat.type == HOST_DIRECTORY ? -ENOTDIR : mtools_remove(volume, to);
	return result < 0 && result != -ENOENT ? result : mtools(volume, -1, arguments);
}

static int mtools_space(const struct linux_volume *volume, struct host_space *ret)
{
	return fat_space(volume->fat, ret);
}

const struct volume_access mtools_access = {
	.stat = mtools_stat,
	.list = mtools_list,
	.read_link = mtools_read_link,
	.stream = mtools_stream,
	.write = mtools_write,
	.write_from = mtools_write_from,
	.write_at = mtools_write_at,
	.append = mtools_append,
	.make_directory = mtools_make_directory,
	.make_symlink = mtools_make_symlink,
	.rename = mtools_rename,
	.exchange = mtools_exchange,
	.remove = mtools_remove,
	.remove_tree = mtools_remove_tree,
	.space = mtools_space,
	.sync = mtools_sync,
};
