/* `init --undo`: the original boots again; cut off anywhere it is finished, or did not begin. */
#include <string.h>
#include "checks.h"
#include "checks_world.h"
#include "engine_judge.h"
#include "ordeal.h"
#include "text.h"
#include "verbs.h"

static const struct verb_request undo = {.verb = "init", .undo = true};

/* What the loader's file was before the adoption, and what becomes of it. */
#define SETTINGS "timeout 5\n"

/* Generation 2 is current, 1 is kept, 3 is on trial. */
static void open_world(struct engine_world *world)
{
	struct err err = {0};

	engine_world_open(world);
	engine_replace_in(world, "@gens/0/generation.json", "\"original_default\"",
			  "\"original_loader_conf\": \"timeout 5\\n\", \"original_default\"");
	reopen(world);
	must(engine_offer(&world->machine, 2, &err));
	must(engine_bless(&world->machine, 2, &err));
	must(engine_offer(&world->machine, 3, &err));
	fake_host_mark(world->fake);
}

static void run_undo(struct engine_world *world)
{
	struct err err = {0};
	json_t *answer = NULL;

	must(verb_init(&world->machine, &undo, &answer, &err));
	json_decref(answer);
}

/* NULL, or what is left of moult. */
static const char *left_over(struct engine_world *world)
{
	if (!listing_undone(&world->machine.listing))
		return "it is not marked";
	for (size_t i = 0; i < world->machine.menu.count; i++)
		if (world->machine.menu.entries[i].serial != 0)
			return world->machine.menu.entries[i].path;
	if (!text_equal(world->machine.menu.settings, SETTINGS))
		return "the settings";
	if (!text_equal(world->machine.listing.default_root, ""))
		return "the default subvolume";
	for (size_t i = 0; i < world->machine.listing.count; i++)
		if (world->machine.listing.generations[i].state == GEN_TRIAL)
			return "a trial";
	return NULL;
}

START_TEST(after_an_undo_nothing_of_moult_is_left_but_the_original)
{
	struct engine_world world;
	struct err err = {0};
	size_t effects;

	open_world(&world);
	run_undo(&world);
	ck_assert_msg(!left_over(&world), "%s", left_over(&world));
	effects = world.fake->effect_count;
	must(engine_recover(&world.machine, &err));
	ck_assert_uint_eq(world.fake->effect_count, effects);
	engine_world_done(&world);
}
END_TEST

/* The original's entry boots @rootfs, and so does whatever was there before moult. */
static bool boots_original(const struct fake_host *fake)
{
	unsigned boots = default_generation(fake);

	return boots == 0 || boots == 99;
}

static void boots_one(const struct fake_host *fake, const char *when)
{
	unsigned boots = default_generation(fake);

	ck_assert_msg(boots == 3 || boots == 2 || boots_original(fake), "%s: generation %u boots",
		      when, boots);
}

static void settled(struct engine_world *world, const char *when)
{
	const char *left;

	if (listing_undone(&world->machine.listing)) {
		left = left_over(world);
		ck_assert_msg(!left, "%s: %s is left", when, left);
		ck_assert_msg(boots_original(world->fake), "%s: generation %u boots", when,
			      default_generation(world->fake));
	} else {
		ck_assert_msg(default_generation(world->fake) == 3, "%s: generation %u boots", when,
			      default_generation(world->fake));
		ck_assert_uint_eq(menu_truth(&world->machine.menu)->generation, 2);
		ck_assert_uint_eq(listing_current(&world->machine.listing)->id, 2);
		ck_assert_int_eq(find(world, 3)->state, GEN_TRIAL);
	}
}

static const struct ordeal ordeal = {
	.open = open_world,
	.verb = verb_init,
	.request = &undo,
	.boots = boots_one,
	.settled = settled,
	.cuts = 60,
};

START_TEST(the_power_may_go_after_any_effect)
{
	ordeal_of_power(&ordeal);
}
END_TEST

