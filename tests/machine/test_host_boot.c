/* The boot volume: through mtools on FAT, and mounted on a file system that this kernel has. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include "host_disk.h"
#include "linux_internal.h"
#include "text.h"

#define ENTRIES "loader/entries"

static struct disk disk;
static struct host *host;

static void set_up(void)
{
	disk_make(&disk);
	host = open_host(disk.image);
}

static void tear_down(void)
{
	linux_host_close(host);
	disk_done(&disk);
}

/* What mtools itself says of the image: an independent witness. */
static char *seen_by_mtools(const char *command, const char *path)
{
	ck_assert_int_eq(host->ops->sync(host, VOLUME_BOOT), 0);
	return output_of("MTOOLS_SKIP_CHECK=1 %s -i %s@@1M ::/%s", command, disk.image, path);
}

START_TEST(files_are_written_and_read)
{
	struct host_bytes bytes = {0};
	struct host_stat st;
	struct digest a, b;
	char *target;

	put(host, VOLUME_BOOT, ENTRIES "/moult-000012+3-0.conf", "title one\n");
	put(host, VOLUME_BOOT, ENTRIES "/moult-000012+3-0.conf", "title two\n");
	put(host, VOLUME_BOOT, "empty", "");
	ck_text(get(host, VOLUME_BOOT, ENTRIES "/moult-000012+3-0.conf"), "title two\n");
	ck_text(get(host, VOLUME_BOOT, "empty"), "");
	ck_text(get(host, VOLUME_BOOT, "loader/loader.conf"), "timeout 3\n");
	ck_text(seen_by_mtools("mtype", ENTRIES "/moult-000012+3-0.conf"), "title two");
	ck_text(names_in(host, VOLUME_BOOT, ""), "empty loader/");
	ck_text(names_in(host, VOLUME_BOOT, ENTRIES), "moult-000012+3-0.conf");
	ck_assert_int_eq(host->ops->append(host, VOLUME_BOOT, "empty", "now not", 7), 0);
	ck_text(get(host, VOLUME_BOOT, "empty"), "now not");
	ck_assert_int_eq(host->ops->stat(host, VOLUME_BOOT, "Loader/LOADER.conf", &st), 0);
	ck_assert(st.type == HOST_FILE && st.size_bytes == 10 && !st.subvolume);
	ck_assert_int_eq(host->ops->stat(host, VOLUME_BOOT, "", &st), 0);
	ck_assert(st.type == HOST_DIRECTORY);
	ck_assert_int_eq(host->ops->stat(host, VOLUME_BOOT, "none", &st), -ENOENT);
	ck_assert_int_eq(host->ops->stat(host, VOLUME_BOOT, "empty/x", &st), -ENOTDIR);
	ck_assert_int_eq(host->ops->read(host, VOLUME_BOOT, "empty", 6, &bytes), -EFBIG);
	ck_assert_int_eq(host->ops->read(host, VOLUME_BOOT, "loader", 6, &bytes), -EISDIR);
	ck_assert_int_eq(host->ops->read_link(host, VOLUME_BOOT, "empty", &target), -EINVAL);
	ck_assert_int_eq(host->ops->make_symlink(host, VOLUME_BOOT, "a", "b"), -EOPNOTSUPP);
	ck_assert_int_eq(host->ops->digest(host, VOLUME_BOOT, "empty", DIGEST_SHA256, &a), 0);
	ck_assert_int_eq(host->ops->digest_medium(host, VOLUME_BOOT, "empty", &b), 0);
	ck_assert_str_eq(a.hex, b.hex);
}
END_TEST

