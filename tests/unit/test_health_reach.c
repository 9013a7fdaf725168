/*
 * The verdict on how a machine can be reached, and on its clock; and that a good generation is never
 * rebooted for its health: the fault may lie in the data that all of them share.
 */
#include <stdio.h>
#include <string.h>
#include "checks_world.h"
#include "engine_judge.h"
#include "health.h"
#include "text.h"
#include "verbs.h"

static char top[] = "/", var[] = "/var", own[] = "/var/lib/moult", eth0[] = "eth0";
static char ssh[] = "22", other_ssh[] = "2222", gate[] = "192.168.1.1", gate2[] = "192.168.1.2",
	    resolver[] = "9.9.9.9";
static char *mounted[] = {top, var, own}, *routes[] = {eth0}, *ports[] = {ssh, other_ssh};
static char *gates[] = {gate}, *other_gates[] = {gate2}, *resolvers[] = {resolver};
static const struct verb_request request = {.verb = "health"};

/* Healthy, with everything that a machine in a network has; that is remembered. */
static void open_reachable(struct engine_world *world)
{
	struct err err = {0};

	checks_world_adopted(world);
	world->fake->now_sec = WORLD_NOW;
	world->fake->mounts = (struct host_strings){mounted, 3};
	world->fake->routes = (struct host_strings){routes, 1};
	world->fake->network = (struct host_network){
		.remote = {ports, 2}, .gateways = {gates, 1}, .name_servers = {resolvers, 1}};
	must(health_remember(&world->machine, &err));
}

static void passes(struct engine_world *world)
{
	struct err err = {0};
	auto_json json_t *document = NULL;

	ck_assert_msg(verb_health(&world->machine, &request, &document, &err), "%s", err.text);
}

static void fails(struct engine_world *world, const char *part, const char *hint)
{
	struct err err = {0};
	json_t *document = NULL;

	ck_assert(!verb_health(&world->machine, &request, &document, &err));
	ck_assert_msg(strstr(err.text, part), "%s", err.text);
	ck_assert_str_eq(err.hint, hint);
}

START_TEST(who_could_log_in_from_elsewhere_still_can)
{
	struct engine_world world;

	open_reachable(&world);
	passes(&world);
	/* the unit may run: nobody is greeted */
	world.fake->network.remote.count = 1;
	fails(&world,
	      "no remote login answers on TCP port '2222', where one did in the last good boot",
	      "systemctl status ssh");
	world.fake->network.remote.count = 0;
	fails(&world, "TCP port '22', '2222'", "systemctl status ssh");
	engine_world_done(&world);
}
END_TEST

START_TEST(a_link_over_which_no_packet_goes_is_missed)
{
	struct engine_world world;

	open_reachable(&world);
	world.fake->network.gateways = (struct host_strings){other_gates, 1};
	passes(&world);
	world.fake->network.gateways.count = 0;
	fails(&world, "no gateway answers; the last good boot had '192.168.1.1'", "ip neighbour");
	engine_world_done(&world);
}
END_TEST

START_TEST(name_servers_that_are_gone_are_missed)
{
	struct engine_world world;

	open_reachable(&world);
	world.fake->network.name_servers.count = 0;
	fails(&world, "names no name server", "cat /etc/resolv.conf");
	engine_world_done(&world);
}
END_TEST

START_TEST(what_a_machine_never_had_is_not_missed)
{
	struct engine_world world;
	struct err err = {0};

	open_reachable(&world);
	world.fake->network = (struct host_network){0};
	world.fake->clock_unsynchronised = true;
	must(health_remember(&world.machine, &err));
	passes(&world);
	engine_world_done(&world);
}
END_TEST

/* A clock that was reset makes every certificate invalid; one that is not set yet may still be. */
START_TEST(a_clock_before_the_generation_was_made_is_not_healthy)
{
	struct engine_world world;
	struct generation *gen;

	open_reachable(&world);
	gen = listing_find(&world.machine.listing, 1);
	gen->created = WORLD_NOW + 7200;
	fails(&world, "the clock is 2 hours before the time when generation 1 was made",
	      "timedatectl");
	gen->created = WORLD_NOW;
	world.fake->clock_unsynchronised = true;
	passes(&world);
	engine_world_done(&world);
}
END_TEST

/* --- stop --------------------------------------------------------------------------------------- */

static char ran[512];

static void note_run(struct fake_host *fake, const struct host_program *program)
{
	auto_free char *line =
		xasprintf("%s %s %u\n", program->path, program->argument, program->timeout_sec);

	strncat(ran, line, sizeof(ran) - strlen(ran) - 1);
	/* each takes eight seconds */
	fake->now_usec += 8 * INT64_C(1000000);
}

