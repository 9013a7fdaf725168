#include "boot_world.h"
#include <stdio.h>
#include <string.h>
#include "run.h"
#include "text.h"

#define DEBIAN_OPTIONS                                                                             \
	"root=UUID=11111111-2222-3333-4444-555555555555 rootflags=subvol=@rootfs ro quiet"

static const char debian_entry[] = "title Debian\n"
				   "version 6.1.0-50-amd64\n"
				   "sort-key debian\n"
				   "options " DEBIAN_OPTIONS "\n"
				   "linux /debian/linux\n"
				   "initrd /debian/initrd.img\n";

static const char *root_of(unsigned generation, char buffer[32])
{
	if (generation == 0)
		return "@rootfs";
	snprintf(buffer, 32, "@gens/%u/root", generation);
	return buffer;
}

struct fake_host *world_new(void)
{
	struct fake_host *fake = fake_host_new();

	for (unsigned g = 0; g < WORLD_GENERATIONS; g++) {
		char buffer[32], path[128], text[64];
		const char *root = root_of(g, buffer);

		fake_host_put_subvolume(fake, root);
		snprintf(path, sizeof(path), "%s/boot/vmlinuz", root);
		snprintf(text, sizeof(text), "kernel of generation %u", g);
		fake_host_put(fake, VOLUME_POOL, path, text);
		snprintf(path, sizeof(path), "%s/boot/initrd.img", root);
		snprintf(text, sizeof(text), "initrd of generation %u", g);
		fake_host_put(fake, VOLUME_POOL, path, text);
	}
	fake_host_put(fake, VOLUME_BOOT, "loader/loader.conf", "timeout 5\neditor no\n");
	fake_host_put(fake, VOLUME_BOOT, "loader/entries/debian.conf", debian_entry);
	fake_host_put(fake, VOLUME_BOOT, "debian/linux", "Debian's kernel");
	fake_host_put(fake, VOLUME_BOOT, "debian/initrd.img", "Debian's initrd");
	fake_host_mark(fake);
	return fake;
}

struct boot_entry world_entry(unsigned generation, uint64_t serial, struct world_entry *storage)
{
	char text[64], buffer[32];

	*storage = (struct world_entry){0};
	snprintf(storage->title, sizeof(storage->title), "Debian GNU/Linux 12, generation %u",
		 generation);
	snprintf(storage->subvolume, sizeof(storage->subvolume), "%s", root_of(generation, buffer));
	snprintf(storage->linux_from, sizeof(storage->linux_from), "%s/boot/vmlinuz",
		 storage->subvolume);
	snprintf(storage->initrd_from, sizeof(storage->initrd_from), "%s/boot/initrd.img",
		 storage->subvolume);
	snprintf(text, sizeof(text), "kernel of generation %u", generation);
	digest_bytes(DIGEST_SHA256, text, strlen(text), &storage->linux_digest);
	snprintf(text, sizeof(text), "initrd of generation %u", generation);
	digest_bytes(DIGEST_SHA256, text, strlen(text), &storage->initrd_digest);
	return (struct boot_entry){
		.generation = generation,
		.serial = serial,
		.title = storage->title,
		.root_uuid = "11111111-2222-3333-4444-555555555555",
		.subvolume = storage->subvolume,
		.options = "ro quiet",
		.linux_sha256 = storage->linux_digest.hex,
		.initrd_sha256 = storage->initrd_digest.hex,
		.linux_from = storage->linux_from,
		.initrd_from = storage->initrd_from,
		.tries = 3,
	};
}

/* ---- the menu ---- */

struct found {
	struct loader_file *files;
	size_t count;
};

static void read_directory(struct host *host, const char *directory, struct found *found)
{
	auto_host_names struct host_names names = {0};

	if (host->ops->list(host, VOLUME_BOOT, directory, &names) < 0)
		return;
	for (size_t i = 0; i < names.count; i++) {
		struct host_bytes bytes = {0};
		struct loader_file *file;

		if (names.names[i].type != HOST_FILE)
			continue;
		file = array_add(found->files, found->count);
		file->path = xasprintf("%s/%s", directory, names.names[i].name);
		if (sdboot_loader.wants_text(file->path) &&
		    host->ops->read(host, VOLUME_BOOT, file->path, 65536, &bytes) == 0)
			file->text = bytes.bytes;
	}
}

void world_menu(struct host *host, struct menu *ret)
{
	auto_host_identity struct host_identity identity = {0};
	struct found found = {0};
	struct loader_found volume;
	struct err err = {0};

	for (const char *const *d = sdboot_loader.directories; *d; d++)
		read_directory(host, *d, &found);
	if (host->ops->identity(host, &identity) < 0)
		abort();
	volume = (struct loader_found){found.files, found.count, identity.pool_uuid};
	if (!sdboot_loader.parse(&volume, ret, &err))
		abort();
	for (size_t i = 0; i < found.count; i++) {
		free((char *)found.files[i].path);
		free((char *)found.files[i].text);
	}
	free(found.files);
}

/* ---- plans ---- */

bool world_run(struct host *host, const struct plan *plan, struct err *err)
{
	for (size_t i = 0; i < plan->count; i++)
		if (!run_step(host, &plan->steps[i], err))
			return false;
	return true;
}

bool world_plan(const struct menu *menu, enum world_verb verb, unsigned generation, uint64_t serial,
		struct plan *plan, struct err *err)
{
	struct world_entry storage;
	struct boot_entry entry = world_entry(generation, serial, &storage);
	const struct menu_entry *there = menu_find(menu, serial);

	if (verb == WORLD_ADOPT)
		return sdboot_loader.adopt(menu, &entry, plan, err);
	if (verb == WORLD_OFFER)
		return sdboot_loader.offer(menu, &entry, plan, err);
	if (verb == WORLD_OLD)
		return sdboot_loader.keep_old(menu, &entry, plan, err);
	if (!there)
		abort();
	if (verb == WORLD_DISABLE)
		return sdboot_loader.disable(menu, there, plan, err);
	if (verb == WORLD_ENABLE)
		return sdboot_loader.enable(menu, there, plan, err);
	return sdboot_loader.remove(menu, there, plan, err);
}

static void run_or_abort(struct fake_host *fake, const struct plan *plan, struct err *err)
{
	if (err->kind == ERR_NONE && world_run(&fake->host, plan, err)) {
		fake_host_mark(fake);
		return;
	}
	fprintf(stderr, "%s\n", err->text);
	abort();
}

void world_do(struct fake_host *fake, enum world_verb verb, unsigned generation, uint64_t serial)
{
	auto_menu struct menu menu = {0};
	auto_plan struct plan plan = {0};
	struct err err = {0};

	world_menu(&fake->host, &menu);
	(void)world_plan(&menu, verb, generation, serial, &plan, &err);
	run_or_abort(fake, &plan, &err);
}

void world_settle(struct fake_host *fake)
{
	auto_menu struct menu menu = {0};
	auto_plan struct plan plan = {0};
	struct err err = {0};

	world_menu(&fake->host, &menu);
	(void)sdboot_loader.settle(&menu, sdboot_loader.settings(), &plan, &err);
	run_or_abort(fake, &plan, &err);
}
