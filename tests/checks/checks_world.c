#include "checks_world.h"
#include <stdio.h>
#include <string.h>
#include "text.h"

#define POOL "11111111-2222-3333-4444-555555555555"
#define RELEASE "6.1.0-50-amd64"

static const char adopted_fstab[] =
	"UUID=" POOL " / btrfs defaults 0 0\n"
	"UUID=" POOL " /var btrfs subvol=@var 0 0\n"
	"UUID=" POOL " /var/lib/moult btrfs subvol=@moult 0 0\n"
	"UUID=ABCD-EF01 /boot/efi vfat umask=0077,nofail,x-systemd.automount 0 0\n";

static const char installer_fstab[] = "UUID=" POOL " / btrfs defaults,subvol=@rootfs 0 0\n"
				      "UUID=ABCD-EF01 /boot/efi vfat umask=0077 0 1\n"
				      "/dev/sda3 none swap sw 0 0\n";

static const char status[] = "Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\n"
			     "Version: 1.21.22\n\n"
			     "Package: systemd\nStatus: install ok installed\nArchitecture: amd64\n"
			     "Version: 252.39-1~deb12u2\n\n"
			     "Package: moult\nStatus: install ok installed\nArchitecture: amd64\n"
			     "Version: 0.1.0\n\n";

static const char systemd_boot[] = "MZ #### LoaderInfo: systemd-boot 252.39-1~deb12u2 ####";

static const char *const stock_units[] = {
	"systemd-bless-boot.service",
	"systemd-boot-update.service",
	"systemd-boot-random-seed.service",
};

static void put_in(struct engine_world *world, const char *root, const char *path, const char *text)
{
	auto_free char *whole = xasprintf("%s/%s", root, path);

	fake_host_put(world->fake, VOLUME_POOL, whole, text);
}

void world_remove(struct engine_world *world, enum volume volume, const char *path)
{
	struct host *host = &world->fake->host;

	if (host->ops->remove(host, volume, path) < 0)
		abort();
}

void world_link(struct engine_world *world, const char *target, const char *path)
{
	struct host *host = &world->fake->host;

	if (host->ops->make_symlink(host, VOLUME_POOL, target, path) < 0)
		abort();
}

void world_make_executable(struct engine_world *world, const char *path)
{
	struct fake_node *node = fake_disk_find(&world->fake->disk, VOLUME_POOL, path);

	if (!node)
		abort();
	node->mode = 0755;
}

void checks_world_reopen(struct engine_world *world)
{
	struct err err = {0};

	if (engine_world_reopen(world, &world->fake->host, &err))
		return;
	fprintf(stderr, "checks_world: %s\n", err.text);
	abort();
}

static void put_loader(struct engine_world *world)
{
	fake_host_put(world->fake, VOLUME_BOOT, "EFI/systemd/systemd-bootx64.efi", systemd_boot);
	fake_host_put(world->fake, VOLUME_BOOT, "EFI/BOOT/BOOTX64.EFI", systemd_boot);
}

static void put_units(struct engine_world *world, const char *root, bool masked)
{
	put_in(world, root, "etc/systemd/system/README", "");
	for (size_t i = 0; i < COUNT(stock_units); i++) {
		auto_free char *unit = xasprintf("usr/lib/systemd/system/%s", stock_units[i]);
		auto_free char *mask = xasprintf("%s/etc/systemd/system/%s", root, stock_units[i]);

		put_in(world, root, unit, "[Unit]\n");
		if (masked)
			world_link(world, "/dev/null", mask);
	}
}

void checks_world_adopted(struct engine_world *world)
{
	engine_world_open(world);
	world->fake->now_sec = WORLD_NOW;
	fake_host_put_subvolume(world->fake, "@var");
	put_in(world, "@gens/1/root", "etc/fstab", adopted_fstab);
	put_in(world, "@gens/1/root", "usr/lib/sysimage/dpkg/status", status);
	put_in(world, "@gens/1/root", "usr/lib/modules/" RELEASE "/modules.dep", "");
	put_units(world, "@gens/1/root", true);
	put_loader(world);
	world_remove(world, VOLUME_BOOT, "loader/entries/debian.conf");
	engine_runs(world, 1, 2, false, "boot-1");
	checks_world_reopen(world);
}

void checks_world_debian(struct engine_world *world)
{
	struct progress progress;

	/* only the quiet progress is wanted of it */
	engine_world_open(world);
	progress = world->progress;
	engine_world_done(world);
	*world = (struct engine_world){.fake = fake_host_new(), .progress = progress};
	world->fake->now_sec = WORLD_NOW;
	fake_host_put_subvolume(world->fake, "@rootfs");
	put_in(world, "@rootfs", "etc/fstab", installer_fstab);
	put_in(world, "@rootfs", "usr/lib/os-release", "PRETTY_NAME=\"Debian GNU/Linux 12\"\n");
	put_in(world, "@rootfs", "usr/bin/moult", "ELF");
	put_in(world, "@rootfs", "var/lib/dpkg/status", status);
	put_in(world, "@rootfs", "boot/vmlinuz-" RELEASE, "kernel");
	put_in(world, "@rootfs", "boot/initrd.img-" RELEASE, "initrd");
	put_units(world, "@rootfs", false);
	put_loader(world);
	checks_world_reopen(world);
}
