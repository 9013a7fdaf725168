/*
 * linux_exclusive - how much data only some subvolumes refer to.
 *
 * FIEMAP says which extents nobody else refers to at all. Root and base of one generation share
 * most of theirs with each other, so for a shared one the kernel is asked who refers to it. No
 * quota groups are needed.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include "linux_internal.h"

#define EXTENTS_AT_ONCE 128
/* 16 bytes of head and 24 a reference: what has more of them than fit is not exclusive */
#define REFERENCES_BYTES 65536

/* No data on the disk, or inside a metadata block with others' data. */
#define WITHOUT_DATA                                                                               \
	(FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC | FIEMAP_EXTENT_DATA_INLINE |              \
	 FIEMAP_EXTENT_UNWRITTEN)

struct reference { /* as the kernel lists them */
	uint64_t inode, offset, subvolume;
};

struct exclusive {
	int pool;
	uint64_t *subvolumes; /* ids; an extent counts in the first of them that refers to it */
	size_t count;
	size_t at; /* the one that is walked */
	dev_t device; /* its device number: other subvolumes inside it have others */
	union {
		struct btrfs_data_container head;
		char bytes[REFERENCES_BYTES];
	} * references;
	uint64_t bytes;
};

static size_t index_of(const struct exclusive *exclusive, uint64_t subvolume)
{
	size_t i = 0;

	while (i < exclusive->count && exclusive->subvolumes[i] != subvolume)
		i++;
	return i;
}

/* Whether `a` comes before `b`: of many references to an extent the first one counts it. */
static bool is_before(const struct exclusive *exclusive, const struct reference *a,
		      const struct reference *b)
{
	size_t at_a = index_of(exclusive, a->subvolume), at_b = index_of(exclusive, b->subvolume);

	if (at_a != at_b)
		return at_a < at_b;
	return a->inode != b->inode ? a->inode < b->inode : a->offset < b->offset;
}

static int read_references(struct exclusive *exclusive, uint64_t logical)
{
	struct btrfs_ioctl_logical_ino_args args = {
		.logical = logical,
		.size = REFERENCES_BYTES,
		.inodes = (uintptr_t)exclusive->references,
	};

	memset(exclusive->references, 0, sizeof(exclusive->references->head));
	if (ioctl(exclusive->pool, BTRFS_IOC_LOGICAL_INO_V2, &args) < 0)
		return -errno;
	return exclusive->references->head.elem_missed > 0 ? -E2BIG : 0;
}

/* 1 where only these subvolumes refer to the extent, and this file is the one that counts it. */
static int counts_here(struct exclusive *exclusive, uint64_t logical, uint64_t inode)
{
	const struct reference *list, *first = NULL;
	int result = read_references(exclusive, logical);
	size_t count;

	if (result == -ENOENT || result == -E2BIG)
		return 0;
	if (result < 0)
		return result;
	count = exclusive->references->head.elem_cnt / 3;
	list = (const void *)exclusive->references->head.val;
	for (size_t i = 0; i < count; i++) {
		if (index_of(exclusive, list[i].subvolume) == exclusive->count)
			return 0;
		if (!first || is_before(exclusive, &list[i], first))
			first = &list[i];
	}
	return first && first->subvolume == exclusive->subvolumes[exclusive->at] &&
	       first->inode == inode;
}

static int add_extent(struct exclusive *exclusive, const struct fiemap_extent *extent,
		      uint64_t inode)
{
	int result = 1;

	if (extent->fe_flags & WITHOUT_DATA)
		return 0;
	if (extent->fe_flags & FIEMAP_EXTENT_SHARED)
		result = counts_here(exclusive, extent->fe_physical, inode);
	if (result > 0)
		exclusive->bytes += extent->fe_length;
	return result < 0 ? result : 0;
}

static int add_file(struct exclusive *exclusive, int fd, uint64_t inode)
{
	struct {
		struct fiemap map;
		struct fiemap_extent extents[EXTENTS_AT_ONCE];
	} request;
	const struct fiemap_extent *last = NULL;
	int result = 0;

	do {
		request.map = (struct fiemap){
			.fm_start = last ? last->fe_logical + last->fe_length : 0,
			.fm_length = FIEMAP_MAX_OFFSET,
			.fm_extent_count = EXTENTS_AT_ONCE,
		};
		request.map.fm_length -= request.map.fm_start;
		if (ioctl(fd, FS_IOC_FIEMAP, &request) < 0)
			return -errno;
		for (uint32_t i = 0; result == 0 && i < request.map.fm_mapped_extents; i++) {
			last = &request.extents[i];
			result = add_extent(exclusive, last, inode);
		}
	} while (result == 0 && request.map.fm_mapped_extents > 0 &&
		 !(last->fe_flags & FIEMAP_EXTENT_LAST));
	return result;
}

static int add_directory(struct exclusive *exclusive, int fd);

static int add_name(struct exclusive *exclusive, int parent, const struct host_name *name)
{
	auto_close int fd = -1;
	struct stat st;

	if (name->type != HOST_FILE && name->type != HOST_DIRECTORY)
		return 0;
	fd = openat(parent, name->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	/* gone meanwhile, or another thing: a system may be at work in it */
	if (fd < 0)
		return errno == ENOENT || errno == ELOOP || errno == ENXIO ? 0 : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_dev != exclusive->device)
		return 0;
	if (S_ISDIR(st.st_mode))
		return add_directory(exclusive, fd);
	return S_ISREG(st.st_mode) ? add_file(exclusive, fd, st.st_ino) : 0;
}

static int add_directory(struct exclusive *exclusive, int fd)
{
	auto_host_names struct host_names names = {0};
	int result = list_directory(fd, &names);

	for (size_t i = 0; result == 0 && i < names.count; i++)
		result = add_name(exclusive, fd, &names.names[i]);
	return result;
}

static int add_subvolume(struct exclusive *exclusive, const char *path)
{
	auto_close int fd = open_beneath(exclusive->pool, path, O_RDONLY | O_DIRECTORY, 0);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	exclusive->device = st.st_dev;
	return add_directory(exclusive, fd);
}

int linux_exclusive_bytes(struct host *host, const char *const *paths, size_t count,
			  uint64_t *ret_bytes)
{
	auto_free void *references = xmalloc(REFERENCES_BYTES);
	auto_free uint64_t *ids = xcalloc(count + 1, sizeof(*ids));
	struct exclusive exclusive = {
		.pool = linux_of(host)->volumes[VOLUME_POOL].fd,
		.subvolumes = ids,
		.count = count,
		.references = references,
	};
	int result = 0;

	for (size_t i = 0; result == 0 && i < count; i++) {
		auto_host_subvolume struct host_subvolume subvolume = {0};

		result = linux_subvolume(host, paths[i], &subvolume);
		ids[i] = subvolume.id;
	}
	for (; result == 0 && exclusive.at < count; exclusive.at++)
		result = add_subvolume(&exclusive, paths[exclusive.at]);
	if (result == 0)
		*ret_bytes = exclusive.bytes;
	return result;
}
