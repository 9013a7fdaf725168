/*
 * generation - one complete bootable state, as its directory describes it.
 *
 * generation.json holds facts, written once; state.json holds what changes. Both are kept as
 * documents too, so that fields of a newer moult survive a rewrite by an older one.
 * Source: the disk layout in docs/design/layout.md.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "auto.h"
#include "err.h"
#include "json.h"

/* What this build writes; it reads every document whose min_reader is not above it. */
#define GENERATION_FORMAT 1

#define GENERATION_PATH_MAX 256

enum gen_state {
	GEN_BUILDING, /* directory .N.tmp: not finished, deleted by recovery */
	GEN_BUILT, /* complete and verified, in no menu */
	GEN_TRIAL, /* in the menu with a limited number of tries */
	GEN_GOOD, /* booted and found healthy */
	GEN_BAD, /* failed; never tried again by itself */
	GEN_STATE_COUNT,
};

enum pub_kind {
	PUB_TRIAL, /* counted candidate */
	PUB_CURRENT, /* uncounted candidate */
	PUB_OLD, /* in the menu, never the default */
	PUB_NONE, /* was in the menu once */
	PUB_KIND_COUNT,
};

enum outcome {
	OUTCOME_STARTED, /* it boots now, or was cut off before it could say anything */
	OUTCOME_HEALTHY,
	OUTCOME_FAILED,
	OUTCOME_UNKNOWN, /* ended without a verdict: power cycled, hung before userland, lost entry */
	OUTCOME_COUNT,
};

/*
 * How far the data is parted from the root of the generation that `init` made of a running system.
 * Offline, and for every other generation, there is nothing to part.
 */
enum carve {
	CARVE_DONE,
	CARVE_SHUTDOWN, /* the root is copied, and offered, when the system shuts down */
	CARVE_WANTED, /* its first boot copies the data */
	CARVE_COPIED, /* the data subvolumes are complete; the root is being changed */
	CARVE_PRUNE, /* it runs with its data parted; what is left over from that is in the way */
	CARVE_COUNT,
};

struct attempt {
	char *boot_id; /* "" when it never reached userland */
	int64_t when; /* seconds since 1970, 0 = unknown */
	enum outcome outcome;
	char *reason; /* NULL = none */
};

struct publication {
	uint64_t serial;
	enum pub_kind kind;
	char *kernel; /* release, for people: "6.1.0-50-cloud-amd64" */
	char *options; /* the publication's own part of the command line, without root=, rootflags=, moult.* */
	char linux_sha256[65], initrd_sha256[65]; /* initrd "" = none */
	unsigned tries; /* of a trial: how many it was given; 0 for the others */
	bool failed; /* a verdict against it was given */
	char *reason; /* of a failed one of a good generation: what came of it; NULL = none */
	uint64_t
		continues; /* serial of the trial that it goes on from, whose entry was lost; 0 = none */
	struct attempt *attempts;
	size_t attempt_count;
};

struct generation {
	unsigned id;
	/* facts */
	int parent; /* -1 = none */
	char *source; /* "packages", "command", "init", "checkpoint", "image" */
	char *what; /* for people: "apt full-upgrade", the command line */
	int64_t created;
	char *package_digest;
	bool automatic; /* a checkpoint that nobody asked for by name: the oldest of them make room */
	char *original; /* generation 0 only: path of the adopted root */
	char *original_default; /* generation 0 only: path of the former default subvolume, "" = top */
	char *original_loader_conf; /* generation 0 only */
	uint64_t
		original_transid; /* generation 0 only: of the root when it was copied; 0 = unknown */
	/* state */
	enum gen_state state;
	bool pinned, stale;
	/*
	 * What was edited where it was staged from is looked for since this transaction there; 0 = there
	 * is nothing to look for. @gens/7/ancestor is that root as it was then, or later.
	 */
	uint64_t late_transid;
	unsigned late_origin; /* the generation whose root that is */
	bool waiting; /* built; to be offered once the proposal (proposal.h) of current was tried */
	enum carve carve;
	bool undone; /* generation 0 only: `init --undo`; the loader is not ours till the next init */
	char *name, *stale_why, *reason; /* NULL = none; reason: why it is bad */
	struct publication *publications; /* by serial, ascending */
	size_t publication_count;
	/* documents as read, NULL for a generation being made */
	json_t *facts, *status;
	char *damage; /* NULL, or why this directory cannot be used: then only `id` holds */
};

const char *gen_state_name(enum gen_state state);
const char *carve_name(enum carve carve);
/* Whether its data is parted from its root: what is not has never booted to its end. */
bool generation_is_whole(const struct generation *generation);
const char *pub_kind_name(enum pub_kind kind);
const char *outcome_name(enum outcome outcome);

/* Fills everything from the two documents; *generation is zeroed first. Refuses newer min_reader. */
bool generation_parse(unsigned id, const char *facts, const char *status,
		      struct generation *generation, struct err *err);
char *generation_print_facts(const struct generation *generation);
char *generation_print_state(const struct generation *generation);
void generation_done(struct generation *generation);
/* A deep copy: for working out the next state without touching the listing. */
void generation_copy(const struct generation *from, struct generation *ret);

/* "@gens/7/root", or the original's path for generation 0. Borrowed buffer given by the caller. */
const char *generation_root(const struct generation *generation, char buffer[GENERATION_PATH_MAX]);
/* "@gens/7" */
const char *generation_directory(unsigned id, char buffer[GENERATION_PATH_MAX]);
/* "@gens/.7.tmp" */
const char *generation_making(unsigned id, char buffer[GENERATION_PATH_MAX]);
/* "@gens/7/ancestor": the root that it was staged from, as it was then */
const char *generation_ancestor(unsigned id, char buffer[GENERATION_PATH_MAX]);
/* Where a path below @gens/.7.tmp is once generation 7 is listed; others stay. NULL stays. Caller frees. */
char *generation_listed_path(unsigned id, const char *path);

struct publication *generation_publish(struct generation *generation, uint64_t serial,
				       enum pub_kind kind);
struct publication *generation_find_publication(const struct generation *generation,
						uint64_t serial);
/*
 * The publication whose kernel and command line a new one inherits; NULL = none. Of a good generation
 * that is what it boots by default, or did last; of another one the newest that did not fail.
 */
struct publication *generation_last_publication(const struct generation *generation);
/* The one that `publication` goes on from; NULL = it was offered anew. */
struct publication *generation_continued(const struct generation *generation,
					 const struct publication *publication);
/* Whether `moult checkpoint` made it: a copy of its parent as it was then, which went on. */
bool generation_is_checkpoint(const struct generation *generation);
/* The attempt of this boot, added as "started" if it is the first time; boot_id "" always adds one. */
struct attempt *publication_attempt(struct publication *publication, const char *boot_id);

DEFINE_AUTO_STRUCT(generation, struct generation, generation_done)
#define auto_generation __attribute__((cleanup(auto_generation_)))
