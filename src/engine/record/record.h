/*
 * record - what a generation keeps beside its root: packages, units, families, pristine defaults.
 *
 * Written once into a subvolume of its own, which is read-only from then on. etc.base/ holds each
 * default configuration file as its package brought it; where it cannot be had any more (the owner
 * changed the file, and the parent's record has no copy either) etc.base.json says `unknown`.
 */
#pragma once
#include "machine.h"

struct record_request {
	const char *directory; /* "@gens/.7.tmp"; makes `directory`/record */
	const char *parent_record; /* path on the pool of the parent's record; NULL = none */
};

/* On success the caller owns *ret_package_digest. On failure recovery deletes what was begun. */
bool record_write(struct machine *machine, const struct record_request *request,
		  char **ret_package_digest, struct err *err);
