#include "proposal.h"
#include <string.h>
#include "text.h"

struct publication *generation_proposed(const struct generation *gen)
{
	if (gen->damage || gen->state != GEN_GOOD)
		return NULL;
	for (size_t i = gen->publication_count; i > 0; i--)
		if (gen->publications[i - 1].kind == PUB_TRIAL)
			return &gen->publications[i - 1];
	return NULL;
}

struct publication *generation_refused(const struct generation *gen)
{
	const struct publication *proven = generation_last_publication(gen);
	struct publication *newest;

	if (gen->damage || gen->state != GEN_GOOD || gen->publication_count == 0)
		return NULL;
	newest = &gen->publications[gen->publication_count - 1];
	return newest->failed && newest->reason && proven && newest->serial > proven->serial
		       ? newest
		       : NULL;
}

struct generation *listing_proposing(const struct listing *listing)
{
	for (size_t i = listing->count; i > 0; i--)
		if (generation_proposed(&listing->generations[i - 1]))
			return &listing->generations[i - 1];
	return NULL;
}

struct generation *listing_waiting(const struct listing *listing)
{
	for (size_t i = listing->count; i > 0; i--) {
		struct generation *gen = &listing->generations[i - 1];

		if (!gen->damage && gen->state == GEN_BUILT && gen->waiting && !gen->stale &&
		    generation_last_publication(gen))
			return gen;
	}
	return NULL;
}

bool generation_comes(const struct generation *gen)
{
	return !gen->damage && !gen->stale &&
	       (gen->state == GEN_TRIAL || (gen->state == GEN_BUILT && gen->waiting));
}

char *generation_when(const struct listing *listing, const struct generation *gen)
{
	const struct generation *proposing = listing_proposing(listing);

	if (!gen->waiting)
		return xstrdup("it is tried at the next boot");
	if (!proposing)
		return xstrdup("it waits until it can be tried");
	return xasprintf("it is tried once the new %s of generation %u is found good or bad",
			 generation_novelty(proposing, generation_proposed(proposing)),
			 proposing->id);
}

static bool same_options(const struct publication *a, const struct publication *b)
{
	return strcmp(a->options ? a->options : "", b->options ? b->options : "") == 0;
}

bool publication_same(const struct publication *a, const struct publication *b)
{
	return strcmp(a->linux_sha256, b->linux_sha256) == 0 &&
	       strcmp(a->initrd_sha256, b->initrd_sha256) == 0 && same_options(a, b);
}

const char *publication_novelty(const struct publication *before, const struct publication *after)
{
	bool options = !same_options(before, after);

	if (strcmp(before->linux_sha256, after->linux_sha256) != 0)
		return options ? "kernel and command line" : "kernel";
	if (strcmp(before->initrd_sha256, after->initrd_sha256) != 0)
		return options ? "initrd and command line" : "initrd";
	return options ? "kernel command line" : "menu entry";
}

const char *generation_novelty(const struct generation *gen, const struct publication *pub)
{
	const struct publication *proven = generation_last_publication(gen);

	return proven ? publication_novelty(proven, pub) : "menu entry";
}

void publication_learn_kernel(const struct generation *gen, struct publication *pub)
{
	for (size_t i = gen->publication_count; !pub->kernel && i > 0; i--)
		if (strcmp(gen->publications[i - 1].linux_sha256, pub->linux_sha256) == 0)
			pub->kernel = xstrdup_or_null(gen->publications[i - 1].kernel);
}

/* The newest that differs, and what was booted by default rather than what only was in the menu. */
static struct publication *find_former(const struct generation *gen, const struct publication *pub)
{
	static const enum pub_kind kinds[] = {PUB_CURRENT, PUB_OLD};

	for (size_t k = 0; gen->state == GEN_GOOD && k < COUNT(kinds); k++)
		for (size_t i = gen->publication_count; i > 0; i--) {
			struct publication *other = &gen->publications[i - 1];

			if (other != pub && other->kind == kinds[k] &&
			    !publication_same(other, pub))
				return other;
		}
	return NULL;
}

void generation_settle(struct generation *gen, struct publication *pub)
{
	struct publication *former = find_former(gen, pub);

	for (size_t i = 0; i < gen->publication_count; i++)
		gen->publications[i].kind = PUB_NONE;
	if (former)
		former->kind = PUB_OLD;
	pub->kind = PUB_CURRENT;
}
