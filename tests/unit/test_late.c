/* Edits that came after a generation was staged: carried over, contradicted, or baked into its initrd. */
#include <errno.h>
#include <string.h>
#include "carry.h"
#include "late_world.h"
#include "report.h"
#include "text.h"
#include "verbs.h"

/* The answer; caller frees. */
static json_t *run_verb(struct engine_world *world,
			bool (*verb)(struct machine *, const struct verb_request *, json_t **,
				     struct err *))
{
	struct verb_request request = {.verb = "late-edits"};
	struct err err = {0};
	json_t *answer = NULL;

	reopen(world);
	must(verb(&world->machine, &request, &answer, &err));
	reopen(world);
	return answer;
}

static void shut_down(struct engine_world *world, const char *outcome)
{
	auto_json json_t *answer = run_verb(world, verb_late_edits);

	ck_assert_str_eq(json_string_value(json_object_get(answer, "outcome")), outcome);
}

static bool has(const struct engine_world *world, const char *path)
{
	return fake_disk_find(&world->fake->disk, VOLUME_POOL, path) != NULL;
}

static bool is_offered(const struct engine_world *world, unsigned id)
{
	const struct menu_entry *next = menu_next(&world->machine.menu);

	return next && next->generation == id;
}

static void assert_stale(const struct engine_world *world, const char *part)
{
	const struct generation *gen = find(world, 2);

	ck_assert_int_eq(gen->state, GEN_BUILT);
	ck_assert(gen->stale);
	ck_assert_msg(strstr(gen->stale_why, part) != NULL, "%s", gen->stale_why);
	ck_assert(!is_offered(world, 2));
	ck_assert_uint_eq(default_generation(world->fake), 1);
	ck_assert(!has(world, "@gens/2/late-root") && !has(world, "@gens/2/late-seen"));
}

/* --- carried ------------------------------------------------------------------------------------- */

START_TEST(nothing_edited_is_nothing_done)
{
	struct engine_world world;
	size_t effects;

	late_world_open(&world);
	effects = world.fake->effect_count;
	shut_down(&world, "nothing");
	for (size_t i = effects; i < world.fake->effect_count; i++)
		ck_assert_msg(!text_starts(world.fake->effects[i].path, "@gens"), "%s",
			      world.fake->effects[i].path);
	ck_assert(is_offered(&world, 2));
	engine_world_done(&world);
}
END_TEST

START_TEST(edits_new_files_and_removals_are_carried)
{
	struct engine_world world;
	struct host *host;

	late_world_open(&world);
	host = &world.fake->host;
	edit(&world, "etc/hosts", "127.0.0.1 here\n");
	edit(&world, "etc/new/sub/file", "mine\n");
	edit(&world, "opt/thing/run", "program\n");
	edit(&world, "var/log/x", "data\n");
	ck_assert_int_eq(host->ops->remove(host, VOLUME_POOL, RUNS "/etc/motd"), 0);
	ck_assert_int_eq(host->ops->remove_tree(host, VOLUME_POOL, RUNS "/etc/cron.d"), 0);
	ck_assert_int_eq(host->ops->make_symlink(host, VOLUME_POOL, "/etc/hosts", RUNS "/etc/link"),
			 0);
	shut_down(&world, "done");
	ck_assert_str_eq(pending_text(&world, "etc/hosts"), "127.0.0.1 here\n");
	ck_assert_str_eq(pending_text(&world, "etc/new/sub/file"), "mine\n");
	ck_assert_str_eq(pending_text(&world, "opt/thing/run"), "program\n");
	ck_assert(!has(&world, PENDING "/var/log/x"));
	ck_assert(!has(&world, PENDING "/etc/motd") && !has(&world, PENDING "/etc/cron.d"));
	ck_assert(has(&world, PENDING "/etc/link"));
	ck_assert_str_eq(pending_text(&world, STATUS), DPKG("5.2"));
	ck_assert(!has(&world, "@gens/2/late-root") && !has(&world, "@gens/2/late-seen"));
	ck_assert(is_offered(&world, 2) && !find(&world, 2)->stale);
	/* what it is told by is what was carried: the same file may be edited again */
	edit(&world, "etc/hosts", "127.0.0.1 there\n");
	shut_down(&world, "done");
	ck_assert_str_eq(pending_text(&world, "etc/hosts"), "127.0.0.1 there\n");
	shut_down(&world, "nothing");
	engine_world_done(&world);
}
END_TEST

