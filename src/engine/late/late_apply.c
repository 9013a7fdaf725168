#include "late_apply.h"
#include <errno.h>
#include <string.h>

#define TEMPORARY ".moult-late"

static bool check(int r, const char *verb, const char *path, struct err *err)
{
	return r >= 0 || err_set(err, ERR_SYSTEM, -r, "cannot %s %s", verb, text_quote(path));
}

/* "" for what lies at the top. Caller frees. */
static char *parent_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return xstrndup(path, slash ? (size_t)(slash - path) : 0);
}

static bool is_in_time(const struct late_apply *apply, struct err *err)
{
	struct host *host = apply->machine->host;

	if (host->ops->interrupted(host))
		return err_set(err, ERR_INTERRUPTED, 0, "interrupted");
	if (apply->until_usec == 0 ||
	    host->ops->clock(host, HOST_CLOCK_MONOTONIC_USEC) < apply->until_usec)
		return true;
	return err_set(err, ERR_BUSY, 0, "it takes too long");
}

/* --- what is gone -------------------------------------------------------------------------------- */

/* A directory in which the other root has something of its own stays. */
static bool take_away(const struct late_apply *apply, const char *path, struct err *err)
{
	struct host *host = apply->machine->host;
	auto_free char *to = xasprintf("%s/%s", apply->to, path);
	int r = host->ops->remove(host, VOLUME_POOL, to);

	return r == -ENOENT || r == -ENOTDIR || r == -ENOTEMPTY || check(r, "remove", to, err);
}

/* --- what is there ------------------------------------------------------------------------------- */

/* Nothing of this name stays in the way of one of another kind. */
static bool make_way(const struct late_apply *apply, const char *to, enum host_type type,
		     bool *ret_is_there, struct err *err)
{
	struct host *host = apply->machine->host;
	struct host_stat there;
	int r = host->ops->stat(host, VOLUME_POOL, to, &there);

	*ret_is_there = r == 0;
	if (r == -ENOENT)
		return true;
	if (!check(r, "look at", to, err))
		return false;
	if ((there.type == HOST_DIRECTORY) == (type == HOST_DIRECTORY))
		return true;
	*ret_is_there = false;
	return check(host->ops->remove(host, VOLUME_POOL, to), "remove", to, err);
}

static bool put_directory(const struct late_apply *apply, const char *path, struct err *err)
{
	struct host *host = apply->machine->host;
	auto_free char *from = xasprintf("%s/%s", apply->from, path);
	auto_free char *to = xasprintf("%s/%s", apply->to, path);
	bool is_there;

	if (!make_way(apply, to, HOST_DIRECTORY, &is_there, err))
		return false;
	if (!is_there &&
	    !check(host->ops->make_directory(host, VOLUME_POOL, to, 0700), "make", to, err))
		return false;
	return check(host->ops->copy_attributes(host, from, to), "change", to, err);
}

/* Directories that the other root lacks, from the top down. */
static bool make_parents(const struct late_apply *apply, const char *path, struct err *err)
{
	struct host *host = apply->machine->host;
	auto_free char *parent = parent_of(path);
	auto_free char *to = xasprintf("%s/%s", apply->to, parent);
	struct host_stat there;
	int r;

	if (*parent == '\0')
		return true;
	r = host->ops->stat(host, VOLUME_POOL, to, &there);
	if (r == 0)
		return true;
	if (r != -ENOENT)
		return check(r, "look at", to, err);
	return make_parents(apply, parent, err) && put_directory(apply, parent, err);
}

static bool put_file(const struct late_apply *apply, const char *path, struct err *err)
{
	struct host *host = apply->machine->host;
	auto_free char *from = xasprintf("%s/%s", apply->from, path);
	auto_free char *to = xasprintf("%s/%s", apply->to, path);
	auto_free char *parent = parent_of(to);
	auto_free char *temporary = xasprintf("%s/" TEMPORARY, parent);
	bool is_there;
	int r;

	if (!make_way(apply, to, HOST_FILE, &is_there, err))
		return false;
	/* of one that was cut off */
	r = host->ops->remove(host, VOLUME_POOL, temporary);
	if (r != -ENOENT && !check(r, "remove", temporary, err))
		return false;
	return check(host->ops->copy(host, VOLUME_POOL, from, VOLUME_POOL, temporary), "copy", from,
		     err) &&
	       check(host->ops->rename(host, VOLUME_POOL, temporary, to), "put in place", to, err);
}

static bool put(const struct late_apply *apply, const char *path, enum host_type type,
		struct err *err)
{
	if (!make_parents(apply, path, err))
		return false;
	return type == HOST_DIRECTORY ? put_directory(apply, path, err)
				      : put_file(apply, path, err);
}

/* *ret_there: it is there to be put; else it is gone. */
static bool look(const struct late_apply *apply, const char *path, struct host_stat *ret,
		 bool *ret_there, struct err *err)
{
	struct host *host = apply->machine->host;
	auto_free char *from = xasprintf("%s/%s", apply->from, path);
	int r = host->ops->stat(host, VOLUME_POOL, from, ret);

	*ret_there = r == 0;
	return r == -ENOENT || r == -ENOTDIR || check(r, "look at", from, err);
}

/* Each edit whose path is there, or is gone. */
static bool apply_one(const struct late_apply *apply, const struct late_edit *edit, bool there,
		      struct err *err)
{
	struct host_stat stat;
	bool is_there;

	if (edit->verdict != LATE_CARRY)
		return true;
	if (!is_in_time(apply, err) || !look(apply, edit->path, &stat, &is_there, err))
		return false;
	if (is_there != there)
		return true;
	return there ? put(apply, edit->path, stat.type, err) : take_away(apply, edit->path, err);
}

bool late_apply(const struct late_apply *apply, const struct late_edits *edits, struct err *err)
{
	for (size_t i = edits->count; i > 0; i--)
		if (!apply_one(apply, &edits->all[i - 1], false, err))
			return false;
	for (size_t i = 0; i < edits->count; i++)
		if (!apply_one(apply, &edits->all[i], true, err))
			return false;
	return true;
}

bool late_park(const struct late_apply *apply, const char *path, struct err *err)
{
	struct host_stat stat;
	bool is_there;

	return is_in_time(apply, err) && look(apply, path, &stat, &is_there, err) &&
	       (!is_there || put(apply, path, stat.type, err));
}
