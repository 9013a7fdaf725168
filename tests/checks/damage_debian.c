/* What keeps Debian as its installer left it from being adopted. */
#include <check.h>
#include <string.h>
#include "damage.h"
#include "fstab.h"
#include "text.h"

#define POOL "UUID=11111111-2222-3333-4444-555555555555"

/* A system that was booted from a snapshot of snapper's. */
static void break_layout_snapshot(struct engine_world *world)
{
	struct host *host = &world->fake->host;

	ck_assert_int_eq(host->ops->make_directory(host, VOLUME_POOL, ".snapshots", 0755), 0);
	ck_assert_int_eq(host->ops->rename(host, VOLUME_POOL, "@rootfs", ".snapshots/1"), 0);
	world->running.root_path = xstrdup(".snapshots/1");
	world->running.command_line = xstrdup("quiet");
	world->running.boot_id = xstrdup("1");
	world->fake->running = world->running;
	world->fake->live = true;
}

static void put_database(struct engine_world *world)
{
	put(world, "@rootfs/var/lib/postgresql/15/main/PG_VERSION", "15");
	put(world, "@rootfs/var/lib/mysql", "a file");
}

static void break_no_root(struct engine_world *world)
{
	world_remove(world, VOLUME_POOL, "@rootfs/etc/fstab");
}

static void break_no_moult(struct engine_world *world)
{
	world_remove(world, VOLUME_POOL, "@rootfs/usr/bin/moult");
}

static void break_no_package(struct engine_world *world)
{
	put(world, "@rootfs/var/lib/dpkg/status",
	    "Package: systemd\nStatus: install ok installed\nArchitecture: amd64\nVersion: "
	    "252.1\n");
}

static void break_old_systemd(struct engine_world *world)
{
	put(world, "@rootfs/var/lib/dpkg/status",
	    "Package: systemd\nStatus: install ok installed\nArchitecture: amd64\nVersion: "
	    "247.3\n");
}

static void break_no_status(struct engine_world *world)
{
	world_remove(world, VOLUME_POOL, "@rootfs/var/lib/dpkg/status");
}

static void break_no_initrd(struct engine_world *world)
{
	world_remove(world, VOLUME_POOL, "@rootfs/boot/initrd.img-6.1.0-50-amd64");
}

static void put_installer_fstab(struct engine_world *world, const char *more)
{
	auto_free char *text = xasprintf(POOL " / btrfs subvol=@rootfs 0 0\n%s\n", more);

	put(world, "@rootfs/etc/fstab", text);
}

static void break_separate_boot(struct engine_world *world)
{
	put_installer_fstab(world, "UUID=aa /boot ext4 defaults 0 2");
}

static void break_fstab_no_root(struct engine_world *world)
{
	put(world, "@rootfs/etc/fstab", "# nothing\n");
}

static void break_fstab_other_root(struct engine_world *world)
{
	put(world, "@rootfs/etc/fstab",
	    "UUID=99999999-2222-3333-4444-555555555555 / btrfs x 0 0\n");
}

static void break_fstab_by_id(struct engine_world *world)
{
	put_installer_fstab(world, POOL " /home btrfs subvolid=258 0 0");
}

static void break_fstab_unreadable(struct engine_world *world)
{
	auto_free char *large = xmalloc(FSTAB_MAX_BYTES + 2);

	memset(large, '#', FSTAB_MAX_BYTES + 1);
	large[FSTAB_MAX_BYTES + 1] = '\0';
	put(world, "@rootfs/etc/fstab", large);
}

static void break_swap(struct engine_world *world)
{
	put_installer_fstab(world, "/swapfile none swap sw 0 0");
}

static void break_nested(struct engine_world *world)
{
	fake_host_put_subvolume(world->fake, "@rootfs/var/lib/docker/btrfs");
	put(world, "@rootfs/var/lib/docker/btrfs/layer", "x");
}

static void break_nested_hostile(struct engine_world *world)
{
	fake_host_put_subvolume(world->fake, "@rootfs/a;reboot");
	put(world, "@rootfs/a;reboot/file", "x");
}

static void break_nested_empty(struct engine_world *world)
{
	fake_host_put_subvolume(world->fake, "@rootfs/var/lib/portables");
}

static void remove_systemd_boot(struct engine_world *world)
{
	world_remove(world, VOLUME_BOOT, "EFI/systemd/systemd-bootx64.efi");
	world_remove(world, VOLUME_BOOT, "EFI/BOOT/BOOTX64.EFI");
}

static void break_grub(struct engine_world *world)
{
	remove_systemd_boot(world);
	put_boot(world, "EFI/debian/grubx64.efi", "GRUB");
	put_boot(world, "EFI/BOOT/BOOTX64.EFI", "shim");
}

