#include <string.h>
#include "fake_disk.h"
#include "text.h"

static struct fake_node *add_node(struct fake_disk *disk, const struct fake_effect *effect,
				  enum host_type type)
{
	struct fake_volume *v = &disk->volumes[effect->volume];
	struct fake_node *node = array_add(v->nodes, v->count);

	*node = (struct fake_node){.path = xstrdup(effect->path),
				   .type = type,
				   .mode = effect->mode,
				   .mtime_sec = effect->when};
	return node;
}

static void set_content(struct fake_node *node, const struct fake_effect *effect)
{
	free(node->bytes);
	node->bytes = xstrndup(effect->length > 0 ? effect->bytes : "", effect->length);
	node->length = effect->length;
	node->mtime_sec = effect->when;
	free(node->medium);
	node->medium = NULL;
	if (effect->spoiled && effect->length > 0) {
		node->medium = xstrndup(node->bytes, node->length);
		node->medium[node->length / 2] ^= 1;
	}
}

static int apply_write(struct fake_disk *disk, const struct fake_effect *effect)
{
	struct fake_volume *v = &disk->volumes[effect->volume];
	struct fake_node *node = fake_disk_find(disk, effect->volume, effect->path);
	int r = fake_check_place(disk, effect->volume, effect->path);

	if (r < 0)
		return r;
	if (node && node->type != HOST_FILE)
		return node->type == HOST_DIRECTORY ? -EISDIR : -ELOOP;
	if (node)
		fake_node_free_content(v, node);
	else
		node = add_node(disk, effect, HOST_FILE);
	node->dirty = true;
	set_content(node, effect);
	return 0;
}

static int find_file(const struct fake_disk *disk, const struct fake_effect *effect,
		     struct fake_node **ret)
{
	int r = fake_check_place(disk, effect->volume, effect->path);

	if (r < 0)
		return r;
	*ret = fake_disk_find(disk, effect->volume, effect->path);
	if (!*ret)
		return -ENOENT;
	return (*ret)->type == HOST_FILE ? 0 : -EISDIR;
}

static int apply_write_at(struct fake_disk *disk, const struct fake_effect *effect)
{
	struct fake_node *node;
	int r = find_file(disk, effect, &node);

	if (r < 0)
		return r;
	if (effect->offset > node->length || effect->length > node->length - effect->offset)
		return -EINVAL;
	fake_node_touch(node);
	if (effect->spoiled && !node->medium)
		node->medium = xstrndup(node->bytes, node->length);
	else if (!effect->spoiled && node->medium)
		memcpy(node->medium + effect->offset, effect->bytes, effect->length);
	memcpy(node->bytes + effect->offset, effect->bytes, effect->length);
	node->mtime_sec = effect->when;
	return 0;
}

static int apply_append(struct fake_disk *disk, const struct fake_effect *effect)
{
	struct fake_node *node;
	int r = find_file(disk, effect, &node);

	if (r == -ENOENT)
		return apply_write(disk, effect);
	if (r < 0)
		return r;
	fake_node_touch(node);
	free(node->medium);
	node->medium = NULL;
	node->bytes = xrealloc(node->bytes, node->length + effect->length + 1);
	memcpy(node->bytes + node->length, effect->bytes, effect->length);
	node->length += effect->length;
	node->bytes[node->length] = '\0';
	node->mtime_sec = effect->when;
	return 0;
}

static int apply_make(struct fake_disk *disk, const struct fake_effect *effect)
{
	struct fake_node *node;
	int r = fake_check_place(disk, effect->volume, effect->path);

	if (r < 0)
		return r;
	if (fake_disk_find(disk, effect->volume, effect->path))
		return -EEXIST;
	node = add_node(disk, effect, effect->kind == FAKE_SYMLINK ? HOST_SYMLINK : HOST_DIRECTORY);
	if (effect->kind == FAKE_SYMLINK)
		set_content(node, effect);
	if (effect->kind == FAKE_CREATE_SUBVOLUME) {
		auto_free char *parent = fake_parent_of(effect->path);

		node->subvolume = true;
		node->id = ++disk->last_id;
		node->parent_id = fake_subvolume_of(disk, parent)->id;
	}
	return 0;
}

