/*
 * fault_host - a host whose n-th call fails.
 *
 * A dry run with fail_at 0 counts the calls; then the test runs once for each of them. What cannot
 * fail (clock, unlock, log, interrupted) is passed on and not counted.
 */
#pragma once
#include "host.h"

struct fault_host {
	struct host host; /* first */
	struct host *inner; /* borrowed */
	unsigned calls; /* made so far */
	unsigned fail_at; /* 0 = none, 1 = the first */
	int errnum; /* positive; what it fails with */
	bool afterwards; /* what it leaves behind is there nevertheless */
	bool forever; /* every call from then on fails too */
	const char *failed; /* name of the call that failed first, NULL = none did */
};

void fault_host_init(struct fault_host *fault, struct host *inner);
