/*
 * The adoption of a system that runs, with every call failing once, and with the power cut after every
 * effect: what was written is in what boots, or where it is said to be.
 */
#include <stdio.h>
#include "engine_judge.h"
#include "fault_host.h"
#include "live_world.h"
#include "recover.h"
#include "text.h"

static const char *const gone[] = {"ORIGINAL_GONE", NULL};
static const struct verb_request init = {.verb = "init"}, undo = {.verb = "init", .undo = true},
				 internal = {.verb = "internal"},
				 finalize = {.verb = "init", .finalize = true, .accept = gone};

typedef bool verb_call(struct machine *, const struct verb_request *, json_t **, struct err *);

static void do_verb(struct engine_world *world, verb_call *verb, const struct verb_request *request)
{
	struct err err = {0};

	must(live_verb(world, verb, request, &err));
	checks_world_reopen(world);
}

/* --- what is done, and on which machine --------------------------------------------------------- */

static void running(struct engine_world *world, const char *layout)
{
	live_world_open(world, layout);
	live_world_write(world, "written");
}

/* The default subvolume is the system that runs, and what is meant by that is the original. */
static void running_default(struct engine_world *world, const char *layout)
{
	running(world, layout);
	ck_assert_int_eq(world->fake->host.ops->set_default(&world->fake->host, layout), 0);
	checks_world_reopen(world);
}

static void adopted_default(struct engine_world *world, const char *layout)
{
	running_default(world, layout);
	do_verb(world, verb_init, &init);
	live_world_write(world, "later");
	checks_world_reopen(world);
}

static void adopted(struct engine_world *world, const char *layout)
{
	running(world, layout);
	do_verb(world, verb_init, &init);
	live_world_write(world, "later");
	checks_world_reopen(world);
}

/* The original's documents are there from the first time. */
static void undone(struct engine_world *world, const char *layout)
{
	adopted(world, layout);
	do_verb(world, verb_init, &undo);
	live_world_boot(world);
}

static void first_boot(struct engine_world *world, const char *layout)
{
	adopted(world, layout);
	if (!*layout)
		do_verb(world, verb_at_shutdown, &internal);
	live_world_boot(world);
}

static void blessed(struct engine_world *world, const char *layout)
{
	first_boot(world, layout);
	do_verb(world, verb_carve, &internal);
	do_verb(world, verb_bless, &internal);
	live_world_boot(world);
}

static const struct {
	const char *name, *layout;
	void (*prepare)(struct engine_world *world, const char *layout);
	verb_call *verb;
	const struct verb_request *request;
	unsigned stride; /* of the calls that are made to fail: 1 = each */
	bool ends; /* nothing else runs: it is shut down, or nothing was started yet */
	bool leaves; /* what was written since the adoption stays in generation 1 and its data */
} operations[] = {
	{"init", "@rootfs", running, verb_init, &init, 1, false, false},
	{"init of a home of its own", "@", running, verb_init, &init, 13, false, false},
	{"init with a default", "@rootfs", running_default, verb_init, &init, 29, false, false},
	{"init again", "@rootfs", undone, verb_init, &init, 29, false, false},
	{"init at the top", "", running, verb_init, &init, 7, false, false},
	{"undo", "@rootfs", adopted, verb_init, &undo, 1, false, false},
	{"undo with a default", "@rootfs", adopted_default, verb_init, &undo, 29, false, false},
	{"undo at the top", "", adopted, verb_init, &undo, 3, false, false},
	{"shutdown", "", adopted, verb_at_shutdown, &internal, 1, true, false},
	{"carve", "@rootfs", first_boot, verb_carve, &internal, 1, true, false},
	{"carve of what was at the top", "", first_boot, verb_carve, &internal, 7, true, false},
	{"prune", "@rootfs", blessed, verb_prune, &internal, 1, false, false},
	{"undo later", "@rootfs", blessed, verb_init, &undo, 3, false, true},
	{"finalize", "@rootfs", blessed, verb_init, &finalize, 1, false, false},
	{"finalize at the top", "", blessed, verb_init, &finalize, 3, false, false},
};

