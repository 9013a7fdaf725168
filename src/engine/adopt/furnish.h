/*
 * furnish - what moult wants on the boot volume beside entries: a second copy of the loader, a way
 * out of the firmware's shell, and no random seed.
 *
 * What somebody else put there stays: another loader under the fallback's name, another startup.nsh.
 */
#pragma once
#include "operation.h"

bool furnish_boot(struct operation *operation, struct err *err);
/* Takes back what would be noticed without moult. */
bool furnish_undo(struct operation *operation, struct err *err);
