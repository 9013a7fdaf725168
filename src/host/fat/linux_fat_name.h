/* linux_fat_name - what a file is called on FAT: a long name in pieces, or the 8.3 alias. */
#pragma once
#include <stdint.h>

#define LONG_PARTS_MAX 20
#define LONG_PART_UNITS 13

static inline uint16_t le16(const uint8_t *at)
{
	return (uint16_t)(at[0] | at[1] << 8);
}

static inline uint32_t le32(const uint8_t *at)
{
	return le16(at) | (uint32_t)le16(at + 2) << 16;
}

/* A long name on its way: its parts come last first, before the entry they belong to. */
struct long_name {
	uint16_t units[LONG_PARTS_MAX * LONG_PART_UNITS];
	unsigned parts, missing;
	uint8_t checksum;
};

/* Takes one directory entry (32 bytes) that holds a part; parts = 0 where it does not fit. */
void long_name_add(struct long_name *name, const uint8_t *entry);
/* The name of a directory entry, UTF-8: the long one that came before, if it is whole and its own. */
char *entry_name(const struct long_name *name, const uint8_t *entry);
