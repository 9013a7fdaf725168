/*
 * A checkpoint of the running system on a machine in memory: what it is, what is refused, what is
 * kept; with every call failing once, and with the power cut after every effect.
 */
#include "engine_judge.h"
#include "ordeal.h"
#include "system_root.h"
#include "text.h"
#include "verbs.h"

#define ROOT "@gens/2/root/"

static const struct verb_request plain = {.verb = "checkpoint"};

/* Generation 2 runs, is good, and is a system that can be verified; its owner edited it. */
static void open_world(struct engine_world *world)
{
	struct err err = {0};
	struct host *host;

	engine_world_open(world);
	host = &world->fake->host;
	system_root_put_adopted(world->fake, "@gens/2/root");
	ck_assert_int_eq(host->ops->snapshot(host, "@gens/2/root", "@gens/2/base", true), 0);
	must(engine_offer(&world->machine, 2, &err));
	must(engine_bless(&world->machine, 2, &err));
	fake_host_put(world->fake, VOLUME_POOL, ROOT "etc/edited", "by its owner\n");
	fake_host_mark(world->fake);
	engine_runs(world, 2, 4, false, "b1");
	must(engine_world_reopen(world, &world->fake->host, &err));
}

static const char *pool_text(const struct engine_world *world, const char *path)
{
	return fake_host_text(world->fake, VOLUME_POOL, path);
}

static void make(struct engine_world *world, const struct verb_request *request, json_t **ret)
{
	struct err err = {0};

	must(verb_checkpoint(&world->machine, request, ret, &err));
}

/* --- what it is ---------------------------------------------------------------------------------- */

START_TEST(it_is_a_good_generation_of_what_runs_as_it_is)
{
	struct engine_world world;
	json_t *answer = NULL;
	const struct generation *gen;

	open_world(&world);
	make(&world, &plain, &answer);
	ck_assert_int_eq(json_integer_value(json_object_get(answer, "generation")), 4);
	gen = find(&world, 4);
	ck_assert_int_eq(gen->state, GEN_GOOD);
	ck_assert_int_eq(gen->parent, 2);
	ck_assert_str_eq(gen->source, "checkpoint");
	ck_assert(!gen->pinned && !gen->automatic && !gen->name);
	ck_assert_ptr_nonnull(gen->package_digest);
	ck_assert_str_eq(pool_text(&world, "@gens/4/root/etc/edited"), "by its owner\n");
	ck_assert_str_eq(pool_text(&world, "@gens/4/base/etc/edited"), "by its owner\n");
	ck_assert_ptr_nonnull(pool_text(&world, "@gens/4/record/packages.json"));
	/* what runs goes on, and boots */
	ck_assert_uint_eq(default_generation(world.fake), 2);
	ck_assert_uint_eq(listing_current(&world.machine.listing)->id, 2);
	ck_assert_uint_eq(listing_pending(&world.machine.listing)->id, 3);
	ck_assert_uint_eq(world.fake->package_locks, 0);
	json_decref(answer);
	engine_world_done(&world);
}
END_TEST

START_TEST(it_is_in_the_menu_with_the_kernel_that_runs)
{
	struct engine_world world;
	json_t *answer = NULL;
	const struct menu_entry *entry, *runs;

	open_world(&world);
	make(&world, &plain, &answer);
	entry = entry_of(&world, 4);
	runs = entry_of(&world, 2);
	ck_assert_ptr_nonnull(entry);
	ck_assert_int_eq(entry->role, MENU_OLD);
	ck_assert(entry->enabled && entry->whole);
	ck_assert_str_eq(entry->linux_sha256, runs->linux_sha256);
	ck_assert_str_eq(entry->initrd_sha256, runs->initrd_sha256);
	ck_assert_ptr_nonnull(strstr(entry->options, "ro quiet"));
	json_decref(answer);
	engine_world_done(&world);
}
END_TEST

START_TEST(how_long_each_part_took_is_told_apart)
{
	static const char *const phases[] = {"snapshot_usec", "recovery_usec", "verify_usec",
					     "record_usec",   "commit_usec",   "entry_usec"};
	struct engine_world world;
	json_t *answer = NULL;

	open_world(&world);
	make(&world, &plain, &answer);
	for (size_t i = 0; i < COUNT(phases); i++)
		ck_assert_msg(json_is_integer(json_object_get(json_object_get(answer, "timings"),
							      phases[i])),
			      "%s", phases[i]);
	json_decref(answer);
	engine_world_done(&world);
}
END_TEST

/* Nothing that takes its time comes before it. */
START_TEST(the_snapshot_is_the_first_thing_that_happens)
{
	struct engine_world world;
	json_t *answer = NULL;
	size_t at = 0;

	open_world(&world);
	make(&world, &plain, &answer);
	while (at < world.fake->effect_count && world.fake->effects[at].kind != FAKE_SNAPSHOT)
		at++;
	ck_assert_str_eq(world.fake->effects[at].path, "@gens/.4.tmp/root");
	for (size_t i = 0; i < at; i++)
		ck_assert_int_ne(world.fake->effects[i].kind, FAKE_SYNC);
	ck_assert_uint_le(at, 3);
	json_decref(answer);
	engine_world_done(&world);
}
END_TEST