START_TEST(checks_are_stopped_before_a_failing_trial_is_left_and_not_for_long)
{
	struct engine_world world;

	open_reachable(&world);
	for (char c = 'a'; c <= 'd'; c++) {
		auto_free char *path =
			xasprintf("@gens/1/root/" HEALTH_DIRECTORY "/required-%c", c);

		fake_host_put(world.fake, VOLUME_POOL, path, "#!/bin/sh\n");
	}
	world.fake->program = note_run;
	ran[0] = '\0';
	health_stop(&world.machine);
	ck_assert_str_eq(ran, "/etc/moult/health.d/required-a stop 20\n"
			      "/etc/moult/health.d/required-b stop 12\n"
			      "/etc/moult/health.d/required-c stop 4\n");
	engine_world_done(&world);
}
END_TEST

/* --- a fault in shared data --------------------------------------------------------------------- */

static void boot(struct engine_world *world, unsigned id, uint64_t serial, bool trial)
{
	static unsigned boots;
	auto_free char *boot_id = xasprintf("b%u", ++boots);
	struct err err = {0};

	engine_runs(world, id, serial, trial, boot_id);
	must(engine_world_reopen(world, &world->fake->host, &err));
}

typedef bool verb_of(struct machine *, const struct verb_request *, json_t **, struct err *);

static void run(struct engine_world *world, verb_of *verb, struct verb_request asked)
{
	struct err err = {0};
	json_t *answer = NULL;

	ck_assert_msg(verb(&world->machine, &asked, &answer, &err), "%s", err.text);
	json_decref(answer);
}

/* The owner's check reads the database, which is broken whatever is booted. */
static void break_data(struct engine_world *world)
{
	fake_host_put(world->fake, VOLUME_POOL,
		      "@gens/1/root/" HEALTH_DIRECTORY "/required-database", "#!/bin/sh\n");
	fake_host_put(world->fake, VOLUME_POOL,
		      "@gens/2/root/" HEALTH_DIRECTORY "/required-database", "#!/bin/sh\n");
	world->fake->check_status = 1 << 8;
	world->fake->check_output = "database is corrupt\n";
}

START_TEST(a_fault_in_shared_data_does_not_drive_a_good_generation_into_a_reboot_loop)
{
	struct engine_world world;
	struct err err = {0};
	json_t *document = NULL;
	unsigned reboots;

	open_reachable(&world);
	must(engine_offer(&world.machine, 2, &err));
	break_data(&world);
	/* every try fails, and is left */
	for (int i = 0; i < 3; i++) {
		boot(&world, 2, menu_trial(&world.machine.menu)->serial, true);
		ck_assert(!verb_health(&world.machine, &request, &document, &err));
		run(&world, verb_give_up,
		    (struct verb_request){.verb = "give-up", .reason = "health"});
	}
	reboots = world.fake->reboots;
	ck_assert_uint_eq(reboots, 3);
	for (int i = 0; i < 3; i++)
		loader_model_boot(&world.fake->disk);
	/* the good one is uncounted: it says that it fails the same, and stays up, boot after boot */
	for (int i = 0; i < 3; i++) {
		boot(&world, 1, 2, false);
		run(&world, verb_reconcile, (struct verb_request){.verb = "reconcile"});
		run(&world, verb_report_health, (struct verb_request){.verb = "report-health"});
		ck_assert_uint_eq(world.fake->reboots, reboots);
	}
	ck_assert_int_eq(listing_find(&world.machine.listing, 2)->state, GEN_BAD);
	ck_assert_int_eq(listing_find(&world.machine.listing, 1)->state, GEN_GOOD);
	ck_assert_ptr_nonnull(strstr(world.fake->log, "5f3c1d5e6f0c4c0a9d2f0b7f6a5e1a15: "));
	ck_assert_ptr_nonnull(
		strstr(world.fake->status, "this is generation 1, which was good before"));
	ck_assert_ptr_nonnull(strstr(world.fake->status, "database is corrupt"));
	ck_assert_ptr_nonnull(strstr(world.fake->status, "returned: "));
	/* give-up is for trials alone, whoever calls it */
	run(&world, verb_give_up, (struct verb_request){.verb = "give-up", .reason = "health"});
	ck_assert_uint_eq(world.fake->reboots, reboots);
	engine_world_done(&world);
}
END_TEST

UNIT_MAIN("health_reach", who_could_log_in_from_elsewhere_still_can,
	  a_link_over_which_no_packet_goes_is_missed, name_servers_that_are_gone_are_missed,
	  what_a_machine_never_had_is_not_missed,
	  a_clock_before_the_generation_was_made_is_not_healthy,
	  checks_are_stopped_before_a_failing_trial_is_left_and_not_for_long,
	  a_fault_in_shared_data_does_not_drive_a_good_generation_into_a_reboot_loop)
