/* The engine on a machine in memory: offer, bless, roll back, recover, repair. */
#include <stdio.h>
#include "engine_judge.h"
#include "text.h"
#include "verbs.h"

/* --- what each does ------------------------------------------------------------------------------ */

START_TEST(an_offered_generation_is_the_default_and_counted)
{
	struct engine_world world;
	struct err err = {0};

	engine_world_open(&world);
	must(engine_offer(&world.machine, 2, &err));
	ck_assert_uint_eq(default_generation(world.fake), 2);
	ck_assert_int_eq(find(&world, 2)->state, GEN_TRIAL);
	ck_assert(entry_of(&world, 2)->counted);
	ck_assert_uint_eq(listing_current(&world.machine.listing)->id, 1);
	ck_assert_uint_eq(menu_truth(&world.machine.menu)->generation, 1);
	engine_world_done(&world);
}
END_TEST

START_TEST(what_its_owner_wants_of_a_trial_is_on_its_command_line)
{
	struct engine_world world;
	struct err err = {0};

	engine_world_open(&world);
	fake_host_put(world.fake, VOLUME_POOL, "@gens/1/root/etc/moult/moult.yaml",
		      "version: 1\ntries: 2\nhealth: {deadline: 90}\nwatchdog: 60\n");
	must(engine_world_reopen(&world, &world.fake->host, &err));
	must(engine_offer(&world.machine, 2, &err));
	ck_assert_ptr_nonnull(strstr(entry_of(&world, 2)->options, " moult.deadline=90 "));
	ck_assert_ptr_nonnull(strstr(entry_of(&world, 2)->options, " systemd.watchdog_sec=60 "));
	ck_assert_uint_eq(entry_of(&world, 2)->tries_left, 2);
	must(engine_bless(&world.machine, 2, &err));
	ck_assert_ptr_null(strstr(entry_of(&world, 2)->options, "moult.deadline"));
	engine_world_done(&world);
}
END_TEST

START_TEST(offering_another_takes_the_first_one_back)
{
	struct engine_world world;
	struct err err = {0};

	engine_world_open(&world);
	must(engine_offer(&world.machine, 2, &err));
	must(engine_offer(&world.machine, 3, &err));
	ck_assert_uint_eq(default_generation(world.fake), 3);
	ck_assert_int_eq(find(&world, 2)->state, GEN_BUILT);
	ck_assert_ptr_null(entry_of(&world, 2));
	engine_world_done(&world);
}
END_TEST

START_TEST(a_blessed_generation_is_current_and_the_former_one_stays_in_the_menu)
{
	struct engine_world world;
	struct err err = {0};

	engine_world_open(&world);
	must(engine_offer(&world.machine, 2, &err));
	must(engine_bless(&world.machine, 2, &err));
	ck_assert_int_eq(find(&world, 2)->state, GEN_GOOD);
	ck_assert_uint_eq(listing_current(&world.machine.listing)->id, 2);
	ck_assert_uint_eq(default_generation(world.fake), 2);
	ck_assert_int_eq(entry_of(&world, 1)->role, MENU_OLD);
	ck_assert(!entry_of(&world, 2)->counted);
	ck_assert_uint_eq(menu_find(&world.machine.menu, 0)->generation, 0);
	engine_world_done(&world);
}
END_TEST

START_TEST(rolling_back_makes_the_old_one_current_and_copies_no_kernel)
{
	struct engine_world world;
	struct verb_request request = {.verb = "rollback", .which = "1"};
	struct err err = {0};
	json_t *answer = NULL;
	unsigned writes;

	engine_world_open(&world);
	must(engine_offer(&world.machine, 2, &err));
	must(engine_bless(&world.machine, 2, &err));
	fake_host_mark(world.fake);
	writes = world.fake->boot_writes;
	must(verb_rollback(&world.machine, &request, &answer, &err));
	ck_assert_uint_eq(default_generation(world.fake), 1);
	ck_assert_uint_eq(listing_current(&world.machine.listing)->id, 1);
	ck_assert_int_eq(entry_of(&world, 2)->role, MENU_OLD);
	/* the entry and its byte, the former's old entry and its byte, two entries removed */
	ck_assert_uint_le(world.fake->boot_writes - writes, 6);
	ck_assert_int_eq(json_integer_value(json_object_get(json_object_get(answer, "next"), "id")),
			 1);
	json_decref(answer);
	engine_world_done(&world);
}
END_TEST