static void move_tree(struct fake_volume *v, const char *from, const char *to)
{
	for (size_t i = 0; i < v->count; i++) {
		struct fake_node *node = &v->nodes[i];
		char *moved;

		if (strcmp(node->path, from) != 0 && !fake_is_below(node->path, from))
			continue;
		moved = xasprintf("%s%s", to, node->path + strlen(from));
		free(node->path);
		node->path = moved;
	}
}

static bool is_empty(const struct fake_disk *disk, enum volume volume, const char *path)
{
	for (size_t i = 0; i < disk->volumes[volume].count; i++)
		if (fake_is_below(disk->volumes[volume].nodes[i].path, path))
			return false;
	return true;
}

static bool same_parent(const char *a, const char *b)
{
	auto_free char *parent_a = fake_parent_of(a), *parent_b = fake_parent_of(b);

	return strcmp(parent_a, parent_b) == 0;
}

static int check_move(const struct fake_disk *disk, const struct fake_effect *effect)
{
	const struct fake_node *from = fake_disk_find(disk, effect->volume, effect->from);
	int r = fake_check_place(disk, effect->volume, effect->from);

	if (r == 0)
		r = fake_check_place(disk, effect->volume, effect->path);
	if (r < 0)
		return r;
	if (!from)
		return -ENOENT;
	if (fake_is_below(effect->path, effect->from))
		return -EINVAL;
	/* its ".." would have to be written */
	return from->read_only && !same_parent(effect->from, effect->path) ? -EROFS : 0;
}

static int apply_rename(struct fake_disk *disk, const struct fake_effect *effect)
{
	struct fake_volume *v = &disk->volumes[effect->volume];
	const struct fake_node *from, *to;
	bool replaces;
	int r = check_move(disk, effect);

	if (r < 0)
		return r;
	from = fake_disk_find(disk, effect->volume, effect->from);
	to = fake_disk_find(disk, effect->volume, effect->path);
	if (from == to)
		return 0;
	if (to && to->type == HOST_DIRECTORY) {
		if (from->type != HOST_DIRECTORY)
			return -EISDIR;
		if (to->subvolume || !is_empty(disk, effect->volume, to->path))
			return -ENOTEMPTY;
	} else if (to && from->type == HOST_DIRECTORY) {
		return -ENOTDIR;
	}
	replaces = to && to->type == HOST_FILE && to->length > 0;
	if (to)
		fake_forget_tree(v, effect->path);
	move_tree(v, effect->from, effect->path);
	if (replaces && effect->volume == VOLUME_POOL)
		fake_node_flush(fake_disk_find(disk, effect->volume, effect->path));
	return 0;
}

static int apply_exchange(struct fake_disk *disk, const struct fake_effect *effect)
{
	struct fake_volume *v = &disk->volumes[effect->volume];
	int r = check_move(disk, effect);

	if (r < 0)
		return r;
	if (!fake_disk_find(disk, effect->volume, effect->path))
		return -ENOENT;
	if (fake_is_below(effect->from, effect->path))
		return -EINVAL;
	move_tree(v, effect->from, "\001");
	move_tree(v, effect->path, effect->from);
	move_tree(v, "\001", effect->path);
	return 0;
}

static int apply_remove(struct fake_disk *disk, const struct fake_effect *effect)
{
	struct fake_node *node = fake_disk_find(disk, effect->volume, effect->path);
	int r = fake_check_place(disk, effect->volume, effect->path);

	if (r < 0)
		return r;
	if (!node)
		return -ENOENT;
	if (node->subvolume)
		return -EPERM;
	if (node->type == HOST_DIRECTORY && !is_empty(disk, effect->volume, effect->path))
		return -ENOTEMPTY;
	fake_forget_node(&disk->volumes[effect->volume], node);
	return 0;
}

