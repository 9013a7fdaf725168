/* kargs_judge - what the tests of another kernel command line do and ask. */
#pragma once
#include <stdio.h>
#include "checks_world.h"
#include "engine_judge.h"
#include "proposal.h"
#include "report.h"
#include "text.h"
#include "verbs.h"

typedef bool verb_function(struct machine *, const struct verb_request *, json_t **, struct err *);

/* One more command, as the next process would run it. Caller owns. */
static inline json_t *does(struct engine_world *world, verb_function *verb,
			   const struct verb_request *request)
{
	struct err err = {0};
	json_t *answer = NULL;

	reopen(world);
	must(verb(&world->machine, request, &answer, &err));
	reopen(world);
	return answer;
}

static inline void kargs(struct engine_world *world, const char *which, const char *argument)
{
	const char *const arguments[] = {argument, NULL};
	struct verb_request request = {.verb = "kargs", .which = which, .arguments = arguments};

	json_decref(does(world, verb_kargs, &request));
}

static inline void refused(struct engine_world *world, const char *which, const char *argument,
			   const char *says)
{
	const char *const arguments[] = {argument, NULL};
	struct verb_request request = {.verb = "kargs", .which = which, .arguments = arguments};
	struct err err = {0};
	size_t effects = world->fake->effect_count;
	json_t *answer = NULL;

	reopen(world);
	ck_assert(!verb_kargs(&world->machine, &request, &answer, &err));
	ck_assert_ptr_null(answer);
	ck_assert_msg(strstr(err.text, says), "'%s' lacks '%s'", err.text, says);
	ck_assert_str_ne(err.hint, "");
	(void)effects;
}

static inline const struct menu_entry *entry_at(const struct engine_world *world, uint64_t serial)
{
	const struct menu_entry *entry = menu_find(&world->machine.menu, serial);

	ck_assert_ptr_nonnull(entry);
	return entry;
}

static inline uint64_t proven(const struct engine_world *world, unsigned id)
{
	return generation_last_publication(find(world, id))->serial;
}

static inline uint64_t proposed(const struct engine_world *world, unsigned id)
{
	const struct publication *pub = generation_proposed(find(world, id));

	ck_assert_ptr_nonnull(pub);
	return pub->serial;
}

/* The loader counts a boot of what it would choose, and it runs. */
static inline void boots(struct engine_world *world, unsigned id, uint64_t serial, bool trial)
{
	static unsigned boot;
	auto_free char *boot_id = xasprintf("boot-%u", ++boot);

	loader_model_boot(&world->fake->disk);
	engine_runs(world, id, serial, trial, boot_id);
	reopen(world);
}

static inline void blesses(struct engine_world *world)
{
	struct verb_request request = {.verb = "bless"};

	json_decref(does(world, verb_bless, &request));
}

static inline void gives_up(struct engine_world *world, const char *reason)
{
	struct verb_request request = {.verb = "give-up", .reason = reason};

	json_decref(does(world, verb_give_up, &request));
}

static inline json_t *reconciles(struct engine_world *world)
{
	struct verb_request request = {.verb = "reconcile"};

	return does(world, verb_reconcile, &request);
}

static inline bool has_note(const json_t *answer, const char *words)
{
	auto_free char *notes = json_print(json_object_get(answer, "notes"));

	return strstr(notes, words) != NULL;
}

static inline const char *last_motd(const struct engine_world *world)
{
	const char *motd = NULL, *next = world->fake->status;

	while ((next = strstr(next, "motd: "))) {
		motd = next;
		next++;
	}
	ck_assert_ptr_nonnull(motd);
	return motd;
}

/* Generation 1 is current, and runs as usual. */
static inline void open_running(struct engine_world *world)
{
	engine_world_open(world);
	engine_runs(world, 1, proven(world, 1), false, "boot-0");
	reopen(world);
}

static inline void open_proposing(struct engine_world *world)
{
	open_running(world);
	kargs(world, "add", "nosmt");
}

static inline void comes_back(struct engine_world *world, uint64_t before)
{
	engine_runs(world, 1, before, false, "after");
	reopen(world);
}
