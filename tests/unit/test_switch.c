/*
 * The switch under power cuts: every plan of the systemd-boot loader, cut after every effect, with
 * every subset of what was not synced; then the same with each sync, read-back and check deleted,
 * which has to be noticed.
 */
#include <stdio.h>
#include <string.h>
#include "boot_world.h"
#include "loader_model.h"
#include "switch_judge.h"
#include "switch_scenarios.h"
#include "text.h"
#include "unit.h"

/* What is done to a plan, or to the machine, to see whether it is noticed. */
struct probe {
	const struct scenario *scenario;
	int without; /* index of a step that is left out; -1 = none */
	unsigned
		rotten; /* the n-th blob that the plan puts lies there and has gone bad; 0 = none */
	unsigned spoil; /* the n-th write to the boot volume goes wrong; 0 = none */
	bool damaged; /* the check finds something */
	struct judge judge; /* filled by the run */
	struct plan plan;
	bool succeeded;
	struct fake_host *fake;
};

static void probe_done(struct probe *probe)
{
	judge_done(&probe->judge);
	plan_done(&probe->plan);
	fake_host_free(probe->fake);
}
DEFINE_AUTO_STRUCT(probe, struct probe, probe_done)
#define auto_probe __attribute__((cleanup(auto_probe_)))

static void leave_out(struct plan *plan, int step)
{
	struct plan rest = {0}, dropped = {0};

	for (size_t i = 0; i < plan->count; i++) {
		struct plan *to = (int)i == step ? &dropped : &rest;

		*array_add(to->steps, to->count) = plan->steps[i];
	}
	free(plan->steps);
	*plan = rest;
	plan_done(&dropped);
}

static void rot_on(struct fake_disk *disk, const char *path)
{
	struct fake_node *node = fake_disk_find(disk, VOLUME_BOOT, path);

	if (!node)
		return;
	node->medium = xstrdup(node->bytes);
	node->medium[0] ^= 1;
}

/* A blob that is there already is not what it was; only the medium tells. */
static void rot(struct probe *probe)
{
	unsigned blob = 0;

	for (size_t i = 0; i < probe->plan.count; i++) {
		const struct step *step = &probe->plan.steps[i];

		if (step->kind != STEP_PUT_BLOB || ++blob != probe->rotten)
			continue;
		rot_on(&probe->fake->disk, step->path);
		rot_on(&probe->fake->base, step->path);
	}
}

static void probe_run(struct probe *probe, struct menu *ret_expected)
{
	auto_menu struct menu menu = {0};
	struct judge *judge = &probe->judge;
	struct err err = {0};

	probe->fake = world_new();
	probe->scenario->arrange(probe->fake);
	world_menu(&probe->fake->host, &menu);
	ck_assert_msg(probe->scenario->plan(&menu, &probe->plan, &err), "%s: %s",
		      probe->scenario->name, err.text);
	ck_assert(loader_after(&sdboot_loader, &menu, &probe->plan, ret_expected, &err));
	judge_prepare(judge, probe->fake, &menu, &probe->plan);
	if (probe->rotten > 0)
		rot(probe);
	if (probe->without >= 0)
		leave_out(&probe->plan, probe->without);
	probe->fake->spoil_boot_write = probe->spoil;
	probe->fake->findings = probe->damaged ? "orphaned clusters" : NULL;
	probe->succeeded = world_run(&probe->fake->host, &probe->plan, &err);
	judge->after = judge_default_root(&probe->fake->disk);
}

static bool same_menu(const struct menu *a, const struct menu *b)
{
	if (a->count != b->count || !text_equal(a->settings, b->settings) ||
	    a->blob_count != b->blob_count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!text_equal(a->entries[i].path, b->entries[i].path) ||
		    !text_equal(a->entries[i].text, b->entries[i].text))
			return false;
	return true;
}

/* Everything that was issued is on the medium, as the medium took it. */
static struct fake_host *settled_disk(const struct fake_host *fake)
{
	struct fake_cut cut;

	fake_cut_first(fake, fake->effect_count, &cut);
	for (size_t i = 0; i < cut.pending_count; i++)
		cut.chosen[i] = 1; /* done */
	return fake_host_after_cut(fake, &cut);
}

