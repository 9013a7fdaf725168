/*
 * machine - one opened machine: its host, what is on it, how it boots, what its owner wants.
 *
 * Every verb takes one. Opening reads; nothing is changed before a verb runs a plan.
 */
#pragma once
#include "host.h"
#include "listing.h"
#include "loader.h"
#include "policy.h"
#include "progress.h"
#include "text.h"

struct machine {
	struct host *host; /* borrowed */
	const struct loader *loader; /* never NULL; systemd-boot until another is found */
	struct listing listing;
	struct menu menu;
	bool has_boot; /* a boot volume was found and could be read */
	struct host_identity identity;
	struct policy policy; /* the defaults where its file cannot be used */
	struct err policy_trouble; /* why it cannot; kind ERR_NONE = it can */
	struct progress *progress; /* borrowed; never NULL */
	struct text log; /* what the operation said, for the generation's own log */
};

/* Reads everything afresh; `machine` is zeroed first, host and progress excepted by the caller's values. */
bool machine_open(struct machine *machine, struct host *host, struct progress *progress,
		  struct err *err);
/* The policy afresh, of the system in this root (path on the pool): before it is adopted. */
bool machine_read_policy(struct machine *machine, const char *root, struct err *err);
/* After a verb changed the disk: listing and menu are read again. */
bool machine_refresh(struct machine *machine, struct err *err);
void machine_done(struct machine *machine);
