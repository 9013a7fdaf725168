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
	struct plan *before_commit; /* steps of the pool that belong there; NULL = none; emptied */
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
	const char *options; /* instead of its own; NULL = its own. Borrowed */
};
bool publish_lost_trial(struct operation *operation, const struct lost_trial *lost,
			struct err *err);
/*
 * A good generation tries what `wanted` says (kernel, digests, options; borrowed): a counted candidate
 * beside the one it boots by default. Whatever else is on trial waits (proposal.h).
 */
bool publish_proposal(struct operation *operation, unsigned id, const struct publication *wanted,
		      struct err *err);
/* Plans the same; for --dry-run. */
bool publish_plan_proposal(struct machine *machine, unsigned id, const struct publication *wanted,
			   struct plan *plan, struct err *err);
/* What the generation tries goes out of the menu, untried. */
bool publish_plan_no_proposal(struct machine *machine, unsigned id, struct plan *plan,
			      struct err *err);
/*
 * The generation that waited for the end of a proposal is offered, with the command line of current;
 * nothing, if there is none or something is on trial.
 */
bool publish_waiting(struct operation *operation, struct err *err);
/*
 * Uncounted candidate: `id` boots from now on; the default subvolume follows, the former current
 * keeps an old entry, and so does what a generation that stays current booted before; whatever was
 * pending is taken back. The publication is `from_serial` again
 * (kernel, digests, options).
 */
bool publish_current(struct operation *operation, unsigned id, uint64_t from_serial,
		     struct err *err);
/* Plans the same; for --dry-run and rollback plans. */
bool publish_plan_current(struct machine *machine, unsigned id, uint64_t from_serial,
			  struct plan *plan, struct err *err);
/* Old entry for a good generation that has none. Blobs no longer needed make room first. */
bool publish_old(struct operation *operation, unsigned id, struct err *err);
/* The same for what the current generation booted before its kernel or command line was changed. */
bool publish_former(struct operation *operation, unsigned id, struct err *err);
/* The counted entry's byte goes back; the generation is built again. */
bool publish_withdraw(struct operation *operation, unsigned id, const char *why, struct err *err);

/* Collects the blobs that no entry and no publication names. */
bool publish_sweep(struct operation *operation, struct err *err);
/*
 * "@gens/7/boot/sha256-….linux" ("linux", "initrd"): where a kernel is kept that was put into /boot
 * live, because there the next one may take its place. Caller frees.
 */
char *publish_own_copy(unsigned id, const char *kind, const char *sha256);
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
