/*
 * linux_fat_files - directories and files of a FAT volume, by their paths.
 *
 * The directory that was read last is kept: whoever lists one mostly reads what is in it, and each
 * path would cost all its names again.
 */
#include <errno.h>
#include <string.h>
#include <time.h>
#include "linux_fat.h"
#include "linux_fat_name.h"
#include "linux_internal.h"

#define ATTRIBUTE_LABEL 0x08
#define ATTRIBUTE_DIRECTORY 0x10
#define ATTRIBUTE_LONG_NAME 0x0f

typedef int node_visit(void *userdata, const char *name, const struct fat_node *node);

struct named_node {
	char *name;
	struct fat_node node;
};

struct names {
	char *directory; /* path of what they are in; NULL = none was read */
	struct named_node *all;
	size_t count;
};

struct fat_volume {
	int fd;
	bool opened; /* the rest is filled */
	struct fat fat;
	struct names names;
	uint8_t *ahead;
};

/* --- a directory -------------------------------------------------------------------------------- */

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
	struct fat_node node = {
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
	int result = fat_read(walk->fat, bytes, length_bytes, (uint64_t)at_bytes);

	for (size_t i = 0; result == 0 && !walk->ended && i + FAT_ENTRY_BYTES <= length_bytes;
	     i += FAT_ENTRY_BYTES) {
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

static int each_node(struct fat *fat, const struct fat_node *directory, node_visit *visit,
		     void *userdata)
{
	struct directory_walk walk = {.fat = fat, .visit = visit, .userdata = userdata};

	return directory->directory ? fat_each_run(fat, directory, directory_run, &walk) : -ENOTDIR;
}

/* --- paths -------------------------------------------------------------------------------------- */

struct lookup {
	const char *name;
	size_t length;
	struct fat_node node;
};

static int lookup_visit(void *userdata, const char *name, const struct fat_node *node)
{
	struct lookup *lookup = userdata;

	if (strlen(name) != lookup->length || strncasecmp(name, lookup->name, lookup->length) != 0)
		return 0;
	lookup->node = *node;
	return 1;
}

static int walk_to(struct fat *fat, const char *path, struct fat_node *ret)
{
	int result = 0;

	*ret = (struct fat_node){
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

static void names_done(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->all[i].name);
	free(names->all);
	free(names->directory);
	*names = (struct names){0};
}

static int keep_visit(void *userdata, const char *name, const struct fat_node *node)
{
	struct names *names = userdata;

	*array_add(names->all, names->count) = (struct named_node){xstrdup(name), *node};
	return 0;
}

/* Reads a directory unless it is the one that was read last. */
static int keep_names(struct fat_volume *volume, const char *directory)
{
	struct names *names = &volume->names;
	struct fat_node node;
	int result;

	if (text_equal(names->directory, directory))
		return 0;
	names_done(names);
	result = walk_to(&volume->fat, directory, &node);
	if (result == 0)
		result = each_node(&volume->fat, &node, keep_visit, names);
	if (result < 0)
		names_done(names);
	else
		names->directory = xstrdup(directory);
	return result;
}

static int find_kept(struct fat_volume *volume, const char *path, struct fat_node *ret)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	auto_free char *directory = xstrndup(path, slash ? (size_t)(slash - path) : 0);
	int result = keep_names(volume, directory);

	for (size_t i = 0; result == 0 && i < volume->names.count; i++) {
		if (strcasecmp(volume->names.all[i].name, name) != 0)
			continue;
		*ret = volume->names.all[i].node;
		return 0;
	}
	return result < 0 ? result : -ENOENT;
}

static int find(struct fat_volume *volume, const char *path, struct fat_node *ret)
{
	int result;

	if (!path_is_plain(path))
		return -EINVAL;
	if (!volume->opened) {
		result = fat_open(volume->fd, &volume->fat);
		if (result < 0)
			return result;
		volume->opened = true;
		volume->fat.ahead = volume->ahead;
	}
	return *path ? find_kept(volume, path, ret) : walk_to(&volume->fat, path, ret);
}

static int find_file(struct fat_volume *volume, const char *path, struct fat_node *ret)
{
	int result = find(volume, path, ret);

	return result == 0 && ret->directory ? -EISDIR : result;
}

/* --- what is done with them --------------------------------------------------------------------- */

struct fat_volume *fat_volume_new(int fd)
{
	struct fat_volume *volume = xcalloc(1, sizeof(*volume));

	volume->fd = fd;
	volume->ahead = xmalloc(FAT_AHEAD_BYTES);
	return volume;
}

void fat_volume_forget(struct fat_volume *volume)
{
	if (!volume)
		return;
	names_done(&volume->names);
	volume->opened = false;
}

void fat_volume_free(struct fat_volume *volume)
{
	if (!volume)
		return;
	names_done(&volume->names);
	free(volume->ahead);
	free(volume);
}

int fat_stat(struct fat_volume *volume, const char *path, struct host_stat *ret)
{
	struct fat_node node;
	int result = find(volume, path, &node);

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

int fat_list(struct fat_volume *volume, const char *path, struct host_names *ret)
{
	struct host_names names = {0};
	struct fat_node node;
	int result = find(volume, path, &node);

	if (result == 0)
		result = keep_names(volume, path);
	if (result < 0)
		return result;
	for (size_t i = 0; i < volume->names.count; i++) {
		const struct named_node *named = &volume->names.all[i];

		*array_add(names.names, names.count) = (struct host_name){
			.name = xstrdup(named->name),
			.type = named->node.directory ? HOST_DIRECTORY : HOST_FILE,
		};
	}
	host_names_sort(&names);
	*ret = names;
	return 0;
}

struct stream {
	struct fat *fat;
	const struct sink *sink;
};

static int stream_run(void *userdata, off_t at_bytes, size_t length_bytes)
{
	struct stream *stream = userdata;
	auto_free char *bytes = xmalloc(length_bytes + 1);
	int result = fat_read(stream->fat, bytes, length_bytes, (uint64_t)at_bytes);

	return result < 0 ? result
			  : stream->sink->feed(stream->sink->userdata, bytes, length_bytes);
}

int fat_stream(struct fat_volume *volume, const char *path, const struct sink *sink)
{
	struct fat_node node;
	int result = find_file(volume, path, &node);

	if (result < 0)
		return result;
	return fat_each_run(&volume->fat, &node, stream_run,
			    &(struct stream){.fat = &volume->fat, .sink = sink});
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

int fat_locate(struct fat_volume *volume, const char *path, off_t offset, struct fat_place *ret)
{
	struct fat_node node;
	int result = find_file(volume, path, &node);

	if (result < 0)
		return result;
	if (offset < 0 || offset >= node.size_bytes)
		return -ERANGE;
	result = fat_each_run(&volume->fat, &node, locate_run,
			      &(struct locate){.offset = (uint64_t)offset, .place = ret});
	return result < 0 ? result : result == 1 ? 0 : -EUCLEAN;
}

int fat_space(struct fat_volume *volume, struct host_space *ret)
{
	struct fat_node top;
	int result = find(volume, "", &top);

	return result < 0 ? result : fat_count_space(&volume->fat, ret);
}
