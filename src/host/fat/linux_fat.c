#include "linux_fat.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include "linux_fat_name.h"
#include "linux_internal.h"

#define RUN_BYTES_MAX (128 * 1024)
/* where Linux keeps its own flag, in a byte that the specification reserves */
#define STATE_AT_16 37
#define STATE_AT_32 65
#define STATE_DIRTY 0x01
#define DIRECTORY_BYTES_MAX (65536 * FAT_ENTRY_BYTES)

static int read_exactly(int fd, void *bytes, size_t length, uint64_t at)
{
	for (size_t done = 0; done < length;) {
		ssize_t count = pread(fd, (char *)bytes + done, length - done, (off_t)(at + done));

		if (count < 0 && errno != EINTR)
			return -errno;
		if (count == 0)
			return -EUCLEAN;
		done += count > 0 ? (size_t)count : 0;
	}
	return 0;
}

static bool power_of_two(unsigned value)
{
	return value && !(value & (value - 1));
}

int fat_open(int fd, struct fat *ret)
{
	uint8_t boot[512];
	uint32_t sector, fat_sectors, total, reserved;
	int result = read_exactly(fd, boot, sizeof(boot), 0);

	if (result < 0)
		return result;
	sector = le16(boot + 11);
	reserved = le16(boot + 14);
	fat_sectors = le16(boot + 22) ? le16(boot + 22) : le32(boot + 36);
	total = le16(boot + 19) ? le16(boot + 19) : le32(boot + 32);
	if (sector < 512 || sector > 4096 || !power_of_two(sector) || !power_of_two(boot[13]) ||
	    reserved == 0 || boot[16] == 0 || fat_sectors == 0)
		return -EUCLEAN;
	*ret = (struct fat){
		.fd = fd,
		.cluster_bytes = sector * boot[13],
		.fat_at = (uint64_t)reserved * sector,
		.fat_bytes = (uint64_t)fat_sectors * sector,
		.root_bytes = (uint32_t)le16(boot + 17) * FAT_ENTRY_BYTES,
		.root_cluster = le32(boot + 44),
	};
	ret->root_at = ret->fat_at + boot[16] * ret->fat_bytes;
	ret->data_at = ret->root_at + (ret->root_bytes + sector - 1) / sector * sector;
	if (ret->data_at >= (uint64_t)total * sector)
		return -EUCLEAN;
	ret->clusters = (uint32_t)(((uint64_t)total * sector - ret->data_at) / ret->cluster_bytes);
	ret->bits = !le16(boot + 22) ? 32 : ret->clusters < 4085 ? 12 : 16;
	/* the table must have room for every cluster, or the last ones would be read elsewhere */
	return (ret->clusters + 2ULL) * ret->bits / 8 > ret->fat_bytes ? -EUCLEAN : 0;
}

/* Small files were mostly written one after another, and a disk reads many as soon as one. */
static void read_ahead(struct fat *fat, uint64_t at_bytes)
{
	ssize_t count = pread(fat->fd, fat->ahead, FAT_AHEAD_BYTES, (off_t)at_bytes);

	fat->ahead_at = at_bytes;
	fat->ahead_bytes = count > 0 ? (size_t)count : 0;
}

static bool is_ahead(const struct fat *fat, size_t length, uint64_t at_bytes)
{
	return at_bytes >= fat->ahead_at && at_bytes + length <= fat->ahead_at + fat->ahead_bytes;
}

int fat_read(struct fat *fat, void *bytes, size_t length, uint64_t at_bytes)
{
	if (fat->ahead && length < FAT_AHEAD_BYTES && !is_ahead(fat, length, at_bytes))
		read_ahead(fat, at_bytes);
	if (!fat->ahead || !is_ahead(fat, length, at_bytes))
		return read_exactly(fat->fd, bytes, length, at_bytes);
	memcpy(bytes, fat->ahead + (at_bytes - fat->ahead_at), length);
	return 0;
}

bool fat_is_dirty(int fd)
{
	struct fat fat;
	uint8_t state;

	return fat_open(fd, &fat) == 0 &&
	       read_exactly(fd, &state, 1, fat.bits == 32 ? STATE_AT_32 : STATE_AT_16) == 0 &&
	       (state & STATE_DIRTY);
}

