/*
 * adoption - what is known of an adoption while it is done; the steps that both ways of it share.
 *
 * Offline nothing else writes: copy, carve, publish (init.c). A system that runs is adopted by an
 * exchange, and carved at its next boot (live.c).
 */
#pragma once
#include "beside.h"
#include "operation.h"
#include "verify.h"

struct adoption {
	char original[GENERATION_PATH_MAX];
	struct generation first; /* generation 1 */
	struct kernel kernel;
	struct digest linux_digest, initrd_digest;
	char *options;
	char *loader_conf; /* the original's; NULL = none */
	uint64_t original_transid; /* once it was copied; 0 = not known yet */
	struct beside beside;
};

/* Steps that make what every adoption needs, and the copy of the original in @gens/.1.tmp/root. */
void adoption_plan_copy(const struct machine *machine, const struct adoption *adoption,
			struct plan *plan);
/* The documents of generation 0, whose root is the original's, and a sync. */
void adoption_plan_zero(const struct machine *machine, const struct adoption *adoption, int64_t now,
			struct plan *plan);
/* Generation 1 as it is before anything is known of what is in it. */
void adoption_begin_first(struct adoption *adoption, int64_t now);
/* Offers generation 1 on trial; `before_commit`, which may be empty, is emptied. */
bool adoption_publish_first(struct operation *operation, const struct adoption *adoption,
			    struct plan *before_commit, struct err *err);

/* --- works, on @gens/.1.tmp --- */
bool adoption_adapt(struct operation *operation, struct err *err);
bool adoption_verify(struct operation *operation, struct err *err);
bool adoption_record(struct operation *operation, struct err *err);
