/*
 * situation - what a timer has to know before it does anything: the owner's limits, and how things are.
 */
#pragma once
#include "machine.h"
#include "unattended.h"

/* Circumstances, and what their borrowed strings lie in. */
struct situation {
	struct host_surroundings surroundings;
	struct circumstances now;
	bool known; /* false: nobody knows who is logged in, and what must not be interrupted */
};

/* What cannot be found out is unknown, and holds nothing back; only the clock's zone has to be had. */
bool situation_read(struct machine *machine, struct situation *ret, struct err *err);
void situation_done(struct situation *situation);

/* Of upgrades; and of the reboot, in the window that was asked for or (NULL) by the policy. False: it is never. */
void limits_of_upgrade(const struct policy *policy, struct limits *ret);
bool limits_of_reboot(const struct policy *policy, const char *asked, struct limits *ret);

/* Machines of one owner have different ones; always the same of one machine. */
unsigned situation_spread(const struct machine *machine);

/* Whether this session leaves timers anything to do; else why not, for people. */
bool situation_is_ordinary(const struct machine *machine, const char **ret_why);

/* Holds as documents have them: [{code, why}]. Caller owns. */
json_t *holds_json(const struct holds *holds);

DEFINE_AUTO_STRUCT(situation, struct situation, situation_done)
#define auto_situation __attribute__((cleanup(auto_situation_)))
