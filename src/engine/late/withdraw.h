/*
 * withdraw - what is done about a generation that the machine has overtaken (late.h finds it out).
 *
 * The same step back as of any publication: the byte of its entry, then its state. It stays listed.
 */
#pragma once
#include "late.h"
#include "operation.h"

/* The byte of its entry goes back; said in the journal and as a note. */
bool late_withdraw(struct operation *operation, const struct late_watch *watch, const char *why,
		   struct err *err);
/* Withdraws what is on trial if it is stale; the machine is read again then. */
bool late_check(struct operation *operation, struct err *err);

/*
 * Snapshots of a carrying that was cut off, and ancestors that nobody asks any more, go. Part of
 * recovery; running it twice changes nothing the second time.
 */
bool late_tidy(struct operation *operation, struct err *err);
