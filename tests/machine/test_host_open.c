/* What may be opened as a machine, and what is refused with which sentence. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "host_disk.h"
#include "linux_internal.h"
#include "text.h"

static struct disk disk;

static void set_up(void)
{
	disk_make(&disk);
}

static void tear_down(void)
{
	disk_done(&disk);
}

static void try_open(const char *path, const char *sentence_part)
{
	refused(&(struct linux_options){.sysroot = path, .need_boot = true}, sentence_part);
}

START_TEST(what_is_no_machine_is_named)
{
	auto_free char *ext4 = disk_path(&disk, "ext4"), *zeros = disk_path(&disk, "zeros");
	auto_free char *two = disk_path(&disk, "two"), *pipe = disk_path(&disk, "pipe");

	run("truncate -s 8M %s %s && mkfs.ext4 -q %s && mkfifo %s", ext4, zeros, ext4, pipe);
	try_open(ext4, "holds ext4, not Btrfs");
	try_open(zeros, "holds neither a file system nor partitions");
	try_open("/none", "No such file");
	try_open(pipe, "neither a directory nor a block device nor an image file");
	try_open("/proc", "not on Btrfs");
	run("truncate -s 400M %s && printf 'label: gpt\\nsize=150M\\nsize=150M\\n' | sfdisk -q %s",
	    two, two);
	try_open(two, "has no Btrfs partition");
	run("truncate -s 150M %s.1 && mkfs.btrfs -q %s.1 >/dev/null 2>&1 && "
	    "dd if=%s.1 of=%s bs=1M seek=1 conv=notrunc,sparse status=none && "
	    "dd if=%s.1 of=%s bs=1M seek=151 conv=notrunc,sparse status=none",
	    two, two, two, two, two, two);
	try_open(two, "has several Btrfs partitions (1 and 2)");
}
END_TEST

START_TEST(a_bare_file_system_has_no_boot_volume)
{
	auto_free char *bare = disk_path(&disk, "bare"), *boot = disk_path(&disk, "fat");
	struct host *host = NULL;
	struct host_identity identity = {0};
	struct err err = {0};
	struct host_stat st;

	run("truncate -s 150M %s && mkfs.btrfs -q %s >/dev/null 2>&1", bare, bare);
	try_open(bare, "no boot volume");
	ck_assert(linux_host_open(&(struct linux_options){.sysroot = bare}, &host, &err));
	ck_assert_int_eq(host->ops->stat(host, VOLUME_BOOT, "", &st), -ENODEV);
	ck_assert_int_eq(host->ops->sync(host, VOLUME_BOOT), -ENODEV);
	linux_host_close(host);

	run("truncate -s 4M %s && mkfs.vfat -i ABCD1234 %s >/dev/null", boot, boot);
	ck_assert(linux_host_open(
		&(struct linux_options){.sysroot = bare, .esp = boot, .need_boot = true}, &host,
		&err));
	ck_assert_int_eq(host->ops->stat(host, VOLUME_BOOT, "", &st), 0);
	ck_assert_int_eq(host->ops->identity(host, &identity), 0);
	ck_assert_str_eq(identity.boot_uuid, "ABCD-1234");
	ck_assert_str_eq(identity.boot_where, boot);
	ck_text(output_of("blkid -p -o value -s UUID %s", bare), identity.pool_uuid);
	host_identity_done(&identity);
	linux_host_close(host);
}
END_TEST

/* A real QEMU block layer that has the image open, as a running machine has. */
static pid_t start_qemu(const char *image, int *ret_stdin)
{
	int input[2], output[2];
	char byte;
	pid_t pid;

	ck_assert_int_eq(pipe2(input, O_CLOEXEC) | pipe2(output, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		dup2(input[0], STDIN_FILENO);
		dup2(output[1], STDOUT_FILENO);
		execlp("qemu-io", "qemu-io", "-f", "raw", image, (char *)NULL);
		_exit(127);
	}
	close(input[0]);
	close(output[1]);
	/* its prompt: the image is open */
	ck_assert_int_eq(read(output[0], &byte, 1), 1);
	*ret_stdin = input[1];
	return pid;
}

START_TEST(an_image_is_used_by_one_program)
{
	int input, status;
	pid_t pid = start_qemu(disk.image, &input);
	struct host *host;

	try_open(disk.image, "is in use by another program (a running virtual machine?)");
	refused(&(struct linux_options){.sysroot = disk.image, .read_only = true},
		"is in use by another program");
	close(input);
	waitpid(pid, &status, 0);
	host = open_host(disk.image);
	ck_contains(output_of("qemu-io -f raw -c 'read 0 512' %s 2>&1", disk.image),
		    "Failed to lock");
	linux_host_close(host);
	run("qemu-io -f raw -c 'read 0 512' %s >/dev/null", disk.image);
}
END_TEST

START_TEST(two_copies_are_not_mounted_at_a_time)
{
	auto_free char *copy = disk_path(&disk, "copy");
	struct host *host;

	run("cp --sparse=always %s %s", disk.image, copy);
	host = open_host(disk.image);
	try_open(copy, "is already mounted from /dev/loop");
	linux_host_close(host);
	linux_host_close(open_host(copy));
	linux_host_close(open_host(disk.image));
}
END_TEST

START_TEST(looking_changes_nothing)
{
	auto_free char *before = output_of("sha256sum <%s", disk.image);
	struct host *host = NULL;
	struct err err = {0};
	struct host_names names = {0};
	char *findings = NULL;
	struct linux_options options = {
		.sysroot = disk.image, .read_only = true, .need_boot = true};

	ck_assert_msg(linux_host_open(&options, &host, &err), "%s", err.text);
	ck_assert_int_eq(host->ops->list(host, VOLUME_POOL, "", &names), 0);
	ck_assert_int_eq(host->ops->check(host, VOLUME_BOOT, &findings), 0);
	ck_assert_int_eq(host->ops->write(host, VOLUME_POOL, "x", "x", 1), -EROFS);
	ck_assert_int_lt(host->ops->write(host, VOLUME_BOOT, "x", "x", 1), 0);
	ck_assert_int_lt(host->ops->write_at(host, VOLUME_BOOT, "loader/loader.conf", 0, "x", 1),
			 0);
	ck_assert_int_eq(host->ops->lock(host, "x", &findings), -EROFS);
	host_names_done(&names);
	linux_host_close(host);
	ck_text(output_of("sha256sum <%s", disk.image), before);
}
END_TEST

/* An upgrade must find what was said before; and that is what df says of a mount for writing. */
START_TEST(a_look_finds_as_much_space_as_there_is)
{
	static const char *const profiles[] = {"", "--mixed"};
	auto_free char *image = disk_path(&disk, "space"), *at = disk_path(&disk, "at");

	run("mkdir %s", at);
	for (size_t i = 0; i < COUNT(profiles); i++) {
		struct linux_options options = {.sysroot = image};
		struct host_space spaces[2] = {0};
		auto_free char *printed = NULL;
		unsigned long long df;

		run("rm -f %s && truncate -s 700M %s && mkfs.btrfs -q %s %s >/dev/null", image,
		    image, profiles[i], image);
		run("mount -o loop %s %s && head -c 20M /dev/zero >%s/file && sync", image, at, at);
		printed = output_of("df --output=avail -B1 %s | tail -n 1", at);
		df = strtoull(printed, NULL, 10);
		run("umount %s", at);
		for (int look = 0; look < 2; look++) {
			struct host *host = NULL;

			options.read_only = look == 1;
			ck_assert(linux_host_open(&options, &host, &(struct err){0}));
			ck_assert_int_eq(host->ops->space(host, VOLUME_POOL, &spaces[look]), 0);
			linux_host_close(host);
		}
		ck_assert_uint_eq(spaces[0].free_bytes, df);
		ck_assert_uint_eq(spaces[1].free_bytes, df);
		ck_assert_uint_eq(spaces[1].metadata_free_bytes, spaces[0].metadata_free_bytes);
	}
}
END_TEST

START_TEST(a_device_and_a_directory_will_do)
{
	auto_free char *at = disk_path(&disk, "mnt");
	auto_free char *whole = output_of("losetup -f --show %s", disk.image);
	auto_free char *part = NULL;
	struct host *host = open_host(whole);

	put(host, VOLUME_POOL, "made-by-device", "1");
	ck_text(names_in(host, VOLUME_BOOT, ""), "loader/");
	linux_host_close(host);
	run("losetup -d %s", whole);

	part = output_of("losetup -f --show -o %d --sizelimit %d %s", 65 << 20, 316 << 20,
			 disk.image);
	run("mkdir %s && mount -t btrfs %s %s", at, part, at);
	run("btrfs -q subvolume create %s/sub", at);
	run("umount %s && mount -t btrfs -o subvol=sub %s %s", at, part, at);
	ck_assert(linux_host_open(&(struct linux_options){.sysroot = at}, &host, &(struct err){0}));
	/* the pool is the whole file system, not the subvolume that is mounted there */
	ck_text(names_in(host, VOLUME_POOL, ""), "etc/ made-by-device sub/");
	linux_host_close(host);
	/* a look, while it is mounted for writing elsewhere */
	ck_assert(linux_host_open(&(struct linux_options){.sysroot = at, .read_only = true}, &host,
				  &(struct err){0}));
	ck_assert_int_eq(host->ops->write(host, VOLUME_POOL, "x", "x", 1), -EROFS);
	run("touch %s/still-writable", at);
	linux_host_close(host);
	run("umount %s && losetup -d %s", at, part);
}
END_TEST

/* The image's @rootfs becomes / of this process, as if it had booted. */
static void enter_root(void)
{
	auto_free char *at = disk_path(&disk, "root");
	auto_free char *device = output_of("losetup -f --show -o %d --sizelimit %d %s", 65 << 20,
					   316 << 20, disk.image);

	run("mkdir %s && mount -t btrfs %s %s && btrfs -q subvolume create %s/@rootfs && "
	    "mkdir %s/@rootfs/proc %s/@rootfs/sys %s/@rootfs/dev %s/@rootfs/run %s/@rootfs/etc && "
	    "umount %s && mount -t btrfs -o subvol=@rootfs %s %s",
	    at, device, at, at, at, at, at, at, at, at, device, at);
	run("losetup -d %s", device); /* now it goes with the mount */
	run("mount --rbind /proc %s/proc && mount --rbind /sys %s/sys && "
	    "mount --rbind /dev %s/dev && mount -t tmpfs run %s/run",
	    at, at, at, at);
	ck_assert_int_eq(chdir(at) | mount(at, "/", NULL, MS_MOVE, NULL), 0);
	ck_assert_int_eq(chroot(".") | chdir("/"), 0);
}

/* In a process of its own: the one that runs the fixture needs its directories afterwards. */
static void in_root(void (*body)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		enter_root();
		body();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	ck_assert_int_eq(status, 0);
}

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

static void look_at_running(void)
{
	struct host_running running = {0};
	struct host_strings points = {0};
	struct host *host = NULL;
	struct err err = {0};
	struct host_stat st;

	if (!linux_host_open(&(struct linux_options){.sysroot = NULL}, &host, &err))
		fprintf(stderr, "%s\n", err.text);
	MUST(host);
	MUST(host->ops->running(host, &running) == 0);
	MUST(strcmp(running.root_path, "@rootfs") == 0 && !running.lower_path);
	MUST(running.command_line[0] && strlen(running.boot_id) == 36);
	MUST(host->ops->stat(host, VOLUME_POOL, "@rootfs", &st) == 0 && st.subvolume);
	MUST(host->ops->mount_points(host, &points) == 0);
	MUST(host_strings_have(&points, "/") && host_strings_have(&points, "/run"));
	MUST(!host_strings_have(&points, "/run/moult/pool"));
	/* the live package state, whatever the pool's view of the root shows */
	MUST(mkdir("/var", 0755) == 0 && mkdir("/var/lib", 0755) == 0 &&
	     mkdir("/var/lib/dpkg", 0755) == 0);
	MUST(host->ops->package_lock(host, "@rootfs", 0) == 0);
	MUST(access("/var/lib/dpkg/lock-frontend", F_OK) == 0);
	/* the exchange that makes the running root generation 1 */
	MUST(host->ops->snapshot(host, "@rootfs", "copy", false) == 0);
	MUST(host->ops->exchange(host, VOLUME_POOL, "@rootfs", "copy") == 0);
	host_running_done(&running);
	MUST(host->ops->running(host, &running) == 0);
	MUST(strcmp(running.root_path, "copy") == 0);
	linux_host_close(host);
}

START_TEST(the_running_system_is_found)
{
	in_root(look_at_running);
}
END_TEST

static void look_from_volatile(void)
{
	struct host_running running = {0};
	struct host *host = NULL;
	struct err err = {0};

	MUST(mkdir("/run/moult", 0755) == 0 && mkdir("/run/moult/lower", 0755) == 0 &&
	     mkdir("/run/upper", 0755) == 0 && mkdir("/run/upper/u", 0755) == 0 &&
	     mkdir("/run/upper/w", 0755) == 0 && mkdir("/run/root", 0755) == 0);
	MUST(mount("/", "/run/moult/lower", NULL, MS_BIND, NULL) == 0);
	MUST(mount("overlay", "/run/root", "overlay", 0,
		   "lowerdir=/run/moult/lower,upperdir=/run/upper/u,workdir=/run/upper/w") == 0);
	MUST(mount("/proc", "/run/root/proc", NULL, MS_BIND | MS_REC, NULL) == 0);
	MUST(mount("/sys", "/run/root/sys", NULL, MS_BIND | MS_REC, NULL) == 0);
	MUST(mount("/dev", "/run/root/dev", NULL, MS_BIND | MS_REC, NULL) == 0);
	MUST(mount("/run", "/run/root/run", NULL, MS_BIND | MS_REC, NULL) == 0);
	MUST(chroot("/run/root") == 0 && chdir("/") == 0);
	if (!linux_host_open(&(struct linux_options){.sysroot = NULL}, &host, &err))
		fprintf(stderr, "%s\n", err.text);
	MUST(host);
	MUST(host->ops->running(host, &running) == 0);
	MUST(strcmp(running.lower_path, "@rootfs") == 0);
	MUST(strcmp(running.root_path, "@rootfs") == 0);
	linux_host_close(host);
}

START_TEST(a_volatile_session_knows_what_is_below)
{
	in_root(look_from_volatile);
}
END_TEST

TCase *host_open_case(void)
{
	TCase *group = tcase_create("open");

	tcase_add_checked_fixture(group, set_up, tear_down);
	tcase_add_test(group, what_is_no_machine_is_named);
	tcase_add_test(group, a_bare_file_system_has_no_boot_volume);
	tcase_add_test(group, an_image_is_used_by_one_program);
	tcase_add_test(group, two_copies_are_not_mounted_at_a_time);
	tcase_add_test(group, looking_changes_nothing);
	tcase_add_test(group, a_look_finds_as_much_space_as_there_is);
	tcase_add_test(group, a_device_and_a_directory_will_do);
	tcase_add_test(group, the_running_system_is_found);
	tcase_add_test(group, a_volatile_session_knows_what_is_below);
	return group;
}
