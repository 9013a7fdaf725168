/*
 * late_left - what its owner edited in a generation that is left: by a rollback, or because its
 * trial failed.
 *
 * It stays where it is. Copies, which share extents, go to @moult/left/N, so that they outlive the
 * generation; that is done after everything else, and whatever goes wrong with it is only said.
 * Nothing is put into the generation that is gone back to: what failed may have failed by it, and a
 * person decides. Accounts, keys and networks are named, for who may log in depends on them.
 */
#pragma once
#include "late.h"
#include "operation.h"

#define LEFT_DIRECTORY MOULT_DIRECTORY "/left"

struct late_left {
	unsigned id; /* of the generation that is left */
	char root[GENERATION_PATH_MAX];
	struct host_strings edits; /* absolute, sorted */
};

/* Before anything is changed. Nothing where `from` is NULL, damaged, or `to` itself. */
void late_left_find(struct machine *machine, const struct generation *from,
		    const struct generation *to, struct late_left *ret);
/* Afterwards: the copies and the notes. */
void late_left_keep(struct operation *operation, const struct late_left *left);
void late_left_done(struct late_left *left);

DEFINE_AUTO_STRUCT(late_left, struct late_left, late_left_done)
#define auto_late_left __attribute__((cleanup(auto_late_left_)))
