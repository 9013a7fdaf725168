#include <string.h>
#include "fake_machine.h"
#include "text.h"

/* Applies and records; borrows everything in *effect. */
int fake_perform(struct host *host, struct fake_effect *effect)
{
	struct fake_host *fake = fake_of(host);
	int r;

	effect->when = fake->now_sec;
	if (effect->volume == VOLUME_BOOT &&
	    (effect->kind == FAKE_WRITE || effect->kind == FAKE_WRITE_AT))
		effect->spoiled = ++fake->boot_writes == fake->spoil_boot_write;
	r = fake_disk_apply(&fake->disk, effect);
	if (r == 0)
		fake_effect_copy(effect, array_add(fake->effects, fake->effect_count));
	return r;
}

int fake_write(struct host *host, enum volume volume, const char *path, const void *bytes,
	       size_t length)
{
	return fake_perform(host, &(struct fake_effect){.kind = FAKE_WRITE,
							.volume = volume,
							.path = (char *)path,
							.bytes = (char *)bytes,
							.length = length,
							.mode = 0644});
}

int fake_write_at(struct host *host, enum volume volume, const char *path, off_t offset,
		  const void *bytes, size_t length)
{
	return fake_perform(host, &(struct fake_effect){.kind = FAKE_WRITE_AT,
							.volume = volume,
							.path = (char *)path,
							.bytes = (char *)bytes,
							.length = length,
							.offset = (size_t)offset});
}

int fake_append(struct host *host, enum volume volume, const char *path, const void *bytes,
		size_t length)
{
	return fake_perform(host, &(struct fake_effect){.kind = FAKE_APPEND,
							.volume = volume,
							.path = (char *)path,
							.bytes = (char *)bytes,
							.length = length,
							.mode = 0644});
}

static int at(struct host *host, enum fake_kind kind, enum volume volume, const char *path)
{
	return fake_perform(
		host, &(struct fake_effect){.kind = kind, .volume = volume, .path = (char *)path});
}

static int from_to(struct host *host, enum fake_kind kind, const char *from, const char *to)
{
	return fake_perform(host, &(struct fake_effect){
					  .kind = kind, .path = (char *)to, .from = (char *)from});
}

int fake_make_directory(struct host *host, enum volume volume, const char *path, mode_t mode)
{
	return fake_perform(host, &(struct fake_effect){.kind = FAKE_MAKE_DIRECTORY,
							.volume = volume,
							.path = (char *)path,
							.mode = mode});
}

int fake_make_symlink(struct host *host, enum volume volume, const char *target, const char *path)
{
	/* FAT has none */
	if (volume == VOLUME_BOOT)
		return -EPERM;
	return fake_perform(host, &(struct fake_effect){.kind = FAKE_SYMLINK,
							.volume = volume,
							.path = (char *)path,
							.bytes = (char *)target,
							.length = strlen(target),
							.mode = 0777});
}

int fake_rename(struct host *host, enum volume volume, const char *from, const char *to)
{
	return fake_perform(host, &(struct fake_effect){.kind = FAKE_RENAME,
							.volume = volume,
							.path = (char *)to,
							.from = (char *)from});
}

int fake_exchange(struct host *host, enum volume volume, const char *a, const char *b)
{
	if (volume == VOLUME_BOOT && fake_of(host)->no_boot_exchange)
		return -EINVAL;
	return fake_perform(host, &(struct fake_effect){.kind = FAKE_EXCHANGE,
							.volume = volume,
							.path = (char *)b,
							.from = (char *)a});
}

int fake_remove(struct host *host, enum volume volume, const char *path)
{
	return at(host, FAKE_REMOVE, volume, path);
}

int fake_remove_tree(struct host *host, enum volume volume, const char *path)
{
	return at(host, FAKE_REMOVE_TREE, volume, path);
}

int fake_copy(struct host *host, enum volume from_volume, const char *from, enum volume to_volume,
	      const char *to)
{
	const struct fake_node *node = fake_disk_find(&fake_of(host)->disk, from_volume, from);

	if (from_volume == VOLUME_POOL && to_volume == VOLUME_POOL)
		return from_to(host, FAKE_COPY, from, to);
	if (!node)
		return -ENOENT;
	if (node->type != HOST_FILE)
		return -EISDIR;
	return fake_write(host, to_volume, to, node->bytes, node->length);
}

/* The fake disk has no extended attributes. */
int fake_get_xattr(struct host *host, const char *path, const char *name, struct host_bytes *ret)
{
	(void)host;
	(void)path;
	(void)name;
	(void)ret;
	return -ENODATA;
}

int fake_remove_xattrs(struct host *host, const char *path, const char *prefix)
{
	(void)host;
	(void)path;
	(void)prefix;
	return 0;
}

int fake_copy_attributes(struct host *host, const char *from, const char *to)
{
	return from_to(host, FAKE_COPY_ATTRIBUTES, from, to);
}

int fake_sync(struct host *host, enum volume volume)
{
	return at(host, FAKE_SYNC, volume, "");
}

int fake_snapshot(struct host *host, const char *from, const char *to, bool read_only)
{
	return from_to(host, read_only ? FAKE_SNAPSHOT_READ_ONLY : FAKE_SNAPSHOT, from, to);
}

int fake_create_subvolume(struct host *host, const char *path)
{
	return fake_perform(host, &(struct fake_effect){.kind = FAKE_CREATE_SUBVOLUME,
							.path = (char *)path,
							.mode = 0755});
}

int fake_delete_subvolume(struct host *host, const char *path)
{
	return at(host, FAKE_DELETE_SUBVOLUME, VOLUME_POOL, path);
}

int fake_set_default(struct host *host, const char *path)
{
	return at(host, FAKE_SET_DEFAULT, VOLUME_POOL, path);
}
