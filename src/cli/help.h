/*
 * help - what is printed from the tables of commands and options: help, synopsis, completion.
 *
 * All output is plain text of at most 80 columns (completion scripts excepted).
 */
#pragma once
#include "options.h"

typedef bool local_fn(const struct invocation *invocation, struct text *out, struct err *err);

local_fn help_local; /* help [COMMAND] */
local_fn version_local; /* version, also as JSON */
local_fn synopsis_local; /* internal synopsis */
local_fn manual_local; /* internal manual GROUP [head|tail|names] */
local_fn completion_local; /* internal completion bash|zsh|fish */

/* `moult COMMAND --help` */
void help_command(const struct command *command, struct text *out);
/* "moult upgrade [-n] [--release CODENAME]…", without what nearly all commands take. */
void help_synopsis(const struct command *command, struct text *line);
