/* The machine in memory behaves like the one it stands for, as far as moult can tell. */
#include <string.h>
#include "fake_host.h"
#include "text.h"
#include "unit.h"

#define POOL VOLUME_POOL
#define BOOT VOLUME_BOOT

/* do_(write, POOL, "a", "1", 1) */
#define do_(call, ...) fake->host.ops->call(&fake->host, ##__VA_ARGS__)
#define ok(call, ...) ck_assert_int_eq(do_(call, __VA_ARGS__), 0)
#define fails(errnum, call, ...) ck_assert_int_eq(do_(call, __VA_ARGS__), -(errnum))

static void check_text(struct fake_host *fake, enum volume volume, const char *path,
		       const char *wanted)
{
	const char *text = fake_host_text(fake, volume, path);

	ck_assert_msg(wanted ? text && strcmp(text, wanted) == 0 : !text, "%s is %s", path,
		      text ? text : "not there");
}

START_TEST(files)
{
	auto_fake_host struct fake_host *fake = fake_host_new();
	auto_host_bytes struct host_bytes bytes = {0};
	struct host_stat stat;

	ok(write, BOOT, "a", "12345", 5);
	ok(write_at, BOOT, "a", 1, "x", 1);
	check_text(fake, BOOT, "a", "1x345");
	fails(EINVAL, write_at, BOOT, "a", 5, "x", 1);
	fails(EINVAL, write_at, BOOT, "a", 4, "xy", 2);
	fails(ENOENT, write_at, BOOT, "b", 0, "x", 1);
	ok(append, BOOT, "a", "67", 2);
	ok(append, BOOT, "b", "new", 3);
	fails(EFBIG, read, BOOT, "a", 6, &bytes);
	ok(read, BOOT, "a", 7, &bytes);
	ck_assert_str_eq(bytes.bytes, "1x34567");
	ok(stat, BOOT, "a", &stat);
	ck_assert_uint_eq(stat.size_bytes, 7);
	ck_assert_uint_eq(stat.mode, 0644);
	ck_assert_int_eq(stat.type, HOST_FILE);
	fails(ENOENT, write, BOOT, "no/where", "x", 1);
	fails(ENOTDIR, write, BOOT, "a/b", "x", 1);
	fails(EISDIR, read, BOOT, "", 1, &bytes);
	fails(EINVAL, write, BOOT, "/a", "x", 1);
	fails(EPERM, make_symlink, BOOT, "a", "link");
	ok(remove, BOOT, "a");
	fails(ENOENT, remove, BOOT, "a");
	fails(ENOENT, stat, BOOT, "a", &stat);
}
END_TEST

START_TEST(directories)
{
	auto_fake_host struct fake_host *fake = fake_host_new();
	auto_host_names struct host_names names = {0};
	auto_free char *target = NULL;

	ok(make_directory, POOL, "d", 0700);
	fails(EEXIST, make_directory, POOL, "d", 0700);
	ok(write, POOL, "d/b", "1", 1);
	ok(make_directory, POOL, "d/a", 0755);
	ok(make_symlink, POOL, "b", "d/c");
	ok(write, POOL, "d/a/deep", "1", 1);
	ok(list, POOL, "d", &names);
	ck_assert_uint_eq(names.count, 3);
	ck_assert_str_eq(names.names[0].name, "a");
	ck_assert_int_eq(names.names[2].type, HOST_SYMLINK);
	ok(read_link, POOL, "d/c", &target);
	ck_assert_str_eq(target, "b");
	fails(EINVAL, read_link, POOL, "d/b", &target);
	fails(ENOTDIR, list, POOL, "d/b", &names);
	fails(ENOTEMPTY, remove, POOL, "d");
	ok(remove_tree, POOL, "d");
	check_text(fake, POOL, "d/a/deep", NULL);
	fails(ENOENT, remove_tree, POOL, "d");
}
END_TEST

START_TEST(renames)
{
	auto_fake_host struct fake_host *fake = fake_host_new();

	fake_host_put(fake, POOL, "a/x", "1");
	fake_host_put(fake, POOL, "b/y", "2");
	fails(ENOTEMPTY, rename, POOL, "a", "b");
	fails(EISDIR, rename, POOL, "a/x", "b");
	fails(ENOTDIR, rename, POOL, "a", "b/y");
	fails(EINVAL, rename, POOL, "a", "a/z");
	fails(ENOENT, rename, POOL, "c", "d");
	ok(rename, POOL, "a/x", "a/x");
	ok(rename, POOL, "a/x", "b/y");
	check_text(fake, POOL, "b/y", "1");
	ok(rename, POOL, "b", "a");
	check_text(fake, POOL, "a/y", "1");
	fake_host_put(fake, POOL, "b/z", "3");
	ok(exchange, POOL, "a", "b");
	check_text(fake, POOL, "a/z", "3");
	check_text(fake, POOL, "b/y", "1");
	fails(EINVAL, exchange, POOL, "a/z", "a");
	fails(ENOENT, exchange, POOL, "a", "c");
	fails(ENOENT, exchange, BOOT, "a", "b");
}
END_TEST

