#include <string.h>
#include "fstab.h"
#include "late.h"
#include "territory.h"

#define INFO "/" SYSIMAGE "/dpkg/info"
#define LIST_MAX_BYTES (16 * 1024 * 1024)

void late_edits_done(struct late_edits *edits)
{
	for (size_t i = 0; i < edits->count; i++)
		free(edits->all[i].path);
	free(edits->all);
	*edits = (struct late_edits){0};
}

bool late_watch_of(const struct machine *machine, const struct generation *gen,
		   struct late_watch *ret)
{
	const struct listing *listing = &machine->listing;
	const struct generation *origin;

	*ret = (struct late_watch){.pending = gen};
	if (!gen || gen->damage || gen->late_transid == 0)
		return false;
	origin = listing_find(listing, gen->late_origin);
	if (!origin || origin->damage || origin == gen)
		return false;
	generation_ancestor(gen->id, ret->ancestor);
	generation_root(gen, ret->to);
	generation_root(origin, ret->from);
	ret->runs = listing->running.live && listing->running.booted == (int)gen->id;
	return listing_has_subvolume(listing, ret->ancestor) &&
	       listing_has_subvolume(listing, ret->from);
}

bool late_watch(const struct machine *machine, struct late_watch *ret)
{
	const struct listing *listing = &machine->listing;
	const struct generation *trial = NULL;

	for (size_t i = 0; i < listing->count; i++)
		if (!listing->generations[i].damage && listing->generations[i].state == GEN_TRIAL)
			trial = &listing->generations[i];
	return late_watch_of(machine, trial, ret);
}

/* --- one path ----------------------------------------------------------------------------------- */

struct finding_edits {
	struct machine *machine;
	const struct late_watch *watch;
	const char *seen;
	struct late_edits *edits;
};

/* 1 or 0, or false with a sentence. */
static bool differ(struct machine *machine, const char *root, const char *other, const char *path,
		   bool *ret, struct err *err)
{
	auto_free char *a = xasprintf("%s/%s", root, path), *b = xasprintf("%s/%s", other, path);
	int r = machine->host->ops->differ(machine->host, a, b);

	if (r < 0)
		return err_set(err, ERR_SYSTEM, -r, "cannot compare %s", text_quote(path));
	*ret = r > 0;
	return true;
}

static bool judge(const struct finding_edits *finding, const char *path, enum late_verdict *ret,
		  struct err *err)
{
	struct machine *machine = finding->machine;
	const struct late_watch *watch = finding->watch;
	struct late_sides sides = {0};
	bool apart = false;

	*ret = LATE_SAME;
	if (!differ(machine, finding->seen, watch->ancestor, path, &sides.edited, err))
		return false;
	if (!sides.edited)
		return true;
	if (!differ(machine, watch->to, watch->ancestor, path, &sides.rebuilt, err) ||
	    !differ(machine, finding->seen, watch->to, path, &apart, err))
		return false;
	sides.alike = !apart;
	*ret = late_decide(&sides);
	return true;
}

/* --- fstab: only the lines that an initrd knows ----------------------------------------------------- */

static bool read_fstab(struct machine *machine, const char *root, struct fstab *ret)
{
	auto_host_bytes struct host_bytes bytes = {0};
	struct err unused = {0};

	return machine->host->ops->root_read(machine->host, root, "etc/fstab", FSTAB_MAX_BYTES,
					     &bytes) == 0 &&
	       fstab_parse("/etc/fstab", bytes.bytes, bytes.length, ret, &unused);
}

static bool same_line(const struct fstab *a, const struct fstab *b, const char *mount_point)
{
	const struct fstab_line *left = fstab_find(a, mount_point);
	const struct fstab_line *right = fstab_find(b, mount_point);

	if (!left || !right)
		return left == right;
	return strcmp(left->device, right->device) == 0 && strcmp(left->type, right->type) == 0 &&
	       strcmp(left->options, right->options) == 0;
}

/* What cannot be read is not vouched for. */
static bool fstab_is_baked(struct machine *machine, const char *seen, const char *ancestor)
{
	auto_fstab struct fstab now = {0}, then = {0};

	return !read_fstab(machine, seen, &now) || !read_fstab(machine, ancestor, &then) ||
	       !same_line(&now, &then, "/") || !same_line(&now, &then, "/usr");
}