static const char *judge_end(const struct probe *probe, const struct menu *expected)
{
	auto_fake_host struct fake_host *end = settled_disk(probe->fake);
	auto_menu struct menu found = {0};
	struct fake_cut cut;
	const char *wrong = judge_disk(&probe->judge, &end->disk);

	if (wrong || !probe->succeeded)
		return wrong;
	world_menu(&end->host, &found);
	if (!same_menu(&found, expected))
		return "success was reported, but the medium says otherwise";
	if (judge_frees_enabled_entry(&end->disk))
		return "a free cluster holds an enabled entry";
	fake_cut_first(probe->fake, probe->fake->effect_count, &cut);
	return cut.pending_count > 0 ? "success was reported before everything was durable" : NULL;
}

static const char *judge_cuts(const struct probe *probe, unsigned long *cuts)
{
	const struct fake_host *fake = probe->fake;

	for (size_t at = 0; at <= fake->effect_count; at++) {
		struct fake_cut cut;

		for (bool more = fake_cut_first(fake, at, &cut); more;
		     more = fake_cut_next(fake, &cut)) {
			auto_fake_host struct fake_host *after = fake_host_after_cut(fake, &cut);
			const char *wrong = judge_disk(&probe->judge, &after->disk);

			++*cuts;
			if (wrong)
				return wrong;
		}
	}
	return NULL;
}

static unsigned count_blobs(const struct plan *plan)
{
	unsigned count = 0;

	for (size_t i = 0; i < plan->count; i++)
		count += plan->steps[i].kind == STEP_PUT_BLOB;
	return count;
}

/* NULL, or what goes wrong without this step whatever happens. */
static const char *try_plan(const struct scenario *scenario, int without, unsigned long *cuts)
{
	unsigned writes, blobs;
	const char *wrong;

	{
		auto_probe struct probe probe = {.scenario = scenario, .without = without};
		auto_menu struct menu expected = {0};

		probe_run(&probe, &expected);
		writes = probe.fake->boot_writes;
		blobs = count_blobs(&probe.plan) + (without >= 0);
		wrong = probe.succeeded ? judge_cuts(&probe, cuts) : "the plan failed";
		if (!wrong)
			wrong = judge_end(&probe, &expected);
	}
	for (unsigned rotten = 1; !wrong && rotten <= blobs; rotten++) {
		auto_probe struct probe probe = {
			.scenario = scenario, .without = without, .rotten = rotten};
		auto_menu struct menu expected = {0};

		probe_run(&probe, &expected);
		wrong = probe.succeeded ? judge_end(&probe, &expected) : NULL;
	}
	for (unsigned spoil = 1; !wrong && spoil <= writes; spoil++) {
		auto_probe struct probe probe = {
			.scenario = scenario, .without = without, .spoil = spoil};
		auto_menu struct menu expected = {0};

		probe_run(&probe, &expected);
		wrong = judge_end(&probe, &expected);
	}
	return wrong;
}

/* A publication on a damaged file system does not begin. */
static const char *try_damaged(const struct scenario *scenario, int without)
{
	auto_probe struct probe probe = {.scenario = scenario, .without = without, .damaged = true};
	auto_menu struct menu expected = {0};
	bool checks = without >= 0, first;

	probe_run(&probe, &expected);
	for (size_t i = 0; i < probe.plan.count; i++)
		checks = checks || probe.plan.steps[i].kind == STEP_CHECK_VOLUME;
	first = probe.plan.steps[0].kind == STEP_CHECK_VOLUME;
	if (checks && probe.succeeded)
		return "a damaged file system was published on";
	return first && probe.fake->effect_count > 0 ? "a damaged file system was written to"
						     : NULL;
}

/* ---- tests ---- */

START_TEST(cut_anywhere)
{
	unsigned long cuts = 0;

	for (size_t i = 0; i < scenario_count; i++) {
		const char *wrong = try_plan(&scenarios[i], -1, &cuts);

		ck_assert_msg(!wrong, "%s: %s", scenarios[i].name, wrong);
		wrong = try_damaged(&scenarios[i], -1);
		ck_assert_msg(!wrong, "%s: %s", scenarios[i].name, wrong);
	}
	ck_assert_uint_gt(cuts, 500);
}
END_TEST

