#include "carve.h"
#include <string.h>
#include "changes.h"
#include "fstab.h"
#include "territory.h"
#include "text.h"

#define HOIST ".moult-hoist"

static bool failed(int r, const char *what, const char *path, struct err *err)
{
	if (r >= 0)
		return true;
	return err_set(err, ERR_SYSTEM, -r, "cannot %s %s", what, text_quote(path));
}

/* --- which ---------------------------------------------------------------------------------- */

/* dpkg's lists name every file of a package: one line "/opt/…" is enough. */
static bool package_owns(struct host *host, const char *root, const char *path)
{
	auto_free char *info = xasprintf("%s/var/lib/dpkg/info", root);
	auto_free char *needle = xasprintf("\n/%s/", path);
	auto_host_names struct host_names names = {0};

	if (host->ops->list(host, VOLUME_POOL, info, &names) < 0)
		return false;
	for (size_t i = 0; i < names.count; i++) {
		auto_host_bytes struct host_bytes bytes = {0};
		auto_free char *list = xasprintf("%s/%s", info, names.names[i].name);

		if (text_ends(list, ".list") &&
		    host->ops->read(host, VOLUME_POOL, list, 16 << 20, &bytes) == 0 &&
		    memmem(bytes.bytes, bytes.length, needle, strlen(needle)))
			return true;
	}
	return false;
}

/* A directory of the root that nothing is mounted on: what is, is parted already. */
static bool carve_applies(struct host *host, const char *root, const struct fstab *fstab,
			  const struct data_path *data)
{
	auto_free char *path = xasprintf("%s/%s", root, data->path);
	auto_free char *mount_point = xasprintf("/%s", data->path);
	struct host_stat stat;

	if (host->ops->stat(host, VOLUME_POOL, path, &stat) < 0 || stat.type != HOST_DIRECTORY ||
	    fstab_find(fstab, mount_point))
		return false;
	return !data->if_unowned || !package_owns(host, root, data->path);
}

static bool read_fstab(struct host *host, const char *root, struct fstab *ret, struct err *err)
{
	auto_host_bytes struct host_bytes bytes = {0};
	int r = host->ops->root_read(host, root, "etc/fstab", FSTAB_MAX_BYTES, &bytes);

	return failed(r, "read", "/etc/fstab", err) &&
	       fstab_parse("/etc/fstab", bytes.bytes, bytes.length, ret, err);
}

/* --- hoisting -------------------------------------------------------------------------------- */

/* Removes everything in `directory` but `keep` (NULL = everything). */
static bool empty(struct host *host, const char *directory, const char *keep, struct err *err)
{
	auto_host_names struct host_names names = {0};
	int r = host->ops->list(host, VOLUME_POOL, directory, &names);

	if (r < 0)
		return failed(r, "list", directory, err);
	for (size_t i = 0; i < names.count; i++) {
		auto_free char *path = xasprintf("%s/%s", directory, names.names[i].name);

		if (text_equal(names.names[i].name, keep))
			continue;
		if (names.names[i].type == HOST_DIRECTORY)
			r = host->ops->remove_tree(host, VOLUME_POOL, path);
		else
			r = host->ops->remove(host, VOLUME_POOL, path);
		if (r < 0)
			return failed(r, "remove", path, err);
	}
	return true;
}

/* What is in `from` moves up into `to`. */
static bool move_up(struct host *host, const char *from, const char *to, struct err *err)
{
	auto_host_names struct host_names names = {0};
	int r = host->ops->list(host, VOLUME_POOL, from, &names);

	if (r < 0)
		return failed(r, "list", from, err);
	for (size_t i = 0; i < names.count; i++) {
		auto_free char *source = xasprintf("%s/%s", from, names.names[i].name);
		auto_free char *target = xasprintf("%s/%s", to, names.names[i].name);

		r = host->ops->rename(host, VOLUME_POOL, source, target);
		if (r < 0)
			return failed(r, "move", source, err);
	}
	return true;
}

static bool hoist(struct host *host, const char *subvolume, const char *path, struct err *err)
{
	auto_free char *wanted = xasprintf("%s/%s", subvolume, path);
	auto_free char *aside = xasprintf("%s/" HOIST, subvolume);
	int r = host->ops->rename(host, VOLUME_POOL, wanted, aside);

	if (r < 0)
		return failed(r, "move", wanted, err);
	if (!empty(host, subvolume, HOIST, err) || !move_up(host, aside, subvolume, err))
		return false;
	r = host->ops->copy_attributes(host, aside, subvolume);
	if (r == 0)
		r = host->ops->remove(host, VOLUME_POOL, aside);
	return failed(r, "finish", subvolume, err);
}

static bool carve_one(struct host *host, const char *making, const struct data_path *data,
		      struct err *err)
{
	auto_free char *root = xasprintf("%s/root", making);
	auto_free char *subvolume = xasprintf("%s/carve/%s", making, data->subvolume);
	int r = host->ops->snapshot(host, root, subvolume, false);

	return failed(r, "snapshot", root, err) && hoist(host, subvolume, data->path, err);
}

/* --- package state --------------------------------------------------------------------------- */

static bool make_directories(struct host *host, const char *base, const char *path, struct err *err)
{
	auto_free char *copy = xstrdup(path);

	for (char *slash = copy;; slash++) {
		auto_free char *directory = NULL;
		int r;

		slash = strchr(slash, '/');
		if (slash)
			*slash = '\0';
		directory = xasprintf("%s/%s", base, copy);
		r = host->ops->make_directory(host, VOLUME_POOL, directory, 0755);
		if (r < 0 && r != -EEXIST)
			return failed(r, "make", directory, err);
		if (!slash)
			return true;
		*slash = '/';
	}
}

