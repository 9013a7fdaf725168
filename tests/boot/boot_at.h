/*
 * boot_at - a machine, its menu as found, and the plan that a test makes over it.
 *
 * Whatever is not as a test expects fails that test.
 */
#pragma once
#include "boot_world.h"

struct at {
	struct fake_host *fake;
	struct menu menu;
	struct plan plan;
	struct err err;
};

/* Generation 7 is current, 5 is kept, 0 is the original. */
struct at at_in_use(void);
void at_done(struct at *at);
/* Reads the menu afresh; plan and error are empty afterwards. */
void at_look(struct at *at);

void at_put_entry(struct at *at, const char *name, const char *text);
char *at_text(const struct at *at,
	      const char *name); /* of a file in loader/entries; caller frees */

/* Appends to the plan. */
void at_planned(struct at *at, enum world_verb verb, unsigned generation, uint64_t serial);
/* The verb is refused with a sentence that has `why` in it. */
void at_refused(struct at *at, enum world_verb verb, unsigned generation, uint64_t serial,
		const char *why);
/* Runs the plan, then looks. */
void at_run(struct at *at);

unsigned at_count_steps(const struct plan *plan, enum step_kind kind);
unsigned at_count_commits(const struct plan *plan);

DEFINE_AUTO_STRUCT(at, struct at, at_done)
#define auto_at __attribute__((cleanup(auto_at_)))