START_TEST(snapshots)
{
	auto_fake_host struct fake_host *fake = fake_host_new();
	struct host_names names = {0};
	struct host_stat stat;

	fake_host_put_subvolume(fake, "root");
	fake_host_put(fake, POOL, "root/etc/fstab", "1");
	fake_host_put_subvolume(fake, "root/srv");
	fake_host_put(fake, POOL, "root/srv/data", "2");
	ok(snapshot, "root", "copy", false);
	ok(snapshot, "root", "sealed", true);
	check_text(fake, POOL, "copy/etc/fstab", "1");
	check_text(fake, POOL, "copy/srv/data", NULL);
	ok(stat, POOL, "copy/srv", &stat);
	ck_assert(!stat.subvolume);
	ok(list, POOL, "sealed/srv", &names);
	ck_assert_uint_eq(names.count, 0);
	ok(write, POOL, "copy/etc/fstab", "3", 1);
	check_text(fake, POOL, "root/etc/fstab", "1");
	fails(EROFS, write, POOL, "sealed/etc/fstab", "3", 1);
	fails(EROFS, remove, POOL, "sealed/etc/fstab");
	fails(EINVAL, snapshot, "root/etc", "x", false);
	fails(ENOENT, snapshot, "nothing", "x", false);
	fails(EEXIST, snapshot, "root", "copy", false);
	fails(EXDEV, remove_tree, POOL, "root");
	fails(EPERM, remove, POOL, "copy");
	fails(ENOTEMPTY, delete_subvolume, "root");
	ok(delete_subvolume, "root/srv");
	ok(delete_subvolume, "root");
	fails(ENOENT, delete_subvolume, "root");
	fails(EINVAL, delete_subvolume, "copy/etc");
	ok(delete_subvolume, "sealed");
}
END_TEST

START_TEST(subvolumes)
{
	auto_fake_host struct fake_host *fake = fake_host_new();
	auto_host_subvolume struct host_subvolume one = {0}, two = {0};
	auto_host_names struct host_names all = {0};

	fake_host_put_subvolume(fake, "a/one");
	fake_host_put_subvolume(fake, "a/one/two");
	ok(subvolume, "a/one", &one);
	ok(subvolume, "a/one/two", &two);
	ck_assert_uint_eq(one.parent_id, 5);
	ck_assert_uint_eq(two.parent_id, one.id);
	ck_assert_uint_ne(two.id, one.id);
	fails(EINVAL, subvolume, "a", &one);
	fails(ENOENT, subvolume, "b", &one);
	ok(list_subvolumes, &all);
	ck_assert_uint_eq(all.count, 2);
	host_subvolume_done(&one);
	ok(write, POOL, "a/one/file", "1", 1);
	ok(subvolume, "a/one", &one);
	ck_assert_uint_gt(one.transid, two.transid);
}
END_TEST

/* Moving a read-only subvolume to another directory would have to write its "..". */
START_TEST(read_only_subvolumes_stay_in_their_directory)
{
	auto_fake_host struct fake_host *fake = fake_host_new();

	fake_host_put_subvolume(fake, "gens/.1.tmp/root");
	ok(snapshot, "gens/.1.tmp/root", "gens/.1.tmp/base", true);
	fails(EROFS, rename, POOL, "gens/.1.tmp/base", "gens/base");
	ok(rename, POOL, "gens/.1.tmp/base", "gens/.1.tmp/as-built");
	ok(rename, POOL, "gens/.1.tmp", "gens/1");
	ck_assert_ptr_nonnull(fake_disk_find(&fake->disk, POOL, "gens/1/as-built"));
}
END_TEST

static void check_default(struct fake_host *fake, const char *wanted)
{
	auto_free char *path = NULL;

	ok(get_default, &path);
	ck_assert_str_eq(path, wanted);
}

START_TEST(default_is_kept_by_id)
{
	auto_fake_host struct fake_host *fake = fake_host_new();

	check_default(fake, "");
	fake_host_put_subvolume(fake, "@rootfs");
	fake_host_put(fake, POOL, "plain/file", "1");
	ok(set_default, "@rootfs");
	ok(snapshot, "@rootfs", "plain/root", false);
	ok(exchange, POOL, "@rootfs", "plain/root");
	check_default(fake, "plain/root");
	fails(EPERM, delete_subvolume, "plain/root");
	fails(EINVAL, set_default, "plain");
	fails(ENOENT, set_default, "nothing");
	ok(set_default, "");
	check_default(fake, "");
}
END_TEST

