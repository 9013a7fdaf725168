/*
 * package_hold - the package manager must not be half-way through something when its root is copied.
 *
 * Only of the running system is there one to wait for.
 */
#pragma once
#include "machine.h"

/* `root` is that of the running generation. Waits for a while, then fails with ERR_BUSY. */
bool package_hold(struct machine *machine, const char *root, struct err *err);
/* After package_hold(), which succeeded. */
void package_release(struct machine *machine);
