/* Hooks in the stage and on the running system: what they get, and what becomes of their failures. */
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include "checks_world.h"
#include "fault_host.h"
#include "hooks.h"
#include "journal.h"
#include "text.h"
#include "unit.h"

#define MAKING "@gens/.4.tmp"
#define MADE MAKING "/root/etc/made"
#define HOOKS MAKING "/root/" HOOKS_DIRECTORY

/* What the stage is told, and what it does there. */
struct stage_script {
	unsigned runs;
	char argv[256], environment[512], mounts[256];
	uint64_t capabilities;
	bool read_only, network;
	int status, r;
	const char *writes; /* each run leaves its number in this file, or the same number */
	bool same;
};

static int stage_source(struct fake_host *fake, const struct stage *stage,
			const struct stage_command *command, int *ret_status)
{
	struct stage_script *script = fake->userdata;

	script->runs++;
	script->capabilities = stage->capabilities;
	script->read_only = stage->read_only;
	script->network = stage->network;
	ck_assert_str_eq(stage->root, MAKING "/root");
	snprintf(script->argv, sizeof(script->argv), "%s %s", command->argv[0], command->argv[1]);
	ck_assert_ptr_null(command->argv[2]);
	script->environment[0] = script->mounts[0] = '\0';
	for (const char *const *e = command->environment; *e; e++)
		strcat(strcat(script->environment, *e), " ");
	for (size_t i = 0; i < stage->mount_count; i++)
		strcat(strcat(script->mounts, stage->mounts[i].at), " ");
	if (script->writes) {
		auto_free char *text = xasprintf("run %u\n", script->same ? 1 : script->runs);

		fake_host_put(fake, VOLUME_POOL, script->writes, text);
	}
	for (int i = 0; i < 7; i++) {
		auto_free char *line = xasprintf("line %d", i);

		command->on_line(command->userdata, STAGE_OUTPUT, line);
	}
	*ret_status = script->status;
	return script->r;
}

static void open_making(struct engine_world *world, struct stage_script *script)
{
	checks_world_adopted(world);
	fake_host_put_subvolume(world->fake, MAKING "/root");
	fake_host_put(world->fake, VOLUME_POOL, MAKING "/root/etc/hostname", "a\n");
	world->fake->source = stage_source;
	world->fake->userdata = script;
}

static void add_hook(struct engine_world *world, const char *directory, const char *name,
		     const char *text)
{
	auto_free char *path = xasprintf("%s/%s", directory, name);

	fake_host_put(world->fake, VOLUME_POOL, path, text);
	world_make_executable(world, path);
}

static const struct stage_mount data = {
	.kind = STAGE_OVERLAY, .at = "/var", .lower = "l/var", .upper = "u/var"};

static bool run_staged(struct engine_world *world, struct err *err)
{
	const struct hooks_copy copy = {
		.making = MAKING, .from = 1, .to = 4, .data = &data, .data_count = 1};

	return hooks_staged(&world->machine, &copy, err);
}

START_TEST(no_hooks_is_nothing_to_do)
{
	struct stage_script script = {0};
	struct engine_world world;
	struct err err = {0};

	open_making(&world, &script);
	ck_assert(run_staged(&world, &err));
	fake_host_put(world.fake, VOLUME_POOL, HOOKS "/README", "not executable");
	add_hook(&world, HOOKS, "10-old.dpkg-old", "#!/bin/sh\n");
	add_hook(&world, HOOKS, "copy~", "#!/bin/sh\n");
	add_hook(&world, HOOKS, ".hidden", "#!/bin/sh\n");
	add_hook(&world, HOOKS, "later", "# moult-hook: phases=returned\n");
	ck_assert(run_staged(&world, &err));
	ck_assert_uint_eq(script.runs, 0);
	ck_assert_ptr_null(fake_host_text(world.fake, VOLUME_POOL, MAKING "/hooks.json"));
	engine_world_done(&world);
}
END_TEST

