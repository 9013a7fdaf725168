/*
 * listing - what is on the machine, as far as planning needs to know.
 *
 * Made by engine/store from the directories; read by pure code. The menu (what the loader has) is
 * boot/menu's, and kept beside it.
 */
#pragma once
#include "generation.h"

struct layout {
	uint64_t last_id, last_serial; /* highest ever used */
	json_t *document; /* as read; NULL when there was none */
};

struct running {
	bool live; /* false: another system's disk (--sysroot); the rest is then unset */
	int booted; /* generation id, -1 = not one of ours */
	uint64_t serial; /* moult.serial= of the command line, 0 = none */
	bool trial;
	bool volatile_session;
	char *boot_id;
};

struct listing {
	bool adopted; /* @gens/layout.json exists */
	struct layout layout;
	struct generation *generations; /* by id, ascending */
	size_t count;
	unsigned *leftovers; /* ids of .N.tmp directories */
	size_t leftover_count;
	char *default_root; /* path of the Btrfs default subvolume, "" = top level */
	char **subvolumes; /* paths of all subvolumes of the file system, sorted */
	size_t subvolume_count;
	/* Where the system was adopted while it ran and its data is not parted yet; else both false: */
	bool exchanged; /* what ran then is generation 1 by now, and a snapshot of it the original */
	bool original_used; /* the original was written to since it was copied */
	struct running running;
};

void listing_done(struct listing *listing);
DEFINE_AUTO_STRUCT(listing, struct listing, listing_done)
#define auto_listing __attribute__((cleanup(auto_listing_)))

bool layout_parse(const char *bytes, struct layout *ret, struct err *err);
char *layout_print(const struct layout *layout);

bool listing_has_subvolume(const struct listing *listing, const char *path);
struct generation *listing_find(const struct listing *listing, unsigned id);
/* The one whose root this is, by its path on the pool; NULL = none, or a damaged one. */
struct generation *listing_of_root(const struct listing *listing, const char *path);
/* The good generation that the Btrfs default subvolume names; 0 before the first bless. NULL only on damage. */
struct generation *listing_current(const struct listing *listing);
/* `moult init --undo` was done since: nothing of moult's is to be put in the menu. */
bool listing_undone(const struct listing *listing);
/* Generation 1 of a system that was adopted while it runs, its data not parted yet; NULL = there is none. */
struct generation *listing_adopting(const struct listing *listing);
/* The newest generation in trial, or built and newer than current and meant to be tried; NULL = nothing pending. */
struct generation *listing_pending(const struct listing *listing);
/*
 * The newest upgrade that came to nothing and is not made again by itself until the source has
 * something newer: found bad, never got far enough for a verdict, or left by a rollback. NULL = none,
 * or one that was made since is good.
 */
struct generation *listing_given_up(const struct listing *listing);
/*
 * By number, name, "current", "running", or "last" (last good other than booted, or than current
 * where nothing of ours runs), which NULL is, too.
 */
struct generation *listing_select(const struct listing *listing, const char *which,
				  struct err *err);
/* Whether it is one of these words. */
bool listing_is_word(const char *which);
/* The generation that a new one is built from: current, or the pending one with `continue_pending`. */
struct generation *listing_base(const struct listing *listing, bool continue_pending);

/* The highest generation number ever used: layout, generations, leftovers. */
uint64_t listing_highest_id(const struct listing *listing);
/* The highest serial in use anywhere: layout, publications; the loader's are the caller's to add. */
uint64_t listing_highest_serial(const struct listing *listing);
/*
 * A good generation, not damaged, that is neither `id` nor generation 0: the newest. A checkpoint
 * whose parent is good and not `id` does not count (the parent is what its owner went on with), nor
 * does an automatic one.
 */
struct generation *listing_other_good(const struct listing *listing, unsigned id);
/* Whether going back from `id` the parent of this checkpoint is meant, and not the checkpoint. */
bool listing_is_surpassed(const struct listing *listing, const struct generation *generation,
			  int id);
/* Whether a generation may be called that; `gen` NULL = one that is still to be made. */
bool listing_check_name(const struct listing *listing, const struct generation *gen,
			const char *name, struct err *err);
