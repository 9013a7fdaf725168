/*
 * health_check - the single questions behind a verdict, and the list of their answers.
 */
#pragma once
#include "fstab.h"
#include "json.h"
#include "machine.h"

struct health {
	struct machine *machine;
	char root[GENERATION_PATH_MAX]; /* of the generation that runs */
	json_t *memory; /* of the last good boot; empty = there was none */
	unsigned round; /* of asking, from 1 */
	struct host_network network; /* as of that round; 0 = not asked yet */
	unsigned network_round;
};

struct verdict {
	char *name;
	bool required, passed;
	char *why; /* NULL where it passed, else what is wrong, for people */
	const char *remedy; /* static, or `program`; NULL = none */
	char *program; /* of an owner's check; NULL = built in */
	const struct health_check *check;
};

/* False: *ret_why says what is wrong; caller frees. What cannot be found out is wrong too. */
struct health_check {
	const char *name;
	bool required;
	const char *remedy;
	bool (*run)(struct health *health, char **ret_why);
};

/* health_network.c */
bool check_remote(struct health *health, char **ret_why);
bool check_gateway(struct health *health, char **ret_why);
bool check_name_servers(struct health *health, char **ret_why);
bool check_clock_is_sane(struct health *health, char **ret_why);
bool check_clock_is_set(struct health *health, char **ret_why);

extern const struct health_check health_checks[];
extern const size_t health_check_count;

struct verdicts {
	struct verdict *list;
	size_t count;
};

/* All that there is to ask, nothing asked yet. Programs sorted by name, after the built-in checks. */
bool verdicts_list(struct health *health, struct verdicts *ret, struct err *err);
void verdict_ask(struct health *health, struct verdict *verdict);
void verdicts_done(struct verdicts *verdicts);

bool health_open(struct health *health, struct machine *machine, struct err *err);
void health_done(struct health *health);

DEFINE_AUTO_STRUCT(health, struct health, health_done)
DEFINE_AUTO_STRUCT(verdicts, struct verdicts, verdicts_done)
#define auto_health __attribute__((cleanup(auto_health_)))
#define auto_verdicts __attribute__((cleanup(auto_verdicts_)))
