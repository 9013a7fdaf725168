/*
 * rollback_plan - what a rollback would change, and what it would not: P7, said before, not after.
 */
#pragma once
#include "machine.h"

/* `which` as in listing_select(). Document: from, to, steps, packages, not_rolled_back, config. */
bool plan_rollback(struct machine *machine, const char *which, json_t **ret, struct err *err);
/* The paths of data, which stay as they are: ["/var", …]. Caller owns. */
json_t *plan_data_names(void);
