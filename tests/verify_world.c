#include "verify_world.h"

#define MODULES                                                                                    \
	"init\nusr/lib/modules/%s/kernel/fs/btrfs/btrfs.ko.xz\n"                                   \
	"usr/lib/modules/%s/kernel/drivers/ata/ahci.ko.xz\n"                                       \
	"usr/lib/modules/%s/kernel/drivers/nvme/host/nvme-core.ko\n"                               \
	"usr/lib/modules/%s/kernel/drivers/gpu/drm/drm.ko\n"                                       \
	"usr/lib/modules/%s/kernel/drivers/virtio/gone.ko\ncryptroot/crypttab\n"                   \
	"usr/sbin/lvm\n"

static struct verify_world *world_of(struct progress *progress)
{
	return (struct verify_world *)((char *)progress - offsetof(struct verify_world, progress));
}

static void on_percent(struct progress *progress, unsigned percent, const char *what)
{
	(void)progress;
	ck_assert_uint_le(percent, 100);
	ck_assert_ptr_nonnull(what);
}

static void on_note(struct progress *progress, const char *sentence)
{
	text_addf(&world_of(progress)->notes, "%s\n", sentence);
}

void verify_world_put(struct verify_world *world, const char *root, const char *path,
		      const char *text)
{
	auto_free char *whole = xasprintf("%s/%s", root, path);

	fake_host_put(world->fake, VOLUME_POOL, whole, text);
}

void put_in_copy(struct verify_world *world, const char *path, const char *text)
{
	verify_world_put(world, COPY, path, text);
}

void verify_world_mode(struct verify_world *world, const char *path, mode_t mode)
{
	struct fake_node *node = fake_disk_find(&world->fake->disk, VOLUME_POOL, path);

	ck_assert_ptr_nonnull(node);
	node->mode = mode;
}

void verify_world_drop(struct verify_world *world, const char *path)
{
	auto_free char *whole = xasprintf(COPY "/%s", path);
	struct host *host = &world->fake->host;

	ck_assert_int_eq(host->ops->remove_tree(host, VOLUME_POOL, whole), 0);
}

static void put_kernel(struct verify_world *world, const char *root, const char *release)
{
	auto_free char *linux_path = xasprintf("boot/vmlinuz-%s", release);
	auto_free char *initrd_path = xasprintf("boot/initrd.img-%s", release);
	auto_free char *dep = xasprintf("usr/lib/modules/%s/modules.dep", release);
	auto_free char *alias = xasprintf("usr/lib/modules/%s/modules.alias", release);
	auto_free char *initrd = xasprintf(MODULES, release, release, release, release, release);

	verify_world_put(world, root, linux_path, "kernel");
	verify_world_put(world, root, initrd_path, initrd);
	verify_world_put(world, root, alias,
			 "# aliases\nalias pci:v00008086d00002922 ahci\nalias pci:v1 "
			 "nvme_core\nalias of:x drm\n"
			 "alias char-major-10-1 tape\nalias\nalias pci:x\noptions ahci x\n");
	verify_world_put(
		world, root, dep,
		"kernel/fs/btrfs/btrfs.ko.xz: kernel/lib/x.ko\nkernel/drivers/ata/ahci.ko.xz:\n"
		"kernel/drivers/nvme/host/nvme-core.ko:\n");
}

static void put_root(struct verify_world *world, const char *root)
{
	struct host *host = &world->fake->host;
	auto_free char *lib = xasprintf("%s/lib", root), *bin = xasprintf("%s/bin", root);
	auto_free char *sbin = xasprintf("%s/sbin", root),
		       *init = xasprintf("%s/usr/sbin/init", root);

	fake_host_put_subvolume(world->fake, root);
	verify_world_put(world, root, "etc/fstab", FSTAB);
	verify_world_put(world, root, "etc/shadow",
			 "root:*:1::::::\nanna:$y$j9T$x:1:0:99999:7:::\n");
	verify_world_put(world, root, "etc/passwd", "root:x:0:0:root:/root:/bin/bash\n");
	verify_world_put(world, root, "usr/lib/sysimage/dpkg/status", DPKG BASH("5.1"));
	verify_world_put(world, root, "usr/lib/systemd/systemd", "elf");
	verify_world_put(world, root, "usr/bin/bash", "old bash");
	verify_world_put(world, root, "usr/sbin/x", "x");
	ck_assert_int_eq(host->ops->make_symlink(host, VOLUME_POOL, "usr/lib", lib), 0);
	ck_assert_int_eq(host->ops->make_symlink(host, VOLUME_POOL, "usr/bin", bin), 0);
	ck_assert_int_eq(host->ops->make_symlink(host, VOLUME_POOL, "usr/sbin", sbin), 0);
	ck_assert_int_eq(host->ops->make_symlink(host, VOLUME_POOL, "/lib/systemd/systemd", init),
			 0);
	put_kernel(world, root, OLD);
}

/* Generation 3, and a copy of it with a newer kernel and a newer bash. */
void verify_world_open(struct verify_world *world)
{
	*world = (struct verify_world){
		.fake = fake_host_new(),
		.progress = {.percent = on_percent, .note = on_note},
	};
	world->machine = (struct machine){
		.host = &world->fake->host,
		.progress = &world->progress,
		.identity = {.pool_uuid = (char *)POOL, .boot_uuid = (char *)"ABCD-EF01"},
	};
	fake_host_put_subvolume(world->fake, "@var");
	fake_host_put_subvolume(world->fake, "@home");
	put_root(world, PARENT);
	put_root(world, COPY);
	verify_world_mode(world, COPY "/usr/lib/systemd/systemd", 0755);
	put_kernel(world, COPY, NEW);
	put_in_copy(world, "boot/vmlinuz-" NEW ".dpkg-new", "half");
	put_in_copy(world, "etc/crypttab", "# none\n\troot UUID=x none luks\n");
	put_in_copy(world, "usr/lib/sysimage/dpkg/status", DPKG BASH("5.2"));
	put_in_copy(world, "usr/bin/bash", "abc");
	put_in_copy(world, "usr/lib/sysimage/dpkg/info/bash.md5sums", ABC "  bin/bash\n");
	put_in_copy(world, "usr/lib/sysimage/dpkg/info/bash.list", "/.\n/bin\n/bin/bash\n");
}

void verify_world_done(struct verify_world *world)
{
	fake_host_free(world->fake);
	text_done(&world->notes);
}
