/*
 * Data as it was before a generation first ran: kept at its first boot, and let go in time.
 */
#include "data_world.h"

/* --- kept ---------------------------------------------------------------------------------------- */

START_TEST(the_first_boot_keeps_the_data_as_it_was)
{
	struct engine_world world;
	struct host_subvolume kept = {0};
	struct host *host;

	open_world(&world);
	host = &world.fake->host;
	ck_assert_str_eq(pool_text(&world, "@gens/2/data/@var/lib/db"), "schema 1");
	ck_assert_str_eq(pool_text(&world, "@gens/2/data/@home/me"), "mine");
	ck_assert_int_eq(host->ops->subvolume(host, "@gens/2/data/@swap", &kept), -ENOENT);
	ck_assert_int_eq(host->ops->subvolume(host, "@gens/2/data/@moult", &kept), -ENOENT);
	ck_assert_int_eq(host->ops->subvolume(host, "@gens/2/data/@var", &kept), 0);
	ck_assert(kept.read_only);
	host_subvolume_done(&kept);
	ck_assert_ptr_nonnull(strstr(pool_text(&world, "@gens/2/data/taken.json"), "\"/var\""));
	engine_world_done(&world);
}
END_TEST

/* It was tried once already: what the daemon made of the data then is not what was before. */
START_TEST(a_second_try_keeps_what_the_first_one_did)
{
	struct engine_world world;
	struct err err = {0};
	struct host *host;

	open_world(&world);
	host = &world.fake->host;
	must(engine_offer(&world.machine, 3, &err));
	put(&world, "@gens/3/root/etc/fstab", FSTAB);
	first_boot_of(&world, 3, "b3");
	put(&world, "@var/lib/db", "schema 3");
	ck_assert_int_eq(host->ops->delete_subvolume(host, "@gens/3/data/@home"), 0);
	first_boot_of(&world, 3, "b4");
	ck_assert_str_eq(pool_text(&world, "@gens/3/data/@var/lib/db"), "schema 2, and more");
	ck_assert_ptr_null(pool_text(&world, "@gens/3/data/@home/me"));
	engine_world_done(&world);
}
END_TEST

static int no_snapshot(struct host *host, const char *from, const char *to, bool read_only)
{
	(void)host;
	(void)from;
	(void)to;
	(void)read_only;
	return -ETXTBSY;
}

START_TEST(an_active_swap_file_is_told_and_the_boot_goes_on)
{
	struct engine_world world;
	struct err err = {0};
	struct host_ops ops;
	json_t *answer = NULL;
	auto_free char *notes = NULL;

	open_world(&world);
	put(&world, "@gens/3/root/etc/fstab", FSTAB);
	must(engine_offer(&world.machine, 3, &err));
	ops = *world.fake->host.ops;
	ops.snapshot = no_snapshot;
	world.fake->host.ops = &ops;
	engine_runs(&world, 3, entry_of(&world, 3)->serial, true, "b3");
	reopen(&world);
	must(verb_first_boot(&world.machine, &first_boot, &answer, &err));
	notes = json_dumps(json_object_get(answer, "notes"), 0);
	ck_assert_msg(strstr(notes, "/var holds an active swap file"), "%s", notes);
	json_decref(answer);
	engine_world_done(&world);
}
END_TEST

START_TEST(generation_1_has_nothing_before_it)
{
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;

	engine_world_open(&world);
	fake_host_put_subvolume(world.fake, "@var");
	put(&world, "@gens/1/root/etc/fstab", FSTAB);
	engine_runs(&world, 1, 1, true, "b1");
	world.fake->host.ops->set_default(&world.fake->host, "@rootfs");
	must(engine_world_reopen(&world, &world.fake->host, &err));
	must(verb_first_boot(&world.machine, &first_boot, &answer, &err));
	json_decref(answer);
	ck_assert_ptr_null(pool_text(&world, "@gens/1/data/taken.json"));
	engine_world_done(&world);
}
END_TEST

/* --- let go -------------------------------------------------------------------------------------- */

START_TEST(cleanup_lets_it_go_in_time)
{
	const struct verb_request cleanup = {.verb = "cleanup"}, bless = {.verb = "bless"};
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;

	open_world(&world);
	put(&world, "@gens/3/root/etc/fstab", FSTAB);
	must(engine_offer(&world.machine, 3, &err));
	first_boot_of(&world, 3, "b3");
	must(verb_bless(&world.machine, &bless, &answer, &err));
	json_decref(answer);
	world.fake->now_sec = NOW + 7 * 86400 - 60;
	must(verb_cleanup(&world.machine, &cleanup, &answer, &err));
	json_decref(answer);
	ck_assert_ptr_nonnull(pool_text(&world, "@gens/3/data/@var/lib/db"));
	world.fake->now_sec = NOW + 7 * 86400 + 60;
	must(verb_cleanup(&world.machine, &cleanup, &answer, &err));
	json_decref(answer);
	ck_assert_ptr_null(pool_text(&world, "@gens/3/data/@var/lib/db"));
	ck_assert_ptr_nonnull(pool_text(&world, "@var/lib/db"));
	engine_world_done(&world);
}
END_TEST

START_TEST(where_room_is_short_only_the_newest_stay)
{
	const struct verb_request cleanup = {.verb = "cleanup"};
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;

	open_world(&world);
	put(&world, "@gens/3/root/etc/fstab", FSTAB);
	must(engine_offer(&world.machine, 3, &err));
	first_boot_of(&world, 3, "b3");
	must(engine_bless(&world.machine, 3, &err));
	world.fake->space[VOLUME_POOL].free_bytes = 1 << 20;
	must(verb_cleanup(&world.machine, &cleanup, &answer, &err));
	json_decref(answer);
	ck_assert_ptr_null(pool_text(&world, "@gens/2/data/@var/lib/db"));
	ck_assert_ptr_nonnull(pool_text(&world, "@gens/3/data/@var/lib/db"));
	engine_world_done(&world);
}
END_TEST

UNIT_MAIN("data_keep", the_first_boot_keeps_the_data_as_it_was,
	  a_second_try_keeps_what_the_first_one_did,
	  an_active_swap_file_is_told_and_the_boot_goes_on, generation_1_has_nothing_before_it,
	  cleanup_lets_it_go_in_time, where_room_is_short_only_the_newest_stay)
