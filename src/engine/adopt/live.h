/*
 * live - a system is adopted while it runs, and no write of it is lost.
 *
 * What init does offline is tried on a copy, which is thrown away: what could be refused is refused
 * then. Next a snapshot is made and listed as generation 1, all that the loader needs is written, and
 * directly before the byte that commits the snapshot and what runs take each other's place: what
 * runs, with each write to come, is generation 1; the snapshot is the original. Its first boot parts
 * the data (first_carve.h). A root at the top of the Btrfs has no place to take: it is copied when
 * nothing writes any more, at shutdown (shutdown.c).
 */
#pragma once
#include "adoption.h"

/* Try, snapshot, list; in no menu yet. */
bool live_make(struct operation *operation, struct adoption *adoption, struct err *err);
/* For one that was listed and not offered: learns its kernel by the same trial. */
bool live_continue(struct operation *operation, struct adoption *adoption, struct err *err);
/*
 * The exchange and the commit; with a root at the top level nothing yet. Where it fails before the
 * commit, what was exchanged is exchanged back.
 */
bool live_publish(struct operation *operation, struct adoption *adoption, struct err *err);
/* The steps of live_make() and live_publish() for a machine where nothing was begun. */
void live_plan(struct machine *machine, struct adoption *adoption, struct plan *plan);
extern const struct work live_works[];

/* Takes out of a copy of the top level what does not belong to the system: moult's own, other subvolumes. */
bool live_strip(struct machine *machine, const char *root, struct err *err);
