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

/*
 * Where a snapshot was made of a root with a subvolume in it, an empty directory is left of that
 * subvolume, which cannot be renamed: it is the one thing that a rename into a directory of ours
 * meets this error for.
 */
static int move(struct host *host, const char *from, const char *to)
{
	int r = host->ops->rename(host, VOLUME_POOL, from, to);

	return r == -ENOTEMPTY ? host->ops->remove(host, VOLUME_POOL, from) : r;
}

/* Everything in `from`, but what is named there like one of our own, goes into `to`. */
static bool move_all(struct host *host, const char *from, const char *to, struct err *err)
{
	auto_host_names struct host_names names = {0};
	int r = host->ops->list(host, VOLUME_POOL, from, &names);

	if (r < 0)
		return failed(r, "list", from, err);
	for (size_t i = 0; i < names.count; i++) {
		const char *name = names.names[i].name;
		auto_free char *source = xasprintf("%s/%s", from, name);
		auto_free char *target = xasprintf("%s/%s", to, name);

		if (text_equal(name, HOIST) || text_equal(name, CARVE_REST))
			continue;
		r = move(host, source, target);
		if (r < 0)
			return failed(r, "move", source, err);
	}
	return true;
}

static bool make_directory(struct host *host, const char *path, mode_t mode, struct err *err)
{
	int r = host->ops->make_directory(host, VOLUME_POOL, path, mode);

	return r == -EEXIST || failed(r, "make", path, err);
}

