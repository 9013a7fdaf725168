/*
 * menu - what the loader would show, as found on the boot volume.
 *
 * Pure: made from file names and texts by a loader's `parse`. One entry for each file or stanza of
 * ours, and for each that only looks like ours (not `whole`), because the loader may choose it.
 * Entries of others are named only, but the blobs they use are known too. What another system of
 * moult put there, whose root is on another pool, is never ours: not chosen, changed or removed.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "auto.h"

enum menu_role {
	MENU_CANDIDATE, /* the loader may choose it by itself */
	MENU_OLD, /* only a person chooses it */
};

struct menu_entry {
	char *path; /* on the boot volume */
	enum menu_role role;
	uint64_t serial;
	unsigned generation;
	bool counted;
	unsigned tries_left, tries_done; /* of a counted one */
	bool enabled; /* false: complete, but the loader ignores it */
	bool whole; /* it parses as something that moult writes */
	size_t switch_offset; /* of the byte that enables it; 0 = there is no such byte */
	char linux_sha256[65], initrd_sha256[65];
	char *options; /* all of the command line */
	char *root_uuid; /* of the file system that it says its root is on; NULL = it does not say */
	char *text; /* as found; NULL = it could not be read */
	/* What the loader sorts by; NULL = not there. */
	char *sort_key, *machine_id, *version;
	char *kernel; /* path that the loader opens; NULL = none */
	bool kernel_missing; /* the loader leaves such an entry out without a word */
};

struct menu {
	struct menu_entry *entries; /* by serial, ascending */
	size_t count;
	struct menu_entry
		*others; /* named like ours, but of another system; by serial, ascending */
	size_t other_count;
	char *root_uuid; /* of the pool whose entries are ours; NULL = all are */
	char *settings; /* the loader's own configuration file; NULL = none */
	char **foreign; /* names of entries that are not ours */
	size_t foreign_count;
	struct menu_entry
		*bootable; /* of those, what has a kernel and a command line, as the loader sorts */
	size_t bootable_count;
	char **blobs; /* paths of all blobs found, whether used or not */
	size_t blob_count;
	char **other_blobs; /* paths that entries of others name: not ours to delete */
	size_t other_blob_count;
	char **torn; /* names of ours in a state no write of moult leaves: alias only, twice */
	size_t torn_count;
};

void menu_entry_done(struct menu_entry *entry);
void menu_done(struct menu *menu);
/* Appends a copy to one of the lists of names. */
void menu_add(char ***strings, size_t *count, const char *string);
/* By serial, candidates before old ones, then by path; `parse` calls it last. */
void menu_sort(struct menu *menu);
DEFINE_AUTO_STRUCT(menu, struct menu, menu_done)
#define auto_menu __attribute__((cleanup(auto_menu_)))

/* The enabled, whole, uncounted candidate with the highest serial: what is true whatever else says. NULL = none. */
const struct menu_entry *menu_truth(const struct menu *menu);
/* What the loader boots next: the enabled candidate it prefers, see order.h. NULL = none of ours. */
const struct menu_entry *menu_next(const struct menu *menu);
/* Of another system: the enabled candidate that the loader prefers, and may choose; NULL = none. */
const struct menu_entry *menu_rival(const struct menu *menu);
/* The enabled counted candidate; NULL = none. */
const struct menu_entry *menu_trial(const struct menu *menu);
/* The candidate with this serial, else the old entry with it; NULL = none. */
const struct menu_entry *menu_find(const struct menu *menu, uint64_t serial);
const struct menu_entry *menu_find_path(const struct menu *menu, const char *path);
/* Whether this entry's name is among the torn ones. */
bool menu_is_torn(const struct menu *menu, const struct menu_entry *entry);
bool menu_has_blob(const struct menu *menu, const char *path);
/* Those of other systems count: no name is to be used twice. */
uint64_t menu_highest_serial(const struct menu *menu);
