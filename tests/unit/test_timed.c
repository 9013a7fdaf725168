/* What timers do and leave undone: what holds them back, when they are due, what is not made again. */
#include <stdio.h>
#include "standing.h"
#include "timed_world.h"

static char ann[] = "ann";
static char *users[] = {ann};

#define assert_says(world, part)                                                                   \
	do {                                                                                       \
		auto_free char *said = ran(world, verb_timed_upgrade,                              \
					   (struct verb_request){.verb = "timed-upgrade"});        \
		ck_assert_msg(said &&strstr(said, part), "%s", said ? said : "nothing");           \
	} while (0)

static unsigned count(const char *text, const char *part)
{
	unsigned found = 0;

	for (const char *at = text; at && (at = strstr(at, part)); at++)
		found++;
	return found;
}

/* --- what holds back ---------------------------------------------------------------------------- */

START_TEST(what_an_upgrade_waits_for_is_said_in_the_journal_once_and_in_status_all_the_time)
{
	struct engine_world world;
	auto_json json_t *status = NULL;
	struct err err = {0};
	const struct verb_request request = {.verb = "status"};

	open_world(&world);
	world.fake->surroundings.on_battery = 1;
	assert_says(&world, "the upgrade waits: on battery");
	assert_says(&world, "the upgrade waits: on battery");
	ck_assert_uint_eq(count(world.fake->log, "the upgrade waits: on battery"), 1);
	ck_assert_ptr_nonnull(strstr(world.fake->log, "5f3c1d5e6f0c4c0a9d2f0b7f6a5e1a10: "));
	ck_assert_ptr_nonnull(strstr(world.fake->status, "\"code\": \"battery\""));
	must(verb_status(&world.machine, &request, &status, &err));
	ck_assert_uint_eq(json_array_size(json_object_get(
				  json_object_get(json_object_get(status, "unattended"), "upgrade"),
				  "waits")),
			  1);
	world.fake->surroundings.on_battery = 0;
	assert_says(&world, "its time has not come");
	world.fake->surroundings.on_battery = 1;
	assert_says(&world, "the upgrade waits: on battery");
	ck_assert_uint_eq(count(world.fake->log, "the upgrade waits: on battery"), 2);
	engine_world_done(&world);
}
END_TEST

START_TEST(the_settings_say_what_holds_back)
{
	struct engine_world world;
	struct policy *policy = &world.machine.policy;

	open_world(&world);
	world.fake->surroundings = (struct host_surroundings){
		.on_battery = 1, .metered = 1, .load_percent = 90, .users = {users, 1}};
	policy->upgrade_load = 80;
	policy->upgrade_users = false;
	set(&policy->upgrade_window, "never");
	assert_says(&world,
		    "its window never opens; on battery; the network link is metered; busy: "
		    "load 90 % of each CPU, at most 80 % are allowed; logged in: ann");
	policy->upgrade_mains = false;
	policy->upgrade_load = 0;
	policy->upgrade_users = true;
	set(&policy->upgrade_window, "always");
	assert_says(&world, "waits: the network link is metered");
	set(&policy->upgrade_metered, "never");
	assert_says(&world, "its time has not come");
	world.fake->surroundings.metered = 0;
	set(&policy->upgrade_metered, "always");
	assert_says(&world, "waits: the network link is metered");
	policy->automatic = false;
	assert_says(&world, "moult.yaml leaves upgrades to people");
	engine_world_done(&world);
}
END_TEST

/* WORLD_NOW is a Saturday, 21:30 UTC. */
START_TEST(the_window_is_that_of_the_local_clock)
{
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;
	const struct verb_request request = {.verb = "timed-upgrade"};

	open_world(&world);
	set(&world.machine.policy.upgrade_window, "Sun 02:00-05:00");
	assert_says(&world, "outside its window");
	ck_assert_uint_eq(count(world.fake->log, "outside its window"), 0);
	/* half past four on Sunday there: it begins, and then finds that this machine has no packages */
	world.fake->utc_offset_sec = 7 * 3600;
	ck_assert(!verb_timed_upgrade(&world.machine, &request, &answer, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "cannot upgrade: "));
	engine_world_done(&world);
}
END_TEST

