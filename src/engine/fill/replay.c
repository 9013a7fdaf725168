#include "replay.h"
#include <errno.h>
#include <string.h>

#define REPLAY_MAX_BYTES (16 * 1024 * 1024)
#define REPLAY_FORMAT 1
#define DEPTH_MAX 128
#define TEMPORARY ".moult-replay"

struct replay {
	struct machine *machine;
	const char *directory; /* @gens/7 */
	struct replay_volume volume;
};

static bool check(int r, const char *verb, const char *path, struct err *err)
{
	return r >= 0 || err_set(err, ERR_SYSTEM, -r, "cannot %s %s", verb, text_quote(path));
}

/* --- the document ---------------------------------------------------------------------------- */

json_t *replay_describe(const struct data_volume *volume, json_t *changes)
{
	json_t *object = json_object();

	json_put_string(object, "name", volume->name);
	json_put_string(object, "subvolume", volume->subvolume);
	json_put_string(object, "mount_point", volume->mount_point);
	json_object_set(object, "changes", changes);
	return object;
}

json_t *replay_document(json_t *volumes)
{
	json_t *document = json_object();

	json_object_set_new(document, "format_version", json_integer(REPLAY_FORMAT));
	json_object_set_new(document, "min_reader", json_integer(REPLAY_FORMAT));
	json_object_set(document, "volumes", volumes);
	return document;
}

static bool read_document(struct machine *machine, const char *path, json_t **ret, struct err *err)
{
	struct host *host = machine->host;
	auto_host_bytes struct host_bytes bytes = {0};
	auto_json json_t *document = NULL;
	uint64_t min_reader;
	int r = host->ops->read(host, VOLUME_POOL, path, REPLAY_MAX_BYTES, &bytes);

	if (r < 0)
		return err_set(err, r == -ENOENT ? ERR_CORRUPT : ERR_SYSTEM, -r, "cannot read %s",
			       text_quote(path));
	document = json_parse_object(path, bytes.bytes, bytes.length, err);
	if (!document || !json_get_u64(document, "min_reader", 1, &min_reader, err))
		return false;
	if (min_reader > REPLAY_FORMAT)
		return err_set(err, ERR_REFUSED, 0, "%s needs a newer moult", text_quote(path));
	*ret = take(document);
	return true;
}

bool replay_volume_read(const json_t *element, struct replay_volume *ret, struct err *err)
{
	json_t *changes;

	if (!json_get_string(element, "name", "", &ret->name, err) ||
	    !json_get_string(element, "subvolume", "", &ret->subvolume, err) ||
	    !json_get_array(element, "changes", &changes, err))
		return false;
	if (*ret->name == '\0' || strchr(ret->name, '/') || *ret->subvolume == '\0')
		return err_set(err, ERR_CORRUPT, 0, "replay.json names no data subvolume");
	ret->changes = changes;
	return true;
}

bool replay_pending(struct machine *machine, const char *directory, json_t **ret, struct err *err)
{
	auto_free char *tree = xasprintf("%s/replay", directory);
	auto_free char *path = xasprintf("%s/replay.json", directory);
	auto_json json_t *document = NULL;
	json_t *volumes;
	struct host_stat stat;
	int r = machine->host->ops->stat(machine->host, VOLUME_POOL, tree, &stat);

	*ret = NULL;
	/* the rename that ends it */
	if (r == -ENOENT)
		return true;
	if (!check(r, "look at", tree, err) || !read_document(machine, path, &document, err) ||
	    !json_get_array(document, "volumes", &volumes, err))
		return false;
	*ret = volumes ? json_incref(volumes) : json_array();
	return true;
}

const char *replay_change_of(const json_t *changes, const char *path)
{
	size_t i;
	json_t *change;

	json_array_foreach((json_t *)(uintptr_t)changes, i, change)
	{
		if (text_equal(json_string_value(json_object_get(change, "path")), path))
			return json_string_value(json_object_get(change, "kind"));
	}
	return NULL;
}

/* --- effects --------------------------------------------------------------------------------- */

static bool clear(struct machine *machine, const char *path, struct err *err)
{
	struct host *host = machine->host;
	int r = host->ops->remove_tree(host, VOLUME_POOL, path);

	if (r == -ENOTDIR)
		r = host->ops->remove(host, VOLUME_POOL, path);
	return r == -ENOENT || check(r, "remove", path, err);
}

/* Complete under another name first: a name that exists counts as done. */
static bool put_file(struct replay *replay, const char *from, const char *to, struct err *err)
{
	struct host *host = replay->machine->host;
	auto_free char *temporary = xasprintf("%s/" TEMPORARY, replay->volume.subvolume);

	return clear(replay->machine, temporary, err) &&
	       check(host->ops->copy(host, VOLUME_POOL, from, VOLUME_POOL, temporary), "copy", from,
		     err) &&
	       check(host->ops->rename(host, VOLUME_POOL, temporary, to), "rename to", to, err);
}

static bool put_directory(struct replay *replay, const char *from, const char *to, struct err *err)
{
	struct host *host = replay->machine->host;
	auto_free char *temporary = xasprintf("%s/" TEMPORARY, replay->volume.subvolume);

	return clear(replay->machine, temporary, err) &&
	       check(host->ops->make_directory(host, VOLUME_POOL, temporary, 0700), "make",
		     temporary, err) &&
	       check(host->ops->copy_attributes(host, from, temporary), "copy the attributes of",
		     from, err) &&
	       check(host->ops->rename(host, VOLUME_POOL, temporary, to), "rename to", to, err);
}

/* --- merging --------------------------------------------------------------------------------- */

static bool merge(struct replay *replay, const char *path, unsigned depth, struct err *err);

