/*
 * library - a shared library that is loaded when it is needed first.
 *
 * For those that few verbs need and that would cost every start more than most verbs take: each
 * user names the functions it calls in a list X(function)…, and gets a struct with them. Not for
 * code that has entered another root: what it would load there is that system's.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct library_function {
	const char *name;
	void **address; /* is set */
};

#define LIBRARY_MEMBER(name) __typeof__(name) *name;
/* For the struct that is filled: a variable called `functions`. */
#define LIBRARY_FUNCTION(name) {#name, (void **)&functions.name},

struct library {
	const char *soname;
	const struct library_function *functions;
	size_t count;
	bool tried, loaded; /* by library_load() */
};

/*
 * Once; whoever asks again is told the same. False, and no function set, where it is not installed or
 * not what it should be. Stays loaded.
 */
bool library_load(struct library *library);