static const char *baked(const struct finding_edits *finding, const char *path)
{
	if (strcmp(path, "etc/fstab") != 0)
		return late_baked_into(path);
	return fstab_is_baked(finding->machine, finding->seen, finding->watch->ancestor)
		       ? "mounts the root"
		       : NULL;
}

/* --- files of packages -------------------------------------------------------------------------- */

/* A line of dpkg's list is this path, by either of its names on a merged /usr. */
static bool is_listed(const char *line, size_t length, const char *path)
{
	const char *short_path = text_starts(path, "usr/") ? path + strlen("usr/") : path;

	return length > 1 && *line == '/' &&
	       ((length - 1 == strlen(path) && memcmp(line + 1, path, length - 1) == 0) ||
		(length - 1 == strlen(short_path) &&
		 memcmp(line + 1, short_path, length - 1) == 0));
}

static bool list_has(struct host *host, const char *path, const struct late_edit *edit)
{
	auto_host_bytes struct host_bytes bytes = {0};
	const char *cursor, *line;
	size_t length;

	if (host->ops->read(host, VOLUME_POOL, path, LIST_MAX_BYTES, &bytes) < 0)
		return false;
	cursor = bytes.bytes;
	while (text_next_line(&cursor, bytes.bytes + bytes.length, &line, &length))
		if (is_listed(line, length, edit->path))
			return true;
	return false;
}

/* Read only where both sides changed a file outside of /etc, which is rare. */
static bool is_owned(const struct finding_edits *finding, const struct late_edit *edit)
{
	struct host *host = finding->machine->host;
	auto_free char *info = xasprintf("%s" INFO, finding->watch->to);
	auto_host_names struct host_names names = {0};

	if (host->ops->list(host, VOLUME_POOL, info, &names) < 0)
		return false;
	for (size_t i = 0; i < names.count; i++) {
		auto_free char *path = xasprintf("%s/%s", info, names.names[i].name);

		if (text_ends(path, ".list") && list_has(host, path, edit))
			return true;
	}
	return false;
}

/* --- all ---------------------------------------------------------------------------------------- */

static bool look_at(const struct finding_edits *finding, const char *path, struct err *err)
{
	struct late_edit edit = {.path = (char *)path};

	if (!late_in_scope(path))
		return true;
	if (!judge(finding, path, &edit.verdict, err))
		return false;
	if (edit.verdict == LATE_SAME)
		return true;
	if (edit.verdict == LATE_CONFLICT && !late_is_configuration(path) &&
	    is_owned(finding, &edit))
		edit.verdict = LATE_LEFT;
	if (edit.verdict != LATE_LEFT)
		edit.baked = baked(finding, path);
	edit.path = xstrdup(path);
	*array_add(finding->edits->all, finding->edits->count) = edit;
	return true;
}

bool late_find(struct machine *machine, const struct late_watch *watch, const char *seen,
	       struct late_edits *ret, struct err *err)
{
	struct host_since since = {.subvolume = seen,
				   .ancestor = watch->ancestor,
				   .transid = watch->pending->late_transid};
	struct finding_edits finding = {machine, watch, seen, ret};
	auto_host_strings struct host_strings paths = {0};
	int r = machine->host->ops->changed_since(machine->host, &since, &paths);

	*ret = (struct late_edits){0};
	if (r < 0)
		return err_set(err, ERR_SYSTEM, -r,
			       "cannot tell what was edited since generation %u was staged",
			       watch->pending->id);
	for (size_t i = 0; i < paths.count; i++)
		if (!look_at(&finding, paths.strings[i], err)) {
			late_edits_done(ret);
			return false;
		}
	return true;
}

size_t late_count(const struct late_edits *edits, enum late_verdict verdict)
{
	size_t count = 0;

	for (size_t i = 0; i < edits->count; i++)
		count += edits->all[i].verdict == verdict;
	return count;
}

char *late_contradiction(const struct late_watch *watch, const struct late_edits *edits)
{
	for (size_t i = 0; i < edits->count; i++) {
		const struct late_edit *edit = &edits->all[i];
		auto_free char *path = xasprintf("/%s", edit->path);

		if (edit->verdict == LATE_CONFLICT)
			return xasprintf("%s was edited since it was staged, and is different in "
					 "generation %u",
					 text_quote(path), watch->pending->id);
		if (edit->baked)
			return xasprintf(
				"%s was edited since it was staged, and its initrd %s by it",
				text_quote(path), edit->baked);
	}
	return NULL;
}
