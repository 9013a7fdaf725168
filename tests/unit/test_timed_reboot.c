/* The machine reboots by itself only where that was asked for, when nobody minds; hibernation meanwhile. */
#include <errno.h>
#include <stdio.h>
#include "fault_host.h"
#include "timed_world.h"

static char ann[] = "ann", backup[] = "backup (it writes)";
static char *users[] = {ann}, *inhibitors[] = {backup};

static void open_pending(struct engine_world *world, const char *policy)
{
	struct err err = {0};

	open_world(world);
	must(engine_offer(&world->machine, 3, &err));
	world->machine.policy.automatic = false;
	set(&world->machine.policy.reboot_policy, policy);
	set(&world->machine.policy.reboot_window, "Sat 20:00-23:00");
	world->fake->surroundings.users = (struct host_strings){users, 1};
}

static void timer(struct engine_world *world)
{
	free(ran(world, verb_timed_upgrade, (struct verb_request){.verb = "timed-upgrade"}));
}

START_TEST(nothing_reboots_unasked)
{
	struct engine_world world;

	open_pending(&world, "never");
	world.fake->surroundings.users.count = 0;
	timer(&world);
	ck_assert_uint_eq(world.fake->reboots, 0);
	/* and not where nothing is pending, whatever the settings are */
	engine_world_done(&world);
	open_world(&world);
	world.machine.policy.automatic = false;
	set(&world.machine.policy.reboot_policy, "now");
	timer(&world);
	ck_assert_uint_eq(world.fake->reboots, 0);
	engine_world_done(&world);
}
END_TEST

START_TEST(in_its_window_it_reboots_when_nobody_is_there_and_nothing_is_interrupted)
{
	struct engine_world world;

	open_pending(&world, "window");
	timer(&world);
	ck_assert_uint_eq(world.fake->reboots, 0);
	ck_assert_ptr_nonnull(strstr(world.fake->status, "logged in: ann"));
	world.fake->surroundings.users.count = 0;
	world.fake->surroundings.inhibitors = (struct host_strings){inhibitors, 1};
	timer(&world);
	ck_assert_uint_eq(world.fake->reboots, 0);
	ck_assert_ptr_nonnull(strstr(world.fake->status, "inhibited by backup (it writes)"));
	world.fake->surroundings.inhibitors.count = 0;
	world.fake->now_sec += 2 * 3600;
	timer(&world);
	ck_assert_uint_eq(world.fake->reboots, 0);
	ck_assert_ptr_nonnull(strstr(world.fake->status, "outside its window"));
	world.fake->now_sec -= 2 * 3600;
	timer(&world);
	ck_assert_uint_eq(world.fake->reboots, 1);
	ck_assert(!world.fake->reboot_forced);
	ck_assert_ptr_nonnull(strstr(world.fake->log, "5f3c1d5e6f0c4c0a9d2f0b7f6a5e1a11: "));
	engine_world_done(&world);
}
END_TEST

static char told[256];

static void note_wall(struct fake_host *fake, const struct host_program *program)
{
	(void)fake;
	snprintf(told, sizeof(told), "%s %s", program->path, program->argument);
}

START_TEST(those_who_are_there_are_told_before_and_have_time)
{
	struct engine_world world;
	int64_t began;

	open_pending(&world, "now");
	world.fake->program = note_wall;
	began = world.fake->now_usec;
	timer(&world);
	ck_assert_uint_eq(world.fake->reboots, 1);
	ck_assert_int_eq(world.fake->now_usec - began, 300 * INT64_C(1000000));
	ck_assert_msg(text_starts(told, "/usr/bin/wall moult: this machine reboots into generation "
					"3 in 300 seconds.\n"),
		      "%s", told);
	ck_assert_ptr_nonnull(strstr(told, "sudo systemctl stop moult-upgrade.service"));
	engine_world_done(&world);
}
END_TEST

START_TEST(who_stops_it_keeps_the_session_until_the_window_is_over)
{
	struct engine_world world;

	open_pending(&world, "window");
	world.machine.policy.reboot_users = true;
	world.fake->interrupt = true;
	timer(&world);
	ck_assert_uint_eq(world.fake->reboots, 0);
	ck_assert_ptr_nonnull(strstr(world.fake->log, "the reboot was stopped"));
	world.fake->interrupt = false;
	world.fake->now_sec += 600;
	timer(&world);
	ck_assert_uint_eq(world.fake->reboots, 0);
	world.fake->now_sec += 7 * 86400;
	timer(&world);
	ck_assert_uint_eq(world.fake->reboots, 1);
	engine_world_done(&world);
}
END_TEST

static struct engine_world *sleeping;

static void withdraw(struct fake_host *fake)
{
	struct operation operation = {0};
	struct err err = {0};

	must(operation_begin(&operation, &sleeping->machine, "test", &err) &&
	     publish_withdraw(&operation, 3, "somebody changed packages", &err));
	operation_end(&operation, NULL);
	fake->on_sleep = NULL;
}

static void lock_up(struct fake_host *fake)
{
	fake->surroundings.inhibitors = (struct host_strings){inhibitors, 1};
}

START_TEST(what_changes_while_it_waits_keeps_it_from_rebooting)
{
	struct engine_world world;

	open_pending(&world, "now");
	sleeping = &world;
	world.fake->on_sleep = withdraw;
	timer(&world);
	ck_assert_uint_eq(world.fake->reboots, 0);
	engine_world_done(&world);
	open_pending(&world, "now");
	world.fake->on_sleep = lock_up;
	timer(&world);
	ck_assert_uint_eq(world.fake->reboots, 0);
	engine_world_done(&world);
}
END_TEST

/* Every host call of it fails, once and for good: a machine of which nobody knows who is there stays up. */
START_TEST(nothing_that_fails_makes_it_reboot)
{
	const struct verb_request request = {.verb = "timed-upgrade"};

	for (int forever = 0; forever <= 1; forever++)
		for (unsigned fail_at = 1;; fail_at++) {
			struct engine_world world;
			struct fault_host fault;
			struct err err = {0};
			json_t *answer = NULL;
			bool done;

			open_pending(&world, "window");
			fault_host_init(&fault, &world.fake->host);
			world.machine.host = &fault.host;
			fault.fail_at = fail_at;
			fault.forever = forever;
			done = verb_timed_upgrade(&world.machine, &request, &answer, &err);
			ck_assert_int_eq(done, err.kind == ERR_NONE);
			ck_assert_msg(world.fake->reboots == 0, "%s", fault.failed);
			json_decref(answer);
			world.machine.host = &world.fake->host;
			engine_world_done(&world);
			if (!fault.failed)
				break;
		}
}
END_TEST

START_TEST(hibernation_is_masked_while_something_is_pending)
{
	struct engine_world world;
	struct err err = {0};

	open_world(&world);
	must(engine_offer(&world.machine, 3, &err));
	ck_assert(world.fake->hibernation_masked);
	must(engine_bless(&world.machine, 3, &err));
	free(ran(&world, verb_pin, (struct verb_request){.verb = "pin", .which = "1"}));
	ck_assert(!world.fake->hibernation_masked);
	engine_world_done(&world);
}
END_TEST

UNIT_MAIN("timed_reboot", nothing_reboots_unasked,
	  in_its_window_it_reboots_when_nobody_is_there_and_nothing_is_interrupted,
	  those_who_are_there_are_told_before_and_have_time,
	  who_stops_it_keeps_the_session_until_the_window_is_over,
	  what_changes_while_it_waits_keeps_it_from_rebooting, nothing_that_fails_makes_it_reboot,
	  hibernation_is_masked_while_something_is_pending)
