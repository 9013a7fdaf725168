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

static int stream_regular(void *source, const struct sink *sink)
{
	int fd = *(const int *)source;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	return stream_fd(fd, sink);
}

int linux_root_read(struct host *host, const char *root, const char *path, size_t max_bytes,
		    struct host_bytes *ret)
{
	auto_close int fd = open_root_path(host, &(struct root_path){root, path}, O_RDONLY);

	return fd < 0 ? fd : collect_bytes(stream_regular, &fd, max_bytes, ret);
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

	return fd < 0 ? fd : collect_digest(stream_regular, &fd, kind, ret);
}
