/* linux - the real host, put together: opened, closed, and its table of calls. */
#include "linux.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include "linux_internal.h"

#define RUN_DIRECTORY "/run/moult"

static const struct host_ops linux_ops = {
	.read = linux_read,
	.read_tail = linux_read_tail,
	.stat = linux_stat,
	.list = linux_list,
	.read_link = linux_read_link,
	.digest = linux_digest,
	.digest_medium = linux_digest_medium,
	.read_medium = linux_read_medium,
	.space = linux_space,
	.check = linux_check,
	.repair = linux_repair,
	.unclean = linux_unclean,
	.writable = linux_writable,
	.sleep = linux_sleep,
	.identity = linux_identity,
	.root_read = linux_root_read,
	.root_stat = linux_root_stat,
	.root_list = linux_root_list,
	.root_digest = linux_root_digest,
	.list_initrd = linux_list_initrd,
	.write = linux_write,
	.write_at = linux_write_at,
	.append = linux_append,
	.make_directory = linux_make_directory,
	.make_symlink = linux_make_symlink,
	.rename = linux_rename,
	.exchange = linux_exchange,
	.remove = linux_remove,
	.remove_tree = linux_remove_tree,
	.copy = linux_copy,
	.copy_attributes = linux_copy_attributes,
	.get_xattr = linux_get_xattr,
	.remove_xattrs = linux_remove_xattrs,
	.sync = linux_sync,
	.snapshot = linux_snapshot,
	.create_subvolume = linux_create_subvolume,
	.delete_subvolume = linux_delete_subvolume,
	.subvolume = linux_subvolume,
	.list_subvolumes = linux_list_subvolumes,
	.exclusive_bytes = linux_exclusive_bytes,
	.changed_since = linux_changed_since,
	.differ = linux_differ,
	.get_default = linux_get_default,
	.set_default = linux_set_default,
	.send = linux_send,
	.compare = linux_compare,
	.links = linux_links,
	.text_difference = linux_text_difference,
	.run_stage = linux_run_stage,
	.clock = linux_clock,
	.running = linux_running,
	.lock = linux_lock,
	.unlock = linux_unlock,
	.package_lock = linux_package_lock,
	.package_unlock = linux_package_unlock,
	.failed_units = linux_failed_units,
	.default_routes = linux_default_routes,
	.mount_points = linux_mount_points,
	.surroundings = linux_surroundings,
	.network = linux_network,
	.clock_synchronised = linux_clock_synchronised,
	.utc_offset = linux_utc_offset,
	.swap_files = linux_swap_files,
	.run_program = linux_run_program,
	.reboot = linux_reboot,
	.loader_entries = linux_loader_entries,
	.firmware = linux_firmware,
	.set_boot_order = linux_set_boot_order,
	.remove_boot_option = linux_remove_boot_option,
	.publish_status = linux_publish_status,
	.reboot_required = linux_reboot_required,
	.hibernation = linux_hibernation,
	.log = linux_log,
	.interrupted = linux_interrupted,
};

static struct linux_host *linux_new(const struct linux_options *options)
{
	struct linux_host *host = xcalloc(1, sizeof(*host));

	*host = (struct linux_host){
		.host = {.ops = &linux_ops},
		.live = !options->sysroot,
		.read_only = options->read_only,
		.image_fd = -1,
		.esp_image_fd = -1,
		.lock_fd = -1,
		.package_fds = {-1, -1},
	};
	for (int i = 0; i < VOLUME_COUNT; i++) {
		host->volumes[i].fd = -1;
		host->volumes[i].device_fd = -1;
		host->volumes[i].image_fd = -1;
	}
	return host;
}

/* Our mounts are seen by nobody else; what is unmounted outside goes away here too. */
static bool enter_namespace(struct err *err)
{
	if (unshare(CLONE_NEWNS) < 0)
		return err_set(err, ERR_SYSTEM, errno, "cannot enter a mount namespace");
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return err_set(err, ERR_SYSTEM, errno, "cannot make the mounts private");
	return true;
}

static bool make_directory(struct linux_host *host, struct err *err)
{
	char temporary[] = "/tmp/moult-XXXXXX";

	if ((mkdir(RUN_DIRECTORY, 0755) == 0 || errno == EEXIST) &&
	    access(RUN_DIRECTORY, W_OK) == 0) {
		host->directory = xstrdup(RUN_DIRECTORY);
		return true;
	}
	if (!mkdtemp(temporary))
		return err_set(err, ERR_SYSTEM, errno, "cannot make a directory in /run or /tmp");
	host->directory = xstrdup(temporary);
	host->directory_is_temporary = true;
	return true;
}

bool linux_host_open(const struct linux_options *options, struct host **ret_host, struct err *err)
{
	struct linux_host *host;

	if (geteuid() != 0) {
		err_set(err, ERR_SYSTEM, 0, "only root may look at and change file systems");
		return err_try(err, "sudo moult …");
	}
	host = linux_new(options);
	if (!enter_namespace(err) || !make_directory(host, err) || !find_pool(host, options, err) ||
	    !find_boot(host, options, err)) {
		linux_host_close(&host->host);
		return false;
	}
	signals_install();
	*ret_host = &host->host;
	return true;
}

static void volume_close(struct linux_host *host, enum volume which)
{
	struct linux_volume *volume = &host->volumes[which];

	if (volume->access && !host->read_only)
		volume->access->sync(volume);
	volume_unmount(host, which);
	if (volume->device_fd >= 0)
		close(volume->device_fd);
	free(volume->device);
	free(volume->type);
	free(volume->uuid);
}

static void remove_directory(const struct linux_host *host)
{
	auto_free char *pool = xasprintf("%s/pool", host->directory);
	auto_free char *boot = xasprintf("%s/boot", host->directory);

	rmdir(pool);
	rmdir(boot);
	rmdir(host->directory);
}

void linux_host_close(struct host *host)
{
	struct linux_host *own = host ? linux_of(host) : NULL;

	if (!own)
		return;
	linux_package_unlock(host);
	linux_unlock(host);
	volume_close(own, VOLUME_BOOT);
	volume_close(own, VOLUME_POOL);
	if (own->directory_is_temporary)
		remove_directory(own);
	if (own->image_fd >= 0)
		close(own->image_fd);
	if (own->esp_image_fd >= 0)
		close(own->esp_image_fd);
	free(own->directory);
	free(own->where);
	free(own->disk);
	free(own->boot_where);
	free(own);
}
