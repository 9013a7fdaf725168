/* A kernel or an initrd changed live: tried once, kept where apt cannot reach it, never half. */
#include "fault_host.h"
#include "kargs_judge.h"

#define OLD "6.1.0-50-amd64"
#define NEW "6.1.0-51-amd64"
#define ROOT "@gens/1/root"
#define MARK "@moult/kernel-changed.1"

static void put(struct engine_world *world, const char *path, const char *content)
{
	fake_host_put(world->fake, VOLUME_POOL, path, content);
}

static void put_initrd(struct engine_world *world, const char *release, const char *more)
{
	auto_free char *path = xasprintf(ROOT "/boot/initrd.img-%s", release);
	auto_free char *names =
		xasprintf("init\nusr/lib/modules/%s/kernel/fs/btrfs/btrfs.ko\n%s", release, more);

	put(world, path, names);
}

static void install(struct engine_world *world, const char *release)
{
	auto_free char *linux_path = xasprintf(ROOT "/boot/vmlinuz-%s", release);
	auto_free char *modules = xasprintf(ROOT "/lib/modules/%s/modules.dep", release);
	auto_free char *content = xasprintf("kernel %s", release);

	put(world, linux_path, content);
	put(world, modules, "");
	put_initrd(world, release, "");
	put(world, MARK, "");
	reopen(world);
}

static void take_away(struct engine_world *world, const char *release)
{
	auto_free char *linux_path = xasprintf(ROOT "/boot/vmlinuz-%s", release);
	auto_free char *initrd_path = xasprintf(ROOT "/boot/initrd.img-%s", release);
	auto_free char *modules = xasprintf(ROOT "/lib/modules/%s", release);

	world_remove(world, VOLUME_POOL, linux_path);
	world_remove(world, VOLUME_POOL, initrd_path);
	world->fake->host.ops->remove_tree(&world->fake->host, VOLUME_POOL, modules);
	put(world, MARK, "");
	reopen(world);
}

static json_t *told(struct engine_world *world)
{
	struct verb_request request = {.verb = "kernel-changed"};

	return does(world, verb_kernel_changed, &request);
}

static void tell(struct engine_world *world)
{
	json_decref(told(world));
}

static bool is_there(const struct engine_world *world, const char *path)
{
	return fake_disk_find(&world->fake->disk, VOLUME_POOL, path) != NULL;
}

static size_t count_copies(struct engine_world *world)
{
	auto_host_names struct host_names names = {0};

	world->fake->host.ops->list(&world->fake->host, VOLUME_POOL, "@gens/1/boot", &names);
	return names.count;
}

/* Generation 1 runs, and its kernel has modules. */
static void open_live(struct engine_world *world)
{
	open_running(world);
	put(world, ROOT "/lib/modules/" OLD "/modules.dep", "");
}

START_TEST(a_new_kernel_is_tried_once_however_often_it_is_told)
{
	struct engine_world world;
	uint64_t tried;
	size_t effects;

	open_live(&world);
	install(&world, NEW);
	tell(&world);
	tried = proposed(&world, 1);
	ck_assert_str_eq(generation_proposed(find(&world, 1))->kernel, NEW);
	ck_assert_str_eq(generation_proposed(find(&world, 1))->options, "ro quiet");
	ck_assert(entry_at(&world, tried)->counted);
	ck_assert(!is_there(&world, MARK));
	tell(&world);
	ck_assert_uint_eq(proposed(&world, 1), tried);
	effects = world.fake->boot_writes;
	tell(&world);
	ck_assert_uint_eq(world.fake->boot_writes, effects);
	engine_world_done(&world);
}
END_TEST

/* The power went between the loader's commit and the record: what is learnt of the entry has no name. */
START_TEST(a_kernel_that_lost_its_name_gets_it_again)
{
	static const char state[] = "@gens/1/state.json", name[] = "\"" NEW "\"";
	auto_free char *without = NULL;
	struct engine_world world;
	const char *at, *text;

	open_live(&world);
	install(&world, NEW);
	tell(&world);
	text = fake_host_text(world.fake, VOLUME_POOL, state);
	at = strstr(text, name);
	ck_assert_ptr_nonnull(at);
	without = xasprintf("%.*snull%s", (int)(at - text), text, at + strlen(name));
	put(&world, state, without);
	reopen(&world);
	ck_assert_ptr_null(generation_proposed(find(&world, 1))->kernel);
	tell(&world);
	ck_assert_str_eq(generation_proposed(find(&world, 1))->kernel, NEW);
	engine_world_done(&world);
}
END_TEST

