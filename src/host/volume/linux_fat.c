/*
 * linux_fat - reading FAT12, FAT16 and FAT32 straight from a device, where the kernel cannot.
 *
 * After Microsoft's "FAT: General Overview of On-Disk Format" 1.03. Every number on the disk may
 * be a lie: chains are bounded by the number of clusters, names by 255 characters.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include "linux_fat_name.h"
#include "linux_internal.h"

#define ENTRY_BYTES 32
#define RUN_BYTES_MAX (128 * 1024)
#define WINDOW_BYTES 4096
#define ATTRIBUTE_LABEL 0x08
#define ATTRIBUTE_DIRECTORY 0x10
#define ATTRIBUTE_LONG_NAME 0x0f
/* where Linux keeps its own flag, in a byte that the specification reserves */
#define STATE_AT_16 37
#define STATE_AT_32 65
#define STATE_DIRTY 0x01
#define DIRECTORY_BYTES_MAX (65536 * ENTRY_BYTES)

struct fat {
	int fd;
	unsigned bits; /* 12, 16 or 32 */
	uint32_t cluster_bytes, clusters;
	uint64_t fat_at, fat_bytes, root_at, data_at;
	uint32_t root_bytes; /* of the fixed root directory of FAT12 and FAT16 */
	uint32_t root_cluster; /* FAT32 */
	uint8_t window[WINDOW_BYTES];
	uint64_t window_at;
	size_t window_bytes;
};

struct node {
	bool directory, fixed_root;
	uint32_t cluster; /* 0 = no bytes */
	uint32_t size_bytes;
	int64_t mtime_sec;
};

/* A stretch of a file that lies in one piece. */
typedef int run_visit(void *userdata, off_t at_bytes, size_t length_bytes);
typedef int node_visit(void *userdata, const char *name, const struct node *node);

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

static int fat_open(int fd, struct fat *ret)
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
		.root_bytes = (uint32_t)le16(boot + 17) * ENTRY_BYTES,
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

static int each_run(struct fat *fat, const struct node *node, run_visit *visit, void *userdata)
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

struct directory_walk {
	struct fat *fat;
	struct long_name name;
	node_visit *visit;
	void *userdata;
	bool ended;
};

static int64_t dos_time(uint16_t date, uint16_t time)
{
	struct tm tm = {
		.tm_year = (date >> 9) + 80,
		.tm_mon = (date >> 5 & 15) - 1,
		.tm_mday = date & 31,
		.tm_hour = time >> 11,
		.tm_min = time >> 5 & 63,
		.tm_sec = (time & 31) * 2,
	};

	return timegm(&tm);
}

static int entry_visit(struct directory_walk *walk, const uint8_t *entry)
{
	auto_free char *name = entry_name(&walk->name, entry);
	struct node node = {
		.directory = entry[11] & ATTRIBUTE_DIRECTORY,
		.cluster = le16(entry + 26),
		.size_bytes = le32(entry + 28),
		.mtime_sec = dos_time(le16(entry + 24), le16(entry + 22)),
	};

	walk->name.parts = 0;
	if (walk->fat->bits == 32)
		node.cluster |= (uint32_t)le16(entry + 20) << 16;
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strchr(name, '/') || !name[0])
		return 0;
	return walk->visit(walk->userdata, name, &node);
}

static int directory_run(void *userdata, off_t at_bytes, size_t length_bytes)
{
	struct directory_walk *walk = userdata;
	auto_free uint8_t *bytes = xmalloc(length_bytes + 1);
	int result = read_exactly(walk->fat->fd, bytes, length_bytes, (uint64_t)at_bytes);

	for (size_t i = 0; result == 0 && !walk->ended && i + ENTRY_BYTES <= length_bytes;
	     i += ENTRY_BYTES) {
		const uint8_t *entry = bytes + i;

		if (entry[0] == 0)
			walk->ended = true;
		else if (entry[0] == 0xe5)
			walk->name.parts = 0;
		else if ((entry[11] & 0x3f) == ATTRIBUTE_LONG_NAME)
			long_name_add(&walk->name, entry);
		else if (!(entry[11] & ATTRIBUTE_LABEL))
			result = entry_visit(walk, entry);
	}
	return result;
}

static int each_node(struct fat *fat, const struct node *directory, node_visit *visit,
		     void *userdata)
{
	struct directory_walk walk = {.fat = fat, .visit = visit, .userdata = userdata};

	return directory->directory ? each_run(fat, directory, directory_run, &walk) : -ENOTDIR;
}

struct lookup {
	const char *name;
	size_t length;
	struct node node;
};

static int lookup_visit(void *userdata, const char *name, const struct node *node)
{
	struct lookup *lookup = userdata;

	if (strlen(name) != lookup->length || strncasecmp(name, lookup->name, lookup->length) != 0)
		return 0;
	lookup->node = *node;
	return 1;
}

