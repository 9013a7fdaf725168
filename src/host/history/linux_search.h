/*
 * linux_search - items of the tree of a Btrfs subvolume, in the order of their keys.
 *
 * What the kernel answers comes in buffers; this asks again until there is no more. The items are
 * those of the disk, which somebody may have made up: their lengths are checked against the buffer,
 * and a name is never longer than its item, never empty, and has neither a slash nor a zero in it.
 *
 * Source: documentation of BTRFS_IOC_TREE_SEARCH_V2, linux/btrfs_tree.h.
 */
#pragma once
#include <linux/btrfs.h>
#include <stddef.h>
#include <stdint.h>

/* An item is at most as large as a block of metadata, which is at most 64 KiB. */
#define TREE_SEARCH_BYTES (256 * 1024)

/* The kernel's answer. Large: allocated, once for many searches, and not while one goes on. */
struct tree_search {
	struct btrfs_ioctl_search_args_v2 args;
	unsigned char room[TREE_SEARCH_BYTES];
};

struct tree_item {
	struct btrfs_ioctl_search_header header;
	const unsigned char *bytes; /* as many as header.len; borrowed until the next buffer */
};

/* One name of an inode, in the directory with that inode number. */
struct tree_name {
	uint64_t directory;
	const char *bytes; /* without a 0 at its end; borrowed */
	size_t length;
};

/* What is done with each; anything but 0 ends the search and is its result. */
struct tree_visit {
	int (*item)(void *userdata, const struct tree_item *item);
	int (*name)(void *userdata, const struct tree_name *name);
	void *userdata;
};

/* Calls visit->item with all items from the lowest key to the highest; fd: anything in the subvolume. */
int tree_search(struct tree_search *search, int fd, const struct btrfs_ioctl_search_key *key,
		const struct tree_visit *visit);
/* Calls visit->name with every name of an inode; one that is open and was removed has none. */
int tree_names(struct tree_search *search, int fd, uint64_t inode, const struct tree_visit *visit);