static bool merge_directory(struct replay *replay, const char *path, unsigned depth,
			    struct err *err)
{
	struct host *host = replay->machine->host;
	auto_free char *from =
		xasprintf("%s/replay/%s/%s", replay->directory, replay->volume.name, path);
	auto_free char *to = xasprintf("%s/%s", replay->volume.subvolume, path);
	struct host_stat there;
	int r = host->ops->stat(host, VOLUME_POOL, to, &there);

	if (r == -ENOENT) {
		if (!put_directory(replay, from, to, err))
			return false;
	} else if (!check(r, "look at", to, err)) {
		return false;
	} else if (there.type != HOST_DIRECTORY) {
		return true; /* something else of that name is the machine's own by now */
	} else if (replay_change_of(replay->volume.changes, path) &&
		   !check(host->ops->copy_attributes(host, from, to), "change", to, err)) {
		return false;
	}
	return merge(replay, path, depth, err);
}

static bool merge_file(struct replay *replay, const char *path, struct err *err)
{
	struct host *host = replay->machine->host;
	auto_free char *from =
		xasprintf("%s/replay/%s/%s", replay->directory, replay->volume.name, path);
	auto_free char *to = xasprintf("%s/%s", replay->volume.subvolume, path);
	struct host_stat there;
	int r = host->ops->stat(host, VOLUME_POOL, to, &there);

	if (r == 0 &&
	    (there.type == HOST_DIRECTORY || !replay_change_of(replay->volume.changes, path)))
		return true;
	if (r != -ENOENT && !check(r, "look at", to, err))
		return false;
	return put_file(replay, from, to, err);
}

/* path: below the volume, "" = all of it */
static bool merge(struct replay *replay, const char *path, unsigned depth, struct err *err)
{
	struct host *host = replay->machine->host;
	auto_free char *directory = xasprintf("%s/replay/%s%s%s", replay->directory,
					      replay->volume.name, *path ? "/" : "", path);
	auto_host_names struct host_names names = {0};
	int r = depth == 0 ? -ELOOP : host->ops->list(host, VOLUME_POOL, directory, &names);

	if (!check(r, "list", directory, err))
		return false;
	for (size_t i = 0; i < names.count; i++) {
		auto_free char *child =
			xasprintf("%s%s%s", path, *path ? "/" : "", names.names[i].name);
		bool done = names.names[i].type == HOST_DIRECTORY
				    ? merge_directory(replay, child, depth - 1, err)
				    : merge_file(replay, child, err);

		if (!done)
			return false;
	}
	return true;
}

/* --- accepted changes ------------------------------------------------------------------------ */

/* Data as it was: made once, before the first change. */
static bool keep_data(struct replay *replay, struct err *err)
{
	struct host *host = replay->machine->host;
	auto_free char *directory = xasprintf("%s/data", replay->directory);
	auto_free char *to = xasprintf("%s/%s", directory, replay->volume.name);
	struct host_stat stat;
	int r;

	if (host->ops->stat(host, VOLUME_POOL, to, &stat) == 0)
		return true;
	r = host->ops->make_directory(host, VOLUME_POOL, directory, 0755);
	if (r != -EEXIST && !check(r, "make", directory, err))
		return false;
	return check(host->ops->snapshot(host, replay->volume.subvolume, to, true), "snapshot",
		     replay->volume.subvolume, err);
}

bool replay_remove_accepted(struct machine *machine, const json_t *changes, const char *top,
			    struct err *err)
{
	size_t i;
	json_t *change;

	json_array_foreach((json_t *)(uintptr_t)changes, i, change)
	{
		const char *path = json_string_value(json_object_get(change, "path"));
		const char *kind = json_string_value(json_object_get(change, "kind"));
		auto_free char *to = NULL;

		if (!path || *path == '\0' || !text_equal(kind, "removed"))
			continue;
		to = xasprintf("%s/%s", top, path);
		if (!clear(machine, to, err))
			return false;
	}
	return true;
}

/* --- all ------------------------------------------------------------------------------------- */

static bool replay_one(struct replay *replay, struct err *err)
{
	struct host *host = replay->machine->host;
	const struct replay_volume *volume = &replay->volume;
	auto_free char *tree = xasprintf("%s/replay/%s", replay->directory, volume->name);
	struct host_stat stat;

	if (json_array_size(volume->changes) > 0 &&
	    (!keep_data(replay, err) ||
	     !replay_remove_accepted(replay->machine, volume->changes, volume->subvolume, err)))
		return false;
	if (host->ops->stat(host, VOLUME_POOL, tree, &stat) == -ENOENT)
		return true;
	return merge(replay, "", DEPTH_MAX, err);
}

static bool finish(struct replay *replay, struct err *err)
{
	struct host *host = replay->machine->host;
	auto_free char *from = xasprintf("%s/replay", replay->directory);
	auto_free char *to = xasprintf("%s/replay.done", replay->directory);

	/* what starts now may sync its own files alone, and must not find this done again */
	return check(host->ops->rename(host, VOLUME_POOL, from, to), "rename", from, err) &&
	       check(host->ops->sync(host, VOLUME_POOL), "sync", from, err);
}

bool replay_run(struct machine *machine, unsigned generation, struct err *err)
{
	char directory[GENERATION_PATH_MAX];
	struct replay replay = {.machine = machine,
				.directory = generation_directory(generation, directory)};
	auto_json json_t *volumes = NULL;

	ERR_CONTEXT(err, "cannot add what generation %u brings for the data", generation);

	if (!replay_pending(machine, directory, &volumes, err))
		return false;
	if (!volumes)
		return true;
	for (size_t i = 0; i < json_array_size(volumes); i++)
		if (!replay_volume_read(json_array_get(volumes, i), &replay.volume, err) ||
		    !replay_one(&replay, err))
			return false;
	return finish(&replay, err);
}
