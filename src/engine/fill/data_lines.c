/*
 * data_lines - which lines of the copy's fstab mount data, and whether the stage can have it.
 *
 * What is data is what they mount by subvol= from the pool, moult's state excepted. What they mount
 * at a data path from elsewhere cannot be snapshotted, so the stage goes without it.
 */
#include <errno.h>
#include <string.h>
#include "changes.h"
#include "fill_internal.h"
#include "fstab_data.h"
#include "territory.h"

void data_volume_done(struct data_volume *volume)
{
	free(volume->name);
	free(volume->subvolume);
	free(volume->mount_point);
	free(volume->lower);
	free(volume->upper);
	free(volume->work);
	free(volume->why_not);
	free(volume->seed);
	json_decref(volume->seed_changes);
	*volume = (struct data_volume){0};
}

bool path_is_beneath(const char *path, const char *top)
{
	size_t length = strlen(top);

	return text_starts(path, top) && path[length] == '/';
}

/* --- lines ----------------------------------------------------------------------------------- */

/* Whether it hides a data path, or a part of one. What lies in memory is gone at a boot anyway. */
static bool hides_data(const struct fstab_line *line)
{
	static const char *const in_memory[] = {"tmpfs", "ramfs"};

	for (size_t i = 0; i < COUNT(in_memory); i++)
		if (text_equal(line->type, in_memory[i]))
			return false;
	for (size_t i = 0; i < data_path_count; i++) {
		auto_free char *top = xasprintf("/%s", data_paths[i].path);

		if (text_equal(line->mount_point, top) || path_is_beneath(line->mount_point, top))
			return true;
	}
	return false;
}

/* --- volumes --------------------------------------------------------------------------------- */

static const struct data_volume *find_known(const struct fill *fill, const char *subvolume)
{
	for (size_t i = 0; i < fill->volume_count; i++)
		if (text_equal(fill->volumes[i].subvolume, subvolume))
			return &fill->volumes[i];
	return NULL;
}

static struct data_volume *add_volume(struct fill *fill, const struct fstab_line *line)
{
	struct data_volume *volume = array_add(fill->volumes, fill->volume_count);

	volume->mount_point = fstab_plain_mount_point(line);
	volume->may_miss = fstab_may_miss(line);
	return volume;
}

static void name_volume(struct fill *fill, struct data_volume *volume, const char *subvolume)
{
	volume->name = flat_name(subvolume);
	volume->subvolume = xstrdup(subvolume);
	volume->lower = xasprintf("%s/data-lower/%s", fill->making, volume->name);
	volume->upper = xasprintf("%s/overlay/%s/upper", fill->making, volume->name);
	volume->work = xasprintf("%s/overlay/%s/work", fill->making, volume->name);
}

static void read_line(struct fill *fill, const struct fstab *fstab, const struct fstab_line *line)
{
	auto_free char *subvolume = fstab_subvolume(fstab, line, fill->machine->identity.pool_uuid);
	const struct data_volume *known = subvolume ? find_known(fill, subvolume) : NULL;

	if (text_equal(subvolume, MOULT_DIRECTORY) || (!subvolume && !hides_data(line)))
		return;
	if (subvolume && !known)
		name_volume(fill, add_volume(fill, line), subvolume);
	else if (known)
		add_volume(fill, line)->why_not = xasprintf(
			"line %u of /etc/fstab mounts %s on %s, which is on %s already",
			line->number, text_quote(subvolume), line->mount_point, known->mount_point);
	else
		add_volume(fill, line)->why_not =
			xasprintf("line %u of /etc/fstab mounts %s on %s, which is no subvolume of "
				  "this Btrfs by its name",
				  line->number, text_quote(line->device), line->mount_point);
}

static int by_mount_point(const void *a, const void *b)
{
	const struct data_volume *first = a, *second = b;

	return strcmp(first->mount_point, second->mount_point);
}

bool data_lines_read(struct fill *fill, struct err *err)
{
	struct host *host = fill->machine->host;
	auto_host_bytes struct host_bytes bytes = {0};
	auto_fstab struct fstab fstab = {0};
	int r = host->ops->root_read(host, fill->root, "/etc/fstab", FSTAB_MAX_BYTES, &bytes);

	if (r == -ENOENT)
		return true;
	if (!fill_check(r, "read", "the copy's /etc/fstab", err) ||
	    !fstab_parse("/etc/fstab", bytes.bytes, bytes.length, &fstab, err))
		return false;
	for (size_t i = 0; i < fstab.count; i++)
		if (fstab_is_mounted(&fstab.lines[i]))
			read_line(fill, &fstab, &fstab.lines[i]);
	if (fill->volume_count > 0)
		qsort(fill->volumes, fill->volume_count, sizeof(*fill->volumes), by_mount_point);
	return true;
}
