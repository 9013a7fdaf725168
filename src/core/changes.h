/*
 * changes - the plans that concern the pool alone: making, recording, deleting generations.
 *
 * Pure. What concerns the loader is planned by boot/; engine/ joins the two in the order that the
 * rules of the switch (docs/design/switch.md) demand.
 */
#pragma once
#include "listing.h"
#include "plan.h"

#define MOULT_DIRECTORY "@moult"
#define GENS_DIRECTORY "@gens"

/* layout.json with these numbers, then sync: before either number is used. */
void plan_reserve(struct plan *plan, const struct layout *layout, uint64_t id, uint64_t serial);
/* state.json of this generation, replaced; the caller syncs. */
void plan_state(struct plan *plan, const struct generation *generation);

/*
 * Directory and root snapshot of generation `id`, from the root at `from`. With `ancestor` what edits
 * are told by later, too: a snapshot of it, read-only; where that is `from` itself the two are the
 * same to the last byte.
 */
void plan_begin(struct plan *plan, unsigned id, const char *from, const char *ancestor);
/* base, generation.json, state.json, then the rename that lists it, each side synced. */
void plan_list(struct plan *plan, const struct generation *generation);

/*
 * Deletes what a generation owns: made a leftover by a rename, then its subvolumes, deepest first,
 * then the directory; cut off, recovery goes on. A subvolume that moult did not make (nested in the
 * root) is a refusal, unless the generation was never listed.
 */
bool plan_delete(struct plan *plan, const struct listing *listing, unsigned id, struct err *err);
void plan_delete_leftover(struct plan *plan, const struct listing *listing, unsigned id);