START_TEST(timers_leave_sessions_that_are_not_ordinary_alone)
{
	static verb_of *const verbs[] = {verb_timed_upgrade, verb_timed_check, verb_timed_cleanup};
	struct engine_world world;
	struct err err = {0};

	open_world(&world);
	for (size_t i = 0; i < COUNT(verbs); i++) {
		auto_free char *trial = NULL, *picked = NULL, *original = NULL;
		auto_free char *before = NULL;

		engine_runs(&world, 2, 9, true, "b2");
		must(engine_world_reopen(&world, &world.fake->host, &err));
		trial = ran(&world, verbs[i], (struct verb_request){.verb = "timed"});
		ck_assert_str_eq(trial, "this boot is a trial: timers wait until it is over");
		engine_runs(&world, 2, 9, false, "b3");
		must(engine_world_reopen(&world, &world.fake->host, &err));
		picked = ran(&world, verbs[i], (struct verb_request){.verb = "timed"});
		ck_assert_ptr_nonnull(strstr(picked, "was picked in the boot menu"));
		engine_runs(&world, 0, 0, false, "b4");
		must(engine_world_reopen(&world, &world.fake->host, &err));
		original = ran(&world, verbs[i], (struct verb_request){.verb = "timed"});
		ck_assert_ptr_nonnull(strstr(original, "before moult"));
	}
	ck_assert_ptr_null(fake_host_text(world.fake, VOLUME_POOL, STANDING_PATH));
	ck_assert_uint_eq(world.fake->reboots, 0);
	engine_world_done(&world);
}
END_TEST

START_TEST(settings_that_cannot_be_read_allow_nothing)
{
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;
	const struct verb_request request = {.verb = "timed-upgrade"};

	open_world(&world);
	fake_host_put(world.fake, VOLUME_POOL, "@gens/1/root/etc/moult/moult.yaml",
		      "reboot: now\n");
	must(engine_world_reopen(&world, &world.fake->host, &err));
	ck_assert(!verb_timed_upgrade(&world.machine, &request, &answer, &err));
	ck_assert_int_eq(err.kind, ERR_CONFIG);
	engine_world_done(&world);
}
END_TEST

START_TEST(what_a_person_has_pending_is_not_lost_to_a_timer)
{
	struct engine_world world;
	struct err err = {0};
	const char *facts;
	auto_free char *changed = NULL;

	open_world(&world);
	must(engine_offer(&world.machine, 3, &err));
	facts = fake_host_text(world.fake, VOLUME_POOL, "@gens/3/generation.json");
	changed = xstrdup(facts);
	memcpy(strstr(changed, "packages"), "checkpt!", 8);
	fake_host_put(world.fake, VOLUME_POOL, "@gens/3/generation.json", changed);
	must(engine_world_reopen(&world, &world.fake->host, &err));
	assert_says(&world, "is pending, and would be lost");
	engine_world_done(&world);
}
END_TEST

/* --- when it is due ----------------------------------------------------------------------------- */

/* The source says that there is nothing: whatever it is asked, it succeeds and prints nothing. */
static int silent_source(struct fake_host *fake, const struct stage *stage,
			 const struct stage_command *command, int *ret_status)
{
	(void)stage;
	(void)command;
	(*(unsigned *)fake->userdata)++;
	*ret_status = 0;
	return 0;
}

/* A machine on which an upgrade can be asked for; generation 1 runs. */
static void open_upgradable(struct engine_world *world, unsigned *asked)
{
	auto_free char *fstab = NULL;

	checks_world_adopted(world);
	fstab = xstrdup(fake_host_text(world->fake, VOLUME_POOL, "@gens/1/root/etc/fstab"));
	fake_host_put(world->fake, VOLUME_POOL, "@gens/1/root/usr/bin/apt-get", "#!");
	fake_host_put(world->fake, VOLUME_POOL, "@gens/3/root/usr/bin/apt-get", "#!");
	fake_host_put(world->fake, VOLUME_POOL, "@gens/3/root/etc/fstab", fstab);
	world->fake->now_sec = WORLD_NOW;
	world->fake->source = silent_source;
	world->fake->userdata = asked;
	set(&world->machine.policy.upgrade_window, "00:00-24:00");
}

START_TEST(it_looks_once_a_day_and_sooner_after_a_failure)
{
	struct engine_world world;
	unsigned asked = 0, before;
	struct err err = {0};
	json_t *answer = NULL;
	const struct verb_request request = {.verb = "timed-upgrade"};

	open_upgradable(&world, &asked);
	world.fake->source = NULL;
	ck_assert(!verb_timed_upgrade(&world.machine, &request, &answer, &err));
	world.fake->source = silent_source;
	world.fake->now_sec += 3500;
	assert_says(&world, "its time has not come");
	ck_assert_uint_eq(asked, 0);
	world.fake->now_sec += 200;
	assert_says(&world, "there is nothing to upgrade");
	ck_assert_uint_gt(asked, 0);
	before = asked;
	world.fake->now_sec += 19 * 3600;
	assert_says(&world, "its time has not come");
	ck_assert_uint_eq(asked, before);
	world.fake->now_sec += 2 * 3600;
	assert_says(&world, "there is nothing to upgrade");
	ck_assert_uint_gt(asked, before);
	engine_world_done(&world);
}
END_TEST

