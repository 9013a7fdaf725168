/*
 * options - the one table of options, and the parser that turns argv into an invocation.
 *
 * Options may stand anywhere; "--" ends them. An option that the command does not take is refused,
 * never ignored.
 */
#pragma once
#include "command.h"

enum option_id {
	OPTION_DRY_RUN,
	OPTION_RELEASE,
	OPTION_SOURCE,
	OPTION_LOADER,
	OPTION_ACCEPT,
	OPTION_DATA,
	OPTION_REPLACE,
	OPTION_CONTINUE,
	OPTION_REBOOT,
	OPTION_WHEN,
	OPTION_BASE,
	OPTION_UNDO,
	OPTION_FINALIZE,
	OPTION_SIZES,
	OPTION_PACKAGES,
	OPTION_CONFIG,
	OPTION_FILES,
	OPTION_FILE,
	OPTION_UNCHANGED,
	OPTION_SYSROOT,
	OPTION_ESP,
	OPTION_JSON,
	OPTION_QUIET,
	OPTION_VERBOSE,
	OPTION_NO_PROGRESS,
	OPTION_PROGRESS_FD,
	OPTION_VERSION,
	OPTION_HELP,
	OPTION_COUNT,
};

#define OPTION_BIT(id) (UINT64_C(1) << (id))

/* Those that are about no command in particular: completion offers them before one is named. */
#define OPTIONS_GLOBAL                                                                             \
	(OPTION_BIT(OPTION_DRY_RUN) | OPTION_BIT(OPTION_SYSROOT) | OPTION_BIT(OPTION_ESP) |        \
	 OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_QUIET) | OPTION_BIT(OPTION_VERBOSE) |         \
	 OPTION_BIT(OPTION_NO_PROGRESS) | OPTION_BIT(OPTION_PROGRESS_FD) |                         \
	 OPTION_BIT(OPTION_HELP) | OPTION_BIT(OPTION_VERSION))

enum option_kind { OPTION_FLAG, OPTION_STRING, OPTION_NUMBER, OPTION_LIST };

struct option {
	const char *name; /* without "--" */
	char letter; /* 0 = none */
	const char *argument; /* "DIR"; NULL = a flag */
	const char *help; /* one sentence, no full stop */
	enum option_kind kind;
	size_t field; /* offset in struct invocation */
};

/* What a person asked for. Strings are borrowed from argv. */
/* What a repeatable option was given; NULL-terminated, owned; NULL = it was not given. */
struct word_list {
	const char **words;
	size_t count;
};

struct invocation {
	const struct command *command;
	struct verb_request request;
	const char *sysroot, *esp;
	bool json, quiet, verbose, no_progress, unchanged_exit_77, version, help;
	int progress_fd; /* -1 = none */
	struct word_list accept, data;
	const char **operands; /* NULL-terminated, owned */
	size_t operand_count;
};

const struct option *option_at(enum option_id id);
/* Whatever the outcome, invocation_done() is due; on failure `json` tells whether it was asked for. */
bool invocation_parse(struct invocation *invocation, int argc, const char *const *argv,
		      struct err *err);
void invocation_done(struct invocation *invocation);

DEFINE_AUTO_STRUCT(invocation, struct invocation, invocation_done)
#define auto_invocation __attribute__((cleanup(auto_invocation_)))
