/*
 * rollback_base - back to a generation as it was built: a new generation from its base.
 *
 * The root of the generation itself, with what its owner changed in it, stays as it is. What was
 * found good needs no trial, so the new one is good from the moment it is listed. A cut before it
 * is current leaves it as one more good generation in the menu.
 */
#pragma once
#include "operation.h"

/* Makes, lists and publishes it; *ret_id is its number. Before the commit a failure takes it all back. */
bool rollback_base(struct operation *operation, const struct generation *generation,
		   unsigned *ret_id, struct err *err);
/* Plans the same; for --dry-run. */
bool rollback_base_plan(struct machine *machine, const struct generation *generation,
			struct plan *plan, struct err *err);
