/* Two systems that moult looks after on one boot volume: each leaves what is the other's alone. */
#include <string.h>
#include "boot_at.h"
#include "checks_world.h"
#include "engine_judge.h"
#include "findings.h"
#include "checks.h"
#include "sdboot_entry.h"
#include "text.h"
#include "verbs.h"

#define ANOTHERS "22222222-2222-3333-4444-555555555555"
#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define BLOB "moult/sha256-" A64 ".linux"

/* As the other system's moult writes it, switched on. Caller frees. */
static char *text_of_another(unsigned generation, uint64_t serial, enum boot_role role)
{
	struct boot_entry entry = {.generation = generation,
				   .serial = serial,
				   .title = "The other disk",
				   .root_uuid = ANOTHERS,
				   .subvolume = "@gens/1/root",
				   .options = "ro",
				   .linux_sha256 = A64,
				   .tries = 3};
	struct err err = {0};
	char *text = NULL;

	must(sdboot_entry_print(&entry, role, &text, &err));
	text[sdboot_switch_offset(text)] = ' ';
	return text;
}

static void put_another(struct fake_host *fake, unsigned generation, uint64_t serial,
			enum boot_role role)
{
	auto_free char *text = text_of_another(generation, serial, role);
	auto_free char *path = sdboot_entry_path(role == BOOT_OLD ? MENU_OLD : MENU_CANDIDATE,
						 serial, role == BOOT_TRIAL ? 3 : 0);

	fake_host_put(fake, VOLUME_BOOT, path, text);
	fake_host_put(fake, VOLUME_BOOT, BLOB, "the kernel of the other disk");
}

/* ---- the menu ---- */

START_TEST(what_is_anothers_is_not_ours)
{
	auto_at struct at at = at_in_use();

	put_another(at.fake, 1, 9, BOOT_CURRENT);
	put_another(at.fake, 5, 10, BOOT_TRIAL);
	put_another(at.fake, 7, 3, BOOT_OLD);
	at_look(&at);
	ck_assert_uint_eq(at.menu.count, 3);
	ck_assert_uint_eq(at.menu.other_count, 3);
	ck_assert_uint_eq(menu_truth(&at.menu)->serial, 7);
	ck_assert_ptr_null(menu_trial(&at.menu));
	ck_assert_ptr_null(menu_find(&at.menu, 9));
	/* what boots next is none of ours, and no serial is given out twice */
	ck_assert_ptr_null(menu_next(&at.menu));
	ck_assert_uint_eq(menu_rival(&at.menu)->serial, 10);
	ck_assert_str_eq(menu_rival(&at.menu)->root_uuid, ANOTHERS);
	ck_assert_uint_eq(menu_highest_serial(&at.menu), 10);
	for (size_t i = 0; i < at.menu.bootable_count; i++)
		ck_assert_ptr_null(strstr(at.menu.bootable[i].path, "moult-"));
}
END_TEST

START_TEST(below_ours_it_does_not_boot_next)
{
	auto_at struct at at = at_in_use();

	put_another(at.fake, 1, 6, BOOT_CURRENT);
	at_look(&at);
	ck_assert_uint_eq(menu_next(&at.menu)->serial, 7);
	ck_assert_uint_eq(menu_rival(&at.menu)->serial, 6);
}
END_TEST

/* Of an entry of ours that was cut off while it was written, the beginning of the UUID may be left. */
START_TEST(a_torn_entry_of_ours_stays_ours)
{
	static const char part[] = "title x\nsort-key moult\noptions root=UUID=1111";
	auto_at struct at at = at_in_use();

	for (size_t length = sizeof(part) - 1; length > sizeof(part) - 12; length--) {
		auto_free char *text = xstrndup(part, length);

		at_put_entry(&at, "moult-000009.conf", text);
		ck_assert_uint_eq(at.menu.other_count, 0);
		ck_assert_ptr_nonnull(menu_find(&at.menu, 9));
	}
}
END_TEST

static const struct {
	const char *options;
	bool others;
} roots[] = {
	{"root=UUID=11111111-2222-3333-4444-555555555555 ro", false},
	{"root=UUID=11111111-2222-3333-4444-555555555555x ro", true},
	{"root=UUID=" ANOTHERS " ro", true},
	{"ro root=\"UUID=" ANOTHERS "\"", true},
	{"\"root=UUID=" ANOTHERS "\" ro", true},
	{"root=UUID=11111111-2222-3333-4444-555555555555 root=UUID=" ANOTHERS, true},
	{"root=UUID=" ANOTHERS " root=/dev/sda1", false},
	{"root=/dev/sda1 -- root=UUID=" ANOTHERS, false},
	{"xroot=UUID=" ANOTHERS, false},
	{"ro quiet", false},
};

