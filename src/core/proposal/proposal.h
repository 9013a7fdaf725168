/*
 * proposal - a good generation that tries another kernel, initrd or command line.
 *
 * It is a publication on trial beside the one that the generation boots by default, so it is judged
 * by itself: if it fails, it is the publication that is bad, and the generation stays good. At most
 * one generation has one, and that is current. Pure.
 */
#pragma once
#include "listing.h"

/* What a good generation tries; NULL = nothing. */
struct publication *generation_proposed(const struct generation *generation);
/* What it tried since the publication that it boots by default, and that failed; NULL = nothing. */
struct publication *generation_refused(const struct generation *generation);
/* The good generation that tries something; NULL = none. */
struct generation *listing_proposing(const struct listing *listing);
/* A generation that waits for the end of that; NULL = none. One that became stale waits no more. */
struct generation *listing_waiting(const struct listing *listing);
/* It comes by itself: it is on trial, or waits for the end of what current tries. */
bool generation_comes(const struct generation *generation);
/* When it is booted, for people: "it is tried at the next boot" … Caller frees. */
char *generation_when(const struct listing *listing, const struct generation *generation);

/* Whether both boot the same kernel and initrd with the same options. */
bool publication_same(const struct publication *a, const struct publication *b);
/* What is new of `after`, for people: "kernel command line", "kernel", "initrd" … Static. */
const char *publication_novelty(const struct publication *before, const struct publication *after);
/* The same for a publication of a generation, against what it boots by default. */
const char *generation_novelty(const struct generation *generation,
			       const struct publication *publication);

/* A release that is not known is that of another publication with the same kernel, if there is one. */
void publication_learn_kernel(const struct generation *generation, struct publication *publication);

/*
 * `publication` is what the generation boots by default from now on. What a good one booted before
 * stays in the menu, for a person to choose, if it is something else; of those the newest alone.
 */
void generation_settle(struct generation *generation, struct publication *publication);
