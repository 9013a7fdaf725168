/*
 * plan - what an operation will do, as data.
 *
 * A plan is an array of steps. The same array is printed by --dry-run, written to the journal and
 * run by engine/run. Each step is one effect of host.h that happens or does not, or one named
 * piece of work (STEP_WORK) that only touches a generation still being made.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "auto.h"
#include "volume.h"

enum step_kind {
	STEP_WRITE, /* text → path, created or truncated */
	STEP_REPLACE, /* text → temporary beside path, then rename over path */
	STEP_READ_BACK, /* path, read through a dropped cache, is text */
	STEP_SET_BYTE, /* one byte at offset: from → to, in place; already `to` counts as done */
	STEP_PUT_BLOB, /* from (pool) → path (boot) unless there with this digest; always read back */
	STEP_MAKE_DIRECTORY,
	STEP_COPY, /* from → path, on the pool, with all in it and its attributes; extents are shared */
	STEP_RENAME, /* from → path, on one volume */
	STEP_EXCHANGE, /* from and path change places, on one volume, at one instant */
	STEP_REMOVE, /* a file or an empty directory; missing counts as done */
	STEP_REMOVE_TREE, /* a directory and what is in it, subvolumes excepted; missing counts as done */
	STEP_SYNC, /* all earlier effects on the volume are durable */
	STEP_SNAPSHOT, /* from → path, writable */
	STEP_SNAPSHOT_READ_ONLY,
	STEP_CREATE_SUBVOLUME,
	STEP_DELETE_SUBVOLUME, /* missing counts as done */
	STEP_SET_DEFAULT, /* the Btrfs default subvolume becomes path */
	STEP_CHECK_VOLUME, /* the file system has no damage (fsck.fat -n) */
	STEP_WORK, /* engine work called `text` on the generation being made at path */
	STEP_KIND_COUNT,
};

struct step {
	enum step_kind kind;
	enum volume volume;
	char *path;
	char *from; /* source path; STEP_PUT_BLOB: on the pool */
	char *text; /* content, or the digest (64 hex) of a blob, or the name of the work */
	size_t offset;
	char byte_from, byte_to;
	const char *why; /* static, for people: "the commit point" */
	bool commit; /* once this step is done the operation will be finished, not undone */
	bool may_fail; /* a failure is noted and the plan goes on: reconcile completes it later */
};

struct plan {
	struct step *steps;
	size_t count;
};

void plan_done(struct plan *plan);
DEFINE_AUTO_STRUCT(plan, struct plan, plan_done)
#define auto_plan __attribute__((cleanup(auto_plan_)))

const char *step_kind_name(enum step_kind kind);

/* Each copies its strings and appends one step; the step is returned for `why` and `commit`, borrowed until the next. */
struct step *plan_write(struct plan *plan, enum volume volume, const char *path, const char *text);
struct step *plan_replace(struct plan *plan, enum volume volume, const char *path,
			  const char *text);
struct step *plan_read_back(struct plan *plan, enum volume volume, const char *path,
			    const char *text);
struct step *plan_set_byte(struct plan *plan, enum volume volume, const char *path, size_t offset,
			   char from, char to);
struct step *plan_put_blob(struct plan *plan, const char *from, const char *path,
			   const char *sha256);
struct step *plan_rename(struct plan *plan, enum volume volume, const char *from, const char *to);
struct step *plan_copy(struct plan *plan, const char *from, const char *path); /* on the pool */
struct step *plan_exchange(struct plan *plan, const char *from, const char *path); /* on the pool */
/* MAKE_DIRECTORY, REMOVE, REMOVE_TREE, SYNC ("" path), CREATE_/DELETE_SUBVOLUME, SET_DEFAULT, CHECK_VOLUME. */
struct step *plan_at(struct plan *plan, enum step_kind kind, enum volume volume, const char *path);
struct step *plan_snapshot(struct plan *plan, const char *from, const char *to, bool read_only);
struct step *plan_work(struct plan *plan, const char *work, const char *path);
/* Moves all steps of `more` to the end of `plan`; `more` is empty afterwards. */
void plan_append(struct plan *plan, struct plan *more);
/* The same, before the step that commits; at the end where none does. */
void plan_before_commit(struct plan *plan, struct plan *more);
