/*
 * Single files back from a generation or its data snapshots; what is there now stays beside them.
 * With every call failing once, and with the power cut after every effect.
 */
#include "data_world.h"
#include "fault_host.h"

#define STAMP "20251122T213000Z"
#define FILE_ASIDE ".moult-before-" STAMP "~"

static const char *pool(const struct engine_world *world, const char *path)
{
	return pool_text(world, path);
}

/* Generation 2 runs; 1 has another configuration, and the data was other before 2 first ran. */
static void open_files(struct engine_world *world)
{
	struct err err = {0};
	struct host *host;

	open_world(world);
	host = &world->fake->host;
	put(world, "@gens/1/root/etc/conf", "old");
	put(world, "@gens/1/root/etc/gone", "was there");
	put(world, "@gens/2/root/etc/conf", "new");
	fake_host_put_subvolume(world->fake, "@gens/2/base");
	put(world, "@gens/2/base/etc/conf", "as built");
	ck_assert_int_eq(
		host->ops->make_symlink(host, VOLUME_POOL, "/home", "@gens/2/root/etc/link"), 0);
	put(world, "@gens/1/root/etc/link/me", "would land in /home");
	engine_runs(world, 2, 4, false, "b3");
	must(engine_world_reopen(world, host, &err));
	fake_host_mark(world->fake);
}

static json_t *restore(struct engine_world *world, struct verb_request request)
{
	struct err err = {0};
	json_t *answer = NULL;

	request.verb = "restore";
	must(verb_restore(&world->machine, &request, &answer, &err));
	return answer;
}

static const char *const conf[] = {"/etc/conf", NULL};

START_TEST(a_file_comes_back_and_the_present_one_stays_beside_it)
{
	struct engine_world world;
	json_t *answer;
	auto_free char *notes = NULL;

	open_files(&world);
	answer = restore(&world, (struct verb_request){.which = "1", .paths = conf});
	ck_assert_str_eq(pool(&world, "@gens/2/root/etc/conf"), "old");
	ck_assert_str_eq(pool(&world, "@gens/2/root/etc/conf" FILE_ASIDE), "new");
	ck_assert_str_eq(pool(&world, "@gens/1/root/etc/conf"), "old");
	ck_assert_ptr_null(pool(&world, "@gens/2/root/etc/conf.moult-restore-" STAMP "~"));
	notes = json_dumps(json_object_get(answer, "notes"), 0);
	ck_assert_msg(strstr(notes, "/etc/conf" FILE_ASIDE), "%s", notes);
	json_decref(answer);
	engine_world_done(&world);
}
END_TEST

START_TEST(what_is_gone_comes_back_and_base_is_as_it_was_built)
{
	const char *const gone[] = {"/etc/gone", NULL};
	struct engine_world world;

	open_files(&world);
	json_decref(restore(&world, (struct verb_request){.which = "1", .paths = gone}));
	ck_assert_str_eq(pool(&world, "@gens/2/root/etc/gone"), "was there");
	ck_assert_ptr_null(pool(&world, "@gens/2/root/etc/gone" FILE_ASIDE));
	json_decref(
		restore(&world, (struct verb_request){.which = "2", .paths = conf, .base = true}));
	ck_assert_str_eq(pool(&world, "@gens/2/root/etc/conf"), "as built");
	engine_world_done(&world);
}
END_TEST

START_TEST(data_comes_from_before_that_generation_first_ran)
{
	const char *const db[] = {"/var/lib/db", "/home/me", NULL};
	struct engine_world world;

	open_files(&world);
	json_decref(restore(&world, (struct verb_request){.which = "2", .paths = db}));
	ck_assert_str_eq(pool(&world, "@var/lib/db"), "schema 1");
	ck_assert_str_eq(pool(&world, "@var/lib/db" FILE_ASIDE), "schema 2, and more");
	ck_assert_str_eq(pool(&world, "@home/me"), "mine");
	engine_world_done(&world);
}
END_TEST

START_TEST(a_dry_run_shows_it)
{
	const char *const gone[] = {"/etc/gone", NULL};
	struct engine_world world;
	json_t *answer;

	open_files(&world);
	answer = restore(&world,
			 (struct verb_request){.which = "1", .paths = conf, .dry_run = true});
	ck_assert_uint_eq(json_array_size(json_object_get(answer, "steps")), 4);
	ck_assert_uint_eq(world.fake->effect_count, 0);
	json_decref(answer);
	answer = restore(&world,
			 (struct verb_request){.which = "1", .paths = gone, .dry_run = true});
	ck_assert_uint_eq(json_array_size(json_object_get(answer, "steps")), 3);
	json_decref(answer);
	engine_world_done(&world);
}
END_TEST