START_TEST(copies)
{
	auto_fake_host struct fake_host *fake = fake_host_new();
	struct host_stat stat;

	fake_host_put(fake, POOL, "d/a", "1");
	fake_disk_find(&fake->disk, POOL, "d/a")->mode = 0600;
	ok(copy, POOL, "d/a", POOL, "d/b");
	ok(copy, POOL, "d/a", BOOT, "a");
	ok(stat, POOL, "d/b", &stat);
	ck_assert_uint_eq(stat.mode, 0600);
	check_text(fake, BOOT, "a", "1");
	fails(EISDIR, copy, POOL, "d", POOL, "e");
	fails(EISDIR, copy, POOL, "d", BOOT, "e");
	fails(ENOENT, copy, POOL, "x", POOL, "e");
	fails(ENOENT, copy, POOL, "x", BOOT, "e");
	fails(EISDIR, copy, POOL, "d/a", POOL, "d");
	ok(write, POOL, "d/c", "3", 1);
	ok(copy_attributes, "d/a", "d/c");
	ok(stat, POOL, "d/c", &stat);
	ck_assert_uint_eq(stat.mode, 0600);
	ok(copy, POOL, "d/a", POOL, "d/c");
	check_text(fake, POOL, "d/c", "1");
	fails(ENOENT, copy_attributes, "d/x", "d/c");
}
END_TEST

static void collect(void *userdata, const char *name)
{
	char *all = userdata;

	strcat(strcat(all, name), ";");
}

START_TEST(inside_a_root)
{
	auto_fake_host struct fake_host *fake = fake_host_new();
	auto_host_bytes struct host_bytes bytes = {0};
	auto_host_names struct host_names names = {0};
	struct host_stat stat;
	struct digest digest;
	char all[64] = "";

	fake_host_put_subvolume(fake, "r/root");
	fake_host_put(fake, POOL, "r/root/usr/lib/os-release", "ID=debian\n");
	fake_host_put(fake, POOL, "secret", "outside");
	ok(make_directory, POOL, "r/root/etc", 0755);
	ok(make_symlink, POOL, "../usr/lib/os-release", "r/root/etc/os-release");
	ok(make_symlink, POOL, "/usr/lib", "r/root/lib");
	ok(make_symlink, POOL, "../../../../secret", "r/root/etc/escape");
	ok(make_symlink, POOL, "loop", "r/root/etc/loop");
	ok(root_read, "r/root", "/etc/os-release", 100, &bytes);
	ck_assert_str_eq(bytes.bytes, "ID=debian\n");
	host_bytes_done(&bytes);
	ok(root_read, "r/root", "lib/./os-release", 100, &bytes);
	ok(root_stat, "r/root", "lib", &stat);
	ck_assert_int_eq(stat.type, HOST_DIRECTORY);
	ok(root_list, "r/root", "lib", &names);
	ck_assert_uint_eq(names.count, 1);
	ok(root_digest, "r/root", "lib/os-release", DIGEST_SHA256, &digest);
	fails(ENOENT, root_stat, "r/root", "etc/escape", &stat);
	fails(ELOOP, root_stat, "r/root", "etc/loop", &stat);
	fails(ENOENT, root_read, "r/root", "../../secret", 100, &bytes);
	fake_host_put(fake, POOL, "r/root/boot/initrd", "bin/sh\netc/crypttab");
	ok(list_initrd, "r/root", "boot/initrd", collect, all);
	ck_assert_str_eq(all, "bin/sh;etc/crypttab;");
	fails(ENOENT, list_initrd, "r/root", "boot/none", collect, all);
}
END_TEST

