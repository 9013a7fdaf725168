/* A system is adopted while it runs: what each verb does on the way. */
#include "engine_judge.h"
#include "live_world.h"
#include "text.h"

static const struct verb_request init = {.verb = "init"}, undo = {.verb = "init", .undo = true};
static const struct verb_request internal = {.verb = "internal"};
static const char *const layouts[] = {"@rootfs", "@", "debian", ""};

static const char *const gone[] = {"ORIGINAL_GONE", NULL}, *const old_copy[] = {"OLD_COPY", NULL};

/* Adopted, and up to the first boot; a root at the top is copied at the shutdown before it. */
static void adopt(struct engine_world *world, const char *layout)
{
	struct err err = {0};

	live_world_open(world, layout);
	must(live_verb(world, verb_init, &init, &err));
	checks_world_reopen(world);
	live_world_write(world, "later");
	checks_world_reopen(world);
	if (!*layout)
		must(live_verb(world, verb_at_shutdown, &internal, &err));
}

static void first_boot(struct engine_world *world)
{
	struct err err = {0};

	ck_assert_str_eq(live_world_boot(world), "@gens/1/root");
	must(live_verb(world, verb_carve, &internal, &err));
	checks_world_reopen(world);
	must(live_verb(world, verb_bless, &internal, &err));
	checks_world_reopen(world);
	must(live_verb(world, verb_prune, &internal, &err));
	ck_assert_str_eq(live_world_boot(world), "@gens/1/root");
}

static const char *pool_text(const struct engine_world *world, const char *path)
{
	return fake_host_text(world->fake, VOLUME_POOL, path);
}

static bool pool_has(const struct engine_world *world, const char *path)
{
	return fake_disk_find(&world->fake->disk, VOLUME_POOL, path) != NULL;
}

START_TEST(what_is_written_after_the_adoption_is_there_in_every_layout)
{
	for (size_t i = 0; i < COUNT(layouts); i++) {
		struct engine_world world;

		adopt(&world, layouts[i]);
		first_boot(&world);
		ck_assert(live_world_has(&world, "before") && live_world_has(&world, "later"));
		ck_assert_str_eq(pool_text(&world, "@home/later"), "later");
		ck_assert(pool_has(&world, "@srv/www/index"));
		ck_assert(!pool_has(&world, "@gens/1/root/srv/www"));
		ck_assert(pool_has(&world, "@gens/1/root/usr/lib/sysimage/dpkg/status"));
		ck_assert(!pool_has(&world, "@gens/1/root/.moult-rest"));
		ck_assert(!pool_has(&world, "@home/.moult-rest"));
		ck_assert(pool_has(&world, "@gens/1/base/etc/fstab"));
		ck_assert_uint_eq(listing_current(&world.machine.listing)->id, 1);
		engine_world_done(&world);
	}
}
END_TEST

static void left_at_once(struct engine_world *world, const char *why)
{
	struct err err = {0};

	ck_assert(!live_verb(world, verb_bless, &internal, &err));
	ck_assert_int_eq(err.kind, ERR_REFUSED);
	ck_assert_msg(strstr(err.text, why), "%s", err.text);
	ck_assert_uint_eq(world->fake->reboots, 1);
	checks_world_reopen(world);
	ck_assert_ptr_nonnull(strstr(pool_text(world, "@gens/1/state.json"), why));
}

START_TEST(a_trial_whose_data_is_not_parted_is_left_at_once)
{
	struct engine_world world;
	struct err err = {0};

	adopt(&world, "@rootfs");
	ck_assert_str_eq(live_world_boot(&world), "@gens/1/root");
	world.fake->lock_holder = "another";
	ck_assert(!live_verb(&world, verb_bless, &internal, &err));
	ck_assert_int_eq(err.kind, ERR_BUSY);
	ck_assert_uint_eq(world.fake->reboots, 0);
	world.fake->lock_holder = NULL;
	left_at_once(&world, "has not parted its data");
	engine_world_done(&world);
}
END_TEST

