/*
 * recover - finishes or undoes what was interrupted, and brings pool and menu together again.
 *
 * Runs at each boot (reconcile), before every changing verb, and as `moult repair`. What is true:
 * the enabled uncounted candidate with the highest serial; then the directories; then everything
 * else. Running it twice changes nothing the second time.
 */
#pragma once
#include "operation.h"

bool recover(struct operation *operation, struct err *err);
