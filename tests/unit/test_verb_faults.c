/*
 * Every verb with every call of the host failing, one after the other: it is
 * done or it says why, the machine boots what it booted or what was asked for,
 * and recovery has nothing left to do.
 */
#include "checks_world.h"
#include "command.h"
#include "engine_judge.h"
#include "fault_host.h"
#include "system_root.h"
#include "text.h"
#include "verbs.h"
#include <stdio.h>

/* --- the machines -------------------------------------------------------------------------------- */

/* Its own entry is none of moult's: the number that stands for it is 99. */
static void open_debian(struct engine_world *world)
{
	static const char kernel[] = "the installer's";
	auto_free char *path = NULL, *entry = NULL;
	struct digest digest;

	checks_world_debian(world);
	digest_bytes(DIGEST_SHA256, kernel, strlen(kernel), &digest);
	path = xasprintf("debian/sha256-%s", digest.hex);
	entry = xasprintf(
		"title Debian\nlinux /%s\noptions root=UUID=%s rootflags=subvol=@rootfs\n", path,
		world->fake->pool_uuid);
	fake_host_put(world->fake, VOLUME_BOOT, path, kernel);
	fake_host_put(world->fake, VOLUME_BOOT, "loader/entries/debian.conf", entry);
	system_root_put(world->fake, "@rootfs");
	checks_world_reopen(world);
}

static void open_adopted(struct engine_world *world)
{
	checks_world_adopted(world);
	system_root_put(world->fake, "@gens/1/root");
	fake_host_put(world->fake, VOLUME_POOL, "@gens/1/root/usr/bin/apt-get", "elf");
	checks_world_reopen(world);
}

static char root_mount[] = "/", var_mount[] = "/var";
static char *mounted[] = {root_mount, var_mount};

/* 2 is current, 1 has an old entry. */
static void open_settled(struct engine_world *world)
{
	struct err err = {0};

	engine_world_open(world);
	world->fake->now_sec = WORLD_NOW;
	system_root_put_adopted(world->fake, "@gens/1/root");
	system_root_put_adopted(world->fake, "@gens/2/root");
	must(engine_offer(&world->machine, 2, &err));
	must(engine_bless(&world->machine, 2, &err));
	engine_runs(world, 2, 4, false, "b2");
	world->fake->mounts = (struct host_strings){mounted, COUNT(mounted)};
	reopen(world);
}

/* 2 is current; somebody picked 1 in the menu. */
static void open_temporary(struct engine_world *world)
{
	open_settled(world);
	engine_runs(world, 1, 2, false, "b1");
	reopen(world);
}

/* 2 is on trial, and runs. */
static void open_trial(struct engine_world *world)
{
	struct err err = {0};

	engine_world_open(world);
	must(engine_offer(&world->machine, 2, &err));
	engine_runs(world, 2, 3, true, "b2");
	reopen(world);
}

/* Adopted, and the original boots again. */
static void open_offered(struct engine_world *world)
{
	struct err err = {0};

	engine_world_open(world);
	must(engine_offer(&world->machine, 2, &err));
	reopen(world);
}

/* --- the verbs ----------------------------------------------------------------------------------- */

#define HELLO                                                                                      \
	"Package: hello\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.10-3\n"     \
	"Maintainer: somebody\nDescription: says hello\n\n"

static bool is_upgrade(const struct stage_command *command)
{
	bool upgrade = false;

	for (size_t i = 0; command->argv[i]; i++) {
		if (strcmp(command->argv[i], "-s") == 0)
			return false;
		upgrade = upgrade || strcmp(command->argv[i], "--status-fd") == 0 ||
			  strcmp(command->argv[i], "APT::Status-Fd=3") == 0;
	}
	return upgrade;
}

/* What runs in the stage: an upgrade brings one package, all else changes nothing. */
static int source(struct fake_host *fake, const struct stage *stage,
		  const struct stage_command *command, int *ret_status)
{
	auto_free char *path = xasprintf("%s/usr/lib/sysimage/dpkg/status", stage->root);
	const char *status = fake_host_text(fake, VOLUME_POOL, path);

	*ret_status = 0;
	if (status && is_upgrade(command)) {
		auto_free char *text = xasprintf("%s\n" HELLO, status);

		return fake->host.ops->write(&fake->host, VOLUME_POOL, path, text, strlen(text));
	}
	return 0;
}