START_TEST(names_are_moved_and_removed)
{
	ck_assert_int_eq(host->ops->make_directory(host, VOLUME_BOOT, "moult", 0755), 0);
	ck_assert_int_eq(host->ops->make_directory(host, VOLUME_BOOT, "moult", 0755), -EEXIST);
	ck_assert_int_eq(host->ops->make_directory(host, VOLUME_BOOT, "no/where", 0755), -ENOENT);
	put(host, VOLUME_BOOT, "moult/a.conf", "a");
	put(host, VOLUME_BOOT, "moult/b.conf", "b");
	ck_assert_int_eq(host->ops->rename(host, VOLUME_BOOT, "moult/a.conf", "moult/b.conf"), 0);
	ck_text(names_in(host, VOLUME_BOOT, "moult"), "b.conf");
	ck_text(get(host, VOLUME_BOOT, "moult/b.conf"), "a");
	ck_assert_int_eq(host->ops->rename(host, VOLUME_BOOT, "moult/b.conf", ENTRIES "/c.conf"),
			 0);
	ck_text(names_in(host, VOLUME_BOOT, ENTRIES), "c.conf");
	ck_assert_int_eq(host->ops->rename(host, VOLUME_BOOT, ENTRIES "/c.conf", "moult"), -EISDIR);
	ck_assert_int_eq(host->ops->rename(host, VOLUME_BOOT, "none", "x"), -ENOENT);
	ck_assert_int_eq(host->ops->exchange(host, VOLUME_BOOT, "moult", "loader"), -EOPNOTSUPP);
	ck_assert_int_eq(host->ops->remove(host, VOLUME_BOOT, "loader"), -ENOTEMPTY);
	ck_assert_int_eq(host->ops->remove(host, VOLUME_BOOT, "moult"), 0);
	ck_assert_int_eq(host->ops->remove(host, VOLUME_BOOT, "moult"), -ENOENT);
	ck_assert_int_eq(host->ops->remove_tree(host, VOLUME_BOOT, "loader"), 0);
	ck_text(names_in(host, VOLUME_BOOT, ""), "");
	ck_text(seen_by_mtools("mdir -b", ""), "");
}
END_TEST

START_TEST(patterns_and_paths_upwards_are_refused)
{
	static const char *const bad[] = {
		"loader/*", "loader/l?ader.conf", "[a-z]oader", "../x", "loader/../x", "a\\b", ":x",
		""};
	struct host_bytes bytes = {0};

	for (size_t i = 0; i < COUNT(bad); i++) {
		ck_assert_int_lt(host->ops->remove(host, VOLUME_BOOT, bad[i]), 0);
		ck_assert_int_lt(host->ops->remove_tree(host, VOLUME_BOOT, bad[i]), 0);
		ck_assert_int_lt(host->ops->write(host, VOLUME_BOOT, bad[i], "x", 1), 0);
		ck_assert_int_lt(host->ops->rename(host, VOLUME_BOOT, bad[i], "x"), 0);
		ck_assert_int_lt(host->ops->rename(host, VOLUME_BOOT, "loader", bad[i]), 0);
		ck_assert_int_lt(host->ops->read(host, VOLUME_BOOT, bad[i], 9, &bytes), 0);
	}
	ck_text(get(host, VOLUME_BOOT, "loader/loader.conf"), "timeout 3\n");
}
END_TEST

static size_t differing(const char *a, const char *b, off_t *ret_last)
{
	struct stat st;
	size_t count = 0;
	int fds[2] = {open(a, O_RDONLY | O_CLOEXEC), open(b, O_RDONLY | O_CLOEXEC)};
	const char *maps[2];

	ck_assert_int_eq(fstat(fds[0], &st), 0);
	for (int i = 0; i < 2; i++) {
		maps[i] = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fds[i], 0);
		ck_assert(maps[i] != MAP_FAILED);
		close(fds[i]);
	}
	for (off_t at = 0; at < DISK_ESP_OFFSET_BYTES + DISK_ESP_SIZE_BYTES; at++)
		if (maps[0][at] != maps[1][at])
			count++, *ret_last = at;
	munmap((void *)maps[0], (size_t)st.st_size);
	munmap((void *)maps[1], (size_t)st.st_size);
	return count;
}

