/*
 * data_volumes - the machine's data as the stage sees it: overlays above read-only snapshots.
 *
 * Where there is data that the stage cannot have, it finds an empty directory that nothing can be
 * written to: in the root it would vanish below the mount point, and nobody would know. Download
 * caches are the exception the other way: the running system's own directory lies above the
 * overlay, so that nothing is fetched twice.
 */
#include <errno.h>
#include <string.h>
#include "changes.h"
#include "dataclass.h"
#include "fill_internal.h"
#include "fstab_data.h"
#include "territory.h"

/* The package manager's database: without it there is no use in a stage. */
#define PACKAGE_STATE "/var/lib/dpkg"

/* --- overlays -------------------------------------------------------------------------------- */

/* What is in use as swap cannot be copied, and is no data. Anything else that is with it is. */
static bool refuse_swap(struct fill *fill, const struct data_volume *volume, struct err *err)
{
	struct host *host = fill->machine->host;
	auto_host_swaps struct host_swaps swaps = {0};
	const char *file = NULL;

	if (host->ops->swap_files(host, &swaps) == 0)
		for (size_t i = 0; i < swaps.count; i++)
			if (text_equal(swaps.swaps[i].subvolume, volume->subvolume))
				file = swaps.swaps[i].path;
	err_set(err, ERR_REFUSED, 0,
		"%s, which is mounted on %s, holds an active swap file%s%s, so that no snapshot of "
		"it can be made; swap files belong into a subvolume " SWAP_SUBVOLUME
		" that is mounted on " SWAP_MOUNT_POINT,
		text_quote(volume->subvolume), volume->mount_point, file ? ", " : "",
		file ? text_quote(file) : "");
	return file ? err_try(err, "sudo swapoff %s", text_quote(file))
		    : err_try(err, "swapon --show");
}

static bool is_missing(int r)
{
	return r == -ENOENT || r == -ENOTDIR || r == -EINVAL;
}

/* Read-only, unless something is taken out of it that the base was going to remove. */
static bool snapshot(struct fill *fill, struct data_volume *volume, struct err *err)
{
	struct host *host = fill->machine->host;
	bool removes = json_array_size(volume->seed_changes) > 0;
	int r = host->ops->snapshot(host, volume->subvolume, volume->lower, !removes);

	if (r == -ETXTBSY && territory_is_swap(volume->subvolume, volume->mount_point)) {
		volume->why_not = xstrdup("");
		return true;
	}
	if (r == -ETXTBSY)
		return refuse_swap(fill, volume, err);
	if (!is_missing(r))
		return fill_check(r, "snapshot", volume->subvolume, err);
	volume->why_not = xasprintf("this disk has no data subvolume %s, which /etc/fstab mounts "
				    "on %s",
				    text_quote(volume->subvolume), volume->mount_point);
	if (volume->may_miss)
		return true;
	err_set(err, ERR_REFUSED, 0, "%s", volume->why_not);
	return err_try(err, "sudo moult check");
}

static bool open_volume(struct fill *fill, struct data_volume *volume, struct err *err)
{
	struct host *host = fill->machine->host;

	if (!seed_find(fill, volume, err) || !snapshot(fill, volume, err))
		return false;
	if (volume->why_not)
		return true;
	if (!fill_make_directories(fill, volume->upper, err) ||
	    !fill_make_directories(fill, volume->work, err))
		return false;
	/* the upper directory is what the mount point itself looks like */
	if (!fill_check(host->ops->copy_attributes(host, volume->lower, volume->upper),
			"copy the attributes of", volume->lower, err) ||
	    !seed_volume(fill, volume, err))
		return false;
	fill_add_mount(fill, (struct stage_mount){
				     .kind = STAGE_OVERLAY,
				     .at = volume->mount_point,
				     .lower = volume->lower,
				     .upper = volume->upper,
				     .work = volume->work,
			     });
	return true;
}

struct stage_mount *fill_data_mounts(const struct fill *fill, size_t *ret_count)
{
	struct stage_mount *mounts = NULL;

	*ret_count = 0;
	for (size_t i = 0; i < fill->mount_count; i++)
		if (fill->mounts[i].kind == STAGE_OVERLAY)
			*array_add(mounts, *ret_count) = fill->mounts[i];
	return mounts;
}

/* --- what the stage goes without ------------------------------------------------------------- */

static bool is_covered(const struct fill *fill, const struct data_volume *volume)
{
	for (size_t i = 0; i < fill->volume_count; i++)
		if (!fill->volumes[i].why_not &&
		    path_is_beneath(volume->mount_point, fill->volumes[i].mount_point))
			return true;
	return false;
}

/* Logs and caches of the stage are not for the data: whatever lies below may take them. */
static bool is_passing(const char *mount_point)
{
	enum data_class class = dataclass_of(mount_point);

	return class == DATA_LOG || class == DATA_CACHE || class == DATA_DROP;
}

static char *empty_place(const struct fill *fill, const struct data_volume *volume)
{
	auto_free char *name = flat_name(volume->mount_point);

	return xasprintf("%s/empty/%s", fill->making, name);
}