static void unplug(struct fake_host *fake)
{
	fake->surroundings.on_battery = 1;
}

/* The first question is answered; then somebody pulls the plug. */
static int unplugging_source(struct fake_host *fake, const struct stage *stage,
			     const struct stage_command *command, int *ret_status)
{
	unplug(fake);
	return silent_source(fake, stage, command, ret_status);
}

START_TEST(limits_are_asked_again_before_the_long_steps)
{
	struct engine_world world;
	unsigned asked = 0;

	open_upgradable(&world, &asked);
	world.fake->source = unplugging_source;
	assert_says(&world, "the upgrade waits: on battery");
	ck_assert_uint_gt(asked, 0);
	ck_assert_uint_eq(world.machine.listing.leftover_count, 0);
	/* it is no failure, and goes on as soon as that is over */
	world.fake->surroundings.on_battery = 0;
	world.fake->source = silent_source;
	world.fake->now_sec += 600;
	assert_says(&world, "there is nothing to upgrade");
	engine_world_done(&world);
}
END_TEST

/* Generation 3 is an upgrade that came to this. */
static void put_given_up(struct engine_world *world, const char *state)
{
	auto_free char *text =
		xasprintf("{\"format_version\": 1, \"min_reader\": 1, \"state\": \"%s\", "
			  "\"reason\": \"sshd is dead\", \"publications\": []}\n",
			  state);

	fake_host_put(world->fake, VOLUME_POOL, "@gens/3/state.json", text);
	checks_world_reopen(world);
	set(&world->machine.policy.upgrade_window, "00:00-24:00");
}

START_TEST(what_was_found_bad_is_not_made_again_until_there_is_something_newer)
{
	static const struct {
		const char *state, *sentence;
	} cases[] = {
		{"bad", "nothing newer than generation 3, which was found bad"},
		{"good", "nothing newer than generation 3, which was left by a rollback"},
		{"built", "nothing newer than generation 3, which never came up"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct engine_world world;
		unsigned asked = 0;

		open_upgradable(&world, &asked);
		put_given_up(&world, cases[i].state);
		assert_says(&world, cases[i].sentence);
		ck_assert_uint_gt(asked, 0);
		ck_assert_uint_eq(world.machine.listing.count, 4);
		engine_world_done(&world);
	}
}
END_TEST

/* Whatever the settings say of reboots; an earlier request ends with what it was for. */
START_TEST(a_person_may_ask_for_a_reboot_in_a_window)
{
	struct verb_request request = {.verb = "upgrade", .when = "whenever"};
	struct engine_world world;
	unsigned asked = 0;
	struct err err = {0};
	json_t *answer = NULL;

	open_upgradable(&world, &asked);
	must(engine_offer(&world.machine, 3, &err));
	world.machine.policy.automatic = false;
	ck_assert(!verb_upgrade_when(&world.machine, &request, &answer, &err));
	ck_assert_int_eq(err.kind, ERR_USAGE);
	ck_assert_uint_eq(asked, 0);
	request.when = "Sun 02:00-05:00";
	free(ran(&world, verb_upgrade_when, request));
	free(ran(&world, verb_timed_upgrade, (struct verb_request){.verb = "timed-upgrade"}));
	ck_assert_uint_eq(world.fake->reboots, 0);
	ck_assert_ptr_nonnull(strstr(world.fake->status, "\"policy\": \"asked\""));
	/* half past two on Sunday */
	world.fake->now_sec += 5 * 3600;
	free(ran(&world, verb_timed_upgrade, (struct verb_request){.verb = "timed-upgrade"}));
	ck_assert_uint_eq(world.fake->reboots, 1);
	/* offered anew under another serial, nobody asked for that one */
	must(engine_offer(&world.machine, 2, &err));
	free(ran(&world, verb_timed_upgrade, (struct verb_request){.verb = "timed-upgrade"}));
	ck_assert_uint_eq(world.fake->reboots, 1);
	engine_world_done(&world);
}
END_TEST

UNIT_MAIN("timed", what_an_upgrade_waits_for_is_said_in_the_journal_once_and_in_status_all_the_time,
	  the_settings_say_what_holds_back, the_window_is_that_of_the_local_clock,
	  timers_leave_sessions_that_are_not_ordinary_alone,
	  settings_that_cannot_be_read_allow_nothing,
	  what_a_person_has_pending_is_not_lost_to_a_timer,
	  it_looks_once_a_day_and_sooner_after_a_failure,
	  limits_are_asked_again_before_the_long_steps,
	  what_was_found_bad_is_not_made_again_until_there_is_something_newer,
	  a_person_may_ask_for_a_reboot_in_a_window)
