/* The menu that a plan leads to, and the blobs that a sweep leaves. */
#include <string.h>
#include "boot_at.h"
#include "text.h"
#include "unit.h"

/* ---- the menu after a plan ---- */

START_TEST(after_a_plan)
{
	auto_at struct at at = at_in_use();
	auto_menu struct menu after = {0};

	at_put_entry(&at, "MOULT-~1.CON", "");
	at_put_entry(&at, "mine.conf", "linux /moult/sha256-x.linux\n");
	plan_rename(&at.plan, VOLUME_BOOT, "loader/entries/moult-000007.conf",
		    "loader/entries/moult-000008.conf");
	plan_rename(&at.plan, VOLUME_BOOT, "loader/entries/nothing",
		    "loader/entries/still-nothing");
	plan_at(&at.plan, STEP_REMOVE, VOLUME_BOOT, "loader/entries/nothing");
	plan_at(&at.plan, STEP_REMOVE, VOLUME_POOL, "loader/entries/moult-old-000005.conf");
	plan_write(&at.plan, VOLUME_BOOT, "loader/entries/moult-000009.conf", "x");
	plan_set_byte(&at.plan, VOLUME_BOOT, "loader/entries/moult-000009.conf", 0, 'x', 'y');
	plan_set_byte(&at.plan, VOLUME_BOOT, "loader/entries/moult-000009.conf", 9, 'x', 'y');
	plan_set_byte(&at.plan, VOLUME_BOOT, "loader/entries/nothing", 0, 'x', 'y');
	plan_set_byte(&at.plan, VOLUME_BOOT, at.menu.blobs[0], 0, 'x', 'y');
	plan_at(&at.plan, STEP_SYNC, VOLUME_BOOT, "");
	ck_assert(loader_after(&sdboot_loader, &at.menu, &at.plan, &after, &at.err));
	ck_assert_uint_eq(after.count, 4);
	ck_assert_ptr_nonnull(menu_find(&after, 5));
	ck_assert_ptr_null(menu_find(&after, 7));
	ck_assert_str_eq(menu_find(&after, 9)->text, "y");
	ck_assert_uint_eq(after.foreign_count, 2);
	/* its own two names do not fit its serial any more, so that they count as another's */
	ck_assert_uint_eq(after.other_blob_count, 1 + 2);
	ck_assert_uint_eq(after.torn_count, 1);
	ck_assert_uint_eq(after.blob_count, at.menu.blob_count);
}
END_TEST

static bool cannot_parse(const struct loader_found *found, struct menu *ret, struct err *err)
{
	(void)found;
	(void)ret;
	return err_set(err, ERR_CORRUPT, 0, "nothing to be read");
}

/* A loader whose files cannot be understood: nothing is planned, nothing swept. */
START_TEST(unreadable_menu)
{
	auto_at struct at at = at_in_use();
	struct loader blind = sdboot_loader;
	auto_menu struct menu after = {0};

	blind.parse = cannot_parse;
	ck_assert(!loader_after(&blind, &at.menu, &at.plan, &after, &at.err));
	loader_sweep(&blind, &at.menu, NULL, 0, &at.plan);
	ck_assert_uint_eq(at.plan.count, 0);
}
END_TEST

/* ---- sweep ---- */

static void publish(struct generation *gen, unsigned generation, enum pub_kind kind)
{
	struct world_entry storage;
	struct boot_entry entry = world_entry(generation, 1, &storage);
	struct publication *pub = generation_publish(gen, 1, kind);

	memcpy(pub->linux_sha256, entry.linux_sha256, 65);
	memcpy(pub->initrd_sha256, entry.initrd_sha256, 65);
}

static void put_blobs(struct at *at, unsigned generation)
{
	struct world_entry storage;
	struct boot_entry entry = world_entry(generation, 1, &storage);
	char path[128];

	sdboot_loader.blob_path("linux", entry.linux_sha256, path, sizeof(path));
	fake_host_put(at->fake, VOLUME_BOOT, path, "x");
	sdboot_loader.blob_path("initrd", entry.initrd_sha256, path, sizeof(path));
	fake_host_put(at->fake, VOLUME_BOOT, path, "x");
	at_look(at);
}

START_TEST(sweep_keeps_what_is_named)
{
	auto_at struct at at = at_in_use();
	struct generation listed[] = {
		{.id = 1, .state = GEN_GOOD}, /* its publication left the menu */
		{.id = 2, .state = GEN_BAD},
		{.id = 3, .state = GEN_GOOD},
		{.id = 4, .state = GEN_TRIAL},
	};

	loader_sweep(&sdboot_loader, &at.menu, NULL, 0, &at.plan);
	ck_assert_uint_eq(at.plan.count, 0);
	for (unsigned g = 1; g <= 4; g++)
		put_blobs(&at, g);
	fake_host_put(at.fake, VOLUME_BOOT, "moult/sha256-mine.linux", "x");
	at_put_entry(&at, "mine.conf", "#linux /moult/SHA256-mine.linux\n");
	publish(&listed[0], 1, PUB_NONE);
	publish(&listed[1], 2, PUB_TRIAL);
	publish(&listed[2], 3, PUB_OLD);
	publish(&listed[3], 4, PUB_TRIAL);
	listed[3].publications[0].initrd_sha256[0] = '\0';
	loader_sweep(&sdboot_loader, &at.menu, listed, COUNT(listed), &at.plan);
	/* both of 1, both of 2, the initrd of 4 */
	ck_assert_uint_eq(at_count_steps(&at.plan, STEP_REMOVE), 5);
	ck_assert_int_eq(at.plan.steps[at.plan.count - 1].kind, STEP_SYNC);
	at_run(&at);
	ck_assert_uint_eq(at.menu.blob_count, 6 + 2 + 1 + 1);
	for (size_t i = 0; i < COUNT(listed); i++)
		generation_done(&listed[i]);
}
END_TEST

/* An entry removed in the same plan frees its blobs, a blob put in it stays. */
START_TEST(sweep_sees_the_plan)
{
	auto_at struct at at = at_in_use();
	size_t before = at.menu.blob_count;

	at_planned(&at, WORLD_REMOVE, 5, 5);
	at_planned(&at, WORLD_OFFER, 9, 9);
	loader_sweep(&sdboot_loader, &at.menu, NULL, 0, &at.plan);
	ck_assert_uint_eq(at_count_steps(&at.plan, STEP_REMOVE), 1 + 2);
	at_run(&at);
	ck_assert_uint_eq(at.menu.blob_count, before);
	ck_assert_uint_eq(menu_next(&at.menu)->generation, 9);
	/* put, but not named yet */
	plan_put_blob(&at.plan, "@gens/11/root/boot/vmlinuz", "moult/sha256-x.linux", "x");
	loader_sweep(&sdboot_loader, &at.menu, NULL, 0, &at.plan);
	ck_assert_uint_eq(at.plan.count, 1);
}
END_TEST

/* A disabled entry may be enabled again: its blobs stay. */
START_TEST(sweep_keeps_blobs_of_disabled_entries)
{
	auto_at struct at at = at_in_use();

	world_do(at.fake, WORLD_OFFER, 9, 9);
	world_do(at.fake, WORLD_DISABLE, 9, 9);
	at_look(&at);
	loader_sweep(&sdboot_loader, &at.menu, NULL, 0, &at.plan);
	ck_assert_uint_eq(at.plan.count, 0);
}
END_TEST

UNIT_MAIN("sweep", after_a_plan, unreadable_menu, sweep_keeps_what_is_named, sweep_sees_the_plan,
	  sweep_keeps_blobs_of_disabled_entries)