static const char *const words[] = {"true", NULL};
static const char *const arguments[] = {"quiet", NULL};
static const char *const paths[] = {"/etc/passwd", NULL};

static const struct scene {
	const char *command;
	void (*open)(struct engine_world *world);
	struct verb_request request; /* `verb` is the command's last word */
	const char *between; /* the generation that boots half-way; NULL = before or after */
} scenes[] = {
	{"status", open_settled, {0}},
	{"list", open_settled, {.sizes = true}},
	{"show", open_settled, {.which = "1"}},
	{"check", open_adopted, {0}},
	{"diff", open_settled, {0}},
	{"plan", open_settled, {.which = "rollback"}},
	{"log", open_settled, {0}},
	{"upgrade", open_adopted, {0}},
	{"run", open_adopted, {.command = words, .replace = true}},
	{"shell", open_adopted, {.terminal = true, .replace = true}},
	{"checkpoint", open_settled, {.name = "before-party"}},
	{"restore", open_settled, {.which = "1", .paths = paths}},
	{"kargs", open_settled, {.which = "add", .arguments = arguments}},
	{"rollback", open_settled, {.which = "1"}},
	{"keep", open_temporary, {0}},
	{"discard", open_temporary, {0}},
	{"pin", open_settled, {.which = "1", .name = "before-party"}},
	{"unpin", open_settled, {.which = "1"}},
	{"cleanup", open_settled, {0}},
	/* the original has its entry before generation 1 is offered */
	{"init", open_debian, {0}, "0"},
	{"init", open_offered, {.undo = true}, "1"},
	{"repair", open_adopted, {0}},
	{"health", open_settled, {0}},
	{"internal reconcile", open_trial, {0}},
	{"internal first-boot", open_trial, {0}},
	{"internal before-apt", open_settled, {0}},
	{"internal late-edits", open_settled, {0}},
	{"internal stale-check", open_settled, {0}},
	{"internal kernel-changed", open_settled, {0}},
	{"internal timed-upgrade", open_adopted, {0}},
	{"internal timed-check", open_adopted, {0}},
	{"internal timed-cleanup", open_settled, {0}},
	{"internal report-health", open_settled, {0}},
	{"internal at-shutdown", open_settled, {0}},
	{"internal carve", open_settled, {0}},
	{"internal prune", open_settled, {0}},
	{"internal bless", open_trial, {0}},
	{"internal give-up", open_trial, {.reason = "deadline"}},
};

/* What fails, and how: once, although it happened, or from then on. */
static const struct manner {
	int errnum;
	bool afterwards, forever;
} manners[] = {
	{EIO, false, false},
	{ENOSPC, false, true},
	{EINTR, true, false},
	{EROFS, false, true},
};

static const char *last_word(const char *command)
{
	const char *blank = strrchr(command, ' ');

	return blank ? blank + 1 : command;
}

static bool call(struct engine_world *world, const struct scene *scene, json_t **ret,
		 struct err *err)
{
	struct verb_request request = scene->request;

	request.verb = last_word(scene->command);
	return command_find(scene->command)->verb(&world->machine, &request, ret, err);
}

static void open_scene(const struct scene *scene, struct engine_world *world)
{
	scene->open(world);
	world->fake->source = source;
	fake_host_mark(world->fake);
}

/* The same machine once more, with a disk of its own; it borrows from `world`. */
static void copy_scene(const struct engine_world *world, struct engine_world *ret)
{
	struct fake_cut cut;

	fake_cut_first(world->fake, world->fake->effect_count, &cut);
	*ret = (struct engine_world){.progress = world->progress};
	ret->fake = fake_host_after_cut(world->fake, &cut);
}

/* What the loader boots by itself once the verb is done. */
static unsigned boots_after(const struct engine_world *before, const struct scene *scene)
{
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;
	unsigned boots;

	copy_scene(before, &world);
	reopen(&world);
	call(&world, scene, &answer, &err);
	json_decref(answer);
	boots = default_generation(world.fake);
	engine_world_done(&world);
	return boots;
}

/* --- the judgement ------------------------------------------------------------------------------ */

struct fate {
	const struct engine_world *world; /* as it was before */
	const struct scene *scene;
	unsigned before, after; /* generations that may boot by default */
	const char *when;
};

static bool is_between(const struct scene *scene, unsigned boots)
{
	return scene->between && (unsigned)atoi(scene->between) == boots;
}