START_TEST(one_with_a_name_is_kept)
{
	const struct verb_request request = {.verb = "checkpoint", .name = "before-party"};
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;

	open_world(&world);
	make(&world, &request, &answer);
	json_decref(answer);
	ck_assert_str_eq(find(&world, 4)->name, "before-party");
	ck_assert(find(&world, 4)->pinned);
	ck_assert(!verb_checkpoint(&world.machine, &request, &answer, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "generation 4 is named 'before-party' already"));
	ck_assert_ptr_null(find(&world, 5));
	engine_world_done(&world);
}
END_TEST

START_TEST(going_back_without_a_name_is_going_to_it_and_back)
{
	const struct verb_request back = {.verb = "rollback"};
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;

	open_world(&world);
	make(&world, &plain, &answer);
	json_decref(answer);
	must(verb_rollback(&world.machine, &back, &answer, &err));
	json_decref(answer);
	ck_assert_uint_eq(default_generation(world.fake), 4);
	ck_assert_int_eq(find(&world, 4)->state, GEN_GOOD);
	/* its parent is what its owner went on with: from elsewhere that is what is meant */
	must(engine_offer(&world.machine, 3, &err));
	must(engine_bless(&world.machine, 3, &err));
	engine_runs(&world, 3, 7, false, "b2");
	reopen(&world);
	must(verb_rollback(&world.machine, &back, &answer, &err));
	json_decref(answer);
	ck_assert_uint_eq(default_generation(world.fake), 2);
	engine_world_done(&world);
}
END_TEST

START_TEST(a_dry_run_changes_nothing)
{
	const struct verb_request request = {.verb = "checkpoint", .dry_run = true};
	struct engine_world world;
	json_t *answer = NULL;

	open_world(&world);
	make(&world, &request, &answer);
	ck_assert_uint_eq(world.fake->effect_count, 0);
	ck_assert_str_eq(json_string_value(json_object_get(answer, "outcome")), "planned");
	ck_assert_uint_gt(json_array_size(json_object_get(answer, "steps")), 8);
	json_decref(answer);
	engine_world_done(&world);
}
END_TEST

START_TEST(an_initrd_that_was_made_again_is_told_and_not_booted)
{
	struct engine_world world;
	json_t *answer = NULL;
	auto_free char *printed = NULL;

	open_world(&world);
	fake_host_put(world.fake, VOLUME_POOL, ROOT "boot/initrd.img-" SYSTEM_RELEASE,
		      SYSTEM_INITRD "more\n");
	make(&world, &plain, &answer);
	printed = json_dumps(json_object_get(answer, "notes"), 0);
	ck_assert_ptr_nonnull(strstr(printed, "was made again since this system was booted"));
	ck_assert_str_eq(entry_of(&world, 4)->initrd_sha256, entry_of(&world, 2)->initrd_sha256);
	json_decref(answer);
	engine_world_done(&world);
}
END_TEST

/* A boot volume that takes nothing more: the checkpoint is there, and recovery adds the entry. */
START_TEST(without_a_place_in_the_menu_it_is_there_nevertheless)
{
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;

	open_world(&world);
	world.fake->findings = "damaged";
	make(&world, &plain, &answer);
	ck_assert_int_eq(find(&world, 4)->state, GEN_GOOD);
	ck_assert_ptr_null(entry_of(&world, 4));
	json_decref(answer);
	world.fake->findings = NULL;
	must(engine_recover(&world.machine, &err));
	ck_assert_int_eq(entry_of(&world, 4)->role, MENU_OLD);
	engine_world_done(&world);
}
END_TEST

/* --- what is refused ----------------------------------------------------------------------------- */

static void refused(struct engine_world *world, enum err_kind kind, const char *part)
{
	struct err err = {0};
	json_t *answer = NULL;

	ck_assert(!verb_checkpoint(&world->machine, &plain, &answer, &err));
	ck_assert_msg(err.kind == kind && strstr(err.text, part), "%s", err.text);
	ck_assert_int_ne(err.hint[0], '\0');
	ck_assert_ptr_null(answer);
	ck_assert_ptr_null(find(world, 4));
	ck_assert_ptr_null(pool_text(world, "@gens/.4.tmp/root/etc/edited"));
	ck_assert_uint_eq(world->fake->package_locks, 0);
	ck_assert(!world->fake->locked);
	ck_assert_uint_eq(default_generation(world->fake), 2);
}

START_TEST(what_cannot_be_verified_is_taken_away_again)
{
	struct engine_world world;

	open_world(&world);
	fake_host_put(world.fake, VOLUME_POOL, ROOT "usr/lib/sysimage/dpkg/status",
		      "Package: dpkg\nStatus: install ok half-configured\nArchitecture: amd64\n"
		      "Version: 1\n\n");
	refused(&world, ERR_REFUSED, "dpkg");
	engine_world_done(&world);
}
END_TEST

