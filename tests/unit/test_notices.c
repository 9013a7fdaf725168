/* What the running system tells everybody: motd, status.json, that a reboot is wanted, the journal. */
#include <string.h>
#include "engine_judge.h"
#include "text.h"
#include "verbs.h"

typedef bool verb_of(struct machine *, const struct verb_request *, json_t **, struct err *);

static void run(struct engine_world *world, verb_of *verb, struct verb_request request)
{
	struct err err = {0};
	json_t *answer = NULL;

	must(verb(&world->machine, &request, &answer, &err));
	json_decref(answer);
}

static void boot(struct engine_world *world, unsigned id, uint64_t serial, bool trial)
{
	static unsigned boots;
	auto_free char *boot_id = xasprintf("b%u", ++boots);
	struct err err = {0};

	engine_runs(world, id, serial, trial, boot_id);
	must(engine_world_reopen(world, &world->fake->host, &err));
}

/* What was published last under this name; borrowed till the next call. */
static const char *published(const struct engine_world *world, const char *name)
{
	static char last[65536];
	auto_free char *begin = xasprintf("%s: ", name);
	const char *cursor = world->fake->status, *line, *end;
	bool inside = false;
	size_t length;

	*last = '\0';
	end = cursor ? cursor + strlen(cursor) : NULL;
	while (cursor && text_next_line(&cursor, end, &line, &length)) {
		bool begins = text_starts(line, "motd: ") || text_starts(line, "status.json: ");

		if (begins)
			inside = text_starts(line, begin);
		if (begins && inside)
			*last = '\0';
		if (inside) {
			size_t skip = begins ? strlen(begin) : 0;

			ck_assert_uint_lt(strlen(last) + length, sizeof(last));
			strncat(last, line + skip, length - skip);
		}
	}
	return last;
}

/* Generation 2 was tried, and gave up for this reason; 1 runs again. */
static void fail_trial(struct engine_world *world, const char *reason)
{
	struct err err = {0};

	must(engine_offer(&world->machine, 2, &err));
	boot(world, 2, menu_trial(&world->machine.menu)->serial, true);
	run(world, verb_give_up, (struct verb_request){.verb = "give-up", .reason = reason});
	for (int i = 0; i < 3; i++)
		loader_model_boot(&world->fake->disk);
	boot(world, 1, 2, false);
}

/* --- the message of the day ----------------------------------------------------------------------- */

START_TEST(last_words_of_a_program_do_nothing_to_the_terminal_of_who_logs_in)
{
	struct engine_world world;
	const char *motd;

	engine_world_open(&world);
	fail_trial(&world, "health: \033]0;x\007\033[2Jgone \xc2\x9b\xe2\x80\xae\nhappy\r");
	run(&world, verb_reconcile, (struct verb_request){.verb = "reconcile"});
	motd = published(&world, "motd");
	ck_assert_ptr_nonnull(strstr(motd, "generation 2 did not come up (health: \\x1b]0;x"));
	ck_assert_ptr_null(strstr(motd, "--data"));
	ck_assert_ptr_nonnull(strstr(motd, "\\u{009b}\\u{202e}\\x0ahappy\\x0d); this"));
	for (const char *c = motd; *c; c++)
		ck_assert_int_ge(*c, ' ');
	engine_world_done(&world);
}
END_TEST

START_TEST(data_that_the_failed_one_may_have_changed_can_be_put_back)
{
	struct engine_world world;
	const char *motd;

	engine_world_open(&world);
	fake_host_put_subvolume(world.fake, "@gens/2/data/@var");
	fail_trial(&world, "sshd is dead");
	run(&world, verb_reconcile, (struct verb_request){.verb = "reconcile"});
	motd = published(&world, "motd");
	ck_assert_ptr_nonnull(strstr(motd, "sudo moult rollback 1 --data var"));
	fake_host_put_subvolume(world.fake, "@gens/2/data/@srv");
	run(&world, verb_reconcile, (struct verb_request){.verb = "reconcile"});
	ck_assert_ptr_nonnull(strstr(published(&world, "motd"), "rollback 1 --data NAME"));
	engine_world_done(&world);
}
END_TEST

