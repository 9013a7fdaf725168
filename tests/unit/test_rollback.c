/*
 * Back to a generation as it was built, --reboot, and list --sizes, on a machine in memory; the
 * first with every call failing once, and with the power cut after every effect.
 */
#include <errno.h>
#include <string.h>
#include "engine_world.h"
#include "loader_model.h"
#include "ordeal.h"
#include "text.h"
#include "unit.h"
#include "verbs.h"

#define must(call) ck_assert_msg(call, "%s", err.text)
#define RELEASE "6.1.0-50-amd64"

static const struct verb_request to_base = {.verb = "rollback", .which = "1", .base = true};

/* Generation 1 has a base and a record, and its owner changed the root since. */
static void open_world(struct engine_world *world)
{
	struct err err = {0};

	engine_world_open(world);
	fake_host_put_subvolume(world->fake, "@gens/1/base");
	fake_host_put_subvolume(world->fake, "@gens/1/record");
	fake_host_put(world->fake, VOLUME_POOL, "@gens/1/record/packages.json", "{}");
	fake_host_put(world->fake, VOLUME_POOL, "@gens/1/base/etc/os-release",
		      "PRETTY_NAME=\"Debian GNU/Linux 12\"\n");
	fake_host_put(world->fake, VOLUME_POOL, "@gens/1/base/boot/vmlinuz-" RELEASE, "kernel 1");
	fake_host_put(world->fake, VOLUME_POOL, "@gens/1/base/boot/initrd.img-" RELEASE,
		      "initrd 1");
	fake_host_put(world->fake, VOLUME_POOL, "@gens/1/root/boot/initrd.img-" RELEASE,
		      "made again live");
	fake_host_put(world->fake, VOLUME_POOL, "@gens/1/root/etc/edited", "by its owner\n");
	fake_host_mark(world->fake);
	must(engine_world_reopen(world, &world->fake->host, &err));
}

static const struct generation *find(const struct engine_world *world, unsigned id)
{
	return listing_find(&world->machine.listing, id);
}

static unsigned default_generation(const struct fake_host *fake)
{
	auto_model_menu struct model_menu menu = {0};
	const char *at;

	loader_model_read(&fake->disk, &menu);
	ck_assert_ptr_nonnull(menu.chosen);
	ck_assert(loader_model_is_bootable(&fake->disk, menu.chosen));
	at = strstr(menu.chosen->options, "moult.gen=");
	return at ? (unsigned)atoi(at + strlen("moult.gen=")) : 99;
}

static const char *pool_text(const struct engine_world *world, const char *path)
{
	return fake_host_text(world->fake, VOLUME_POOL, path);
}

/* --- what is pending ------------------------------------------------------------------------------ */

/* Removing the package asks for it: what is pending would bring it back. */
START_TEST(to_the_current_one_nothing_is_tried_any_more)
{
	const struct verb_request request = {.verb = "rollback", .which = "current"};
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;

	open_world(&world);
	must(engine_offer(&world.machine, 2, &err));
	ck_assert_uint_eq(default_generation(world.fake), 2);
	must(verb_rollback(&world.machine, &request, &answer, &err));
	ck_assert_uint_eq(default_generation(world.fake), 1);
	ck_assert_int_eq(find(&world, 2)->state, GEN_BUILT);
	json_decref(answer);
	engine_world_done(&world);
}
END_TEST

/* --- as it was built ----------------------------------------------------------------------------- */

START_TEST(the_generation_as_it_was_built_is_a_new_one_and_current)
{
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;

	open_world(&world);
	must(verb_rollback(&world.machine, &to_base, &answer, &err));
	ck_assert_int_eq(json_integer_value(json_object_get(answer, "generation")), 4);
	ck_assert_uint_eq(default_generation(world.fake), 4);
	ck_assert_uint_eq(listing_current(&world.machine.listing)->id, 4);
	ck_assert_int_eq(find(&world, 4)->state, GEN_GOOD);
	ck_assert_int_eq(find(&world, 4)->parent, 1);
	ck_assert_str_eq(find(&world, 4)->source, "base");
	ck_assert_str_eq(find(&world, 4)->what, "generation 1 as it was built");
	ck_assert_ptr_null(pool_text(&world, "@gens/4/root/etc/edited"));
	ck_assert_str_eq(pool_text(&world, "@gens/4/base/boot/initrd.img-" RELEASE), "initrd 1");
	ck_assert_str_eq(pool_text(&world, "@gens/4/record/packages.json"), "{}");
	json_decref(answer);
	engine_world_done(&world);
}
END_TEST

