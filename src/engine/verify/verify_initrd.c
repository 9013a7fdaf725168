/*
 * What the initrd must have: an init, btrfs, and every storage driver and tool that the parent's
 * initrd had.
 *
 * A driver counts when the new kernel has it as a module that binds to hardware. Libraries come
 * along as dependencies; backends, targets, tapes and RAM disks hold no root, and which of them an
 * initrd has changes with every release of initramfs-tools.
 */
#include <string.h>
#include "initrd.h"
#include "verifying.h"

#define NAMED_MAX 5

static void read_lines(struct verifying *verifying, const char *file, struct names *ret,
		       void (*take_line)(struct names *names, char *line))
{
	auto_free char *path = xasprintf("lib/modules/%s/%s", verifying->kernel.release, file);
	auto_host_bytes struct host_bytes bytes = {0};
	const char *cursor, *line;
	size_t length;

	if (!verifying_read(verifying, path, FILE_MAX_BYTES, &bytes))
		return;
	cursor = bytes.bytes;
	while (text_next_line(&cursor, bytes.bytes + bytes.length, &line, &length)) {
		auto_free char *copy = xstrndup(line, length);

		take_line(ret, copy);
	}
	names_sort(ret);
}

static void take_builtin(struct names *names, char *line)
{
	module_add(names, line);
}

/* "alias pci:v00008086d… ahci": the module binds to what a bus found, and that can be a disk. */
static void take_bound(struct names *names, char *line)
{
	static const char *const buses[] = {
		"acpi", "ieee1394:",   "mmc:",	"nd:",	"of:",	   "pci:",   "platform:",
		"pnp:", "scsi:t-0x00", "sdio:", "usb:", "virtio:", "vmbus:", "xen:"};
	const char *name;

	if (!text_starts(line, "alias ") || !(name = strrchr(line, ' ')))
		return;
	for (size_t i = 0; i < COUNT(buses); i++)
		if (text_starts(line + strlen("alias "), buses[i]))
			names_add(names, name + 1, strlen(name + 1));
}

static void check_drivers(struct verifying *verifying, const struct initrd *initrd,
			  const struct initrd *parent)
{
	auto_names struct names bound = {0};
	auto_text struct text lost = {0};
	unsigned count = 0;

	read_lines(verifying, "modules.alias", &bound, take_bound);
	for (size_t i = 0; i < parent->modules.count; i++) {
		const char *module = parent->modules.all[i];

		if (names_have(&initrd->modules, module) || !names_have(&bound, module))
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

/* A tool that was removed on purpose is worth a word; one that only the initrd lost stops the boot. */
static void check_tools(struct verifying *verifying, const struct initrd *initrd,
			const struct initrd *parent)
{
	for (int i = 0; i < TOOL_COUNT; i++) {
		auto_free char *path = xasprintf("sbin/%s", initrd_tools[i]);
		bool kept = verifying_have(verifying, path);

		if (!parent->has_tool[i] || initrd->has_tool[i])
			continue;
		verifying_remark(verifying,
				 &(struct remark){"INITRD_TOOL",
						  kept ? FINDING_REFUSE : FINDING_WARN,
						  initrd->release, NULL},
				 "the initrd of %s has no %s, the present one has", initrd->release,
				 initrd_tools[i]);
	}
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
	read_lines(verifying, "modules.builtin", &builtin, take_builtin);
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
	check_tools(verifying, initrd, &parent);
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
