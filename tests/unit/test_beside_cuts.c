/* The same with the power cut after any effect, and any call failing. */
#include "beside_world.h"
#include "fault_host.h"

static void open_with_settings(struct engine_world *world)
{
	open_world(world);
}

/* A life in three parts; each is cut and failed anywhere. */
static const struct {
	const char *name;
	void (*open)(struct engine_world *);
	const struct verb_request *before[2], *verb;
} lives[] = {
	{"init", open_world, {NULL}, &beside},
	{"init with a fallback", open_with_fallback, {NULL}, &beside},
	{"bless", open_world, {&beside}, &bless},
	{"undo", open_world, {&beside, &bless}, &undo},
	{"undo after GRUB wrote its settings", open_with_settings, {&beside, &bless}, &undo},
	{"undo with a fallback", open_with_fallback, {&beside, &bless}, &undo},
};

static void live_until(struct engine_world *world, size_t which)
{
	lives[which].open(world);
	for (size_t i = 0; i < COUNT(lives[which].before) && lives[which].before[i]; i++) {
		if (lives[which].before[i] == &bless)
			boot_first(world);
		must_run(world, lives[which].before[i]);
	}
	if (lives[which].open == open_with_settings)
		fake_host_put(world->fake, VOLUME_BOOT, STUB, "another\n");
	if (lives[which].verb == &bless)
		boot_first(world);
	fake_host_mark(world->fake);
}

/* It boots, by the firmware and by the fallback; the same verb again comes to its end. */
static void assert_boots(struct engine_world *world, size_t which, const char *when)
{
	const char *boots = firmware_boots(world);

	ck_assert_msg(boots && *boots, "%s, %s: the firmware starts nothing", lives[which].name,
		      when);
	ck_assert_msg(fallback_boots(world), "%s, %s: the fallback is torn", lives[which].name,
		      when);
}

static void assert_finished(struct engine_world *world, size_t which, const char *when)
{
	struct err err = {0};
	bool undoing = lives[which].verb == &undo;

	/* whatever the firmware has by then, it can be given back */
	if (lives[which].verb == &bless) {
		must_run(world, &undo);
		assert_as_before(world, false);
		assert_order(world, "debian, UEFI Misc Device");
		return;
	}
	if (!run(world, lives[which].verb, &err))
		ck_assert_msg(strstr(err.text, "adopted already") || undoing, "%s, %s: %s",
			      lives[which].name, when, err.text);
	if (undoing)
		assert_as_before(world, lives[which].open == open_with_fallback);
	else
		ck_assert_msg(text_equal(fallback_boots(world), "first"), "%s, %s: %s boots, %s",
			      lives[which].name, when, fallback_boots(world), err.text);
}

static void judge_cut(const struct engine_world *world, const struct fake_cut *cut, size_t which)
{
	struct engine_world after = {.progress = world->progress};
	char when[80];

	snprintf(when, sizeof(when), "power cut after effect %zu", cut->at);
	after.fake = fake_host_after_cut(world->fake, cut);
	assert_boots(&after, which, when);
	checks_world_reopen(&after);
	assert_finished(&after, which, when);
	engine_world_done(&after);
}

/* What an adoption does before it touches the loader is other tests' matter. */
static size_t first_effect(const struct engine_world *world, size_t which)
{
	size_t at = 0;

	if (lives[which].verb != &beside)
		return 0;
	while (!text_starts(world->fake->effects[at].path, TAKEOVER_PATH))
		at++;
	return at;
}

START_TEST(the_power_may_go_after_any_effect)
{
	for (size_t which = 0; which < COUNT(lives); which++) {
		struct engine_world world;

		live_until(&world, which);
		must_run(&world, lives[which].verb);
		for (size_t at = first_effect(&world, which); at <= world.fake->effect_count;
		     at++) {
			struct fake_cut cut;

			for (unsigned n = 0; fake_cut_some(world.fake, at, 8, n, &cut); n++)
				judge_cut(&world, &cut, which);
		}
		engine_world_done(&world);
	}
}
END_TEST

static bool fail_at(size_t which, unsigned call)
{
	struct engine_world world;
	struct fault_host fault;
	struct err err = {0};
	char when[80];

	live_until(&world, which);
	fault_host_init(&fault, &world.fake->host);
	fault.fail_at = call;
	fault.errnum = call % 2 ? EIO : ENOSPC;
	if (engine_world_reopen(&world, &fault.host, &err))
		run(&world, lives[which].verb, &err);
	snprintf(when, sizeof(when), "call %u (%s) failed", call,
		 fault.failed ? fault.failed : "none");
	world.fake->locked = false;
	checks_world_reopen(&world);
	assert_boots(&world, which, when);
	assert_finished(&world, which, when);
	engine_world_done(&world);
	return fault.failed != NULL;
}

/* Whether the loader was touched before everything from this call on failed. */
static bool is_touched_before(size_t which, unsigned call)
{
	struct engine_world world;
	struct fault_host fault;
	struct err err = {0};
	bool touched;

	live_until(&world, which);
	fault_host_init(&fault, &world.fake->host);
	fault.fail_at = call;
	fault.errnum = EIO;
	fault.forever = true;
	if (engine_world_reopen(&world, &fault.host, &err))
		run(&world, lives[which].verb, &err);
	touched = fake_host_text(world.fake, VOLUME_POOL, TAKEOVER_PATH) != NULL;
	world.fake->locked = false;
	checks_world_reopen(&world);
	engine_world_done(&world);
	return touched;
}

static unsigned first_call(size_t which)
{
	unsigned before = 1, after = 4096;

	if (lives[which].verb != &beside)
		return 1;
	while (after - before > 1) {
		unsigned middle = (before + after) / 2;

		*(is_touched_before(which, middle) ? &after : &before) = middle;
	}
	return before;
}

START_TEST(any_call_may_fail)
{
	for (size_t which = 0; which < COUNT(lives); which++)
		for (unsigned call = first_call(which); fail_at(which, call); call++)
			;
}
END_TEST

UNIT_MAIN("beside_cuts", the_power_may_go_after_any_effect, any_call_may_fail)
