/*
 * boot_world - a machine with some generations and a boot volume, for tests of src/boot.
 *
 * Generation 0 is an adopted @rootfs; every other N has @gens/N/root with a kernel and an initrd.
 * Plans are run by the engine's own run_step().
 */
#pragma once
#include "fake_host.h"
#include "loader.h"
#include "sdboot.h"

#define WORLD_GENERATIONS 12

/* What Debian's installer leaves: its own entry, kernel and settings. */
struct fake_host *world_new(void);
/* An entry for `generation`; strings live in *storage. */
struct world_entry {
	char title[64], subvolume[32], linux_from[64], initrd_from[64];
	struct digest linux_digest, initrd_digest;
};
struct boot_entry world_entry(unsigned generation, uint64_t serial, struct world_entry *storage);

void world_menu(struct host *host, struct menu *ret);
/* Runs the steps one after the other; false: one failed, and nothing after it was done. */
bool world_run(struct host *host, const struct plan *plan, struct err *err);

/* Plans from the menu as found, runs, and marks the result as durable; aborts on failure. */
enum world_verb { WORLD_ADOPT, WORLD_OFFER, WORLD_OLD, WORLD_DISABLE, WORLD_ENABLE, WORLD_REMOVE };
void world_do(struct fake_host *fake, enum world_verb verb, unsigned generation, uint64_t serial);
void world_settle(struct fake_host *fake);
/* Appends the steps of a verb, planned over `menu`. For the last three the entry is found by serial. */
bool world_plan(const struct menu *menu, enum world_verb verb, unsigned generation, uint64_t serial,
		struct plan *plan, struct err *err);
