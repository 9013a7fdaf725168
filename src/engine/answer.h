/*
 * answer - the document every changing verb ends with: outcome, sentence, what boots next.
 */
#pragma once
#include "operation.h"

/* "generation 7 on trial", for sentences. Caller frees. */
char *answer_next_text(const struct machine *machine);
/* outcome: "done", "nothing" or "planned". The machine is read again first where something was done. */
bool answer_done(struct operation *operation, const char *sentence, json_t **ret, struct err *err);
json_t *answer_nothing(const struct machine *machine, const char *verb, const char *sentence);
json_t *answer_planned(const struct machine *machine, const char *verb, const struct plan *plan);
