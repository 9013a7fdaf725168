/*
 * unattended - whether a timer may do now what its owner lets it do, and what holds it back.
 *
 * Pure: the owner's limits and how the machine is come in as structs; what comes out are sentences
 * for people, and moments. What cannot be found out about a machine holds nothing back: a machine
 * without a battery, logind or NetworkManager must be upgraded too.
 */
#pragma once
#include "window.h"

enum hold_kind {
	HOLD_WINDOW, /* outside the window */
	HOLD_BATTERY,
	HOLD_METERED,
	HOLD_LOAD,
	HOLD_USERS,
	HOLD_INHIBITED, /* some program asked not to be shut down */
	HOLD_KIND_COUNT,
};

/* For documents: "window", "battery" … */
const char *hold_name(enum hold_kind kind);

struct limits {
	struct window window;
	bool mains; /* only on mains */
	bool unmetered; /* not over a link that costs by the byte */
	unsigned load_percent; /* of each CPU, at most; 0 = whatever it is */
	bool alone; /* only while nobody is logged in */
	bool uninhibited; /* not while a program inhibits a shutdown */
};

/* How the machine is now. -1 = cannot be found out. Names are borrowed. */
struct circumstances {
	int64_t now;
	struct zone zone;
	int on_battery, metered; /* 1, 0 */
	int load_percent; /* of each CPU, over the last minute */
	const char *const *users;
	size_t user_count;
	const char *const *inhibitors; /* "who: why" */
	size_t inhibitor_count;
};

struct hold {
	enum hold_kind kind;
	char *why; /* "on battery"; follows "the upgrade waits: " */
};

struct holds {
	struct hold list[HOLD_KIND_COUNT];
	size_t count;
};

/* All that holds it back, in the order of the enum; none = it may be done. */
void holds_find(const struct limits *limits, const struct circumstances *now, struct holds *ret);
void holds_done(struct holds *holds);
bool holds_have(const struct holds *holds, enum hold_kind kind);
/* "on battery; outside the window, …", "" where nothing does. Caller frees. */
char *holds_text(const struct holds *holds);

/* When an upgrade was looked for last. */
struct attempts {
	int64_t since; /* when a timer first looked at this machine; 0 = it never did */
	int64_t last; /* 0 = never */
	bool failed; /* it came to nothing for a reason that may pass: no network, a lock */
	unsigned spread; /* of this machine; machines of one owner have different ones */
};

/* From a good one to the next, from a failed one to the next. */
#define UNATTENDED_INTERVAL_SEC (20 * 3600)
#define UNATTENDED_RETRY_SEC 3600
/* Machines of one owner do not all come at the beginning of the window, but within so long or half of it. */
#define UNATTENDED_SPREAD_SEC (4 * 3600)

/* The moment from which on it is due in this opening (window_find()); may be before now, or after its end. */
int64_t unattended_due(const struct attempts *attempts, const struct opening *opening);

DEFINE_AUTO_STRUCT(holds, struct holds, holds_done)
#define auto_holds __attribute__((cleanup(auto_holds_)))
