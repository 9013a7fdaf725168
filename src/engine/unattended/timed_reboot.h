/*
 * timed_reboot - the machine reboots into what is pending, where its owner wants that and when nobody minds.
 */
#pragma once
#include "machine.h"

/*
 * Tells those who are logged in, waits, asks everything again, and reboots. *ret_rebooting: it does.
 * No lock is held meanwhile. Somebody who stops it gets the session until the window is over.
 */
bool timed_reboot(struct machine *machine, bool *ret_rebooting, struct err *err);
/* The pending generation is to be rebooted into in this window; NULL = nothing was asked for it. */
bool timed_reboot_ask(struct machine *machine, const char *window, struct err *err);