/* The entry that was being written, cut after each of its bytes. */
static void tear(const struct probe *probe, size_t at)
{
	const struct fake_effect *effect = &probe->fake->effects[at];
	struct fake_cut cut;

	fake_cut_first(probe->fake, at, &cut);
	for (size_t length = 0; length <= effect->length; length++) {
		auto_fake_host struct fake_host *after = fake_host_after_cut(probe->fake, &cut);
		struct fake_effect part = *effect;
		const char *wrong;

		part.length = length;
		ck_assert_int_eq(fake_disk_apply(&after->disk, &part), 0);
		wrong = judge_disk(&probe->judge, &after->disk);
		ck_assert_msg(!wrong, "%s, %zu bytes of %s: %s", probe->scenario->name, length,
			      effect->path, wrong);
	}
}

START_TEST(torn_after_each_byte)
{
	for (size_t s = 0; s < scenario_count; s++) {
		auto_probe struct probe probe = {.scenario = &scenarios[s], .without = -1};
		auto_menu struct menu expected = {0};

		probe_run(&probe, &expected);
		for (size_t i = 0; i < probe.fake->effect_count; i++)
			if (probe.fake->effects[i].kind == FAKE_WRITE &&
			    text_ends(probe.fake->effects[i].path, ".conf"))
				tear(&probe, i);
	}
}
END_TEST

/* Steps without which nothing goes wrong, and why they are there all the same. */
static const char *excuse(const struct plan *plan, size_t i)
{
	const struct step *step = &plan->steps[i];

	/*
	 * What was removed is switched off durably, so it may come back; the sync is for the plan
	 * that ends with it, and this one goes on to a sync of its own.
	 */
	if (step->kind == STEP_SYNC && plan->steps[i - 1].kind == STEP_REMOVE &&
	    i + 1 < plan->count)
		return "a later sync does it";
	return NULL;
}

static bool is_load_bearing(enum step_kind kind)
{
	return kind == STEP_SYNC || kind == STEP_READ_BACK || kind == STEP_CHECK_VOLUME ||
	       kind == STEP_PUT_BLOB || kind == STEP_SET_BYTE || kind == STEP_WRITE;
}

static const char *try_without(const struct scenario *scenario, const struct plan *plan, size_t i)
{
	unsigned long cuts = 0;

	if (plan->steps[i].kind == STEP_CHECK_VOLUME)
		return try_damaged(scenario, (int)i);
	return try_plan(scenario, (int)i, &cuts);
}

START_TEST(every_step_is_needed)
{
	unsigned tried = 0, excused = 0;

	for (size_t s = 0; s < scenario_count; s++) {
		auto_probe struct probe probe = {.scenario = &scenarios[s], .without = -1};
		auto_menu struct menu expected = {0};

		probe_run(&probe, &expected);
		for (size_t i = 0; i < probe.plan.count; i++) {
			const struct step *step = &probe.plan.steps[i];
			bool noticed;

			if (!is_load_bearing(step->kind))
				continue;
			noticed = try_without(&scenarios[s], &probe.plan, i) != NULL;
			ck_assert_msg(noticed != (excuse(&probe.plan, i) != NULL),
				      "%s without step %zu (%s %s): %s", scenarios[s].name, i,
				      step_kind_name(step->kind), step->path,
				      noticed ? "excused, but noticed" : "not noticed");
			tried++;
			excused += !noticed;
		}
	}
	ck_assert_uint_gt(tried, 150);
	ck_assert_uint_lt(excused, 10);
}
END_TEST

static int digest_of_cache(struct host *host, enum volume volume, const char *path,
			   struct digest *ret)
{
	return host->ops->digest(host, volume, path, DIGEST_SHA256, ret);
}