static void assert_boots(const struct fate *fate, const struct engine_world *world)
{
	unsigned boots = default_generation(world->fake);

	ck_assert_msg(boots == fate->before || boots == fate->after ||
			      is_between(fate->scene, boots),
		      "%s: generation %u boots", fate->when, boots);
}

/* The next command recovers, and the one after that finds nothing to do. */
static void assert_recovers(const struct fate *fate, struct engine_world *world)
{
	struct err err = {0};
	size_t effects;

	world->fake->locked = false;
	ck_assert_msg(engine_world_reopen(world, &world->fake->host, &err), "%s: %s", fate->when,
		      err.text);
	ck_assert_msg(engine_recover(&world->machine, &err), "%s: %s", fate->when, err.text);
	assert_boots(fate, world);
	effects = world->fake->effect_count;
	ck_assert_msg(engine_recover(&world->machine, &err), "%s, again: %s", fate->when, err.text);
	ck_assert_msg(world->fake->effect_count == effects, "%s: recovering again did %d to %s",
		      fate->when, world->fake->effects[effects].kind,
		      world->fake->effects[effects].path);
}

/* False: there are not so many calls. */
static bool fail_at(struct fate *fate, unsigned number, const struct manner *manner)
{
	struct engine_world world;
	struct fault_host fault;
	struct err err = {0};
	json_t *answer = NULL;
	char when[160];
	bool done = false;

	copy_scene(fate->world, &world);
	fault_host_init(&fault, &world.fake->host);
	fault.fail_at = number;
	fault.errnum = manner->errnum;
	fault.afterwards = manner->afterwards;
	fault.forever = manner->forever;
	if (engine_world_reopen(&world, &fault.host, &err))
		done = call(&world, fate->scene, &answer, &err);
	snprintf(when, sizeof(when), "%s%s, call %u (%s), %s%s%s", fate->scene->command,
		 fate->scene->request.undo ? " --undo" : "", number,
		 fault.failed ? fault.failed : "none", strerror(manner->errnum),
		 manner->afterwards ? " though it was done" : "",
		 manner->forever ? " and ever after" : "");
	fate->when = when;
	ck_assert_msg(done || *err.text, "%s: failed without a word", when);
	ck_assert_msg(!done || answer, "%s: done without an answer", when);
	json_decref(answer);
	assert_boots(fate, &world);
	assert_recovers(fate, &world);
	engine_world_done(&world);
	return fault.failed != NULL;
}

/* Each call in one manner, in turn; with --all in each. */
START_TEST(any_call_of_any_verb_may_fail)
{
	const struct scene *scene = &scenes[_i];
	struct engine_world world;
	struct fate fate = {.world = &world, .scene = scene};
	bool all = getenv("MOULT_TEST_ALL") != NULL;

	open_scene(scene, &world);
	fate.before = default_generation(world.fake);
	fate.after = boots_after(&world, scene);
	for (unsigned i = 0; i < COUNT(manners); i++)
		for (unsigned number = all ? 1 : i + 1; fail_at(&fate, number, &manners[i]);
		     number += all ? 1 : COUNT(manners))
			;
	engine_world_done(&world);
}
END_TEST

/* Without a fault each does what it is for: a scene that refuses would prove
 * nothing. */
START_TEST(without_a_fault_each_is_done)
{
	const struct scene *scene = &scenes[_i];
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;

	open_scene(scene, &world);
	ck_assert_msg(call(&world, scene, &answer, &err), "%s: %s", scene->command, err.text);
	ck_assert_ptr_nonnull(answer);
	json_decref(answer);
	engine_world_done(&world);
}
END_TEST

START_TEST(no_verb_is_forgotten)
{
	for (size_t i = 0; command_at(i); i++) {
		bool found = !command_at(i)->verb;

		for (size_t j = 0; j < COUNT(scenes); j++)
			found = found || strcmp(scenes[j].command, command_at(i)->name) == 0;
		ck_assert_msg(found, "%s", command_at(i)->name);
	}
}
END_TEST

int main(void)
{
	TCase *group = tcase_create("verb_faults");
	Suite *suite = suite_create("verb_faults");
	SRunner *runner;
	int failed;

	tcase_set_timeout(group, 600);
	tcase_add_loop_test(group, without_a_fault_each_is_done, 0, COUNT(scenes));
	tcase_add_loop_test(group, any_call_of_any_verb_may_fail, 0, COUNT(scenes));
	tcase_add_test(group, no_verb_is_forgotten);
	suite_add_tcase(suite, group);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
