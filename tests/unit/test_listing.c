#include <string.h>
#include "changes.h"
#include "listing.h"
#include "text.h"
#include "unit.h"

/* Generation 0 and good ones 1…count, the highest current; nothing runs. */
static struct listing machine_with(unsigned count)
{
	struct listing listing = {.adopted = true, .running = {.booted = -1}};

	for (unsigned id = 0; id <= count; id++) {
		struct generation *gen = array_add(listing.generations, listing.count);

		*gen = (struct generation){.id = id, .parent = (int)id - 1, .state = GEN_GOOD};
		gen->source = xstrdup("packages");
		if (id == 0)
			gen->original = xstrdup("@rootfs");
	}
	listing.default_root = xasprintf("@gens/%u/root", count);
	return listing;
}

static void add_subvolume(struct listing *listing, const char *path)
{
	*array_add(listing->subvolumes, listing->subvolume_count) = xstrdup(path);
}

START_TEST(current_is_what_the_default_subvolume_names)
{
	auto_listing struct listing listing = machine_with(3);

	ck_assert_uint_eq(listing_current(&listing)->id, 3);
	free(listing.default_root);
	listing.default_root = xstrdup("@gens/2/root");
	ck_assert_uint_eq(listing_current(&listing)->id, 2);
}
END_TEST

START_TEST(current_is_the_original_until_something_was_blessed)
{
	auto_listing struct listing listing = machine_with(1);

	free(listing.default_root);
	listing.default_root = xstrdup("");
	ck_assert_uint_eq(listing_current(&listing)->id, 0);
}
END_TEST

START_TEST(pending_is_the_newest_that_was_not_tried_out)
{
	auto_listing struct listing listing = machine_with(3);

	ck_assert_ptr_null(listing_pending(&listing));
	array_add(listing.generations, listing.count)->id = 4;
	listing.generations[4].state = GEN_TRIAL;
	ck_assert_uint_eq(listing_pending(&listing)->id, 4);
	ck_assert_uint_eq(listing_base(&listing, false)->id, 3);
	ck_assert_uint_eq(listing_base(&listing, true)->id, 4);
	listing.generations[4].state = GEN_BAD;
	ck_assert_ptr_null(listing_pending(&listing));
}
END_TEST

START_TEST(a_generation_is_named_by_number_name_or_last)
{
	auto_listing struct listing listing = machine_with(3);
	struct err err = {0};

	listing.generations[1].name = xstrdup("party");
	listing.generations[2].state = GEN_BAD;
	ck_assert_uint_eq(listing_select(&listing, "2", &err)->id, 2);
	ck_assert_uint_eq(listing_select(&listing, "party", &err)->id, 1);
	ck_assert_uint_eq(listing_select(&listing, NULL, &err)->id, 1);
	ck_assert_uint_eq(listing_select(&listing, "last", &err)->id, 1);
	ck_assert_ptr_null(listing_select(&listing, "9", &err));
	ck_assert_str_eq(err.hint, "moult list");
	ck_assert_ptr_null(listing_select(&listing, "\033[31mparty", &err));
	ck_assert_ptr_nonnull(strstr(err.text, "\\x1b"));
}
END_TEST

START_TEST(words_stand_for_what_is_current_and_what_runs)
{
	auto_listing struct listing listing = machine_with(3);
	struct err err = {0};

	ck_assert_uint_eq(listing_select(&listing, "current", &err)->id,
			  listing_current(&listing)->id);
	ck_assert_ptr_null(listing_select(&listing, "running", &err));
	ck_assert_ptr_nonnull(strstr(err.text, "no generation of this disk is running"));
	listing.running = (struct running){.live = true, .booted = 2};
	ck_assert_uint_eq(listing_select(&listing, "running", &err)->id, 2);
	/* so nothing can be called by one of them */
	ck_assert(!listing_check_name(&listing, &listing.generations[1], "current", &err));
	ck_assert(!listing_check_name(&listing, &listing.generations[1], "running", &err));
}
END_TEST

START_TEST(last_is_not_what_runs)
{
	auto_listing struct listing listing = machine_with(3);
	struct err err = {0};

	listing.running = (struct running){.live = true, .booted = 2};
	ck_assert_uint_eq(listing_select(&listing, "last", &err)->id, 3);
}
END_TEST