START_TEST(the_commit_changes_one_byte_of_the_disk)
{
	auto_free char *before = disk_path(&disk, "before");
	auto_free char *large = xcalloc(1, 200001);
	char expected[2] = "";
	off_t at = 0;
	int fd;

	put(host, VOLUME_BOOT, ENTRIES "/m.conf", "title x\n#linux /moult/sha256-1.linux\n");
	memset(large, '.', 200000);
	put(host, VOLUME_BOOT, "large", large);
	ck_assert_int_eq(host->ops->sync(host, VOLUME_BOOT), 0);
	run("cp --sparse=always %s %s", disk.image, before);
	ck_assert_int_eq(host->ops->write_at(host, VOLUME_BOOT, ENTRIES "/m.conf", 8, " ", 1), 0);
	ck_assert_int_eq(host->ops->sync(host, VOLUME_BOOT), 0);
	ck_assert_uint_eq(differing(before, disk.image, &at), 1);
	fd = open(before, O_RDONLY | O_CLOEXEC);
	ck_assert(pread(fd, expected, 1, at) == 1 && expected[0] == '#');
	close(fd);
	ck_text(get(host, VOLUME_BOOT, ENTRIES "/m.conf"),
		"title x\n linux /moult/sha256-1.linux\n");

	/* across clusters, and never past the end */
	run("cp --sparse=always %s %s", disk.image, before);
	memset(large, '#', 100000);
	ck_assert_int_eq(host->ops->write_at(host, VOLUME_BOOT, "large", 100000, large, 100000), 0);
	ck_assert_int_eq(host->ops->write_at(host, VOLUME_BOOT, "large", 199999, "xy", 2), -ERANGE);
	ck_assert_int_eq(host->ops->write_at(host, VOLUME_BOOT, "large", -1, "x", 1), -ERANGE);
	ck_assert_int_eq(host->ops->write_at(host, VOLUME_BOOT, "loader", 0, "x", 1), -EISDIR);
	ck_assert_int_eq(host->ops->sync(host, VOLUME_BOOT), 0);
	ck_assert_uint_eq(differing(before, disk.image, &at), 100000);
}
END_TEST

/* Changes the medium behind every cache's back. */
static void change_medium(const char *image, const char *from, const char *to)
{
	run("LC_ALL=C python3 -c 'import sys,os\n"
	    "f=os.open(sys.argv[1],os.O_RDWR); d=os.pread(f,%d,0); "
	    "i=d.index(sys.argv[2].encode())\n"
	    "os.pwrite(f,sys.argv[3].encode(),i); os.fsync(f)' %s '%s' '%s'",
	    DISK_ESP_OFFSET_BYTES + DISK_ESP_SIZE_BYTES, image, from, to);
}

START_TEST(a_read_back_comes_from_the_medium)
{
	struct host_bytes bytes = {0};
	struct digest cached, medium;

	put(host, VOLUME_BOOT, "blob", "written content");
	ck_assert_int_eq(host->ops->sync(host, VOLUME_BOOT), 0);
	ck_text(get(host, VOLUME_BOOT, "blob"), "written content");
	change_medium(disk.image, "written content", "BROKEN  content");
	ck_text(get(host, VOLUME_BOOT, "blob"), "written content"); /* the cache hides it */
	ck_assert_int_eq(host->ops->digest(host, VOLUME_BOOT, "blob", DIGEST_SHA256, &cached), 0);
	ck_assert_int_eq(host->ops->digest_medium(host, VOLUME_BOOT, "blob", &medium), 0);
	ck_assert_str_ne(cached.hex, medium.hex);
	ck_assert_int_eq(host->ops->read_medium(host, VOLUME_BOOT, "blob", 100, &bytes), 0);
	ck_text(take(bytes.bytes), "BROKEN  content");
}
END_TEST

