/*
 * failure - how an error leaves the process: exit status, sentence, document.
 */
#pragma once
#include "err.h"
#include "json.h"
#include "view.h"

enum exit_status {
	EXIT_DONE = 0,
	EXIT_FAILED = 1, /* or refused */
	EXIT_USAGE = 2,
	EXIT_NEEDS_ACK = 3,
	EXIT_BUSY = 75,
	EXIT_UNCHANGED = 77, /* only with --unchanged-exit-77 */
};

int failure_status(enum err_kind kind);
/* "refused", "needs-ack" …: stable, for programs */
const char *failure_name(enum err_kind kind);
/* "moult: SENTENCE." and "try: COMMAND", each on its own line; in a verbose view also the origin. */
void failure_text(const struct err *err, const struct view *view, struct text *out);
/* {"kind", "text", "try"}: caller owns it. */
json_t *failure_json(const struct err *err);
