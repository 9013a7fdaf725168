/*
 * operation - one change of the machine, from lock to outcome.
 *
 * operation_begin() takes the lock and writes the first line of the journal; operation_run() carries
 * a plan out; operation_end() writes the outcome and gives the lock back. Before the commit point an
 * interrupt or a failure stops the plan, and the caller discards; after it the plan is finished.
 */
#pragma once
#include "machine.h"
#include "plan.h"

struct operation;

/* A piece of work that STEP_WORK names. */
struct work {
	const char *name;
	bool (*run)(struct operation *operation, struct err *err);
};

struct operation {
	struct machine *machine;
	const char *verb;
	bool locked, committed;
	char id[32]; /* in the journal */
	const struct work *works; /* ends with a NULL name; NULL = the plans have no such steps */
	void *context; /* of the works */
	json_t *steps; /* array: what was planned, for the answer */
	json_t *notes; /* array of strings: what the user should know */
	bool journalled;
	bool trial_ended; /* recovery found that a trial is over */
	int making; /* its directory .N.tmp is no leftover, but being made; -1 = none */
	int generation; /* that it is about, for journals; -1 = none, or not known yet */
	uint64_t next_serial; /* of the menu entry that booted next when it began; 0 = none */
};

bool operation_begin(struct operation *operation, struct machine *machine, const char *verb,
		     struct err *err);
/*
 * Its two halves, for who has something to do that must not wait for the second: until then the
 * machine is what it was before the lock, and another operation may have ended since.
 */
bool operation_lock(struct operation *operation, struct machine *machine, const char *verb,
		    struct err *err);
bool operation_read(struct operation *operation, struct err *err);
bool operation_run(struct operation *operation, const struct plan *plan, struct err *err);
/* `err` NULL = it went well. Always call it, also after a failure. */
void operation_end(struct operation *operation, const struct err *err);
void operation_note(struct operation *operation, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/*
 * What could not be done becomes a note that begins with `what`, and *err is empty: the operation
 * goes on without it. False, with *err as it was, where a person interrupted.
 */
bool operation_forgive(struct operation *operation, const char *what, struct err *err);
/* The steps as JSON, for --dry-run and answers. Caller owns. */
json_t *plan_json(const struct plan *plan);
