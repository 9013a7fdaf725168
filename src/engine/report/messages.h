/*
 * messages - the stable ids of what moult says in the machine's journal.
 *
 * One table, messages.c; moult(8) lists the same, and a test compares. An id never changes its
 * meaning, and none is used again.
 */
#pragma once
#include "host.h"

enum message {
	MESSAGE_DONE,
	MESSAGE_FAILED,
	MESSAGE_RETURNED,
	MESSAGE_GIVE_UP,
	MESSAGE_WAITS,
	MESSAGE_REBOOTS,
	MESSAGE_POSTPONED,
	MESSAGE_CHECKED,
	MESSAGE_AVAILABLE,
	MESSAGE_UNHEALTHY,
	MESSAGE_STALE,
	MESSAGE_COUNT,
};

/* The value of MESSAGE_ID; static. */
const char *message_id(enum message message);
/* One line in the journal, with the message's own priority. */
void message_log(struct host *host, enum message message, const struct host_message *said);