/* `init --undo` that was cut after its mark. */
START_TEST(a_trial_of_an_adoption_that_was_undone_is_left_at_once)
{
	struct engine_world world;
	struct err err = {0};

	adopt(&world, "@rootfs");
	ck_assert_str_eq(live_world_boot(&world), "@gens/1/root");
	must(live_verb(&world, verb_carve, &internal, &err));
	engine_replace_in(&world, "@gens/1/state.json", "\"state\": \"trial\"",
			  "\"state\": \"built\"");
	engine_replace_in(&world, "@gens/1/state.json", "\"kind\": \"trial\"",
			  "\"kind\": \"none\"");
	engine_replace_in(&world, "@gens/0/state.json", "\"undone\": false", "\"undone\": true");
	checks_world_reopen(&world);
	left_at_once(&world, "the adoption was undone");
	engine_world_done(&world);
}
END_TEST

#define BOX(var) var "/lib/machines/box"

/* A container's file system, made while the adoption waits for its first boot, lies in the data, and goes where that goes. */
START_TEST(a_subvolume_in_the_data_goes_with_it)
{
	struct engine_world world;

	adopt(&world, "@rootfs");
	fake_host_put_subvolume(world.fake, BOX("@gens/1/root/var"));
	fake_host_put(world.fake, VOLUME_POOL, BOX("@gens/1/root/var") "/etc/hostname", "box");
	checks_world_reopen(&world);
	first_boot(&world);
	ck_assert_str_eq(pool_text(&world, BOX("@var") "/etc/hostname"), "box");
	ck_assert(fake_disk_find(&world.fake->disk, VOLUME_POOL, BOX("@var"))->subvolume);
	engine_world_done(&world);
}
END_TEST

/* Nothing is on trial before the shutdown: the last thing that is done is the second copy of the loader. */
START_TEST(the_second_copy_of_the_loader_is_durable)
{
	struct engine_world world;
	struct err err = {0};

	live_world_open(&world, "");
	world_remove(&world, VOLUME_BOOT, "EFI/BOOT/BOOTX64.EFI");
	/* of an earlier adoption: nothing else is written */
	fake_host_put(world.fake, VOLUME_BOOT, "moult/reserve", "...");
	checks_world_reopen(&world);
	must(live_verb(&world, verb_init, &init, &err));
	ck_assert_ptr_nonnull(fake_host_text(world.fake, VOLUME_BOOT, "EFI/BOOT/BOOTX64.EFI"));
	engine_world_done(&world);
}
END_TEST

/* The medium refuses the very byte that would put generation 1 on trial. */
static int no_commit(struct host *host, enum volume volume, const char *path, off_t offset,
		     const void *bytes, size_t length)
{
	const struct fake_host *fake = (const struct fake_host *)host;

	if (text_starts(path, "loader/entries/moult-000001"))
		return -EIO;
	return ((const struct host_ops *)fake->userdata)
		->write_at(host, volume, path, offset, bytes, length);
}

START_TEST(what_cannot_be_put_on_trial_runs_on_in_its_own_place)
{
	struct engine_world world;
	struct host_ops broken;
	struct err err = {0};
	uint64_t id;

	live_world_open(&world, "@rootfs");
	id = world.fake->running_id;
	ck_assert_int_eq(world.fake->host.ops->set_default(&world.fake->host, "@rootfs"), 0);
	checks_world_reopen(&world);
	broken = *world.fake->host.ops;
	world.fake->userdata = (void *)world.fake->host.ops;
	broken.write_at = no_commit;
	world.fake->host.ops = &broken;
	ck_assert(!live_verb(&world, verb_init, &init, &err));
	ck_assert_uint_eq(fake_disk_find(&world.fake->disk, VOLUME_POOL, "@rootfs")->id, id);
	ck_assert_str_eq(fake_disk_default(&world.fake->disk), "@rootfs");
	ck_assert_ptr_null(fake_host_pending(world.fake, 0));
	engine_world_done(&world);
}
END_TEST

START_TEST(what_runs_is_told_that_its_next_boot_parts_its_data)
{
	struct engine_world world;
	json_t *status = NULL;
	struct verb_request request = {.verb = "status"};
	struct err err = {0};

	adopt(&world, "@rootfs");
	must(verb_status(&world.machine, &request, &status, &err));
	ck_assert_str_eq(json_string_value(json_object_get(status, "session")), "adopting");
	json_decref(status);
	/* nothing is built on it, and it is not left for the copy */
	request.verb = "upgrade";
	ck_assert(!live_verb(&world, verb_upgrade, &request, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "parts its data"));
	err = (struct err){0};
	request = (struct verb_request){.verb = "rollback", .which = "0"};
	ck_assert(!live_verb(&world, verb_rollback, &request, &err));
	ck_assert_str_eq(err.hint, "sudo moult init --undo");
	err = (struct err){0};
	request = (struct verb_request){.verb = "keep"};
	ck_assert(!live_verb(&world, verb_keep, &request, &err));
	engine_world_done(&world);
}
END_TEST