START_TEST(one_that_is_tried_again_has_not_failed)
{
	static const char *const accept[] = {"BAD_GENERATION", NULL};
	struct engine_world world;

	engine_world_open(&world);
	fail_trial(&world, "sshd is dead");
	run(&world, verb_reconcile, (struct verb_request){.verb = "reconcile"});
	ck_assert_ptr_nonnull(strstr(published(&world, "motd"), "generation 2 did not come up"));
	run(&world, verb_rollback,
	    (struct verb_request){.verb = "rollback", .which = "2", .accept = accept});
	ck_assert_ptr_null(strstr(published(&world, "motd"), "did not come up"));
	engine_world_done(&world);
}
END_TEST

/* 2 is current; somebody picked 1 in the menu. */
static void open_temporary(struct engine_world *world)
{
	struct err err = {0};

	engine_world_open(world);
	must(engine_offer(&world->machine, 2, &err));
	must(engine_bless(&world->machine, 2, &err));
	boot(world, 1, menu_find(&world->machine.menu, 2)->serial, false);
	run(world, verb_reconcile, (struct verb_request){.verb = "reconcile"});
}

START_TEST(what_is_kept_is_no_temporary_session_any_more)
{
	struct engine_world world;

	open_temporary(&world);
	ck_assert_ptr_nonnull(strstr(published(&world, "motd"), "a temporary session"));
	run(&world, verb_keep, (struct verb_request){.verb = "keep"});
	ck_assert_str_eq(published(&world, "motd"), "");
	engine_world_done(&world);
}
END_TEST

START_TEST(status_for_everybody_knows_the_operation_that_has_just_ended)
{
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;

	open_temporary(&world);
	run(&world, verb_pin, (struct verb_request){.verb = "pin", .which = "2"});
	ck_assert_ptr_nonnull(strstr(published(&world, "status.json"), "\"verb\": \"pin\""));
	ck_assert_ptr_nonnull(strstr(published(&world, "status.json"), "\"outcome\": \"done\""));
	ck_assert(!verb_rollback(&world.machine,
				 &(struct verb_request){.verb = "rollback", .which = "9"}, &answer,
				 &err));
	ck_assert_ptr_nonnull(strstr(published(&world, "status.json"), "\"outcome\": \"failed\""));
	engine_world_done(&world);
}
END_TEST

START_TEST(another_systems_disk_tells_nobody_anything)
{
	struct engine_world world;

	engine_world_open(&world);
	run(&world, verb_pin, (struct verb_request){.verb = "pin", .which = "1"});
	ck_assert_ptr_null(world.fake->status);
	ck_assert(!world.fake->reboot_required);
	engine_world_done(&world);
}
END_TEST

/* --- reboot --------------------------------------------------------------------------------------- */

START_TEST(a_reboot_is_wanted_as_long_as_another_generation_boots_next)
{
	struct engine_world world;
	struct err err = {0};

	engine_world_open(&world);
	boot(&world, 1, 2, false);
	run(&world, verb_pin, (struct verb_request){.verb = "pin", .which = "2"});
	ck_assert(!world.fake->reboot_required);
	must(engine_offer(&world.machine, 2, &err));
	ck_assert(world.fake->reboot_required);
	run(&world, verb_pin, (struct verb_request){.verb = "pin", .which = "3"});
	ck_assert(world.fake->reboot_required);
	run(&world, verb_rollback, (struct verb_request){.verb = "rollback", .which = "1"});
	ck_assert(!world.fake->reboot_required);
	engine_world_done(&world);
}
END_TEST

/* The bless gives it another serial, with the kernel that runs. */
START_TEST(what_was_blessed_runs_already)
{
	struct engine_world world;
	struct err err = {0};

	engine_world_open(&world);
	must(engine_offer(&world.machine, 2, &err));
	loader_model_boot(&world.fake->disk);
	boot(&world, 2, menu_trial(&world.machine.menu)->serial, true);
	run(&world, verb_reconcile, (struct verb_request){.verb = "reconcile"});
	ck_assert(!world.fake->reboot_required);
	world.fake->reboot_required = true;
	run(&world, verb_bless, (struct verb_request){.verb = "bless"});
	ck_assert(!world.fake->reboot_required);
	engine_world_done(&world);
}
END_TEST

