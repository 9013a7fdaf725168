#include "late_world.h"
#include "changes.h"
#include "text.h"

static const char *whole(const char *root, const char *path)
{
	static char buffer[2][256];
	static unsigned at;

	at = !at;
	snprintf(buffer[at], sizeof(buffer[at]), "%s/%s", root, path);
	return buffer[at];
}

void edit(struct engine_world *world, const char *path, const char *text)
{
	fake_host_put(world->fake, VOLUME_POOL, whole(RUNS, path), text);
}

void rebuild(struct engine_world *world, const char *path, const char *text)
{
	fake_host_put(world->fake, VOLUME_POOL, whole(PENDING, path), text);
}

const char *pending_text(const struct engine_world *world, const char *path)
{
	return fake_host_text(world->fake, VOLUME_POOL, whole(PENDING, path));
}

/* What a root needs so that edits of it can be verified. */
static void put_root(struct engine_world *world,
		     void (*put)(struct engine_world *, const char *, const char *))
{
	auto_free char *fstab = xasprintf("UUID=%s / btrfs defaults 0 0\n", world->fake->pool_uuid);

	put(world, "etc/fstab", fstab);
	put(world, "etc/shadow", "anna:$y$j9T$x:1:0:99999:7:::\n");
	put(world, "etc/passwd", "anna:x:1000:1000::/home/anna:/bin/bash\n");
	put(world, "sbin/init", "elf");
	put(world, "etc/hosts", "127.0.0.1 localhost\n");
	put(world, "etc/motd", "welcome\n");
	put(world, "etc/cron.d/job", "daily\n");
	put(world, "usr/bin/tool", "tool 1\n");
	put(world, STATUS, DPKG("5.1"));
}

static void make_program(struct engine_world *world, const char *path)
{
	fake_disk_find(&world->fake->disk, VOLUME_POOL, path)->mode = 0755;
}

/* As making does it: the ancestor is the running root at the staging. */
static void stage(struct engine_world *world)
{
	struct host *host = &world->fake->host;
	auto_generation struct generation next = {0};
	auto_free char *printed = NULL;

	ck_assert_int_eq(host->ops->snapshot(host, RUNS, "@gens/2/ancestor", true), 0);
	generation_copy(find(world, 2), &next);
	next.late_transid = 1;
	next.late_origin = 1;
	printed = generation_print_state(&next);
	fake_host_put(world->fake, VOLUME_POOL, "@gens/2/state.json", printed);
}

/* Nothing newer than what is staged. */
static void drop_third(struct engine_world *world)
{
	struct host *host = &world->fake->host;

	ck_assert_int_eq(host->ops->delete_subvolume(host, "@gens/3/root"), 0);
	ck_assert_int_eq(host->ops->remove_tree(host, VOLUME_POOL, "@gens/3"), 0);
}

void late_world_open(struct engine_world *world)
{
	struct err err = {0};

	engine_world_open(world);
	drop_third(world);
	put_root(world, edit);
	put_root(world, rebuild);
	make_program(world, RUNS "/sbin/init");
	make_program(world, PENDING "/sbin/init");
	rebuild(world, STATUS, DPKG("5.2"));
	stage(world);
	engine_runs(world, 1, 2, false, "b1");
	must(engine_world_reopen(world, &world->fake->host, &err));
	must(engine_offer(&world->machine, 2, &err));
	fake_host_mark(world->fake);
}

void late_world_boot(struct engine_world *world)
{
	const struct generation *gen = find(world, 2);

	engine_runs(world, 2, gen->publications[gen->publication_count - 1].serial, true, "b2");
	reopen(world);
}
