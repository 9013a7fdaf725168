#include "adapt.h"
#include <stdio.h>
#include <string.h>
#include "changes.h"
#include "fstab_adopt.h"
#include "territory.h"

static char *read_text(struct host *host, const char *root, const char *path)
{
	auto_host_bytes struct host_bytes bytes = {0};

	if (host->ops->root_read(host, root, path, 64 * 1024, &bytes) < 0)
		return NULL;
	return take(bytes.bytes);
}

/* Whole or not at all: the system that boots next may be this one. */
static bool edit_file(struct host *host, const char *root, const char *path, const char *text,
		      struct err *err)
{
	auto_free char *full = xasprintf("%s/%s", root, path);
	auto_free char *fresh = xasprintf("%s.moult-new", full);
	struct host_stat stat;
	int r = host->ops->write(host, VOLUME_POOL, fresh, "", 0);

	if (r == 0 && host->ops->stat(host, VOLUME_POOL, full, &stat) == 0)
		r = host->ops->copy_attributes(host, full, fresh);
	if (r == 0)
		r = host->ops->write(host, VOLUME_POOL, fresh, text, strlen(text));
	if (r == 0)
		r = host->ops->rename(host, VOLUME_POOL, fresh, full);
	return r < 0 ? err_set(err, ERR_SYSTEM, -r, "cannot write /%s of the copy", path) : true;
}

static void make_directory(struct host *host, const char *root, const char *path)
{
	auto_free char *full = xasprintf("%s/%s", root, path);

	host->ops->make_directory(host, VOLUME_POOL, full, 0755);
}

/* The data subvolumes that were carved, and moult's own. */
static int list_data(struct host *host, const char *making, struct fstab_data *data,
		     char (*mount_points)[64])
{
	int count = 0;

	for (size_t i = 0; i < data_path_count; i++) {
		auto_free char *carved = xasprintf("%s/carve/%s", making, data_paths[i].subvolume);
		struct host_stat stat;
		int r = host->ops->stat(host, VOLUME_POOL, carved, &stat);

		/* left out because it could not be looked at it would not be mounted */
		if (r < 0 && r != -ENOENT)
			return r;
		if (r < 0)
			continue;
		snprintf(mount_points[count], sizeof(*mount_points), "/%s", data_paths[i].path);
		data[count] = (struct fstab_data){mount_points[count], data_paths[i].subvolume};
		count++;
	}
	data[count++] = (struct fstab_data){"/var/lib/moult", MOULT_DIRECTORY};
	return count;
}

static bool edit_fstab(struct machine *machine, const char *making, const char *root,
		       struct err *err)
{
	auto_free char *text = read_text(machine->host, root, "etc/fstab"), *edited = NULL;
	auto_fstab struct fstab fstab = {0};
	struct fstab_data data[16] = {0};
	char mount_points[16][64];
	struct fstab_adoption adoption = {
		.pool_uuid = machine->identity.pool_uuid,
		.boot_uuid = machine->identity.boot_uuid,
		.data = data,
	};
	int count = list_data(machine->host, making, data, mount_points);

	if (count < 0)
		return err_set(err, ERR_SYSTEM, -count, "cannot look at the data subvolumes");
	adoption.data_count = (size_t)count;
	if (!text)
		return err_set(err, ERR_REFUSED, 0, "cannot read /etc/fstab");
	if (!fstab_parse("/etc/fstab", text, strlen(text), &fstab, err) ||
	    !fstab_adopt(&fstab, &adoption, err))
		return false;
	edited = fstab_print(&fstab);
	return edit_file(machine->host, root, "etc/fstab", edited, err);
}

/* Stock units that would bless by themselves, or write to the loader that all entries share. */
static const char *const masked_units[] = {
	"systemd-bless-boot.service",
	"systemd-boot-update.service",
	"systemd-boot-random-seed.service",
};