START_TEST(machine)
{
	auto_fake_host struct fake_host *fake = fake_host_new();
	auto_host_running struct host_running running = {0};
	auto_host_identity struct host_identity identity = {0};
	auto_host_strings struct host_strings units = {0};
	char *failing[] = {(char *)"ssh.service"};
	char *other = NULL, *findings = NULL, *output = NULL;
	int status = 0;

	fails(ENOSYS, running, &running);
	fails(ENOSYS, failed_units, &units);
	fake->live = true;
	fake->running.root_path = (char *)"@gens/1/root";
	fake->failed = (struct host_strings){failing, 1};
	ok(running, &running);
	ck_assert_str_eq(running.root_path, "@gens/1/root");
	ok(failed_units, &units);
	ck_assert(host_strings_have(&units, "ssh.service"));
	ok(identity, &identity);
	ok(lock, "me", &other);
	fails(EBUSY, lock, "me", &other);
	free(other);
	do_(unlock);
	fake->lock_holder = "pid 1";
	fails(EBUSY, lock, "me", &other);
	ck_assert_str_eq(other, "pid 1");
	free(other);
	ok(check, BOOT, &findings);
	fake->findings = "dirty";
	fails(EUCLEAN, check, BOOT, &findings);
	free(findings);
	ok(repair, BOOT, &findings);
	free(findings);
	fake->check_status = 1;
	ok(run_program, &(struct host_program){.path = "/x"}, &output, &status);
	ck_assert_int_eq(status, 1);
	free(output);
	fails(ENOENT, run_stage, NULL, NULL, &status);
	ok(sleep, 1500);
	ck_assert_int_eq(do_(clock, HOST_CLOCK_MONOTONIC_USEC), 1500000);
	fake->interrupt = true;
	fails(EINTR, sleep, 1);
	ok(reboot, true);
	ck_assert(fake->reboot_forced && fake->reboots == 1);
	ok(publish_status, "motd", "text");
	ck_assert_str_eq(fake->status, "motd: text\n");
	ok(loader_entries, (const char *const[]){"/EFI/BOOT/BOOTX64.EFI"}, 1);
	fake->not_writable[BOOT] = -EROFS;
	fails(EROFS, writable, BOOT);
	fake->packages_busy = true;
	fails(EBUSY, package_lock, "root", 1);
}
END_TEST

/* ---- power cuts ---- */

/* Counts the ways, and those in which `path` has `text` (NULL = is not there). */
static unsigned count_cuts(const struct fake_host *fake, size_t at, enum volume volume,
			   const char *path, const char *text, unsigned *ret_all)
{
	struct fake_cut cut;
	unsigned matching = 0;

	*ret_all = 0;
	for (bool more = fake_cut_first(fake, at, &cut); more; more = fake_cut_next(fake, &cut)) {
		auto_fake_host struct fake_host *after = fake_host_after_cut(fake, &cut);

		++*ret_all;
		matching += text_equal(fake_host_text(after, volume, path), text);
	}
	return matching;
}

START_TEST(pool_keeps_a_prefix)
{
	auto_fake_host struct fake_host *fake = fake_host_new();
	unsigned all;

	ok(write, POOL, "a", "1", 1);
	fake_host_mark(fake);
	ok(write, POOL, "a", "2", 1);
	ok(write, POOL, "b", "1", 1);
	ok(rename, POOL, "b", "a");
	ck_assert_uint_eq(count_cuts(fake, 3, POOL, "a", "1", &all), 2);
	ck_assert_uint_eq(all, 4);
	ck_assert_uint_eq(count_cuts(fake, 3, POOL, "a", "2", &all), 2);
	ok(sync, POOL);
	ok(write, BOOT, "x", "1", 1);
	ok(remove, POOL, "a");
	ck_assert_uint_eq(count_cuts(fake, 4, POOL, "a", "1", &all), 1);
	ck_assert_uint_eq(all, 1);
	ck_assert_uint_eq(count_cuts(fake, 6, POOL, "a", NULL, &all), 6);
	ck_assert_uint_eq(all, 2 * 6);
}
END_TEST

START_TEST(boot_keeps_any_subset)
{
	auto_fake_host struct fake_host *fake = fake_host_new();
	unsigned all;

	ok(write, BOOT, "freed", "OLDOLDOLD", 9);
	ok(write, BOOT, "a", "1", 1);
	fake_host_mark(fake);
	ok(remove, BOOT, "freed");
	ok(sync, BOOT);
	ok(write, BOOT, "b", "abcd", 4);
	ok(write_at, BOOT, "a", 0, "2", 1);
	ck_assert_uint_eq(count_cuts(fake, 4, BOOT, "b", "abcd", &all), 2);
	ck_assert_uint_eq(all, 6 * 2);
	ck_assert_uint_eq(count_cuts(fake, 4, BOOT, "b", NULL, &all), 2);
	ck_assert_uint_eq(count_cuts(fake, 4, BOOT, "b", "", &all), 2);
	ck_assert_uint_eq(count_cuts(fake, 4, BOOT, "b", "ab", &all), 2);
	ck_assert_uint_eq(count_cuts(fake, 4, BOOT, "b", "abc", &all), 2);
	ck_assert_uint_eq(count_cuts(fake, 4, BOOT, "b", "OLDO", &all), 2);
	ck_assert_uint_eq(count_cuts(fake, 4, BOOT, "a", "2", &all), 6);
	ok(sync, BOOT);
	ck_assert_uint_eq(count_cuts(fake, 5, BOOT, "b", "abcd", &all), 1);
}
END_TEST

