/*
 * report - documents about the machine as it was read; nothing is read or changed here but space.
 */
#pragma once
#include "machine.h"

json_t *report_status(struct machine *machine);
json_t *report_list(struct machine *machine);
/* size_exclusive of each generation in a document of report_list(); reads a lot. */
bool report_add_sizes(struct machine *machine, json_t *list, struct err *err);
/* What a generation takes that no other shares; 0 of a damaged one. */
bool report_size(struct machine *machine, const struct generation *generation, uint64_t *ret_bytes,
		 struct err *err);
json_t *report_generation(struct machine *machine, const struct generation *generation);
/* {id, serial, trial, why}: what the loader boots next, as the menu says. Caller owns. */
json_t *report_next(const struct machine *machine);
/* {data_free, metadata_free, esp_free} in bytes, what can be told of them. Caller owns. */
json_t *report_space(struct machine *machine);
/* "normal", "trial", "temporary", "volatile", "foreign" (not a generation), or "offline" */
const char *report_session(const struct machine *machine);
