#include "installed.h"
#include <string.h>
#include "grubmenu.h"
#include "text.h"

#define GRUB_MENU_MAX_BYTES (1024 * 1024)

/* A small file of the root without blanks around it; NULL = there is none. */
static char *read_word(struct machine *machine, const char *root, const char *path)
{
	auto_host_bytes struct host_bytes bytes = {0};
	const char *start;

	if (machine->host->ops->root_read(machine->host, root, path, 16 * 1024, &bytes) < 0)
		return NULL;
	start = bytes.bytes + strspn(bytes.bytes, " \t\n");
	return xstrndup(start, strcspn(start, " \t\n"));
}

/* Whether "rootflags=...,subvol=@rootfs,..." is among the words, or no subvolume is named at all. */
static bool may_be_subvolume(const char *options, const char *root)
{
	const char *found = strstr(options, "subvol=");
	const char *name = found ? found + strlen("subvol=") : NULL;
	size_t length;

	if (!name)
		return true;
	name += strspn(name, "/");
	length = strcspn(name, ", \t");
	return length == strlen(root) && strncmp(name, root, length) == 0;
}

/* Several systems may share a boot volume, and several roots a Btrfs. */
static bool is_of_root(const struct machine *machine, const struct menu_entry *entry,
		       const char *root, const char *machine_id)
{
	bool other_pool = entry->root_uuid && machine->identity.pool_uuid &&
			  strcasecmp(entry->root_uuid, machine->identity.pool_uuid) != 0;

	if (other_pool || !may_be_subvolume(entry->options, root))
		return false;
	if (entry->machine_id && machine_id && *machine_id)
		return strcasecmp(entry->machine_id, machine_id) == 0;
	/* whose it is, then, only its root can say */
	return entry->root_uuid != NULL;
}

/* What GRUB's menu in this root hands to the kernel, where it boots this very root. */
static char *grub_options(struct machine *machine, const char *root)
{
	auto_host_bytes struct host_bytes bytes = {0};
	auto_free char *options = NULL, *uuid = NULL;

	if (machine->host->ops->root_read(machine->host, root, "boot/grub/grub.cfg",
					  GRUB_MENU_MAX_BYTES, &bytes) < 0)
		return NULL;
	options = grub_menu_command_line(bytes.bytes, bytes.length);
	if (!options || !may_be_subvolume(options, root))
		return NULL;
	uuid = boot_root_uuid(options);
	return uuid && strcasecmp(uuid, machine->identity.pool_uuid) != 0 ? NULL : take(options);
}

char *installed_options(struct machine *machine, const char *root)
{
	auto_free char *machine_id = read_word(machine, root, "etc/machine-id");
	auto_free char *by_grub = NULL;
	auto_host_bytes struct host_bytes bytes = {0};

	for (size_t i = 0; i < machine->menu.bootable_count; i++) {
		const struct menu_entry *entry = &machine->menu.bootable[i];

		if (is_of_root(machine, entry, root, machine_id))
			return boot_own_options(entry->options);
	}
	by_grub = grub_options(machine, root);
	if (by_grub)
		return boot_own_options(by_grub);
	if (machine->host->ops->root_read(machine->host, root, "etc/kernel/cmdline", 16 * 1024,
					  &bytes) < 0)
		return xstrdup("");
	return boot_own_options(bytes.bytes);
}
