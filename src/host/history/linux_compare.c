/* linux_compare - whether there is the same at two paths, for whoever looks at it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/xattr.h>
#include "linux_internal.h"

#define BLOCK_BYTES (64 * 1024)
#define XATTR_BYTES_MAX 65536 /* what the kernel gives at most */
#define ACL_PREFIX "system.posix_acl_"

struct side {
	const char *path;
	int fd; /* O_PATH; -1 = not there */
	struct stat st;
};

static void side_done(struct side *side)
{
	if (side->fd >= 0)
		close(side->fd);
}
DEFINE_AUTO_STRUCT(side, struct side, side_done)
#define auto_side __attribute__((cleanup(auto_side_)))

static int side_open(struct host *host, struct side *side)
{
	int fd = open_beneath(linux_of(host)->volumes[VOLUME_POOL].fd, side->path, O_PATH, 0);

	/* a directory on the way may be a file or a link here */
	if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
		return 0;
	if (fd < 0)
		return fd;
	side->fd = fd;
	return fstat(fd, &side->st) < 0 ? -errno : 0;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Nobody can set a time of change back: where that is the same, too, nothing was changed. */
static bool is_untouched(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       same_time(&a->st_mtim, &b->st_mtim) && same_time(&a->st_ctim, &b->st_ctim);
}

/* --- extended attributes ------------------------------------------------------------------------- */

struct xattr_names {
	char *bytes;
	size_t length;
};

static int list_names(const struct side *side, struct xattr_names *ret)
{
	struct fd_path path = fd_path(side->fd);
	ssize_t length = listxattr(path.text, NULL, 0);

	if (length > 0) {
		ret->bytes = xcalloc(1, XATTR_BYTES_MAX + 1);
		length = listxattr(path.text, ret->bytes, XATTR_BYTES_MAX);
	}
	if (length < 0)
		return errno == EOPNOTSUPP ? 0 : -errno;
	ret->length = (size_t)length;
	return 0;
}

struct xattr_value {
	char bytes[XATTR_BYTES_MAX];
	ssize_t length; /* -1 = none */
};

static int read_value(const struct side *side, const char *name, struct xattr_value *ret)
{
	struct fd_path path = fd_path(side->fd);

	ret->length = getxattr(path.text, name, ret->bytes, sizeof(ret->bytes));
	return ret->length < 0 && errno != ENODATA && errno != EOPNOTSUPP ? -errno : 0;
}

/* Looks at each of the names on both sides. */
static int compare_values(const struct side sides[2], const struct xattr_names *names,
			  struct host_comparison *ret)
{
	auto_free struct xattr_value *values = xmalloc(2 * sizeof(*values));
	int result = 0;

	for (size_t at = 0; result == 0 && at < names->length;) {
		const char *name = names->bytes + at;
		bool acl = text_starts(name, ACL_PREFIX);

		result = read_value(&sides[0], name, &values[0]);
		if (result == 0)
			result = read_value(&sides[1], name, &values[1]);
		if (result == 0 &&
		    (values[0].length != values[1].length ||
		     (values[0].length > 0 &&
		      memcmp(values[0].bytes, values[1].bytes, (size_t)values[0].length) != 0)))
			*(acl ? &ret->acl : &ret->attributes) = true;
		at += strlen(name) + 1;
	}
	return result;
}

static int compare_xattrs(const struct side sides[2], struct host_comparison *ret)
{
	struct xattr_names names[2] = {{0}, {0}};
	int result = 0;

	for (int i = 0; result == 0 && i < 2; i++)
		result = list_names(&sides[i], &names[i]);
	for (int i = 0; result == 0 && i < 2; i++)
		if (names[i].length > 0)
			result = compare_values(sides, &names[i], ret);
	free(names[0].bytes);
	free(names[1].bytes);
	return result;
}

/* --- content ------------------------------------------------------------------------------------- */

/* As much as there is, up to a block; 0 = the end. */
static ssize_t read_block(int fd, char *block)
{
	size_t length = 0;
	ssize_t count;

	while (length < BLOCK_BYTES) {
		count = read(fd, block + length, BLOCK_BYTES - length);
		if (count == 0)
			break;
		if (count < 0 && errno != EINTR)
			return -errno;
		length += count > 0 ? (size_t)count : 0;
	}
	return (ssize_t)length;
}

/* 1 = they differ */
static int compare_bytes(const int fds[2])
{
	auto_free char *a = xmalloc(BLOCK_BYTES), *b = xmalloc(BLOCK_BYTES);

	for (;;) {
		ssize_t left = read_block(fds[0], a), right = read_block(fds[1], b);

		if (left < 0 || right < 0)
			return (int)(left < 0 ? left : right);
		if (left != right || memcmp(a, b, (size_t)left) != 0)
			return 1;
		if (left == 0)
			return 0;
	}
}

static int compare_files(const struct side sides[2])
{
	struct fd_path a = fd_path(sides[0].fd), b = fd_path(sides[1].fd);
	auto_close int left = -1, right = -1;

	if (sides[0].st.st_size != sides[1].st.st_size)
		return 1;
	left = open(a.text, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	right = open(b.text, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (left < 0 || right < 0)
		return -errno;
	return compare_bytes((int[2]){left, right});
}

static int compare_targets(const struct side sides[2])
{
	char targets[2][PATH_MAX];
	ssize_t lengths[2];

	for (int i = 0; i < 2; i++) {
		lengths[i] = readlinkat(sides[i].fd, "", targets[i], sizeof(targets[i]));
		if (lengths[i] < 0)
			return -errno;
	}
	return lengths[0] != lengths[1] || memcmp(targets[0], targets[1], (size_t)lengths[0]) != 0;
}

static int compare_content(const struct side sides[2])
{
	mode_t mode = sides[0].st.st_mode;

	if (S_ISREG(mode))
		return compare_files(sides);
	if (S_ISLNK(mode))
		return compare_targets(sides);
	return (S_ISCHR(mode) || S_ISBLK(mode)) && sides[0].st.st_rdev != sides[1].st.st_rdev;
}

/* --- the whole ----------------------------------------------------------------------------------- */

/* What `chattr +i` and `+a` set. */
static int protection_differs(const struct side sides[2])
{
	struct statx stx[2];

	for (int i = 0; i < 2; i++)
		if (statx(sides[i].fd, "", AT_EMPTY_PATH, 0, &stx[i]) < 0)
			return -errno;
	return ((stx[0].stx_attributes ^ stx[1].stx_attributes) &
		(STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND)) != 0;
}

static int compare_attributes(const struct side sides[2], struct host_comparison *ret)
{
	int result = S_ISLNK(sides[0].st.st_mode) ? 0 : protection_differs(sides);

	if (result < 0 || S_ISLNK(sides[0].st.st_mode))
		return result;
	ret->attributes = result > 0;
	return compare_xattrs(sides, ret);
}

static int compare_same_type(const struct side sides[2], bool content, struct host_comparison *ret)
{
	const struct stat *a = &sides[0].st, *b = &sides[1].st;
	int result;

	if (is_untouched(a, b) && !content)
		return 0;
	/* a link has the mode 0777 and nothing else */
	ret->mode = (a->st_mode & 07777) != (b->st_mode & 07777);
	ret->owner = a->st_uid != b->st_uid;
	ret->group = a->st_gid != b->st_gid;
	result = compare_content(sides);
	if (result < 0)
		return result;
	ret->content = result > 0;
	return compare_attributes(sides, ret);
}

int linux_compare(struct host *host, const struct host_pair *pair, struct host_comparison *ret)
{
	auto_side struct side a = {.path = pair->a, .fd = -1}, b = {.path = pair->b, .fd = -1};
	struct host_comparison found = {0};
	struct host_stat stat;
	int result = side_open(host, &a);

	if (result == 0)
		result = side_open(host, &b);
	for (int i = 0; result == 0 && i < 2; i++) {
		const struct side *side = i == 0 ? &a : &b;

		found.there[i] = side->fd >= 0;
		host_stat_fill(&side->st, &stat);
		found.types[i] = stat.type;
	}
	found.linked = b.fd >= 0 && S_ISREG(b.st.st_mode) && b.st.st_nlink > 1;
	if (result == 0 && a.fd >= 0 && b.fd >= 0) {
		found.same_object = a.st.st_ino == b.st.st_ino;
		found.type = (a.st.st_mode & S_IFMT) != (b.st.st_mode & S_IFMT);
		if (!found.type)
			result = compare_same_type((struct side[2]){a, b}, pair->content, &found);
	}
	if (result == 0)
		*ret = found;
	return result;
}