START_TEST(a_dry_run_shows_the_exchange_and_changes_nothing)
{
	struct verb_request request = {.verb = "init", .dry_run = true};
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;
	auto_free char *text = NULL;

	live_world_open(&world, "@rootfs");
	must(verb_init(&world.machine, &request, &answer, &err));
	text = json_dumps(json_object_get(answer, "steps"), 0);
	ck_assert_ptr_nonnull(strstr(text, "\"exchange\""));
	ck_assert_ptr_nonnull(strstr(text, "at its first boot: part data"));
	ck_assert_uint_eq(world.fake->effect_count, 0);
	json_decref(answer);
	engine_world_done(&world);
}
END_TEST

START_TEST(undone_before_its_first_boot_it_is_as_before)
{
	for (size_t i = 0; i < COUNT(layouts); i++)
		for (int offline = 0; offline < 2; offline++) {
			struct engine_world world;
			struct err err = {0};

			live_world_open(&world, layouts[i]);
			must(live_verb(&world, verb_init, &init, &err));
			checks_world_reopen(&world);
			live_world_write(&world, "later");
			world.fake->live = !offline;
			checks_world_reopen(&world);
			must(live_verb(&world, verb_init, &undo, &err));
			ck_assert_str_eq(live_world_boot(&world), layouts[i]);
			ck_assert(live_world_has(&world, "later"));
			ck_assert_msg(!pool_has(&world, "@gens/1"), "%s, %d", layouts[i], offline);
			ck_assert_uint_eq(world.machine.menu.count, 1);
			engine_world_done(&world);
		}
}
END_TEST

START_TEST(undone_after_its_first_boot_the_copy_boots_and_the_data_stays)
{
	struct verb_request again = {.verb = "init"};
	struct engine_world world;
	struct err err = {0};

	adopt(&world, "@rootfs");
	first_boot(&world);
	must(live_verb(&world, verb_init, &undo, &err));
	ck_assert_str_eq(live_world_boot(&world), "@rootfs");
	ck_assert(live_world_has(&world, "before") && !live_world_has(&world, "later"));
	ck_assert(pool_has(&world, "@home/later") && pool_has(&world, "@gens/1/root"));
	live_world_write(&world, "new");
	checks_world_reopen(&world);
	ck_assert(!live_verb(&world, verb_init, &again, &err));
	ck_assert_int_eq(err.kind, ERR_NEEDS_ACK);
	err = (struct err){0};
	again.accept = old_copy;
	must(live_verb(&world, verb_init, &again, &err));
	ck_assert_str_eq(live_world_boot(&world), "@gens/1/root");
	engine_world_done(&world);
}
END_TEST

START_TEST(the_default_subvolume_names_the_original_wherever_that_is)
{
	struct engine_world world;
	struct err err = {0};

	live_world_open(&world, "@rootfs");
	ck_assert_int_eq(world.fake->host.ops->set_default(&world.fake->host, "@rootfs"), 0);
	checks_world_reopen(&world);
	must(live_verb(&world, verb_init, &init, &err));
	ck_assert_str_eq(world.machine.listing.default_root, "@rootfs");
	live_world_write(&world, "later");
	checks_world_reopen(&world);
	must(live_verb(&world, verb_init, &undo, &err));
	ck_assert_str_eq(world.machine.listing.default_root, "@rootfs");
	ck_assert(pool_has(&world, "@rootfs/home/later"));
	engine_world_done(&world);
}
END_TEST

