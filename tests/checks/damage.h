/*
 * damage - ways to break a machine on which no check finds anything, and what is to be found then.
 */
#pragma once
#include "checks.h"
#include "checks_world.h"

/* What is expected of one finding. */
struct expected {
	enum check_context context;
	const char *code;
	enum finding_level level;
	const char *part, *remedy; /* of the sentence; of the command, NULL = there is none */
};

/* A machine, one thing broken, what is to be found. */
struct damage {
	void (*start)(struct engine_world *world);
	void (*break_it)(struct engine_world *world);
	struct expected expected;
};

extern const struct damage damages_anywhere[], damages_debian[], damages_pool[], damages_menu[];
extern const size_t damages_anywhere_count, damages_debian_count, damages_pool_count,
	damages_menu_count;

/* Damages: every one of the four tables, by one number; NULL after the last. */
const struct damage *damage_at(size_t number);
/* Breaks what is found under this code; aborts where there is none. */
void damage_do(struct engine_world *world, const char *code);

void put(struct engine_world *world, const char *path, const char *text);
void put_boot(struct engine_world *world, const char *path, const char *text);
