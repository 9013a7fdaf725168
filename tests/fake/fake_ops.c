#include <string.h>
#include "fake_machine.h"
#include "text.h"

static int find_file(struct host *host, enum volume volume, const char *path,
		     const struct fake_node **ret)
{
	*ret = fake_disk_find(&fake_of(host)->disk, volume, path);
	if (!*ret)
		return -ENOENT;
	if ((*ret)->type == HOST_SYMLINK)
		return -ELOOP;
	return (*ret)->type == HOST_FILE ? 0 : -EISDIR;
}

static int read_node(const struct fake_node *node, size_t max_bytes, struct host_bytes *ret)
{
	if (node->length > max_bytes)
		return -EFBIG;
	ret->bytes = xstrndup(node->bytes, node->length);
	ret->length = node->length;
	return 0;
}

static int fake_read(struct host *host, enum volume volume, const char *path, size_t max_bytes,
		     struct host_bytes *ret)
{
	const struct fake_node *node;
	int r = find_file(host, volume, path, &node);

	return r < 0 ? r : read_node(node, max_bytes, ret);
}

static int fake_read_tail(struct host *host, const char *path, size_t max_bytes,
			  struct host_bytes *ret)
{
	const struct fake_node *node;
	int r = find_file(host, VOLUME_POOL, path, &node);

	if (r == 0)
		r = read_node(node, SIZE_MAX, ret);
	if (r == 0 && ret->length > max_bytes) {
		memmove(ret->bytes, ret->bytes + ret->length - max_bytes, max_bytes + 1);
		ret->length = max_bytes;
	}
	return r;
}

static int fake_read_medium(struct host *host, enum volume volume, const char *path,
			    size_t max_bytes, struct host_bytes *ret)
{
	const struct fake_node *node;
	int r = find_file(host, volume, path, &node);

	if (r == 0)
		r = read_node(node, max_bytes, ret);
	/* dropping caches does not drop what is not written yet */
	if (r == 0 && node->medium && !node->dirty)
		memcpy(ret->bytes, node->medium, ret->length);
	return r;
}

static int fake_digest(struct host *host, enum volume volume, const char *path,
		       enum digest_kind kind, struct digest *ret)
{
	const struct fake_node *node;
	int r = find_file(host, volume, path, &node);

	if (r == 0)
		digest_bytes(kind, node->bytes, node->length, ret);
	return r;
}

static int fake_digest_medium(struct host *host, enum volume volume, const char *path,
			      struct digest *ret)
{
	auto_host_bytes struct host_bytes bytes = {0};
	int r = fake_read_medium(host, volume, path, SIZE_MAX, &bytes);

	if (r == 0)
		digest_bytes(DIGEST_SHA256, bytes.bytes, bytes.length, ret);
	return r;
}

static int fake_stat(struct host *host, enum volume volume, const char *path, struct host_stat *ret)
{
	const struct fake_node *node = fake_disk_find(&fake_of(host)->disk, volume, path);

	if (!node)
		return -ENOENT;
	*ret = (struct host_stat){.type = node->type,
				  .subvolume = node->subvolume,
				  .mode = node->mode,
				  .uid = node->uid,
				  .gid = node->gid,
				  .size_bytes = node->length,
				  .mtime_sec = node->mtime_sec,
				  .ctime_nsec = node->mtime_sec * 1000000000LL,
				  .rdev = node->rdev};
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct host_name *)a)->name, ((const struct host_name *)b)->name);
}

static int fake_list(struct host *host, enum volume volume, const char *path,
		     struct host_names *ret)
{
	const struct fake_volume *v = &fake_of(host)->disk.volumes[volume];
	const struct fake_node *node = fake_disk_find(&fake_of(host)->disk, volume, path);

