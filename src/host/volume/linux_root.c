/* linux_root - reading inside a root as that system itself would see it: links stay within it. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include "linux_internal.h"

int open_root_path(struct host *host, const struct root_path *where, int flags)
{
	const struct linux_volume *pool = &linux_of(host)->volumes[VOLUME_POOL];
	auto_close int root = open_beneath(pool->fd, where->root, O_PATH | O_DIRECTORY, 0);

	return root < 0 ? root : open_in_root(root, where->path, flags);
}

static int stream_open(void *source, const struct sink *sink)
{
	return stream_regular(*(const int *)source, sink);
}

int linux_root_read(struct host *host, const char *root, const char *path, size_t max_bytes,
		    struct host_bytes *ret)
{
	auto_close int fd = open_root_path(host, &(struct root_path){root, path}, O_RDONLY);

	return fd < 0 ? fd : collect_bytes(stream_open, &fd, max_bytes, ret);
}

int linux_read_tail(struct host *host, const char *path, size_t max_bytes, struct host_bytes *ret)
{
	auto_close int fd =
		open_beneath(linux_of(host)->volumes[VOLUME_POOL].fd, path, O_RDONLY, 0);

	if (fd < 0)
		return fd;
	/* fails on a shorter one, which is read from its beginning */
	lseek(fd, -(off_t)max_bytes, SEEK_END);
	return collect_bytes(stream_open, &fd, max_bytes, ret);
}

int linux_root_stat(struct host *host, const char *root, const char *path, struct host_stat *ret)
{
	struct root_path where = {root, path};
	struct stat st;
	auto_close int fd = open_root_path(host, &where, O_PATH);

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	host_stat_fill(&st, ret);
	return 0;
}

int linux_root_list(struct host *host, const char *root, const char *path, struct host_names *ret)
{
	struct root_path where = {root, path};
	auto_close int fd = open_root_path(host, &where, O_RDONLY | O_DIRECTORY);

	return fd < 0 ? fd : list_directory(fd, ret);
}

int linux_root_digest(struct host *host, const char *root, const char *path, enum digest_kind kind,
		      struct digest *ret)
{
	auto_close int fd = open_root_path(host, &(struct root_path){root, path}, O_RDONLY);

	return fd < 0 ? fd : collect_digest(stream_open, &fd, kind, ret);
}
