#include "data_places.h"
#include <errno.h>
#include <string.h>
#include "changes.h"
#include "fstab_data.h"
#include "territory.h"

void data_places_done(struct data_places *places)
{
	for (size_t i = 0; i < places->count; i++) {
		free(places->all[i].mount_point);
		free(places->all[i].subvolume);
		free(places->all[i].name);
	}
	free(places->all);
	for (size_t i = 0; i < places->elsewhere_count; i++)
		free(places->elsewhere[i]);
	free(places->elsewhere);
	*places = (struct data_places){0};
}

static bool is_known(const struct data_places *places, const char *subvolume)
{
	for (size_t i = 0; i < places->count; i++)
		if (strcmp(places->all[i].subvolume, subvolume) == 0)
			return true;
	return false;
}

static bool is_own(const char *subvolume)
{
	return text_equal(subvolume, MOULT_DIRECTORY) || text_equal(subvolume, GENS_DIRECTORY) ||
	       text_starts(subvolume, GENS_DIRECTORY "/");
}

static void add_line(struct data_places *places, const struct fstab *fstab,
		     const struct fstab_line *line, const char *uuid)
{
	auto_free char *subvolume = fstab_subvolume(fstab, line, uuid);
	struct data_place *place;

	if (!subvolume || is_own(subvolume) || is_known(places, subvolume) ||
	    territory_is_swap(subvolume, line->mount_point)) {
		*array_add(places->elsewhere, places->elsewhere_count) =
			fstab_plain_mount_point(line);
		return;
	}
	place = array_add(places->all, places->count);
	place->mount_point = fstab_plain_mount_point(line);
	place->name = flat_name(subvolume);
	place->subvolume = take(subvolume);
}

bool data_places_read(struct machine *machine, const char *root, struct data_places *ret,
		      struct err *err)
{
	struct host *host = machine->host;
	auto_host_bytes struct host_bytes bytes = {0};
	auto_fstab struct fstab fstab = {0};
	int r = host->ops->root_read(host, root, "etc/fstab", FSTAB_MAX_BYTES, &bytes);

	if (r == -ENOENT)
		return true;
	if (r < 0)
		return err_set(err, ERR_SYSTEM, -r, "cannot read /etc/fstab");
	if (!fstab_parse("/etc/fstab", bytes.bytes, bytes.length, &fstab, err))
		return false;
	for (size_t i = 0; i < fstab.count; i++)
		if (fstab_is_mounted(&fstab.lines[i]))
			add_line(ret, &fstab, &fstab.lines[i], machine->identity.pool_uuid);
	return true;
}

const struct data_place *data_places_find(const struct data_places *places, const char *word)
{
	auto_free char *absolute = xasprintf("/%s", word + strspn(word, "/"));

	for (size_t i = 0; i < places->count; i++)
		if (strcmp(places->all[i].mount_point, absolute) == 0 ||
		    strcmp(places->all[i].subvolume, word) == 0)
			return &places->all[i];
	return NULL;
}

const struct data_place *data_places_of(const struct data_places *places, const char *path)
{
	const struct data_place *found = NULL;

	for (size_t i = 0; i < places->count; i++) {
		const struct data_place *place = &places->all[i];
		size_t length = strlen(place->mount_point);

		if (text_starts(path, place->mount_point) &&
		    (path[length] == '/' || path[length] == '\0') &&
		    (!found || length > strlen(found->mount_point)))
			found = place;
	}
	return found;
}
