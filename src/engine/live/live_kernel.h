/*
 * live_kernel - the kernel or initrd of the running generation was changed in place, by its owner.
 *
 * apt and update-initramfs know nothing of the boot volume: what they put into /boot is proposed to
 * the loader (proposal.h), tried and blessed like anything else. The hooks in /etc/kernel and
 * /etc/initramfs leave a mark, @moult/kernel-changed.N, so that what could not be done at once is
 * done after the next boot.
 */
#pragma once
#include "operation.h"

/* Whether the mark of the running generation is there. */
bool live_kernel_marked(const struct machine *machine);
/* The current generation runs as usual: only then its /boot is what would be booted. */
bool live_kernel_may(const struct machine *machine);
/*
 * Proposes what /boot of the current generation has now, if that is something else than what it
 * boots or tries, and was not tried in vain. The package manager must be idle for `wait_sec`, else
 * ERR_BUSY. *ret_sentence says what was done, NULL = nothing was to do; caller frees. On failure the
 * mark stays.
 */
bool live_kernel(struct operation *operation, unsigned wait_sec, char **ret_sentence,
		 struct err *err);
