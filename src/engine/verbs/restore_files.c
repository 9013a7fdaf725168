/*
 * restore: single files and directories back from a generation, what is there now kept beside them.
 *
 * The copy, which shares extents, is made complete under another name first; one exchange then puts
 * it in its place, so that at no instant there is neither. All paths are beneath the pool, and the
 * host follows no link: a link on the way is a refusal.
 */
#include <errno.h>
#include <string.h>
#include <time.h>
#include "answer.h"
#include "changes.h"
#include "checks.h"
#include "data_keep.h"
#include "data_places.h"
#include "territory.h"
#include "verb.h"

struct piece {
	char *path; /* absolute, as that system has it */
	char *from, *to; /* on the pool */
	char *making; /* beside `to`: the copy, while it is made */
	char *aside; /* beside `to`: what is there now; NULL = nothing is */
};

struct restoring {
	const struct generation *gen; /* of the listing */
	char source[GENERATION_PATH_MAX], target[GENERATION_PATH_MAX]; /* roots */
	struct data_places places; /* of the target */
	struct host_strings mounts; /* of the running system */
	struct piece *pieces;
	size_t count;
};

static void restoring_done(struct restoring *restoring)
{
	for (size_t i = 0; i < restoring->count; i++) {
		free(restoring->pieces[i].path);
		free(restoring->pieces[i].from);
		free(restoring->pieces[i].to);
		free(restoring->pieces[i].making);
		free(restoring->pieces[i].aside);
	}
	free(restoring->pieces);
	data_places_done(&restoring->places);
	host_strings_done(&restoring->mounts);
}
DEFINE_AUTO_STRUCT(restoring, struct restoring, restoring_done)
#define auto_restoring __attribute__((cleanup(auto_restoring_)))

/* --- paths --------------------------------------------------------------------------------------- */

static bool is_beneath(const char *path, const char *top)
{
	size_t length = strlen(top);

	return text_starts(path, top) && (path[length] == '/' || path[length] == '\0');
}

static bool is_plain(const char *path)
{
	if (path[0] != '/' || path[1] == '\0')
		return false;
	for (const char *at = path + 1; *at || at[-1] == '/';) {
		size_t length = strcspn(at, "/");

		if (length == 0 || (length == 1 && at[0] == '.') ||
		    (length == 2 && at[0] == '.' && at[1] == '.'))
			return false;
		at += length + (at[length] == '/');
	}
	return true;
}

static char *without_slashes_at_end(const char *path)
{
	size_t length = strlen(path);

	while (length > 1 && path[length - 1] == '/')
		length--;
	return xstrndup(path, length);
}

/* What dpkg remembers is true only together with what it remembers it of. */
static bool is_package_state(const char *path)
{
	if (is_beneath(path, "/" SYSIMAGE))
		return true;
	for (size_t i = 0; i < state_path_count; i++) {
		auto_free char *top = xasprintf("/var/%s", state_paths[i].path);

		if (is_beneath(path, top))
			return true;
	}
	return false;
}

/* The mount, other than the root and `place`, that the path lies in, or that lies in it; NULL = none. */
static const char *find_mount(const struct restoring *restoring, const char *path,
			      const struct data_place *place)
{
	static const char *const always[] = {"/proc", "/sys", "/dev", "/run"};
	size_t least = place ? strlen(place->mount_point) : 1;

	for (size_t i = 0; i < COUNT(always); i++)
		if (is_beneath(path, always[i]))
			return always[i];
	for (size_t i = 0; i < restoring->places.elsewhere_count; i++) {
		const char *mount = restoring->places.elsewhere[i];

		if (strlen(mount) > least && (is_beneath(path, mount) || is_beneath(mount, path)))
			return mount;
	}
	for (size_t i = 0; i < restoring->mounts.count; i++) {
		const char *mount = restoring->mounts.strings[i];

		if (strlen(mount) > least && (is_beneath(path, mount) || is_beneath(mount, path)))
			return mount;
	}
	for (size_t i = 0; i < restoring->places.count; i++)
		if (is_beneath(restoring->places.all[i].mount_point, path))
			return restoring->places.all[i].mount_point;
	return NULL;
}