	if (!node)
		return -ENOENT;
	if (node->type != HOST_DIRECTORY)
		return -ENOTDIR;
	*ret = (struct host_names){0};
	for (size_t i = 0; i < v->count; i++) {
		auto_free char *parent = fake_parent_of(v->nodes[i].path);
		const char *slash = strrchr(v->nodes[i].path, '/');
		struct host_name *name;

		if (!*v->nodes[i].path || strcmp(parent, path) != 0)
			continue;
		name = array_add(ret->names, ret->count);
		name->name = xstrdup(slash ? slash + 1 : v->nodes[i].path);
		name->type = v->nodes[i].type;
	}
	if (ret->count > 0)
		qsort(ret->names, ret->count, sizeof(*ret->names), compare_names);
	return 0;
}

static int fake_read_link(struct host *host, enum volume volume, const char *path, char **ret)
{
	const struct fake_node *node = fake_disk_find(&fake_of(host)->disk, volume, path);

	if (!node)
		return -ENOENT;
	if (node->type != HOST_SYMLINK)
		return -EINVAL;
	*ret = xstrndup(node->bytes, node->length);
	return 0;
}

/* ---- volumes and subvolumes ---- */

static int fake_space(struct host *host, enum volume volume, struct host_space *ret)
{
	*ret = fake_of(host)->space[volume];
	return 0;
}

static int fake_check(struct host *host, enum volume volume, char **ret_findings)
{
	(void)volume;
	*ret_findings = xstrdup_or_null(fake_of(host)->findings);
	return *ret_findings ? -EUCLEAN : 0;
}

static int fake_repair(struct host *host, enum volume volume, char **ret_findings)
{
	struct fake_host *fake = fake_of(host);

	*ret_findings = NULL;
	if (fake->boot_busy)
		return -EBUSY;
	(void)fake_check(host, volume, ret_findings);
	fake->findings = NULL;
	fake->unclean = false;
	return 0;
}

static int fake_unclean(struct host *host, enum volume volume)
{
	return volume == VOLUME_BOOT && fake_of(host)->unclean;
}

static int fake_writable(struct host *host, enum volume volume)
{
	return fake_of(host)->not_writable[volume];
}

static int fake_identity(struct host *host, struct host_identity *ret)
{
	struct fake_host *fake = fake_of(host);

	*ret = (struct host_identity){
		.pool_uuid = xstrdup(fake->pool_uuid),
		.boot_uuid = xstrdup_or_null(fake->boot_uuid),
		.boot_where = fake->boot_uuid ? xstrdup("a fake ESP") : NULL,
	};
	return 0;
}

static void describe(const struct fake_node *node, struct host_subvolume *ret)
{
	*ret = (struct host_subvolume){.id = node->id,
				       .parent_id = node->parent_id,
				       .transid = node->transid,
				       .made_transid = node->made_transid,
				       .read_only = node->read_only,
				       .path = xstrdup(node->path)};
}

static int fake_subvolume(struct host *host, const char *path, struct host_subvolume *ret)
{
	const struct fake_node *node = fake_disk_find(&fake_of(host)->disk, VOLUME_POOL, path);

	if (!node)
		return -ENOENT;
	if (!node->subvolume)
		return -EINVAL;
	describe(node, ret);
	return 0;
}

static int fake_list_subvolumes(struct host *host, struct host_names *ret)
{
	const struct fake_volume *v = &fake_of(host)->disk.volumes[VOLUME_POOL];

	*ret = (struct host_names){0};
	for (size_t i = 0; i < v->count; i++)
		if (v->nodes[i].subvolume && *v->nodes[i].path)
			*array_add(ret->names, ret->count) = (struct host_name){
				.name = xstrdup(v->nodes[i].path), .type = HOST_DIRECTORY};
	host_names_sort(ret);
	return 0;
}

static bool is_below_any(const struct fake_node *node, const char *const *paths, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (fake_is_below(node->path, paths[i]))
			return true;
	return false;
}

static bool same_content(const struct fake_node *a, const struct fake_node *b)
{
	return b->type == HOST_FILE && a->length == b->length &&
	       memcmp(a->bytes, b->bytes, a->length) == 0;
}