static bool leave_out(struct fill *fill, const struct data_volume *volume, struct err *err)
{
	auto_free char *empty = empty_place(fill, volume);

	if (is_passing(volume->mount_point)) {
		if (!is_covered(fill, volume))
			fill_add_mount(fill, (struct stage_mount){.kind = STAGE_TMPFS,
								  .at = volume->mount_point});
		return true;
	}
	if (text_equal(PACKAGE_STATE, volume->mount_point) ||
	    path_is_beneath(PACKAGE_STATE, volume->mount_point)) {
		err_set(err, ERR_REFUSED, 0, "%s: packages cannot be changed without it",
			volume->why_not);
		return err_try(err, "sudoedit /etc/fstab");
	}
	if (!fill_make_directories(fill, empty, err))
		return false;
	fill_add_mount(fill, (struct stage_mount){
				     .kind = STAGE_BIND_READ_ONLY,
				     .at = volume->mount_point,
				     .lower = fill_keep(fill, take(empty)),
			     });
	if (*volume->why_not)
		fill_note(fill,
			  "%s: nothing can be put there while the new generation is made, and a "
			  "program that tries fails",
			  volume->why_not);
	return true;
}

/* Where something is mounted in an empty directory, which takes no new names then. */
static bool make_ways(struct fill *fill, const struct data_volume *volume, struct err *err)
{
	auto_free char *empty = empty_place(fill, volume);

	for (size_t i = 0; i < fill->mount_count; i++) {
		const char *at = fill->mounts[i].at;
		auto_free char *way = NULL;

		if (!path_is_beneath(at, volume->mount_point))
			continue;
		way = xasprintf("%s%s", empty, at + strlen(volume->mount_point));
		if (!fill_make_directories(fill, way, err))
			return false;
	}
	return true;
}

/* --- caches ---------------------------------------------------------------------------------- */

char *data_volumes_path(const struct fill *fill, const char *path)
{
	/* the last one that covers it lies on top */
	for (size_t i = fill->volume_count; i > 0; i--) {
		const struct data_volume *volume = &fill->volumes[i - 1];

		if (path_is_beneath(path, volume->mount_point))
			return volume->why_not ? NULL
					       : xasprintf("%s%s", volume->subvolume,
							   path + strlen(volume->mount_point));
	}
	return NULL;
}

static bool is_empty(struct fill *fill, const char *path)
{
	struct host *host = fill->machine->host;
	auto_host_names struct host_names names = {0};

	return host->ops->list(host, VOLUME_POOL, path, &names) < 0 || names.count == 0;
}

/* Shares extents with the running system's files: what it has need not be fetched again. */
static bool seed_cache(struct fill *fill, const char *from, const char *to, struct err *err)
{
	struct host *host = fill->machine->host;
	auto_host_names struct host_names names = {0};
	int r = host->ops->list(host, VOLUME_POOL, from, &names);

	if (r == -ENOENT)
		return true;
	if (!fill_check(r, "list", from, err))
		return false;
	for (size_t i = 0; i < names.count; i++) {
		auto_free char *source = xasprintf("%s/%s", from, names.names[i].name);
		auto_free char *target = xasprintf("%s/%s", to, names.names[i].name);

		if (names.names[i].type != HOST_FILE || text_equal(names.names[i].name, "lock"))
			continue;
		r = host->ops->copy(host, VOLUME_POOL, source, VOLUME_POOL, target);
		/* the running system may renew its lists at this moment */
		if (r != -ENOENT && !fill_check(r, "copy", source, err))
			return false;
	}
	return true;
}

static bool share(struct fill *fill, const struct manager_cache *cache, struct err *err)
{
	struct host *host = fill->machine->host;
	auto_free char *data = data_volumes_path(fill, cache->path);
	auto_free char *own =
		cache->own ? xasprintf(MOULT_DIRECTORY "/cache/%s", cache->own) : NULL;
	struct host_stat stat;

	/* in a root that keeps it itself it is private already */
	if (!data)
		return true;
	if (own && (!fill_make_directories(fill, own, err) ||
		    (is_empty(fill, own) && !seed_cache(fill, data, own, err))))
		return false;
	if (!own &&
	    (host->ops->stat(host, VOLUME_POOL, data, &stat) < 0 || stat.type != HOST_DIRECTORY))
		return true;
	fill_add_mount(fill, (struct stage_mount){
				     .kind = STAGE_BIND,
				     .at = cache->path,
				     .lower = fill_keep(fill, own ? take(own) : take(data)),
			     });
	return true;
}

static bool open_all(struct fill *fill, struct err *err)
{
	for (size_t i = 0; i < fill->volume_count; i++) {
		struct data_volume *volume = &fill->volumes[i];

		if (!volume->why_not && !open_volume(fill, volume, err))
			return false;
		if (volume->why_not && !leave_out(fill, volume, err))
			return false;
	}
	return true;
}

bool data_volumes_open(struct fill *fill, struct err *err)
{
	auto_free char *lowers = xasprintf("%s/data-lower", fill->making);

	if (!seed_open(fill, err) || !data_lines_read(fill, err) ||
	    !fill_make_directories(fill, lowers, err) || !open_all(fill, err))
		return false;
	for (const struct manager_cache *cache = fill->manager ? fill->manager->caches : NULL;
	     cache && cache->path; cache++)
		if (!share(fill, cache, err))
			return false;
	for (size_t i = 0; i < fill->volume_count; i++)
		if (fill->volumes[i].why_not && !make_ways(fill, &fill->volumes[i], err))
			return false;
	return true;
}