static int apply_remove_tree(struct fake_disk *disk, const struct fake_effect *effect)
{
	struct fake_volume *v = &disk->volumes[effect->volume];
	int r = fake_check_place(disk, effect->volume, effect->path);

	if (r < 0)
		return r;
	if (!fake_disk_find(disk, effect->volume, effect->path))
		return -ENOENT;
	for (size_t i = 0; i < v->count; i++)
		if (v->nodes[i].subvolume && (strcmp(v->nodes[i].path, effect->path) == 0 ||
					      fake_is_below(v->nodes[i].path, effect->path)))
			return -EXDEV;
	fake_forget_tree(v, effect->path);
	return 0;
}

static int apply_copy(struct fake_disk *disk, const struct fake_effect *effect)
{
	const struct fake_node *from = fake_disk_find(disk, VOLUME_POOL, effect->from);
	struct fake_node copy, *there;
	int r = fake_check_place(disk, VOLUME_POOL, effect->path);

	if (r < 0)
		return r;
	if (!from)
		return -ENOENT;
	if (from->type == HOST_DIRECTORY)
		return -EISDIR;
	there = fake_disk_find(disk, VOLUME_POOL, effect->path);
	if (there && there->type == HOST_DIRECTORY)
		return -EISDIR;
	fake_node_copy(from, &copy);
	free(copy.path);
	copy.path = xstrdup(effect->path);
	fake_node_flush(&copy);
	if (there)
		fake_forget_tree(&disk->volumes[VOLUME_POOL], effect->path);
	*array_add(disk->volumes[VOLUME_POOL].nodes, disk->volumes[VOLUME_POOL].count) = copy;
	return 0;
}

static int apply_attributes(struct fake_disk *disk, const struct fake_effect *effect)
{
	const struct fake_node *from = fake_disk_find(disk, VOLUME_POOL, effect->from);
	struct fake_node *to = fake_disk_find(disk, VOLUME_POOL, effect->path);

	if (!from || !to)
		return -ENOENT;
	if (fake_subvolume_of(disk, effect->path)->read_only)
		return -EROFS;
	to->mode = from->mode;
	to->uid = from->uid;
	to->gid = from->gid;
	to->mtime_sec = from->mtime_sec;
	return 0;
}

/* What lies in a subvolume nested in the source is not in a snapshot; its directory is, empty. */
static bool is_in_subvolume(const struct fake_disk *disk, const char *path, const char *top)
{
	auto_free char *parent = fake_parent_of(path);

	return strcmp(path, top) == 0 || strcmp(fake_subvolume_of(disk, parent)->path, top) == 0;
}

static int apply_snapshot(struct fake_disk *disk, const struct fake_effect *effect)
{
	struct fake_volume *v = &disk->volumes[VOLUME_POOL];
	const struct fake_node *from = fake_disk_find(disk, VOLUME_POOL, effect->from);
	int r = fake_check_place(disk, VOLUME_POOL, effect->path);
	size_t count = v->count;
	uint64_t parent_id;

	if (r < 0)
		return r;
	if (!from || !from->subvolume)
		return from ? -EINVAL : -ENOENT;
	if (fake_disk_find(disk, VOLUME_POOL, effect->path))
		return -EEXIST;
	parent_id = fake_subvolume_of(disk, effect->path)->id;
	for (size_t i = 0; i < count; i++) {
		struct fake_node copy;
		bool top = strcmp(v->nodes[i].path, effect->from) == 0;

		if (!top && (!fake_is_below(v->nodes[i].path, effect->from) ||
			     !is_in_subvolume(disk, v->nodes[i].path, effect->from)))
			continue;
		fake_node_flush(&v->nodes[i]);
		fake_node_copy(&v->nodes[i], &copy);
		free(copy.path);
		copy.path = xasprintf("%s%s%s", effect->path, !top && !*effect->from ? "/" : "",
				      v->nodes[i].path + strlen(effect->from));
		copy.subvolume = top;
		copy.read_only = top && effect->kind == FAKE_SNAPSHOT_READ_ONLY;
		copy.id = top ? ++disk->last_id : 0;
		copy.parent_id = top ? parent_id : 0;
		copy.made_transid = top ? disk->transid + 1 : 0;
		*array_add(v->nodes, v->count) = copy;
	}
	return 0;
}