START_TEST(a_session_that_was_picked_is_not_hurried_to_its_end)
{
	static const char *const accept[] = {"ORIGINAL_DATA", NULL};
	struct engine_world world;

	open_temporary(&world);
	run(&world, verb_pin, (struct verb_request){.verb = "pin", .which = "1"});
	ck_assert(!world.fake->reboot_required);
	run(&world, verb_rollback,
	    (struct verb_request){.verb = "rollback", .which = "0", .accept = accept});
	ck_assert(world.fake->reboot_required);
	run(&world, verb_rollback, (struct verb_request){.verb = "rollback", .which = "1"});
	ck_assert(!world.fake->reboot_required);
	engine_world_done(&world);
}
END_TEST

/* --- the journal ----------------------------------------------------------------------------------- */

#define RETURNED "5f3c1d5e6f0c4c0a9d2f0b7f6a5e1a03: "

START_TEST(the_journal_tells_which_verb_and_generation_it_was)
{
	struct engine_world world;
	auto_free char *after = NULL;
	char *returned;

	engine_world_open(&world);
	fail_trial(&world, "sshd is dead");
	ck_assert_ptr_nonnull(strstr(world.fake->log, "sshd is dead; rebooting [give-up] "
						      "[generation 2]\n"));
	/* something else to know after the boot is no end of a trial */
	world.running.entry_default = xstrdup("x.conf");
	world.fake->running = world.running;
	run(&world, verb_reconcile, (struct verb_request){.verb = "reconcile"});
	returned = strstr(world.fake->log, RETURNED);
	ck_assert_ptr_nonnull(returned);
	ck_assert_ptr_null(strstr(returned + 1, RETURNED));
	ck_assert(text_starts(returned, RETURNED "generation 2 did not come up: sshd is dead "
						 "[reconcile] [generation 2]\n"));
	run(&world, verb_reconcile, (struct verb_request){.verb = "reconcile"});
	ck_assert_ptr_null(strstr(strstr(world.fake->log, RETURNED) + 1, RETURNED));
	run(&world, verb_pin, (struct verb_request){.verb = "pin", .which = "1"});
	ck_assert_ptr_nonnull(strstr(world.fake->log, "moult pin: done [pin] [generation 1]\n"));
	engine_world_done(&world);
}
END_TEST

START_TEST(a_long_journal_goes_on_in_a_new_file_and_the_last_one_is_kept)
{
	static const char written[] = "@moult/journal", kept[] = "@moult/journal.1";
	auto_free char *full = xcalloc(1, 1024 * 1024 + 2);
	struct engine_world world;

	engine_world_open(&world);
	memset(full, '\n', 1024 * 1024 + 1);
	fake_host_put(world.fake, VOLUME_POOL, written, full);
	run(&world, verb_pin, (struct verb_request){.verb = "pin", .which = "1"});
	ck_assert_str_eq(fake_host_text(world.fake, VOLUME_POOL, kept), full);
	ck_assert_ptr_nonnull(strstr(fake_host_text(world.fake, VOLUME_POOL, written), "pin"));
	ck_assert_uint_lt(strlen(fake_host_text(world.fake, VOLUME_POOL, written)), 4096);
	engine_world_done(&world);
}
END_TEST

UNIT_MAIN("notices", last_words_of_a_program_do_nothing_to_the_terminal_of_who_logs_in,
	  data_that_the_failed_one_may_have_changed_can_be_put_back,
	  one_that_is_tried_again_has_not_failed, what_is_kept_is_no_temporary_session_any_more,
	  status_for_everybody_knows_the_operation_that_has_just_ended,
	  another_systems_disk_tells_nobody_anything,
	  a_reboot_is_wanted_as_long_as_another_generation_boots_next,
	  what_was_blessed_runs_already, a_session_that_was_picked_is_not_hurried_to_its_end,
	  the_journal_tells_which_verb_and_generation_it_was,
	  a_long_journal_goes_on_in_a_new_file_and_the_last_one_is_kept)
