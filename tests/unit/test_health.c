/* The verdict on a boot: what fails it, what is excused, how long it waits. */
#include <stdio.h>
#include <string.h>
#include "checks_world.h"
#include "fault_host.h"
#include "health.h"
#include "hooks.h"
#include "text.h"
#include "unit.h"
#include "verbs.h"

#define PROGRAMS "@gens/1/root/" HEALTH_DIRECTORY

static char top[] = "/", var[] = "/var", own[] = "/var/lib/moult";
static char broken[] = "broken.service", other[] = "other.service", eth0[] = "eth0";
static char *mounted[] = {top, var, own};
static char *units[] = {broken, other};
static char *routes[] = {eth0};
static const struct verb_request request = {.verb = "health"};

static void open_healthy(struct engine_world *world)
{
	struct err err = {0};

	checks_world_adopted(world);
	world->fake->mounts = (struct host_strings){mounted, 3};
	world->fake->routes = (struct host_strings){routes, 1};
	ck_assert_msg(health_remember(&world->machine, &err), "%s", err.text);
}

static json_t *passes(struct engine_world *world)
{
	struct err err = {0};
	json_t *document = NULL;

	ck_assert_msg(verb_health(&world->machine, &request, &document, &err), "%s", err.text);
	ck_assert(json_is_true(json_object_get(document, "healthy")));
	return document;
}

static void fails(struct engine_world *world, const char *part, const char *hint)
{
	struct err err = {0};
	json_t *document = NULL;

	ck_assert(!verb_health(&world->machine, &request, &document, &err));
	ck_assert_ptr_null(document);
	ck_assert_int_eq(err.kind, ERR_REFUSED);
	ck_assert(text_starts(err.text, "generation 1 is not healthy: "));
	ck_assert_msg(strstr(err.text, part), "%s", err.text);
	ck_assert_str_eq(err.hint, hint);
}

START_TEST(a_system_as_it_was_is_healthy)
{
	struct engine_world world;
	auto_json json_t *document = NULL;
	int64_t began;

	open_healthy(&world);
	began = world.fake->now_usec;
	document = passes(&world);
	ck_assert_uint_eq(json_array_size(json_object_get(document, "checks")), 10);
	ck_assert_int_eq(world.fake->now_usec, began);
	engine_world_done(&world);
}
END_TEST

START_TEST(a_unit_that_newly_fails_is_named)
{
	struct engine_world world;

	open_healthy(&world);
	world.fake->failed = (struct host_strings){units, 2};
	fails(&world, "broken.service, other.service failed, which did not in the last good boot",
	      "systemctl --failed");
	engine_world_done(&world);
}
END_TEST

/* Another process gives the boot up, and says why to whoever looks after the reboot. */
START_TEST(what_failed_a_trial_is_kept_for_the_verdict)
{
	struct engine_world world;
	struct running *running = &world.machine.listing.running;
	auto_free char *none = NULL, *why = NULL, *later = NULL;

	open_healthy(&world);
	world.fake->failed = (struct host_strings){units, 1};
	fails(&world, "broken.service", "systemctl --failed");
	none = health_failure(&world.machine);
	ck_assert_ptr_null(none);
	running->trial = true;
	fails(&world, "broken.service", "systemctl --failed");
	why = health_failure(&world.machine);
	ck_assert(text_starts(why, "broken.service failed"));
	free(running->boot_id);
	running->boot_id = xstrdup("another boot");
	later = health_failure(&world.machine);
	ck_assert_ptr_null(later);
	engine_world_done(&world);
}
END_TEST

START_TEST(a_unit_that_failed_before_is_excused)
{
	struct engine_world world;
	struct err err = {0};

	open_healthy(&world);
	world.fake->failed = (struct host_strings){units, 1};
	ck_assert(health_remember(&world.machine, &err));
	json_decref(passes(&world));
	world.fake->failed = (struct host_strings){units, 2};
	fails(&world, "healthy: other.service failed", "systemctl --failed");
	engine_world_done(&world);
}
END_TEST

