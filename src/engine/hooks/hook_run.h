/*
 * hook_run - one run of a hook: in the stage, or on the running system.
 *
 * Both leave a record in the journal, and their output in the operation's log. Whether the hook was
 * content is in the record; only what keeps it from running at all is an error.
 */
#pragma once
#include "hook_list.h"
#include "machine.h"

#define HOOK_TIMEOUT_SEC 300
#define HOOK_LAST_LINES 5

struct hook_record {
	enum hook_phase phase;
	unsigned generation;
	char *failure; /* NULL = it went well; else "failed with exit status 3: its last line" */
	char *lines[HOOK_LAST_LINES]; /* the newest last */
	size_t line_count;
};

/* Which hook, where. Everything is borrowed. */
struct hook_job {
	struct machine *machine;
	const struct hook *hook;
	enum hook_phase phase;
	/* of HOOK_STAGED only */
	const char *making; /* "@gens/.7.tmp" */
	const struct stage_mount *data; /* overlays, parents before what is mounted in them */
	size_t data_count;
	/* of all */
	int from; /* the parent of `to`; -1 = none */
	unsigned to; /* the generation that is made, or runs */
};

bool hook_run_staged(const struct hook_job *job, struct hook_record *ret, struct err *err);
bool hook_run_live(const struct hook_job *job, struct hook_record *ret, struct err *err);
void hook_record_done(struct hook_record *record);
DEFINE_AUTO_STRUCT(hook_record, struct hook_record, hook_record_done)
#define auto_hook_record __attribute__((cleanup(auto_hook_record_)))