START_TEST(a_file_takes_the_place_of_a_directory_and_the_other_way_round)
{
	struct engine_world world;
	struct host *host;

	late_world_open(&world);
	host = &world.fake->host;
	ck_assert_int_eq(host->ops->remove_tree(host, VOLUME_POOL, RUNS "/etc/cron.d"), 0);
	edit(&world, "etc/cron.d", "a file now\n");
	ck_assert_int_eq(host->ops->remove(host, VOLUME_POOL, RUNS "/etc/motd"), 0);
	edit(&world, "etc/motd/part", "a directory now\n");
	shut_down(&world, "done");
	ck_assert_str_eq(pending_text(&world, "etc/cron.d"), "a file now\n");
	ck_assert_str_eq(pending_text(&world, "etc/motd/part"), "a directory now\n");
	engine_world_done(&world);
}
END_TEST

START_TEST(what_both_have_is_no_edit_and_what_only_the_new_one_changed_stays)
{
	struct engine_world world;

	late_world_open(&world);
	edit(&world, "etc/hosts", "same\n");
	rebuild(&world, "etc/hosts", "same\n");
	rebuild(&world, "etc/motd", "of the new one\n");
	shut_down(&world, "nothing");
	ck_assert_str_eq(pending_text(&world, "etc/motd"), "of the new one\n");
	ck_assert(is_offered(&world, 2));
	engine_world_done(&world);
}
END_TEST

/* A directory in which the new generation has something stays with it. */
START_TEST(a_removed_directory_leaves_what_the_new_one_put_there)
{
	struct engine_world world;
	struct host *host;

	late_world_open(&world);
	host = &world.fake->host;
	ck_assert_int_eq(host->ops->remove_tree(host, VOLUME_POOL, RUNS "/etc/cron.d"), 0);
	rebuild(&world, "etc/cron.d/of-a-package", "weekly\n");
	shut_down(&world, "done");
	ck_assert(!has(&world, PENDING "/etc/cron.d/job"));
	ck_assert_str_eq(pending_text(&world, "etc/cron.d/of-a-package"), "weekly\n");
	engine_world_done(&world);
}
END_TEST

/* --- stale --------------------------------------------------------------------------------------- */

START_TEST(a_file_changed_on_both_sides_is_a_conflict)
{
	struct engine_world world;

	late_world_open(&world);
	edit(&world, "etc/hosts", "mine\n");
	rebuild(&world, "etc/hosts", "theirs\n");
	shut_down(&world, "done");
	assert_stale(&world, "'/etc/hosts' was edited since it was staged, and is different");
	ck_assert_str_eq(pending_text(&world, "etc/hosts"), "theirs\n");
	engine_world_done(&world);
}
END_TEST

START_TEST(a_file_of_a_package_changed_on_both_sides_is_left)
{
	struct engine_world world;

	late_world_open(&world);
	rebuild(&world, "usr/lib/sysimage/dpkg/info/tool.list", "/.\n/usr/bin\n/bin/tool\n");
	edit(&world, "usr/bin/tool", "patched\n");
	rebuild(&world, "usr/bin/tool", "tool 2\n");
	shut_down(&world, "nothing");
	ck_assert_str_eq(pending_text(&world, "usr/bin/tool"), "tool 2\n");
	ck_assert(is_offered(&world, 2));
	engine_world_done(&world);
}
END_TEST

START_TEST(an_edit_that_the_initrd_was_made_from_makes_it_stale)
{
	struct engine_world world;

	late_world_open(&world);
	edit(&world, "etc/crypttab", "data UUID=x none luks\n");
	shut_down(&world, "done");
	assert_stale(&world, "'/etc/crypttab' was edited since it was staged, and its initrd opens "
			     "encrypted disks by it");
	engine_world_done(&world);
}
END_TEST

