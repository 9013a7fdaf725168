/* How much data only some subvolumes refer to, on a real Btrfs. */
#include <errno.h>
#include "host_disk.h"
#include "text.h"

#define KIB UINT64_C(1024)

static struct disk disk;
static struct host *host;

/* "gen": 512 KiB that root and base share; root has 256 KiB more, of which 128 KiB twice. */
static void set_up(void)
{
	host = disk_open_with_root(&disk);
	run("dd if=/dev/urandom of=/run/moult/pool/root/shared bs=128K count=4 2>/dev/null");
	run("sync -f /run/moult/pool");
	ck_assert_int_eq(host->ops->snapshot(host, "root", "base", true), 0);
	run("dd if=/dev/urandom of=/run/moult/pool/root/own bs=128K count=1 2>/dev/null");
	run("dd if=/dev/urandom of=/run/moult/pool/root/twice bs=128K count=1 2>/dev/null");
	run("cp --reflink=always /run/moult/pool/root/twice /run/moult/pool/root/again");
	run("echo small > /run/moult/pool/root/inline");
	run("sync -f /run/moult/pool");
}

static void tear_down(void)
{
	linux_host_close(host);
	disk_done(&disk);
}

static uint64_t exclusive(const char *const *paths, size_t count)
{
	uint64_t bytes = 0;

	ck_assert_int_eq(host->ops->exclusive_bytes(host, paths, count, &bytes), 0);
	return bytes;
}

START_TEST(what_root_and_base_share_is_theirs_and_counts_once)
{
	const char *const both[] = {"root", "base"}, *const one[] = {"root"};

	ck_assert_uint_eq(exclusive(both, 2), 768 * KIB);
	ck_assert_uint_eq(exclusive(one, 1), 256 * KIB);
	ck_assert_uint_eq(exclusive(both + 1, 1), 0);
	ck_assert_uint_eq(exclusive(both, 0), 0);
}
END_TEST

START_TEST(what_another_generation_has_as_well_does_not_count)
{
	const char *const both[] = {"root", "base"}, *const other[] = {"other"};

	ck_assert_int_eq(host->ops->snapshot(host, "root", "other", false), 0);
	run("rm /run/moult/pool/root/own");
	run("sync -f /run/moult/pool");
	ck_assert_uint_eq(exclusive(both, 2), 0);
	ck_assert_uint_eq(exclusive(other, 1), 128 * KIB);
}
END_TEST

START_TEST(a_subvolume_inside_is_not_part_of_it)
{
	const char *const one[] = {"root"};

	ck_assert_int_eq(host->ops->create_subvolume(host, "root/inside"), 0);
	run("dd if=/dev/urandom of=/run/moult/pool/root/inside/f bs=128K count=1 2>/dev/null");
	run("sync -f /run/moult/pool");
	ck_assert_uint_eq(exclusive(one, 1), 256 * KIB);
}
END_TEST

START_TEST(what_is_no_subvolume_is_an_error)
{
	const char *const directory[] = {"root/etc"}, *const missing[] = {"none"};
	uint64_t bytes;

	ck_assert_int_eq(host->ops->make_directory(host, VOLUME_POOL, "root/etc", 0755), 0);
	ck_assert_int_eq(host->ops->exclusive_bytes(host, directory, 1, &bytes), -EINVAL);
	ck_assert_int_eq(host->ops->exclusive_bytes(host, missing, 1, &bytes), -ENOENT);
}
END_TEST

TCase *host_exclusive_case(void)
{
	TCase *group = tcase_create("exclusive");

	tcase_add_checked_fixture(group, set_up, tear_down);
	tcase_add_test(group, what_root_and_base_share_is_theirs_and_counts_once);
	tcase_add_test(group, what_another_generation_has_as_well_does_not_count);
	tcase_add_test(group, a_subvolume_inside_is_not_part_of_it);
	tcase_add_test(group, what_is_no_subvolume_is_an_error);
	return group;
}
