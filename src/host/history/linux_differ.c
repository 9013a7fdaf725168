/* linux_differ - whether two objects on the pool are alike, in all that one could miss of them. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/xattr.h>
#include "linux_internal.h"

#define BLOCK_BYTES (64 * 1024)
#define XATTR_BYTES_MAX 65536

struct side {
	int fd; /* O_PATH; -1 = there is nothing of that name */
	struct stat st;
};

static int side_open(int pool, const char *path, struct side *ret)
{
	int fd = open_beneath(pool, path, O_PATH, 0);

	*ret = (struct side){.fd = -1};
	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR ? 0 : fd;
	ret->fd = fd;
	return fstat(fd, &ret->st) < 0 ? -errno : 0;
}

static void side_done(struct side *side)
{
	if (side->fd >= 0)
		close(side->fd);
}
DEFINE_AUTO_STRUCT(side, struct side, side_done)

/* An inode that a snapshot shares with what it was taken from, and that nobody wrote to. */
static bool is_shared(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* --- each: 1 = they differ --------------------------------------------------------------------- */

static int fields_differ(const struct side *a, const struct side *b)
{
	return a->st.st_mode != b->st.st_mode || a->st.st_uid != b->st.st_uid ||
	       a->st.st_gid != b->st.st_gid || a->st.st_rdev != b->st.st_rdev ||
	       (!S_ISDIR(a->st.st_mode) && a->st.st_size != b->st.st_size) ||
	       protection_of(a->fd) != protection_of(b->fd);
}

static int xattr_differs(const char *a, const char *b, const char *name)
{
	auto_free char *left = xmalloc(XATTR_BYTES_MAX), *right = xmalloc(XATTR_BYTES_MAX);
	ssize_t left_length = getxattr(a, name, left, XATTR_BYTES_MAX);
	ssize_t right_length = getxattr(b, name, right, XATTR_BYTES_MAX);

	if (left_length < 0)
		return -errno;
	return right_length != left_length || memcmp(left, right, (size_t)left_length) != 0;
}

static int xattrs_differ(const struct side *a, const struct side *b)
{
	struct fd_path a_path = fd_path(a->fd), b_path = fd_path(b->fd);
	auto_free char *names = NULL, *others = NULL;
	size_t length = 0, others_length = 0;
	int result = xattr_names(a_path.text, &names, &length);

	if (result == 0)
		result = xattr_names(b_path.text, &others, &others_length);
	/* as long, and every one of one side is the other's: then there are no others */
	if (result == 0 && length != others_length)
		return 1;
	for (const char *name = names; result == 0 && name < names + length;
	     name += strlen(name) + 1)
		result = xattr_differs(a_path.text, b_path.text, name);
	return result;
}

static int targets_differ(const struct side *a, const struct side *b)
{
	char left[PATH_MAX], right[PATH_MAX];
	ssize_t left_length = readlinkat(a->fd, "", left, sizeof(left));
	ssize_t right_length = readlinkat(b->fd, "", right, sizeof(right));

	if (left_length < 0 || right_length < 0)
		return -errno;
	return left_length != right_length || memcmp(left, right, (size_t)left_length) != 0;
}

static int open_content(const struct side *side)
{
	struct fd_path path = fd_path(side->fd);
	int fd = open(path.text, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static ssize_t read_block(int fd, char *block, off_t offset)
{
	ssize_t count;

	do
		count = pread(fd, block, BLOCK_BYTES, offset);
	while (count < 0 && errno == EINTR);
	return count < 0 ? -errno : count;
}

static int contents_differ(const struct side *a, const struct side *b)
{
	auto_free char *left = xmalloc(BLOCK_BYTES), *right = xmalloc(BLOCK_BYTES);
	auto_close int a_fd = open_content(a), b_fd = open_content(b);
	off_t offset = 0;

	if (a_fd < 0 || b_fd < 0)
		return a_fd < 0 ? a_fd : b_fd;
	for (;;) {
		ssize_t count = read_block(a_fd, left, offset);
		ssize_t other = read_block(b_fd, right, offset);

		if (count < 0 || other < 0)
			return (int)(count < 0 ? count : other);
		if (count != other || memcmp(left, right, (size_t)count) != 0)
			return 1;
		if (count == 0)
			return 0;
		offset += count;
	}
}

int linux_differ(struct host *host, const char *a, const char *b)
{
	int pool = linux_of(host)->volumes[VOLUME_POOL].fd;
	__attribute__((cleanup(auto_side_))) struct side left = {.fd = -1}, right = {.fd = -1};
	int result = side_open(pool, a, &left);

	if (result == 0)
		result = side_open(pool, b, &right);
	if (result < 0)
		return result;
	if (left.fd < 0 || right.fd < 0)
		return left.fd != right.fd;
	if (is_shared(&left.st, &right.st))
		return 0;
	if (fields_differ(&left, &right))
		return 1;
	result = xattrs_differ(&left, &right);
	if (result != 0)
		return result;
	if (S_ISLNK(left.st.st_mode))
		return targets_differ(&left, &right);
	return S_ISREG(left.st.st_mode) ? contents_differ(&left, &right) : 0;
}
