/*
 * pristine - pristine copies of configuration files, for the three-way merges to come.
 *
 * dpkg keeps digests, not texts. A default is taken, by its digest, from the first of: the file
 * itself (its owner did not change it), what the source collected beside it, the parent's record.
 */
#pragma once
#include "dpkg.h"
#include "host.h"

struct pristine {
	struct host *host;
	const char *root; /* path on the pool */
	const char *fresh; /* folder of collected defaults, "…/new-defaults"; may not exist */
	const char *parent_record; /* NULL = none */
	const char *record; /* writable; gets etc.base/ */
};

/* *ret_unknown is an array of the paths whose default cannot be had; caller owns. */
bool pristine_collect(const struct pristine *pristine, const struct packages *packages,
		      json_t **ret_unknown, struct err *err);