START_TEST(copies_cross_from_pool_to_boot_and_back)
{
	auto_free char *kernel = xcalloc(1, 3000001);
	struct digest a, b, c;

	for (size_t i = 0; i < 3000000; i++)
		kernel[i] = (char)('a' + (i * 7919 >> 5) % 26);
	put(host, VOLUME_POOL, "vmlinuz", kernel);
	ck_assert_int_eq(host->ops->copy(host, VOLUME_POOL, "vmlinuz", VOLUME_BOOT, "k.linux"), 0);
	ck_assert_int_eq(host->ops->copy(host, VOLUME_BOOT, "k.linux", VOLUME_BOOT, "l.linux"), 0);
	ck_assert_int_eq(host->ops->copy(host, VOLUME_BOOT, "l.linux", VOLUME_POOL, "back"), 0);
	ck_assert_int_eq(host->ops->digest(host, VOLUME_POOL, "vmlinuz", DIGEST_SHA256, &a), 0);
	ck_assert_int_eq(host->ops->digest_medium(host, VOLUME_BOOT, "k.linux", &b), 0);
	ck_assert_int_eq(host->ops->digest(host, VOLUME_POOL, "back", DIGEST_SHA256, &c), 0);
	ck_assert_str_eq(a.hex, b.hex);
	ck_assert_str_eq(a.hex, c.hex);
	ck_assert_int_eq(host->ops->copy(host, VOLUME_POOL, "etc", VOLUME_BOOT, "etc"), -EISDIR);
	ck_assert_int_eq(host->ops->copy(host, VOLUME_POOL, "none", VOLUME_BOOT, "x"), -ENOENT);
}
END_TEST

START_TEST(a_full_volume_is_refused_before_writing)
{
	struct host_space space, after;
	auto_free char *filler = disk_path(&disk, "filler");

	ck_assert_int_eq(host->ops->space(host, VOLUME_BOOT, &space), 0);
	ck_assert(space.total_bytes > 60 << 20 && space.free_bytes > 60 << 20);
	put(host, VOLUME_BOOT, "kept", "old content");
	run("truncate -s %llu /run/moult/pool/big", (unsigned long long)space.free_bytes + 4096);
	ck_assert_int_eq(host->ops->copy(host, VOLUME_POOL, "big", VOLUME_BOOT, "kept"), -ENOSPC);
	ck_text(get(host, VOLUME_BOOT, "kept"), "old content");
	run("truncate -s %d /run/moult/pool/big", 60 << 20);
	ck_assert_int_eq(host->ops->copy(host, VOLUME_POOL, "big", VOLUME_BOOT, "fits"), 0);
	ck_assert_int_eq(host->ops->space(host, VOLUME_BOOT, &after), 0);
	ck_assert(space.free_bytes - after.free_bytes >= 60 << 20);
}
END_TEST

/* Writes bytes into the ESP behind our back; the host is opened again on it. */
static void damage(const char *python)
{
	linux_host_close(host);
	run("python3 -c 'import os,sys\nf=os.open(sys.argv[1],os.O_RDWR)\nE=%d\n%s' %s",
	    DISK_ESP_OFFSET_BYTES, python, disk.image);
	host = open_host(disk.image);
}

START_TEST(damage_is_found)
{
	auto_free char *findings = NULL;

	put(host, VOLUME_BOOT, "f", "some content");
	ck_assert_int_eq(host->ops->check(host, VOLUME_BOOT, &findings), 0);
	ck_assert_ptr_null(findings);
	/* the flag that any running machine leaves after a power cut is no damage */
	damage("os.pwrite(f,b\"\\x01\",E+65)");
	ck_assert_int_eq(host->ops->check(host, VOLUME_BOOT, &findings), 0);
	ck_assert_int_eq(host->ops->unclean(host, VOLUME_BOOT), 1);
	/* orphaned clusters in both tables: no flag tells of them */
	damage("r=int.from_bytes(os.pread(f,2,E+14),\"little\")\n"
	       "n=int.from_bytes(os.pread(f,4,E+36),\"little\")\n"
	       "for t in (0,1): os.pwrite(f,b\"\\xff\\xff\\xff\\x0f\",E+512*(r+t*n)+4*2000)");
	ck_assert_int_eq(host->ops->check(host, VOLUME_BOOT, &findings), -EUCLEAN);
	ck_assert_msg(strstr(findings, "unused") != NULL, "%s", findings);
	ck_assert_ptr_null(strstr(findings, "Dirty"));
	ck_text(get(host, VOLUME_BOOT, "f"), "some content");
	free(take(findings));
	ck_assert_int_eq(host->ops->repair(host, VOLUME_BOOT, &findings), 0);
	ck_assert_ptr_nonnull(findings);
	free(take(findings));
	ck_assert_int_eq(host->ops->check(host, VOLUME_BOOT, &findings), 0);
	ck_text(get(host, VOLUME_BOOT, "f"), "some content");
	/* neither the flag nor what fsck.fat salvaged is left */
	ck_assert_int_eq(host->ops->unclean(host, VOLUME_BOOT), 0);
	ck_text(names_in(host, VOLUME_BOOT, ""), "f loader/");
	linux_host_close(take(host));
	host = open_host(disk.image);
	ck_assert_int_eq(host->ops->unclean(host, VOLUME_BOOT), 0);
	/* no file system any more */
	linux_host_close(take(host));
	run("dd if=/dev/zero of=%s bs=512 seek=2048 count=1 conv=notrunc status=none", disk.image);
	refused(&(struct linux_options){.sysroot = disk.image, .need_boot = true},
		"holds no file system that is known");
}
END_TEST