START_TEST(of_fstab_only_the_line_of_the_root_is_baked)
{
	struct engine_world world;
	auto_free char *fstab = NULL, *other = NULL;

	late_world_open(&world);
	fstab = xasprintf("UUID=%s / btrfs defaults 0 0\ntmpfs /scratch tmpfs nofail 0 0\n",
			  world.fake->pool_uuid);
	edit(&world, "etc/fstab", fstab);
	shut_down(&world, "done");
	ck_assert_str_eq(pending_text(&world, "etc/fstab"), fstab);
	other = xasprintf("UUID=%s / btrfs noatime 0 0\n", world.fake->pool_uuid);
	edit(&world, "etc/fstab", other);
	shut_down(&world, "done");
	assert_stale(&world, "its initrd mounts the root by it");
	engine_world_done(&world);
}
END_TEST

START_TEST(an_edit_that_would_keep_it_from_coming_up_makes_it_stale)
{
	struct engine_world world;
	auto_free char *fstab = NULL;

	late_world_open(&world);
	fstab = xasprintf(
		"UUID=%s / btrfs defaults 0 0\nUUID=1234-no-such /data ext4 defaults 0 2\n"
		"UUID=%s /home btrfs subvolid=300 0 0\n",
		world.fake->pool_uuid, world.fake->pool_uuid);
	edit(&world, "etc/fstab", fstab);
	shut_down(&world, "done");
	assert_stale(&world, "edits made since it was staged do not fit it");
	engine_world_done(&world);
}
END_TEST

START_TEST(packages_changed_live_make_it_stale)
{
	struct engine_world world;
	auto_json json_t *answer = NULL;

	late_world_open(&world);
	edit(&world, STATUS,
	     DPKG("5.1") "Package: htop\nStatus: install ok installed\n"
			 "Architecture: amd64\nVersion: 3.2\n\n");
	answer = run_verb(&world, verb_stale_check);
	ck_assert_str_eq(json_string_value(json_object_get(answer, "outcome")), "done");
	assert_stale(&world, "packages were changed since it was staged: htop:amd64 installed");
	ck_assert_ptr_nonnull(strstr(world.fake->log, "generation 2 is stale"));
	ck_assert_ptr_nonnull(strstr(world.fake->status, "build it again: sudo moult upgrade"));
	engine_world_done(&world);
}
END_TEST

/* apt waits for it: it says that it could not look, and soon. */
START_TEST(a_stale_check_does_not_wait_for_another_moult)
{
	struct verb_request request = {.verb = "stale-check"};
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;
	int64_t before;

	late_world_open(&world);
	world.fake->lock_holder = "'moult upgrade'";
	before = world.fake->now_usec;
	ck_assert(!verb_stale_check(&world.machine, &request, &answer, &err));
	ck_assert_int_eq(err.kind, ERR_BUSY);
	ck_assert_int_le(world.fake->now_usec - before, 1500000);
	engine_world_done(&world);
}
END_TEST

START_TEST(a_person_may_offer_a_stale_one_as_it_is)
{
	static const char *const accept[] = {"STALE_GENERATION", NULL};
	struct verb_request request = {.verb = "rollback", .which = "2"};
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;

	late_world_open(&world);
	edit(&world, "etc/hosts", "mine\n");
	rebuild(&world, "etc/hosts", "theirs\n");
	shut_down(&world, "done");
	ck_assert(!verb_rollback(&world.machine, &request, &answer, &err));
	ck_assert_int_eq(err.kind, ERR_NEEDS_ACK);
	request.accept = accept;
	err = (struct err){0};
	must(verb_rollback(&world.machine, &request, &answer, &err));
	json_decref(answer);
	shut_down(&world, "nothing");
	ck_assert(is_offered(&world, 2));
	engine_world_done(&world);
}
END_TEST

/* --- at the first boot --------------------------------------------------------------------------- */

static bool first_boot(struct engine_world *world, struct err *err)
{
	struct verb_request request = {.verb = "first-boot"};
	json_t *answer = NULL;
	bool done;

	late_world_boot(world);
	done = verb_first_boot(&world->machine, &request, &answer, err);
	json_decref(answer);
	reopen(world);
	return done;
}