START_TEST(a_damaged_generation_is_shown_why_and_never_chosen)
{
	auto_listing struct listing listing = machine_with(3);
	struct err err = {0};

	listing.generations[2].damage = xstrdup("state.json is missing");
	ck_assert_ptr_null(listing_select(&listing, "2", &err));
	ck_assert_int_eq(err.kind, ERR_CORRUPT);
	ck_assert_ptr_nonnull(strstr(err.text, "state.json is missing"));
	ck_assert_uint_eq(listing_select(&listing, "last", &err)->id, 1);
}
END_TEST

START_TEST(deleting_goes_from_the_deepest_subvolume_up)
{
	auto_listing struct listing listing = machine_with(2);
	auto_plan struct plan plan = {0};
	struct err err = {0};

	add_subvolume(&listing, "@gens/2/base");
	add_subvolume(&listing, "@gens/2/data/@var");
	add_subvolume(&listing, "@gens/2/root");
	add_subvolume(&listing, "@gens/22/root");
	ck_assert(plan_delete(&plan, &listing, 2, &err));
	ck_assert_uint_eq(plan.count, 7);
	/* half deleted it is a leftover, not a damaged generation */
	ck_assert_int_eq(plan.steps[0].kind, STEP_RENAME);
	ck_assert_str_eq(plan.steps[0].path, "@gens/.2.tmp");
	ck_assert_int_eq(plan.steps[1].kind, STEP_SYNC);
	ck_assert_str_eq(plan.steps[2].path, "@gens/.2.tmp/root");
	ck_assert_str_eq(plan.steps[4].path, "@gens/.2.tmp/base");
	ck_assert_int_eq(plan.steps[5].kind, STEP_REMOVE_TREE);
}
END_TEST

START_TEST(deleting_never_takes_a_subvolume_that_moult_did_not_make)
{
	auto_listing struct listing listing = machine_with(2);
	auto_plan struct plan plan = {0}, leftover = {0};
	struct err err = {0};

	add_subvolume(&listing, "@gens/.3.tmp/root");
	add_subvolume(&listing, "@gens/.3.tmp/root/nested");
	add_subvolume(&listing, "@gens/2/root");
	add_subvolume(&listing, "@gens/2/root/var/lib/machines");
	ck_assert(!plan_delete(&plan, &listing, 2, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "var/lib/machines"));
	plan_delete_leftover(&leftover, &listing, 3);
	ck_assert_uint_eq(leftover.count, 4);
	ck_assert_str_eq(leftover.steps[0].path, "@gens/.3.tmp/root/nested");
}
END_TEST

START_TEST(numbers_are_reserved_before_they_are_used)
{
	auto_listing struct listing listing = machine_with(2);
	auto_plan struct plan plan = {0};

	listing.layout = (struct layout){.last_id = 5, .last_serial = 9};
	plan_reserve(&plan, &listing.layout, 6, 3);
	ck_assert_int_eq(plan.steps[0].kind, STEP_REPLACE);
	ck_assert_ptr_nonnull(strstr(plan.steps[0].text, "\"last_id\": 6"));
	ck_assert_ptr_nonnull(strstr(plan.steps[0].text, "\"last_serial\": 9"));
	ck_assert_int_eq(plan.steps[1].kind, STEP_SYNC);
}
END_TEST

/* Otherwise a commit between the two could list documents that are still empty. */
START_TEST(a_generation_is_durable_before_and_after_it_is_listed)
{
	struct generation gen = {.id = 7, .state = GEN_BUILT};
	auto_plan struct plan plan = {0};
	size_t i = 0;

	plan_list(&plan, &gen);
	while (plan.steps[i].kind != STEP_RENAME)
		i++;
	ck_assert_int_eq(plan.steps[i - 1].kind, STEP_SYNC);
	ck_assert_int_eq(plan.steps[i + 1].kind, STEP_SYNC);
}
END_TEST

UNIT_MAIN("listing", current_is_what_the_default_subvolume_names,
	  current_is_the_original_until_something_was_blessed,
	  pending_is_the_newest_that_was_not_tried_out,
	  a_generation_is_named_by_number_name_or_last, last_is_not_what_runs,
	  words_stand_for_what_is_current_and_what_runs,
	  a_damaged_generation_is_shown_why_and_never_chosen,
	  deleting_goes_from_the_deepest_subvolume_up,
	  deleting_never_takes_a_subvolume_that_moult_did_not_make,
	  numbers_are_reserved_before_they_are_used,
	  a_generation_is_durable_before_and_after_it_is_listed)
