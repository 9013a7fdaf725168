/*
 * notices - what everybody on the running system is told when an operation is over: status.json and
 * motd in /run/moult, and that a reboot is wanted.
 *
 * Nothing of it is worth a failure: an operation that was done stays done.
 */
#pragma once
#include "operation.h"

/* The machine is read again first. Another system's disk tells nobody anything. */
void notices_publish(const struct operation *operation);
