/* engine_judge - what both tests of the engine ask of a machine. */
#pragma once
#include <stdlib.h>
#include <string.h>
#include "engine_world.h"
#include "loader_model.h"
#include "unit.h"

#define must(call) ck_assert_msg(call, "%s", err.text)

static inline const struct generation *find(const struct engine_world *world, unsigned id)
{
	return listing_find(&world->machine.listing, id);
}

/* The newest entry of a generation in the menu as it was read; NULL = none. */
static inline const struct menu_entry *entry_of(const struct engine_world *world, unsigned id)
{
	for (size_t i = world->machine.menu.count; i > 0; i--)
		if (world->machine.menu.entries[i - 1].generation == id)
			return &world->machine.menu.entries[i - 1];
	return NULL;
}

/* The machine is read again, as the next command would. */
static inline void reopen(struct engine_world *world)
{
	struct err err = {0};

	must(engine_world_reopen(world, &world->fake->host, &err));
}

/* What the loader would boot by itself, by the independent model. */
static inline unsigned default_generation(const struct fake_host *fake)
{
	auto_model_menu struct model_menu menu = {0};
	const char *at;

	loader_model_read(&fake->disk, &menu);
	ck_assert_ptr_nonnull(menu.chosen);
	ck_assert(loader_model_is_bootable(&fake->disk, menu.chosen));
	at = strstr(menu.chosen->options, "moult.gen=");
	return at ? (unsigned)atoi(at + strlen("moult.gen=")) : 99;
}