START_TEST(what_a_power_cut_kept_back_is_carried_at_the_first_boot)
{
	struct engine_world world;
	struct err err = {0};

	late_world_open(&world);
	edit(&world, "etc/hosts", "mine\n");
	edit(&world, "etc/crypttab", "x\n");
	must(first_boot(&world, &err));
	ck_assert_str_eq(pending_text(&world, "etc/hosts"), "mine\n");
	ck_assert_str_eq(pending_text(&world, "etc/crypttab"), "x\n");
	ck_assert(!has(&world, "@gens/2/late-seen"));
	must(first_boot(&world, &err));
	must(engine_bless(&world.machine, 2, &err));
	must(engine_recover(&world.machine, &err));
	ck_assert(!has(&world, "@gens/2/ancestor"));
	engine_world_done(&world);
}
END_TEST

START_TEST(a_conflict_at_the_first_boot_is_parked)
{
	struct engine_world world;
	struct err err = {0};

	late_world_open(&world);
	edit(&world, "etc/hosts", "mine\n");
	rebuild(&world, "etc/hosts", "theirs\n");
	must(first_boot(&world, &err));
	ck_assert_str_eq(pending_text(&world, "etc/hosts"), "theirs\n");
	ck_assert_str_eq(fake_host_text(world.fake, VOLUME_POOL, "@moult/late/2/etc/hosts"),
			 "mine\n");
	engine_world_done(&world);
}
END_TEST

START_TEST(a_first_boot_behind_the_packages_is_left)
{
	struct engine_world world;
	struct err err = {0};

	late_world_open(&world);
	edit(&world, STATUS, DPKG("5.1.1"));
	ck_assert(!first_boot(&world, &err));
	ck_assert_msg(strstr(err.text, "generation 2 is stale") != NULL, "%s", err.text);
	assert_stale(&world, "bash:amd64 updated");
	engine_world_done(&world);
}
END_TEST

/* --- going back ---------------------------------------------------------------------------------- */

/* 2 was built, blessed and edited since; 1 is gone back to. */
START_TEST(a_rollback_names_what_was_edited_since)
{
	struct verb_request request = {.verb = "plan", .which = "rollback", .name = "1"};
	struct verb_request back = {.verb = "rollback", .which = "1"};
	struct engine_world world;
	struct err err = {0};
	auto_json json_t *plan = NULL, *answer = NULL;
	auto_free char *printed = NULL;
	const json_t *edits;

	late_world_open(&world);
	rebuild(&world, "etc/of-the-new-one", "built so\n");
	ck_assert_int_eq(
		world.fake->host.ops->snapshot(&world.fake->host, PENDING, "@gens/2/base", true),
		0);
	reopen(&world);
	must(engine_bless(&world.machine, 2, &err));
	rebuild(&world, "etc/hosts", "edited in 2\n");
	rebuild(&world, "var/log/x", "data\n");
	rebuild(&world, "etc/both", "the same\n");
	edit(&world, "etc/both", "the same\n");
	reopen(&world);
	must(verb_plan(&world.machine, &request, &plan, &err));
	edits = json_object_get(plan, "edits");
	ck_assert_uint_eq(json_array_size(edits), 1);
	ck_assert_str_eq(json_string_value(json_array_get(edits, 0)), "/etc/hosts");
	reopen(&world);
	must(verb_rollback(&world.machine, &back, &answer, &err));
	printed = json_dumps(json_object_get(answer, "notes"), 0);
	ck_assert_msg(strstr(printed, "1 file edited since generation 2 was built stays in it: "
				      "'/etc/hosts'; copies are kept in /var/lib/moult/left/2"),
		      "%s", printed);
	ck_assert_ptr_null(strstr(printed, "accounts"));
	ck_assert_str_eq(fake_host_text(world.fake, VOLUME_POOL, "@moult/left/2/etc/hosts"),
			 "edited in 2\n");
	ck_assert_ptr_null(fake_host_text(world.fake, VOLUME_POOL, "@moult/left/2/etc/both"));
	engine_world_done(&world);
}
END_TEST

