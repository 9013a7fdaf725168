/*
 * difference - which paths may differ between two trees, from the commands that turn one into the
 * other.
 *
 * Pure. The commands name things as they are at that moment: a new file first has a name of the
 * kernel's own ("o257-9-0"), what is in the way is set aside, directories change places. Followed
 * here is each name from where it was in the first tree to where it is in the second. What comes
 * out is a superset: whoever has both trees compares them at these paths and is done, wherever
 * else they are the same.
 */
#pragma once
#include "sendstream.h"

struct touched {
	char *path; /* from the top, "" = the top itself */
	bool whole; /* and everything below it, in either tree: it was moved there, or away */
	bool content; /* the bytes may differ though length and times are the same */
};

struct touched_list { /* by path, each once */
	struct touched *all;
	size_t count;
};

void touched_add(struct touched_list *list, const struct touched *touched); /* copies the path */
/* Sorts, and makes one of several for the same path. */
void touched_settle(struct touched_list *list);
void touched_done(struct touched_list *list);

struct difference; /* what is known so far */

struct difference *difference_new(void);
void difference_free(struct difference *difference);
/* False (ERR_SYSTEM) where it names something that cannot be there. A send_command_fn. */
bool difference_take(void *difference, const struct send_command *command, struct err *err);
/* Adds what came of all commands; the list is not settled yet. */
void difference_list(const struct difference *difference, struct touched_list *list);

DEFINE_AUTO(difference, struct difference *, difference_free)
#define auto_difference __attribute__((cleanup(auto_difference_)))
DEFINE_AUTO_STRUCT(touched_list, struct touched_list, touched_done)
#define auto_touched_list __attribute__((cleanup(auto_touched_list_)))