/* --- what must hold afterwards ------------------------------------------------------------------ */

static bool is_due(const struct engine_world *world)
{
	return world->machine.listing.running.trial && listing_adopting(&world->machine.listing);
}

static bool is_anywhere(const struct engine_world *world, const char *name)
{
	static const char *const places[] = {"@home", "@gens/1/root/home", "@rootfs/home", "@/home",
					     "home"};

	for (size_t i = 0; i < COUNT(places); i++) {
		auto_free char *path = xasprintf("%s/%s", places[i], name);

		if (fake_host_text(world->fake, VOLUME_POOL, path))
			return true;
	}
	return false;
}

static bool has_default(size_t which)
{
	return operations[which].prepare == running_default ||
	       operations[which].prepare == adopted_default;
}

static void assert_default(const struct engine_world *world, size_t which, const char *when)
{
	const char *now = fake_disk_default(&world->fake->disk);

	if (has_default(which))
		ck_assert_msg(text_equal(now, "@rootfs"), "%s: the default subvolume is %s", when,
			      now);
}

static bool first_boots(const struct engine_world *world)
{
	auto_model_menu struct model_menu menu = {0};

	loader_model_read(&world->fake->disk, &menu);
	return menu.chosen && strstr(menu.chosen->options, "moult.gen=1 ");
}

static bool runs_in(const struct engine_world *world, const char *path)
{
	const struct fake_node *node = fake_disk_find(&world->fake->disk, VOLUME_POOL, path);

	return node && node->id == world->fake->running_id;
}

/*
 * What was written up to the cut is in the subvolume that ran: that is what is on trial once something
 * is, and what the loader boots once it follows moult no more.
 */
static void assert_same_system(struct engine_world *world, size_t which, const char *when)
{
	const char *settings = fake_host_text(world->fake, VOLUME_BOOT, "loader/loader.conf");
	const struct verb_request *request = operations[which].request;
	bool follows = settings && strstr(settings, "default moult-");

	if (!*operations[which].layout || operations[which].leaves)
		return;
	if (request == &init && first_boots(world))
		ck_assert_msg(runs_in(world, "@gens/1/root"), "%s: a copy is on trial", when);
	if (request == &undo && !follows)
		ck_assert_msg(runs_in(world, operations[which].layout), "%s: a copy boots", when);
}

/* Boots what boots by itself, as often as it takes, and asks the system and moult. */
static void assert_settled(struct engine_world *world, size_t which, const char *when)
{
	struct err err = {0};
	size_t effects;

	live_world_boot(world);
	if (is_due(world))
		ck_assert_msg(live_verb(world, verb_carve, &internal, &err), "%s: %s", when,
			      err.text);
	checks_world_reopen(world);
	ck_assert_msg(engine_recover(&world->machine, &err), "%s: %s", when, err.text);
	effects = world->fake->effect_count;
	ck_assert_msg(engine_recover(&world->machine, &err), "%s: again: %s", when, err.text);
	ck_assert_msg(world->fake->effect_count == effects, "%s: recovering again did %d to %s",
		      when, world->fake->effects[effects].kind, world->fake->effects[effects].path);
	ck_assert_msg(live_world_has(world, "written") || operations[which].leaves,
		      "%s: what was written is not in %s", when, world->running.root_path);
	ck_assert_msg(is_anywhere(world, "written"), "%s: what was written is lost", when);
	if (operations[which].prepare != running && operations[which].prepare != running_default)
		ck_assert_msg(is_anywhere(world, "later"), "%s: what was written later is lost",
			      when);
}