/* A password and a host key were changed while 2 was on trial, and it did not come up. */
START_TEST(what_was_edited_in_a_trial_that_failed_is_kept_and_named)
{
	struct verb_request failed = {.verb = "give-up", .reason = "sshd is dead"};
	struct verb_request reconcile = {.verb = "reconcile"};
	struct engine_world world;
	struct err err = {0};
	auto_json json_t *left = NULL, *answer = NULL;
	auto_free char *printed = NULL, *before = NULL;

	late_world_open(&world);
	ck_assert_int_eq(
		world.fake->host.ops->snapshot(&world.fake->host, PENDING, "@gens/2/base", true),
		0);
	late_world_boot(&world);
	rebuild(&world, "etc/shadow", "anna:$y$other:2:0:99999:7:::\n");
	rebuild(&world, "etc/ssh/ssh_host_ed25519_key", "key\n");
	rebuild(&world, "etc/hosts", "edited in 2\n");
	before = xstrdup(fake_host_text(world.fake, VOLUME_POOL, RUNS "/etc/shadow"));
	must(verb_give_up(&world.machine, &failed, &left, &err));
	for (int i = 0; i < 3; i++)
		loader_model_boot(&world.fake->disk);
	engine_runs(&world, 1, 2, false, "b9");
	reopen(&world);
	must(verb_reconcile(&world.machine, &reconcile, &answer, &err));
	printed = json_dumps(json_object_get(answer, "notes"), 0);
	ck_assert_msg(strstr(printed, "4 files edited since generation 2 was built stay in it"),
		      "%s", printed);
	ck_assert_msg(strstr(printed, "are as before: '/etc/shadow', "
				      "'/etc/ssh/ssh_host_ed25519_key'; to bring one over: sudo "
				      "moult restore 2 /etc/shadow"),
		      "%s", printed);
	ck_assert_ptr_nonnull(fake_host_text(world.fake, VOLUME_POOL, "@moult/left/2/etc/shadow"));
	ck_assert_ptr_nonnull(strstr(world.fake->status, "copies are in /var/lib/moult/left/2"));
	/* what runs is as it was */
	ck_assert_str_eq(fake_host_text(world.fake, VOLUME_POOL, RUNS "/etc/shadow"), before);
	engine_world_done(&world);
}
END_TEST

/* --- status -------------------------------------------------------------------------------------- */

START_TEST(status_tells_edits_and_conflicts_and_changes_nothing)
{
	struct engine_world world;
	auto_json json_t *status = NULL;
	const json_t *late;
	size_t effects;

	late_world_open(&world);
	edit(&world, "etc/hosts", "mine\n");
	edit(&world, "etc/new", "mine\n");
	edit(&world, "etc/motd", "mine\n");
	rebuild(&world, "etc/motd", "theirs\n");
	reopen(&world);
	effects = world.fake->effect_count;
	status = report_status(&world.machine);
	late = json_object_get(status, "late");
	ck_assert_int_eq(json_integer_value(json_object_get(late, "generation")), 2);
	ck_assert_int_eq(json_integer_value(json_object_get(late, "edits")), 2);
	ck_assert_str_eq(json_string_value(json_array_get(json_object_get(late, "paths"), 1)),
			 "/etc/new");
	ck_assert_uint_eq(json_array_size(json_object_get(status, "conflicts")), 1);
	ck_assert(json_is_true(json_object_get(json_object_get(status, "pending"), "stale")));
	ck_assert_uint_eq(world.fake->effect_count, effects);
	engine_world_done(&world);
}
END_TEST

UNIT_MAIN("late", nothing_edited_is_nothing_done, edits_new_files_and_removals_are_carried,
	  a_file_takes_the_place_of_a_directory_and_the_other_way_round,
	  what_both_have_is_no_edit_and_what_only_the_new_one_changed_stays,
	  a_removed_directory_leaves_what_the_new_one_put_there,
	  a_file_changed_on_both_sides_is_a_conflict,
	  a_file_of_a_package_changed_on_both_sides_is_left,
	  an_edit_that_the_initrd_was_made_from_makes_it_stale,
	  of_fstab_only_the_line_of_the_root_is_baked,
	  an_edit_that_would_keep_it_from_coming_up_makes_it_stale,
	  packages_changed_live_make_it_stale, a_stale_check_does_not_wait_for_another_moult,
	  a_person_may_offer_a_stale_one_as_it_is,
	  what_a_power_cut_kept_back_is_carried_at_the_first_boot,
	  a_conflict_at_the_first_boot_is_parked, a_first_boot_behind_the_packages_is_left,
	  a_rollback_names_what_was_edited_since,
	  what_was_edited_in_a_trial_that_failed_is_kept_and_named,
	  status_tells_edits_and_conflicts_and_changes_nothing)
