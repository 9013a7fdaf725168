/*
 * adapt - what an adoption changes in the copy's own files: fstab, masks, kernel-install, apt.
 */
#pragma once
#include "machine.h"

/* `making`/root is changed; the data subvolumes are those in `making`/carve. */
bool adapt_root(struct machine *machine, const char *making, struct err *err);