START_TEST(a_hook_gets_what_it_declares_and_no_more)
{
	struct stage_script script = {0};
	struct engine_world world;
	struct err err = {0};

	open_making(&world, &script);
	add_hook(&world, HOOKS, "10-a", "# moult-hook: capabilities=CAP_CHOWN writes=/etc\n");
	ck_assert_msg(run_staged(&world, &err), "%s", err.text);
	ck_assert_str_eq(script.argv, "/etc/moult/hooks.d/10-a staged");
	ck_assert_ptr_nonnull(strstr(script.environment, "MOULT_FROM=1 MOULT_TO=4 MOULT_ROOT=/ "));
	ck_assert_uint_eq(script.capabilities, 1ULL << CAP_CHOWN);
	ck_assert_str_eq(script.mounts, "/etc /var ");
	ck_assert(script.read_only && !script.network);
	engine_world_done(&world);
}
END_TEST

START_TEST(a_hook_without_a_header_writes_nowhere)
{
	struct stage_script script = {0};
	struct engine_world world;
	struct err err = {0};

	open_making(&world, &script);
	add_hook(&world, HOOKS, "10-a", "#!/bin/sh\n");
	ck_assert(hooks_staged(&world.machine,
			       &(struct hooks_copy){.making = MAKING, .from = -1, .to = 4}, &err));
	ck_assert_uint_eq(script.capabilities, 0);
	ck_assert_str_eq(script.mounts, "");
	ck_assert(script.read_only && !script.network);
	ck_assert_ptr_nonnull(strstr(script.environment, "MOULT_FROM= "));
	engine_world_done(&world);
}
END_TEST

START_TEST(a_new_hook_runs_twice_and_a_known_one_once)
{
	struct stage_script script = {0};
	struct engine_world world;
	struct err err = {0};
	const char *known;

	open_making(&world, &script);
	add_hook(&world, HOOKS, "10-a", "#!/bin/sh\n");
	ck_assert(run_staged(&world, &err));
	ck_assert_uint_eq(script.runs, 2);
	known = fake_host_text(world.fake, VOLUME_POOL, MAKING "/hooks.json");
	ck_assert_ptr_nonnull(known);
	fake_host_put(world.fake, VOLUME_POOL, "@gens/1/hooks.json", known);
	ck_assert(run_staged(&world, &err));
	ck_assert_uint_eq(script.runs, 3);
	add_hook(&world, HOOKS, "10-a", "#!/bin/sh\n# changed\n");
	ck_assert(run_staged(&world, &err));
	ck_assert_uint_eq(script.runs, 5);
	/* a record that nobody can read is no record */
	fake_host_put(world.fake, VOLUME_POOL, "@gens/1/hooks.json", "{torn");
	ck_assert(run_staged(&world, &err));
	ck_assert_uint_eq(script.runs, 7);
	engine_world_done(&world);
}
END_TEST

START_TEST(a_second_run_that_changes_something_is_refused)
{
	struct stage_script script = {.writes = MADE};
	struct engine_world world;
	struct err err = {0};

	open_making(&world, &script);
	add_hook(&world, HOOKS, "10-a", "# moult-hook: writes=/etc\n");
	ck_assert(!run_staged(&world, &err));
	ck_assert_int_eq(err.kind, ERR_REFUSED);
	ck_assert_ptr_nonnull(strstr(err.text, "'10-a' changes something each time it runs"));
	ck_assert_str_eq(err.hint, "sudoedit /etc/moult/hooks.d/10-a");
	ck_assert_ptr_null(fake_host_text(world.fake, VOLUME_POOL, MAKING "/hooks.json"));
	engine_world_done(&world);
}
END_TEST

START_TEST(a_second_run_may_write_the_same_again)
{
	struct stage_script script = {.writes = MADE, .same = true};
	struct engine_world world;
	struct err err = {0};

	open_making(&world, &script);
	add_hook(&world, HOOKS, "10-a", "# moult-hook: writes=/etc\n");
	ck_assert_msg(run_staged(&world, &err), "%s", err.text);
	ck_assert_uint_eq(script.runs, 2);
	engine_world_done(&world);
}
END_TEST

