/* What `moult repair` claims: no more than what check finds when it is over. */
#include <string.h>
#include "damage.h"
#include "engine_judge.h"
#include "text.h"
#include "verbs.h"

static void remove_from_boot(struct engine_world *world, const char *path)
{
	world_remove(world, VOLUME_BOOT, path);
}

static bool repair(struct engine_world *world, struct err *err)
{
	static const struct verb_request request = {.verb = "repair"};
	json_t *answer = NULL;
	bool done;

	*err = (struct err){0};
	reopen(world);
	done = verb_repair(&world->machine, &request, &answer, err);
	ck_assert(done == (answer != NULL));
	json_decref(answer);
	return done;
}

START_TEST(repair_ends_well_only_where_no_error_is_left)
{
	struct engine_world world;
	struct err err;

	checks_world_adopted(&world);
	ck_assert_msg(repair(&world, &err), "%s", err.text);
	remove_from_boot(&world, entry_of(&world, 1)->path);
	ck_assert_msg(repair(&world, &err), "%s", err.text);
	/* the loader's program is not in any generation */
	remove_from_boot(&world, "EFI/systemd/systemd-bootx64.efi");
	remove_from_boot(&world, "EFI/BOOT/BOOTX64.EFI");
	remove_from_boot(&world, entry_of(&world, 1)->path);
	ck_assert(!repair(&world, &err));
	ck_assert_int_eq(err.kind, ERR_REFUSED);
	ck_assert_msg(strstr(err.text, "what moult can do is done, but 1 error is left: there is "
				       "no systemd-boot"),
		      "%s", err.text);
	ck_assert_str_eq(err.hint, "sudo moult check");
	/* what it did stays done */
	ck_assert_uint_eq(default_generation(world.fake), 1);
	engine_world_done(&world);
}
END_TEST

START_TEST(repair_does_not_hide_a_damaged_generation)
{
	struct engine_world world;
	struct err err;

	checks_world_adopted(&world);
	fake_host_put(world.fake, VOLUME_POOL, "@gens/2/state.json", "{");
	fake_host_put(world.fake, VOLUME_POOL, "@gens/3/state.json", "{");
	ck_assert(!repair(&world, &err));
	ck_assert_msg(strstr(err.text, "2 errors are left, the first of them: generation 2 is "
				       "damaged"),
		      "%s", err.text);
	engine_world_done(&world);
}
END_TEST

/* Where check names repair as what helps, it helps. */
START_TEST(repair_mends_what_check_says_it_does)
{
	const struct damage *damage;
	unsigned tried = 0;

	for (size_t i = 0; (damage = damage_at(i)); i++) {
		auto_findings struct findings findings = {0};
		struct engine_world world;
		struct err err = {0};

		if (!damage->expected.remedy || !strstr(damage->expected.remedy, "moult repair"))
			continue;
		/* two names on one cluster: only fsck.fat can part them */
		if (text_equal(damage->expected.code, "ENTRY_TORN"))
			continue;
		damage->start(&world);
		damage->break_it(&world);
		repair(&world, &err);
		reopen(&world);
		must(checks_run(&world.machine, CHECK_ALL, NULL, &findings, &err));
		ck_assert_msg(!findings_find(&findings, damage->expected.code), "%s is left",
			      damage->expected.code);
		engine_world_done(&world);
		tried++;
	}
	ck_assert_uint_gt(tried, 10);
}
END_TEST

UNIT_MAIN("repair", repair_mends_what_check_says_it_does,
	  repair_ends_well_only_where_no_error_is_left, repair_does_not_hide_a_damaged_generation)