static int fat_bytes(struct fat *fat, uint64_t offset, uint8_t *bytes, size_t length)
{
	uint64_t at = fat->fat_at + offset;
	ssize_t count;

	if (fat->window_bytes == 0 || at < fat->window_at ||
	    at + length > fat->window_at + fat->window_bytes) {
		count = pread(fat->fd, fat->window, sizeof(fat->window), (off_t)at);
		if (count < 0)
			return -errno;
		if ((size_t)count < length)
			return -EUCLEAN;
		fat->window_at = at;
		fat->window_bytes = (size_t)count;
	}
	memcpy(bytes, fat->window + (at - fat->window_at), length);
	return 0;
}

/* What the table says of a cluster: the next one, 0 = free, anything past the last = end. */
static int fat_next(struct fat *fat, uint32_t cluster, uint32_t *ret)
{
	uint8_t raw[4] = {0};
	uint64_t offset = (uint64_t)cluster * fat->bits / 8;
	int result = fat_bytes(fat, offset, raw, fat->bits == 32 ? 4 : 2);

	if (result < 0)
		return result;
	if (fat->bits == 32)
		*ret = le32(raw) & 0x0fffffff;
	else if (fat->bits == 16)
		*ret = le16(raw);
	else
		*ret = cluster & 1 ? le16(raw) >> 4 : le16(raw) & 0xfff;
	return 0;
}

static bool is_cluster(const struct fat *fat, uint32_t cluster)
{
	return cluster >= 2 && cluster < fat->clusters + 2;
}

/* The longest piece from *cluster on that lies together; *cluster becomes what follows it. */
static int next_run(struct fat *fat, uint32_t *cluster, uint32_t *ret_clusters)
{
	uint32_t first = *cluster, count = 1, next;
	int result;

	while ((result = fat_next(fat, first + count - 1, &next)) == 0 && next == first + count &&
	       is_cluster(fat, next) && (uint64_t)(count + 1) * fat->cluster_bytes <= RUN_BYTES_MAX)
		count++;
	*cluster = next;
	*ret_clusters = count;
	return result;
}

int fat_each_run(struct fat *fat, const struct fat_node *node, fat_run_visit *visit, void *userdata)
{
	uint32_t cluster = node->cluster, steps = 0, count;
	uint64_t left = node->directory ? DIRECTORY_BYTES_MAX : node->size_bytes;
	int result = 0;

	if (node->fixed_root)
		return visit(userdata, (off_t)fat->root_at, fat->root_bytes);
	while (result == 0 && left > 0 && is_cluster(fat, cluster)) {
		uint64_t at = fat->data_at + (uint64_t)(cluster - 2) * fat->cluster_bytes, length;

		result = next_run(fat, &cluster, &count);
		steps += count;
		if (result < 0 || steps > fat->clusters)
			return result < 0 ? result : -EUCLEAN;
		length = (uint64_t)count * fat->cluster_bytes;
		if (length > left)
			length = left;
		left -= length;
		result = visit(userdata, (off_t)at, (size_t)length);
	}
	return result == 0 && left > 0 && !node->directory ? -EUCLEAN : result;
}

static int count_free(struct fat *fat, uint64_t *ret)
{
	uint32_t next;
	int result = 0;

	*ret = 0;
	for (uint32_t i = 2; result == 0 && i < fat->clusters + 2; i++) {
		result = fat_next(fat, i, &next);
		*ret += next == 0;
	}
	return result;
}

/* The same, a window at a time: there may be a million of them. */
static int count_free_32(struct fat *fat, uint64_t *ret)
{
	const uint64_t end = (fat->clusters + 2ULL) * 4;
	uint8_t first[4];
	uint64_t at = 8, stop;
	int result;

	for (*ret = 0; at < end; at = stop) {
		result = fat_bytes(fat, at, first, sizeof(first));
		if (result < 0)
			return result;
		stop = fat->window_at + fat->window_bytes / 4 * 4 - fat->fat_at;
		stop = stop < end ? stop : end;
		for (const uint8_t *entry = fat->window + (fat->fat_at + at - fat->window_at);
		     at < stop; at += 4, entry += 4)
			*ret += (le32(entry) & 0x0fffffff) == 0;
	}
	return 0;
}

int fat_count_space(struct fat *fat, struct host_space *ret)
{
	uint64_t unused;
	int result = fat->bits == 32 ? count_free_32(fat, &unused) : count_free(fat, &unused);

	if (result < 0)
		return result;
	*ret = (struct host_space){
		.total_bytes = (uint64_t)fat->clusters * fat->cluster_bytes,
		.free_bytes = unused * fat->cluster_bytes,
	};
	return 0;
}