START_TEST(without_a_good_boot_no_unit_may_fail)
{
	struct engine_world world;

	open_healthy(&world);
	world_remove(&world, VOLUME_POOL, HEALTH_MEMORY);
	json_decref(passes(&world));
	world.fake->failed = (struct host_strings){units, 1};
	fails(&world, "no good boot is known", "systemctl --failed");
	/* a record that is torn is none */
	fake_host_put(world.fake, VOLUME_POOL, HEALTH_MEMORY, "{\"failed_units\": [\"bro");
	fails(&world, "no good boot is known", "systemctl --failed");
	engine_world_done(&world);
}
END_TEST

START_TEST(a_way_out_that_is_gone_is_missed)
{
	static char enp1s0[] = "enp1s0", *renamed[] = {enp1s0};
	struct engine_world world;
	struct err err = {0};

	open_healthy(&world);
	world.fake->routes = (struct host_strings){renamed, 1};
	json_decref(passes(&world));
	world.fake->routes = (struct host_strings){0};
	fails(&world, "no default route; the last good boot had one by 'eth0'", "ip route");
	/* a machine that never had one */
	ck_assert(health_remember(&world.machine, &err));
	json_decref(passes(&world));
	engine_world_done(&world);
}
END_TEST

START_TEST(what_fstab_asks_for_must_be_mounted)
{
	struct engine_world world;

	open_healthy(&world);
	world.fake->mounts.count = 1;
	fails(&world, "not mounted, although /etc/fstab asks for it: '/var', '/var/lib/moult'",
	      "systemctl list-units --type=mount --all");
	fake_host_put(world.fake, VOLUME_POOL, "@gens/1/root/etc/fstab",
		      "UUID=x / btrfs defaults 0 0\nUUID=x /srv/ btrfs nofail,subvol=@srv 0 0\n"
		      "UUID=y /mnt ext4 noauto 0 0\n/dev/sda3 none swap sw 0 0\n"
		      "UUID=z /data ext4 x-systemd.automount 0 0\n");
	json_decref(passes(&world));
	fake_host_put(world.fake, VOLUME_POOL, "@gens/1/root/etc/fstab",
		      "UUID=x /var/ btrfs x 0 0\n");
	world.fake->mounts.count = 3;
	json_decref(passes(&world));
	world_remove(&world, VOLUME_POOL, "@gens/1/root/etc/fstab");
	fails(&world, "cannot tell what should be mounted",
	      "systemctl list-units --type=mount --all");
	engine_world_done(&world);
}
END_TEST

START_TEST(a_full_disk_is_not_healthy)
{
	struct engine_world world;

	open_healthy(&world);
	world.fake->space[VOLUME_POOL].metadata_free_bytes = 4 << 20;
	fails(&world, "the Btrfs is full: 8192 MiB left for data, 4 MiB for metadata",
	      "sudo moult cleanup");
	engine_world_done(&world);
}
END_TEST

START_TEST(a_hook_that_failed_counts)
{
	struct engine_world world;
	struct err err = {0};

	open_healthy(&world);
	fake_host_put(world.fake, VOLUME_POOL, "@gens/1/root/" HOOKS_DIRECTORY "/10-a",
		      "# moult-hook: phases=first-boot\n");
	world_make_executable(&world, "@gens/1/root/" HOOKS_DIRECTORY "/10-a");
	world.fake->check_status = 1 << 8;
	ck_assert(hooks_live(&world.machine, HOOK_FIRST_BOOT, &err));
	world.fake->check_status = 0;
	fails(&world, "the hook '10-a' failed with exit status 1", "moult log");
	engine_world_done(&world);
}
END_TEST

/* --- the owner's programs ----------------------------------------------------------------------- */

