#include "initrd.h"
#include <string.h>
#include "text.h"

const char *const initrd_tools[TOOL_COUNT] = {
	[TOOL_CRYPTSETUP] = "cryptsetup",
	[TOOL_LVM] = "lvm",
	[TOOL_MDADM] = "mdadm",
};

/* Folders of the kernel's drivers that lead to a disk. */
static const char *const storage_folders[] = {
	"ata/",	    "block/", "firewire/", "hv/",	   "memstick/",
	"message/", "mmc/",   "nvdimm/",   "nvme/",	   "pci/controller/",
	"scsi/",    "ufs/",   "usb/host/", "usb/storage/", "virtio/",
};

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool module_add(struct names *names, const char *path)
{
	static const char *const tails[] = {".ko", ".ko.xz", ".ko.zst", ".ko.gz"};
	const char *name = last_part(path);
	size_t length = 0;

	for (size_t i = 0; i < COUNT(tails); i++)
		if (text_ends(name, tails[i]))
			length = strlen(name) - strlen(tails[i]);
	if (length == 0)
		return false;
	names_add(names, name, length);
	/* the kernel takes - and _ for the same */
	for (char *c = names->all[names->count - 1]; *c; c++)
		if (*c == '-')
			*c = '_';
	return true;
}

static bool is_storage(const char *path)
{
	const char *drivers = strstr(path, "kernel/drivers/");

	for (size_t i = 0; drivers && i < COUNT(storage_folders); i++)
		if (text_starts(drivers + strlen("kernel/drivers/"), storage_folders[i]))
			return true;
	return false;
}

static void note_module(struct initrd *initrd, const char *path)
{
	auto_free char *folder = xasprintf("lib/modules/%s/", initrd->release);

	if (!strstr(path, folder))
		return;
	if (strstr(path, "kernel/fs/btrfs/btrfs.ko"))
		initrd->has_btrfs = true;
	if (is_storage(path))
		module_add(&initrd->modules, path);
}

static bool is_one_of(const char *name, const char *const *names)
{
	while (*names && strcmp(*names, name) != 0)
		names++;
	return *names != NULL;
}

static void on_name(void *userdata, const char *name)
{
	static const char *const inits[] = {"init", "usr/lib/systemd/systemd", NULL};
	static const char *const crypttabs[] = {"cryptroot/crypttab", "etc/crypttab", NULL};
	struct initrd *initrd = userdata;

	while (text_starts(name, "./") || *name == '/')
		name += *name == '/' ? 1 : 2;
	initrd->has_init |= is_one_of(name, inits);
	initrd->has_crypttab |= is_one_of(name, crypttabs);
	for (int i = 0; i < TOOL_COUNT; i++)
		if (strstr(name, "bin/") && strcmp(last_part(name), initrd_tools[i]) == 0)
			initrd->has_tool[i] = true;
	note_module(initrd, name);
}

int initrd_read(struct host *host, const char *root, struct initrd *ret)
{
	auto_free char *path = xasprintf("boot/initrd.img-%s", ret->release);
	int r = host->ops->list_initrd(host, root, path, on_name, ret);

	names_sort(&ret->modules);
	return r;
}

void initrd_done(struct initrd *initrd)
{
	names_done(&initrd->modules);
}