static bool check_path(const struct restoring *restoring, const char *path,
		       const struct data_place *place, struct err *err)
{
	const char *mount;

	if (!is_plain(path)) {
		err_set(err, ERR_USAGE, 0,
			"%s is no path that can be restored: it has to be absolute and without "
			"'.' and '..'",
			text_quote(path));
		return err_try(err, "sudo moult restore %u /etc/hosts", restoring->gen->id);
	}
	if (place && strcmp(place->mount_point, path) == 0) {
		err_set(err, ERR_REFUSED, 0, "%s is a data subvolume: it goes back as a whole",
			path);
		return err_try(err, "sudo moult rollback --data %s", path + 1);
	}
	if (is_package_state(path)) {
		err_set(err, ERR_REFUSED, 0,
			"%s says what is installed, and is true only with the generation that it "
			"belongs to",
			text_quote(path));
		return err_try(err, "sudo moult rollback %u", restoring->gen->id);
	}
	mount = find_mount(restoring, path, place);
	if (!mount)
		return true;
	err_set(err, ERR_REFUSED, 0,
		"%s cannot be restored: what is mounted on %s belongs to no generation",
		text_quote(path), mount);
	return err_try(err, "findmnt %s", mount);
}

/* --- one of them ---------------------------------------------------------------------------------- */

static char *find_from(struct machine *machine, const struct restoring *restoring, const char *path,
		       const struct data_place *place)
{
	auto_free char *kept = NULL;

	/* the original has its data in its root */
	if (!place || restoring->gen->id == 0)
		return xasprintf("%s%s", restoring->source, path);
	kept = data_kept(&machine->listing, restoring->gen->id, place->name);
	return kept ? xasprintf("%s%s", kept, path + strlen(place->mount_point)) : NULL;
}

static bool refuse(const struct restoring *restoring, const char *path, int r, struct err *err)
{
	if (r == -ELOOP || r == -ENOTDIR) {
		err_set(err, ERR_REFUSED, 0,
			"the way to %s leads through a symbolic link or a file", text_quote(path));
		return err_try(err, "realpath %s", text_quote(path));
	}
	if (r == -ENOENT) {
		err_set(err, ERR_REFUSED, 0, "generation %u has no %s", restoring->gen->id,
			text_quote(path));
		return err_try(err, "moult list");
	}
	return err_set(err, ERR_SYSTEM, -r, "cannot look at %s", text_quote(path));
}

/* There has to be a directory to put it in. */
static bool check_parent(struct machine *machine, const struct restoring *restoring,
			 const struct piece *piece, struct err *err)
{
	auto_free char *parent = xstrndup(piece->to, (size_t)(strrchr(piece->to, '/') - piece->to));
	auto_free char *above =
		xstrndup(piece->path, (size_t)(strrchr(piece->path, '/') - piece->path));
	struct host_stat stat;
	int r = machine->host->ops->stat(machine->host, VOLUME_POOL, parent, &stat);

	if (r == 0 && stat.type == HOST_DIRECTORY)
		return true;
	if (r != -ENOENT)
		return refuse(restoring, piece->path, r < 0 ? r : -ENOTDIR, err);
	err_set(err, ERR_REFUSED, 0, "the directory %s is gone", text_quote(above));
	return err_try(err, "sudo moult restore %u %s", restoring->gen->id, above);
}

static void name_piece(struct machine *machine, struct piece *piece, bool is_there)
{
	time_t now = (time_t)machine->host->ops->clock(machine->host, HOST_CLOCK_REAL_SEC);
	char stamp[32] = "unknown";
	struct tm utc;

	if (gmtime_r(&now, &utc))
		strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &utc);
	piece->making = xasprintf("%s.moult-restore-%s~", piece->to, stamp);
	if (is_there)
		piece->aside = xasprintf("%s" DATA_ASIDE_SUFFIX "%s~", piece->to, stamp);
}

static bool find_piece(struct machine *machine, struct restoring *restoring, const char *word,
		       struct err *err)
{
	const struct host_ops *ops = machine->host->ops;
	auto_free char *path = without_slashes_at_end(word);
	const struct data_place *place = data_places_of(&restoring->places, path);
	struct piece *piece;
	struct host_stat stat;
	int r;

	if (!check_path(restoring, path, place, err))
		return false;
	piece = array_add(restoring->pieces, restoring->count);
	piece->path = xstrdup(path);
	piece->from = find_from(machine, restoring, path, place);
	piece->to = place ? xasprintf("%s%s", place->subvolume, path + strlen(place->mount_point))
			  : xasprintf("%s%s", restoring->target, path);
	if (!piece->from) {
		err_set(err, ERR_REFUSED, 0,
			"%s is data, and is not kept as it was before generation %u first ran",
			text_quote(path), restoring->gen->id);
		return err_try(err, "moult list");
	}
	r = ops->stat(machine->host, VOLUME_POOL, piece->from, &stat);
	if (r < 0)
		return refuse(restoring, path, r, err);
	if (!check_parent(machine, restoring, piece, err))
		return false;
	r = ops->stat(machine->host, VOLUME_POOL, piece->to, &stat);
	if (r < 0 && r != -ENOENT)
		return refuse(restoring, path, r, err);
	name_piece(machine, piece, r == 0);
	return true;
}

/* --- all of them ---------------------------------------------------------------------------------- */

