#include <string.h>
#include "changes.h"
#include "text.h"

static const struct generation *newest_bad(const struct listing *listing)
{
	for (size_t i = listing->count; i > 0; i--)
		if (!listing->generations[i - 1].damage &&
		    listing->generations[i - 1].state == GEN_BAD)
			return &listing->generations[i - 1];
	return NULL;
}

const char *retention_protects(const struct listing *listing, const struct retention *retention,
			       const struct generation *gen)
{
	const struct generation *current = listing_current(listing);
	const struct generation *other = current ? listing_other_good(listing, current->id) : NULL;

	if (listing->running.live && listing->running.booted == (int)gen->id)
		return "it is running";
	if (current && current->id == gen->id)
		return "it is current";
	if (retention->next == (int)gen->id)
		return "the loader boots it next";
	if (gen->pinned)
		return "it is pinned";
	if (gen == listing_pending(listing) && !gen->stale)
		return "it is pending";
	if (gen == other)
		return "it is the last other good generation";
	if (gen->damage)
		return "it is damaged, and may be all that is left of it";
	if (gen->state == GEN_BAD && gen == newest_bad(listing))
		return "it is the last one that failed, kept to be looked into";
	if (gen->id <= 1 && listing_find(listing, 0))
		return "it is the way back to before moult";
	return NULL;
}

/* Bad ones and those that will never be tried make room first; good ones go by age. */
static bool is_good(const struct generation *gen)
{
	return !gen->damage && gen->state == GEN_GOOD;
}

size_t retention_select(const struct listing *listing, const struct retention *retention,
			unsigned **ret_ids)
{
	/* current and the last other good one are counted apart from `keep` */
	size_t count = 0, good = 0, automatic = 0, keep = (size_t)retention->keep + 2;
	unsigned *ids = NULL;

	for (size_t i = 0; i < listing->count; i++) {
		good += is_good(&listing->generations[i]) && !listing->generations[i].automatic;
		automatic += is_good(&listing->generations[i]) && listing->generations[i].automatic;
	}
	for (size_t i = 0; i < listing->count; i++) {
		const struct generation *gen = &listing->generations[i];

		if (retention_protects(listing, retention, gen))
			continue;
		if (is_good(gen) &&
		    (gen->automatic ? automatic <= retention->keep_automatic : good <= keep))
			continue;
		good -= is_good(gen) && !gen->automatic;
		automatic -= is_good(gen) && gen->automatic;
		*array_add(ids, count) = gen->id;
	}
	*ret_ids = ids;
	return count;
}
