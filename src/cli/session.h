/*
 * session - one command from its invocation to its exit status.
 */
#pragma once
#include "options.h"

/* Where a session prints, and what it knows of the one who reads. */
struct surroundings {
	struct view out; /* of standard output */
	bool error_terminal; /* standard error is one */
	bool root;
	const char *snapshot; /* path of what moult last wrote down for everybody */
};

/* Prints the result on standard output, errors on standard error; gives the exit status. */
int session_run(const struct invocation *invocation, const struct surroundings *around);
/* The same for an invocation that could not be parsed. */
int session_refuse(const struct invocation *invocation, const struct err *err);
