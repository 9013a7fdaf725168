/*
 * kargs - how a person changes a publication's own part of the kernel command line.
 *
 * Pure. What is written is split as the kernel splits it: blanks part arguments, double quotes keep
 * one together. What moult adds itself is refused, never silently left out.
 */
#pragma once
#include "err.h"

struct kargs_change {
	const char *verb; /* "add", "remove" or "set" */
	const char *const *arguments; /* NULL-terminated */
};

/*
 * The own part after the change; caller frees *ret. `add` appends what is not there in these very
 * words, before "--"; `remove` takes out an argument in these very words, or with all its values
 * where none is named, and refuses what is not there; `set` puts the arguments in place of all.
 */
bool kargs_apply(const char *options, const struct kargs_change *change, char **ret,
		 struct err *err);
/* What a person has to know of arguments that do not hold on a trial; NULL = nothing. Caller frees. */
char *kargs_note(const char *options);