static int apply_delete_subvolume(struct fake_disk *disk, const struct fake_effect *effect)
{
	struct fake_volume *v = &disk->volumes[VOLUME_POOL];
	const struct fake_node *node = fake_disk_find(disk, VOLUME_POOL, effect->path);

	if (!node)
		return -ENOENT;
	if (!node->subvolume)
		return -EINVAL;
	if (node->id == disk->default_id)
		return -EPERM;
	for (size_t i = 0; i < v->count; i++)
		if (v->nodes[i].subvolume && fake_is_below(v->nodes[i].path, effect->path))
			return -ENOTEMPTY;
	fake_forget_tree(v, effect->path);
	return 0;
}

static int apply_set_default(struct fake_disk *disk, const struct fake_effect *effect)
{
	const struct fake_node *node = fake_disk_find(disk, VOLUME_POOL, effect->path);

	if (!node)
		return -ENOENT;
	if (!node->subvolume)
		return -EINVAL;
	disk->default_id = node->id;
	return 0;
}

static int apply_sync(struct fake_disk *disk, const struct fake_effect *effect)
{
	struct fake_volume *v = &disk->volumes[effect->volume];

	for (size_t i = 0; i < v->count; i++)
		fake_node_flush(&v->nodes[i]);
	return 0;
}

static int apply_firmware(struct fake_disk *disk, const struct fake_effect *effect)
{
	free(disk->variables);
	disk->variables = xstrndup(effect->bytes, effect->length);
	return 0;
}

static int (*const appliers[FAKE_KIND_COUNT])(struct fake_disk *, const struct fake_effect *) = {
	[FAKE_WRITE] = apply_write,
	[FAKE_WRITE_AT] = apply_write_at,
	[FAKE_APPEND] = apply_append,
	[FAKE_MAKE_DIRECTORY] = apply_make,
	[FAKE_SYMLINK] = apply_make,
	[FAKE_RENAME] = apply_rename,
	[FAKE_EXCHANGE] = apply_exchange,
	[FAKE_REMOVE] = apply_remove,
	[FAKE_REMOVE_TREE] = apply_remove_tree,
	[FAKE_COPY] = apply_copy,
	[FAKE_COPY_ATTRIBUTES] = apply_attributes,
	[FAKE_SNAPSHOT] = apply_snapshot,
	[FAKE_SNAPSHOT_READ_ONLY] = apply_snapshot,
	[FAKE_CREATE_SUBVOLUME] = apply_make,
	[FAKE_DELETE_SUBVOLUME] = apply_delete_subvolume,
	[FAKE_SET_DEFAULT] = apply_set_default,
	[FAKE_SYNC] = apply_sync,
	[FAKE_FIRMWARE] = apply_firmware,
};

int fake_disk_apply(struct fake_disk *disk, const struct fake_effect *effect)
{
	auto_free char *parent = NULL;
	struct fake_node *top;
	int r = appliers[effect->kind](disk, effect);

	if (r < 0 || effect->volume != VOLUME_POOL || effect->kind == FAKE_SYNC)
		return r;
	/* a name is in the subvolume that holds it, not in the one that it may be the name of */
	if (effect->kind == FAKE_RENAME || effect->kind == FAKE_EXCHANGE)
		parent = fake_parent_of(effect->path);
	top = fake_subvolume_of(disk, parent ? parent : effect->path);
	top->transid = ++disk->transid;
	return 0;
}
