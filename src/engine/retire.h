/*
 * retire - a generation leaves: entry, sync, blobs, sync, subvolumes, in that order.
 */
#pragma once
#include "operation.h"

/* Plans it; refuses where the generation must stay. */
bool retire_plan(struct machine *machine, unsigned id, struct plan *plan, struct err *err);
/* Entry, directory and blobs of a generation that no commit made reachable; never refuses. */
bool retire_unfinished(struct operation *operation, unsigned id, struct err *err);
