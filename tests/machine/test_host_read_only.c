/* A boot volume that takes no writes: because of its medium, of its owner, or of the kernel. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include "host_disk.h"
#include "text.h"

static struct disk disk;
static struct host *host;

static void set_up(void)
{
	disk_make(&disk);
}

static void tear_down(void)
{
	linux_host_close(host);
	host = NULL;
	disk_done(&disk);
}

static void open_with(const char *esp, bool read_only)
{
	struct err err = {0};
	struct linux_options options = {
		.sysroot = disk.image, .esp = esp, .need_boot = true, .read_only = read_only};

	if (!linux_host_open(&options, &host, &err))
		ck_abort_msg("%s", err.text);
}

static void assert_only_read(const char *path, const char *content)
{
	ck_text(get(host, VOLUME_BOOT, path), content);
	ck_assert_int_eq(host->ops->writable(host, VOLUME_BOOT), -EROFS);
	ck_assert_int_eq(host->ops->write(host, VOLUME_BOOT, "new", "x", 1), -EROFS);
	ck_assert_int_eq(host->ops->write(host, VOLUME_BOOT, path, "x", 1), -EROFS);
	ck_assert_int_eq(host->ops->write_at(host, VOLUME_BOOT, path, 0, "x", 1), -EROFS);
	ck_assert_int_eq(host->ops->remove(host, VOLUME_BOOT, path), -EROFS);
	ck_assert_int_eq(host->ops->make_directory(host, VOLUME_BOOT, "d", 0755), -EROFS);
	ck_assert_int_eq(host->ops->rename(host, VOLUME_BOOT, path, "other"), -EROFS);
	ck_text(get(host, VOLUME_BOOT, path), content);
}

/* --- the medium --------------------------------------------------------------------------------- */

static char *esp_alone(void)
{
	char *image = disk_path(&disk, "esp");

	run("dd if=%s of=%s bs=1M skip=1 count=64 status=none conv=sparse", disk.image, image);
	return image;
}

START_TEST(a_medium_that_is_write_protected_is_looked_at)
{
	auto_free char *image = esp_alone();
	auto_free char *device = output_of("losetup --find --show --read-only %s", image);

	open_with(device, false);
	assert_only_read("loader/loader.conf", "timeout 3\n");
	linux_host_close(host);
	/* whoever only looks is told, too */
	open_with(device, true);
	ck_assert_int_eq(host->ops->writable(host, VOLUME_BOOT), -EROFS);
	linux_host_close(host);
	host = NULL;
	run("losetup --detach %s", device);
}
END_TEST

START_TEST(an_image_on_a_medium_that_takes_no_writes_is_looked_at)
{
	auto_free char *image = esp_alone();
	auto_free char *folder = disk_path(&disk, "folder"), *path = disk_path(&disk, "folder/esp");

	run("mkdir %s && mv %s %s && mount --bind %s %s && mount -o remount,bind,ro %s", folder,
	    image, path, folder, folder, folder);
	open_with(path, false);
	assert_only_read("loader/loader.conf", "timeout 3\n");
	linux_host_close(host);
	host = NULL;
	run("umount %s", folder);
}
END_TEST

/* An attribute of FAT's, which binds DOS: root on Linux writes to such a file, and removes it. */
START_TEST(a_file_that_calls_itself_read_only_is_written_to)
{
	auto_free char *image = esp_alone();

	run("mcopy -i %s ::loader/loader.conf ::x && mcopy -i %s ::x ::y && mcopy -i %s ::x ::z && "
	    "mmd -i %s ::d && mcopy -i %s ::x ::d/x && "
	    "mattrib -i %s +r ::x ::y ::z ::d/x ::d",
	    image, image, image, image, image, image);
	open_with(image, false);
	ck_assert_int_eq(host->ops->writable(host, VOLUME_BOOT), 0);
	put(host, VOLUME_BOOT, "x", "new");
	ck_assert_int_eq(host->ops->write_at(host, VOLUME_BOOT, "y", 0, "T", 1), 0);
	ck_text(get(host, VOLUME_BOOT, "y"), "Timeout 3\n");
	ck_assert_int_eq(host->ops->rename(host, VOLUME_BOOT, "x", "y"), 0);
	ck_text(get(host, VOLUME_BOOT, "y"), "new");
	ck_assert_int_eq(host->ops->remove(host, VOLUME_BOOT, "y"), 0);
	put(host, VOLUME_BOOT, "d/y", "new");
	ck_assert_int_eq(host->ops->remove_tree(host, VOLUME_BOOT, "d"), 0);
	ck_text(names_in(host, VOLUME_BOOT, ""), "loader/ z");
}
END_TEST

