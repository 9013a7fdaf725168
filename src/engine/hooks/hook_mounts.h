/*
 * hook_mounts - what a hook sees in the stage and what of it is writable, as mounts.
 *
 * The root is read-only, and so are the overlays with the machine's data. A declared path of the
 * root is bound over itself, writable; one in an overlay is made writable there, so that what is
 * written lands where the writes of packages do. What is mounted below a declared path belongs to
 * it. The most precise rule holds in any order of the declaration.
 */
#pragma once
#include "hook_run.h"

struct hook_mounts {
	struct stage_mount *mounts; /* in the order that they are mounted */
	size_t count;
	struct host_strings strings; /* what they refer to beside the job */
};

/* ERR_REFUSED: a declared path is not there, or is a link. */
bool hook_mounts_make(const struct hook_job *job, struct hook_mounts *ret, struct err *err);
/* Where on the pool the writes of the hook land; not all need exist. */
void hook_mounts_places(const struct hook_job *job, struct host_strings *ret);
void hook_mounts_done(struct hook_mounts *mounts);
DEFINE_AUTO_STRUCT(hook_mounts, struct hook_mounts, hook_mounts_done)
#define auto_hook_mounts __attribute__((cleanup(auto_hook_mounts_)))