static void fail_at(size_t which, unsigned call, int errnum, bool *ret_reached)
{
	struct engine_world world;
	struct fault_host fault;
	struct err err = {0};
	char when[120];

	operations[which].prepare(&world, operations[which].layout);
	fault_host_init(&fault, &world.fake->host);
	fault.fail_at = call;
	fault.errnum = errnum;
	if (engine_world_reopen(&world, &fault.host, &err))
		live_verb(&world, operations[which].verb, operations[which].request, &err);
	*ret_reached = fault.failed != NULL;
	snprintf(when, sizeof(when), "%s, call %u (%s) failed", operations[which].name, call,
		 fault.failed ? fault.failed : "none");
	world.fake->locked = false;
	err = (struct err){0};
	checks_world_reopen(&world);
	ck_assert_msg(engine_recover(&world.machine, &err), "%s: %s", when, err.text);
	/* it still runs, and what it writes now is in what boots next */
	if (!operations[which].ends)
		live_world_write(&world, "after");
	assert_settled(&world, which, when);
	ck_assert_msg(live_world_has(&world, "after") || operations[which].leaves ||
			      operations[which].ends,
		      "%s: what was written afterwards is not in %s", when,
		      world.running.root_path);
	engine_world_done(&world);
}

START_TEST(any_call_may_fail)
{
	bool reached = true;

	for (unsigned call = 1; reached; call += operations[_i].stride)
		fail_at((size_t)_i, call, call % 2 ? EIO : ENOSPC, &reached);
}
END_TEST

/* What was adapted is as it is where the power did not go. */
static void assert_as_uncut(const struct engine_world *after, const struct engine_world *uncut,
			    const char *when)
{
	const struct fake_volume *pool = &uncut->fake->disk.volumes[VOLUME_POOL];

	for (size_t i = 0; i < pool->count; i++) {
		const struct fake_node *node = &pool->nodes[i];

		if (node->type == HOST_FILE && text_starts(node->path, "@gens/1/root/"))
			ck_assert_msg(
				text_equal(fake_host_text(after->fake, VOLUME_POOL, node->path),
					   node->bytes),
				"%s: %s is another", when, node->path);
	}
}

static void judge_cut(const struct engine_world *world, const struct fake_cut *cut, size_t which)
{
	struct engine_world after = {.progress = world->progress};
	const struct listing *listing = &after.machine.listing;
	char when[120];

	snprintf(when, sizeof(when), "%s, power cut after effect %zu", operations[which].name,
		 cut->at);
	after.fake = fake_host_after_cut(world->fake, cut);
	after.fake->locked = false;
	assert_same_system(&after, which, when);
	assert_settled(&after, which, when);
	assert_default(&after, which, when);
	if (operations[which].verb == verb_carve)
		assert_as_uncut(&after, world, when);
	for (size_t i = 0; operations[which].prepare == undone && i < listing->count; i++)
		ck_assert_msg(!listing->generations[i].damage, "%s: %s", when,
			      listing->generations[i].damage);
	engine_world_done(&after);
}

START_TEST(the_power_may_go_after_any_effect)
{
	size_t which = (size_t)_i;
	struct engine_world world;

	operations[which].prepare(&world, operations[which].layout);
	fake_host_mark(world.fake);
	do_verb(&world, operations[which].verb, operations[which].request);
	for (size_t at = 0; at <= world.fake->effect_count; at++) {
		struct fake_cut cut;

		for (unsigned n = 0; fake_cut_sample(world.fake, at, n, &cut); n++)
			judge_cut(&world, &cut, which);
	}
	engine_world_done(&world);
}
END_TEST

/* With the number of an operation that one alone: the build has a test for each of the longest. */
int main(int argc, char **argv)
{
	int first = argc > 1 ? atoi(argv[1]) : 0;
	int end = argc > 2 ? atoi(argv[2]) : argc > 1 ? first + 1 : (int)COUNT(operations);
	Suite *suite = suite_create("live_faults");

	unit_add(suite, any_call_may_fail, first, end);
	unit_add(suite, the_power_may_go_after_any_effect, first, end);
	return unit_run_suite(suite);
}