START_TEST(twins_and_aliases_are_seen)
{
	put(host, VOLUME_BOOT, ENTRIES "/moult-000007+3-0.conf", "seven");
	put(host, VOLUME_BOOT, ENTRIES "/moult-000008+2-1.conf", "eight");
	/* as a torn rename leaves it: one entry lost its long name, only the alias is there */
	damage("d=os.pread(f,1<<23,E); i=d.index(b\"MOULT-~1CON\")\n"
	       "os.pwrite(f,b\"\\xe5\",E+i-32); os.pwrite(f,b\"\\xe5\",E+i-64)");
	ck_text(names_in(host, VOLUME_BOOT, ENTRIES), "MOULT-~1.CON moult-000008+2-1.conf");
	ck_text(get(host, VOLUME_BOOT, ENTRIES "/moult-~1.con"), "seven");
}
END_TEST

/* The same pool with another boot volume. */
static void open_with(const char *esp)
{
	struct linux_options options = {.sysroot = disk.image, .esp = esp, .need_boot = true};
	struct err err = {0};

	linux_host_close(take(host));
	if (!linux_host_open(&options, &host, &err))
		ck_abort_msg("%s", err.text);
}

static void fill_directory(const char *kind, unsigned size_mib)
{
	auto_free char *image = disk_path(&disk, "fat");
	auto_free char *ours = NULL, *theirs = NULL, *text = NULL;

	run("rm -f %s; truncate -s %uM %s && mkfs.vfat %s -s 1 %s >/dev/null", image, size_mib,
	    image, kind, image);
	open_with(image);
	ck_assert_int_eq(host->ops->make_directory(host, VOLUME_BOOT, "d", 0755), 0);
	for (int i = 0; i < 60; i++) {
		auto_free char *path = xasprintf("d/a rather long name, number %d.conf", i);

		put(host, VOLUME_BOOT, path, path);
	}
	put(host, VOLUME_BOOT, "d/naïve ☂.txt", "unicode");
	text = get(host, VOLUME_BOOT, "d/a rather long name, number 59.conf");
	ck_assert_str_eq(text, "d/a rather long name, number 59.conf");
	ours = names_in(host, VOLUME_BOOT, "d");
	ck_assert_ptr_nonnull(strstr(ours, "naïve ☂.txt"));
	linux_host_close(take(host));
	theirs = output_of("mdir -b -i %s ::/d | wc -l", image);
	ck_assert_str_eq(theirs, "61");
	run("fsck.fat -n %s >/dev/null", image);
}

START_TEST(every_width_of_fat_is_read)
{
	fill_directory("-F 12", 1);
	fill_directory("-F 16", 8);
	fill_directory("-F 32", 40);
}
END_TEST

