/*
 * run - carries single steps of a plan out on a host.
 *
 * Every step is idempotent or recognised as done: what the last run left half-way, this one finishes.
 */
#pragma once
#include "err.h"
#include "host.h"
#include "plan.h"

/* All kinds but STEP_WORK. */
bool run_step(struct host *host, const struct step *step, struct err *err);
