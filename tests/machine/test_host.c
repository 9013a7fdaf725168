/*
 * The real host on a real Btrfs: every call does what host.h says, and nothing leaves the pool.
 *
 * Needs root. Images and mounts live in a directory and a mount namespace of the test.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include "host_disk.h"
#include "text.h"

#define POOL "/run/moult/pool"

static struct disk disk;
static struct host *host;

static void set_up(void)
{
	host = disk_open_with_root(&disk);
	ck_assert_int_eq(host->ops->make_directory(host, VOLUME_POOL, "root/etc", 0755), 0);
	put(host, VOLUME_POOL, "root/etc/hostname", "inside\n");
}

static void tear_down(void)
{
	linux_host_close(host);
	disk_done(&disk);
}

START_TEST(files_are_written_read_and_listed)
{
	struct host_bytes bytes = {0};
	struct host_stat st;
	struct digest digest;

	ck_assert_int_eq(host->ops->make_directory(host, VOLUME_POOL, "d", 01770), 0);
	ck_assert_int_eq(host->ops->make_directory(host, VOLUME_POOL, "d", 0755), -EEXIST);
	put(host, VOLUME_POOL, "d/b", "a long text");
	put(host, VOLUME_POOL, "d/b", "abc");
	ck_assert_int_eq(host->ops->append(host, VOLUME_POOL, "d/b", "def", 3), 0);
	ck_assert_int_eq(host->ops->append(host, VOLUME_POOL, "d/a", "", 0), 0);
	ck_assert_int_eq(host->ops->make_symlink(host, VOLUME_POOL, "b", "d/c"), 0);
	ck_assert_int_eq(host->ops->make_directory(host, VOLUME_POOL, "d/x", 0755), 0);
	ck_text(names_in(host, VOLUME_POOL, "d"), "a b c@ x/");
	ck_text(get(host, VOLUME_POOL, "d/b"), "abcdef");

	ck_assert_int_eq(host->ops->stat(host, VOLUME_POOL, "d", &st), 0);
	ck_assert(st.type == HOST_DIRECTORY && st.mode == 01770 && !st.subvolume);
	ck_assert_int_eq(host->ops->stat(host, VOLUME_POOL, "d/b", &st), 0);
	ck_assert(st.type == HOST_FILE && st.mode == 0644 && st.size_bytes == 6);
	ck_assert_int_eq(host->ops->stat(host, VOLUME_POOL, "d/c", &st), 0);
	ck_assert(st.type == HOST_SYMLINK);
	ck_assert_int_eq(host->ops->stat(host, VOLUME_POOL, "", &st), 0);
	ck_assert(st.subvolume);
	ck_assert_int_eq(host->ops->stat(host, VOLUME_POOL, "d/none", &st), -ENOENT);

	ck_assert_int_eq(host->ops->read(host, VOLUME_POOL, "d/b", 5, &bytes), -EFBIG);
	ck_assert_int_eq(host->ops->read(host, VOLUME_POOL, "d/b", 6, &bytes), 0);
	host_bytes_done(&bytes);
	ck_assert_int_eq(host->ops->read(host, VOLUME_POOL, "d", 6, &bytes), -EISDIR);
	ck_assert_int_eq(host->ops->digest(host, VOLUME_POOL, "d/b", DIGEST_SHA256, &digest), 0);
	ck_assert_str_eq(digest.hex,
			 "bef57ec7f53a6d40beb640a780a639c83bc29ac8a9816f1fc6c5c6dcd93c4721");
	ck_assert_int_eq(host->ops->digest_medium(host, VOLUME_POOL, "d/b", &digest), 0);
	ck_assert_str_eq(digest.hex,
			 "bef57ec7f53a6d40beb640a780a639c83bc29ac8a9816f1fc6c5c6dcd93c4721");
	ck_assert_int_eq(host->ops->digest(host, VOLUME_POOL, "d/b", DIGEST_MD5, &digest), 0);
	ck_assert_str_eq(digest.hex, "e80b5017098950fc58aad83c8c14978e");
}
END_TEST

START_TEST(names_change_in_one_step)
{
	char *target;

	put(host, VOLUME_POOL, "a", "A");
	put(host, VOLUME_POOL, "b", "B");
	ck_assert_int_eq(host->ops->exchange(host, VOLUME_POOL, "a", "b"), 0);
	ck_text(get(host, VOLUME_POOL, "a"), "B");
	ck_assert_int_eq(host->ops->rename(host, VOLUME_POOL, "a", "b"), 0);
	ck_text(get(host, VOLUME_POOL, "b"), "B");
	ck_text(names_in(host, VOLUME_POOL, ""), "b etc/ root/");
	ck_assert_int_eq(host->ops->exchange(host, VOLUME_POOL, "a", "b"), -ENOENT);
	ck_assert_int_eq(host->ops->make_symlink(host, VOLUME_POOL, "../x y", "l"), 0);
	ck_assert_int_eq(host->ops->read_link(host, VOLUME_POOL, "l", &target), 0);
	ck_text(target, "../x y");
	ck_assert_int_eq(host->ops->read_link(host, VOLUME_POOL, "b", &target), -EINVAL);
}
END_TEST

START_TEST(removing_stops_at_subvolumes)
{
	ck_assert_int_eq(host->ops->make_directory(host, VOLUME_POOL, "t", 0755), 0);
	ck_assert_int_eq(host->ops->make_directory(host, VOLUME_POOL, "t/u", 0755), 0);
	put(host, VOLUME_POOL, "t/u/f", "1");
	ck_assert_int_eq(host->ops->make_symlink(host, VOLUME_POOL, "../../root", "t/u/l"), 0);
	ck_assert_int_eq(host->ops->remove(host, VOLUME_POOL, "t"), -ENOTEMPTY);
	ck_assert_int_eq(host->ops->create_subvolume(host, "t/v"), 0);
	ck_assert_int_eq(host->ops->remove(host, VOLUME_POOL, "t/v"), -EXDEV);
	ck_assert_int_eq(host->ops->remove_tree(host, VOLUME_POOL, "t"), -EXDEV);
	ck_assert_int_eq(host->ops->remove_tree(host, VOLUME_POOL, "t/v"), -EXDEV);
	ck_assert_int_eq(host->ops->delete_subvolume(host, "t/v"), 0);
	ck_assert_int_eq(host->ops->remove_tree(host, VOLUME_POOL, "t"), 0);
	/* a link in the tree went, what it pointed at stays */
	ck_text(get(host, VOLUME_POOL, "root/etc/hostname"), "inside\n");
	ck_assert_int_eq(host->ops->remove_tree(host, VOLUME_POOL, "t"), -ENOENT);
	put(host, VOLUME_POOL, "f", "1");
	ck_assert_int_eq(host->ops->remove(host, VOLUME_POOL, "f"), 0);
	ck_assert_int_eq(host->ops->remove(host, VOLUME_POOL, "f"), -ENOENT);
	ck_assert_int_eq(host->ops->remove_tree(host, VOLUME_POOL, ""), -EINVAL);
}
END_TEST

