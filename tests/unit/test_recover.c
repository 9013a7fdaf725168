/* What recovery puts right, what it cannot, and that this stops no verb. */
#include <stdio.h>
#include <string.h>
#include "checks_world.h"
#include "engine_judge.h"
#include "sdboot.h"
#include "text.h"
#include "verbs.h"

static void recover_again(struct engine_world *world)
{
	struct err err = {0};

	reopen(world);
	must(engine_recover(&world->machine, &err));
}

static void remove_from_boot(struct engine_world *world, const char *path)
{
	world_remove(world, VOLUME_BOOT, path);
}

static void remove_blob(struct engine_world *world, const char *kind, const char *sha256)
{
	char path[128];

	sdboot_loader.blob_path(kind, sha256, path, sizeof(path));
	remove_from_boot(world, path);
}

/* --- good generations --------------------------------------------------------------------------- */

/* Generation 3 is current; 1 and 2 are good, and neither has its entry any more, nor 1 its blobs. */
static void open_without_old(struct engine_world *world)
{
	struct err err = {0};

	engine_world_open(world);
	for (unsigned id = 2; id <= 3; id++) {
		must(engine_offer(&world->machine, id, &err));
		must(engine_bless(&world->machine, id, &err));
	}
	remove_blob(world, "linux", entry_of(world, 1)->linux_sha256);
	remove_blob(world, "initrd", entry_of(world, 1)->initrd_sha256);
	remove_from_boot(world, entry_of(world, 1)->path);
	remove_from_boot(world, entry_of(world, 2)->path);
	reopen(world);
}

static void assert_verbs_go_on(struct engine_world *world, const char *part)
{
	static const struct verb_request pin = {.verb = "pin", .which = "2"},
					 reconcile = {.verb = "reconcile"};
	struct err err = {0};
	json_t *answer = NULL, *noted = NULL;
	auto_free char *notes = NULL;

	must(verb_reconcile(&world->machine, &reconcile, &noted, &err));
	must(verb_pin(&world->machine, &pin, &answer, &err));
	notes = json_print(json_object_get(noted, "notes"));
	ck_assert_msg(strstr(notes, part), "%s", notes);
	json_decref(answer);
	json_decref(noted);
	ck_assert_ptr_null(entry_of(world, 1));
	ck_assert_int_eq(entry_of(world, 2)->role, MENU_OLD);
	ck_assert(entry_of(world, 2)->enabled);
}

START_TEST(one_without_room_on_the_boot_volume_stops_nothing)
{
	struct engine_world world;

	open_without_old(&world);
	world.fake->space[VOLUME_BOOT].free_bytes = 100;
	assert_verbs_go_on(&world, "generation 1 is not in the boot menu as it should be: the boot "
				   "volume has 0 MiB free");
	engine_world_done(&world);
}
END_TEST

START_TEST(one_that_lost_its_kernel_stops_nothing)
{
	struct engine_world world;

	open_without_old(&world);
	world_remove(&world, VOLUME_POOL, "@gens/1/root/boot/vmlinuz-6.1.0-50-amd64");
	assert_verbs_go_on(&world, "generation 1 has lost its kernel");
	engine_world_done(&world);
}
END_TEST

/* What nothing names makes room before a kernel is copied. */
START_TEST(recovery_sweeps_before_it_copies)
{
	static const char garbage[] = "moult/sha256-garbage.linux";
	struct engine_world world;
	size_t swept = 0, copied = 0;

	open_without_old(&world);
	fake_host_put(world.fake, VOLUME_BOOT, garbage, "left over");
	fake_host_mark(world.fake);
	recover_again(&world);
	for (size_t i = 0; i < world.fake->effect_count; i++) {
		const struct fake_effect *effect = &world.fake->effects[i];

		if (effect->kind == FAKE_REMOVE && text_equal(effect->path, garbage))
			swept = i + 1;
		if (copied == 0 && effect->kind == FAKE_WRITE && text_ends(effect->path, ".linux"))
			copied = i + 1;
	}
	ck_assert_uint_gt(swept, 0);
	ck_assert_uint_gt(copied, swept);
	ck_assert_int_eq(entry_of(&world, 1)->role, MENU_OLD);
	engine_world_done(&world);
}
END_TEST