static int find(struct fat *fat, const char *path, struct node *ret)
{
	int result = path_is_plain(path) ? 0 : -EINVAL;

	*ret = (struct node){
		.directory = true,
		.fixed_root = fat->bits != 32,
		.cluster = fat->root_cluster,
	};
	while (result == 0 && *path) {
		struct lookup lookup = {.name = path, .length = strcspn(path, "/")};

		result = each_node(fat, ret, lookup_visit, &lookup);
		if (result <= 0)
			return result < 0 ? result : -ENOENT;
		*ret = lookup.node;
		path += lookup.length + (path[lookup.length] == '/');
		result = 0;
	}
	return result;
}

static int open_and_find(int fd, const char *path, struct fat *fat, struct node *node)
{
	int result = fat_open(fd, fat);

	return result < 0 ? result : find(fat, path, node);
}

int fat_stat(int fd, const char *path, struct host_stat *ret)
{
	struct fat fat;
	struct node node;
	int result = open_and_find(fd, path, &fat, &node);

	if (result < 0)
		return result;
	*ret = (struct host_stat){
		.type = node.directory ? HOST_DIRECTORY : HOST_FILE,
		.mode = 0700,
		.size_bytes = node.directory ? 0 : node.size_bytes,
		.mtime_sec = node.mtime_sec,
		.ctime_nsec = node.mtime_sec * 1000000000LL,
	};
	return 0;
}

static int list_visit(void *userdata, const char *name, const struct node *node)
{
	struct host_names *names = userdata;

	*array_add(names->names, names->count) = (struct host_name){
		.name = xstrdup(name), .type = node->directory ? HOST_DIRECTORY : HOST_FILE};
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct host_name *)a)->name, ((const struct host_name *)b)->name);
}

int fat_list(int fd, const char *path, struct host_names *ret)
{
	auto_host_names struct host_names names = {0};
	struct fat fat;
	struct node node;
	int result = open_and_find(fd, path, &fat, &node);

	if (result == 0)
		result = each_node(&fat, &node, list_visit, &names);
	if (result < 0)
		return result;
	if (names.count > 0)
		qsort(names.names, names.count, sizeof(*names.names), compare_names);
	*ret = names;
	names = (struct host_names){0};
	return 0;
}

struct stream {
	int fd;
	const struct sink *sink;
};

static int stream_run(void *userdata, off_t at_bytes, size_t length_bytes)
{
	struct stream *stream = userdata;
	auto_free char *bytes = xmalloc(length_bytes + 1);
	int result = read_exactly(stream->fd, bytes, length_bytes, (uint64_t)at_bytes);

	return result < 0 ? result
			  : stream->sink->feed(stream->sink->userdata, bytes, length_bytes);
}

int fat_stream(int fd, const char *path, const struct sink *sink)
{
	struct fat fat;
	struct node node;
	int result = open_and_find(fd, path, &fat, &node);

	if (result < 0)
		return result;
	if (node.directory)
		return -EISDIR;
	return each_run(&fat, &node, stream_run, &(struct stream){.fd = fd, .sink = sink});
}

struct locate {
	uint64_t offset, passed;
	struct fat_place *place;
};

static int locate_run(void *userdata, off_t at_bytes, size_t length_bytes)
{
	struct locate *locate = userdata;

	if (locate->offset >= locate->passed + length_bytes) {
		locate->passed += length_bytes;
		return 0;
	}
	*locate->place = (struct fat_place){
		.at_bytes = at_bytes + (off_t)(locate->offset - locate->passed),
		.length_bytes = length_bytes - (size_t)(locate->offset - locate->passed),
	};
	return 1;
}

int fat_locate(int fd, const char *path, off_t offset, struct fat_place *ret)
{
	struct fat fat;
	struct node node;
	int result = open_and_find(fd, path, &fat, &node);

	if (result < 0)
		return result;
	if (node.directory)
		return -EISDIR;
	if (offset < 0 || offset >= node.size_bytes)
		return -ERANGE;
	result = each_run(&fat, &node, locate_run,
			  &(struct locate){.offset = (uint64_t)offset, .place = ret});
	return result < 0 ? result : result == 1 ? 0 : -EUCLEAN;
}

int fat_space(int fd, struct host_space *ret)
{
	struct fat fat;
	uint32_t next;
	uint64_t unused = 0;
	int result = fat_open(fd, &fat);

	for (uint32_t i = 2; result == 0 && i < fat.clusters + 2; i++) {
		result = fat_next(&fat, i, &next);
		unused += next == 0;
	}
	if (result < 0)
		return result;
	*ret = (struct host_space){
		.total_bytes = (uint64_t)fat.clusters * fat.cluster_bytes,
		.free_bytes = unused * fat.cluster_bytes,
	};
	return 0;
}
