/*
 * Data put back by a rollback that names it, as it was before a newer generation first ran; with
 * every call failing once, and with the power cut after every effect.
 */
#include "data_world.h"
#include "ordeal.h"

static const char *const var[] = {"var", NULL};
static const struct verb_request back = {.verb = "rollback", .which = "1", .data = var};

static json_t *roll_back(struct engine_world *world, const struct verb_request *request)
{
	struct err err = {0};
	json_t *answer = NULL;

	must(verb_rollback(&world->machine, request, &answer, &err));
	return answer;
}

/* --- put back ------------------------------------------------------------------------------------ */

START_TEST(what_the_newer_daemon_made_of_it_is_kept_aside)
{
	struct engine_world world;
	json_t *answer;
	auto_free char *notes = NULL;

	open_world(&world);
	answer = roll_back(&world, &back);
	ck_assert_uint_eq(default_generation(world.fake), 1);
	ck_assert_str_eq(pool_text(&world, "@var/lib/db"), "schema 1");
	ck_assert_str_eq(pool_text(&world, ASIDE "/lib/db"), "schema 2, and more");
	ck_assert_str_eq(pool_text(&world, "@home/me"), "mine");
	ck_assert_str_eq(pool_text(&world, "@gens/2/data/@var/lib/db"), "schema 1");
	notes = json_dumps(json_object_get(answer, "notes"), 0);
	ck_assert_msg(strstr(notes, "/var goes back to what it was at 2025-11-22T21:30:00Z, before "
				    "generation 2 first ran"),
		      "%s", notes);
	ck_assert_ptr_nonnull(strstr(notes, ASIDE));
	ck_assert_int_eq(json_array_size(json_object_get(answer, "data")), 1);
	/* it can be written to, unlike the snapshot */
	put(&world, "@var/lib/db", "schema 1, and more");
	json_decref(answer);
	engine_world_done(&world);
}
END_TEST

START_TEST(without_its_name_data_stays)
{
	const struct verb_request plain = {.verb = "rollback", .which = "1"};
	struct engine_world world;

	open_world(&world);
	json_decref(roll_back(&world, &plain));
	ck_assert_str_eq(pool_text(&world, "@var/lib/db"), "schema 2, and more");
	engine_world_done(&world);
}
END_TEST

/* A trial failed, and its daemon had migrated the data already: the machine came back by itself. */
START_TEST(data_goes_back_alone_where_the_generation_runs_already)
{
	const struct verb_request stay = {.verb = "rollback", .which = "2", .data = var};
	struct engine_world world;
	struct err err = {0};
	json_t *answer;

	open_world(&world);
	put(&world, "@gens/3/root/etc/fstab", FSTAB);
	must(engine_offer(&world.machine, 3, &err));
	first_boot_of(&world, 3, "b3");
	put(&world, "@var/lib/db", "schema 3");
	engine_runs(&world, 2, 4, false, "b4");
	must(engine_world_reopen(&world, &world.fake->host, &err));
	answer = roll_back(&world, &stay);
	ck_assert_str_eq(json_string_value(json_object_get(answer, "outcome")), "done");
	ck_assert_str_eq(pool_text(&world, "@var/lib/db"), "schema 2, and more");
	ck_assert_str_eq(pool_text(&world, ASIDE "/lib/db"), "schema 3");
	json_decref(answer);
	/* once more, where nothing is on trial any more */
	put(&world, "@var/lib/db", "schema 4");
	world.fake->now_sec += 60;
	reopen(&world);
	json_decref(roll_back(&world, &stay));
	ck_assert_str_eq(pool_text(&world, "@var/lib/db"), "schema 2, and more");
	engine_world_done(&world);
}
END_TEST

START_TEST(the_oldest_that_a_newer_generation_met_is_meant)
{
	struct engine_world world;
	struct err err = {0};

	open_world(&world);
	put(&world, "@gens/3/root/etc/fstab", FSTAB);
	must(engine_offer(&world.machine, 3, &err));
	first_boot_of(&world, 3, "b3");
	must(engine_bless(&world.machine, 3, &err));
	json_decref(roll_back(&world, &back));
	ck_assert_str_eq(pool_text(&world, "@var/lib/db"), "schema 1");
	engine_world_done(&world);
}
END_TEST

START_TEST(a_dry_run_and_a_plan_say_it_and_change_nothing)
{
	struct verb_request request = back;
	const struct verb_request plan = {
		.verb = "plan", .which = "rollback", .name = "1", .data = var};
	struct engine_world world;
	struct err err = {0};
	json_t *answer;
	auto_free char *printed = NULL, *staying = NULL;

	open_world(&world);
	request.dry_run = true;
	answer = roll_back(&world, &request);
	printed = json_dumps(answer, 0);
	ck_assert_ptr_nonnull(strstr(printed, "exchange"));
	ck_assert_ptr_nonnull(strstr(printed, ASIDE));
	json_decref(answer);
	answer = NULL;
	put(&world, "@gens/1/root/usr/lib/sysimage/dpkg/status", "");
	put(&world, "@gens/2/root/usr/lib/sysimage/dpkg/status",
	    "Package: sqld\nStatus: install ok installed\nArchitecture: all\nVersion: 2\n\n");
	put(&world, "@gens/2/root/usr/lib/sysimage/dpkg/info/sqld.list",
	    "/.\n/lib/systemd/system/sqld.service\n");
	fake_host_mark(world.fake);
	must(verb_plan(&world.machine, &plan, &answer, &err));
	free(take(printed));
	printed = json_dumps(json_object_get(answer, "notes"), 0);
	ck_assert_msg(strstr(printed, "services of packages that change back: sqld 2"), "%s",
		      printed);
	ck_assert_ptr_nonnull(strstr(printed, "before generation 2 first ran"));
	staying = json_dumps(json_object_get(answer, "not_rolled_back"), 0);
	ck_assert_ptr_null(strstr(staying, "\"/var\""));
	ck_assert_ptr_nonnull(strstr(staying, "\"/home\""));
	json_decref(answer);
	ck_assert_uint_eq(world.fake->effect_count, 0);
	engine_world_done(&world);
}
END_TEST

