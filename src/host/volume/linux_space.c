/*
 * linux_space - how much a Btrfs can still take.
 *
 * Reckoned from chunks and devices as the kernel does it for statfs, whose number is not taken: on
 * a device that is read-only it leaves out what is free in chunks, up to 1 GiB, so that a look at
 * a disk would not say what an upgrade of it finds.
 */
#include <errno.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/statvfs.h>
#include "linux_internal.h"

#define STRIPE_BYTES (64 * 1024)
/* Never allocated at the start of each device. */
#define RESERVED_BYTES (1024 * 1024)
/* Metadata with less than this, beside the kernel's reserve, takes no data either. */
#define METADATA_LEAST_BYTES (4 * 1024 * 1024)

static const uint64_t reserve_flag = BTRFS_SPACE_INFO_GLOBAL_RSV;

struct profile {
	uint64_t flag;
	unsigned copies; /* of each byte, as far as the kernel counts them: not parity */
	size_t stripes; /* devices that a chunk is spread over, at most */
	size_t least; /* devices without which there is none */
};

static const struct profile *profile_of(uint64_t flags)
{
	static const struct profile profiles[] = {
		{BTRFS_BLOCK_GROUP_RAID1C4, 4, 4, 4}, {BTRFS_BLOCK_GROUP_RAID1C3, 3, 3, 3},
		{BTRFS_BLOCK_GROUP_RAID1, 2, 2, 2},   {BTRFS_BLOCK_GROUP_RAID10, 2, 4, 2},
		{BTRFS_BLOCK_GROUP_DUP, 2, 1, 1},     {BTRFS_BLOCK_GROUP_RAID0, 1, SIZE_MAX, 1},
		{BTRFS_BLOCK_GROUP_RAID5, 1, 1, 2},   {BTRFS_BLOCK_GROUP_RAID6, 1, 1, 3},
	};
	static const struct profile single = {0, 1, 1, 1};

	for (size_t i = 0; i < COUNT(profiles); i++)
		if (flags & profiles[i].flag)
			return &profiles[i];
	return &single;
}

static int by_size_falling(const void *a, const void *b)
{
	uint64_t first = *(const uint64_t *)a, second = *(const uint64_t *)b;

	return (first < second) - (first > second);
}

/* The smallest device is used up together with those above it; then the next. */
uint64_t space_of_chunks(uint64_t *unallocated, size_t count, uint64_t flags)
{
	const struct profile *profile = profile_of(flags);
	uint64_t all = 0;

	qsort(unallocated, count, sizeof(*unallocated), by_size_falling);
	for (; count >= profile->least && count > 0; count--) {
		size_t stripes = profile->stripes < count ? profile->stripes : count;
		uint64_t least = unallocated[count - 1];

		all += least * stripes;
		for (size_t i = count - stripes; i < count; i++)
			unallocated[i] -= least;
	}
	return all / profile->copies;
}

/* --- as it is on the disk ------------------------------------------------------------------------ */

struct devices {
	uint64_t *unallocated;
	size_t count;
};

static int add_device(void *userdata, const struct btrfs_ioctl_dev_info_args *device)
{
	struct devices *devices = userdata;
	uint64_t free = device->total_bytes > device->bytes_used
				? device->total_bytes - device->bytes_used
				: 0;

	free -= free % STRIPE_BYTES;
	/* one without a path is missing */
	if (device->path[0] && free > RESERVED_BYTES)
		*array_add(devices->unallocated, devices->count) = free - RESERVED_BYTES;
	return 0;
}

static uint64_t new_chunks(const struct devices *devices, uint64_t flags)
{
	size_t bytes = devices->count * sizeof(uint64_t);
	auto_free uint64_t *copy = xmalloc(bytes);

	if (bytes > 0)
		memcpy(copy, devices->unallocated, bytes);
	return space_of_chunks(copy, devices->count, flags);
}

static int space_slots(int fd, struct btrfs_ioctl_space_args **ret)
{
	struct btrfs_ioctl_space_args count = {0};
	auto_free struct btrfs_ioctl_space_args *args = NULL;

	if (ioctl(fd, BTRFS_IOC_SPACE_INFO, &count) < 0)
		return -errno;
	args = xcalloc(1, sizeof(*args) + count.total_spaces * sizeof(args->spaces[0]));
	args->space_slots = count.total_spaces;
	if (ioctl(fd, BTRFS_IOC_SPACE_INFO, args) < 0)
		return -errno;
	*ret = take(args);
	return 0;
}

/* Free bytes inside the chunks of a kind, and the flags of its newest profile. */
struct inside {
	uint64_t bytes, flags;
};

static struct inside inside_of(const struct btrfs_ioctl_space_args *args, uint64_t kind)
{
	struct inside inside = {0};

	for (uint64_t i = 0; i < args->total_spaces; i++) {
		const struct btrfs_ioctl_space_info *space = &args->spaces[i];

		if (space->flags & reserve_flag || !(space->flags & kind))
			continue;
		inside.bytes += space->total_bytes - space->used_bytes;
		inside.flags = space->flags;
	}
	return inside;
}

static uint64_t reserve_of(const struct btrfs_ioctl_space_args *args)
{
	for (uint64_t i = 0; i < args->total_spaces; i++)
		if (args->spaces[i].flags & reserve_flag)
			return args->spaces[i].total_bytes - args->spaces[i].used_bytes;
	return 0;
}

int btrfs_space(const struct linux_volume *volume, struct host_space *ret)
{
	auto_free struct btrfs_ioctl_space_args *args = NULL;
	struct devices devices = {0};
	struct inside data, metadata;
	uint64_t reserve, chunks;
	struct statvfs st;
	int result;

	if (fstatvfs(volume->fd, &st) < 0)
		return -errno;
	result = space_slots(volume->fd, &args);
	if (result == 0)
		result = each_device(volume->fd, add_device, &devices);
	if (result < 0) {
		free(devices.unallocated);
		return result;
	}
	data = inside_of(args, BTRFS_BLOCK_GROUP_DATA);
	metadata = inside_of(args, BTRFS_BLOCK_GROUP_METADATA);
	reserve = reserve_of(args);
	chunks = new_chunks(&devices, metadata.flags);
	*ret = (struct host_space){
		.total_bytes = (uint64_t)st.f_blocks * st.f_frsize,
		.free_bytes = data.bytes + new_chunks(&devices, data.flags),
		.metadata_free_bytes =
			(metadata.bytes > reserve ? metadata.bytes - reserve : 0) + chunks,
	};
	/* mixed chunks have no metadata of their own that could be full */
	if (!(metadata.flags & BTRFS_BLOCK_GROUP_DATA) && chunks == 0 &&
	    metadata.bytes < METADATA_LEAST_BYTES + reserve)
		ret->free_bytes = 0;
	free(devices.unallocated);
	return 0;
}