START_TEST(the_original_is_given_up_once_something_else_is_good)
{
	for (size_t i = 0; i < COUNT(layouts); i++) {
		struct verb_request request = {.verb = "init", .finalize = true};
		struct engine_world world;
		struct err err = {0};

		adopt(&world, layouts[i]);
		ck_assert(!live_verb(&world, verb_init, &request, &err));
		ck_assert_ptr_nonnull(strstr(err.text, "found good yet"));
		err = (struct err){0};
		first_boot(&world);
		ck_assert(!live_verb(&world, verb_init, &request, &err));
		ck_assert_int_eq(err.kind, ERR_NEEDS_ACK);
		err = (struct err){0};
		request.accept = gone;
		must(live_verb(&world, verb_init, &request, &err));
		ck_assert(!pool_has(&world, *layouts[i] ? layouts[i] : "usr"));
		ck_assert(!pool_has(&world, "@gens/0") && pool_has(&world, "@home/later"));
		ck_assert_ptr_null(menu_find(&world.machine.menu, 0));
		ck_assert_str_eq(live_world_boot(&world), "@gens/1/root");
		must(live_verb(&world, verb_init, &request, &err));
		ck_assert(!live_verb(&world, verb_init, &init, &err));
		ck_assert_ptr_nonnull(strstr(err.text, "adopted already"));
		engine_world_done(&world);
	}
}
END_TEST

START_TEST(what_the_original_was_booted_with_is_kept)
{
	static const char *const kept[] = {"rd.luks.name=1=root", "cryptdevice=UUID=2:root",
					   "console=ttyS0,115200", "resume=UUID=3"};
	struct engine_world world;
	struct err err = {0};

	live_world_open(&world, "@rootfs");
	fake_host_put(world.fake, VOLUME_BOOT, "debian/linux", "kernel");
	fake_host_put(world.fake, VOLUME_BOOT, "loader/entries/debian.conf",
		      "title Debian\noptions root=UUID=11111111-2222-3333-4444-555555555555 "
		      "rootflags=subvol=@rootfs rd.luks.name=1=root cryptdevice=UUID=2:root "
		      "console=ttyS0,115200 resume=UUID=3\nlinux /debian/linux\n");
	checks_world_reopen(&world);
	must(live_verb(&world, verb_init, &init, &err));
	for (unsigned id = 0; id < 2; id++)
		for (size_t i = 0; i < COUNT(kept); i++)
			ck_assert_msg(strstr(entry_of(&world, id)->options, kept[i]), "%s",
				      entry_of(&world, id)->options);
	ck_assert_ptr_nonnull(strstr(entry_of(&world, 1)->options, " noresume "));
	engine_world_done(&world);
}
END_TEST

START_TEST(another_package_manager_is_not_copied_in_the_middle)
{
	struct engine_world world;
	struct err err = {0};

	live_world_open(&world, "@rootfs");
	world.fake->packages_busy = true;
	ck_assert(!live_verb(&world, verb_init, &init, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "dpkg's lock"));
	ck_assert(!pool_has(&world, "@gens/1") && !pool_has(&world, "@gens/.1.tmp"));
	ck_assert_str_eq(live_world_boot(&world), "@rootfs");
	engine_world_done(&world);
}
END_TEST

START_TEST(only_its_own_first_boot_parts_data)
{
	struct engine_world world;
	struct err err = {0};
	size_t effects;

	live_world_open(&world, "@rootfs");
	must(live_verb(&world, verb_init, &init, &err));
	live_world_write(&world, "later");
	checks_world_reopen(&world);
	effects = world.fake->effect_count;
	must(live_verb(&world, verb_carve, &internal, &err));
	must(live_verb(&world, verb_at_shutdown, &internal, &err));
	ck_assert_uint_eq(world.fake->effect_count, effects);
	engine_world_done(&world);
}
END_TEST

UNIT_MAIN("live", the_second_copy_of_the_loader_is_durable,
	  a_trial_whose_data_is_not_parted_is_left_at_once,
	  a_trial_of_an_adoption_that_was_undone_is_left_at_once,
	  a_subvolume_in_the_data_goes_with_it,
	  what_cannot_be_put_on_trial_runs_on_in_its_own_place,
	  what_is_written_after_the_adoption_is_there_in_every_layout,
	  what_runs_is_told_that_its_next_boot_parts_its_data,
	  a_dry_run_shows_the_exchange_and_changes_nothing,
	  undone_before_its_first_boot_it_is_as_before,
	  undone_after_its_first_boot_the_copy_boots_and_the_data_stays,
	  the_default_subvolume_names_the_original_wherever_that_is,
	  the_original_is_given_up_once_something_else_is_good,
	  what_the_original_was_booted_with_is_kept,
	  another_package_manager_is_not_copied_in_the_middle, only_its_own_first_boot_parts_data)
