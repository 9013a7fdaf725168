/*
 * carry - late edits get into the generation that boots next.
 *
 * While it does not run: into a snapshot of its root, which is verified and then changes places with
 * it, so that what the menu names is never half-edited; cut off anywhere nothing happened, and
 * recovery deletes the snapshots. At its first boot, for what a power cut kept from being carried:
 * into the root itself, before any service runs.
 */
#pragma once
#include "late.h"
#include "operation.h"
#include "verbs.h"

enum carry_outcome {
	CARRY_NOTHING,
	CARRY_DONE,
	CARRY_WITHDRAWN, /* it is stale, and not in the menu any more */
};

struct carry_result {
	enum carry_outcome outcome;
	size_t edits; /* that were carried */
	char *why; /* it was withdrawn; NULL = it was not */
};

void carry_result_done(struct carry_result *result);
DEFINE_AUTO_STRUCT(carry_result, struct carry_result, carry_result_done)
#define auto_carry_result __attribute__((cleanup(auto_carry_result_)))

/* Before the machine goes down; a failure (or too little time) leaves the generation as it was. */
bool carry_before(struct operation *operation, struct carry_result *ret, struct err *err);
/* The same where a reboot was asked for; a generation that had to be withdrawn is an error then. */
bool carry_for_reboot(struct operation *operation, const struct verb_request *request,
		      struct err *err);
/*
 * In the first boot of a trial. One whose packages are behind is withdrawn, and that is an error:
 * this boot is left. Conflicts are parked in @moult/late/N.
 */
bool carry_at_first_boot(struct operation *operation, struct err *err);
