/*
 * making - a new generation is made beside the running one, and offered to the loader.
 *
 * plan → preflight → stage → source → verify → base → built → publish → trial. Everything up to the
 * commit point touches only @gens/.N.tmp, the blobs and a disabled entry, and is taken back when it
 * fails.
 */
#pragma once
#include "fill.h"
#include "operation.h"
#include "verbs.h"
#include "verify.h"

struct making {
	const struct verb_request *request;
	const struct source *source;
	unsigned base_id;
	char base_root[GENERATION_PATH_MAX], base_directory[GENERATION_PATH_MAX];
	/* of which a snapshot is kept: base_root, or what a pending base knows its late edits by */
	char ancestor[GENERATION_PATH_MAX];
	char directory[GENERATION_PATH_MAX]; /* @gens/.7.tmp */
	char *options; /* own command line, inherited */
	char *again; /* the words of the request */
	struct fill fill;
	struct kernel kernel;
	struct generation generation; /* facts as they become known; its id is the new one */
};

/* `base` is the generation it is built from. */
void making_begin(struct making *making, struct machine *machine,
		  const struct verb_request *request, const struct generation *base);
void making_done(struct making *making);

/* Steps until the copy is filled, verified and recorded; `only_preview` stops after asking the source. */
void making_plan(const struct machine *machine, const struct making *making, bool only_preview,
		 struct plan *plan);
extern const struct work making_works[];
/* Runs the plan; afterwards making->fill.changes says what the source has. Nothing is listed yet. */
bool making_run(struct operation *operation, struct making *making, bool only_preview,
		struct err *err);
/* Lists and publishes what making_run() made. */
bool making_finish(struct operation *operation, struct making *making, struct err *err);
/* Takes everything back and keeps the log in @moult/log; never fails where it matters. */
void making_discard(struct operation *operation, struct making *making);
