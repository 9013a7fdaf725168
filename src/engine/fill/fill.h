/*
 * fill - puts new content into the copy of a root, in a stage, without touching anything else.
 *
 * What the stage's programs do to the root stays in the copy. What they do to data lands in
 * overlays above snapshots of it; fill_finish() sorts that into what the first boot adds
 * (replay.h), logs, and changes to existing data, which are refused unless they were accepted.
 *
 * On disk, all below `making` until the generation is listed:
 *	root           the copy
 *	overlay/@var   upper and work directories, while the stage is used
 *	data-lower/@var snapshot of the data, which the stage cannot write to, while it is used
 *	empty          what is mounted where there is data that the stage cannot have
 *	replay/@var    what the first boot adds to the data; replay.json beside it. Of a base that
 *	               was never booted it is taken over
 *	log            what the stage's programs wrote below /var/log
 *	new-defaults   defaults of configuration files that the owner's own ones kept out
 * A failure leaves what is there: the caller discards `making` as a whole.
 */
#pragma once
#include "dpkg.h"
#include "machine.h"

struct fill;

/* Where new content comes from. refresh and preview are NULL where there is nothing to ask. */
struct source {
	const char *name;
	bool (*refresh)(struct fill *fill, struct err *err);
	bool (*preview)(struct fill *fill, struct err *err);
	bool (*apply)(struct fill *fill, struct err *err);
};

extern const struct source *const sources[];
extern const size_t source_count;
/* NULL = there is none of that name. */
const struct source *source_find(const char *name);

#define FILL_TAIL_LINES 10

/* Data as the copy's fstab mounts it. Strings are owned. */
struct data_volume {
	char *mount_point; /* "/var" */
	char *why_not; /* the stage goes without it: why, "" = nobody will miss it; NULL = it has it */
	bool may_miss; /* a boot goes on without it */
	/* NULL where it is no subvolume, or one that is mounted elsewhere already */
	char *name; /* of its directories: the subvolume, "/" as "!" */
	char *subvolume; /* "@var" */
	char *lower, *upper, *work; /* paths on the pool */
	/* what the base was going to put here, which is taken over (seed.c); NULL = nothing */
	char *seed; /* a tree on the pool */
	json_t *seed_changes; /* accepted ones: [{path, kind}] */
};

/* A file in /etc that was there before and looks like a default left beside its original. */
struct left_default {
	char *path; /* inside the root */
	int64_t mtime_sec;
	uint64_t size_bytes;
};

struct fill {
	/* the request; borrowed */
	struct machine *machine;
	const struct source *source;
	const char *verb; /* what was asked for, without --accept: "upgrade --continue" */
	const char *making; /* "@gens/.7.tmp"; its root is there */
	const char *base; /* "@gens/6", whose root the copy is of; NULL = of no generation */
	unsigned generation;
	const char *release; /* codename of the distribution's release to move to; NULL = stay */
	const char *const *command; /* of the command source; NULL = a shell */
	bool terminal; /* the command talks to the caller's terminal */
	bool accept_data_change;

	/* results; owned, valid until fill_done() */
	struct package_changes changes; /* preview: what would change; apply: what did */
	uint64_t download_bytes; /* preview: of packages that no cache has yet */
	char *what; /* for people: what was done */
	json_t *data_changes; /* after finish: [{path, kind: "changed"|"removed"}] */

	/* its own */
	const struct package_manager *manager; /* NULL = none known in this root */
	char *root; /* making/root */
	char *hostname;
	struct data_volume *volumes; /* parents before what is mounted in them */
	size_t volume_count;
	json_t *base_replay; /* volumes that the base brings and nobody added yet; NULL = none */
	struct stage_mount *mounts;
	size_t mount_count;
	struct host_strings strings; /* what mounts refer to */
	struct left_default *defaults;
	size_t default_count;
	char *tail[FILL_TAIL_LINES]; /* the last lines of output, a ring */
	size_t line_count;
	char *failed_package, *failure; /* the first that the package manager reported */
	unsigned percent;
};

bool fill_open(struct fill *fill, struct err *err);
bool fill_refresh(struct fill *fill, struct err *err);
bool fill_preview(struct fill *fill, struct err *err);
bool fill_apply(struct fill *fill, struct err *err);
/*
 * The machine's data as the stage has it, for other stages of the same copy: overlays, parents
 * before what is mounted in them. What is written there is sorted by fill_finish(). The caller
 * frees the array; its strings are fill's.
 */
struct stage_mount *fill_data_mounts(const struct fill *fill, size_t *ret_count);
/* After it no stage can be built any more. Fails with ERR_NEEDS_ACK, code DATA_CHANGE. */
bool fill_finish(struct fill *fill, struct err *err);
/* Frees memory only; a second time does nothing. */
void fill_done(struct fill *fill);

/* At the first boot of a generation, before services: see replay.h. */
bool replay_run(struct machine *machine, unsigned generation, struct err *err);
