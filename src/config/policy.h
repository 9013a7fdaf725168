/*
 * policy - what the owner of the machine wants: /etc/moult/moult.yaml and its drop-ins, checked.
 *
 * Unknown keys and wrong types are refused with file, line and key; nothing is guessed.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "auto.h"
#include "err.h"

struct policy {
	char *loader; /* "auto", "systemd-boot" */
	char *source; /* "packages" */
	unsigned tries; /* of a trial, 1 to 9; default 3 */
	unsigned deadline_sec; /* of a trial boot until it must be healthy; default 600 */
	/* good generations kept besides current and the last other good one; default 3 */
	unsigned keep;
	/* checkpoints kept that nobody asked for, made before apt changes the system; default 5 */
	unsigned keep_checkpoints;
	/* after its last verdict the data as it was before a generation first ran; default 7 */
	unsigned keep_data_days;
	bool checkpoint_before_packages; /* default false */
	unsigned watchdog_sec; /* systemd.watchdog_sec= of trials; 0 = none; default 0 */
	/* preflight margins; defaults 512, 64, 8 */
	unsigned min_free_data_mib, min_free_metadata_mib, min_free_boot_mib;
};

void policy_defaults(struct policy *policy);
void policy_done(struct policy *policy);
/* One file over what is there already; `name` is for sentences. On failure *policy is unchanged. */
bool policy_apply(struct policy *policy, const char *name, const char *bytes, size_t length,
		  struct err *err);

/* What may stand in the file, one key a line with what is allowed, the default and what it is for. Caller frees. */
char *policy_describe(void);

DEFINE_AUTO_STRUCT(policy, struct policy, policy_done)
#define auto_policy __attribute__((cleanup(auto_policy_)))
