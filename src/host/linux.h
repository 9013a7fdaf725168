/*
 * linux - the real host: this kernel, this disk, these programs.
 *
 * linux_host_open() enters a private mount namespace, mounts the pool's top level at
 * /run/moult/pool and, where the kernel can, the boot volume at /run/moult/boot; both vanish with
 * the process. Where the kernel has no vfat, the boot volume is reached through mtools.
 */
#pragma once
#include "err.h"
#include "host.h"

struct linux_options {
	/* NULL = the running system; a mounted directory, block device or image file */
	const char *sysroot;
	/* NULL = find it; a directory, block device or image file */
	const char *esp;
	/* verbs that only look: the pool is mounted read-only, no lock is taken */
	bool read_only;
	/* false: do not fail where there is no boot volume */
	bool need_boot;
};

bool linux_host_open(const struct linux_options *options, struct host **ret_host, struct err *err);
/* Unmounts, syncs and detaches; NULL is accepted. */
void linux_host_close(struct host *host);