START_TEST(the_generation_itself_stays_as_its_owner_left_it)
{
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;

	open_world(&world);
	must(verb_rollback(&world.machine, &to_base, &answer, &err));
	json_decref(answer);
	ck_assert_str_eq(pool_text(&world, "@gens/1/root/etc/edited"), "by its owner\n");
	ck_assert_int_eq(find(&world, 1)->state, GEN_GOOD);
	for (size_t i = 0; i < world.machine.menu.count; i++)
		if (world.machine.menu.entries[i].generation == 1)
			ck_assert_int_eq(world.machine.menu.entries[i].role, MENU_OLD);
	must(verb_rollback(&world.machine, &(struct verb_request){.verb = "rollback", .which = "1"},
			   &answer, &err));
	ck_assert_uint_eq(default_generation(world.fake), 1);
	json_decref(answer);
	engine_world_done(&world);
}
END_TEST

START_TEST(what_was_shown_before_is_what_is_done)
{
	struct engine_world world;
	struct verb_request request = to_base;
	struct err err = {0};
	json_t *answer = NULL;
	size_t effects;

	open_world(&world);
	effects = world.fake->effect_count;
	request.dry_run = true;
	must(verb_rollback(&world.machine, &request, &answer, &err));
	ck_assert_uint_eq(world.fake->effect_count, effects);
	ck_assert_str_eq(json_string_value(json_object_get(answer, "outcome")), "planned");
	ck_assert_uint_gt(json_array_size(json_object_get(answer, "steps")), 5);
	json_decref(answer);
	engine_world_done(&world);
}
END_TEST

static void refused(struct engine_world *world, const char *which, const char *part)
{
	struct verb_request request = to_base;
	struct err err = {0};
	json_t *answer = NULL;

	request.which = which;
	ck_assert(!verb_rollback(&world->machine, &request, &answer, &err));
	ck_assert_int_eq(err.kind, ERR_REFUSED);
	ck_assert_msg(strstr(err.text, part) != NULL, "%s", err.text);
	ck_assert_ptr_nonnull(strstr(err.hint, "sudo moult rollback"));
	ck_assert_uint_eq(default_generation(world->fake), 1);
}

START_TEST(what_has_no_base_or_is_not_good_is_refused)
{
	struct engine_world world;

	open_world(&world);
	refused(&world, "0", "generation 0 has no copy of itself as it was built");
	refused(&world, "2", "generation 2 (built) is not good: only a good one needs no trial");
	engine_world_done(&world);
}
END_TEST

/* The kernel that a publication names was installed live, after the base was made. */
START_TEST(a_kernel_that_is_not_in_the_base_is_not_published)
{
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;

	open_world(&world);
	ck_assert_int_eq(world.fake->host.ops->remove(&world.fake->host, VOLUME_POOL,
						      "@gens/1/base/boot/vmlinuz-" RELEASE),
			 0);
	ck_assert(!verb_rollback(&world.machine, &to_base, &answer, &err));
	ck_assert_int_eq(err.kind, ERR_CORRUPT);
	ck_assert_uint_eq(default_generation(world.fake), 1);
	ck_assert_ptr_null(find(&world, 4));
	engine_world_done(&world);
}
END_TEST

START_TEST(what_fails_before_the_commit_leaves_nothing)
{
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;

	open_world(&world);
	/* a kernel that the boot volume has not got yet */
	fake_host_put(world.fake, VOLUME_POOL, "@gens/1/base/boot/vmlinuz-" RELEASE, "another");
	world.fake->space[VOLUME_BOOT].free_bytes = 4;
	ck_assert(!verb_rollback(&world.machine, &to_base, &answer, &err));
	ck_assert_int_eq(err.kind, ERR_REFUSED);
	ck_assert_ptr_null(find(&world, 4));
	ck_assert_uint_eq(world.machine.listing.leftover_count, 0);
	ck_assert_uint_eq(default_generation(world.fake), 1);
	engine_world_done(&world);
}
END_TEST

/* --- failures and power cuts ---------------------------------------------------------------------- */

static void boots_either(const struct fake_host *fake, const char *when)
{
	unsigned boots = default_generation(fake);

	ck_assert_msg(boots == 1 || boots == 4, "%s: generation %u boots", when, boots);
}

static void settled(struct engine_world *world, const char *when)
{
	const struct menu_entry *truth = menu_truth(&world->machine.menu);
	unsigned boots = default_generation(world->fake);

	boots_either(world->fake, when);
	ck_assert_ptr_nonnull(truth);
	ck_assert_uint_eq(truth->generation, boots);
	ck_assert_uint_eq(listing_current(&world->machine.listing)->id, boots);
	ck_assert_int_eq(find(world, boots)->state, GEN_GOOD);
	ck_assert_uint_eq(world->machine.listing.leftover_count, 0);
	/* it is good or not there: pending it would make the next upgrade ask */
	ck_assert(!find(world, 4) || find(world, 4)->state == GEN_GOOD);
}