static char *parent_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? xstrndup(path, (size_t)(slash - path)) : NULL;
}

static bool make_parents(struct host *host, const char *base, const char *path, struct err *err)
{
	auto_free char *parent = parent_of(path);

	return !parent || make_directories(host, base, parent, err);
}

/* "../../usr/lib/sysimage/dpkg" from var/lib: it holds wherever /var is mounted in any root. */
static char *link_target(const struct state_path *state)
{
	struct text text = {0};

	text_add(&text, "../");
	for (const char *c = state->path; *c; c++)
		if (*c == '/')
			text_add(&text, "../");
	text_addf(&text, SYSIMAGE "/%s", state->place);
	return text_take(&text);
}

/* Moves one piece of package state of the root below sysimage, and links to it from the data. */
static bool settle_state(struct host *host, const char *root, const char *var,
			 const struct state_path *state, struct err *err)
{
	auto_free char *sysimage = xasprintf("%s/" SYSIMAGE, root);
	auto_free char *from = xasprintf("%s/var/%s", root, state->path);
	auto_free char *to = xasprintf("%s/%s", sysimage, state->place);
	auto_free char *there = xasprintf("%s/%s", var, state->path);
	auto_free char *target = link_target(state);
	struct host_stat stat;
	int r;

	if (!make_parents(host, sysimage, state->place, err) ||
	    !make_parents(host, var, state->path, err))
		return false;
	r = host->ops->stat(host, VOLUME_POOL, from, &stat);
	if (r == 0)
		r = host->ops->rename(host, VOLUME_POOL, from, to);
	else if (r == -ENOENT && !state->file)
		r = host->ops->make_directory(host, VOLUME_POOL, to, 0755);
	else if (r == -ENOENT)
		r = host->ops->write(host, VOLUME_POOL, to, "", 0);
	if (r < 0 && r != -EEXIST)
		return failed(r, "move", from, err);
	r = host->ops->remove_tree(host, VOLUME_POOL, there);
	if (r == -ENOTDIR)
		r = host->ops->remove(host, VOLUME_POOL, there);
	if (r < 0 && r != -ENOENT)
		return failed(r, "replace", there, err);
	return failed(host->ops->make_symlink(host, VOLUME_POOL, target, there), "link", there,
		      err);
}

static bool settle_states(struct host *host, const char *making, struct err *err)
{
	auto_free char *root = xasprintf("%s/root", making);
	auto_free char *var = xasprintf("%s/carve/@var", making);

	if (!make_directories(host, root, SYSIMAGE, err))
		return false;
	for (size_t i = 0; i < state_path_count; i++)
		if (!settle_state(host, root, var, &state_paths[i], err))
			return false;
	return make_directories(host, var, "lib/moult", err);
}

/* --- the whole ------------------------------------------------------------------------------- */

bool carve_run(struct host *host, const char *making, struct err *err)
{
	ERR_CONTEXT(err, "parting data from the system");
	auto_free char *root = xasprintf("%s/root", making);
	auto_free char *carve = xasprintf("%s/carve", making);
	int r = host->ops->make_directory(host, VOLUME_POOL, carve, 0755);
	auto_fstab struct fstab fstab = {0};
	bool applies[16] = {false};

	if (r < 0 && r != -EEXIST)
		return failed(r, "make", carve, err);
	if (!read_fstab(host, root, &fstab, err))
		return false;
	for (size_t i = 0; i < data_path_count; i++) {
		applies[i] = carve_applies(host, root, &fstab, &data_paths[i]);
		if (applies[i] && !carve_one(host, making, &data_paths[i], err))
			return false;
	}
	if (!settle_states(host, making, err))
		return false;
	for (size_t i = 0; i < data_path_count; i++) {
		auto_free char *path = xasprintf("%s/%s", root, data_paths[i].path);

		if (applies[i] && !empty(host, path, NULL, err))
			return false;
	}
	return true;
}

/* A rename would take the place of an empty one without a word. */
static bool refuse_taken(const char *subvolume, struct err *err)
{
	err_set(err, ERR_REFUSED, 0, "the Btrfs has %s already, which is not moult's",
		text_quote(subvolume));
	return err_try(err, "sudo btrfs subvolume list /");
}

bool carve_place(struct host *host, const char *directory, struct err *err)
{
	auto_free char *carve = xasprintf("%s/carve", directory);
	auto_host_names struct host_names names = {0};
	int r = host->ops->list(host, VOLUME_POOL, carve, &names);

	if (r == -ENOENT)
		return true;
	if (r < 0)
		return failed(r, "list", carve, err);
	for (size_t i = 0; i < names.count; i++) {
		auto_free char *from = xasprintf("%s/%s", carve, names.names[i].name);
		struct host_stat stat;

		r = host->ops->stat(host, VOLUME_POOL, names.names[i].name, &stat);
		if (r == 0)
			return refuse_taken(names.names[i].name, err);
		r = host->ops->rename(host, VOLUME_POOL, from, names.names[i].name);
		if (r < 0)
			return failed(r, "move", from, err);
	}
	return failed(host->ops->remove(host, VOLUME_POOL, carve), "remove", carve, err);
}
