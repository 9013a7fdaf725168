/*
 * dpkgroot - dpkg's files inside a root, wherever this root keeps them.
 *
 * A generation keeps them under usr/lib/sysimage/dpkg, because /var is not its own; a root that was
 * never adopted under var/lib/dpkg.
 */
#pragma once
#include "dpkg.h"
#include "host.h"

/* "usr/lib/sysimage/dpkg/status"; caller frees. */
char *dpkgroot_path(struct host *host, const char *root, const char *file);
bool dpkgroot_read(struct host *host, const char *root, struct packages *ret, struct err *err);
