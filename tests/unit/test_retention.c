/* Which generations stay and which go: by rule, by count, by age, by space; and that it is said why. */
#include <string.h>
#include "retention.h"
#include "text.h"
#include "unit.h"

#define DAY INT64_C(86400)
#define NOW (INT64_C(20000) * DAY)
#define MIB(n) ((uint64_t)(n) << 20)

/* Generation 0 and good ones 1…count, the highest current; one a day until today; nothing runs. */
static struct listing machine_with(unsigned count)
{
	struct listing listing = {.adopted = true, .running = {.booted = -1}};

	for (unsigned id = 0; id <= count; id++) {
		struct generation *gen = array_add(listing.generations, listing.count);

		*gen = (struct generation){.id = id, .parent = (int)id - 1, .state = GEN_GOOD};
		gen->created = NOW - (count - id) * DAY;
		gen->source = xstrdup("packages");
		if (id == 0)
			gen->original = xstrdup("@rootfs");
	}
	listing.default_root = xasprintf("@gens/%u/root", count);
	return listing;
}

/* `ids` are those that go, ended by 0; every one that stays or goes says why. */
static void goes(const struct listing *listing, const struct retention *retention,
		 const unsigned *ids)
{
	auto_fates struct fates fates = {0};
	size_t going = 0;

	retention_decide(listing, retention, &fates);
	ck_assert_uint_eq(fates.count, listing->count);
	for (size_t i = 0; i < fates.count; i++) {
		const struct fate *fate = &fates.list[i];

		ck_assert_uint_eq(fate->id, listing->generations[i].id);
		ck_assert_ptr_nonnull(fate->why);
		if (!fate->goes)
			continue;
		ck_assert_msg(fate->id == ids[going], "%u goes (%s), not %u", fate->id, fate->why,
			      ids[going]);
		going++;
		ck_assert_ptr_null(
			retention_protects(listing, retention, &listing->generations[i]));
	}
	ck_assert_uint_eq(ids[going], 0);
	ck_assert_uint_eq(fates_going(&fates), going);
}

static void because(const struct listing *listing, const struct retention *retention, unsigned id,
		    const char *why)
{
	auto_fates struct fates fates = {0};

	retention_decide(listing, retention, &fates);
	ck_assert_str_eq(fates.list[id].why, why);
}

START_TEST(what_the_rules_protect_never_goes)
{
	auto_listing struct listing listing = machine_with(9);
	/* count, age and space all ask for everything */
	uint64_t sizes[10] = {0};
	struct retention retention = {.keep = 0,
				      .next = 7,
				      .now = NOW + 1000 * DAY,
				      .max_age_sec = DAY,
				      .min_free_bytes = MIB(999999),
				      .exclusive_bytes = sizes};

	listing.running = (struct running){.live = true, .booted = 5};
	listing.generations[3].pinned = true;
	listing.generations[4].damage = xstrdup("broken");
	/* 0 and 1: the way back to before moult; 3 pinned; 4 damaged; 5 runs; 7 next; 8 last other good; 9 current */
	goes(&listing, &retention, (const unsigned[]){2, 6, 0});
	because(&listing, &retention, 0, "it is the way back to before moult");
	because(&listing, &retention, 3, "it is pinned");
	because(&listing, &retention, 4, "it is damaged, and may be all that is left of it");
	because(&listing, &retention, 5, "it is running");
	because(&listing, &retention, 7, "the loader boots it next");
	because(&listing, &retention, 8, "it is the last other good generation");
	because(&listing, &retention, 9, "it is current");
}
END_TEST

START_TEST(what_is_pending_never_goes_but_a_stale_one_does)
{
	auto_listing struct listing listing = machine_with(4);
	struct retention retention = {.keep = 0, .next = -1};

	listing.generations[4].state = GEN_TRIAL;
	free(listing.default_root);
	listing.default_root = xstrdup("@gens/3/root");
	goes(&listing, &retention, (const unsigned[]){0});
	because(&listing, &retention, 4, "it is pending");
	listing.generations[4].stale = true;
	goes(&listing, &retention, (const unsigned[]){4, 0});
	because(&listing, &retention, 4, "it is stale");
}
END_TEST

START_TEST(as_many_as_asked_are_kept_and_failures_go_first)
{
	auto_listing struct listing listing = machine_with(8);
	struct retention retention = {.keep = 3, .next = 8};

	listing.generations[3].state = GEN_BAD;
	listing.generations[5].state = GEN_BAD;
	/* good are 0 1 2 4 6 7 8: two of them may go, 0 and 1 may not, 5 is the newest failure */
	goes(&listing, &retention, (const unsigned[]){2, 3, 4, 0});
	because(&listing, &retention, 2, "more than the 3 good ones that are kept besides");
	because(&listing, &retention, 3, "it failed, and another one failed since");
	because(&listing, &retention, 5, "it is the last one that failed, kept to be looked into");
	because(&listing, &retention, 6, "one of the 3 good ones that are kept besides");
}
END_TEST

START_TEST(good_ones_go_by_age)
{
	auto_listing struct listing listing = machine_with(9);
	struct retention retention = {.keep = 100, .next = 9, .now = NOW};

	goes(&listing, &retention, (const unsigned[]){0});
	retention.max_age_sec = 5 * DAY;
	/* 4 is five days old today, not older */
	goes(&listing, &retention, (const unsigned[]){2, 3, 0});
	because(&listing, &retention, 3, "older than 5 days");
	/* whose age is not known, or lies ahead, is not old */
	listing.generations[2].created = 0;
	listing.generations[3].created = NOW + DAY;
	goes(&listing, &retention, (const unsigned[]){0});
}
END_TEST

START_TEST(older_ones_go_until_there_is_space)
{
	auto_listing struct listing listing = machine_with(8);
	uint64_t sizes[9];
	struct retention retention = {
		.keep = 100, .next = 8, .min_free_bytes = MIB(1000), .free_bytes = MIB(1000)};

	for (size_t i = 0; i < COUNT(sizes); i++)
		sizes[i] = MIB(100);
	ck_assert(!retention_is_short(&retention));
	retention.exclusive_bytes = sizes;
	goes(&listing, &retention, (const unsigned[]){0});
	retention.free_bytes = MIB(850);
	ck_assert(retention_is_short(&retention));
	goes(&listing, &retention, (const unsigned[]){2, 3, 0});
	because(&listing, &retention, 3, "less than 1000 MiB are free");
	/* what goes for another reason counts */
	listing.generations[5].state = GEN_BAD;
	listing.generations[6].state = GEN_BAD;
	goes(&listing, &retention, (const unsigned[]){2, 5, 0});
	/* not measured: nothing goes for space */
	retention.exclusive_bytes = NULL;
	goes(&listing, &retention, (const unsigned[]){5, 0});
}
END_TEST

UNIT_MAIN("retention", what_the_rules_protect_never_goes,
	  what_is_pending_never_goes_but_a_stale_one_does,
	  as_many_as_asked_are_kept_and_failures_go_first, good_ones_go_by_age,
	  older_ones_go_until_there_is_space)