static bool mask_units(struct host *host, const char *root, struct err *err)
{
	make_directory(host, root, "etc/systemd");
	make_directory(host, root, "etc/systemd/system");
	for (size_t i = 0; i < COUNT(masked_units); i++) {
		auto_free char *path = xasprintf("%s/etc/systemd/system/%s", root, masked_units[i]);
		int r;

		host->ops->remove(host, VOLUME_POOL, path);
		r = host->ops->make_symlink(host, VOLUME_POOL, "/dev/null", path);
		if (r < 0)
			return err_set(err, ERR_SYSTEM, -r, "cannot mask %s", masked_units[i]);
	}
	return true;
}

#define KERNEL_INSTALL "# moult keeps kernels on the boot volume itself\n"

static bool is_ours(const char *line, size_t length)
{
	return length + 1 == strlen(KERNEL_INSTALL) && strncmp(line, KERNEL_INSTALL, length) == 0;
}

/* Debian's hooks would copy a kernel to the ESP whenever one is installed live. */
static bool quiet_kernel_install(struct host *host, const char *root, struct err *err)
{
	auto_free char *present = read_text(host, root, "etc/kernel/install.conf"), *text = NULL;
	const char *cursor = present, *line;
	struct text kept = {0};
	size_t length;

	while (present && text_next_line(&cursor, present + strlen(present), &line, &length)) {
		/* an attempt that was cut off came to this: what follows is its own, too */
		if (is_ours(line, length))
			break;
		/* the package's postrm gives it back */
		if (length >= 7 && strncmp(line, "layout=", 7) == 0)
			text_add(&kept, "#moult#");
		text_add_bytes(&kept, line, length);
		text_add(&kept, "\n");
	}
	text_add(&kept, KERNEL_INSTALL "layout=other\n");
	text = text_take(&kept);
	make_directory(host, root, "etc/kernel");
	return edit_file(host, root, "etc/kernel/install.conf", text, err);
}

/*
 * GRUB stays installed, and the original boots by it again after an undo. Its packages would write
 * its menu and stub anew for the generation that runs, and put it first in the firmware's order: without
 * a name for its place and without a menu they do neither.
 */
static bool quiet_grub(struct host *host, const char *root, struct err *err)
{
	static const char text[] =
		"# moult boots by systemd-boot; GRUB is kept as it was for 'moult init --undo'.\n"
		"# Without this name its packages leave its files on the EFI system partition "
		"alone.\n"
		"GRUB_DISTRIBUTOR=\n";
	auto_free char *menu = xasprintf("%s/boot/grub/grub.cfg", root);
	struct host_stat stat;
	int r;

	if (host->ops->root_stat(host, root, "etc/default/grub", &stat) < 0)
		return true;
	r = host->ops->remove(host, VOLUME_POOL, menu);
	if (r < 0 && r != -ENOENT && r != -ENOTDIR)
		return err_set(err, ERR_SYSTEM, -r,
			       "cannot remove /boot/grub/grub.cfg of the copy");
	make_directory(host, root, "etc/default/grub.d");
	return edit_file(host, root, "etc/default/grub.d/moult.cfg", text, err);
}

bool adapt_root(struct machine *machine, const char *making, struct err *err)
{
	ERR_CONTEXT(err, "adapting the copy");
	struct host *host = machine->host;
	auto_free char *root = xasprintf("%s/root", making);

	make_directory(host, root, "etc/apt");
	make_directory(host, root, "etc/apt/apt.conf.d");
	/* apt replaces this file by renaming: a link in /var would become a file there */
	return edit_fstab(machine, making, root, err) && mask_units(host, root, err) &&
	       quiet_kernel_install(host, root, err) && quiet_grub(host, root, err) &&
	       edit_file(host, root, "etc/apt/apt.conf.d/10moult",
			 "Dir::State::extended_states \"/" SYSIMAGE "/apt/extended_states\";\n",
			 err);
}
