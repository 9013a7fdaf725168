#include "fake_disk.h"
#include <string.h>
#include "text.h"

/* The first subvolume of a Btrfs has the id after this. */
#define LAST_ID 255
#define TOP_LEVEL_ID 5

static void node_done(struct fake_node *node)
{
	free(node->path);
	free(node->bytes);
	free(node->medium);
	free(node->before);
}

static char *copy_bytes(const char *bytes, size_t length)
{
	return bytes ? xstrndup(bytes, length) : NULL;
}

void fake_node_copy(const struct fake_node *from, struct fake_node *ret)
{
	*ret = *from;
	ret->path = xstrdup(from->path);
	ret->bytes = copy_bytes(from->bytes, from->length);
	ret->medium = copy_bytes(from->medium, from->length);
	ret->before = copy_bytes(from->before, from->before_length);
}

struct fake_node *fake_disk_find(const struct fake_disk *disk, enum volume volume, const char *path)
{
	const struct fake_volume *v = &disk->volumes[volume];

	for (size_t i = 0; i < v->count; i++)
		if (strcmp(v->nodes[i].path, path) == 0)
			return &v->nodes[i];
	return NULL;
}

bool fake_is_below(const char *path, const char *directory)
{
	size_t length = strlen(directory);

	if (length == 0)
		return *path != '\0';
	return strncmp(path, directory, length) == 0 && path[length] == '/';
}

char *fake_parent_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? xstrndup(path, (size_t)(slash - path)) : xstrdup("");
}

void fake_node_touch(struct fake_node *node)
{
	if (node->dirty || node->type != HOST_FILE)
		return;
	node->dirty = true;
	node->before = copy_bytes(node->medium ? node->medium : node->bytes, node->length);
	node->before_length = node->length;
}

void fake_node_flush(struct fake_node *node)
{
	node->dirty = false;
	free(take(node->before));
}

void fake_node_free_content(struct fake_volume *v, struct fake_node *node)
{
	char *longer;

	fake_node_touch(node);
	if (!node->before || node->before_length == 0)
		return;
	free(v->freed);
	v->freed = take(node->before);
	v->freed_length = node->before_length;
	longer = xasprintf("%s%s\n", v->graveyard ? v->graveyard : "", v->freed);
	free(v->graveyard);
	v->graveyard = longer;
}

void fake_forget_node(struct fake_volume *v, struct fake_node *node)
{
	fake_node_free_content(v, node);
	node_done(node);
	*node = v->nodes[--v->count];
}

void fake_forget_tree(struct fake_volume *v, const char *path)
{
	for (size_t i = 0; i < v->count;)
		if (strcmp(v->nodes[i].path, path) == 0 || fake_is_below(v->nodes[i].path, path))
			fake_forget_node(v, &v->nodes[i]);
		else
			i++;
}

/* The top of the subvolume that `path` lies in. */
struct fake_node *fake_subvolume_of(const struct fake_disk *disk, const char *path)
{
	auto_free char *at = xstrdup(path);

	for (;;) {
		struct fake_node *node = fake_disk_find(disk, VOLUME_POOL, at);
		char *up;

		if (node && node->subvolume)
			return node;
		up = fake_parent_of(at);
		free(at);
		at = up;
	}
}

/* 0 where something may be made or changed at `path`. */
int fake_check_place(const struct fake_disk *disk, enum volume volume, const char *path)
{
	auto_free char *parent = fake_parent_of(path);
	const struct fake_node *directory = fake_disk_find(disk, volume, parent);

	if (!*path || *path == '/' || text_ends(path, "/") || strstr(path, "//"))
		return -EINVAL;
	if (!directory)
		return -ENOENT;
	if (directory->type != HOST_DIRECTORY)
		return -ENOTDIR;
	return volume == VOLUME_POOL && fake_subvolume_of(disk, parent)->read_only ? -EROFS : 0;
}

void fake_disk_init(struct fake_disk *disk)
{
	*disk = (struct fake_disk){.last_id = LAST_ID, .default_id = TOP_LEVEL_ID};
	for (int v = 0; v < VOLUME_COUNT; v++) {
		struct fake_volume *volume = &disk->volumes[v];
		struct fake_node *top = array_add(volume->nodes, volume->count);

		*top = (struct fake_node){
			.path = xstrdup(""), .type = HOST_DIRECTORY, .mode = 0755};
		top->subvolume = v == VOLUME_POOL;
		top->id = v == VOLUME_POOL ? TOP_LEVEL_ID : 0;
	}
}

void fake_disk_done(struct fake_disk *disk)
{
	for (int v = 0; v < VOLUME_COUNT; v++) {
		struct fake_volume *volume = &disk->volumes[v];

		for (size_t i = 0; i < volume->count; i++)
			node_done(&volume->nodes[i]);
		free(volume->nodes);
		free(volume->freed);
		free(volume->graveyard);
	}
	free(disk->variables);
	*disk = (struct fake_disk){0};
}

void fake_disk_copy(const struct fake_disk *from, struct fake_disk *ret)
{
	*ret = *from;
	ret->variables = xstrdup_or_null(from->variables);
	for (int v = 0; v < VOLUME_COUNT; v++) {
		const struct fake_volume *old = &from->volumes[v];
		struct fake_volume *volume = &ret->volumes[v];

		*volume = (struct fake_volume){.freed = copy_bytes(old->freed, old->freed_length),
					       .freed_length = old->freed_length,
					       .graveyard = xstrdup_or_null(old->graveyard)};
		for (size_t i = 0; i < old->count; i++) {
			struct fake_node node;

			fake_node_copy(&old->nodes[i], &node);
			*array_add(volume->nodes, volume->count) = node;
		}
	}
}

const char *fake_disk_default(const struct fake_disk *disk)
{
	const struct fake_volume *v = &disk->volumes[VOLUME_POOL];

	for (size_t i = 0; i < v->count; i++)
		if (v->nodes[i].subvolume && v->nodes[i].id == disk->default_id)
			return v->nodes[i].path;
	return NULL;
}
