/*
 * place - commands that help, said so that they reach the system that moult works on.
 *
 * Verbs name commands as they are typed on the running system. With --sysroot that is another one:
 * moult's own commands get the place, and all others are marked, because here they would change
 * the machine of whoever helps. Text and JSON both have it from here.
 */
#pragma once
#include "json.h"
#include "text.h"

/* As given; both NULL = the running system. */
struct place {
	const char *sysroot, *esp;
};

/* Before a command that is for that system itself. A shell takes it, and the rest, for a comment. */
#define PLACE_THERE "# in that system: "

/* Appends the command as it helps from here. What has its place already is left as it is. */
void place_add_command(const struct place *place, const char *command, struct text *out);
/* The same for every "remedy" and "try" in a document. */
void place_document(const struct place *place, json_t *document);
