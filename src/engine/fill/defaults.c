/*
 * defaults - new defaults that a package manager left beside the owner's own configuration.
 *
 * They leave /etc for making/new-defaults, where the merge finds them; those that lay there before
 * are the owner's and stay.
 */
#include <errno.h>
#include <string.h>
#include "fill_internal.h"

#define DEPTH_MAX 32

struct walk {
	struct fill *fill;
	bool (*found)(struct fill *fill, const char *path, const char *suffix, struct err *err);
};

static const char *suffix_of(const struct fill *fill, const char *name)
{
	const char *const *suffix = fill->manager ? fill->manager->default_suffixes : NULL;

	for (; suffix && *suffix; suffix++)
		if (text_ends(name, *suffix) && strlen(name) > strlen(*suffix))
			return *suffix;
	return NULL;
}

/* path: inside the root, "etc/…" */
static bool walk(const struct walk *walking, const char *path, unsigned depth, struct err *err)
{
	struct host *host = walking->fill->machine->host;
	auto_free char *directory = xasprintf("%s/%s", walking->fill->root, path);
	auto_host_names struct host_names names = {0};
	int r = depth == 0 ? -ELOOP : host->ops->list(host, VOLUME_POOL, directory, &names);

	if (r == -ENOENT)
		return true;
	if (!fill_check(r, "list", directory, err))
		return false;
	for (size_t i = 0; i < names.count; i++) {
		auto_free char *child = xasprintf("%s/%s", path, names.names[i].name);
		const char *suffix = suffix_of(walking->fill, names.names[i].name);

		if (names.names[i].type == HOST_DIRECTORY) {
			if (!walk(walking, child, depth - 1, err))
				return false;
		} else if (names.names[i].type == HOST_FILE && suffix &&
			   !walking->found(walking->fill, child, suffix, err)) {
			return false;
		}
	}
	return true;
}

static bool stat_default(struct fill *fill, const char *path, struct host_stat *ret,
			 struct err *err)
{
	struct host *host = fill->machine->host;
	auto_free char *on_pool = xasprintf("%s/%s", fill->root, path);

	return fill_check(host->ops->stat(host, VOLUME_POOL, on_pool, ret), "look at", on_pool,
			  err);
}

static bool note(struct fill *fill, const char *path, const char *suffix, struct err *err)
{
	struct left_default *left;
	struct host_stat stat;

	(void)suffix;
	if (!stat_default(fill, path, &stat, err))
		return false;
	left = array_add(fill->defaults, fill->default_count);
	left->path = xstrdup(path);
	left->mtime_sec = stat.mtime_sec;
	left->size_bytes = stat.size_bytes;
	return true;
}

static bool was_there(const struct fill *fill, const char *path, const struct host_stat *stat)
{
	for (size_t i = 0; i < fill->default_count; i++)
		if (text_equal(fill->defaults[i].path, path))
			return fill->defaults[i].mtime_sec == stat->mtime_sec &&
			       fill->defaults[i].size_bytes == stat->size_bytes;
	return false;
}

static bool collect(struct fill *fill, const char *path, const char *suffix, struct err *err)
{
	struct host *host = fill->machine->host;
	auto_free char *from = xasprintf("%s/%s", fill->root, path);
	auto_free char *original = xstrndup(path, strlen(path) - strlen(suffix));
	auto_free char *to = xasprintf("%s/new-defaults/%s", fill->making, original);
	auto_free char *directory = xstrndup(to, (size_t)(strrchr(to, '/') - to));
	struct host_stat stat;

	if (!stat_default(fill, path, &stat, err))
		return false;
	if (was_there(fill, path, &stat))
		return true;
	if (!fill_make_directories(fill, directory, err))
		return false;
	/* a rename within the pool would leave the root's subvolume */
	if (!fill_check(host->ops->copy(host, VOLUME_POOL, from, VOLUME_POOL, to), "copy", from,
			err) ||
	    !fill_check(host->ops->remove(host, VOLUME_POOL, from), "remove", from, err))
		return false;
	fill_note(fill, "/%s stays as you have it; the package brings another default", original);
	return true;
}

bool defaults_note(struct fill *fill, struct err *err)
{
	return walk(&(struct walk){fill, note}, "etc", DEPTH_MAX, err);
}

bool defaults_collect(struct fill *fill, struct err *err)
{
	return walk(&(struct walk){fill, collect}, "etc", DEPTH_MAX, err);
}
