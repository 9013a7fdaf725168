#include "verb_scenes.h"
#include <string.h>
#include "checks_world.h"
#include "command.h"
#include "engine_judge.h"
#include "system_root.h"
#include "text.h"
#include "verbs.h"

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

const struct scene scenes[] = {
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
const size_t scene_count = COUNT(scenes);

static const char *last_word(const char *command)
{
	const char *blank = strrchr(command, ' ');

	return blank ? blank + 1 : command;
}

bool scene_call(const struct scene *scene, struct engine_world *world, json_t **ret,
		struct err *err)
{
	struct verb_request request = scene->request;

	request.verb = last_word(scene->command);
	return command_find(scene->command)->verb(&world->machine, &request, ret, err);
}

void scene_open(const struct scene *scene, struct engine_world *world)
{
	scene->open(world);
	world->fake->source = source;
	fake_host_mark(world->fake);
}

void scene_copy(const struct engine_world *world, struct engine_world *ret)
{
	struct fake_cut cut;

	fake_cut_first(world->fake, world->fake->effect_count, &cut);
	*ret = (struct engine_world){.progress = world->progress};
	ret->fake = fake_host_after_cut(world->fake, &cut);
}