START_TEST(a_blessed_kernel_can_be_put_back_although_apt_replaced_it)
{
	struct verb_request repair = {.verb = "repair"};
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;
	char path[128];

	open_live(&world);
	install(&world, NEW);
	tell(&world);
	boots(&world, 1, proposed(&world, 1), true);
	blesses(&world);
	ck_assert_uint_eq(count_copies(&world), 2);
	/* the next one under the same name, which nobody tried yet */
	put(&world, ROOT "/boot/vmlinuz-" NEW, "rebuilt");
	world.machine.loader->blob_path("linux", entry_of(&world, 1)->linux_sha256, path,
					sizeof(path));
	world_remove(&world, VOLUME_BOOT, path);
	reopen(&world);
	verb_repair(&world.machine, &repair, &answer, &err);
	json_decref(answer);
	ck_assert_ptr_nonnull(fake_disk_find(&world.fake->disk, VOLUME_BOOT, path));
	ck_assert_str_eq(fake_disk_find(&world.fake->disk, VOLUME_BOOT, path)->bytes,
			 "kernel " NEW);
	engine_world_done(&world);
}
END_TEST

START_TEST(an_initrd_made_anew_is_a_new_initrd)
{
	struct engine_world world;

	open_live(&world);
	install(&world, NEW);
	tell(&world);
	boots(&world, 1, proposed(&world, 1), true);
	blesses(&world);
	engine_runs(&world, 1, proven(&world, 1), false, "usual");
	put_initrd(&world, NEW, "etc/splash\n");
	tell(&world);
	ck_assert_str_eq(generation_novelty(find(&world, 1), generation_proposed(find(&world, 1))),
			 "initrd");
	/* both initrds, and the kernel once */
	ck_assert_uint_eq(count_copies(&world), 3);
	engine_world_done(&world);
}
END_TEST

START_TEST(a_kernel_that_is_taken_away_again_is_not_tried)
{
	struct engine_world world;
	uint64_t before;

	open_live(&world);
	put_initrd(&world, OLD, "");
	tell(&world);
	boots(&world, 1, proposed(&world, 1), true);
	blesses(&world);
	before = proven(&world, 1);
	engine_runs(&world, 1, before, false, "usual");
	install(&world, NEW);
	tell(&world);
	take_away(&world, NEW);
	tell(&world);
	ck_assert_ptr_null(generation_proposed(find(&world, 1)));
	ck_assert_ptr_null(menu_trial(&world.machine.menu));
	ck_assert_uint_eq(proven(&world, 1), before);
	engine_world_done(&world);
}
END_TEST

START_TEST(the_kernel_that_is_booted_is_missed_and_named)
{
	struct engine_world world;
	json_t *answer;

	open_live(&world);
	install(&world, NEW);
	take_away(&world, OLD);
	answer = told(&world);
	ck_assert(has_note(answer, "the kernel " OLD " that generation 1 boots by default is not "
				   "installed any more"));
	json_decref(answer);
	boots(&world, 1, proposed(&world, 1), true);
	blesses(&world);
	engine_runs(&world, 1, proven(&world, 1), false, "usual");
	/* its entry would boot without modules */
	answer = told(&world);
	json_decref(answer);
	for (size_t i = 0; i < world.machine.menu.count; i++)
		ck_assert(world.machine.menu.entries[i].generation != 1 ||
			  world.machine.menu.entries[i].role == MENU_CANDIDATE);
	json_decref(reconciles(&world));
	for (size_t i = 0; i < world.machine.menu.count; i++)
		ck_assert(world.machine.menu.entries[i].generation != 1 ||
			  world.machine.menu.entries[i].role == MENU_CANDIDATE);
	engine_world_done(&world);
}
END_TEST

