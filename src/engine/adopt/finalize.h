/* finalize - the way back to before moult is given up: generation 0, its entry and the original go. */
#pragma once
#include "operation.h"
#include "verbs.h"

bool finalize_adoption(struct machine *machine, const struct verb_request *request, json_t **ret,
		       struct err *err);
