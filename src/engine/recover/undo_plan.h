/*
 * undo_plan - the adoption is taken back: the original boots by default, as before.
 *
 * In order: no trial any more, and generation 0 is marked as undone; counted bytes back; what ran when
 * it was adopted back in its place, where its data was not parted yet; default subvolume restored; current's byte back (the commit); loader.conf; the other entries. What is done
 * already is no step, so that recovery finishes by the same plan what was cut off.
 */
#pragma once
#include "machine.h"
#include "plan.h"

/* Refused where the original is not there any more. */
bool undo_plan(struct machine *machine, struct plan *plan, struct err *err);

/*
 * Then, once the machine was read again: generation 1, if it is a copy that never parted its data. What
 * holds the only copy of something stays.
 */
bool undo_plan_first(struct machine *machine, struct plan *plan, struct err *err);
bool undo_has_first(const struct listing *listing);

/* For a machine that is marked as undone: */

/*
 * Nothing of moult's but the original is in the menu, nothing is on trial, and neither loader nor
 * pool follows moult.
 */
bool undo_is_complete(const struct machine *machine);
/* `init` has offered a generation since: what it committed is to be finished, not the undoing. */
bool undo_is_superseded(const struct machine *machine);