START_TEST(a_lying_file_system_ends_somewhere)
{
	auto_free char *image = disk_path(&disk, "fat");
	struct host_bytes bytes = {0};
	struct host_names names = {0};

	run("truncate -s 8M %s && mkfs.vfat -F 16 -s 1 %s >/dev/null && mmd -i %s ::d", image,
	    image, image);
	run("head -c 9000 /dev/zero | mcopy -i %s - ::d/f", image);
	/* the chain of every file runs in a circle */
	run("python3 -c 'import os,sys\nf=os.open(sys.argv[1],os.O_RDWR)\n"
	    "for i in range(2,60): os.pwrite(f,(2).to_bytes(2,\"little\"),512*4+2*i)' %s",
	    image);
	open_with(image);
	ck_assert_int_eq(host->ops->list(host, VOLUME_BOOT, "d", &names) > 0, 0);
	host_names_done(&names);
	host->ops->read(host, VOLUME_BOOT, "d/f", 100000, &bytes);
	host_bytes_done(&bytes);
	linux_host_close(take(host));
	for (int at = 11; at < 50; at++) {
		run("python3 -c 'import os,sys\nf=os.open(sys.argv[1],os.O_RDWR)\n"
		    "b=os.pread(f,512,0)\nos.pwrite(f,b\"\\xff\",%d)\n"
		    "os.pwrite(f,b,1<<22)' %s",
		    at, image);
		int fd = open(image, O_RDONLY | O_CLOEXEC);
		struct fat_volume *fat = fat_volume_new(fd);
		struct host_space space;

		if (fat_list(fat, "", &names) == 0)
			host_names_done(&names);
		fat_space(fat, &space);
		fat_volume_free(fat);
		close(fd);
		run("python3 -c 'import os,sys\nf=os.open(sys.argv[1],os.O_RDWR)\n"
		    "os.pwrite(f,os.pread(f,512,1<<22),0)' %s",
		    image);
	}
}
END_TEST

START_TEST(another_file_system_is_mounted)
{
	auto_free char *image = disk_path(&disk, "ext4");
	struct host_bytes bytes = {0};
	struct host_space space;
	char *findings;

	run("truncate -s 16M %s && mkfs.ext4 -q -O ^has_journal %s", image, image);
	open_with(image);
	ck_assert_int_eq(host->ops->make_directory(host, VOLUME_BOOT, "d", 0755), 0);
	put(host, VOLUME_BOOT, "d/f", "written content");
	ck_assert_int_eq(host->ops->copy(host, VOLUME_BOOT, "d", VOLUME_BOOT, "e"), 0);
	ck_assert_int_eq(host->ops->copy(host, VOLUME_POOL, "etc/hostname", VOLUME_BOOT, "h"), 0);
	ck_assert_int_eq(host->ops->write_at(host, VOLUME_BOOT, "d/f", 0, "W", 1), 0);
	ck_assert_int_eq(host->ops->sync(host, VOLUME_BOOT), 0);
	ck_text(get(host, VOLUME_BOOT, "d/f"), "Written content");
	change_medium(image, "Written content", "BROKEN  content");
	ck_text(get(host, VOLUME_BOOT, "d/f"), "Written content");
	ck_assert_int_eq(host->ops->read_medium(host, VOLUME_BOOT, "d/f", 100, &bytes), 0);
	ck_text(take(bytes.bytes), "BROKEN  content");
	ck_assert_int_eq(host->ops->check(host, VOLUME_BOOT, &findings), -EOPNOTSUPP);
	ck_assert_int_eq(host->ops->space(host, VOLUME_BOOT, &space), 0);
	ck_assert_uint_gt(space.free_bytes, 1 << 20);
}
END_TEST

TCase *host_boot_case(void)
{
	TCase *group = tcase_create("boot");

	tcase_add_checked_fixture(group, set_up, tear_down);
	tcase_add_test(group, files_are_written_and_read);
	tcase_add_test(group, names_are_moved_and_removed);
	tcase_add_test(group, patterns_and_paths_upwards_are_refused);
	tcase_add_test(group, the_commit_changes_one_byte_of_the_disk);
	tcase_add_test(group, a_read_back_comes_from_the_medium);
	tcase_add_test(group, copies_cross_from_pool_to_boot_and_back);
	tcase_add_test(group, a_full_volume_is_refused_before_writing);
	tcase_add_test(group, damage_is_found);
	tcase_add_test(group, twins_and_aliases_are_seen);
	tcase_add_test(group, every_width_of_fat_is_read);
	tcase_add_test(group, a_lying_file_system_ends_somewhere);
	tcase_add_test(group, another_file_system_is_mounted);
	return group;
}
