/*
 * earlier - generation 1 of an adoption that came to nothing, or was undone.
 *
 * It is a copy of the original as that was then. What was written to the original since is not in
 * it, and must not get lost when the adoption goes on.
 */
#pragma once
#include "operation.h"

enum earlier {
	EARLIER_NONE, /* there is no generation 1 */
	EARLIER_SAME, /* the original is as it was when it was copied */
	EARLIER_UNUSED, /* it is not, and nobody has ever written to generation 1 or its data */
	EARLIER_USED, /* it is not, and generation 1 or its data were in use too */
};

bool earlier_judge(struct machine *machine, enum earlier *ret, struct err *err);
/*
 * Deletes generation 1, finished or not, and its data subvolumes. Only for one that was never
 * published; data that was written to since is left where it is. Generation 0 goes too while
 * the menu does not have it.
 */
bool earlier_discard(struct operation *operation, struct err *err);