static struct host_ops ops;
static const struct host_ops *plain_ops;
static char asked[8192];
static unsigned failures_left; /* of programs whose name has "slow" */

static int scripted_check(struct host *host, const struct host_program *asked_program,
			  char **ret_output, int *ret_status)
{
	const char *program = asked_program->path;

	(void)host;
	ck_assert_str_eq(asked_program->argument, "check");
	ck_assert_uint_eq(asked_program->timeout_sec, HEALTH_TIMEOUT_SEC);
	strcat(strcat(asked, strrchr(program, '/') + 1), " ");
	*ret_status = 0;
	if (strstr(program, "hangs"))
		return -ETIMEDOUT;
	if (strstr(program, "forgot"))
		return -EACCES;
	*ret_output = xstrdup("working\nthe reason\n\n");
	if (strstr(program, "slow") && failures_left > 0)
		failures_left--, *ret_status = 1 << 8;
	if (strstr(program, "fails"))
		*ret_status = 4 << 8;
	return 0;
}

static void script_programs(struct engine_world *world)
{
	plain_ops = world->fake->host.ops;
	ops = *plain_ops;
	ops.run_program = scripted_check;
	world->fake->host.ops = &ops;
	asked[0] = '\0';
}

static void add_program(struct engine_world *world, const char *name)
{
	auto_free char *path = xasprintf(PROGRAMS "/%s", name);

	fake_host_put(world->fake, VOLUME_POOL, path, "#!/bin/sh\n");
}

START_TEST(programs_are_asked_in_order_and_only_ours)
{
	struct engine_world world;

	open_healthy(&world);
	script_programs(&world);
	add_program(&world, "wanted-b");
	add_program(&world, "required-a");
	add_program(&world, "README");
	add_program(&world, "required-a.dpkg-old");
	add_program(&world, "required-a~");
	add_program(&world, "required-; reboot");
	json_decref(passes(&world));
	ck_assert_str_eq(asked, "required-a wanted-b ");
	engine_world_done(&world);
}
END_TEST

START_TEST(a_required_program_decides)
{
	struct engine_world world;

	open_healthy(&world);
	script_programs(&world);
	add_program(&world, "required-fails");
	fails(&world, "/etc/moult/health.d/required-fails failed with exit status 4: the reason",
	      "sudo /etc/moult/health.d/required-fails check");
	add_program(&world, "required-hangs");
	fails(&world, "required-hangs did not end within 60 s",
	      "sudo /etc/moult/health.d/required-fails check");
	add_program(&world, "required-forgot");
	fails(&world, "required-forgot cannot be run: Permission denied",
	      "sudo /etc/moult/health.d/required-fails check");
	engine_world_done(&world);
}
END_TEST

static char noted[256];

static void keep_note(struct progress *progress, const char *sentence)
{
	(void)progress;
	snprintf(noted, sizeof(noted), "%s", sentence);
}

START_TEST(a_wanted_program_is_only_told)
{
	struct engine_world world;
	auto_json json_t *document = NULL;
	const json_t *check;

	open_healthy(&world);
	script_programs(&world);
	world.progress.note = keep_note;
	add_program(&world, "wanted-fails");
	document = passes(&world);
	ck_assert_str_eq(asked, "wanted-fails ");
	ck_assert_ptr_nonnull(strstr(noted, "wanted-fails failed with exit status 4"));
	check = json_array_get(json_object_get(document, "checks"), 10);
	ck_assert(json_is_false(json_object_get(check, "required")));
	ck_assert(json_is_false(json_object_get(check, "passed")));
	engine_world_done(&world);
}
END_TEST