START_TEST(a_bad_generation_is_tried_again_only_when_that_is_meant)
{
	static const char *const accept[] = {"BAD_GENERATION", NULL};
	struct engine_world world;
	struct verb_request request = {.verb = "rollback", .which = "2"};
	struct err err = {0};
	json_t *answer = NULL;

	engine_world_open(&world);
	must(engine_offer(&world.machine, 2, &err));
	engine_runs(&world, 2, entry_of(&world, 2)->serial, true, "b1");
	must(engine_world_reopen(&world, &world.fake->host, &err));
	request.verb = "give-up";
	request.reason = "sshd is dead";
	must(verb_give_up(&world.machine, &request, &answer, &err));
	ck_assert_uint_eq(world.fake->reboots, 1);
	json_decref(answer);
	for (int i = 0; i < 3; i++)
		loader_model_boot(&world.fake->disk);
	engine_runs(&world, 1, 2, false, "b2");
	must(engine_world_reopen(&world, &world.fake->host, &err));
	must(engine_recover(&world.machine, &err));
	ck_assert_int_eq(find(&world, 2)->state, GEN_BAD);
	ck_assert_str_eq(find(&world, 2)->reason, "sshd is dead");
	ck_assert_uint_eq(default_generation(world.fake), 1);
	request = (struct verb_request){.verb = "rollback", .which = "2"};
	ck_assert(!verb_rollback(&world.machine, &request, &answer, &err));
	ck_assert_int_eq(err.kind, ERR_NEEDS_ACK);
	err = (struct err){0};
	request.accept = accept;
	must(verb_rollback(&world.machine, &request, &answer, &err));
	ck_assert_uint_eq(default_generation(world.fake), 2);
	ck_assert_uint_eq(listing_current(&world.machine.listing)->id, 1);
	json_decref(answer);
	engine_world_done(&world);
}
END_TEST

START_TEST(tries_without_any_verdict_leave_it_built)
{
	struct engine_world world;
	struct err err = {0};

	engine_world_open(&world);
	must(engine_offer(&world.machine, 2, &err));
	for (int i = 0; i < 4; i++)
		loader_model_boot(&world.fake->disk);
	engine_runs(&world, 1, 2, false, "b9");
	must(engine_world_reopen(&world, &world.fake->host, &err));
	must(engine_recover(&world.machine, &err));
	ck_assert_int_eq(find(&world, 2)->state, GEN_BUILT);
	ck_assert_ptr_nonnull(strstr(find(&world, 2)->reason, "without a verdict"));
	ck_assert_uint_eq(find(&world, 2)->publications[0].attempt_count, 3);
	ck_assert_ptr_null(entry_of(&world, 2));
	ck_assert_uint_eq(default_generation(world.fake), 1);
	engine_world_done(&world);
}
END_TEST

START_TEST(a_try_that_was_cut_off_is_told_by_the_next)
{
	struct engine_world world;
	struct err err = {0};
	const struct publication *pub;

	engine_world_open(&world);
	must(engine_offer(&world.machine, 2, &err));
	loader_model_boot(&world.fake->disk);
	loader_model_boot(&world.fake->disk);
	engine_runs(&world, 2, entry_of(&world, 2)->serial, true, "b2");
	for (int again = 0; again < 2; again++) {
		must(engine_world_reopen(&world, &world.fake->host, &err));
		must(engine_recover(&world.machine, &err));
		pub = &find(&world, 2)->publications[0];
		ck_assert_uint_eq(pub->attempt_count, 2);
		ck_assert_int_eq(pub->attempts[0].outcome, OUTCOME_UNKNOWN);
		ck_assert_str_eq(pub->attempts[1].boot_id, "b2");
	}
	engine_world_done(&world);
}
END_TEST

