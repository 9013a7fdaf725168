/*
 * notices - what everybody on the running system is told when an operation is over: status.json and
 * motd in /run/moult, and that a reboot is wanted.
 *
 * Nothing of it is worth a failure: an operation that was done stays done.
 */
#pragma once
#include "operation.h"

/* status.json and motd, of the machine as it was read. */
void notices_tell(struct machine *machine);
/* That, and whether a reboot is wanted. The machine is read again first. Another system's disk tells nobody anything. */
void notices_publish(const struct operation *operation);
