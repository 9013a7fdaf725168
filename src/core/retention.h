/*
 * retention - which generations stay and which go, and why.
 *
 * Pure. What the rules of the switch protect (docs/design/switch.md, rule 9) stays whatever the
 * owner's limits say. Of the rest, what failed or will never be tried goes at once; good ones go, the
 * oldest first, when there are more than `keep`, when they are older than max_age_sec, or when the
 * free space is below min_free_bytes.
 */
#pragma once
#include "listing.h"

struct retention {
	unsigned keep; /* good ones besides current and the last other good one */
	unsigned
		keep_automatic; /* checkpoints that nobody asked for; they make room for each other alone */
	int next; /* what the loader boots next, -1 = unknown */
	int64_t now, max_age_sec; /* 0 = age does not matter */
	uint64_t free_bytes, min_free_bytes; /* 0 = space does not matter */
	/* What each takes alone, as the generations of the listing; NULL = not measured: nothing goes for space. */
	const uint64_t *exclusive_bytes;
};

struct fate {
	unsigned id;
	bool goes;
	char *why; /* for people: "it is pinned", "older than 30 days" */
};

struct fates {
	struct fate *list; /* by id, ascending; all generations of the listing */
	size_t count;
};

void retention_decide(const struct listing *listing, const struct retention *retention,
		      struct fates *ret);
void fates_done(struct fates *fates);
size_t fates_going(const struct fates *fates);
/* Whether more would have to go than do, were exclusive_bytes known. */
bool retention_is_short(const struct retention *retention);
/* Why `generation` must stay, for people; NULL = it may go. */
const char *retention_protects(const struct listing *listing, const struct retention *retention,
			       const struct generation *generation);

DEFINE_AUTO_STRUCT(fates, struct fates, fates_done)
#define auto_fates __attribute__((cleanup(auto_fates_)))
