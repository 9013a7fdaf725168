/*
 * publish - the switch: a generation enters the menu, becomes current, or leaves it.
 *
 * Every function plans the whole change over the machine as it was read, in the order of the rules
 * of the switch (docs/design/switch.md), and runs it. The pool and the loader are joined here and
 * nowhere else.
 */
#pragma once
#include "operation.h"

/* What a new publication boots. Paths are on the pool. */
struct boot_files {
	const char *release;
	const char *linux_path;
	const char *initrd_path; /* NULL = none */
	const char *options; /* own part of the command line */
};

/* Counted candidate: `id` is tried at the next boot. Commit point inside. Blobs no longer needed make room first. */
bool publish_trial(struct operation *operation, unsigned id, const struct boot_files *files,
		   struct err *err);
/*
 * The same kernel, digests and options as publication `from_serial`, under a new serial, with `tries`
 * tries: a person offers it anew.
 */
bool publish_trial_again(struct operation *operation, unsigned id, uint64_t from_serial,
			 unsigned tries, struct err *err);
/* A trial whose entry was lost goes on: its attempts, and what they found, count on. */
struct lost_trial {
	unsigned id, tries; /* left */
	uint64_t serial; /* of the publication */
};
bool publish_lost_trial(struct operation *operation, const struct lost_trial *lost,
			struct err *err);
/*
 * Uncounted candidate: `id` boots from now on; the default subvolume follows, the former current
 * keeps an old entry, and whatever was pending is taken back. The publication is `from_serial` again
 * (kernel, digests, options).
 */
bool publish_current(struct operation *operation, unsigned id, uint64_t from_serial,
		     struct err *err);
/* Plans the same; for --dry-run and rollback plans. */
bool publish_plan_current(struct machine *machine, unsigned id, uint64_t from_serial,
			  struct plan *plan, struct err *err);
/* Old entry for a good generation that has none. Blobs no longer needed make room first. */
bool publish_old(struct operation *operation, unsigned id, struct err *err);
/* The counted entry's byte goes back; the generation is built again. */
bool publish_withdraw(struct operation *operation, unsigned id, const char *why, struct err *err);

/* Collects the blobs that no entry and no publication names. */
bool publish_sweep(struct operation *operation, struct err *err);
/* The first serial that nothing used yet, at the loader either. */
uint64_t publish_next_serial(const struct machine *machine);
/* An entry as the loader wants it. `storage` owns what the entry borrows. */
struct entry_storage {
	char *title, *linux_from, *initrd_from;
	char root[GENERATION_PATH_MAX];
};
void entry_storage_done(struct entry_storage *storage);
struct boot_entry publish_entry(const struct machine *machine, const struct generation *generation,
				const struct publication *publication,
				struct entry_storage *storage);
DEFINE_AUTO_STRUCT(entry_storage, struct entry_storage, entry_storage_done)
#define auto_entry_storage __attribute__((cleanup(auto_entry_storage_)))
