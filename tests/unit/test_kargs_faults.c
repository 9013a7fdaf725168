/*
 * A new kernel command line with every call failing once, and with the power cut after every effect:
 * offered, offered while a generation is pending, offered anew, blessed, refused.
 */
#include <stdio.h>
#include "engine_judge.h"
#include "fault_host.h"
#include "proposal.h"
#include "text.h"
#include "verbs.h"

/* --- what is done ------------------------------------------------------------------------------- */

typedef bool engine_call(struct engine_world *world, struct err *err);

static bool calls(struct engine_world *world,
		  bool (*verb)(struct machine *, const struct verb_request *, json_t **,
			       struct err *),
		  const struct verb_request *request, struct err *err)
{
	json_t *answer = NULL;
	bool done = verb(&world->machine, request, &answer, err);

	json_decref(answer);
	return done;
}

static bool kargs(struct engine_world *world, const char *argument, struct err *err)
{
	const char *const arguments[] = {argument, NULL};
	struct verb_request request = {.verb = "kargs", .which = "add", .arguments = arguments};

	return calls(world, verb_kargs, &request, err);
}

static bool add_first(struct engine_world *world, struct err *err)
{
	return kargs(world, "nosmt", err);
}

static bool add_second(struct engine_world *world, struct err *err)
{
	return kargs(world, "debug", err);
}

static bool take_back(struct engine_world *world, struct err *err)
{
	static const char *const arguments[] = {"nosmt", NULL};
	static const struct verb_request request = {
		.verb = "kargs", .which = "remove", .arguments = arguments};

	return calls(world, verb_kargs, &request, err);
}

static bool bless(struct engine_world *world, struct err *err)
{
	static const struct verb_request request = {.verb = "bless"};

	return calls(world, verb_bless, &request, err);
}

static bool reconcile(struct engine_world *world, struct err *err)
{
	static const struct verb_request request = {.verb = "reconcile"};

	return calls(world, verb_reconcile, &request, err);
}

/* --- from where it begins ----------------------------------------------------------------------- */

static void usual(struct engine_world *world)
{
	engine_runs(world, 1, generation_last_publication(find(world, 1))->serial, false, "usual");
	reopen(world);
}

static void pending(struct engine_world *world)
{
	struct err err = {0};

	must(engine_offer(&world->machine, 2, &err));
	usual(world);
}

static void proposed(struct engine_world *world)
{
	struct err err = {0};

	usual(world);
	must(add_first(world, &err));
	reopen(world);
}

static void both(struct engine_world *world)
{
	struct err err = {0};

	pending(world);
	must(add_first(world, &err));
	reopen(world);
}

static void tried(struct engine_world *world)
{
	both(world);
	loader_model_boot(&world->fake->disk);
	engine_runs(world, 1, generation_proposed(find(world, 1))->serial, true, "tried");
	reopen(world);
}

static void exhausted(struct engine_world *world)
{
	both(world);
	for (int i = 0; i < 3; i++)
		loader_model_boot(&world->fake->disk);
	usual(world);
}

static const struct {
	const char *name;
	void (*arrange)(struct engine_world *world);
	engine_call *call;
	const char *may_boot[3]; /* ends of the command lines that may be the default's */
	bool is_pending; /* generation 2 must not get lost */
} operations[] = {
	{"offer", usual, add_first, {"ro quiet", "ro quiet nosmt"}, false},
	{"offer, and another pending", pending, add_first, {"ro quiet", "ro quiet nosmt"}, true},
	{"offer anew",
	 proposed,
	 add_second,
	 {"ro quiet nosmt", "ro quiet nosmt debug", "ro quiet"},
	 false},
	{"take back", both, take_back, {"ro quiet nosmt", "ro quiet"}, true},
	{"bless", tried, bless, {"ro quiet nosmt"}, true},
	{"refuse", exhausted, reconcile, {"ro quiet"}, true},
};

/* --- what must be so ---------------------------------------------------------------------------- */

/* The line of what boots by default, by the independent model. Caller frees. */
static char *default_line(const struct engine_world *world)
{
	auto_model_menu struct model_menu menu = {0};

	loader_model_read(&world->fake->disk, &menu);
	ck_assert_ptr_nonnull(menu.chosen);
	ck_assert(loader_model_is_bootable(&world->fake->disk, menu.chosen));
	return xstrdup(menu.chosen->options);
}

static void assert_boots(const struct engine_world *world, size_t which, const char *when)
{
	auto_free char *line = default_line(world);

	for (size_t i = 0; i < COUNT(operations[which].may_boot); i++) {
		const char *end = operations[which].may_boot[i];

		if (end && text_ends(line, end))
			return;
	}
	ck_abort_msg("%s: '%s' boots", when, line);
}

static void assert_menu(const struct engine_world *world, const char *when)
{
	const struct publication *pub = generation_proposed(find(world, 1));
	const struct menu_entry *trial = menu_trial(&world->machine.menu);
	const struct menu_entry *truth = menu_truth(&world->machine.menu);
	unsigned counted = 0;

	ck_assert_msg(truth && truth->generation == 1, "%s: nothing to come back to", when);
	ck_assert_msg(find(world, 1)->state == GEN_GOOD, "%s: generation 1 is not good", when);
	ck_assert_uint_eq(generation_last_publication(find(world, 1))->serial, truth->serial);
	for (size_t i = 0; i < world->machine.menu.count; i++)
		counted += world->machine.menu.entries[i].counted;
	ck_assert_msg(counted <= 1, "%s: %u counted entries are left", when, counted);
	if (pub)
		ck_assert_msg(trial && trial->serial == pub->serial, "%s: it is not offered", when);
	for (size_t i = 0; i < find(world, 1)->publication_count; i++) {
		const struct publication *old = &find(world, 1)->publications[i];

		if (old->kind == PUB_OLD)
			ck_assert_msg(menu_find(&world->machine.menu, old->serial),
				      "%s: the former line is not in the menu", when);
	}
}

