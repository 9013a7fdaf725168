#include "data_keep.h"
#include <errno.h>
#include <string.h>
#include "data_places.h"

#define TAKEN_FORMAT 1
#define TAKEN_MAX_BYTES (256 * 1024)

static char *taken_path(unsigned generation)
{
	char directory[GENERATION_PATH_MAX];

	return xasprintf("%s/data/taken.json", generation_directory(generation, directory));
}

static void tell(struct operation *operation, const struct data_place *place, int r)
{
	if (r == -ETXTBSY)
		operation_note(operation,
			       "%s holds an active swap file, so that there is no snapshot of it "
			       "from before this generation ran; swap files belong into a "
			       "subvolume of their own",
			       place->mount_point);
	else
		operation_note(operation,
			       "there is no snapshot of %s from before this generation ran: %s",
			       place->mount_point, strerror(-r));
}

/* One that is there already is from a first try of this boot, or from an accepted change. */
static void keep_one(struct operation *operation, const struct data_place *place,
		     const char *directory, json_t *volumes)
{
	struct host *host = operation->machine->host;
	auto_free char *to = xasprintf("%s/%s", directory, place->name);
	struct host_stat stat;
	json_t *volume;
	int r = host->ops->stat(host, VOLUME_POOL, to, &stat);

	if (r == -ENOENT)
		r = host->ops->snapshot(host, place->subvolume, to, true);
	/* fstab may name what is not there, and boots without it */
	if (r == -ENOENT || r == -EINVAL)
		return;
	if (r < 0) {
		tell(operation, place, r);
		return;
	}
	volume = json_object();
	json_put_string(volume, "name", place->name);
	json_put_string(volume, "subvolume", place->subvolume);
	json_put_string(volume, "mount_point", place->mount_point);
	json_array_append_new(volumes, volume);
}

static int write_taken(struct operation *operation, unsigned generation, json_t *volumes)
{
	struct host *host = operation->machine->host;
	auto_free char *path = taken_path(generation), *printed = NULL;
	auto_json json_t *document = json_object();
	int r;

	json_object_set_new(document, "format_version", json_integer(TAKEN_FORMAT));
	json_object_set_new(document, "min_reader", json_integer(1));
	json_object_set_new(document, "when",
			    json_integer(host->ops->clock(host, HOST_CLOCK_REAL_SEC)));
	json_object_set(document, "volumes", volumes);
	printed = json_print(document);
	r = host->ops->write(host, VOLUME_POOL, path, printed, strlen(printed));
	return r < 0 ? r : host->ops->sync(host, VOLUME_POOL);
}

static bool is_taken(struct operation *operation, unsigned generation)
{
	struct host *host = operation->machine->host;
	auto_free char *path = taken_path(generation);
	struct host_stat stat;

	return host->ops->stat(host, VOLUME_POOL, path, &stat) == 0 && stat.size_bytes > 0;
}

static void keep_all(struct operation *operation, unsigned generation,
		     const struct data_places *places)
{
	struct host *host = operation->machine->host;
	char top[GENERATION_PATH_MAX];
	auto_free char *directory = xasprintf("%s/data", generation_directory(generation, top));
	auto_json json_t *volumes = json_array();
	int r = host->ops->make_directory(host, VOLUME_POOL, directory, 0755);

	for (size_t i = 0; (r == 0 || r == -EEXIST) && i < places->count; i++)
		keep_one(operation, &places->all[i], directory, volumes);
	if (r == 0 || r == -EEXIST)
		r = write_taken(operation, generation, volumes);
	if (r < 0)
		operation_note(operation,
			       "the data as it was before generation %u ran is not kept as it "
			       "should be: %s",
			       generation, strerror(-r));
}

bool data_keep(struct operation *operation, unsigned generation, struct err *err)
{
	struct machine *machine = operation->machine;
	const struct generation *gen = listing_find(&machine->listing, generation);
	auto_data_places struct data_places places = {0};
	char root[GENERATION_PATH_MAX];

	/* before generation 1 there is only the original, which has its own */
	if (!gen || gen->damage || gen->parent <= 0 || is_taken(operation, generation))
		return true;
	if (!data_places_read(machine, generation_root(gen, root), &places, err))
		return operation_forgive(operation, "the data as it was is not kept", err);
	keep_all(operation, generation, &places);
	return true;
}

char *data_kept(const struct listing *listing, unsigned generation, const char *name)
{
	char directory[GENERATION_PATH_MAX];
	auto_free char *path =
		xasprintf("%s/data/%s", generation_directory(generation, directory), name);

	return listing_has_subvolume(listing, path) ? take(path) : NULL;
}

int64_t data_kept_when(struct machine *machine, unsigned generation)
{
	struct host *host = machine->host;
	auto_free char *path = taken_path(generation);
	auto_host_bytes struct host_bytes bytes = {0};
	auto_json json_t *document = NULL;
	struct err unused = {0};
	uint64_t when = 0;

	if (host->ops->read(host, VOLUME_POOL, path, TAKEN_MAX_BYTES, &bytes) < 0)
		return 0;
	document = json_parse_object(path, bytes.bytes, bytes.length, &unused);
	if (!document || !json_get_u64(document, "when", 0, &when, &unused))
		return 0;
	return (int64_t)when;
}