static bool find_roots(struct machine *machine, const struct verb_request *request,
		       struct restoring *ret, struct err *err)
{
	const struct generation *current = listing_current(&machine->listing);
	char directory[GENERATION_PATH_MAX];

	ret->gen = listing_select(&machine->listing, request->which, err);
	if (!ret->gen)
		return false;
	if (!current || current->damage || current->id == 0) {
		err_set(err, ERR_REFUSED, 0, "no generation is current that it could go into");
		return err_try(err, "moult status");
	}
	generation_root(current, ret->target);
	generation_root(ret->gen, ret->source);
	if (request->base && ret->gen->id > 0)
		snprintf(ret->source, sizeof(ret->source), "%.200s/base",
			 generation_directory(ret->gen->id, directory));
	return true;
}

static bool find(struct machine *machine, const struct verb_request *request, struct restoring *ret,
		 struct err *err)
{
	int r;

	if (!checks_require_session(machine, err) || !find_roots(machine, request, ret, err) ||
	    !data_places_read(machine, ret->target, &ret->places, err))
		return false;
	r = machine->listing.running.live
		    ? machine->host->ops->mount_points(machine->host, &ret->mounts)
		    : 0;
	if (r < 0)
		return err_set(err, ERR_SYSTEM, -r, "cannot tell what is mounted");
	for (const char *const *path = request->paths; path && *path; path++)
		if (!find_piece(machine, ret, *path, err))
			return false;
	return true;
}

static void plan_piece(const struct piece *piece, struct plan *plan)
{
	plan_copy(plan, piece->from, piece->making);
	if (!piece->aside) {
		plan_rename(plan, VOLUME_POOL, piece->making, piece->to);
		return;
	}
	plan_exchange(plan, piece->making, piece->to);
	plan_rename(plan, VOLUME_POOL, piece->making, piece->aside)->why =
		"what was there is kept beside it";
}

static void make_plan(const struct restoring *restoring, struct plan *plan)
{
	for (size_t i = 0; i < restoring->count; i++)
		plan_piece(&restoring->pieces[i], plan);
	plan_at(plan, STEP_SYNC, VOLUME_POOL, "");
}

/* Beginning with what is there under its own name: what it was copied to is nobody's yet. */
static bool run_piece(struct operation *operation, const struct piece *piece, struct err *err)
{
	struct host *host = operation->machine->host;
	auto_plan struct plan copying = {0}, putting = {0};

	plan_copy(&copying, piece->from, piece->making);
	if (!operation_run(operation, &copying, err)) {
		if (host->ops->remove_tree(host, VOLUME_POOL, piece->making) == -ENOTDIR)
			host->ops->remove(host, VOLUME_POOL, piece->making);
		return false;
	}
	/* from the exchange on it is in its place, and the other one has to get its name */
	operation->committed = true;
	if (!piece->aside) {
		plan_rename(&putting, VOLUME_POOL, piece->making, piece->to);
	} else {
		plan_exchange(&putting, piece->making, piece->to);
		plan_rename(&putting, VOLUME_POOL, piece->making, piece->aside);
	}
	plan_at(&putting, STEP_SYNC, VOLUME_POOL, "");
	if (!operation_run(operation, &putting, err))
		return false;
	operation->committed = false;
	if (piece->aside)
		operation_note(operation, "what %s was is kept as %s%s", piece->path, piece->path,
			       piece->aside + strlen(piece->to));
	return true;
}

static bool restore_body(struct operation *operation, const struct verb_request *request,
			 json_t **ret, struct err *err)
{
	auto_restoring struct restoring restoring = {0};
	auto_free char *sentence = NULL;

	if (!find(operation->machine, request, &restoring, err))
		return false;
	operation->generation = (int)restoring.gen->id;
	for (size_t i = 0; i < restoring.count; i++)
		if (!run_piece(operation, &restoring.pieces[i], err))
			return false;
	sentence = restoring.count == 1 ? xasprintf("%s is as generation %u has it",
						    restoring.pieces[0].path, restoring.gen->id)
					: xasprintf("%zu paths are as generation %u has them",
						    restoring.count, restoring.gen->id);
	return answer_done(operation, sentence, ret, err);
}

bool verb_restore(struct machine *machine, const struct verb_request *request, json_t **ret,
		  struct err *err)
{
	auto_restoring struct restoring restoring = {0};
	auto_plan struct plan plan = {0};

	ERR_CONTEXT(err, "cannot restore");

	*ret = NULL;
	if (!request->dry_run)
		return verb_run(machine, request, restore_body, ret, err);
	if (!verb_require_adopted(machine, err) || !find(machine, request, &restoring, err))
		return false;
	make_plan(&restoring, &plan);
	*ret = answer_planned(machine, request->verb, &plan);
	return true;
}