static const struct ordeal ordeal = {
	.open = open_world,
	.verb = verb_rollback,
	.request = &to_base,
	.boots = boots_either,
	.settled = settled,
	.cuts = 40,
	.each_error = true,
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

/* --- reboot --------------------------------------------------------------------------------------- */

static const char *const accept_original[] = {"ORIGINAL_DATA", NULL};

static const struct {
	const char *which;
	bool dry_run;
	unsigned reboots;
} reboots[] = {
	{"0", false, 1}, {"0", true, 0}, {"1", false, 0}, /* is current already: nothing is done */
};

START_TEST(the_machine_reboots_only_after_something_was_done)
{
	for (size_t i = 0; i < COUNT(reboots); i++) {
		struct verb_request request = {.verb = "rollback",
					       .which = reboots[i].which,
					       .dry_run = reboots[i].dry_run,
					       .accept = accept_original,
					       .reboot = true};
		struct engine_world world;
		struct err err = {0};
		json_t *answer = NULL;

		open_world(&world);
		engine_runs(&world, 1, 2, false, "b1");
		must(engine_world_reopen(&world, &world.fake->host, &err));
		must(verb_rollback(&world.machine, &request, &answer, &err));
		ck_assert_uint_eq(world.fake->reboots, reboots[i].reboots);
		ck_assert(json_is_true(json_object_get(answer, "rebooting")) ==
			  (reboots[i].reboots == 1));
		ck_assert(!world.fake->reboot_forced && !world.fake->locked);
		json_decref(answer);
		engine_world_done(&world);
	}
}
END_TEST

START_TEST(another_systems_disk_cannot_be_rebooted)
{
	struct verb_request request = {
		.verb = "rollback", .which = "0", .accept = accept_original, .reboot = true};
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;

	open_world(&world);
	ck_assert(!verb_rollback(&world.machine, &request, &answer, &err));
	ck_assert_int_eq(err.kind, ERR_USAGE);
	ck_assert_uint_eq(default_generation(world.fake), 1);
	engine_world_done(&world);
}
END_TEST

static int no_reboot(struct host *host, bool force)
{
	(void)host;
	(void)force;
	return -EACCES;
}

START_TEST(what_was_done_is_told_where_the_reboot_fails)
{
	struct verb_request request = {
		.verb = "rollback", .which = "0", .accept = accept_original, .reboot = true};
	struct engine_world world;
	struct host_ops ops;
	struct err err = {0};
	json_t *answer = NULL;

	open_world(&world);
	engine_runs(&world, 1, 2, false, "b1");
	must(engine_world_reopen(&world, &world.fake->host, &err));
	ops = *world.fake->host.ops;
	ops.reboot = no_reboot;
	world.fake->host.ops = &ops;
	ck_assert(!verb_rollback(&world.machine, &request, &answer, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "it is done, but"));
	ck_assert_ptr_nonnull(answer);
	ck_assert_uint_eq(default_generation(world.fake), 0);
	json_decref(answer);
	engine_world_done(&world);
}
END_TEST

/* --- sizes ---------------------------------------------------------------------------------------- */

static json_int_t size_of(const json_t *list, size_t index)
{
	const json_t *entry = json_array_get(json_object_get(list, "generations"), index);
	const json_t *size = json_object_get(entry, "size_exclusive");

	return json_is_null(size) ? -1 : json_integer_value(size);
}

START_TEST(sizes_are_of_what_a_generation_alone_has)
{
	struct verb_request request = {.verb = "list"};
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;

	open_world(&world);
	must(verb_list(&world.machine, &request, &answer, &err));
	ck_assert_int_eq(size_of(answer, 1), -1);
	json_decref(answer);
	request.sizes = true;
	must(verb_list(&world.machine, &request, &answer, &err));
	/* in root and base: the kernel once; initrd of each, record, what the owner wrote */
	ck_assert_int_eq(size_of(answer, 1), strlen("kernel 1") + strlen("initrd 1") +
						     strlen("made again live") + strlen("{}") +
						     strlen("by its owner\n"));
	ck_assert_int_eq(size_of(answer, 2), strlen("kernel 2") + strlen("initrd 2"));
	json_decref(answer);
	engine_world_done(&world);
}
END_TEST

UNIT_MAIN("rollback", to_the_current_one_nothing_is_tried_any_more,
	  the_generation_as_it_was_built_is_a_new_one_and_current,
	  the_generation_itself_stays_as_its_owner_left_it, what_was_shown_before_is_what_is_done,
	  what_has_no_base_or_is_not_good_is_refused,
	  a_kernel_that_is_not_in_the_base_is_not_published,
	  what_fails_before_the_commit_leaves_nothing, any_call_may_fail,
	  the_power_may_go_after_any_effect, the_machine_reboots_only_after_something_was_done,
	  another_systems_disk_cannot_be_rebooted, what_was_done_is_told_where_the_reboot_fails,
	  sizes_are_of_what_a_generation_alone_has)
