/*
 * command - the one table of commands.
 *
 * Dispatch, help, completion and the man page's synopsis all come from it; a test compares them.
 * Everything in it is static.
 */
#pragma once
#include <stdint.h>
#include "err.h"
#include "render.h"
#include "verbs.h"

struct invocation;

enum command_group {
	GROUP_LOOK,
	GROUP_CHANGE,
	GROUP_BACK,
	GROUP_SETUP,
	GROUP_HELP,
	GROUP_INTERNAL, /* for units, packaging and tests: not in `moult help` */
	GROUP_COUNT,
};

enum command_needs {
	NEEDS_NOTHING = 0,
	NEEDS_MACHINE = 1 << 0, /* root, and the pool */
	NEEDS_WRITING = 1 << 1, /* the pool writable; else it is mounted read-only */
	NEEDS_BOOT = 1 << 2, /* refused where no boot volume is found */
	FIRST_SHOWS = 1 << 3, /* what it will do is shown before it is done */
	HAS_SNAPSHOT = 1 << 4, /* without root, /run/moult/status.json is shown instead */
	TAKES_REST = 1 << 5, /* options end at the first operand: the rest is another command's */
	TAKES_PATHS = 1 << 6, /* all operands but the first are paths */
	USES_TERMINAL = 1 << 7, /* a program gets the terminal */
	SHOWS = 1 << 8, /* only reads without operands, or where the first one is "show" */
};

struct command {
	const char *name; /* one word, or "internal" and another */
	const char *operands; /* for people: "[N|last|NAME]" */
	const char *summary; /* no full stop; fits in one line of `moult help` */
	const char *help; /* whole paragraphs, broken by the reader */
	enum command_group group;
	unsigned needs; /* of enum command_needs */
	uint64_t options; /* of OPTION_BIT() */
	unsigned least, most; /* operands */
	size_t fields[2]; /* offsets in struct verb_request that operands go to; 0 = none */
	size_t rest; /* of the list that all after the first go to; 0 = none */
	const char *words; /* the only words, or with `open_words` some words, for operand 1 */
	bool open_words;
	/* Operand 1 with which it only reads, and the only one that another may follow; NULL = none. */
	const char *reading_word;
	bool (*verb)(struct machine *, const struct verb_request *, json_t **, struct err *);
	render_fn *render;
	/* instead of verb and render: needs no machine. A text or a document, as it likes. */
	bool (*local)(const struct invocation *, struct text *out, struct err *);
	/* Exit status of a document of a verb that succeeded; NULL = 0. */
	int (*judge)(const json_t *document);
};

extern const char *const command_groups[GROUP_COUNT]; /* headings */

/* All commands; NULL past the last. */
const struct command *command_at(size_t index);
/* NULL = there is none of this name. */
const struct command *command_find(const char *name);
/* The command whose name is nearest, if it is near enough to be meant; NULL = none. */
const char *command_nearest(const char *name);

/* Typing errors between two words: letters left out, added, exchanged or swapped. */
unsigned edit_distance(const char *a, const char *b);
/* Whether `word` could be `candidate` mistyped. */
bool edit_is_near(const char *word, const char *candidate);
