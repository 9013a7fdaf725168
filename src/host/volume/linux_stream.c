/* linux_stream - the bytes of an open file, block by block. */
#include <errno.h>
#include <stdlib.h>
#include "linux_internal.h"

#define STREAM_BLOCK_BYTES (128 * 1024)
#define DIRECT_ALIGNMENT 4096

/*
 * No larger than a file that is smaller: most are, and fresh pages cost more than what is read into
 * them. What the kernel makes up as it is read has no size.
 */
static size_t block_bytes_for(const struct stat *st)
{
	if (!S_ISREG(st->st_mode) || st->st_size <= 0 || st->st_size >= STREAM_BLOCK_BYTES)
		return STREAM_BLOCK_BYTES;
	/* one byte more, so that the read that ends the file is short */
	return ((size_t)st->st_size + DIRECT_ALIGNMENT) / DIRECT_ALIGNMENT * DIRECT_ALIGNMENT;
}

/* A file has ended with a read that was short after all bytes that it should have. */
static int stream_blocks(int fd, size_t block_bytes, uint64_t file_bytes, const struct sink *sink)
{
	uint64_t passed = 0;
	/* aligned for O_DIRECT, whether it is used or not */
	auto_free char *block = NULL;
	ssize_t count;
	int result = posix_memalign((void **)&block, DIRECT_ALIGNMENT, block_bytes);

	if (result != 0)
		abort();
	while ((count = read(fd, block, block_bytes)) != 0) {
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -errno;
		result = sink->feed(sink->userdata, block, (size_t)count);
		passed += (size_t)count;
		if (result < 0 || ((size_t)count < block_bytes && passed >= file_bytes))
			return result;
	}
	return 0;
}

int stream_fd(int fd, const struct sink *sink)
{
	return stream_blocks(fd, STREAM_BLOCK_BYTES, UINT64_MAX, sink);
}

int regular_file(int fd, struct stat *ret)
{
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (ret)
		*ret = st;
	return S_ISREG(st.st_mode) ? 0 : S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
}

int stream_regular(int fd, const struct sink *sink)
{
	struct stat st;
	int result = regular_file(fd, &st);

	if (result < 0)
		return result;
	return stream_blocks(fd, block_bytes_for(&st),
			     st.st_size > 0 ? (uint64_t)st.st_size : UINT64_MAX, sink);
}

int write_all(int fd, const void *bytes, size_t length)
{
	for (size_t done = 0; done < length;) {
		ssize_t count = write(fd, (const char *)bytes + done, length - done);

		if (count < 0 && errno != EINTR)
			return -errno;
		done += count > 0 ? (size_t)count : 0;
	}
	return 0;
}
