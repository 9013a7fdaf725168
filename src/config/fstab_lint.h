/*
 * fstab_lint - what in an fstab would keep a generation from booting, or from rolling back.
 *
 * Pure. Refusals are the layout rules of docs/design/layout.md; the rest are warnings.
 */
#pragma once
#include "finding.h"
#include "fstab.h"

struct fstab_facts {
	const char *pool_uuid; /* of the Btrfs file system */
	const char *boot_uuid; /* of the boot volume, NULL = unknown */
	bool adopted; /* false: a machine before `moult init`; layout rules are warnings then */
};

/* `name` is for the findings' objects: "/etc/fstab" gives "/etc/fstab:3". */
void fstab_lint(const char *name, const struct fstab *fstab, const struct fstab_facts *facts,
		struct findings *findings);
