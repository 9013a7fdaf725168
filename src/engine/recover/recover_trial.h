/*
 * recover_trial - how the trials stand: attempts closed, tries used up, lost entries offered again.
 */
#pragma once
#include "operation.h"

/* Whether a generation on trial has no counted entry: the firmware may have been cut off renaming it. */
bool recover_lost_trial(const struct machine *machine);

/* Each is judged by the menu as it was read, which is read again where one was offered again. */
bool recover_trials(struct operation *operation, struct err *err);
