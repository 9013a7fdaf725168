/* What the chunks take that are not there yet: as the kernel reckons it for `df`. */
#include <linux/btrfs_tree.h>
#include "linux_internal.h"
#include "unit.h"

static const struct {
	uint64_t flags, free[3], wanted;
} cases[] = {
	{BTRFS_BLOCK_GROUP_DATA, {0}, 0},
	{BTRFS_BLOCK_GROUP_DATA, {700}, 700},
	{BTRFS_BLOCK_GROUP_DATA, {700, 100}, 800},
	{BTRFS_BLOCK_GROUP_METADATA | BTRFS_BLOCK_GROUP_DUP, {700}, 350},
	{BTRFS_BLOCK_GROUP_METADATA | BTRFS_BLOCK_GROUP_DUP, {100, 600}, 350},
	/* a copy on each of two */
	{BTRFS_BLOCK_GROUP_DATA | BTRFS_BLOCK_GROUP_RAID1, {700}, 0},
	{BTRFS_BLOCK_GROUP_DATA | BTRFS_BLOCK_GROUP_RAID1, {600, 1600}, 600},
	/* less than there is, but so the kernel says */
	{BTRFS_BLOCK_GROUP_DATA | BTRFS_BLOCK_GROUP_RAID1, {1600, 600, 600}, 600},
	{BTRFS_BLOCK_GROUP_DATA | BTRFS_BLOCK_GROUP_RAID1C3, {600, 1600, 700}, 600},
	{BTRFS_BLOCK_GROUP_DATA | BTRFS_BLOCK_GROUP_RAID0, {600, 1600}, 2200},
};

START_TEST(new_chunks_take_what_their_profile_finds_on_the_devices)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint64_t devices[3] = {0}, got;
		size_t count = 0;

		for (size_t d = 0; d < 3; d++)
			if (cases[i].free[d] > 0)
				devices[count++] = cases[i].free[d];
		got = space_of_chunks(devices, count, cases[i].flags);
		ck_assert_msg(got == cases[i].wanted, "case %zu: %llu", i, (unsigned long long)got);
	}
}
END_TEST

UNIT_MAIN("space", new_chunks_take_what_their_profile_finds_on_the_devices)