START_TEST(a_kernel_that_failed_is_not_tried_again_by_itself)
{
	struct engine_world world;
	uint64_t before;

	open_live(&world);
	before = proven(&world, 1);
	install(&world, NEW);
	tell(&world);
	for (int i = 0; i < 3; i++)
		loader_model_boot(&world.fake->disk);
	comes_back(&world, before);
	json_decref(reconciles(&world));
	ck_assert_str_eq(generation_novelty(find(&world, 1), generation_refused(find(&world, 1))),
			 "kernel");
	tell(&world);
	ck_assert_ptr_null(generation_proposed(find(&world, 1)));
	ck_assert_uint_eq(menu_next(&world.machine.menu)->serial, before);
	engine_world_done(&world);
}
END_TEST

START_TEST(half_a_kernel_is_refused_and_looked_at_again)
{
	struct verb_request request = {.verb = "kernel-changed"};
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;

	open_live(&world);
	install(&world, NEW);
	world_remove(&world, VOLUME_POOL, ROOT "/boot/initrd.img-" NEW);
	reopen(&world);
	ck_assert(!verb_kernel_changed(&world.machine, &request, &answer, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "has no /boot/initrd.img-" NEW));
	ck_assert(is_there(&world, MARK));
	put_initrd(&world, NEW, "");
	json_decref(reconciles(&world));
	ck_assert_str_eq(generation_proposed(find(&world, 1))->kernel, NEW);
	ck_assert(!is_there(&world, MARK));
	engine_world_done(&world);
}
END_TEST

START_TEST(in_a_trial_the_mark_stays_for_the_usual_boot)
{
	struct engine_world world;
	json_t *answer;

	open_live(&world);
	kargs(&world, "add", "nosmt");
	boots(&world, 1, proposed(&world, 1), true);
	install(&world, NEW);
	answer = told(&world);
	ck_assert_str_eq(json_string_value(json_object_get(answer, "outcome")), "nothing");
	json_decref(answer);
	ck_assert(is_there(&world, MARK));
	blesses(&world);
	engine_runs(&world, 1, proven(&world, 1), false, "usual");
	json_decref(reconciles(&world));
	ck_assert_str_eq(generation_proposed(find(&world, 1))->kernel, NEW);
	ck_assert_str_eq(generation_proposed(find(&world, 1))->options, "ro quiet nosmt");
	engine_world_done(&world);
}
END_TEST

/* Whatever fails: the generation stays good, what boots stays, and telling again does it. */
START_TEST(any_call_may_fail)
{
	bool reached = true;

	for (unsigned call = 1; reached; call++) {
		struct verb_request request = {.verb = "kernel-changed"};
		struct engine_world world;
		struct fault_host fault;
		struct err err = {0};
		json_t *answer = NULL;

		open_live(&world);
		install(&world, NEW);
		fault_host_init(&fault, &world.fake->host);
		fault.fail_at = call;
		fault.errnum = call % 2 ? EIO : ENOSPC;
		if (engine_world_reopen(&world, &fault.host, &err))
			verb_kernel_changed(&world.machine, &request, &answer, &err);
		reached = fault.failed != NULL;
		json_decref(answer);
		world.fake->locked = false;
		ck_assert_msg(default_generation(world.fake) == 1, "call %u (%s): %s", call,
			      fault.failed ? fault.failed : "none", err.text);
		tell(&world);
		ck_assert_int_eq(find(&world, 1)->state, GEN_GOOD);
		ck_assert_msg(generation_proposed(find(&world, 1)) != NULL, "call %u (%s)", call,
			      fault.failed ? fault.failed : "none");
		ck_assert_str_eq(generation_proposed(find(&world, 1))->kernel, NEW);
		ck_assert_uint_eq(count_copies(&world), 2);
		engine_world_done(&world);
	}
}
END_TEST

UNIT_MAIN("live_kernel", a_kernel_that_lost_its_name_gets_it_again,
	  a_new_kernel_is_tried_once_however_often_it_is_told,
	  a_blessed_kernel_can_be_put_back_although_apt_replaced_it,
	  an_initrd_made_anew_is_a_new_initrd, a_kernel_that_is_taken_away_again_is_not_tried,
	  the_kernel_that_is_booted_is_missed_and_named,
	  a_kernel_that_failed_is_not_tried_again_by_itself,
	  half_a_kernel_is_refused_and_looked_at_again,
	  in_a_trial_the_mark_stays_for_the_usual_boot, any_call_may_fail)