START_TEST(what_comes_up_late_is_waited_for)
{
	struct engine_world world;
	int64_t began;

	open_healthy(&world);
	script_programs(&world);
	add_program(&world, "required-slow");
	failures_left = 3;
	began = world.fake->now_usec;
	json_decref(passes(&world));
	ck_assert_int_eq(world.fake->now_usec - began, 3 * HEALTH_PAUSE_SEC * 1000000);
	failures_left = 1000;
	began = world.fake->now_usec;
	fails(&world, "required-slow", "sudo /etc/moult/health.d/required-slow check");
	ck_assert_int_eq(world.fake->now_usec - began, HEALTH_PATIENCE_SEC * 1000000);
	engine_world_done(&world);
}
END_TEST

START_TEST(an_interrupt_is_no_verdict)
{
	struct engine_world world;
	struct err err = {0};
	json_t *document = NULL;

	open_healthy(&world);
	world.fake->failed = (struct host_strings){units, 1};
	world.fake->interrupt = true;
	ck_assert(!verb_health(&world.machine, &request, &document, &err));
	ck_assert_int_eq(err.kind, ERR_INTERRUPTED);
	engine_world_done(&world);
}
END_TEST

START_TEST(only_what_runs_can_be_asked)
{
	struct engine_world world;
	struct err err = {0};
	json_t *document = NULL;

	open_healthy(&world);
	world.fake->running.root_path = NULL;
	checks_world_reopen(&world);
	ck_assert(!verb_health(&world.machine, &request, &document, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "none of moult's generations"));
	world.fake->live = false;
	checks_world_reopen(&world);
	ck_assert(!verb_health(&world.machine, &request, &document, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "only a running system"));
	ck_assert(!health_remember(&world.machine, &err));
	engine_world_done(&world);
}
END_TEST

/* A host that cannot answer is never found healthy. */
START_TEST(what_cannot_be_asked_is_not_healthy)
{
	struct engine_world world;
	struct fault_host fault;
	unsigned calls = 0;

	open_healthy(&world);
	add_program(&world, "required-a");
	fault_host_init(&fault, &world.fake->host);
	fault.errnum = EIO;
	fault.forever = true;
	world.machine.host = &fault.host;
	for (fault.fail_at = 1;; fault.fail_at++) {
		struct err err = {0};
		json_t *document = NULL;
		bool healthy;

		fault.calls = 0;
		fault.failed = NULL;
		healthy = verb_health(&world.machine, &request, &document, &err);
		json_decref(document);
		if (!fault.failed)
			break;
		ck_assert_msg(!healthy, "%s failed and was not missed", fault.failed);
		ck_assert(*err.text);
		calls++;
	}
	ck_assert_uint_gt(calls, 6);
	engine_world_done(&world);
}
END_TEST

START_TEST(what_cannot_be_remembered_is_an_error)
{
	struct engine_world world;
	struct fault_host fault;

	open_healthy(&world);
	fault_host_init(&fault, &world.fake->host);
	fault.errnum = EIO;
	world.machine.host = &fault.host;
	for (fault.fail_at = 1; fault.fail_at <= 6; fault.fail_at++) {
		struct err err = {0};

		fault.calls = 0;
		ck_assert(!health_remember(&world.machine, &err));
		ck_assert_int_eq(err.kind, ERR_SYSTEM);
	}
	engine_world_done(&world);
}
END_TEST

UNIT_MAIN("health", what_cannot_be_asked_is_not_healthy, what_cannot_be_remembered_is_an_error,
	  what_failed_a_trial_is_kept_for_the_verdict, a_system_as_it_was_is_healthy,
	  a_unit_that_newly_fails_is_named, a_unit_that_failed_before_is_excused,
	  without_a_good_boot_no_unit_may_fail, a_way_out_that_is_gone_is_missed,
	  what_fstab_asks_for_must_be_mounted, a_full_disk_is_not_healthy,
	  a_hook_that_failed_counts, programs_are_asked_in_order_and_only_ours,
	  a_required_program_decides, a_wanted_program_is_only_told,
	  what_comes_up_late_is_waited_for, an_interrupt_is_no_verdict, only_what_runs_can_be_asked)
