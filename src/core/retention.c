#include "retention.h"
#include <stdlib.h>
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

/* --- what is allowed ---------------------------------------------------------------------------- */

#define DAY_SEC 86400

static bool is_good(const struct generation *gen)
{
	return !gen->damage && gen->state == GEN_GOOD;
}

bool retention_is_short(const struct retention *retention)
{
	return retention->min_free_bytes > 0 && retention->free_bytes < retention->min_free_bytes;
}

/* A creation that is unknown, or to come, is no age. */
static bool is_too_old(const struct retention *retention, const struct generation *gen)
{
	return retention->max_age_sec > 0 && gen->created > 0 &&
	       retention->now - gen->created > retention->max_age_sec;
}

struct deciding {
	const struct listing *listing;
	const struct retention *retention;
	size_t good, automatic; /* that stay so far */
	uint64_t free_bytes; /* once those that go so far are gone */
};

static uint64_t size_of(const struct deciding *deciding, const struct generation *gen)
{
	const uint64_t *sizes = deciding->retention->exclusive_bytes;

	return sizes ? sizes[gen - deciding->listing->generations] : 0;
}

static bool wants_room(const struct deciding *deciding)
{
	const struct retention *retention = deciding->retention;

	return retention_is_short(retention) && retention->exclusive_bytes &&
	       deciding->free_bytes < retention->min_free_bytes;
}

/* Why a good one that nothing protects goes; NULL = it stays. */
static char *why_good_goes(const struct deciding *deciding, const struct generation *gen)
{
	const struct retention *retention = deciding->retention;

	/* current and the last other good one are counted apart from `keep` */
	if (!gen->automatic && deciding->good > (size_t)retention->keep + 2)
		return xasprintf("more than the %u good ones that are kept besides",
				 retention->keep);
	if (gen->automatic && deciding->automatic > retention->keep_automatic)
		return xasprintf(
			"more than the %u checkpoints that are kept which nobody asked for",
			retention->keep_automatic);
	if (is_too_old(retention, gen))
		return xasprintf("older than %lld days",
				 (long long)(retention->max_age_sec / DAY_SEC));
	if (wants_room(deciding))
		return xasprintf("less than %llu MiB are free",
				 (unsigned long long)(retention->min_free_bytes >> 20));
	return NULL;
}

static char *why_other_goes(const struct generation *gen)
{
	if (gen->state == GEN_BAD)
		return xstrdup("it failed, and another one failed since");
	return gen->stale ? xstrdup("it is stale") : xstrdup("it will not be tried any more");
}

static struct fate decide(struct deciding *deciding, const struct generation *gen)
{
	const char *protection = retention_protects(deciding->listing, deciding->retention, gen);
	struct fate fate = {.id = gen->id};

	if (protection) {
		fate.why = xstrdup(protection);
		return fate;
	}
	fate.why = is_good(gen) ? why_good_goes(deciding, gen) : why_other_goes(gen);
	fate.goes = fate.why != NULL;
	if (!fate.goes && gen->automatic)
		fate.why =
			xasprintf("one of the %u checkpoints that are kept which nobody asked for",
				  deciding->retention->keep_automatic);
	else if (!fate.goes)
		fate.why = xasprintf("one of the %u good ones that are kept besides",
				     deciding->retention->keep);
	else
		deciding->free_bytes += size_of(deciding, gen);
	deciding->good -= fate.goes && is_good(gen) && !gen->automatic;
	deciding->automatic -= fate.goes && is_good(gen) && gen->automatic;
	return fate;
}

/* Those that failed or will never be tried make room first; good ones go by age. */
void retention_decide(const struct listing *listing, const struct retention *retention,
		      struct fates *ret)
{
	struct deciding deciding = {
		.listing = listing, .retention = retention, .free_bytes = retention->free_bytes};
	struct fates fates = {.list = xcalloc(listing->count, sizeof(struct fate)),
			      .count = listing->count};

	for (size_t i = 0; i < listing->count; i++) {
		const struct generation *gen = &listing->generations[i];

		deciding.good += is_good(gen) && !gen->automatic;
		deciding.automatic += is_good(gen) && gen->automatic;
	}
	for (int good = 0; good <= 1; good++)
		for (size_t i = 0; i < listing->count; i++)
			if (is_good(&listing->generations[i]) == (good == 1))
				fates.list[i] = decide(&deciding, &listing->generations[i]);
	*ret = fates;
}

size_t fates_going(const struct fates *fates)
{
	size_t going = 0;

	for (size_t i = 0; i < fates->count; i++)
		going += fates->list[i].goes;
	return going;
}

void fates_done(struct fates *fates)
{
	for (size_t i = 0; i < fates->count; i++)
		free(fates->list[i].why);
	free(fates->list);
	*fates = (struct fates){0};
}
