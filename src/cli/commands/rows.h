/*
 * rows - what the tables of commands share: their options by kind, and what they need.
 *
 * A table is one file of this folder; command.c joins them in the order of `moult help`.
 */
#pragma once
#include <stddef.h>
#include "command.h"
#include "options.h"
#include "text.h"

struct command_rows {
	const struct command *rows;
	size_t count;
};

extern const struct command_rows commands_look, commands_change, commands_back, commands_setup,
	commands_internal;

/* Exit status of a document with findings; look.c. */
int judge_check(const json_t *document);

#define BIT(id) OPTION_BIT(OPTION_##id)
#define REPORTING (BIT(JSON) | BIT(QUIET) | BIT(VERBOSE) | BIT(HELP))
#define ELSEWHERE (BIT(SYSROOT) | BIT(ESP))
#define WORKING (BIT(NO_PROGRESS) | BIT(PROGRESS_FD))
#define READING (REPORTING | ELSEWHERE)
#define CHANGING (READING | WORKING | BIT(UNCHANGED) | BIT(DRY_RUN))
#define MAKING (BIT(ACCEPT) | BIT(REPLACE) | BIT(CONTINUE) | BIT(REBOOT))
#define UNIT (REPORTING | WORKING)

#define READS NEEDS_MACHINE
#define WRITES (NEEDS_MACHINE | NEEDS_WRITING)
#define SWITCHES (WRITES | NEEDS_BOOT)

#define REQUEST(member) offsetof(struct verb_request, member)