static void assert_pending(const struct engine_world *world, const char *when)
{
	const struct generation *gen = find(world, 2);
	bool proposes = generation_proposed(find(world, 1)) != NULL;

	ck_assert_msg(proposes ? gen->waiting : gen->state == GEN_TRIAL,
		      "%s: generation 2 is lost: state %d, waiting %d, proposal %d", when,
		      gen->state, gen->waiting, proposes);
}

/* What boots is judged before: recovery may offer what is pending. */
static void assert_settled(struct engine_world *world, size_t which, const char *when)
{
	struct err err = {0};
	size_t effects;

	ck_assert_msg(engine_recover(&world->machine, &err), "%s: %s", when, err.text);
	assert_menu(world, when);
	if (operations[which].is_pending)
		assert_pending(world, when);
	effects = world->fake->effect_count;
	ck_assert_msg(engine_recover(&world->machine, &err), "%s: again: %s", when, err.text);
	ck_assert_msg(world->fake->effect_count == effects, "%s: recovering again did %d to %s",
		      when, world->fake->effects[effects].kind, world->fake->effects[effects].path);
}

/* Its last step offers the generation that waited, and that boots then. */
static void assert_default(const struct engine_world *world, size_t which, const char *when)
{
	if (operations[which].is_pending && default_generation(world->fake) == 2)
		return;
	assert_boots(world, which, when);
}

/* --- failing, and cut off ----------------------------------------------------------------------- */

static void open_at(struct engine_world *world, size_t which)
{
	engine_world_open(world);
	operations[which].arrange(world);
	fake_host_mark(world->fake);
}

static void fail_at(size_t which, unsigned call, int errnum, bool *ret_reached)
{
	struct engine_world world;
	struct fault_host fault;
	struct err err = {0};
	char when[120];

	open_at(&world, which);
	fault_host_init(&fault, &world.fake->host);
	fault.fail_at = call;
	fault.errnum = errnum;
	if (engine_world_reopen(&world, &fault.host, &err))
		operations[which].call(&world, &err);
	*ret_reached = fault.failed != NULL;
	snprintf(when, sizeof(when), "%s, call %u (%s) failed with %d", operations[which].name,
		 call, fault.failed ? fault.failed : "none", errnum);
	world.fake->locked = false;
	reopen(&world);
	assert_default(&world, which, when);
	assert_settled(&world, which, when);
	engine_world_done(&world);
}

static void fail_everywhere(size_t which)
{
	bool reached = true;

	for (unsigned call = 1; reached; call++)
		fail_at(which, call, call % 2 ? EIO : ENOSPC, &reached);
}

static void judge_cut(const struct engine_world *world, const struct fake_cut *cut, size_t which)
{
	struct engine_world after = {.progress = world->progress};
	struct err err = {0};
	char when[120];

	snprintf(when, sizeof(when), "%s, power cut after effect %zu", operations[which].name,
		 cut->at);
	after.fake = fake_host_after_cut(world->fake, cut);
	after.fake->locked = false;
	assert_default(&after, which, when);
	ck_assert_msg(engine_world_reopen(&after, &after.fake->host, &err), "%s: %s", when,
		      err.text);
	assert_settled(&after, which, when);
	engine_world_done(&after);
}

static void cut_everywhere(size_t which)
{
	struct engine_world world;
	struct err err = {0};

	open_at(&world, which);
	must(operations[which].call(&world, &err));
	for (size_t at = 0; at <= world.fake->effect_count; at++) {
		struct fake_cut cut;

		for (unsigned n = 0; fake_cut_sample(world.fake, at, n, &cut); n++)
			judge_cut(&world, &cut, which);
	}
	engine_world_done(&world);
}

/* One process each: on a busy machine all of them together take longer than a test may. */
#define OPERATION_TESTS(number, name)                                                              \
	START_TEST(any_call_of_##name##_may_fail)                                                  \
	{                                                                                          \
		fail_everywhere(number);                                                           \
	}                                                                                          \
	END_TEST                                                                                   \
                                                                                                   \
	START_TEST(the_power_may_go_in_##name)                                                     \
	{                                                                                          \
		cut_everywhere(number);                                                            \
	}                                                                                          \
	END_TEST

OPERATION_TESTS(0, an_offer)
OPERATION_TESTS(1, an_offer_with_another_pending)
OPERATION_TESTS(2, an_offer_anew)
OPERATION_TESTS(3, taking_back)
OPERATION_TESTS(4, a_bless)
OPERATION_TESTS(5, a_refusal)

UNIT_MAIN("kargs_faults", any_call_of_an_offer_may_fail, the_power_may_go_in_an_offer,
	  any_call_of_an_offer_with_another_pending_may_fail,
	  the_power_may_go_in_an_offer_with_another_pending, any_call_of_an_offer_anew_may_fail,
	  the_power_may_go_in_an_offer_anew, any_call_of_taking_back_may_fail,
	  the_power_may_go_in_taking_back, any_call_of_a_bless_may_fail,
	  the_power_may_go_in_a_bless, any_call_of_a_refusal_may_fail,
	  the_power_may_go_in_a_refusal)