START_TEST(an_entry_that_the_loader_lost_costs_one_try)
{
	struct engine_world world;
	struct err err = {0};
	uint64_t serial;

	engine_world_open(&world);
	must(engine_offer(&world.machine, 2, &err));
	serial = entry_of(&world, 2)->serial;
	ck_assert_int_eq(world.fake->host.ops->remove(&world.fake->host, VOLUME_BOOT,
						      entry_of(&world, 2)->path),
			 0);
	/* its cluster has no name any more */
	world.fake->findings = "Reclaimed 1 unused cluster (4096 bytes).";
	must(engine_world_reopen(&world, &world.fake->host, &err));
	must(engine_recover(&world.machine, &err));
	ck_assert_ptr_null(world.fake->findings);
	ck_assert_uint_gt(entry_of(&world, 2)->serial, serial);
	ck_assert_uint_eq(entry_of(&world, 2)->tries_left, 2);
	ck_assert_int_eq(find(&world, 2)->state, GEN_TRIAL);
	engine_world_done(&world);
}
END_TEST

START_TEST(a_trial_boot_records_its_attempt_and_touches_nothing_else)
{
	struct engine_world world;
	struct err err = {0};

	engine_world_open(&world);
	must(engine_offer(&world.machine, 2, &err));
	loader_model_boot(&world.fake->disk);
	engine_runs(&world, 2, entry_of(&world, 2)->serial, true, "b1");
	must(engine_world_reopen(&world, &world.fake->host, &err));
	must(engine_recover(&world.machine, &err));
	ck_assert_uint_eq(find(&world, 2)->publications[0].attempt_count, 1);
	ck_assert_int_eq(find(&world, 2)->publications[0].attempts[0].outcome, OUTCOME_STARTED);
	ck_assert_uint_eq(entry_of(&world, 2)->tries_left, 2);
	engine_world_done(&world);
}
END_TEST

START_TEST(a_second_moult_is_told_who_has_the_lock)
{
	struct engine_world world;
	struct err err = {0};

	engine_world_open(&world);
	world.fake->lock_holder = "'moult upgrade' since noon, pid 7";
	ck_assert(!engine_offer(&world.machine, 2, &err));
	ck_assert_int_eq(err.kind, ERR_BUSY);
	ck_assert_ptr_nonnull(strstr(err.text, "'moult upgrade' since noon"));
	engine_world_done(&world);
}
END_TEST

START_TEST(a_full_boot_volume_is_refused_before_anything_is_copied)
{
	struct engine_world world;
	struct err err = {0};

	engine_world_open(&world);
	world.fake->space[VOLUME_BOOT].free_bytes = 100;
	ck_assert(!engine_offer(&world.machine, 2, &err));
	ck_assert_int_eq(err.kind, ERR_REFUSED);
	ck_assert_uint_eq(default_generation(world.fake), 1);
	ck_assert_ptr_null(entry_of(&world, 2));
	engine_world_done(&world);
}
END_TEST

/* A machine without fstab, packages and a loader's program: repair says so, and what it can do is done. */
static void repair(struct engine_world *world)
{
	struct verb_request request = {.verb = "repair"};
	struct err err = {0};
	json_t *answer = NULL;

	must(engine_world_reopen(world, &world->fake->host, &err));
	ck_assert(!verb_repair(&world->machine, &request, &answer, &err));
	ck_assert_msg(strstr(err.text, "what moult can do is done"), "%s", err.text);
	ck_assert_ptr_null(answer);
}

START_TEST(a_lost_boot_volume_is_rebuilt_from_the_directories)
{
	struct engine_world world;
	struct err err = {0};

	engine_world_open(&world);
	must(engine_offer(&world.machine, 2, &err));
	must(engine_bless(&world.machine, 2, &err));
	ck_assert_int_eq(
		world.fake->host.ops->remove_tree(&world.fake->host, VOLUME_BOOT, "loader"), 0);
	ck_assert_int_eq(world.fake->host.ops->remove_tree(&world.fake->host, VOLUME_BOOT, "moult"),
			 0);
	repair(&world);
	must(engine_recover(&world.machine, &err));
	ck_assert_uint_eq(default_generation(world.fake), 2);
	ck_assert_int_eq(entry_of(&world, 1)->role, MENU_OLD);
	engine_world_done(&world);
}
END_TEST