/* The same while recovery finishes it: cut in the middle, then again anywhere. */
START_TEST(the_power_may_go_again_while_it_is_finished)
{
	struct engine_world world, half;
	struct fake_cut cut;
	struct err err = {0};
	size_t first;

	open_world(&world);
	run_undo(&world);
	/* the mark is durable, and nothing else yet */
	for (first = 0; world.fake->effects[first].kind != FAKE_SYNC; first++)
		;
	fake_cut_first(world.fake, first + 1, &cut);
	half = (struct engine_world){.progress = world.progress};
	half.fake = fake_host_after_cut(world.fake, &cut);
	reopen(&half);
	ck_assert(listing_undone(&half.machine.listing));
	ck_assert_uint_eq(default_generation(half.fake), 3);
	must(engine_recover(&half.machine, &err));
	ck_assert_msg(!left_over(&half), "%s", left_over(&half));
	for (size_t at = 0; at <= half.fake->effect_count; at++) {
		fake_cut_first(half.fake, at, &cut);
		ordeal_judge(&ordeal, &half, &cut);
	}
	engine_world_done(&half);
	engine_world_done(&world);
}
END_TEST

START_TEST(any_call_may_fail)
{
	ordeal_of_calls(&ordeal);
}
END_TEST

/* --- marked, and not done ------------------------------------------------------------------------ */

static void mark_only(struct engine_world *world)
{
	open_world(world);
	/* as it is after the first write: no trial, the mark, and all else as before */
	engine_replace_in(world, "@gens/3/state.json", "\"state\": \"trial\"",
			  "\"state\": \"built\"");
	engine_replace_in(world, "@gens/3/state.json", "\"kind\": \"trial\"", "\"kind\": \"none\"");
	engine_replace_in(world, "@gens/0/state.json", "\"undone\": false", "\"undone\": true");
	reopen(world);
}

START_TEST(check_says_that_it_is_not_finished)
{
	auto_findings struct findings before = {0}, after = {0};
	struct engine_world world;
	struct err err = {0};

	mark_only(&world);
	must(checks_run(&world.machine, CHECK_ALL, NULL, &before, &err));
	ck_assert_ptr_nonnull(findings_find(&before, "UNDO_UNFINISHED"));
	ck_assert_int_eq(findings_find(&before, "UNDO_UNFINISHED")->level, FINDING_ERROR);
	ck_assert_ptr_null(findings_find(&before, "ADOPTION_UNDONE"));
	must(engine_recover(&world.machine, &err));
	must(checks_run(&world.machine, CHECK_ALL, NULL, &after, &err));
	ck_assert_ptr_null(findings_find(&after, "UNDO_UNFINISHED"));
	ck_assert_ptr_nonnull(findings_find(&after, "ADOPTION_UNDONE"));
	engine_world_done(&world);
}
END_TEST

/* The original's entry is lost, and without it nothing may be taken away: it is made again first. */
START_TEST(the_originals_entry_is_made_again_first)
{
	struct engine_world world;
	struct err err = {0};

	mark_only(&world);
	world_remove(&world, VOLUME_BOOT, "loader/entries/moult-000000.conf");
	reopen(&world);
	must(engine_recover(&world.machine, &err));
	ck_assert_msg(!left_over(&world), "%s", left_over(&world));
	ck_assert_ptr_nonnull(menu_find(&world.machine.menu, 0));
	engine_world_done(&world);
}
END_TEST

START_TEST(an_entry_edited_by_hand_does_not_keep_it_from_being_finished)
{
	struct engine_world world;
	struct err err = {0};

	mark_only(&world);
	fake_host_put(world.fake, VOLUME_BOOT, "loader/entries/moult-000009.conf",
		      "title Mine\noptions root=/dev/sda1\nlinux /debian/linux\nlinux /b\n");
	reopen(&world);
	must(engine_recover(&world.machine, &err));
	ck_assert_msg(!left_over(&world), "%s", left_over(&world));
	engine_world_done(&world);
}
END_TEST

