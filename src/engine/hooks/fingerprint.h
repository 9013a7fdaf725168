/*
 * fingerprint - one digest of a file or a whole tree: names, kinds, modes, owners, contents.
 *
 * Times are left out: writing the same bytes again is no change.
 */
#pragma once
#include "host.h"

/* `path` on the pool; symbolic links count as themselves. 0 or -errno. */
int fingerprint_tree(struct host *host, const char *path, struct digest *ret);
