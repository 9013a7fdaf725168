/*
 * linux_fat - FAT12, FAT16 and FAT32, read straight from a device: the table, and where files lie.
 *
 * After Microsoft's "FAT: General Overview of On-Disk Format" 1.03. Every number on the disk may
 * be a lie: chains are bounded by the number of clusters, names by 255 characters.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "host.h"

#define FAT_ENTRY_BYTES 32
#define FAT_WINDOW_BYTES (16 * 1024)
#define FAT_AHEAD_BYTES (128 * 1024)

struct fat {
	int fd;
	unsigned bits; /* 12, 16 or 32 */
	uint32_t cluster_bytes, clusters;
	uint64_t fat_at, fat_bytes, root_at, data_at;
	uint32_t root_bytes; /* of the fixed root directory of FAT12 and FAT16 */
	uint32_t root_cluster; /* FAT32 */
	uint8_t *ahead; /* FAT_AHEAD_BYTES of room for what is read ahead; NULL = nothing is */
	uint64_t ahead_at;
	size_t ahead_bytes;
	uint8_t window[FAT_WINDOW_BYTES];
	uint64_t window_at;
	size_t window_bytes;
};

/* A file or a directory. */
struct fat_node {
	bool directory, fixed_root;
	uint32_t cluster; /* 0 = no bytes */
	uint32_t size_bytes;
	int64_t mtime_sec;
};

/* A stretch of a file that lies in one piece. */
typedef int fat_run_visit(void *userdata, off_t at_bytes, size_t length_bytes);

int fat_open(int fd, struct fat *ret);
int fat_read(struct fat *fat, void *bytes, size_t length, uint64_t at_bytes);
int fat_each_run(struct fat *fat, const struct fat_node *node, fat_run_visit *visit,
		 void *userdata);
int fat_count_space(struct fat *fat, struct host_space *ret);
