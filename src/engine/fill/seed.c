/*
 * seed - what a base that was never booted was going to put into the data.
 *
 * The stage must see it, as if the base had been booted first, and the new generation must bring
 * it, for the base may never be booted. So it lies in the upper directories before the stage's
 * programs run: what they do with it the overlay sorts out. It is laid there by the rules of
 * replay.c: nothing that the data has by now is hidden, accepted changes excepted. What those
 * remove is taken out of the snapshot below, for an upper directory would say it by whiteouts.
 */
#include <errno.h>
#include "fill_internal.h"
#include "replay.h"

#define DEPTH_MAX 128

struct seed {
	struct fill *fill;
	const json_t *changes;
	const char *from, *to;
	const char *below; /* the snapshot; NULL = nothing is below */
};

static struct host *host_of(const struct seed *seed)
{
	return seed->fill->machine->host;
}

/* --- walking --------------------------------------------------------------------------------- */

static bool lay_children(struct seed *seed, const char *path, unsigned depth, struct err *err);

/* What the data has there by now. */
static bool look_below(const struct seed *seed, const char *path, struct host_stat *ret,
		       bool *ret_there, struct err *err)
{
	struct host *host = host_of(seed);
	auto_free char *below = seed->below ? xasprintf("%s/%s", seed->below, path) : NULL;
	int r = below ? host->ops->stat(host, VOLUME_POOL, below, ret) : -ENOENT;

	*ret_there = r == 0;
	return r == -ENOENT || fill_check(r, "look at", path, err);
}

/* A directory that is there already is only the way to what is new in it. */
static bool lay_directory(struct seed *seed, const char *path, unsigned depth, struct err *err)
{
	struct host *host = host_of(seed);
	auto_free char *from = xasprintf("%s/%s", seed->from, path);
	auto_free char *to = xasprintf("%s/%s", seed->to, path);
	auto_free char *below = seed->below ? xasprintf("%s/%s", seed->below, path) : NULL;
	const char *attributes = from;
	struct host_stat stat;
	bool there;

	if (!look_below(seed, path, &stat, &there, err))
		return false;
	if (there && stat.type != HOST_DIRECTORY)
		return true;
	if (there && !replay_change_of(seed->changes, path))
		attributes = below;
	return fill_check(host->ops->make_directory(host, VOLUME_POOL, to, 0700), "make", to,
			  err) &&
	       lay_children(seed, path, depth, err) &&
	       fill_check(host->ops->copy_attributes(host, attributes, to),
			  "copy the attributes of", attributes, err);
}

static bool lay_file(struct seed *seed, const char *path, struct err *err)
{
	struct host *host = host_of(seed);
	auto_free char *from = xasprintf("%s/%s", seed->from, path);
	auto_free char *to = xasprintf("%s/%s", seed->to, path);
	struct host_stat stat;
	bool there;

	if (!look_below(seed, path, &stat, &there, err))
		return false;
	if (there && (stat.type == HOST_DIRECTORY || !replay_change_of(seed->changes, path)))
		return true;
	return fill_check(host->ops->copy(host, VOLUME_POOL, from, VOLUME_POOL, to), "copy", from,
			  err);
}

/* path: below the trees, "" = all of it */
static bool lay_children(struct seed *seed, const char *path, unsigned depth, struct err *err)
{
	struct host *host = host_of(seed);
	auto_free char *directory = xasprintf("%s%s%s", seed->from, *path ? "/" : "", path);
	auto_host_names struct host_names names = {0};
	int r = depth == 0 ? -ELOOP : host->ops->list(host, VOLUME_POOL, directory, &names);

	if (!fill_check(r, "list", directory, err))
		return false;
	for (size_t i = 0; i < names.count; i++) {
		auto_free char *child =
			xasprintf("%s%s%s", path, *path ? "/" : "", names.names[i].name);

		if (names.names[i].type == HOST_DIRECTORY
			    ? !lay_directory(seed, child, depth - 1, err)
			    : !lay_file(seed, child, err))
			return false;
	}
	return true;
}

static bool lay_tree(struct seed *seed, struct err *err)
{
	struct host *host = host_of(seed);
	struct host_stat stat;
	int r = host->ops->stat(host, VOLUME_POOL, seed->from, &stat);

	return r == -ENOENT || (fill_check(r, "look at", seed->from, err) &&
				lay_children(seed, "", DEPTH_MAX, err));
}

/* --- volumes --------------------------------------------------------------------------------- */

bool seed_open(struct fill *fill, struct err *err)
{
	return !fill->base || replay_pending(fill->machine, fill->base, &fill->base_replay, err);
}

static char *tree_of(const struct fill *fill, const struct replay_volume *volume)
{
	return xasprintf("%s/replay/%s", fill->base, volume->name);
}

bool seed_find(struct fill *fill, struct data_volume *volume, struct err *err)
{
	for (size_t i = 0; i < json_array_size(fill->base_replay); i++) {
		struct replay_volume found;

		if (!replay_volume_read(json_array_get(fill->base_replay, i), &found, err))
			return false;
		if (!text_equal(found.subvolume, volume->subvolume))
			continue;
		volume->seed = tree_of(fill, &found);
		volume->seed_changes = json_incref((json_t *)(uintptr_t)found.changes);
		return true;
	}
	return true;
}

bool seed_volume(struct fill *fill, const struct data_volume *volume, struct err *err)
{
	struct seed seed = {
		.fill = fill,
		.changes = volume->seed_changes,
		.from = volume->seed,
		.to = volume->upper,
		.below = volume->lower,
	};

	return !volume->seed ||
	       (replay_remove_accepted(fill->machine, volume->seed_changes, volume->lower, err) &&
		lay_tree(&seed, err));
}

/* Those that change something are found again beside the data; these have left nothing to find. */
json_t *seed_removed(const struct data_volume *volume)
{
	json_t *removed = json_array(), *change;
	size_t i;

	json_array_foreach(volume->seed_changes, i, change)
	{
		if (text_equal(json_string_value(json_object_get(change, "kind")), "removed"))
			json_array_append(removed, change);
	}
	return removed;
}

static bool was_in_stage(const struct fill *fill, const struct replay_volume *volume)
{
	for (size_t i = 0; i < fill->volume_count; i++)
		if (!fill->volumes[i].why_not &&
		    text_equal(fill->volumes[i].subvolume, volume->subvolume))
			return true;
	return false;
}

static bool pass_on(struct fill *fill, const struct replay_volume *volume, struct err *err)
{
	struct host *host = fill->machine->host;
	auto_free char *from = tree_of(fill, volume);
	auto_free char *to = xasprintf("%s/replay/%s", fill->making, volume->name);
	struct seed seed = {.fill = fill, .from = from, .to = to};

	return fill_check(host->ops->make_directory(host, VOLUME_POOL, to, 0755), "make", to,
			  err) &&
	       lay_tree(&seed, err);
}

bool seed_pass_on(struct fill *fill, json_t *replay, struct err *err)
{
	struct host *host = fill->machine->host;

	for (size_t i = 0; i < json_array_size(fill->base_replay); i++) {
		json_t *element = json_array_get(fill->base_replay, i);
		struct replay_volume volume;
		struct host_stat stat;

		if (!replay_volume_read(element, &volume, err))
			return false;
		/* a subvolume that is gone takes nothing any more */
		if (was_in_stage(fill, &volume) ||
		    host->ops->stat(host, VOLUME_POOL, volume.subvolume, &stat) == -ENOENT)
			continue;
		if (!pass_on(fill, &volume, err))
			return false;
		json_array_append(replay, element);
	}
	return true;
}
