/*
 * What the initrd must have: an init, btrfs, and every storage driver and crypttab that the
 * parent's initrd had, as far as the new kernel still has the driver as a module.
 */
#include <errno.h>
#include <string.h>
#include "verifying.h"

#define NAMED_MAX 5

/* Folders of the kernel's drivers that lead to a disk. */
static const char *const storage_folders[] = {
	"ata/",	   "block/",	"firewire/",	   "hv/",
	"md/",	   "memstick/", "message/",	   "mmc/",
	"nvdimm/", "nvme/",	"pci/controller/", "scsi/",
	"ufs/",	   "usb/host/", "usb/storage/",	   "virtio/",
};

struct initrd {
	const char *release;
	struct names modules; /* storage-class, "ahci" */
	bool has_init, has_btrfs, has_crypttab;
};

static void initrd_done(struct initrd *initrd)
{
	names_done(&initrd->modules);
}
DEFINE_AUTO_STRUCT(initrd, struct initrd, initrd_done)
#define auto_initrd __attribute__((cleanup(auto_initrd_)))

/* Length of a module's name without .ko and what it is compressed by; 0 = it is no module. */
static size_t module_length(const char *name)
{
	static const char *const tails[] = {".ko", ".ko.xz", ".ko.zst", ".ko.gz"};

	for (size_t i = 0; i < COUNT(tails); i++)
		if (text_ends(name, tails[i]))
			return strlen(name) - strlen(tails[i]);
	return 0;
}

/* The kernel takes - and _ in names of modules for the same. */
static void add_module(struct names *names, const char *name, size_t length)
{
	names_add(names, name, length);
	for (char *c = names->all[names->count - 1]; *c; c++)
		if (*c == '-')
			*c = '_';
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
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	size_t length = module_length(name);
	auto_free char *folder = xasprintf("modules/%s/", initrd->release);

	/* a module of another release could not be loaded */
	if (length == 0 || !strstr(path, folder))
		return;
	if (length == strlen("btrfs") && text_starts(name, "btrfs"))
		initrd->has_btrfs = true;
	if (is_storage(path))
		add_module(&initrd->modules, name, length);
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
	note_module(initrd, name);
}

static int initrd_read(struct host *host, const char *root, struct initrd *ret)
{
	auto_free char *path = xasprintf("boot/initrd.img-%s", ret->release);
	int r = host->ops->list_initrd(host, root, path, on_name, ret);

	names_sort(&ret->modules);
	return r;
}

/* The first word of each line of modules.dep, or the lines of modules.builtin: modules by path. */
static void read_modules(struct verifying *verifying, const char *file, struct names *ret)
{
	auto_free char *path = xasprintf("lib/modules/%s/%s", verifying->kernel.release, file);
	auto_host_bytes struct host_bytes bytes = {0};
	const char *cursor, *line;
	size_t length;

	if (!verifying_read(verifying, path, FILE_MAX_BYTES, &bytes))
		return;
	cursor = bytes.bytes;
	while (text_next_line(&cursor, bytes.bytes + bytes.length, &line, &length)) {
		auto_free char *module = xstrndup(line, length);
		char *slash;

		module[strcspn(module, ":")] = '\0';
		slash = strrchr(module, '/');
		if (slash && module_length(slash + 1) > 0)
			add_module(ret, slash + 1, module_length(slash + 1));
	}
	names_sort(ret);
}

static void check_drivers(struct verifying *verifying, const struct initrd *initrd,
			  const struct initrd *parent)
{
	auto_names struct names present = {0};
	auto_text struct text lost = {0};
	unsigned count = 0;

	read_modules(verifying, "modules.dep", &present);
	for (size_t i = 0; i < parent->modules.count; i++) {
		const char *module = parent->modules.all[i];

		if (names_have(&initrd->modules, module) || !names_have(&present, module))
			continue;
		if (count++ < NAMED_MAX)
			text_addf(&lost, "%s%s", lost.length ? ", " : "", module);
	}
	if (count == 0)
		return;
	if (count > NAMED_MAX)
		text_addf(&lost, " and %u more", count - NAMED_MAX);
	verifying_remark(verifying,
			 &(struct remark){"INITRD_DRIVER", FINDING_REFUSE, initrd->release,
					  "add the drivers to /etc/initramfs-tools/modules"},
			 "the initrd of %s lacks storage drivers that the present one has: %s",
			 initrd->release, lost.bytes);
}