/* A run that believes its cache publishes a blob that went bad: the judge sees it. */
START_TEST(blobs_are_read_from_the_medium)
{
	auto_fake_host struct fake_host *fake = world_new();
	struct host_ops blind = *fake->host.ops;
	auto_menu struct menu menu = {0};
	auto_plan struct plan plan = {0};
	struct err err = {0};
	auto_judge struct judge judge = {0};

	scenario_in_use(fake);
	blind.digest_medium = digest_of_cache;
	world_menu(&fake->host, &menu);
	ck_assert(world_plan(&menu, WORLD_OFFER, 9, 9, &plan, &err));
	judge_prepare(&judge, fake, &menu, &plan);
	judge.after = xstrdup("subvol=@gens/9/root");
	fake->host.ops = &blind;
	fake->spoil_boot_write = 1;
	ck_assert(world_run(&fake->host, &plan, &err));
	{
		auto_fake_host struct fake_host *end = settled_disk(fake);

		ck_assert_ptr_nonnull(judge_disk(&judge, &end->disk));
	}
}
END_TEST

/* ---- a long life ---- */

/* One random operation, planned over what is found. False: it was refused, which is fine. */
static bool plan_something(const struct menu *menu, struct plan *plan)
{
	static const enum world_verb publishing[] = {WORLD_ADOPT, WORLD_OFFER, WORLD_OFFER,
						     WORLD_OLD};
	static const enum world_verb others[] = {WORLD_DISABLE, WORLD_ENABLE, WORLD_REMOVE,
						 WORLD_REMOVE};
	struct err err = {0};
	unsigned generation = (unsigned)rand() % WORLD_GENERATIONS;

	if (rand() % 8 == 0) {
		loader_sweep(&sdboot_loader, menu, NULL, 0, plan);
		return true;
	}
	if (rand() % 2)
		return world_plan(menu, publishing[rand() % 4], generation,
				  menu_highest_serial(menu) + 1, plan, &err);
	return world_plan(menu, others[rand() % 4], generation,
			  menu->entries[(size_t)rand() % menu->count].serial, plan, &err);
}

static void cut_somewhere(const struct fake_host *fake, struct fake_cut *ret)
{
	fake_cut_first(fake, (size_t)rand() % (fake->effect_count + 1), ret);
	for (size_t i = 0; i < ret->pending_count; i++) {
		enum fake_fate fates[6];
		size_t count = fake_effect_fates(&fake->effects[ret->pending[i]], fates);

		ret->chosen[i] = (size_t)rand() % count;
	}
}

/* An operation, perhaps a power cut in it, perhaps a boot. Returns the machine that is left. */
static struct fake_host *live(struct fake_host *fake, unsigned seed)
{
	auto_menu struct menu menu = {0};
	auto_plan struct plan plan = {0};
	auto_judge struct judge judge = {0};
	struct fake_host *after;
	struct fake_cut cut;
	struct err err = {0};
	const char *wrong;

	world_menu(&fake->host, &menu);
	if (!plan_something(&menu, &plan))
		return fake;
	judge_prepare(&judge, fake, &menu, &plan);
	ck_assert_msg(world_run(&fake->host, &plan, &err), "seed %u: %s", seed, err.text);
	judge.after = judge_default_root(&fake->disk);
	cut_somewhere(fake, &cut);
	after = rand() % 2 ? fake_host_after_cut(fake, &cut) : settled_disk(fake);
	wrong = judge_disk(&judge, &after->disk);
	ck_assert_msg(!wrong, "seed %u: %s", seed, wrong);
	ck_assert_msg(!judge_frees_enabled_entry(&after->disk), "seed %u", seed);
	if (rand() % 3 == 0)
		loader_model_boot(&after->disk);
	fake_host_mark(after);
	fake_host_free(fake);
	return after;
}

START_TEST(many_lives)
{
	for (unsigned seed = 1; seed <= 150; seed++) {
		auto_fake_host struct fake_host *fake = world_new();

		srand(seed);
		scenario_in_use(fake);
		for (unsigned i = 0; i < 12; i++)
			fake = live(fake, seed);
	}
}
END_TEST

UNIT_MAIN("switch", cut_anywhere, torn_after_each_byte, every_step_is_needed,
	  blobs_are_read_from_the_medium, many_lives)