static void break_grub_bios(struct engine_world *world)
{
	remove_systemd_boot(world);
	put(world, "@rootfs/boot/grub/grub.cfg", "menuentry");
}

const struct damage damages_debian[] = {
	{checks_world_debian,
	 break_layout_snapshot,
	 {CHECK_INIT, "LAYOUT_UNSUPPORTED", FINDING_ERROR, "snapshots of another tool", NULL}},
	{checks_world_debian,
	 put_database,
	 {CHECK_INIT, "DATA_FOUND", FINDING_NOTE, "/var/lib/postgresql holds databases", NULL}},
	{checks_world_debian,
	 break_no_root,
	 {CHECK_INIT, "NO_ROOT", FINDING_ERROR, "no Debian was found", NULL}},
	{checks_world_debian,
	 break_no_moult,
	 {CHECK_INIT, "MOULT_NOT_INSTALLED", FINDING_ERROR, "is not installed in '@rootfs'",
	  "install ./moult.deb"}},
	{checks_world_debian,
	 break_no_package,
	 {CHECK_INIT, "MOULT_NOT_INSTALLED", FINDING_ERROR, "is not installed",
	  "install ./moult.deb"}},
	{checks_world_debian,
	 break_old_systemd,
	 {CHECK_INIT, "SYSTEMD_VERSION", FINDING_ERROR, "systemd is 247.3", "install systemd"}},
	{checks_world_debian,
	 break_no_status,
	 {CHECK_INIT, "SYSTEMD_VERSION", FINDING_ERROR, "not installed", "install systemd"}},
	{checks_world_debian,
	 break_no_status,
	 {CHECK_INIT, "UNCHECKED", FINDING_ERROR, "cannot check the package database", NULL}},
	{checks_world_debian,
	 break_no_initrd,
	 {CHECK_INIT, "NO_KERNEL", FINDING_ERROR, "no kernel with an initrd", "update-initramfs"}},
	{checks_world_debian,
	 break_separate_boot,
	 {CHECK_INIT, "SEPARATE_BOOT", FINDING_ERROR, "(/etc/fstab:2)", "sudoedit"}},
	{checks_world_debian,
	 break_fstab_no_root,
	 {CHECK_INIT, "FSTAB_NO_ROOT", FINDING_ERROR, "has no line for /", "sudoedit"}},
	{checks_world_debian,
	 break_fstab_other_root,
	 {CHECK_INIT, "FSTAB_ROOT_DEVICE", FINDING_ERROR, "/etc/fstab:1: the line of /",
	  "sudoedit"}},
	{checks_world_debian,
	 break_fstab_by_id,
	 {CHECK_INIT, "FSTAB_DATA_BY_ID", FINDING_ERROR,
	  "/etc/fstab:2: data is mounted by subvolid=", "sudoedit"}},
	{checks_world_debian,
	 break_fstab_unreadable,
	 {CHECK_INIT, "UNCHECKED", FINDING_ERROR, "cannot check /etc/fstab", NULL}},
	{checks_world_debian,
	 break_swap,
	 {CHECK_INIT, "SWAP_FILE", FINDING_ERROR, "'/swapfile' lies in the root", "swapoff"}},
	{checks_world_debian,
	 break_nested,
	 {CHECK_INIT, "NESTED_SUBVOLUME", FINDING_ERROR, "'/var/lib/docker/btrfs', made by docker,",
	  "btrfs subvolume delete /var/lib/docker/btrfs"}},
	{checks_world_debian,
	 break_nested_hostile,
	 {CHECK_INIT, "NESTED_SUBVOLUME", FINDING_ERROR, "'/a;reboot'", NULL}},
	{checks_world_debian,
	 break_nested_empty,
	 {CHECK_INIT, "NESTED_SUBVOLUME", FINDING_NOTE, "has an empty directory there",
	  "btrfs subvolume delete /var/lib/portables"}},
	{checks_world_debian,
	 break_grub,
	 {CHECK_INIT, "LOADER_GRUB", FINDING_ERROR, "boots by GRUB",
	  "moult init --loader systemd-boot"}},
	{checks_world_debian,
	 break_grub_bios,
	 {CHECK_INIT, "LOADER_GRUB", FINDING_ERROR, "boots by GRUB",
	  "moult init --loader systemd-boot"}},
	{checks_world_debian,
	 remove_systemd_boot,
	 {CHECK_INIT, "LOADER_MISSING", FINDING_ERROR, "no systemd-boot", "bootctl install"}},
	{checks_world_adopted,
	 remove_systemd_boot,
	 {CHECK_ALL, "LOADER_MISSING", FINDING_ERROR, "no systemd-boot", "bootctl install"}},
};
const size_t damages_debian_count = COUNT(damages_debian);