/* Files of the same content share it. */
static int fake_exclusive_bytes(struct host *host, const char *const *paths, size_t count,
				uint64_t *ret_bytes)
{
	const struct fake_volume *v = &fake_of(host)->disk.volumes[VOLUME_POOL];
	uint64_t bytes = 0;

	for (size_t i = 0; i < v->count; i++) {
		const struct fake_node *node = &v->nodes[i];
		bool counts = node->type == HOST_FILE && is_below_any(node, paths, count);

		for (size_t k = 0; counts && k < v->count; k++)
			if (k != i && same_content(node, &v->nodes[k]))
				counts = k > i && is_below_any(&v->nodes[k], paths, count);
		bytes += counts ? node->length : 0;
	}
	*ret_bytes = bytes;
	return 0;
}

static int fake_get_default(struct host *host, char **ret_path)
{
	const char *path = fake_disk_default(&fake_of(host)->disk);

	if (!path)
		return -ENOENT;
	*ret_path = xstrdup(path);
	return 0;
}

extern const struct host_ops fake_ops;
const struct host_ops fake_ops = {
	.read = fake_read,
	.read_tail = fake_read_tail,
	.stat = fake_stat,
	.list = fake_list,
	.read_link = fake_read_link,
	.digest = fake_digest,
	.digest_medium = fake_digest_medium,
	.read_medium = fake_read_medium,
	.space = fake_space,
	.check = fake_check,
	.repair = fake_repair,
	.unclean = fake_unclean,
	.identity = fake_identity,
	.root_read = fake_root_read,
	.root_stat = fake_root_stat,
	.root_list = fake_root_list,
	.root_digest = fake_root_digest,
	.list_initrd = fake_list_initrd,
	.write = fake_write,
	.write_at = fake_write_at,
	.append = fake_append,
	.make_directory = fake_make_directory,
	.make_symlink = fake_make_symlink,
	.rename = fake_rename,
	.exchange = fake_exchange,
	.remove = fake_remove,
	.remove_tree = fake_remove_tree,
	.copy = fake_copy,
	.copy_attributes = fake_copy_attributes,
	.get_xattr = fake_get_xattr,
	.remove_xattrs = fake_remove_xattrs,
	.sync = fake_sync,
	.snapshot = fake_snapshot,
	.create_subvolume = fake_create_subvolume,
	.delete_subvolume = fake_delete_subvolume,
	.subvolume = fake_subvolume,
	.list_subvolumes = fake_list_subvolumes,
	.exclusive_bytes = fake_exclusive_bytes,
	.changed_since = fake_changed_since,
	.differ = fake_differ,
	.send = fake_send,
	.compare = fake_compare,
	.links = fake_links,
	.text_difference = fake_text_difference,
	.get_default = fake_get_default,
	.set_default = fake_set_default,
	.run_stage = fake_run_stage,
	.clock = fake_clock,
	.running = fake_running,
	.lock = fake_lock,
	.unlock = fake_unlock,
	.package_lock = fake_package_lock,
	.package_unlock = fake_package_unlock,
	.failed_units = fake_failed_units,
	.default_routes = fake_default_routes,
	.mount_points = fake_mount_points,
	.surroundings = fake_surroundings,
	.network = fake_network,
	.clock_synchronised = fake_clock_synchronised,
	.utc_offset = fake_utc_offset,
	.hibernation = fake_hibernation,
	.swap_files = fake_swap_files,
	.run_program = fake_run_program,
	.reboot = fake_reboot,
	.loader_entries = fake_loader_entries,
	.firmware = fake_firmware,
	.set_boot_order = fake_set_boot_order,
	.remove_boot_option = fake_remove_boot_option,
	.publish_status = fake_publish_status,
	.reboot_required = fake_reboot_required,
	.log = fake_log,
	.interrupted = fake_interrupted,
	.sleep = fake_sleep,
	.writable = fake_writable,
};