/* --- the original ------------------------------------------------------------------------------- */

#define ORIGINAL "loader/entries/moult-000000.conf"

/* Nothing was blessed yet: the original boots by default, and generation 1 is on trial. */
static void open_before_the_first_bless(struct engine_world *world)
{
	static const char built[] = "{\"state\": \"built\"}";
	struct err err = {0};
	struct host *host;

	engine_world_open(world);
	host = &world->fake->host;
	remove_from_boot(world, entry_of(world, 1)->path);
	fake_host_put(world->fake, VOLUME_POOL, "@gens/1/state.json", built);
	ck_assert_int_eq(host->ops->set_default(host, ""), 0);
	reopen(world);
	must(engine_offer(&world->machine, 1, &err));
	ck_assert_uint_eq(menu_truth(&world->machine.menu)->serial, 0);
}

static void switch_off_original(struct engine_world *world)
{
	const struct menu_entry *entry = menu_find(&world->machine.menu, 0);
	auto_free char *text = xstrdup(entry->text);

	text[entry->switch_offset] = '#';
	fake_host_put(world->fake, VOLUME_BOOT, ORIGINAL, text);
}

static void assert_original_is_back(struct engine_world *world)
{
	const struct menu_entry *entry;
	size_t enabled = 0, removed = 0;

	fake_host_mark(world->fake);
	recover_again(world);
	entry = menu_find(&world->machine.menu, 0);
	ck_assert(entry && entry->enabled && entry->whole);
	for (size_t i = world->fake->effect_count; i > 0; i--) {
		const struct fake_effect *effect = &world->fake->effects[i - 1];

		if (effect->kind == FAKE_WRITE_AT && text_equal(effect->path, ORIGINAL))
			enabled = i;
		if (effect->kind == FAKE_REMOVE && text_starts(effect->path, "loader/"))
			removed = i;
	}
	ck_assert_uint_gt(enabled, 0);
	ck_assert(removed == 0 || removed > enabled);
}

START_TEST(a_disabled_original_is_enabled_before_anything_goes)
{
	struct engine_world world;

	open_before_the_first_bless(&world);
	switch_off_original(&world);
	assert_original_is_back(&world);
	ck_assert_uint_eq(menu_trial(&world.machine.menu)->generation, 1);
	engine_world_done(&world);
}
END_TEST

START_TEST(a_torn_original_is_written_again)
{
	struct engine_world world;

	open_before_the_first_bless(&world);
	fake_host_put(world.fake, VOLUME_BOOT, ORIGINAL, "title half");
	assert_original_is_back(&world);
	engine_world_done(&world);
}
END_TEST

START_TEST(a_disabled_original_stays_in_the_menu_after_a_bless_too)
{
	struct engine_world world;

	engine_world_open(&world);
	switch_off_original(&world);
	assert_original_is_back(&world);
	ck_assert_uint_eq(default_generation(world.fake), 1);
	engine_world_done(&world);
}
END_TEST

/* What its owner made of it boots: that is not recovery's to take away. */
START_TEST(an_original_edited_by_hand_stays)
{
	static const char edited[] = "title Mine\noptions root=/dev/sda1\nlinux /debian/linux\n";
	struct engine_world world;

	engine_world_open(&world);
	fake_host_put(world.fake, VOLUME_BOOT, ORIGINAL, edited);
	recover_again(&world);
	ck_assert_str_eq(fake_host_text(world.fake, VOLUME_BOOT, ORIGINAL), edited);
	engine_world_done(&world);
	open_before_the_first_bless(&world);
	fake_host_put(world.fake, VOLUME_BOOT, ORIGINAL, edited);
	recover_again(&world);
	ck_assert_str_eq(fake_host_text(world.fake, VOLUME_BOOT, ORIGINAL), edited);
	engine_world_done(&world);
}
END_TEST

/* --- verdicts ----------------------------------------------------------------------------------- */

#define WHY "sshd is dead"