START_TEST(the_last_root_on_the_line_says_whose_it_is)
{
	for (size_t i = 0; i < COUNT(roots); i++) {
		auto_at struct at at = at_in_use();
		auto_free char *text = xasprintf("options %s\nlinux /" BLOB "\n", roots[i].options);

		at_put_entry(&at, "moult-000009.conf", text);
		ck_assert_msg((at.menu.other_count == 1) == roots[i].others, "%s",
			      roots[i].options);
	}
}
END_TEST

/* A twin of a serial, a strange name or an alias of the other system is not a torn name of ours. */
START_TEST(anothers_names_are_not_torn)
{
	auto_at struct at at = at_in_use();
	auto_free char *text = text_of_another(1, 7, BOOT_TRIAL);

	at_put_entry(&at, "moult-000007+3-0.conf", text);
	at_put_entry(&at, "moult-7.conf", text);
	at_put_entry(&at, "MOULT-~1.CON", text);
	ck_assert_uint_eq(at.menu.torn_count, 0);
	ck_assert_uint_eq(at.menu.other_count, 2);
	ck_assert(sdboot_loader.tidy(&at.menu, &at.plan, &at.err));
	ck_assert_uint_eq(at.plan.count, 0);
}
END_TEST

START_TEST(nothing_is_published_where_the_loader_could_choose_anothers)
{
	auto_at struct at at = at_in_use();

	put_another(at.fake, 1, 6, BOOT_CURRENT);
	at_look(&at);
	at_refused(&at, WORLD_OFFER, 9, 9, "'moult-000006.conf' is another system's");
	ck_assert_ptr_nonnull(strstr(at.err.text, "UUID=" ANOTHERS));
	at_refused(&at, WORLD_ADOPT, 9, 9, "is another system's");
	/* what only a person chooses, and what goes, is no harm */
	at_planned(&at, WORLD_OLD, 9, 9);
	at_planned(&at, WORLD_REMOVE, 5, 5);
	/* without its kernel the loader leaves it out */
	ck_assert_int_eq(at.fake->host.ops->remove(&at.fake->host, VOLUME_BOOT, BLOB), 0);
	at_look(&at);
	at_planned(&at, WORLD_OFFER, 9, 9);
}
END_TEST

START_TEST(a_name_of_another_is_never_written_over)
{
	auto_at struct at at = at_in_use();

	put_another(at.fake, 4, 6, BOOT_OLD);
	at_look(&at);
	at_refused(&at, WORLD_OLD, 6, 6, "'moult-old-000006.conf' is another system's");
}
END_TEST

START_TEST(blobs_of_another_are_kept)
{
	auto_at struct at at = at_in_use();
	auto_menu struct menu after = {0};

	put_another(at.fake, 4, 6, BOOT_OLD);
	at_look(&at);
	loader_sweep(&sdboot_loader, &at.menu, NULL, 0, &at.plan);
	ck_assert_uint_eq(at.plan.count, 0);
	/* also in the menu that a plan leads to */
	at_planned(&at, WORLD_OFFER, 9, 9);
	ck_assert(loader_after(&sdboot_loader, &at.menu, &at.plan, &after, &at.err));
	ck_assert_uint_eq(after.other_count, 1);
	loader_sweep(&sdboot_loader, &at.menu, NULL, 0, &at.plan);
	at_run(&at);
	ck_assert(menu_has_blob(&at.menu, BLOB));
}
END_TEST

/* ---- the engine ---- */

static void pin_one(struct engine_world *world, bool done)
{
	struct verb_request request = {.verb = "pin", .which = "1"};
	struct err err = {0};
	json_t *answer = NULL;

	must(engine_world_reopen(world, &world->fake->host, &err));
	if (done)
		must(verb_pin(&world->machine, &request, &answer, &err));
	else
		ck_assert(!verb_pin(&world->machine, &request, &answer, &err));
	json_decref(answer);
}

/* The number that another disk gives to its generation says nothing here. */
START_TEST(anothers_entry_changes_nothing_of_ours)
{
	for (unsigned generation = 1; generation <= 7; generation += 6) {
		struct engine_world world;
		struct err err = {0};
		auto_free char *text = text_of_another(generation, 9, BOOT_CURRENT);

		engine_world_open(&world);
		must(engine_offer(&world.machine, 2, &err));
		must(engine_bless(&world.machine, 2, &err));
		put_another(world.fake, generation, 9, BOOT_CURRENT);
		pin_one(&world, true);
		ck_assert_uint_eq(menu_truth(&world.machine.menu)->generation, 2);
		ck_assert_uint_eq(listing_current(&world.machine.listing)->id, 2);
		ck_assert_str_eq(
			fake_host_text(world.fake, VOLUME_BOOT, "loader/entries/moult-000009.conf"),
			text);
		ck_assert_ptr_nonnull(fake_host_text(world.fake, VOLUME_BOOT, BLOB));
		engine_world_done(&world);
	}
}
END_TEST