START_TEST(a_second_run_is_judged_by_what_it_writes_to_data_too)
{
	for (int same = 0; same < 2; same++) {
		struct stage_script script = {.writes = "u/var/lib/a/new", .same = same};
		struct engine_world world;
		struct err err = {0};

		open_making(&world, &script);
		fake_host_put(world.fake, VOLUME_POOL, "l/var/lib/a/old", "kept");
		add_hook(&world, HOOKS, "10-a", "# moult-hook: writes=/var/lib/a\n");
		ck_assert_int_eq(run_staged(&world, &err), same);
		if (!same)
			ck_assert_ptr_nonnull(strstr(err.text, "changes something each time"));
		ck_assert_str_eq(script.mounts, "/var /var/lib/a ");
		ck_assert_uint_eq(script.runs, 2);
		engine_world_done(&world);
	}
}
END_TEST

START_TEST(a_failing_hook_is_refused_with_its_last_words)
{
	struct stage_script script = {.status = 3};
	struct engine_world world;
	struct err err = {0};

	open_making(&world, &script);
	add_hook(&world, HOOKS, "10-a", "#!/bin/sh\n");
	ck_assert(!run_staged(&world, &err));
	ck_assert_int_eq(err.kind, ERR_REFUSED);
	ck_assert_str_eq(err.text, "the hook '10-a' failed with exit status 3: line 6");
	ck_assert_str_eq(err.hint, "sudo moult log 4");
	script.status = 137;
	ck_assert(!run_staged(&world, &err));
	ck_assert_str_eq(err.text, "the hook '10-a' was ended by signal 9 (Killed): line 6");
	script = (struct stage_script){.r = -ETIMEDOUT};
	ck_assert(!run_staged(&world, &err));
	ck_assert_str_eq(err.text, "the hook '10-a' did not end within 300 s: line 6");
	script = (struct stage_script){.r = -EINTR};
	ck_assert(!run_staged(&world, &err));
	ck_assert_int_eq(err.kind, ERR_INTERRUPTED);
	script = (struct stage_script){.r = -EPERM};
	ck_assert(!run_staged(&world, &err));
	ck_assert_int_eq(err.kind, ERR_SYSTEM);
	engine_world_done(&world);
}
END_TEST

START_TEST(a_bad_header_or_path_is_refused_before_anything_runs)
{
	struct stage_script script = {0};
	struct engine_world world;
	struct err err = {0};

	open_making(&world, &script);
	add_hook(&world, HOOKS, "10-a", "# moult-hook: writes=/srv/nothing\n");
	ck_assert(!run_staged(&world, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "which the copy does not have"));
	add_hook(&world, HOOKS, "10-a", "# moult-hook: capabilities=CAP_SYS_ADMIN\n");
	ck_assert(!run_staged(&world, &err));
	ck_assert_int_eq(err.kind, ERR_CONFIG);
	ck_assert_str_eq(err.hint, "sudoedit /etc/moult/hooks.d/10-a");
	ck_assert(!hooks_lint(&world.machine, MAKING "/root", &err));
	ck_assert_uint_eq(script.runs, 0);
	engine_world_done(&world);
}
END_TEST

START_TEST(a_run_is_in_the_journal)
{
	struct stage_script script = {.status = 3};
	struct engine_world world;
	struct err err = {0};
	auto_json json_t *records = NULL;
	const json_t *record;

	open_making(&world, &script);
	add_hook(&world, HOOKS, "10-a", "#!/bin/sh\n");
	ck_assert(!run_staged(&world, &err));
	ck_assert(journal_read(&world.fake->host, 1, &records, &err));
	record = json_array_get(records, 0);
	ck_assert_str_eq(json_string_value(json_object_get(record, "event")), "hook");
	ck_assert_str_eq(json_string_value(json_object_get(record, "hook")), "10-a");
	ck_assert_str_eq(json_string_value(json_object_get(record, "phase")), "staged");
	ck_assert_int_eq(json_integer_value(json_object_get(record, "status")), 3);
	ck_assert_int_eq(json_integer_value(json_object_get(record, "generation")), 4);
	ck_assert_uint_eq(json_array_size(json_object_get(record, "lines")), 5);
	ck_assert_ptr_nonnull(json_object_get(record, "milliseconds"));
	ck_assert_ptr_nonnull(strstr(world.machine.log.bytes, "10-a: line 0\n"));
	engine_world_done(&world);
}
END_TEST