/* What is not wanted goes out of sight at once; to delete it takes a time that grows with the system. */
static bool hoist(struct host *host, const char *subvolume, const char *path, struct err *err)
{
	auto_free char *wanted = xasprintf("%s/%s", subvolume, path);
	auto_free char *aside = xasprintf("%s/" HOIST, subvolume);
	auto_free char *rest = xasprintf("%s/" CARVE_REST, subvolume);
	int r = host->ops->rename(host, VOLUME_POOL, wanted, aside);

	if (r < 0)
		return failed(r, "move", wanted, err);
	if (!make_directory(host, rest, 0700, err) || !move_all(host, subvolume, rest, err) ||
	    !move_all(host, aside, subvolume, err))
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
	struct host_stat stat, moved;
	int r;

	if (!make_parents(host, sysimage, state->place, err) ||
	    !make_parents(host, var, state->path, err))
		return false;
	r = host->ops->stat(host, VOLUME_POOL, from, &stat);
	if (r == 0)
		r = host->ops->rename(host, VOLUME_POOL, from, to);
	else if (r == -ENOENT && host->ops->stat(host, VOLUME_POOL, to, &moved) == 0)
		r = 0;
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

/* --- subvolumes in the root ------------------------------------------------------------------ */

/* A machine, a container's layer: in the data it has its place, in the root it would be in the way. */
static bool move_nested(struct host *host, const char *nested, const char *to, struct err *err)
{
	int r = host->ops->remove(host, VOLUME_POOL, to);

	if (r < 0 && r != -ENOENT)
		return failed(r, "replace", to, err);
	return failed(host->ops->rename(host, VOLUME_POOL, nested, to), "move", nested, err);
}

/* Those in one data directory of the root; what is nested in one of them goes with it. */
static bool move_all_nested(struct machine *machine, const char *making,
			    const struct data_path *data, struct err *err)
{
	const struct listing *listing = &machine->listing;
	auto_free char *above = xasprintf("%s/root/%s/", making, data->path);
	auto_free char *last = NULL;

	for (size_t i = 0; i < listing->subvolume_count; i++) {
		const char *path = listing->subvolumes[i];
		auto_free char *to = NULL;

		if (!text_starts(path, above) || (last && text_starts(path, last)))
			continue;
		to = xasprintf("%s/carve/%s/%s", making, data->subvolume, path + strlen(above));
		if (!move_nested(machine->host, path, to, err))
			return false;
		free(last);
		last = xasprintf("%s/", path);
	}
	return true;
}

/* --- the whole ------------------------------------------------------------------------------- */

bool carve_copy(struct host *host, const char *making, struct err *err)
{
	ERR_CONTEXT(err, "parting data from the system");
	auto_free char *root = xasprintf("%s/root", making);
	auto_free char *carve = xasprintf("%s/carve", making);
	auto_fstab struct fstab fstab = {0};

	if (!make_directory(host, carve, 0755, err) || !read_fstab(host, root, &fstab, err))
		return false;
	for (size_t i = 0; i < data_path_count; i++)
		if (carve_applies(host, root, &fstab, &data_paths[i]) &&
		    !carve_one(host, making, &data_paths[i], err))
			return false;
	return true;
}

/* What cannot be told is no "no": the data would stay where nobody looks for it. */
static bool find_carved(struct host *host, const char *making, bool ret[], struct err *err)
{
	for (size_t i = 0; i < data_path_count; i++) {
		auto_free char *subvolume =
			xasprintf("%s/carve/%s", making, data_paths[i].subvolume);
		struct host_stat stat;
		int r = host->ops->stat(host, VOLUME_POOL, subvolume, &stat);

		if (r < 0 && r != -ENOENT)
			return failed(r, "look at", subvolume, err);
		ret[i] = r == 0;
	}
	return true;
}

/* The root's own, of which the data subvolume has a copy by now. */
static bool put_aside(struct host *host, const char *root, const struct data_path *data,
		      struct err *err)
{
	auto_free char *from = xasprintf("%s/%s", root, data->path);
	auto_free char *rest = xasprintf("%s/" CARVE_REST, root);
	auto_free char *to = xasprintf("%s/%s", rest, data->subvolume);

	return make_directory(host, rest, 0700, err) && make_directory(host, to, 0700, err) &&
	       move_all(host, from, to, err);
}

bool carve_settle(struct machine *machine, const char *making, struct err *err)
{
	ERR_CONTEXT(err, "parting data from the system");
	struct host *host = machine->host;
	auto_free char *root = xasprintf("%s/root", making);
	bool carved[16] = {false};

	if (!find_carved(host, making, carved, err))
		return false;
	/* what is in its place already was settled before it went there */
	if (carved[0] && !settle_states(host, making, err))
		return false;
	for (size_t i = 0; i < data_path_count; i++)
		if (carved[i] && (!move_all_nested(machine, making, &data_paths[i], err) ||
				  !put_aside(host, root, &data_paths[i], err)))
			return false;
	return true;
}

bool carve_forget(struct host *host, const char *making, struct err *err)
{
	for (size_t i = 0; i < data_path_count; i++) {
		auto_free char *subvolume =
			xasprintf("%s/carve/%s", making, data_paths[i].subvolume);
		int r = host->ops->delete_subvolume(host, subvolume);

		if (r < 0 && r != -ENOENT)
			return failed(r, "delete", subvolume, err);
	}
	return true;
}

bool carve_prune(struct host *host, const char *subvolume, struct err *err)
{
	auto_free char *rest = xasprintf("%s/" CARVE_REST, subvolume);
	int r = host->ops->remove_tree(host, VOLUME_POOL, rest);

	return r == -ENOENT || failed(r, "remove", rest, err);
}

bool carve_run(struct machine *machine, const char *making, struct err *err)
{
	ERR_CONTEXT(err, "parting data from the system");
	auto_free char *root = xasprintf("%s/root", making);

	if (!carve_copy(machine->host, making, err) || !carve_settle(machine, making, err) ||
	    !carve_prune(machine->host, root, err))
		return false;
	for (size_t i = 0; i < data_path_count; i++) {
		auto_free char *subvolume =
			xasprintf("%s/carve/%s", making, data_paths[i].subvolume);

		if (!carve_prune(machine->host, subvolume, err))
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
