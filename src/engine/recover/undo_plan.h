/*
 * undo_plan - the adoption is taken back: the original boots by default, as before.
 *
 * In order: no trial any more, and generation 0 is marked as undone; counted bytes back; default
 * subvolume restored; current's byte back (the commit); loader.conf; the other entries. What is done
 * already is no step, so that recovery finishes by the same plan what was cut off.
 */
#pragma once
#include "machine.h"
#include "plan.h"

/* Refused where the original is not there any more. */
bool undo_plan(struct machine *machine, struct plan *plan, struct err *err);

/* For a machine that is marked as undone: */

/*
 * Nothing of moult's but the original is in the menu, nothing is on trial, and neither loader nor
 * pool follows moult.
 */
bool undo_is_complete(const struct machine *machine);
/* `init` has offered a generation since: what it committed is to be finished, not the undoing. */
bool undo_is_superseded(const struct machine *machine);