START_TEST(a_tree_is_told_by_more_than_its_files)
{
	struct stage_script script = {.writes = MADE, .same = true};
	struct engine_world world;
	struct err err = {0};

	open_making(&world, &script);
	add_hook(&world, HOOKS, "10-a", "# moult-hook: writes=/etc,/usr/local\n");
	fake_host_put(world.fake, VOLUME_POOL, MAKING "/root/usr/local/share/deep/file", "x");
	world_link(&world, "/nowhere", MAKING "/root/usr/local/link");
	ck_assert_msg(run_staged(&world, &err), "%s", err.text);
	engine_world_done(&world);
}
END_TEST

/* --- faults ------------------------------------------------------------------------------------- */

typedef bool attempt(struct engine_world *world, struct err *err);

static bool live_first_boot(struct engine_world *world, struct err *err)
{
	return hooks_live(&world->machine, HOOK_FIRST_BOOT, err);
}

/* Fails with a sentence, or does not need the call (the journal's); never passes a hook unseen. */
static void fail_each_call(struct engine_world *world, attempt *run)
{
	struct fault_host fault;
	unsigned calls = 0;

	fault_host_init(&fault, &world->fake->host);
	fault.errnum = EIO;
	world->machine.host = &fault.host;
	for (fault.fail_at = 1;; fault.fail_at++) {
		struct err err = {0};
		bool done;

		fault.calls = 0;
		fault.failed = NULL;
		done = run(world, &err);
		ck_assert(done || *err.text);
		if (!fault.failed)
			break;
		if (strcmp(fault.failed, "append") != 0 && strcmp(fault.failed, "stat") != 0)
			ck_assert_msg(!done, "%s failed and was not missed", fault.failed);
		calls++;
	}
	ck_assert_uint_gt(calls, 5);
}

START_TEST(a_call_that_fails_is_an_error)
{
	struct stage_script script = {.writes = MADE, .same = true};
	struct engine_world world;

	open_making(&world, &script);
	add_hook(&world, HOOKS, "10-a", "# moult-hook: writes=/etc\n");
	world_link(&world, "/nowhere", MAKING "/root/etc/link");
	fail_each_call(&world, run_staged);
	engine_world_done(&world);

	checks_world_adopted(&world);
	add_hook(&world, "@gens/1/root/" HOOKS_DIRECTORY, "10-a",
		 "# moult-hook: phases=first-boot\n");
	world.fake->check_status = 1 << 8;
	fail_each_call(&world, live_first_boot);
	engine_world_done(&world);
}
END_TEST

/* --- live --------------------------------------------------------------------------------------- */

#define LIVE "@gens/1/root/" HOOKS_DIRECTORY

static void see_program(struct fake_host *fake, const struct host_program *program)
{
	const struct host_confinement *confinement = program->confinement;

	ck_assert_str_eq(program->path, "/" HOOKS_DIRECTORY "/10-a");
	ck_assert_str_eq(program->argument, "first-boot");
	ck_assert_str_eq(program->environment[0], "MOULT_FROM=0");
	ck_assert_str_eq(program->environment[1], "MOULT_TO=1");
	ck_assert_uint_eq(confinement->capabilities, 1);
	ck_assert_uint_eq(confinement->write_count, 1);
	ck_assert_str_eq(confinement->writes[0], "/var/lib/a");
	ck_assert(!confinement->network);
	*(bool *)fake->userdata = true;
}