/* Fails the first write of an entry for want of room. */
static int full_write(struct host *host, enum volume volume, const char *path, const void *bytes,
		      size_t length)
{
	struct fake_host *fake = (struct fake_host *)host;

	if (volume == VOLUME_BOOT && text_starts(path, "loader/entries/") &&
	    fake_host_text(fake, VOLUME_BOOT, "moult/reserve"))
		return -ENOSPC;
	/* clusters that have two names after a power cut are damage: the first one is gone before */
	for (size_t i = fake->effect_count; i > 0; i--) {
		const struct fake_effect *effect = &fake->effects[i - 1];

		if (effect->volume == VOLUME_BOOT && effect->kind == FAKE_SYNC)
			break;
		ck_assert_str_ne(effect->path, "moult/reserve");
	}
	return ((const struct host_ops *)fake->userdata)->write(host, volume, path, bytes, length);
}

START_TEST(rolling_back_on_a_full_boot_volume_gives_up_the_reserve)
{
	struct engine_world world;
	struct verb_request request = {.verb = "rollback", .which = "1"};
	struct err err = {0};
	json_t *answer = NULL;
	struct host_ops full;

	engine_world_open(&world);
	must(engine_offer(&world.machine, 2, &err));
	must(engine_bless(&world.machine, 2, &err));
	ck_assert_ptr_nonnull(fake_host_text(world.fake, VOLUME_BOOT, "moult/reserve"));
	full = *world.fake->host.ops;
	world.fake->userdata = (void *)world.fake->host.ops;
	full.write = full_write;
	world.fake->host.ops = &full;
	world.fake->space[VOLUME_BOOT].free_bytes = 0;
	must(verb_rollback(&world.machine, &request, &answer, &err));
	ck_assert_uint_eq(default_generation(world.fake), 1);
	ck_assert_ptr_null(fake_host_text(world.fake, VOLUME_BOOT, "moult/reserve"));
	json_decref(answer);
	engine_world_done(&world);
}
END_TEST

/* --- what repair and recovery put right ---------------------------------------------------------- */

static void remove_entry(struct engine_world *world, uint64_t serial)
{
	struct host *host = &world->fake->host;

	ck_assert_int_eq(
		host->ops->remove(host, VOLUME_BOOT, menu_find(&world->machine.menu, serial)->path),
		0);
}

START_TEST(a_lost_entry_of_current_comes_back_by_itself)
{
	struct engine_world world;
	struct err err = {0};

	engine_world_open(&world);
	remove_entry(&world, menu_truth(&world.machine.menu)->serial);
	ck_assert_uint_eq(default_generation(world.fake), 0);
	must(engine_world_reopen(&world, &world.fake->host, &err));
	must(engine_recover(&world.machine, &err));
	ck_assert_uint_eq(default_generation(world.fake), 1);
	engine_world_done(&world);
}
END_TEST

START_TEST(repair_puts_both_uncounted_entries_back)
{
	struct engine_world world;

	engine_world_open(&world);
	remove_entry(&world, menu_truth(&world.machine.menu)->serial);
	remove_entry(&world, 0);
	repair(&world);
	ck_assert_uint_eq(default_generation(world.fake), 1);
	ck_assert_ptr_nonnull(menu_find(&world.machine.menu, 0));
	engine_world_done(&world);
}
END_TEST

START_TEST(repair_heals_the_file_system_before_it_writes)
{
	struct engine_world world;

	engine_world_open(&world);
	world.fake->findings = "FATs differ";
	remove_entry(&world, menu_truth(&world.machine.menu)->serial);
	repair(&world);
	ck_assert_ptr_null(world.fake->findings);
	ck_assert_uint_eq(default_generation(world.fake), 1);
	engine_world_done(&world);
}
END_TEST