/* What lsattr has of `path`, without the name. */
static char *flags_of(const char *path)
{
	return output_of("lsattr -d '" POOL "/%s' | cut -d' ' -f1 | tr -d -", path);
}

START_TEST(what_is_protected_is_removed)
{
	run("cd " POOL " && mkdir -p t/u/empty kept own && echo 1 >t/u/f && echo 2 >t/log && "
	    "ln t/u/f kept/other && mkfifo t/u/pipe && ln -s ../../root t/u/l && echo 3 >own/f && "
	    "chattr +i t/u/f t/u/empty t/u own/f && chattr +a t/log own");
	ck_assert_int_eq(host->ops->remove_tree(host, VOLUME_POOL, "t"), 0);
	/* another name of it is somebody else's */
	ck_text(flags_of("kept/other"), "i");
	ck_assert_int_eq(host->ops->remove(host, VOLUME_POOL, "own/f"), 0);
	ck_text(flags_of("own"), "a");
	ck_text(names_in(host, VOLUME_POOL, "own"), "");
	ck_text(get(host, VOLUME_POOL, "root/etc/hostname"), "inside\n");
}
END_TEST

START_TEST(what_is_protected_is_moved_and_stays_so)
{
	struct fsxattr attributes;
	int fd;

	run("cd " POOL " && mkdir -p a/d b/c && echo 1 >a/f && echo 2 >b/f && echo 3 >a/z && "
	    "btrfs property set a/z compression zstd && chattr +i a/f a/d b/f a && chattr +a b");
	/* not by chattr, which says zlib in passing */
	fd = open(POOL "/a/z", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(ioctl(fd, FS_IOC_FSGETXATTR, &attributes), 0);
	attributes.fsx_xflags |= FS_XFLAG_APPEND;
	ck_assert_int_eq(ioctl(fd, FS_IOC_FSSETXATTR, &attributes), 0);
	close(fd);
	ck_assert_int_eq(host->ops->rename(host, VOLUME_POOL, "a/f", "b/f"), 0);
	ck_assert_int_eq(host->ops->rename(host, VOLUME_POOL, "a/d", "b/d"), 0);
	ck_assert_int_eq(host->ops->exchange(host, VOLUME_POOL, "a/z", "b/c"), 0);
	ck_text(get(host, VOLUME_POOL, "b/f"), "1\n");
	ck_text(flags_of("b/f"), "i");
	ck_text(flags_of("b/d"), "i");
	ck_text(flags_of("b/c"), "ac");
	ck_text(output_of("btrfs property get " POOL "/b/c compression"), "compression=zstd");
	ck_text(flags_of("a"), "i");
	ck_text(flags_of("b"), "a");
	ck_text(names_in(host, VOLUME_POOL, "a"), "z/");
	ck_assert_int_eq(host->ops->rename(host, VOLUME_POOL, "a/none", "b/none"), -ENOENT);
}
END_TEST

START_TEST(what_is_protected_is_written_and_stays_so)
{
	run("cd " POOL " && mkdir -p d e && echo old >d/f && chattr +i d/f d");
	put(host, VOLUME_POOL, "d/f", "new");
	put(host, VOLUME_POOL, "d/g", "new");
	ck_assert_int_eq(host->ops->make_directory(host, VOLUME_POOL, "d/h", 0700), 0);
	ck_assert_int_eq(host->ops->make_symlink(host, VOLUME_POOL, "f", "d/l"), 0);
	ck_text(get(host, VOLUME_POOL, "d/f"), "new");
	ck_text(flags_of("d/f"), "i");
	ck_text(flags_of("d/g"), "");
	ck_text(flags_of("d"), "i");
	ck_text(names_in(host, VOLUME_POOL, "d"), "f g h/ l@");
	/* being protected is an attribute like another */
	ck_assert_int_eq(host->ops->copy_attributes(host, "d", "e"), 0);
	ck_text(flags_of("e"), "i");
	ck_assert_int_eq(host->ops->copy_attributes(host, "d/h", "e"), 0);
	ck_text(flags_of("e"), "");
}
END_TEST

START_TEST(subvolumes_that_are_protected_are_moved_and_deleted)
{
	struct host_subvolume subvolume;

	run("chattr +i " POOL "/root/etc/hostname " POOL "/root");
	ck_assert_int_eq(host->ops->snapshot(host, "root", "open", false), 0);
	ck_assert_int_eq(host->ops->snapshot(host, "root", "sealed", true), 0);
	ck_assert_int_eq(host->ops->rename(host, VOLUME_POOL, "open", "moved"), 0);
	ck_text(flags_of("moved"), "i");
	ck_assert_int_eq(host->ops->delete_subvolume(host, "moved"), 0);
	ck_assert_int_eq(host->ops->delete_subvolume(host, "sealed"), 0);
	/* where it is refused for another reason it stays what it was */
	ck_assert_int_eq(host->ops->snapshot(host, "root", "default", true), 0);
	ck_assert_int_eq(host->ops->set_default(host, "default"), 0);
	ck_assert_int_lt(host->ops->delete_subvolume(host, "default"), 0);
	ck_text(flags_of("default"), "i");
	ck_assert_int_eq(host->ops->subvolume(host, "default", &subvolume), 0);
	ck_assert(subvolume.read_only);
	host_subvolume_done(&subvolume);
}
END_TEST

START_TEST(one_byte_is_written_in_place)
{
	put(host, VOLUME_POOL, "f", "0123456789");
	ck_assert_int_eq(host->ops->write_at(host, VOLUME_POOL, "f", 3, "x", 1), 0);
	ck_assert_int_eq(host->ops->write_at(host, VOLUME_POOL, "f", 9, "yz", 2), -ERANGE);
	ck_assert_int_eq(host->ops->write_at(host, VOLUME_POOL, "f", -1, "y", 1), -ERANGE);
	ck_assert_int_eq(host->ops->write_at(host, VOLUME_POOL, "none", 0, "y", 1), -ENOENT);
	ck_text(get(host, VOLUME_POOL, "f"), "012x456789");
}
END_TEST

START_TEST(paths_that_leave_the_pool_are_refused)
{
	static const char *const bad[] = {"/etc/passwd", "../x", "a/../b", ".",
					  "a//b",	 "a/",	 "./a",	   "root/etc/.."};
	struct host_bytes bytes = {0};
	struct host_stat st;

	for (size_t i = 0; i < COUNT(bad); i++) {
		ck_assert_int_eq(host->ops->read(host, VOLUME_POOL, bad[i], 100, &bytes), -EINVAL);
		ck_assert_int_eq(host->ops->write(host, VOLUME_POOL, bad[i], "x", 1), -EINVAL);
		ck_assert_int_eq(host->ops->stat(host, VOLUME_POOL, bad[i], &st), -EINVAL);
		ck_assert_int_lt(host->ops->remove_tree(host, VOLUME_POOL, bad[i]), 0);
		ck_assert_int_lt(host->ops->make_directory(host, VOLUME_POOL, bad[i], 0755), 0);
		ck_assert_int_lt(host->ops->create_subvolume(host, bad[i]), 0);
		ck_assert_int_lt(host->ops->snapshot(host, "root", bad[i], true), 0);
	}
	ck_assert_int_eq(host->ops->make_symlink(host, VOLUME_POOL, "/etc", "out"), 0);
	ck_assert_int_eq(host->ops->read(host, VOLUME_POOL, "out/passwd", 100, &bytes), -ELOOP);
	ck_assert_int_eq(host->ops->write(host, VOLUME_POOL, "out/x", "x", 1), -ELOOP);
	ck_assert_int_eq(host->ops->write(host, VOLUME_POOL, "out", "x", 1), -ELOOP);
	ck_assert_int_eq(host->ops->remove(host, VOLUME_POOL, "out/passwd"), -ENOTDIR);
	ck_assert_int_eq(host->ops->copy(host, VOLUME_POOL, "out/passwd", VOLUME_POOL, "x"),
			 -ENOTDIR);
}
END_TEST

START_TEST(links_in_a_root_stay_in_it)
{
	struct host_bytes bytes = {0};
	struct host_names names = {0};
	struct host_stat st;
	struct digest digest;

	ck_assert_int_eq(
		host->ops->make_symlink(host, VOLUME_POOL, "/etc/hostname", "root/absolute"), 0);
	ck_assert_int_eq(host->ops->make_symlink(host, VOLUME_POOL,
						 "../../../../../../etc/hostname", "root/up"),
			 0);
	ck_assert_int_eq(
		host->ops->make_symlink(host, VOLUME_POOL, "/proc/self/root", "root/magic"), 0);
	ck_assert_int_eq(host->ops->root_read(host, "root", "absolute", 100, &bytes), 0);
	ck_text(take(bytes.bytes), "inside\n");
	ck_assert_int_eq(host->ops->root_read(host, "root", "/up", 100, &bytes), 0);
	ck_text(take(bytes.bytes), "inside\n");
	ck_assert_int_eq(host->ops->root_stat(host, "root", "absolute", &st), 0);
	ck_assert(st.type == HOST_FILE && st.size_bytes == 7);
	ck_assert_int_eq(host->ops->root_digest(host, "root", "up", DIGEST_MD5, &digest), 0);
	ck_assert_int_eq(host->ops->root_read(host, "root", "../root2/x", 100, &bytes), -ENOENT);
	ck_assert_int_lt(host->ops->root_read(host, "root", "magic/etc/passwd", 100, &bytes), 0);
	ck_assert_int_eq(host->ops->root_read(host, "../root", "etc/hostname", 100, &bytes),
			 -EINVAL);
	ck_assert_int_eq(host->ops->root_list(host, "root", "/../../etc", &names), 0);
	ck_assert(names.count == 1 && strcmp(names.names[0].name, "hostname") == 0);
	host_names_done(&names);
}
END_TEST

START_TEST(pipes_and_devices_are_not_opened)
{
	struct host_bytes bytes = {0};
	struct host_stat st;

	run("mkfifo " POOL "/root/pipe && mknod " POOL "/root/null c 1 3");
	ck_assert_int_eq(host->ops->read(host, VOLUME_POOL, "root/pipe", 100, &bytes), -EINVAL);
	ck_assert_int_eq(host->ops->root_read(host, "root", "pipe", 100, &bytes), -EINVAL);
	ck_assert_int_lt(host->ops->write(host, VOLUME_POOL, "root/pipe", "x", 1), 0);
	ck_assert_int_eq(host->ops->root_read(host, "root", "null", 100, &bytes), -EACCES);
	ck_assert_int_eq(host->ops->stat(host, VOLUME_POOL, "root/null", &st), 0);
	ck_assert(st.type == HOST_OTHER && st.rdev == 0x103);
}
END_TEST

static bool shares_extents(const char *path)
{
	struct {
		struct fiemap map;
		struct fiemap_extent extent;
	} ask = {.map = {.fm_length = ~0ULL, .fm_flags = FIEMAP_FLAG_SYNC, .fm_extent_count = 1}};
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	ck_assert_int_eq(ioctl(fd, FS_IOC_FIEMAP, &ask), 0);
	close(fd);
	return ask.map.fm_mapped_extents == 1 && ask.extent.fe_flags & FIEMAP_EXTENT_SHARED;
}

START_TEST(copies_share_blocks_and_keep_attributes)
{
	auto_free char *large = xcalloc(1, 300000);
	char value[16];
	struct stat a, b;
	ssize_t length;

	memset(large, 'L', 299999);
	put(host, VOLUME_POOL, "root/etc/large", large);
	run("cd " POOL "/root/etc && chown 12:34 large && chmod 4750 large && "
	    "touch -d @86400 large && ln -s large link && mknod node c 1 7 && touch -d @5 .");
	ck_assert_int_eq(setxattr(POOL "/root/etc/large", "user.note", "hello", 5, 0), 0);
	ck_assert_int_eq(host->ops->copy(host, VOLUME_POOL, "root/etc", VOLUME_POOL, "copy"), 0);
	ck_text(names_in(host, VOLUME_POOL, "copy"), "hostname large link@ node?");
	ck_assert_int_eq(stat(POOL "/root/etc/large", &a) | stat(POOL "/copy/large", &b), 0);
	ck_assert(b.st_uid == 12 && b.st_gid == 34 && (b.st_mode & 07777) == 04750 &&
		  b.st_mtim.tv_sec == 86400);
	ck_assert_int_eq(stat(POOL "/copy", &b), 0);
	ck_assert_int_eq(b.st_mtim.tv_sec, 5);
	length = getxattr(POOL "/copy/large", "user.note", value, sizeof(value));
	ck_assert(length == 5 && memcmp(value, "hello", 5) == 0);
	ck_assert(shares_extents(POOL "/copy/large"));

	ck_assert_int_eq(setxattr(POOL "/copy/large", "user.other", "x", 1, 0), 0);
	run("chmod 600 " POOL "/copy/large");
	ck_assert_int_eq(host->ops->copy_attributes(host, "root/etc/large", "copy/large"), 0);
	ck_assert_int_eq(getxattr(POOL "/copy/large", "user.other", value, 1), -1);
	ck_assert_int_eq(stat(POOL "/copy/large", &b), 0);
	ck_assert((b.st_mode & 07777) == 04750);
	ck_assert_int_eq(host->ops->copy_attributes(host, "root/etc/link", "copy/link"), 0);
	ck_assert_int_eq(host->ops->copy(host, VOLUME_POOL, "root", VOLUME_POOL, "c"), -EXDEV);
	ck_assert_int_eq(host->ops->copy(host, VOLUME_POOL, "root/etc", VOLUME_POOL, "copy"),
			 -EEXIST);
}
END_TEST

START_TEST(copies_keep_what_chattr_said)
{
	run("cd " POOL " && mkdir -p a/log a/db into && chattr +C a/db && echo 1 >a/db/f && "
	    "echo 2 >a/plain && echo 3 >a/log/l && echo 4 >a/z && chattr +Ad a/plain && "
	    "btrfs property set a/z compression zstd && chattr +a a/log/l && "
	    "chattr +i a/plain a && chattr +C into && chattr +i into");
	ck_assert_int_eq(host->ops->copy(host, VOLUME_POOL, "a", VOLUME_POOL, "into/b"), 0);
	ck_text(flags_of("into"), "iC");
	ck_text(flags_of("into/b"), "i");
	ck_text(flags_of("into/b/db"), "C");
	ck_text(flags_of("into/b/db/f"), "C");
	ck_text(flags_of("into/b/log/l"), "a");
	ck_text(flags_of("into/b/plain"), "idA");
	ck_text(output_of("btrfs property get " POOL "/into/b/z compression"), "compression=zstd");
	ck_text(get(host, VOLUME_POOL, "into/b/db/f"), "1\n");
	ck_assert_int_eq(host->ops->remove_tree(host, VOLUME_POOL, "into/b"), 0);
}
END_TEST

START_TEST(subvolumes_are_made_listed_and_deleted)
{
	struct host_subvolume root, snap;
	struct host_names all = {0};
	struct host_stat st;
	char *path;

	ck_assert_int_eq(host->ops->make_directory(host, VOLUME_POOL, "@gens", 0755), 0);
	ck_assert_int_eq(host->ops->snapshot(host, "root", "@gens/sealed", true), 0);
	ck_assert_int_eq(host->ops->snapshot(host, "root", "@gens/open", false), 0);
	ck_assert_int_eq(host->ops->snapshot(host, "root", "@gens/open", false), -EEXIST);
	ck_assert_int_eq(host->ops->snapshot(host, "root/etc", "@gens/x", false), -EINVAL);
	ck_assert_int_eq(host->ops->snapshot(host, "none", "@gens/x", false), -ENOENT);
	ck_assert_int_eq(host->ops->write(host, VOLUME_POOL, "@gens/sealed/x", "x", 1), -EROFS);
	put(host, VOLUME_POOL, "@gens/open/x", "x");
	ck_assert_int_eq(host->ops->subvolume(host, "root", &root), 0);
	ck_assert_int_eq(host->ops->subvolume(host, "@gens/sealed", &snap), 0);
	ck_assert(snap.read_only && !root.read_only && snap.id > root.id && snap.parent_id == 5);
	ck_assert_str_eq(snap.path, "@gens/sealed");
	host_subvolume_done(&snap);
	ck_assert_int_eq(host->ops->subvolume(host, "@gens", &snap), -EINVAL);
	ck_assert_int_eq(host->ops->stat(host, VOLUME_POOL, "@gens/open", &st), 0);
	ck_assert(st.subvolume);

	ck_assert_int_eq(host->ops->list_subvolumes(host, &all), 0);
	ck_assert_uint_eq(all.count, 3);
	ck_assert_str_eq(all.names[0].name, "@gens/open");
	ck_assert_str_eq(all.names[1].name, "@gens/sealed");
	ck_assert_str_eq(all.names[2].name, "root");
	host_names_done(&all);

	ck_assert_int_eq(host->ops->get_default(host, &path), 0);
	ck_text(path, "");
	ck_assert_int_eq(host->ops->set_default(host, "@gens/open"), 0);
	ck_assert_int_eq(host->ops->get_default(host, &path), 0);
	ck_text(path, "@gens/open");
	ck_assert_int_lt(host->ops->delete_subvolume(host, "@gens/open"), 0);
	ck_assert_int_eq(host->ops->set_default(host, ""), 0);
	ck_assert_int_eq(host->ops->set_default(host, "root/etc"), -EINVAL);
	ck_assert_int_eq(host->ops->delete_subvolume(host, "@gens/open"), 0);
	ck_assert_int_eq(host->ops->delete_subvolume(host, "@gens/sealed"), 0);
	ck_assert_int_eq(host->ops->delete_subvolume(host, "@gens"), -EINVAL);
	ck_text(names_in(host, VOLUME_POOL, "@gens"), "");
	host_subvolume_done(&root);
}
END_TEST

START_TEST(a_change_shows_in_the_transaction_number)
{
	struct host_subvolume before, same, after;

	ck_assert_int_eq(host->ops->sync(host, VOLUME_POOL), 0);
	ck_assert_int_eq(host->ops->subvolume(host, "root", &before), 0);
	put(host, VOLUME_POOL, "elsewhere", "x");
	auto_free char *looked = get(host, VOLUME_POOL, "root/etc/hostname");
	ck_assert_int_eq(host->ops->sync(host, VOLUME_POOL), 0);
	ck_assert_int_eq(host->ops->subvolume(host, "root", &same), 0);
	ck_assert_uint_eq(same.transid, before.transid);
	put(host, VOLUME_POOL, "root/etc/hostname", "changed\n");
	ck_assert_int_eq(host->ops->sync(host, VOLUME_POOL), 0);
	ck_assert_int_eq(host->ops->subvolume(host, "root", &after), 0);
	ck_assert_uint_gt(after.transid, before.transid);
	host_subvolume_done(&before);
	host_subvolume_done(&same);
	host_subvolume_done(&after);
}
END_TEST

START_TEST(space_is_counted)
{
	struct host_space space;

	ck_assert_int_eq(host->ops->space(host, VOLUME_POOL, &space), 0);
	ck_assert_uint_ge(space.total_bytes, 300 << 20);
	ck_assert(space.free_bytes > 0 && space.free_bytes < space.total_bytes);
	ck_assert(space.metadata_free_bytes > (8 << 20) &&
		  space.metadata_free_bytes < space.total_bytes);
}
END_TEST

static TCase *pool_case(void)
{
	TCase *group = tcase_create("pool");

	tcase_add_checked_fixture(group, set_up, tear_down);
	tcase_add_test(group, files_are_written_read_and_listed);
	tcase_add_test(group, names_change_in_one_step);
	tcase_add_test(group, removing_stops_at_subvolumes);
	tcase_add_test(group, what_is_protected_is_removed);
	tcase_add_test(group, what_is_protected_is_moved_and_stays_so);
	tcase_add_test(group, what_is_protected_is_written_and_stays_so);
	tcase_add_test(group, subvolumes_that_are_protected_are_moved_and_deleted);
	tcase_add_test(group, one_byte_is_written_in_place);
	tcase_add_test(group, paths_that_leave_the_pool_are_refused);
	tcase_add_test(group, links_in_a_root_stay_in_it);
	tcase_add_test(group, pipes_and_devices_are_not_opened);
	tcase_add_test(group, copies_share_blocks_and_keep_attributes);
	tcase_add_test(group, copies_keep_what_chattr_said);
	tcase_add_test(group, subvolumes_are_made_listed_and_deleted);
	tcase_add_test(group, a_change_shows_in_the_transaction_number);
	tcase_add_test(group, space_is_counted);
	return group;
}

int main(int argc, char **argv)
{
	TCase *(*const groups[])(void) = {
		pool_case,	   host_open_case,	   host_machine_case,
		host_bus_case,	   host_surroundings_case, host_boot_case,
		host_initrd_case,  host_efi_case,	   host_exclusive_case,
		host_changed_case, host_difference_case,   host_read_only_case};
	Suite *suite;
	SRunner *runner;
	int failed;

	if (argc == 2 && strcmp(argv[1], "--efi-test") == 0)
		return efi_test_body();
	suite = suite_create("host");
	for (size_t i = 0; i < COUNT(groups); i++) {
		TCase *group = groups[i]();

		tcase_set_timeout(group, 120);
		suite_add_tcase(suite, group);
	}
	disk_template_make();
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	disk_template_remove();
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
