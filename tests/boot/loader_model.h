/*
 * loader_model - what systemd-boot does with a boot volume, written from its documentation.
 *
 * Shares nothing with src/boot: it judges it. Sources: the Boot Loader Specification, loader.conf(5),
 * the UAPI version format, and docs/reference/boot.md for what versions 252 and 257 do.
 */
#pragma once
#include "fake_disk.h"

struct model_entry {
	char *name; /* of the file in loader/entries */
	char *kernel, *initrd; /* paths on the volume; initrd NULL = none */
	char *options, *sort_key, *machine_id, *version;
	bool counted;
	unsigned tries_left;
};

/* The menu from top to bottom: what the loader shows. */
struct model_menu {
	struct model_entry *entries;
	size_t count;
	unsigned dropped; /* left out because their kernel is not there; of those called moult-… */
	const struct model_entry *chosen; /* what boots by itself; NULL = nothing is there */
};

void loader_model_read(const struct fake_disk *disk, struct model_menu *ret);
void loader_model_done(struct model_menu *menu);
/* Whether the kernel and the initrd are what their names say. */
bool loader_model_is_bootable(const struct fake_disk *disk, const struct model_entry *entry);
/* Boots: the counter of what is chosen goes down by a rename. */
void loader_model_boot(struct fake_disk *disk);
int loader_model_compare_versions(const char *a, const char *b);

DEFINE_AUTO_STRUCT(model_menu, struct model_menu, loader_model_done)
#define auto_model_menu __attribute__((cleanup(auto_model_menu_)))
