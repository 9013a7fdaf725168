/*
 * data_volumes - the machine's data as the stage sees it: overlays above read-only snapshots.
 *
 * What is data is what the copy's own fstab mounts by subvol= from the pool, moult's state
 * excepted. Download caches are the exception the other way: the running system's own directory
 * lies above the overlay, so that nothing is fetched twice.
 */
#include <errno.h>
#include <string.h>
#include "changes.h"
#include "fill_internal.h"
#include "fstab.h"

void data_volume_done(struct data_volume *volume)
{
	free(volume->name);
	free(volume->subvolume);
	free(volume->mount_point);
	free(volume->lower);
	free(volume->upper);
	free(volume->work);
	*volume = (struct data_volume){0};
}

/* --- which ----------------------------------------------------------------------------------- */

static bool known(const struct fill *fill, const char *subvolume)
{
	for (size_t i = 0; i < fill->volume_count; i++)
		if (text_equal(fill->volumes[i].subvolume, subvolume))
			return true;
	return false;
}

static char *flat_name(const char *subvolume)
{
	char *name = xstrdup(subvolume);

	for (char *c = name; *c; c++)
		*c = *c == '/' ? '!' : *c;
	return name;
}

static char *without_slash_at_end(const char *mount_point)
{
	size_t length = strlen(mount_point);

	while (length > 1 && mount_point[length - 1] == '/')
		length--;
	return xstrndup(mount_point, length);
}

static void add_volume(struct fill *fill, const char *subvolume, const char *mount_point)
{
	struct data_volume *volume = array_add(fill->volumes, fill->volume_count);

	volume->name = flat_name(subvolume);
	volume->subvolume = xstrdup(subvolume);
	volume->mount_point = without_slash_at_end(mount_point);
	volume->lower = xasprintf("%s/data-lower/%s", fill->making, volume->name);
	volume->upper = xasprintf("%s/overlay/%s/upper", fill->making, volume->name);
	volume->work = xasprintf("%s/overlay/%s/work", fill->making, volume->name);
}

static int by_mount_point(const void *a, const void *b)
{
	const struct data_volume *first = a, *second = b;

	return strcmp(first->mount_point, second->mount_point);
}

static bool find_volumes(struct fill *fill, struct err *err)
{
	struct host *host = fill->machine->host;
	const char *uuid = fill->machine->identity.pool_uuid;
	auto_host_bytes struct host_bytes bytes = {0};
	auto_fstab struct fstab fstab = {0};
	int r = host->ops->root_read(host, fill->root, "/etc/fstab", FSTAB_MAX_BYTES, &bytes);

	if (r == -ENOENT)
		return true;
	if (!fill_check(r, "read", "the copy's /etc/fstab", err) ||
	    !fstab_parse("/etc/fstab", bytes.bytes, bytes.length, &fstab, err))
		return false;
	for (size_t i = 0; i < fstab.count; i++) {
		const struct fstab_line *line = &fstab.lines[i];
		auto_free char *option = line->type ? fstab_option(line, "subvol") : NULL;
		const char *subvolume = option ? option + strspn(option, "/") : "";

		if (!text_equal(line->type, "btrfs") || *subvolume == '\0' ||
		    line->mount_point[0] != '/' || text_equal(line->mount_point, "/") ||
		    text_equal(subvolume, MOULT_DIRECTORY) || known(fill, subvolume) ||
		    (uuid && !fstab_is_on(&fstab, line, uuid)))
			continue;
		add_volume(fill, subvolume, line->mount_point);
	}
	if (fill->volume_count > 0)
		qsort(fill->volumes, fill->volume_count, sizeof(*fill->volumes), by_mount_point);
	return true;
}

/* --- overlays -------------------------------------------------------------------------------- */

static bool snapshot(struct fill *fill, const struct data_volume *volume, bool *ret_usable,
		     struct err *err)
{
	struct host *host = fill->machine->host;
	int r = host->ops->snapshot(host, volume->subvolume, volume->lower, true);

	/* a subvolume with active swap cannot be copied, and has nothing for package scripts */
	*ret_usable = r != -ETXTBSY;
	if (r == 0 || r == -ETXTBSY)
		return true;
	if (r != -ENOENT)
		return fill_check(r, "snapshot", volume->subvolume, err);
	err_set(err, ERR_REFUSED, 0,
		"the data subvolume %s that /etc/fstab mounts at %s is not on this disk",
		text_quote(volume->subvolume), volume->mount_point);
	return err_try(err, "sudo moult check");
}

static bool open_volume(struct fill *fill, const struct data_volume *volume, struct err *err)
{
	struct host *host = fill->machine->host;
	bool usable;

	if (!snapshot(fill, volume, &usable, err))
		return false;
	if (!usable)
		return true;
	if (!fill_make_directories(fill, volume->upper, err) ||
	    !fill_make_directories(fill, volume->work, err))
		return false;
	/* the upper directory is what the mount point itself looks like */
	if (!fill_check(host->ops->copy_attributes(host, volume->lower, volume->upper),
			"copy the attributes of", volume->lower, err))
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

/* --- caches ---------------------------------------------------------------------------------- */

char *data_volumes_path(const struct fill *fill, const char *path)
{
	/* the last one that covers it lies on top */
	for (size_t i = fill->volume_count; i > 0; i--) {
		const struct data_volume *volume = &fill->volumes[i - 1];
		size_t length = strlen(volume->mount_point);

		if (text_starts(path, volume->mount_point) && path[length] == '/')
			return xasprintf("%s%s", volume->subvolume, path + length);
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
static bool seed(struct fill *fill, const char *from, const char *to, struct err *err)
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
		    (is_empty(fill, own) && !seed(fill, data, own, err))))
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

bool data_volumes_open(struct fill *fill, struct err *err)
{
	auto_free char *lowers = xasprintf("%s/data-lower", fill->making);

	if (!find_volumes(fill, err) || !fill_make_directories(fill, lowers, err))
		return false;
	for (size_t i = 0; i < fill->volume_count; i++)
		if (!open_volume(fill, &fill->volumes[i], err))
			return false;
	for (const struct manager_cache *cache = fill->manager ? fill->manager->caches : NULL;
	     cache && cache->path; cache++)
		if (!share(fill, cache, err))
			return false;
	return true;
}