START_TEST(boot_tears_renames)
{
	auto_fake_host struct fake_host *fake = fake_host_new();
	unsigned all;

	ok(write, BOOT, "a", "new", 3);
	ok(write, BOOT, "b", "old", 3);
	fake_host_mark(fake);
	ok(rename, BOOT, "a", "b");
	ck_assert_uint_eq(count_cuts(fake, 1, BOOT, "b", "new", &all), 1);
	ck_assert_uint_eq(all, 4);
	ck_assert_uint_eq(count_cuts(fake, 1, BOOT, "b", "old", &all), 1);
	ck_assert_uint_eq(count_cuts(fake, 1, BOOT, "b", NULL, &all), 2);
	ck_assert_uint_eq(count_cuts(fake, 1, BOOT, "a", "new", &all), 2);
}
END_TEST

START_TEST(appends_are_torn)
{
	auto_fake_host struct fake_host *fake = fake_host_new();
	unsigned all;

	ok(write, BOOT, "log", "1\n", 2);
	fake_host_mark(fake);
	ok(append, BOOT, "log", "22\n", 3);
	ck_assert_uint_eq(count_cuts(fake, 1, BOOT, "log", "1\n", &all), 1);
	ck_assert_uint_eq(count_cuts(fake, 1, BOOT, "log", "1\n2", &all), 1);
	ck_assert_uint_eq(count_cuts(fake, 1, BOOT, "log", "1\n22", &all), 1);
	ck_assert_uint_eq(count_cuts(fake, 1, BOOT, "log", "1\n22\n", &all), 1);
}
END_TEST

/* A write that goes wrong is seen on the medium alone, and only once it is there. */
START_TEST(spoiled_writes)
{
	auto_fake_host struct fake_host *fake = fake_host_new();
	auto_host_bytes struct host_bytes cache = {0}, medium = {0}, early = {0};
	struct digest digest, on_medium;

	fake->spoil_boot_write = 1;
	ok(write, BOOT, "a", "abc", 3);
	ok(read_medium, BOOT, "a", 3, &early);
	ck_assert_str_eq(early.bytes, "abc");
	ok(sync, BOOT);
	ok(read, BOOT, "a", 3, &cache);
	ok(read_medium, BOOT, "a", 3, &medium);
	ck_assert_str_eq(cache.bytes, "abc");
	ck_assert_str_ne(medium.bytes, "abc");
	ok(digest, BOOT, "a", DIGEST_SHA256, &digest);
	ok(digest_medium, BOOT, "a", &on_medium);
	ck_assert_str_ne(digest.hex, on_medium.hex);
	fake_host_mark(fake);
	fake->spoil_boot_write = 2;
	ok(write, BOOT, "a", "abc", 3);
	ok(sync, BOOT);
	ok(write_at, BOOT, "a", 0, "x", 1);
	ok(sync, BOOT);
	host_bytes_done(&medium);
	ok(read_medium, BOOT, "a", 3, &medium);
	check_text(fake, BOOT, "a", "xbc");
	ck_assert_str_eq(medium.bytes, "abc");
}
END_TEST

START_TEST(pool_loses_what_was_written_under_a_new_name)
{
	auto_fake_host struct fake_host *fake = fake_host_new(), *after = NULL;
	struct fake_cut cut;
	unsigned number = 0;

	ok(write, POOL, "there", "old", 3);
	fake_host_mark(fake);
	ok(write, POOL, "a", "new", 3);
	ok(rename, POOL, "a", "there");
	ok(write, POOL, "b", "new", 3);
	ok(rename, POOL, "b", "not yet");
	while (fake_cut_sample(fake, 4, number, &cut) && !cut.pool_data_lost)
		number++;
	ck_assert_uint_eq(cut.pool_kept, 4);
	after = fake_host_after_cut(fake, &cut);
	ck_assert_str_eq(fake_host_text(after, POOL, "there"), "new");
	ck_assert_str_eq(fake_host_text(after, POOL, "not yet"), "");
}
END_TEST

UNIT_MAIN("fake host", files, directories, renames, snapshots, subvolumes,
	  read_only_subvolumes_stay_in_their_directory, default_is_kept_by_id, copies,
	  inside_a_root, machine, pool_keeps_a_prefix, boot_keeps_any_subset, boot_tears_renames,
	  appends_are_torn, spoiled_writes, pool_loses_what_was_written_under_a_new_name)
