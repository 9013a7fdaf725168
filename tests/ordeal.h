/*
 * ordeal - one verb with every call failing once, and with the power cut after every effect.
 *
 * Whatever happened, the machine is recovered from it, and recovering again has nothing to do.
 */
#pragma once
#include "engine_world.h"
#include "verb.h"

struct ordeal {
	void (*open)(struct engine_world *world); /* the machine as it is before */
	bool (*verb)(struct machine *, const struct verb_request *, json_t **, struct err *);
	const struct verb_request *request;
	/* What the disk says at once after a cut, before anything is recovered; NULL = nothing more. */
	void (*boots)(const struct fake_host *fake, const char *when);
	/* What holds once it is recovered. */
	void (*settled)(struct engine_world *world, const char *when);
	unsigned cuts; /* at most so many fates of each effect; 0 = a sample */
	bool each_error; /* every call fails in every way, instead of turn by turn */
};

void ordeal_of_calls(const struct ordeal *ordeal);
void ordeal_of_power(const struct ordeal *ordeal);
/* One cut of what `world` did. */
void ordeal_judge(const struct ordeal *ordeal, const struct engine_world *world,
		  const struct fake_cut *cut);