static void fail_trial(struct engine_world *world)
{
	struct verb_request request = {.verb = "give-up", .reason = WHY};
	struct err err = {0};
	json_t *answer = NULL;

	loader_model_boot(&world->fake->disk);
	reopen(world);
	engine_runs(world, 2, entry_of(world, 2)->serial, true, "b1");
	reopen(world);
	must(verb_give_up(&world->machine, &request, &answer, &err));
	json_decref(answer);
	engine_runs(world, 1, 2, false, "b2");
	reopen(world);
}

static void lose_entry(struct engine_world *world)
{
	remove_from_boot(world, entry_of(world, 2)->path);
	reopen(world);
}

/* Boots, and comes back to generation 1, until the trial is over. */
static void use_up(struct engine_world *world)
{
	for (int i = 0; i < 8 && find(world, 2)->state == GEN_TRIAL; i++) {
		loader_model_boot(&world->fake->disk);
		recover_again(world);
	}
}

START_TEST(a_verdict_outlives_its_entry)
{
	struct engine_world world;
	struct err err = {0};

	engine_world_open(&world);
	must(engine_offer(&world.machine, 2, &err));
	fail_trial(&world);
	lose_entry(&world);
	recover_again(&world);
	ck_assert_int_eq(find(&world, 2)->state, GEN_TRIAL);
	ck_assert_uint_eq(entry_of(&world, 2)->tries_left, 1);
	use_up(&world);
	ck_assert_int_eq(find(&world, 2)->state, GEN_BAD);
	ck_assert_str_eq(find(&world, 2)->reason, WHY);
	engine_world_done(&world);
}
END_TEST

START_TEST(tries_under_all_serials_are_counted)
{
	struct engine_world world;
	struct err err = {0};

	engine_world_open(&world);
	engine_runs(&world, 1, 2, false, "b2");
	must(engine_offer(&world.machine, 2, &err));
	lose_entry(&world);
	recover_again(&world);
	use_up(&world);
	ck_assert_int_eq(find(&world, 2)->state, GEN_BUILT);
	ck_assert_msg(text_starts(find(&world, 2)->reason, "3 tries ended without a verdict"), "%s",
		      find(&world, 2)->reason);
	engine_world_done(&world);
}
END_TEST

START_TEST(a_verdict_outlives_a_power_cut_while_it_is_offered_again)
{
	struct engine_world world;
	struct err err = {0};

	engine_world_open(&world);
	must(engine_offer(&world.machine, 2, &err));
	fail_trial(&world);
	lose_entry(&world);
	fake_host_mark(world.fake);
	must(engine_recover(&world.machine, &err));
	for (size_t at = 0; at <= world.fake->effect_count; at++) {
		struct fake_cut cut;

		for (unsigned n = 0; fake_cut_some(world.fake, at, 40, n, &cut); n++) {
			struct engine_world after = {.progress = world.progress};

			after.fake = fake_host_after_cut(world.fake, &cut);
			recover_again(&after);
			use_up(&after);
			ck_assert_msg(find(&after, 2)->state == GEN_BAD,
				      "cut after effect %zu: %s, %s", at,
				      gen_state_name(find(&after, 2)->state),
				      find(&after, 2)->reason);
			ck_assert_str_eq(find(&after, 2)->reason, WHY);
			engine_world_done(&after);
		}
	}
	engine_world_done(&world);
}
END_TEST

/* A person decides anew: what was before is over, and its reason with it. */
START_TEST(what_a_person_offers_again_begins_anew)
{
	static const char *const accept[] = {"BAD_GENERATION", NULL};
	struct verb_request request = {.verb = "rollback", .which = "2", .accept = accept};
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;

	engine_world_open(&world);
	must(engine_offer(&world.machine, 2, &err));
	fail_trial(&world);
	use_up(&world);
	ck_assert_int_eq(find(&world, 2)->state, GEN_BAD);
	must(verb_rollback(&world.machine, &request, &answer, &err));
	json_decref(answer);
	ck_assert_int_eq(find(&world, 2)->state, GEN_TRIAL);
	ck_assert_ptr_null(find(&world, 2)->reason);
	use_up(&world);
	ck_assert_int_eq(find(&world, 2)->state, GEN_BUILT);
	ck_assert(text_starts(find(&world, 2)->reason, "3 tries ended without a verdict"));
	engine_world_done(&world);
}
END_TEST

