/* switch_scenarios - what moult does to a boot volume in its life, each from where it begins. */
#pragma once
#include "boot_world.h"

struct scenario {
	const char *name;
	void (*arrange)(struct fake_host *fake); /* from world_new(); all durable afterwards */
	bool (*plan)(const struct menu *menu, struct plan *plan, struct err *err);
};

extern const struct scenario scenarios[];
extern const size_t scenario_count;

/* Generation 7 is current, 5 is kept, 0 is the original. */
void scenario_in_use(struct fake_host *fake);
