/*
 * preflight - all refusals in one list, before anything is written.
 */
#pragma once
#include "checks.h"
#include "operation.h"

/* Warnings become notes of the progress; errors one refusal. `root` as in checks_run(). */
bool preflight(struct machine *machine, enum check_context context, const char *root,
	       struct err *err);
