#include "plan.h"
#include <string.h>
#include "text.h"

static void step_done(struct step *step)
{
	free(step->path);
	free(step->from);
	free(step->text);
}

void plan_done(struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		step_done(&plan->steps[i]);
	free(plan->steps);
	*plan = (struct plan){0};
}

const char *step_kind_name(enum step_kind kind)
{
	static const char *const names[STEP_KIND_COUNT] = {
		[STEP_WRITE] = "write",
		[STEP_REPLACE] = "replace",
		[STEP_READ_BACK] = "read-back",
		[STEP_SET_BYTE] = "set-byte",
		[STEP_PUT_BLOB] = "put-blob",
		[STEP_MAKE_DIRECTORY] = "make-directory",
		[STEP_COPY] = "copy",
		[STEP_RENAME] = "rename",
		[STEP_EXCHANGE] = "exchange",
		[STEP_REMOVE] = "remove",
		[STEP_REMOVE_TREE] = "remove-tree",
		[STEP_SYNC] = "sync",
		[STEP_SNAPSHOT] = "snapshot",
		[STEP_SNAPSHOT_READ_ONLY] = "snapshot-read-only",
		[STEP_CREATE_SUBVOLUME] = "create-subvolume",
		[STEP_DELETE_SUBVOLUME] = "delete-subvolume",
		[STEP_SET_DEFAULT] = "set-default",
		[STEP_CHECK_VOLUME] = "check-volume",
		[STEP_WORK] = "work",
	};

	return kind < STEP_KIND_COUNT ? names[kind] : "unknown";
}

static struct step *add(struct plan *plan, enum step_kind kind, enum volume volume,
			const char *path)
{
	struct step *step = array_add(plan->steps, plan->count);

	*step = (struct step){.kind = kind, .volume = volume, .path = xstrdup(path)};
	return step;
}

static struct step *add_text(struct step *step, const char *text)
{
	step->text = xstrdup(text);
	return step;
}

struct step *plan_write(struct plan *plan, enum volume volume, const char *path, const char *text)
{
	return add_text(add(plan, STEP_WRITE, volume, path), text);
}

struct step *plan_replace(struct plan *plan, enum volume volume, const char *path, const char *text)
{
	return add_text(add(plan, STEP_REPLACE, volume, path), text);
}

struct step *plan_read_back(struct plan *plan, enum volume volume, const char *path,
			    const char *text)
{
	return add_text(add(plan, STEP_READ_BACK, volume, path), text);
}

struct step *plan_set_byte(struct plan *plan, enum volume volume, const char *path, size_t offset,
			   char from, char to)
{
	struct step *step = add(plan, STEP_SET_BYTE, volume, path);

	step->offset = offset;
	step->byte_from = from;
	step->byte_to = to;
	return step;
}

struct step *plan_put_blob(struct plan *plan, const char *from, const char *path,
			   const char *sha256)
{
	struct step *step = add(plan, STEP_PUT_BLOB, VOLUME_BOOT, path);

	step->from = xstrdup_or_null(from);
	return add_text(step, sha256);
}

struct step *plan_rename(struct plan *plan, enum volume volume, const char *from, const char *to)
{
	struct step *step = add(plan, STEP_RENAME, volume, to);

	step->from = xstrdup(from);
	return step;
}

struct step *plan_copy(struct plan *plan, const char *from, const char *path)
{
	struct step *step = add(plan, STEP_COPY, VOLUME_POOL, path);

	step->from = xstrdup(from);
	return step;
}

struct step *plan_exchange(struct plan *plan, const char *from, const char *path)
{
	struct step *step = add(plan, STEP_EXCHANGE, VOLUME_POOL, path);

	step->from = xstrdup(from);
	return step;
}

struct step *plan_at(struct plan *plan, enum step_kind kind, enum volume volume, const char *path)
{
	return add(plan, kind, volume, path);
}

struct step *plan_snapshot(struct plan *plan, const char *from, const char *to, bool read_only)
{
	struct step *step =
		add(plan, read_only ? STEP_SNAPSHOT_READ_ONLY : STEP_SNAPSHOT, VOLUME_POOL, to);

	step->from = xstrdup(from);
	return step;
}

struct step *plan_work(struct plan *plan, const char *work, const char *path)
{
	return add_text(add(plan, STEP_WORK, VOLUME_POOL, path), work);
}

void plan_append(struct plan *plan, struct plan *more)
{
	for (size_t i = 0; i < more->count; i++)
		*array_add(plan->steps, plan->count) = more->steps[i];
	free(more->steps);
	*more = (struct plan){0};
}

void plan_before_commit(struct plan *plan, struct plan *more)
{
	struct plan rest = {0};
	size_t at = 0;

	while (at < plan->count && !plan->steps[at].commit)
		at++;
	for (size_t i = at; i < plan->count; i++)
		*array_add(rest.steps, rest.count) = plan->steps[i];
	plan->count = at;
	plan_append(plan, more);
	plan_append(plan, &rest);
}
