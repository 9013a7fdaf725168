/*
 * undo - `moult init --undo`: the original boots by default again, as before the adoption.
 *
 * What is done is undo_plan.h's. Generations and data subvolumes stay on the disk: they hold what was
 * written since.
 */
#pragma once
#include "operation.h"
#include "verbs.h"

bool undo_adoption(struct machine *machine, const struct verb_request *request, json_t **ret,
		   struct err *err);