static const struct {
	const char *path, *part;
} refusals[] = {
	{"etc/conf", "has to be absolute"},
	{"/", "has to be absolute"},
	{"", "has to be absolute"},
	{"/etc/../var", "without '.' and '..'"},
	{"/etc//conf", "without '.' and '..'"},
	{"/etc/./conf", "without '.' and '..'"},
	{"/etc/nothing", "generation 1 has no '/etc/nothing'"},
	{"/etc/link/me", "leads through a symbolic link"},
	{"/var", "it goes back as a whole"},
	{"/var/lib/db", "is not kept as it was before generation 1 first ran"},
	{"/var/lib/dpkg/status", "says what is installed"},
	{"/usr/lib/sysimage/dpkg", "says what is installed"},
	{"/var/lib/moult/journal", "what is mounted on /var/lib/moult"},
	{"/var/lib", "what is mounted on /var/lib/moult"},
	{"/swap/file", "what is mounted on /swap"},
	{"/proc/self", "what is mounted on /proc"},
	{"/run/x", "what is mounted on /run"},
};

START_TEST(nonsense_is_refused_and_nothing_is_changed)
{
	for (size_t i = 0; i < COUNT(refusals); i++) {
		const char *const paths[] = {"/etc/conf", refusals[i].path, NULL};
		const struct verb_request request = {
			.verb = "restore", .which = "1", .paths = paths};
		struct engine_world world;
		struct err err = {0};
		json_t *answer = NULL;

		open_files(&world);
		ck_assert_msg(!verb_restore(&world.machine, &request, &answer, &err), "%s",
			      refusals[i].path);
		ck_assert_msg(strstr(err.text, refusals[i].part), "%s: %s", refusals[i].path,
			      err.text);
		ck_assert_int_ne(err.hint[0], '\0');
		ck_assert_str_eq(pool(&world, "@gens/2/root/etc/conf"), "new");
		ck_assert_str_eq(pool(&world, "@home/me"), "mine");
		engine_world_done(&world);
	}
}
END_TEST

/* At every instant the file is there, as it was or as it comes back; and what it was is kept. */
static void assert_whole(const struct engine_world *world, const char *when)
{
	const char *now = pool(world, "@gens/2/root/etc/conf");
	const char *aside = pool(world, "@gens/2/root/etc/conf" FILE_ASIDE);
	const char *making = pool(world, "@gens/2/root/etc/conf.moult-restore-" STAMP "~");

	ck_assert_msg(text_equal(now, "new") ||
			      (text_equal(now, "old") &&
			       (text_equal(aside, "new") || text_equal(making, "new"))),
		      "%s: %s, %s, %s", when, now, aside, making);
}

START_TEST(any_call_may_fail)
{
	const struct verb_request request = {.verb = "restore", .which = "1", .paths = conf};
	bool reached = true;

	for (unsigned call = 1; reached; call++) {
		struct engine_world world;
		struct fault_host fault;
		struct err err = {0};
		json_t *answer = NULL;
		char when[80];

		open_files(&world);
		fault_host_init(&fault, &world.fake->host);
		fault.fail_at = call;
		fault.errnum = call % 2 ? EIO : ENOSPC;
		if (engine_world_reopen(&world, &fault.host, &err) &&
		    verb_restore(&world.machine, &request, &answer, &err))
			json_decref(answer);
		reached = fault.failed != NULL;
		snprintf(when, sizeof(when), "call %u (%s) failed", call,
			 fault.failed ? fault.failed : "none");
		assert_whole(&world, when);
		engine_world_done(&world);
	}
}
END_TEST

START_TEST(the_power_may_go_after_any_effect)
{
	struct engine_world world;

	open_files(&world);
	json_decref(restore(&world, (struct verb_request){.which = "1", .paths = conf}));
	for (size_t at = 0; at <= world.fake->effect_count; at++) {
		struct fake_cut cut;

		for (unsigned n = 0; fake_cut_some(world.fake, at, 100, n, &cut); n++) {
			struct engine_world after = {.fake = fake_host_after_cut(world.fake, &cut)};

			assert_whole(&after, "after a power cut");
			fake_host_free(after.fake);
		}
	}
	engine_world_done(&world);
}
END_TEST

UNIT_MAIN("restore_files", a_file_comes_back_and_the_present_one_stays_beside_it,
	  what_is_gone_comes_back_and_base_is_as_it_was_built,
	  data_comes_from_before_that_generation_first_ran, a_dry_run_shows_it,
	  nonsense_is_refused_and_nothing_is_changed, any_call_may_fail,
	  the_power_may_go_after_any_effect)
