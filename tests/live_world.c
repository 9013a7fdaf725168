#include "live_world.h"
#include <stdio.h>
#include <string.h>
#include "loader_model.h"
#include "text.h"

#define RELEASE "6.1.0-50-amd64"
#define POOL "11111111-2222-3333-4444-555555555555"

static const char fstab[] = "UUID=" POOL " / btrfs defaults,subvol=/%s 0 0\n"
			    "UUID=ABCD-EF01 /boot/efi vfat umask=0077 0 1\n";

static char *inside(const char *root, const char *path)
{
	return *root ? xasprintf("%s/%s", root, path) : xstrdup(path);
}

static void put(struct engine_world *world, const char *root, const char *path, const char *text)
{
	auto_free char *whole = inside(root, path);

	fake_host_put(world->fake, VOLUME_POOL, whole, text);
}

static void put_link(struct engine_world *world, const char *root, const char *path,
		     const char *target)
{
	auto_free char *whole = inside(root, path);

	world_link(world, target, whole);
}

/* What verification wants of a system beside what the checks do. */
static void put_system(struct engine_world *world, const char *root)
{
	auto_free char *lines = xasprintf(fstab, root), *systemd = NULL;

	put(world, root, "etc/fstab", lines);
	put(world, root, "etc/shadow", "root:$y$j9T$x:1:0:99999:7:::\n");
	put(world, root, "etc/passwd", "root:x:0:0:root:/root:/bin/bash\n");
	put(world, root, "usr/lib/systemd/systemd", "elf");
	put(world, root, "usr/bin/bash", "elf");
	put(world, root, "usr/sbin/reboot", "elf");
	put(world, root, "boot/initrd.img-" RELEASE,
	    "init\nusr/lib/modules/" RELEASE "/kernel/fs/btrfs/btrfs.ko\n");
	put(world, root, "usr/lib/modules/" RELEASE "/modules.dep", "kernel/fs/btrfs/btrfs.ko:\n");
	put(world, root, "usr/lib/modules/" RELEASE "/modules.alias", "");
	put_link(world, root, "lib", "usr/lib");
	put_link(world, root, "bin", "usr/bin");
	put_link(world, root, "usr/sbin/init", "/lib/systemd/systemd");
	put_link(world, root, "sbin", "usr/sbin");
	systemd = inside(root, "usr/lib/systemd/systemd");
	world_make_executable(world, systemd);
	put(world, root, "var/lib/dpkg/info/dpkg.list", "/.\n");
	put(world, root, "var/cache/x", "x");
	put(world, root, "home/before", "1");
	put(world, root, "srv/www/index", "1");
	put(world, root, "root/.profile", "1");
}

static void move_root(struct engine_world *world, const char *root)
{
	struct host *host = &world->fake->host;
	auto_host_names struct host_names names = {0};

	if (*root && host->ops->rename(host, VOLUME_POOL, "@rootfs", root) < 0)
		abort();
	if (*root)
		return;
	if (host->ops->list(host, VOLUME_POOL, "@rootfs", &names) < 0)
		abort();
	for (size_t i = 0; i < names.count; i++) {
		auto_free char *from = xasprintf("@rootfs/%s", names.names[i].name);

		if (host->ops->rename(host, VOLUME_POOL, from, names.names[i].name) < 0)
			abort();
	}
	if (host->ops->delete_subvolume(host, "@rootfs") < 0)
		abort();
}

static void runs(struct engine_world *world, const char *root, const char *options)
{
	struct host_running *running = &world->running;

	host_running_done(running);
	running->root_path = xstrdup(root);
	running->boot_id = xstrdup(options ? options : "first");
	running->command_line = xasprintf("%s\n", options ? options : "quiet");
	world->fake->live = true;
	world->fake->running = *running;
	world->fake->running_id = fake_disk_find(&world->fake->disk, VOLUME_POOL, root)->id;
	world->fake->locked = false;
	checks_world_reopen(world);
}

void live_world_open(struct engine_world *world, const char *root)
{
	checks_world_debian(world);
	put_system(world, "@rootfs");
	move_root(world, root);
	runs(world, root, NULL);
	fake_host_mark(world->fake);
}

/* The system as its installer boots it has no entry here: what stands in its place is what boots. */
static const char *first_root(const struct engine_world *world)
{
	static const char *const roots[] = {"@rootfs", "@", "debian"};

	for (size_t i = 0; i < COUNT(roots); i++)
		if (fake_disk_find(&world->fake->disk, VOLUME_POOL, roots[i]))
			return roots[i];
	return "";
}

const char *live_world_boot(struct engine_world *world)
{
	auto_model_menu struct model_menu menu = {0};
	const char *options, *at;
	auto_free char *root = NULL;

	loader_model_read(&world->fake->disk, &menu);
	options = menu.chosen ? menu.chosen->options : NULL;
	at = options ? strstr(options, "subvol=") : NULL;
	if (at)
		at += strlen("subvol=") + (at[strlen("subvol=")] == '/');
	root = at ? xstrndup(at, strcspn(at, " ,")) : xstrdup(first_root(world));
	runs(world, root, options);
	return world->running.root_path;
}

bool live_verb(struct engine_world *world,
	       bool (*verb)(struct machine *, const struct verb_request *, json_t **, struct err *),
	       const struct verb_request *request, struct err *err)
{
	json_t *answer = NULL;
	bool done = verb(&world->machine, request, &answer, err);

	json_decref(answer);
	return done;
}

static char *running_root(const struct engine_world *world)
{
	auto_host_running struct host_running running = {0};
	struct host *host = &world->fake->host;

	return host->ops->running(host, &running) < 0 ? xstrdup(world->running.root_path)
						      : take(running.root_path);
}

/* By the fstab of the system that runs. */
static char *home_path(const struct engine_world *world, const char *name)
{
	auto_free char *root = running_root(world);
	auto_free char *path = inside(root, "etc/fstab");
	const char *text = fake_host_text(world->fake, VOLUME_POOL, path);
	auto_free char *home = inside(root, "home");

	if (text && strstr(text, "subvol=@home"))
		return xasprintf("@home/%s", name);
	return xasprintf("%s/%s", home, name);
}

void live_world_write(struct engine_world *world, const char *name)
{
	auto_free char *path = home_path(world, name);

	fake_host_put(world->fake, VOLUME_POOL, path, name);
}

bool live_world_has(const struct engine_world *world, const char *name)
{
	auto_free char *path = home_path(world, name);

	return fake_host_text(world->fake, VOLUME_POOL, path) != NULL;
}