/* The entry is committed and no state says so yet: the loader tries it, so it is on trial. */
START_TEST(a_bad_one_that_was_offered_again_is_on_trial_after_a_power_cut)
{
	static const char *const accept[] = {"BAD_GENERATION", NULL};
	struct verb_request request = {.verb = "rollback", .which = "2", .accept = accept};
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;
	unsigned tried = 0;

	engine_world_open(&world);
	must(engine_offer(&world.machine, 2, &err));
	fail_trial(&world);
	use_up(&world);
	fake_host_mark(world.fake);
	must(verb_rollback(&world.machine, &request, &answer, &err));
	json_decref(answer);
	for (size_t at = 0; at <= world.fake->effect_count; at++) {
		struct engine_world after = {.progress = world.progress};
		struct fake_cut cut;
		bool boots;

		fake_cut_first(world.fake, at, &cut);
		after.fake = fake_host_after_cut(world.fake, &cut);
		boots = default_generation(after.fake) == 2;
		recover_again(&after);
		ck_assert_msg(find(&after, 2)->state == (boots ? GEN_TRIAL : GEN_BAD),
			      "cut after effect %zu", at);
		ck_assert_uint_eq(default_generation(after.fake), boots ? 2 : 1);
		tried += boots;
		engine_world_done(&after);
	}
	ck_assert_uint_gt(tried, 2);
	engine_world_done(&world);
}
END_TEST

START_TEST(a_trial_that_cannot_be_offered_again_stops_nothing)
{
	struct engine_world world;
	struct err err = {0};

	engine_world_open(&world);
	engine_runs(&world, 1, 2, false, "b2");
	must(engine_offer(&world.machine, 2, &err));
	remove_blob(&world, "linux", entry_of(&world, 2)->linux_sha256);
	lose_entry(&world);
	world.fake->space[VOLUME_BOOT].free_bytes = 100;
	for (int i = 0; i < 4; i++)
		recover_again(&world);
	ck_assert_int_eq(find(&world, 2)->state, GEN_BUILT);
	ck_assert_uint_eq(default_generation(world.fake), 1);
	engine_world_done(&world);
}
END_TEST

/* The firmware was cut while it counted, and fstab mounts the volume, which systemd has repaired. */
START_TEST(a_torn_name_goes_from_a_mounted_volume_that_is_sound)
{
	struct engine_world world;
	struct err err = {0};

	engine_world_open(&world);
	fake_host_put(world.fake, VOLUME_BOOT, "loader/entries/MOULT-~2.CON", "title cut\n");
	must(engine_world_reopen(&world, &world.fake->host, &err));
	world.fake->boot_busy = true;
	world.fake->findings = "FATs differ";
	ck_assert(!engine_recover(&world.machine, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "where 'MOULT-~2.CON' is torn"));
	ck_assert_ptr_nonnull(strstr(err.hint, "sudo moult repair"));
	err = (struct err){0};
	world.fake->findings = NULL;
	must(engine_recover(&world.machine, &err));
	ck_assert_uint_eq(world.machine.menu.torn_count, 0);
	ck_assert_ptr_null(fake_host_text(world.fake, VOLUME_BOOT, "loader/entries/MOULT-~2.CON"));
	engine_world_done(&world);
}
END_TEST

UNIT_MAIN("recover", a_torn_name_goes_from_a_mounted_volume_that_is_sound,
	  one_without_room_on_the_boot_volume_stops_nothing, one_that_lost_its_kernel_stops_nothing,
	  recovery_sweeps_before_it_copies, a_disabled_original_is_enabled_before_anything_goes,
	  a_torn_original_is_written_again, a_disabled_original_stays_in_the_menu_after_a_bless_too,
	  an_original_edited_by_hand_stays, a_verdict_outlives_its_entry,
	  tries_under_all_serials_are_counted,
	  a_verdict_outlives_a_power_cut_while_it_is_offered_again,
	  what_a_person_offers_again_begins_anew,
	  a_bad_one_that_was_offered_again_is_on_trial_after_a_power_cut,
	  a_trial_that_cannot_be_offered_again_stops_nothing)