START_TEST(a_kernel_that_is_gone_is_no_kernel_to_return_to)
{
	struct engine_world world;
	struct host *host;

	open_world(&world);
	host = &world.fake->host;
	host->ops->remove(host, VOLUME_POOL, ROOT "boot/vmlinuz-" SYSTEM_RELEASE);
	refused(&world, ERR_REFUSED,
		"/boot/vmlinuz-" SYSTEM_RELEASE ", with which this system was booted");
	engine_world_done(&world);
}
END_TEST

START_TEST(the_package_manager_is_waited_for)
{
	struct engine_world world;

	open_world(&world);
	world.fake->packages_busy = true;
	refused(&world, ERR_BUSY, "the package manager is at work");
	engine_world_done(&world);
}
END_TEST

START_TEST(a_session_that_will_be_left_is_no_system_to_keep)
{
	struct engine_world world;
	struct err err = {0};

	open_world(&world);
	engine_runs(&world, 1, 2, false, "b2");
	must(engine_world_reopen(&world, &world.fake->host, &err));
	refused(&world, ERR_REFUSED, "is a temporary session");
	engine_world_done(&world);
}
END_TEST

/* --- before the package manager ------------------------------------------------------------------- */

static const struct verb_request hook = {.verb = "before-apt"};

START_TEST(the_hook_does_nothing_unless_it_is_asked_for)
{
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;

	open_world(&world);
	must(verb_before_packages(&world.machine, &hook, &answer, &err));
	ck_assert_str_eq(json_string_value(json_object_get(answer, "outcome")), "nothing");
	ck_assert_uint_eq(world.fake->effect_count, 0);
	json_decref(answer);
	engine_world_done(&world);
}
END_TEST

/* Its own lock is held by the package manager that called. */
START_TEST(checkpoints_of_the_hook_make_room_for_each_other_alone)
{
	const struct verb_request cleanup = {.verb = "cleanup"};
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;

	open_world(&world);
	world.fake->packages_busy = true;
	for (unsigned id = 4; id <= 6; id++) {
		world.machine.policy.checkpoint_before_packages = true;
		must(verb_before_packages(&world.machine, &hook, &answer, &err));
		json_decref(answer);
		ck_assert(find(&world, id)->automatic);
	}
	world.machine.policy.keep_checkpoints = 1;
	world.machine.policy.keep = 0;
	must(verb_cleanup(&world.machine, &cleanup, &answer, &err));
	json_decref(answer);
	ck_assert_ptr_null(find(&world, 4));
	ck_assert_ptr_null(find(&world, 5));
	ck_assert_ptr_nonnull(find(&world, 6));
	ck_assert_ptr_nonnull(find(&world, 1));
	engine_world_done(&world);
}
END_TEST

/* --- failures and power cuts ---------------------------------------------------------------------- */

static void still_boots(const struct fake_host *fake, const char *when)
{
	ck_assert_msg(default_generation(fake) == 2, "%s", when);
}

/* What runs boots, whole; a checkpoint is good and in the menu, or not there. */
static void settled(struct engine_world *world, const char *when)
{
	ck_assert_msg(default_generation(world->fake) == 2, "%s", when);
	ck_assert_uint_eq(listing_current(&world->machine.listing)->id, 2);
	ck_assert_uint_eq(world->machine.listing.leftover_count, 0);
	if (find(world, 4)) {
		ck_assert_msg(find(world, 4)->state == GEN_GOOD, "%s", when);
		ck_assert_msg(entry_of(world, 4) && entry_of(world, 4)->role == MENU_OLD, "%s",
			      when);
	}
}

static const struct ordeal ordeal = {
	.open = open_world,
	.verb = verb_checkpoint,
	.request = &plain,
	.boots = still_boots,
	.settled = settled,
};

START_TEST(any_call_may_fail)
{
	ordeal_of_calls(&ordeal);
}
END_TEST

START_TEST(the_power_may_go_after_any_effect)
{
	ordeal_of_power(&ordeal);
}
END_TEST

UNIT_MAIN("checkpoint", it_is_a_good_generation_of_what_runs_as_it_is,
	  it_is_in_the_menu_with_the_kernel_that_runs, how_long_each_part_took_is_told_apart,
	  the_snapshot_is_the_first_thing_that_happens, one_with_a_name_is_kept,
	  going_back_without_a_name_is_going_to_it_and_back, a_dry_run_changes_nothing,
	  an_initrd_that_was_made_again_is_told_and_not_booted,
	  without_a_place_in_the_menu_it_is_there_nevertheless,
	  what_cannot_be_verified_is_taken_away_again,
	  a_kernel_that_is_gone_is_no_kernel_to_return_to, the_package_manager_is_waited_for,
	  a_session_that_will_be_left_is_no_system_to_keep,
	  the_hook_does_nothing_unless_it_is_asked_for,
	  checkpoints_of_the_hook_make_room_for_each_other_alone, any_call_may_fail,
	  the_power_may_go_after_any_effect)