/* What the owner of an undone machine does with its loader and its default subvolume is left alone. */
START_TEST(an_undone_machine_is_its_owners)
{
	struct engine_world world;
	struct err err = {0};
	struct host *host;
	size_t effects;

	open_world(&world);
	run_undo(&world);
	host = &world.fake->host;
	fake_host_put(world.fake, VOLUME_BOOT, "loader/loader.conf", "timeout 9\n");
	ck_assert_int_eq(host->ops->set_default(host, "@rootfs"), 0);
	ck_assert_int_eq(host->ops->remove(host, VOLUME_BOOT, "loader/entries/moult-000000.conf"),
			 0);
	reopen(&world);
	effects = world.fake->effect_count;
	must(engine_recover(&world.machine, &err));
	ck_assert_uint_eq(world.fake->effect_count, effects);
	engine_world_done(&world);
}
END_TEST

/* `keep` and a late bless would be taken back by the next recovery. */
START_TEST(nothing_becomes_current_while_it_is_undone)
{
	static const struct verb_request keep = {.verb = "keep"};
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;

	open_world(&world);
	run_undo(&world);
	engine_runs(&world, 2, 4, false, "b1");
	reopen(&world);
	ck_assert(!verb_keep(&world.machine, &keep, &answer, &err));
	ck_assert_msg(strstr(err.text, "the adoption was undone"), "%s", err.text);
	ck_assert_msg(!left_over(&world), "%s", left_over(&world));
	engine_world_done(&world);
}
END_TEST

/* `init` after an undo: from its commit on a generation is on trial, cut or not. */
START_TEST(what_was_offered_after_an_undo_is_not_undone_again)
{
	struct engine_world world;
	struct err err = {0};

	open_world(&world);
	run_undo(&world);
	fake_host_put(world.fake, VOLUME_BOOT, "loader/loader.conf", "default moult-[0-9]*\n");
	reopen(&world);
	{
		struct operation operation = {0};
		struct boot_files files = {"6.1.0-50-amd64",
					   "@gens/3/root/boot/vmlinuz-6.1.0-50-amd64",
					   "@gens/3/root/boot/initrd.img-6.1.0-50-amd64", "ro"};

		must(operation_begin(&operation, &world.machine, "init", &err));
		fake_host_mark(world.fake);
		must(publish_trial(&operation, 3, &files, &err));
		operation_end(&operation, NULL);
	}
	for (size_t at = 0; at <= world.fake->effect_count; at++) {
		struct engine_world after = {.progress = world.progress};
		struct fake_cut cut;
		bool boots;

		fake_cut_first(world.fake, at, &cut);
		after.fake = fake_host_after_cut(world.fake, &cut);
		after.fake->locked = false;
		boots = default_generation(after.fake) == 3;
		reopen(&after);
		must(engine_recover(&after.machine, &err));
		ck_assert_msg(listing_undone(&after.machine.listing) != boots,
			      "cut after effect %zu", at);
		ck_assert_uint_eq(default_generation(after.fake) == 3, boots);
		ck_assert(find(&after, 3)->state == (boots ? GEN_TRIAL : GEN_BUILT));
		engine_world_done(&after);
	}
	engine_world_done(&world);
}
END_TEST

/* All is as it should be but the mark: what takes it away is not undone by a power cut. */
START_TEST(the_mark_of_an_undo_goes_for_good)
{
	struct engine_world world;
	struct err err = {0};

	open_world(&world);
	must(engine_recover(&world.machine, &err));
	engine_replace_in(&world, "@gens/0/state.json", "\"undone\": false", "\"undone\": true");
	reopen(&world);
	must(engine_recover(&world.machine, &err));
	ck_assert(!listing_undone(&world.machine.listing));
	engine_world_done(&world);
}
END_TEST

UNIT_MAIN("undo", the_mark_of_an_undo_goes_for_good,
	  after_an_undo_nothing_of_moult_is_left_but_the_original,
	  the_power_may_go_after_any_effect, the_power_may_go_again_while_it_is_finished,
	  any_call_may_fail, check_says_that_it_is_not_finished,
	  the_originals_entry_is_made_again_first,
	  an_entry_edited_by_hand_does_not_keep_it_from_being_finished,
	  an_undone_machine_is_its_owners, nothing_becomes_current_while_it_is_undone,
	  what_was_offered_after_an_undo_is_not_undone_again)
