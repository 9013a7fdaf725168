/* linux_esp - finding what the loader reads: as told, as booted, as mounted, or beside the pool. */
#include <blkid/blkid.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <libmount/libmount.h>
#include <string.h>
#include <sys/sysmacros.h>
#include "linux_internal.h"

#define ESP_HINT "sudo moult --esp DEVICE ..."

/* Where distributions mount it; the first that is FAT counts. */
static const char *const places[] = {"/boot/efi", "/efi", "/boot"};

DEFINE_AUTO(table, struct libmnt_table *, mnt_unref_table)
#define auto_table __attribute__((cleanup(auto_table_)))

/* The device with this partition UUID, as the loader noted it. */
static char *device_of_loader(void)
{
	auto_free char *uuid = NULL;

	if (loader_variable("LoaderDevicePartUUID", &uuid) < 0)
		return NULL;
	for (char *at = uuid; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	return blkid_evaluate_tag("PARTUUID", uuid, NULL);
}

static char *device_in_mounts(void)
{
	auto_table struct libmnt_table *table = mnt_new_table_from_file("/proc/self/mountinfo");
	char *device = NULL;

	for (size_t i = 0; table && i < COUNT(places); i++) {
		/* backwards: what is mounted above an automount point */
		struct libmnt_fs *fs = mnt_table_find_target(table, places[i], MNT_ITER_BACKWARD);

		if (fs && text_equal(mnt_fs_get_fstype(fs), "vfat") &&
		    device_path(mnt_fs_get_devno(fs), &device) == 0)
			return device;
	}
	return NULL;
}

static char *device_in_fstab(void)
{
	auto_table struct libmnt_table *table = mnt_new_table_from_file("/etc/fstab");

	for (size_t i = 0; table && i < COUNT(places); i++) {
		struct libmnt_fs *fs = mnt_table_find_target(table, places[i], MNT_ITER_FORWARD);
		char *device;

		if (!fs || !text_equal(mnt_fs_get_fstype(fs), "vfat"))
			continue;
		device = mnt_resolve_spec(mnt_fs_get_source(fs), NULL);
		if (device && device[0] == '/')
			return device;
		free(device);
	}
	return NULL;
}

/* The disk that the pool is a partition of. */
static char *disk_of_pool(const struct linux_host *host)
{
	const char *device = host->volumes[VOLUME_POOL].device;
	struct partition partition;
	char *disk = NULL;
	struct stat st;

	if (host->disk)
		return xstrdup(host->disk);
	if (!device || stat(device, &st) < 0 || partition_parent(st.st_rdev, &disk, &partition) < 0)
		return NULL;
	return disk;
}

static bool mount_boot(struct linux_host *host, const char *directory, struct err *err)
{
	struct linux_volume *boot = &host->volumes[VOLUME_BOOT];
	int result;

	if (!boot->type && !directory)
		return err_set(err, ERR_REFUSED, 0,
			       "the EFI system partition on %s holds no file system that is known",
			       host->boot_where);
	result = volume_mount(host, VOLUME_BOOT, directory);
	if (result == -EINVAL)
		return err_set(err, ERR_REFUSED, 0,
			       "%s holds %s, which moult does not use as a boot volume",
			       text_quote(host->boot_where), boot->type);
	if (result < 0)
		return err_set(err, ERR_SYSTEM, -result, "cannot mount the boot volume %s",
			       text_quote(host->boot_where));
	return true;
}

static bool boot_of_container(struct linux_host *host, struct container *container, struct err *err)
{
	struct linux_volume *boot = &host->volumes[VOLUME_BOOT];
	struct choice choice = {.device_fd = -1};
	bool chosen = container_choose(container, PARTITION_ESP, &choice, err);

	host->boot_where = choice.where;
	if (!chosen || !volume_take(boot, &choice, err))
		return false;
	/* for flushing; a loop device that is attached comes with one */
	if (boot->device_fd < 0)
		boot->device_fd = open(boot->device, O_RDONLY | O_CLOEXEC);
	return mount_boot(host, NULL, err);
}

static bool boot_of_path(struct linux_host *host, const char *path, bool in_use, struct err *err)
{
	auto_container struct container container = {
		.path = path,
		.fd = -1,
		.read_only = host->read_only,
		.may_be_protected = true,
		.in_use = in_use,
	};

	if (!container_open(&container, err) || !boot_of_container(host, &container, err))
		return false;
	if (container.image)
		host->esp_image_fd = host->volumes[VOLUME_BOOT].image_fd = take_fd(&container.fd);
	return true;
}

/* The image that carries the pool: already open and locked, by a lock we would meet ourselves. */
static bool boot_of_image(struct linux_host *host, const char *path, struct err *err)
{
	auto_container struct container container = {
		.path = path,
		.fd = fcntl(host->image_fd, F_DUPFD_CLOEXEC, 3),
		.read_only = host->read_only,
		.image = true,
	};

	if (!container_read(&container, err) || !boot_of_container(host, &container, err))
		return false;
	host->volumes[VOLUME_BOOT].image_fd = host->image_fd;
	return true;
}

static bool boot_of_directory(struct linux_host *host, const struct stat *st, const char *path,
			      struct err *err)
{
	struct linux_volume *boot = &host->volumes[VOLUME_BOOT];
	struct probe probe = {0};

	host->boot_where = xstrdup(path);
	if (major(st->st_dev) != 0 && device_path(st->st_dev, &boot->device) == 0)
		boot->device_fd = open(boot->device, O_RDONLY | O_CLOEXEC);
	if (boot->device_fd >= 0 && probe_fd(boot->device_fd, &probe) == 0) {
		boot->type = take(probe.type);
		boot->uuid = take(probe.uuid);
		probe_done(&probe);
	}
	return mount_boot(host, path, err);
}

static bool boot_as_told(struct linux_host *host, const char *path, struct err *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return err_set(err, ERR_SYSTEM, errno, "cannot open %s", text_quote(path));
	return S_ISDIR(st.st_mode) ? boot_of_directory(host, &st, path, err)
				   : boot_of_path(host, path, false, err);
}

static bool boot_of_live(struct linux_host *host, bool *ret_found, struct err *err)
{
	char *(*const finders[])(void) = {device_of_loader, device_in_mounts, device_in_fstab};

	for (size_t i = 0; i < COUNT(finders); i++) {
		auto_free char *device = finders[i]();

		if (!device)
			continue;
		*ret_found = true;
		return boot_of_path(host, device, true, err);
	}
	return true;
}

static bool boot_found(struct linux_host *host, struct err *err)
{
	auto_free char *disk = NULL;
	bool found = false;

	if (host->live && (!boot_of_live(host, &found, err) || found))
		return found && host->volumes[VOLUME_BOOT].access;
	disk = disk_of_pool(host);
	if (!disk) {
		err_set(err, ERR_REFUSED, 0, "no boot volume was found for %s",
			text_quote(host->where));
		return err_try(err, ESP_HINT);
	}
	if (host->image_fd >= 0 ? boot_of_image(host, disk, err)
				: boot_of_path(host, disk, false, err))
		return true;
	return err->hint[0] ? false : err_try(err, ESP_HINT);
}

bool find_boot(struct linux_host *host, const struct linux_options *options, struct err *err)
{
	struct err ignored;

	if (options->esp)
		return boot_as_told(host, options->esp, err) ||
		       (err->hint[0] ? false : err_try(err, "lsblk --fs"));
	return boot_found(host, options->need_boot ? err : &ignored) || !options->need_boot;
}
