/* Which generation is meant: current, pending, the one to go back to, the one a person names. */
#include <stdio.h>
#include <string.h>
#include "listing.h"
#include "text.h"

/*
 * "@gens/7/root" names generation 7. The default of an adopted machine that was never blessed
 * names the original, or nothing of ours: that is generation 0.
 */
struct generation *listing_of_root(const struct listing *listing, const char *path)
{
	struct generation *zero = listing_find(listing, 0), *gen;
	char root[GENERATION_PATH_MAX];
	unsigned id = 0;

	if (!path || sscanf(path, "@gens/%u/", &id) != 1)
		gen = zero;
	else
		gen = listing_find(listing, id);
	return gen && !gen->damage && text_equal(generation_root(gen, root), path) ? gen : NULL;
}

struct generation *listing_current(const struct listing *listing)
{
	struct generation *gen = listing_of_root(listing, listing->default_root);

	return gen ? gen : listing_find(listing, 0);
}

bool listing_undone(const struct listing *listing)
{
	const struct generation *zero = listing_find(listing, 0);

	return zero && !zero->damage && zero->undone;
}

struct generation *listing_adopting(const struct listing *listing)
{
	struct generation *first = listing_find(listing, 1);

	return first && !first->damage && !generation_is_whole(first) ? first : NULL;
}

struct generation *listing_pending(const struct listing *listing)
{
	const struct generation *current = listing_current(listing);

	for (size_t i = listing->count; i > 0; i--) {
		struct generation *gen = &listing->generations[i - 1];

		if (gen->damage || (current && gen->id <= current->id && gen->state != GEN_TRIAL))
			continue;
		if (gen->state == GEN_TRIAL || gen->state == GEN_BUILT)
			return gen;
	}
	return NULL;
}

static bool was_given_up(const struct generation *gen)
{
	return gen->state == GEN_BAD || gen->state == GEN_GOOD ||
	       (gen->state == GEN_BUILT && gen->reason && !gen->stale);
}

struct generation *listing_given_up(const struct listing *listing)
{
	const struct generation *current = listing_current(listing);

	for (size_t i = listing->count; i > 0; i--) {
		struct generation *gen = &listing->generations[i - 1];

		if (gen->damage || !text_equal(gen->source, "packages"))
			continue;
		/* a good one that is newer than current was left by a rollback */
		if (gen->state == GEN_GOOD && (!current || gen->id <= current->id))
			return NULL;
		if (was_given_up(gen))
			return gen;
	}
	return NULL;
}

struct generation *listing_base(const struct listing *listing, bool continue_pending)
{
	struct generation *pending = continue_pending ? listing_pending(listing) : NULL;

	return pending ? pending : listing_current(listing);
}

static struct generation *last_good(const struct listing *listing)
{
	const struct generation *current = listing_current(listing);
	int running = listing->running.live ? listing->running.booted
		      : current		    ? (int)current->id
					    : -1;

	for (size_t i = listing->count; i > 0; i--) {
		struct generation *gen = &listing->generations[i - 1];

		if (!gen->damage && gen->state == GEN_GOOD && (int)gen->id != running &&
		    !listing_is_surpassed(listing, gen, running))
			return gen;
	}
	return NULL;
}

static struct generation *find_running(const struct listing *listing)
{
	return listing->running.live && listing->running.booted >= 0
		       ? listing_find(listing, (unsigned)listing->running.booted)
		       : NULL;
}

static struct generation *find_named(const struct listing *listing, const char *name)
{
	for (size_t i = listing->count; i > 0; i--)
		if (text_equal(listing->generations[i - 1].name, name))
			return &listing->generations[i - 1];
	return NULL;
}

/* What stands for a generation that changes; no generation can be called so. */
static const struct {
	const char *word;
	struct generation *(*find)(const struct listing *listing);
	const char *none;
} words[] = {
	{"last", last_good, "there is no good generation other than the one in use"},
	{"current", listing_current, "there is no current generation"},
	{"running", find_running, "no generation of this disk is running"},
};

bool listing_is_word(const char *which)
{
	for (size_t i = 0; i < COUNT(words); i++)
		if (strcmp(which, words[i].word) == 0)
			return true;
	return false;
}

static struct generation *find_word(const struct listing *listing, const char *which,
				    struct err *err)
{
	size_t i = 0;
	struct generation *found;

	while (strcmp(words[i].word, which) != 0)
		i++;
	found = words[i].find(listing);
	if (!found)
		err_set(err, ERR_REFUSED, 0, "%s", words[i].none);
	return found;
}

struct generation *listing_select(const struct listing *listing, const char *which, struct err *err)
{
	struct generation *found;
	unsigned long long id;

	if (!which || listing_is_word(which)) {
		found = find_word(listing, which ? which : "last", err);
	} else if (text_to_u64(which, &id)) {
		found = id <= UINT32_MAX ? listing_find(listing, (unsigned)id) : NULL;
		if (!found)
			err_set(err, ERR_REFUSED, 0, "there is no generation %s",
				text_quote(which));
	} else {
		found = find_named(listing, which);
		if (!found)
			err_set(err, ERR_REFUSED, 0, "no generation is named %s",
				text_quote(which));
	}
	if (found && found->damage) {
		err_set(err, ERR_CORRUPT, 0, "generation %u is damaged: %s", found->id,
			found->damage);
		found = NULL;
	}
	if (!found)
		err_try(err, "moult list");
	return found;
}