static void refused(struct engine_world *world, const struct verb_request *request,
		    const struct err *wanted)
{
	struct err err = {0};
	json_t *answer = NULL;
	const char *before = pool_text(world, "@var/lib/db");

	ck_assert(!verb_rollback(&world->machine, request, &answer, &err));
	ck_assert_msg(err.kind == wanted->kind && strstr(err.text, wanted->text), "%s", err.text);
	ck_assert_int_ne(err.hint[0], '\0');
	ck_assert_str_eq(pool_text(world, "@var/lib/db"), before);
	ck_assert_ptr_null(pool_text(world, ASIDE "/lib/db"));
	ck_assert_uint_eq(default_generation(world->fake), 2);
}

START_TEST(what_is_not_there_is_refused)
{
	const char *const nonsense[] = {"vary", NULL}, *const home[] = {"/home", NULL};
	struct verb_request request = back;
	struct engine_world world;
	struct host *host;

	open_world(&world);
	host = &world.fake->host;
	request.data = nonsense;
	refused(&world, &request, &(struct err){.kind = ERR_USAGE, .text = "'vary' is no data"});
	request.data = home;
	host->ops->delete_subvolume(host, "@gens/2/data/@home");
	refused(&world, &request,
		&(struct err){.kind = ERR_REFUSED, .text = "/home is not kept as it was"});
	request.data = var;
	request.which = "0";
	request.accept = (const char *const[]){"ORIGINAL_DATA", NULL};
	refused(&world, &request, &(struct err){.kind = ERR_REFUSED, .text = "data of its own"});
	request.which = "3";
	put(&world, "@gens/3/root/etc/fstab", FSTAB);
	refused(&world, &request, &(struct err){.kind = ERR_REFUSED, .text = "never offered"});
	engine_world_done(&world);
}
END_TEST

START_TEST(a_filled_subvolume_within_it_has_to_be_accepted)
{
	const char *const accept[] = {"NESTED_DATA", NULL};
	struct verb_request request = back;
	struct engine_world world;

	open_world(&world);
	fake_host_put_subvolume(world.fake, "@var/lib/portables");
	reopen(&world);
	json_decref(roll_back(
		&world, &(struct verb_request){
				.verb = "rollback", .which = "1", .data = var, .dry_run = true}));
	fake_host_put_subvolume(world.fake, "@var/lib/machines");
	put(&world, "@var/lib/machines/one", "1");
	reopen(&world);
	refused(&world, &request,
		&(struct err){.kind = ERR_NEEDS_ACK, .text = "@var/lib/machines"});
	request.accept = accept;
	json_decref(roll_back(&world, &request));
	ck_assert_str_eq(pool_text(&world, ASIDE "/lib/machines/one"), "1");
	engine_world_done(&world);
}
END_TEST

START_TEST(a_rollback_that_comes_to_nothing_puts_nothing_back)
{
	struct engine_world world;

	open_world(&world);
	world.fake->findings = "damaged";
	refused(&world, &back, &(struct err){.kind = ERR_REFUSED, .text = "damaged"});
	ck_assert_ptr_null(pool_text(&world, "@var.moult-back/lib/db"));
	/* what is said to be as before stays so */
	ck_assert_ptr_null(fake_host_pending(world.fake, 0));
	engine_world_done(&world);
}
END_TEST

/* --- failures and power cuts ---------------------------------------------------------------------- */

/* Whatever boots finds data that it can work with, and what was last written is not lost. */
static void settled(struct engine_world *world, const char *when)
{
	static const char last[] = "schema 2, and more";
	const char *data = pool_text(world, "@var/lib/db");
	bool kept = false;

	ck_assert_msg(data != NULL, "%s: there is no data", when);
	ck_assert_msg(default_generation(world->fake) == 2 || text_equal(data, "schema 1"),
		      "%s: generation 1 boots with %s", when, data);
	for (size_t i = 0; i < world->machine.listing.subvolume_count; i++) {
		const char *path = world->machine.listing.subvolumes[i];
		auto_free char *db = xasprintf("%s/lib/db", path);

		kept = kept || text_equal(pool_text(world, db), last);
		ck_assert_msg(!text_ends(path, ".moult-back"), "%s: %s", when, path);
	}
	ck_assert_msg(kept, "%s: what was written is lost", when);
}

static const struct ordeal ordeal = {
	.open = open_world,
	.verb = verb_rollback,
	.request = &back,
	.settled = settled,
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

UNIT_MAIN("data_back", what_the_newer_daemon_made_of_it_is_kept_aside, without_its_name_data_stays,
	  data_goes_back_alone_where_the_generation_runs_already,
	  the_oldest_that_a_newer_generation_met_is_meant,
	  a_dry_run_and_a_plan_say_it_and_change_nothing, what_is_not_there_is_refused,
	  a_filled_subvolume_within_it_has_to_be_accepted,
	  a_rollback_that_comes_to_nothing_puts_nothing_back, any_call_may_fail,
	  the_power_may_go_after_any_effect)
