/*
 * recover_trial - how the trials stand: attempts closed, tries used up, lost entries offered again.
 */
#pragma once
#include "operation.h"

/* Each is judged by the menu as it was read, which is read again where one was offered again. */
bool recover_trials(struct operation *operation, struct err *err);
