/*
 * progress - how an operation tells what it does while it does it.
 *
 * The engine calls; cli/ draws a bar, writes JSON lines or keeps quiet. All strings are borrowed
 * for the call.
 */
#pragma once
#include <stdbool.h>

struct progress {
	/* A new phase begins: "refresh", "fill", "verify" … with a sentence for people. */
	void (*phase)(struct progress *progress, const char *name, const char *sentence);
	/* How far the phase is, 0 to 100, and what it is at. */
	void (*percent)(struct progress *progress, unsigned percent, const char *what);
	/* One line of output of a program that runs in the stage; shown with -v. */
	void (*output)(struct progress *progress, const char *line);
	/* Something the user should read although the operation goes on. */
	void (*note)(struct progress *progress, const char *sentence);
	/* A program begins or has ended in the stage; NULL-terminated. May be NULL: nobody wants to know. */
	void (*program)(struct progress *progress, const char *const *argv, bool running);
};
