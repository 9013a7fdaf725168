/*
 * sdboot_entry - one file in loader/entries: its name and its text.
 *
 * Name: moult-SSSSSS.conf, moult-SSSSSS+LEFT-DONE.conf (counted) or moult-old-SSSSSS.conf.
 * Text: "#linux /moult/sha256-….linux" is its last line. That first byte is the switch: while it is
 * "#", the loader drops the file for want of a kernel; a blank makes it an entry.
 * Source: the Boot Loader Specification, type #1.
 */
#pragma once
#include "loader.h"

#define SDBOOT_ENTRIES "loader/entries"
#define SDBOOT_BLOBS "moult"

/*
 * What an entry may take. More than a sector does no harm: it is written, synced and read back as a
 * whole while it is switched off, and the switch is one byte, which lies in one sector anyway.
 */
#define SDBOOT_ENTRY_MAX_BYTES 2048

enum sdboot_name {
	SDBOOT_FOREIGN,
	SDBOOT_OURS,
	SDBOOT_STRANGE, /* the loader takes it for ours, but moult never makes such a name */
	SDBOOT_ALIAS, /* only the 8.3 name of one of ours is left */
};

/* Fills role, serial, counted and tries of *ret for OURS and STRANGE. */
enum sdboot_name sdboot_name_parse(const char *name, struct menu_entry *ret);
/* tries 0 = uncounted; they are only for candidates. Caller frees. */
char *sdboot_entry_path(enum menu_role role, uint64_t serial, unsigned tries);

/* The text of an entry that is switched off. Too long: the title gives way, then refused. */
bool sdboot_entry_print(const struct boot_entry *entry, enum boot_role role, char **ret_text,
			struct err *err);
/* Where the switch of a text made by sdboot_entry_print() is. */
size_t sdboot_switch_offset(const char *text);

/* Fills everything but the name's part of *entry; `text` may be anything, or NULL. */
void sdboot_entry_parse(const char *text, struct menu_entry *entry);
/* Calls back with each path (relative) that an entry of anybody names. */
void sdboot_entry_paths(const char *text, void (*on_path)(void *userdata, const char *path),
			void *userdata);
