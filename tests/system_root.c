#include "system_root.h"
#include <stdlib.h>
#include "text.h"

static const struct {
	const char *path, *text;
} files[] =
	{
		{"etc/shadow", "root:*:1::::::\nanna:$y$j9T$x:1:0:99999:7:::\n"},
		{"etc/passwd", "root:x:0:0:root:/root:/bin/bash\n"},
		{"usr/lib/systemd/systemd", "elf"},
		{"usr/bin/bash", "bash"},
		{"usr/sbin/x", "x"},
		{"boot/initrd.img-" SYSTEM_RELEASE, SYSTEM_INITRD},
		{"usr/lib/modules/" SYSTEM_RELEASE "/modules.dep",
		 "kernel/fs/btrfs/btrfs.ko:\nkernel/drivers/ata/ahci.ko:\n"},
		{"usr/lib/modules/" SYSTEM_RELEASE "/modules.alias",
		 "alias pci:v00008086d00002922 ahci\n"},
},
  adopted[] = {
	  {"etc/fstab",
	   "UUID=" SYSTEM_POOL " / btrfs defaults 0 0\nUUID=" SYSTEM_POOL
	   " /var btrfs subvol=@var 0 0\n"
	   "UUID=ABCD-EF01 /boot/efi vfat umask=0077,nofail,x-systemd.automount 0 0\n"},
	  {"usr/lib/sysimage/dpkg/status",
	   "Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n"},
};

static const char *const links[][2] = {
	{"usr/lib", "lib"},
	{"usr/bin", "bin"},
	{"usr/sbin", "sbin"},
	{"/lib/systemd/systemd", "usr/sbin/init"},
};

static void put(struct fake_host *fake, const char *root, const char *path, const char *text)
{
	auto_free char *whole = xasprintf("%s/%s", root, path);

	fake_host_put(fake, VOLUME_POOL, whole, text);
}

void system_root_put(struct fake_host *fake, const char *root)
{
	auto_free char *init = xasprintf("%s/usr/lib/systemd/systemd", root);

	for (size_t i = 0; i < COUNT(files); i++)
		put(fake, root, files[i].path, files[i].text);
	for (size_t i = 0; i < COUNT(links); i++) {
		auto_free char *path = xasprintf("%s/%s", root, links[i][1]);

		/* what lay there is in the files above */
		fake->host.ops->remove_tree(&fake->host, VOLUME_POOL, path);
		if (fake->host.ops->make_symlink(&fake->host, VOLUME_POOL, links[i][0], path) < 0)
			abort();
	}
	fake_disk_find(&fake->disk, VOLUME_POOL, init)->mode = 0755;
}

void system_root_put_adopted(struct fake_host *fake, const char *root)
{
	if (!fake_disk_find(&fake->disk, VOLUME_POOL, "@var"))
		fake_host_put_subvolume(fake, "@var");
	for (size_t i = 0; i < COUNT(adopted); i++)
		put(fake, root, adopted[i].path, adopted[i].text);
	system_root_put(fake, root);
}
