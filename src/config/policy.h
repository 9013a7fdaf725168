/*
 * policy - what the owner of the machine wants: /etc/moult/moult.yaml and its drop-ins, checked.
 *
 * Unknown keys and wrong types are refused with file, line and key; nothing is guessed.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
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
	unsigned
		max_days; /* after which a good generation goes all the same; 0 = never; default 0 */
	unsigned retention_free_mib; /* for which older good ones go; 0 = none; default 0 */
	/* What a timer may do by itself. Windows are texts that window_parse() takes. */
	bool automatic; /* it makes generations; else it only says what is available; default true */
	char *upgrade_window; /* default "always" */
	bool upgrade_mains; /* only on mains; default true */
	char *upgrade_metered; /* "ask" NetworkManager whether the link is metered, "always", "never" */
	unsigned upgrade_load; /* percent of each CPU; 0 = whatever it is; default 0 */
	bool upgrade_users; /* also while somebody is logged in; default true */
	char *reboot_policy; /* "never", "window", "now" */
	char *reboot_window; /* default "never" */
	bool reboot_users; /* default false */
	unsigned reboot_warning_sec; /* default 300 */
	unsigned watchdog_sec; /* systemd.watchdog_sec= of trials; 0 = none; default 0 */
	/* preflight margins; defaults 512, 64, 8 */
	unsigned min_free_data_mib, min_free_metadata_mib, min_free_boot_mib;
};

void policy_defaults(struct policy *policy);
void policy_done(struct policy *policy);
/* One file over what is there already; `name` is for sentences. On failure *policy is unchanged. */
bool policy_apply(struct policy *policy, const char *name, const char *bytes, size_t length,
		  struct err *err);

/* A Btrfs that is smaller has room for less; see policy_data_mib(). */
#define POLICY_AMPLE_BYTES (UINT64_C(2) << 30)

/*
 * How much of data and of metadata has to stay free on a Btrfs of this size, 0 = unknown: what the
 * policy says, and on a small one never more than an eighth and a thirty-second of it.
 */
unsigned policy_data_mib(const struct policy *policy, uint64_t total_bytes);
unsigned policy_metadata_mib(const struct policy *policy, uint64_t total_bytes);

/* As if it stood in the file; false: there is no such loader. */
bool policy_set_loader(struct policy *policy, const char *loader);

/* What may stand in the file, one key a line with what is allowed, the default and what it is for. Caller frees. */
char *policy_describe(void);

DEFINE_AUTO_STRUCT(policy, struct policy, policy_done)
#define auto_policy __attribute__((cleanup(auto_policy_)))