START_TEST(a_live_hook_gets_what_it_declares_and_no_more)
{
	struct engine_world world;
	struct err err = {0};
	bool seen = false;

	checks_world_adopted(&world);
	add_hook(&world, LIVE, "10-a",
		 "# moult-hook: phases=first-boot capabilities=CAP_CHOWN writes=/var/lib/a\n");
	world.fake->program = see_program;
	world.fake->userdata = &seen;
	ck_assert(hooks_live(&world.machine, HOOK_FIRST_BOOT, &err));
	ck_assert(seen);
	engine_world_done(&world);
}
END_TEST

START_TEST(a_live_hook_that_fails_is_kept_for_this_boot)
{
	struct engine_world world;
	struct err err = {0};
	auto_free char *failed = NULL;

	checks_world_adopted(&world);
	add_hook(&world, LIVE, "10-a", "# moult-hook: phases=first-boot\n");
	add_hook(&world, LIVE, "20-staged", "#!/bin/sh\n");
	world.fake->check_output = "something\nis wrong\n";
	world.fake->check_status = 2 << 8;
	ck_assert(hooks_live(&world.machine, HOOK_PUBLISHED, &err));
	ck_assert_ptr_null(hooks_failed(&world.machine));
	ck_assert(hooks_live(&world.machine, HOOK_FIRST_BOOT, &err));
	failed = hooks_failed(&world.machine);
	ck_assert_str_eq(failed, "the hook '10-a' failed with exit status 2: is wrong");
	engine_runs(&world, 1, 2, false, "boot-2");
	checks_world_reopen(&world);
	ck_assert_ptr_null(hooks_failed(&world.machine));
	engine_world_done(&world);
}
END_TEST

START_TEST(failures_of_one_boot_add_up)
{
	struct engine_world world;
	struct err err = {0};
	auto_free char *failed = NULL;

	checks_world_adopted(&world);
	add_hook(&world, LIVE, "10-a", "# moult-hook: phases=first-boot,published\n");
	world.fake->check_status = 9;
	ck_assert(hooks_live(&world.machine, HOOK_FIRST_BOOT, &err));
	ck_assert(hooks_live(&world.machine, HOOK_PUBLISHED, &err));
	failed = hooks_failed(&world.machine);
	ck_assert_str_eq(failed, "the hook '10-a' was ended by signal 9 (Killed); "
				 "the hook '10-a' was ended by signal 9 (Killed)");
	engine_world_done(&world);
}
END_TEST

START_TEST(nothing_runs_where_no_generation_of_ours_does)
{
	struct engine_world world;
	struct err err = {0};

	checks_world_adopted(&world);
	add_hook(&world, LIVE, "10-a", "# moult-hook: phases=bogus\n");
	ck_assert(!hooks_live(&world.machine, HOOK_RETURNED, &err));
	world.fake->live = false;
	checks_world_reopen(&world);
	ck_assert(hooks_live(&world.machine, HOOK_RETURNED, &err));
	engine_world_done(&world);
}
END_TEST

UNIT_MAIN("hooks", no_hooks_is_nothing_to_do, a_hook_gets_what_it_declares_and_no_more,
	  a_hook_without_a_header_writes_nowhere, a_new_hook_runs_twice_and_a_known_one_once,
	  a_second_run_that_changes_something_is_refused,
	  a_second_run_is_judged_by_what_it_writes_to_data_too,
	  a_second_run_may_write_the_same_again, a_failing_hook_is_refused_with_its_last_words,
	  a_bad_header_or_path_is_refused_before_anything_runs,
	  a_tree_is_told_by_more_than_its_files, a_call_that_fails_is_an_error,
	  a_run_is_in_the_journal, a_live_hook_gets_what_it_declares_and_no_more,
	  a_live_hook_that_fails_is_kept_for_this_boot, failures_of_one_boot_add_up,
	  nothing_runs_where_no_generation_of_ours_does)