START_TEST(a_pool_that_takes_no_writes_is_refused)
{
	auto_free char *device = output_of("losetup --find --show --read-only %s", disk.image);

	refused(&(struct linux_options){.sysroot = device}, "its medium is write-protected");
	run("losetup --detach %s", device);
}
END_TEST

/* --- mounted elsewhere -------------------------------------------------------------------------- */

struct elsewhere {
	char *device, *a, *b;
};

/* ext4, which every kernel has; what is said of it is true of FAT, too. */
static struct elsewhere mount_elsewhere(void)
{
	auto_free char *image = disk_path(&disk, "ext4");
	struct elsewhere elsewhere = {.a = disk_path(&disk, "a"), .b = disk_path(&disk, "b")};

	run("truncate -s 16M %s && mkfs.ext4 -q %s", image, image);
	elsewhere.device = output_of("losetup --find --show %s", image);
	run("mkdir %s %s && mount %s %s && echo old >%s/f && mount --bind %s %s", elsewhere.a,
	    elsewhere.b, elsewhere.device, elsewhere.a, elsewhere.a, elsewhere.a, elsewhere.b);
	return elsewhere;
}

static void unmount_elsewhere(struct elsewhere *elsewhere)
{
	linux_host_close(host);
	host = NULL;
	run("umount %s %s", elsewhere->a, elsewhere->b);
	run("losetup --detach %s", elsewhere->device);
	free(elsewhere->device);
	free(elsewhere->a);
	free(elsewhere->b);
}

/* "ro" or "rw", of the file system below a mount */
static char *below(const char *where)
{
	return output_of("awk '$5 == \"%s\" {print substr($NF, 1, 2)}' /proc/self/mountinfo",
			 where);
}

/* Whoever only looks changes nothing of it. */
static void assert_looks_only(const struct elsewhere *elsewhere, int writable)
{
	open_with(elsewhere->device, true);
	ck_assert_int_eq(host->ops->writable(host, VOLUME_BOOT), writable);
	ck_text(below(elsewhere->a), "ro");
	ck_text(below(elsewhere->b), "ro");
}

START_TEST(what_its_owner_mounted_read_only_is_written_to_and_stays_so)
{
	struct elsewhere elsewhere = mount_elsewhere();

	run("mount -o remount,bind,ro %s && mount -o remount,ro %s", elsewhere.b, elsewhere.a);
	ck_text(below(elsewhere.b), "ro");
	open_with(elsewhere.device, false);
	ck_assert_int_eq(host->ops->writable(host, VOLUME_BOOT), 0);
	put(host, VOLUME_BOOT, "f", "new");
	ck_assert_int_eq(host->ops->sync(host, VOLUME_BOOT), 0);
	/* not by anybody else */
	run("! touch %s/g 2>/dev/null && ! touch %s/g 2>/dev/null", elsewhere.a, elsewhere.b);
	ck_text(output_of("cat %s/f", elsewhere.a), "new");
	linux_host_close(host);
	ck_text(below(elsewhere.a), "ro");
	assert_looks_only(&elsewhere, -EPERM);
	unmount_elsewhere(&elsewhere);
}
END_TEST

/* As after an error: one of the mounts is still for writing, and the file system is not. */
START_TEST(what_the_kernel_made_read_only_is_only_read)
{
	struct elsewhere elsewhere = mount_elsewhere();

	run("mount -o remount,ro %s", elsewhere.a);
	open_with(elsewhere.device, false);
	assert_only_read("f", "old\n");
	linux_host_close(host);
	assert_looks_only(&elsewhere, -EROFS);
	unmount_elsewhere(&elsewhere);
}
END_TEST

START_TEST(what_is_mounted_for_writing_is_written_to)
{
	struct elsewhere elsewhere = mount_elsewhere();

	open_with(elsewhere.device, false);
	put(host, VOLUME_BOOT, "f", "new");
	ck_assert_int_eq(host->ops->writable(host, VOLUME_BOOT), 0);
	linux_host_close(host);
	host = NULL;
	ck_text(below(elsewhere.a), "rw");
	run("touch %s/g", elsewhere.b);
	unmount_elsewhere(&elsewhere);
}
END_TEST

TCase *host_read_only_case(void)
{
	TCase *group = tcase_create("read_only");

	tcase_add_checked_fixture(group, set_up, tear_down);
	tcase_add_test(group, a_medium_that_is_write_protected_is_looked_at);
	tcase_add_test(group, an_image_on_a_medium_that_takes_no_writes_is_looked_at);
	tcase_add_test(group, a_file_that_calls_itself_read_only_is_written_to);
	tcase_add_test(group, a_pool_that_takes_no_writes_is_refused);
	tcase_add_test(group, what_its_owner_mounted_read_only_is_written_to_and_stays_so);
	tcase_add_test(group, what_the_kernel_made_read_only_is_only_read);
	tcase_add_test(group, what_is_mounted_for_writing_is_written_to);
	return group;
}