static bool has_crypttab_line(struct verifying *verifying)
{
	auto_host_bytes struct host_bytes bytes = {0};
	const char *cursor, *line;
	size_t length;

	if (!verifying_read(verifying, "etc/crypttab", FILE_MAX_BYTES, &bytes))
		return false;
	cursor = bytes.bytes;
	while (text_next_line(&cursor, bytes.bytes + bytes.length, &line, &length)) {
		while (length > 0 && (*line == ' ' || *line == '\t')) {
			line++;
			length--;
		}
		if (length > 0 && *line != '#')
			return true;
	}
	return false;
}

/* A line that went away on purpose is worth a word; one that only the initrd lost stops the boot. */
static void check_crypttab(struct verifying *verifying, const struct initrd *initrd,
			   const struct initrd *parent)
{
	bool wanted;

	if (!parent->has_crypttab || initrd->has_crypttab)
		return;
	wanted = has_crypttab_line(verifying);
	verifying_remark(verifying,
			 &(struct remark){"INITRD_CRYPTTAB", wanted ? FINDING_REFUSE : FINDING_WARN,
					  initrd->release, "sudo apt install cryptsetup-initramfs"},
			 "the initrd of %s no longer opens encrypted disks, the present one does",
			 initrd->release);
}

static void check_own(struct verifying *verifying, const struct initrd *initrd)
{
	struct remark remark = {"INITRD_INIT", FINDING_REFUSE, initrd->release, NULL};
	auto_names struct names builtin = {0};

	if (!initrd->has_init)
		verifying_remark(verifying, &remark, "the initrd of %s has no init",
				 initrd->release);
	if (initrd->has_btrfs)
		return;
	read_modules(verifying, "modules.builtin", &builtin);
	if (names_have(&builtin, "btrfs"))
		return;
	remark = (struct remark){"INITRD_BTRFS", FINDING_REFUSE, initrd->release,
				 "sudo apt install btrfs-progs"};
	verifying_remark(verifying, &remark, "the initrd of %s cannot mount Btrfs",
			 initrd->release);
}

/* Same release, size and time in both roots: it came along with the snapshot. */
static bool is_inherited(const struct verifying *verifying, const char *parent_release)
{
	struct host *host = verifying->host;
	const char *release = verifying->kernel.release;
	auto_free char *path = xasprintf("boot/initrd.img-%s", release);
	struct host_stat own, parent;

	return strcmp(release, parent_release) == 0 &&
	       host->ops->root_stat(host, verifying->root, path, &own) == 0 &&
	       host->ops->root_stat(host, verifying->request->parent_root, path, &parent) == 0 &&
	       own.size_bytes == parent.size_bytes && own.mtime_sec == parent.mtime_sec;
}

static void compare_with_parent(struct verifying *verifying, const struct initrd *initrd)
{
	const char *root = verifying->request->parent_root;
	struct remark remark = {"INITRD_PARENT", FINDING_WARN, "/boot", NULL};
	unsigned skipped = 0;
	auto_free char *release = root ? kernel_newest(verifying->host, root, &skipped) : NULL;
	auto_initrd struct initrd parent = {.release = release};

	if (!root || (release && is_inherited(verifying, release)))
		return;
	if (!release || initrd_read(verifying->host, root, &parent) < 0) {
		verifying_remark(
			verifying, &remark,
			"the present initrd cannot be read, so its drivers were not compared");
		return;
	}
	check_drivers(verifying, initrd, &parent);
	check_crypttab(verifying, initrd, &parent);
}

void verify_initrd(struct verifying *verifying)
{
	auto_initrd struct initrd initrd = {.release = verifying->kernel.release};
	int r;

	if (!verifying->kernel.initrd_path)
		return;
	r = initrd_read(verifying->host, verifying->root, &initrd);
	if (r < 0) {
		verifying_remark(
			verifying,
			&(struct remark){"INITRD_DAMAGED", FINDING_REFUSE, initrd.release, NULL},
			"the initrd of %s cannot be read: %s", initrd.release, strerror(-r));
		return;
	}
	check_own(verifying, &initrd);
	compare_with_parent(verifying, &initrd);
}
