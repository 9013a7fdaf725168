/*
 * data_keep - the data as it was before a generation first ran, in @gens/N/data/NAME.
 *
 * Taken once, at its first boot and before services: read-only snapshots, which cost nothing until
 * the data changes. data/taken.json says that it was done, and when: what could not be had then
 * (an active swap file is in it) is not taken later, when it would be something else. Never put back
 * by itself; see data_back.h.
 */
#pragma once
#include "operation.h"

/* What goes wrong is a note: a boot does not fail for it. False: only where a person interrupted. */
bool data_keep(struct operation *operation, unsigned generation, struct err *err);
/* Path of a generation's snapshot of the data called `name`; NULL = it has none. Caller frees. */
char *data_kept(const struct listing *listing, unsigned generation, const char *name);
/* When it was taken, in seconds since 1970; 0 = unknown. */
int64_t data_kept_when(struct machine *machine, unsigned generation);