START_TEST(status_does_not_promise_ours_where_anothers_boots)
{
	struct verb_request request = {.verb = "status"};
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;

	engine_world_open(&world);
	put_another(world.fake, 1, 9, BOOT_CURRENT);
	must(engine_world_reopen(&world, &world.fake->host, &err));
	must(verb_status(&world.machine, &request, &answer, &err));
	ck_assert(json_is_null(json_object_get(json_object_get(answer, "next"), "id")));
	json_decref(answer);
	engine_world_done(&world);
}
END_TEST

/* The other system's original has the very name that ours should have. */
START_TEST(anothers_original_is_not_taken_for_ours)
{
	struct engine_world world;
	auto_free char *text = text_of_another(0, 0, BOOT_CURRENT);

	engine_world_open(&world);
	put_another(world.fake, 0, 0, BOOT_CURRENT);
	pin_one(&world, true);
	ck_assert_ptr_null(menu_find(&world.machine.menu, 0));
	ck_assert_str_eq(
		fake_host_text(world.fake, VOLUME_BOOT, "loader/entries/moult-000000.conf"), text);
	engine_world_done(&world);
}
END_TEST

static void assert_found(struct engine_world *world, enum check_context context,
			 enum finding_level level)
{
	auto_findings struct findings findings = {0};
	const struct finding *finding;
	struct err err = {0};

	checks_world_reopen(world);
	must(checks_run(&world->machine, context, NULL, &findings, &err));
	finding = findings_find(&findings, "OTHER_SYSTEM");
	ck_assert_ptr_nonnull(finding);
	ck_assert_int_eq(finding->level, level);
	ck_assert_ptr_nonnull(strstr(finding->why, "UUID=" ANOTHERS));
	ck_assert((level == FINDING_ERROR) == (finding->remedy != NULL));
	if (finding->remedy)
		ck_assert_str_eq(finding->remedy,
				 "cd /boot/efi/loader/entries && "
				 "sudo mv moult-000009+3-0.conf other-000009+3-0.conf");
}

START_TEST(check_and_every_preflight_say_so)
{
	struct engine_world world;

	checks_world_adopted(&world);
	put_another(world.fake, 1, 9, BOOT_TRIAL);
	assert_found(&world, CHECK_ALL, FINDING_ERROR);
	assert_found(&world, CHECK_UPGRADE, FINDING_ERROR);
	engine_world_done(&world);
	checks_world_debian(&world);
	put_another(world.fake, 1, 9, BOOT_TRIAL);
	assert_found(&world, CHECK_INIT, FINDING_ERROR);
	engine_world_done(&world);
	checks_world_adopted(&world);
	put_another(world.fake, 1, 9, BOOT_OLD);
	assert_found(&world, CHECK_ALL, FINDING_NOTE);
	engine_world_done(&world);
}
END_TEST

START_TEST(a_disk_beside_an_adopted_one_is_not_adopted)
{
	struct verb_request request = {.verb = "init"};
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;

	checks_world_debian(&world);
	put_another(world.fake, 1, 9, BOOT_CURRENT);
	checks_world_reopen(&world);
	ck_assert(!verb_init(&world.machine, &request, &answer, &err));
	ck_assert_int_eq(err.kind, ERR_REFUSED);
	ck_assert_msg(strstr(err.text, "'moult-000009.conf' is another system's"), "%s", err.text);
	ck_assert_ptr_nonnull(strstr(err.hint, "mv moult-000009.conf other-000009.conf"));
	engine_world_done(&world);
}
END_TEST

UNIT_MAIN("shared_boot", what_is_anothers_is_not_ours, below_ours_it_does_not_boot_next,
	  a_torn_entry_of_ours_stays_ours, the_last_root_on_the_line_says_whose_it_is,
	  anothers_names_are_not_torn, nothing_is_published_where_the_loader_could_choose_anothers,
	  a_name_of_another_is_never_written_over, blobs_of_another_are_kept,
	  anothers_entry_changes_nothing_of_ours, status_does_not_promise_ours_where_anothers_boots,
	  anothers_original_is_not_taken_for_ours, check_and_every_preflight_say_so,
	  a_disk_beside_an_adopted_one_is_not_adopted)