START_TEST(recovery_takes_away_the_flag_that_a_power_cut_leaves)
{
	struct engine_world world;
	struct err err = {0};

	engine_world_open(&world);
	world.fake->unclean = true;
	must(engine_recover(&world.machine, &err));
	ck_assert(!world.fake->unclean);
	/* somebody else mounted it since: no reason to stop, it is as good as it was */
	world.fake->unclean = world.fake->boot_busy = true;
	must(engine_recover(&world.machine, &err));
	ck_assert(world.fake->unclean);
	must(engine_offer(&world.machine, 2, &err));
	/* damage is another thing */
	world.fake->findings = "FATs differ";
	ck_assert(!engine_recover(&world.machine, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "FATs differ"));
	engine_world_done(&world);
}
END_TEST

START_TEST(the_reserve_comes_back_where_the_volume_is_whole)
{
	struct engine_world world;
	struct err err = {0};

	engine_world_open(&world);
	ck_assert_int_eq(
		world.fake->host.ops->remove(&world.fake->host, VOLUME_BOOT, "moult/reserve"), 0);
	fake_host_mark(world.fake);
	world.fake->findings = "FATs differ";
	must(engine_recover(&world.machine, &err));
	ck_assert_ptr_null(fake_host_text(world.fake, VOLUME_BOOT, "moult/reserve"));
	world.fake->findings = NULL;
	must(engine_recover(&world.machine, &err));
	ck_assert_ptr_nonnull(fake_host_text(world.fake, VOLUME_BOOT, "moult/reserve"));
	engine_world_done(&world);
}
END_TEST

START_TEST(numbers_that_fell_behind_are_caught_up)
{
	struct engine_world world;
	struct err err = {0};

	engine_world_open(&world);
	fake_host_put(world.fake, VOLUME_POOL, "@gens/layout.json",
		      "{\"last_id\": 1, \"last_serial\": 0}");
	must(engine_world_reopen(&world, &world.fake->host, &err));
	must(engine_recover(&world.machine, &err));
	ck_assert_uint_eq(world.machine.listing.layout.last_id, 3);
	ck_assert_uint_ge(world.machine.listing.layout.last_serial, 2);
	engine_world_done(&world);
}
END_TEST

START_TEST(what_is_reported_as_done_is_durable)
{
	struct engine_world world;
	struct err err = {0};

	engine_world_open(&world);
	must(engine_offer(&world.machine, 2, &err));
	ck_assert_ptr_null(fake_host_pending(world.fake, 0));
	must(engine_bless(&world.machine, 2, &err));
	ck_assert_ptr_null(fake_host_pending(world.fake, 0));
	must(engine_offer(&world.machine, 3, &err));
	ck_assert_ptr_null(fake_host_pending(world.fake, 0));
	engine_world_done(&world);
}
END_TEST

UNIT_MAIN("engine", rolling_back_on_a_full_boot_volume_gives_up_the_reserve,
	  an_offered_generation_is_the_default_and_counted,
	  what_its_owner_wants_of_a_trial_is_on_its_command_line,
	  offering_another_takes_the_first_one_back,
	  a_blessed_generation_is_current_and_the_former_one_stays_in_the_menu,
	  rolling_back_makes_the_old_one_current_and_copies_no_kernel,
	  a_bad_generation_is_tried_again_only_when_that_is_meant,
	  tries_without_any_verdict_leave_it_built, a_try_that_was_cut_off_is_told_by_the_next,
	  an_entry_that_the_loader_lost_costs_one_try,
	  a_trial_boot_records_its_attempt_and_touches_nothing_else,
	  a_second_moult_is_told_who_has_the_lock,
	  a_full_boot_volume_is_refused_before_anything_is_copied,
	  a_lost_boot_volume_is_rebuilt_from_the_directories,
	  a_lost_entry_of_current_comes_back_by_itself, repair_puts_both_uncounted_entries_back,
	  repair_heals_the_file_system_before_it_writes,
	  recovery_takes_away_the_flag_that_a_power_cut_leaves,
	  the_reserve_comes_back_where_the_volume_is_whole, numbers_that_fell_behind_are_caught_up,
	  what_is_reported_as_done_is_durable)
