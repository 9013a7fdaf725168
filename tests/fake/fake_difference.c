/* How two trees of the pool differ: a stream made by looking at all of both, as the kernel words it. */
#include <string.h>
#include "fake_machine.h"
#include "text.h"

enum {
	MAKE_FILE = 3,
	MAKE_DIRECTORY,
	SYMLINK = 8,
	UNLINK = 11,
	RMDIR,
	CHOWN = 19,
	END = 21,
	EXTENT
};
#define ATTRIBUTE_PATH 15

static void put_number(struct text *stream, size_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		text_add_bytes(stream, &(unsigned char){(unsigned char)(value >> 8 * i)}, 1);
}

static void put_command(struct text *stream, unsigned number, const char *path)
{
	size_t length = path ? strlen(path) : 0;

	put_number(stream, path ? 4 + length : 0, 4);
	put_number(stream, number, 2);
	put_number(stream, 0, 4);
	if (!path)
		return;
	put_number(stream, ATTRIBUTE_PATH, 2);
	put_number(stream, length, 2);
	text_add(stream, path);
}

struct nodes {
	const struct fake_node **all; /* by path */
	size_t count;
	size_t top; /* length of the subvolume's path, with its slash */
};

static int by_node_path(const void *a, const void *b)
{
	return strcmp((*(const struct fake_node *const *)a)->path,
		      (*(const struct fake_node *const *)b)->path);
}

static struct nodes nodes_below(const struct fake_disk *disk, const char *top)
{
	const struct fake_volume *v = &disk->volumes[VOLUME_POOL];
	struct nodes nodes = {.top = strlen(top) + 1};

	for (size_t i = 0; i < v->count; i++)
		if (strcmp(v->nodes[i].path, top) != 0 && fake_is_below(v->nodes[i].path, top))
			*array_add(nodes.all, nodes.count) = &v->nodes[i];
	if (nodes.count > 1)
		qsort(nodes.all, nodes.count, sizeof(*nodes.all), by_node_path);
	return nodes;
}

static const struct fake_node *counterpart(const struct fake_disk *disk, const char *top,
					   const char *path)
{
	auto_free char *there = xasprintf("%s/%s", top, path);

	return fake_disk_find(disk, VOLUME_POOL, there);
}

static bool same_content(const struct fake_node *a, const struct fake_node *b)
{
	return a->length == b->length &&
	       (a->length == 0 || memcmp(a->bytes, b->bytes, a->length) == 0);
}

static unsigned maker_of(const struct fake_node *node)
{
	return node->type == HOST_DIRECTORY ? MAKE_DIRECTORY
	       : node->type == HOST_SYMLINK ? SYMLINK
					    : MAKE_FILE;
}

static void put_stream(const struct fake_disk *disk, const struct host_sending *sending,
		       struct text *stream)
{
	struct nodes from = nodes_below(disk, sending->from), to = nodes_below(disk, sending->to);

	text_add_bytes(stream, "btrfs-stream", 13);
	put_number(stream, 1, 4);
	for (size_t i = from.count; i > 0; i--) {
		const struct fake_node *node = from.all[i - 1];
		const struct fake_node *other =
			counterpart(disk, sending->to, node->path + from.top);

		if (!other || other->type != node->type)
			put_command(stream, node->type == HOST_DIRECTORY ? RMDIR : UNLINK,
				    node->path + from.top);
	}
	for (size_t i = 0; i < to.count; i++) {
		const struct fake_node *node = to.all[i];
		const struct fake_node *other =
			counterpart(disk, sending->from, node->path + to.top);

		if (!other || other->type != node->type)
			put_command(stream, maker_of(node), node->path + to.top);
		else if (!same_content(node, other))
			put_command(stream, EXTENT, node->path + to.top);
		else if (node->mode != other->mode || node->uid != other->uid)
			put_command(stream, CHOWN, node->path + to.top);
	}
	put_command(stream, END, NULL);
	free(from.all);
	free(to.all);
}

int fake_send(struct host *host, const struct host_sending *sending)
{
	const struct fake_disk *disk = &fake_of(host)->disk;
	const struct fake_node *from = fake_disk_find(disk, VOLUME_POOL, sending->from);
	const struct fake_node *to = fake_disk_find(disk, VOLUME_POOL, sending->to);
	auto_text struct text stream = {0};
	int r = 0;

	if (!from || !to)
		return -ENOENT;
	if (!from->read_only || !to->read_only)
		return -EPERM;
	put_stream(disk, sending, &stream);
	/* cut where nobody expects it */
	for (size_t at = 0; r == 0 && at < stream.length; at += 7)
		r = sending->feed(sending->userdata, stream.bytes + at,
				  stream.length - at < 7 ? stream.length - at : 7);
	return r;
}

int fake_compare(struct host *host, const struct host_pair *pair, struct host_comparison *ret)
{
	const struct fake_disk *disk = &fake_of(host)->disk;
	const struct fake_node *a = fake_disk_find(disk, VOLUME_POOL, pair->a);
	const struct fake_node *b = fake_disk_find(disk, VOLUME_POOL, pair->b);

	*ret = (struct host_comparison){
		.there = {a, b},
		.types = {a ? a->type : HOST_FILE, b ? b->type : HOST_FILE},
	};
	if (!a || !b)
		return 0;
	ret->type = a->type != b->type;
	if (ret->type)
		return 0;
	ret->content = a->type != HOST_DIRECTORY && (!same_content(a, b) || a->rdev != b->rdev);
	ret->mode = a->mode != b->mode;
	ret->owner = a->uid != b->uid;
	ret->group = a->gid != b->gid;
	return 0;
}

/* Every file of the fake disk has one name. */
int fake_links(struct host *host, const char *subvolume, const char *path, struct host_strings *ret)
{
	auto_free char *there = xasprintf("%s/%s", subvolume, path);

	if (!fake_disk_find(&fake_of(host)->disk, VOLUME_POOL, there))
		return -ENOENT;
	*ret = (struct host_strings){0};
	*array_add(ret->strings, ret->count) = xstrdup(path);
	return 0;
}

/* All lines of the one, then all of the other. */
int fake_text_difference(struct host *host, const struct host_text_side sides[2], size_t max_bytes,
			 struct host_bytes *ret)
{
	struct text text = {0};

	(void)host;
	for (int i = 0; i < 2; i++) {
		const char *at = sides[i].bytes ? sides[i].bytes : "", *line;
		const char *end = at + sides[i].length;
		size_t length;

		text_addf(&text, "%s %s\n", i == 0 ? "---" : "+++", sides[i].label);
		while (text_next_line(&at, end, &line, &length))
			text_addf(&text, "%c%.*s\n", i == 0 ? '-' : '+', (int)length, line);
	}
	if (text.length > max_bytes) {
		text_done(&text);
		return -EFBIG;
	}
	ret->length = text.length;
	ret->bytes = text_take(&text);
	return 0;
}
