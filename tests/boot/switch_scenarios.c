#include "switch_scenarios.h"
#include "loader_model.h"

static void fresh(struct fake_host *fake)
{
	(void)fake;
}

static void adopted(struct fake_host *fake)
{
	world_do(fake, WORLD_ADOPT, 0, 0);
}

static void settled(struct fake_host *fake)
{
	adopted(fake);
	world_settle(fake);
}

void scenario_in_use(struct fake_host *fake)
{
	settled(fake);
	world_do(fake, WORLD_OLD, 5, 5);
	world_do(fake, WORLD_ADOPT, 7, 7);
}

static void on_trial(struct fake_host *fake)
{
	scenario_in_use(fake);
	world_do(fake, WORLD_OFFER, 8, 8);
}

static void tried(struct fake_host *fake)
{
	on_trial(fake);
	loader_model_boot(&fake->disk);
	loader_model_boot(&fake->disk);
	fake_host_mark(fake);
}

static void exhausted(struct fake_host *fake)
{
	tried(fake);
	loader_model_boot(&fake->disk);
	fake_host_mark(fake);
}

/* The cluster of an entry of the same length is free. */
static void withdrawn(struct fake_host *fake)
{
	on_trial(fake);
	world_do(fake, WORLD_REMOVE, 8, 8);
}

static void stale(struct fake_host *fake)
{
	on_trial(fake);
	world_do(fake, WORLD_DISABLE, 8, 8);
}

static bool adopt_original(const struct menu *menu, struct plan *plan, struct err *err)
{
	return world_plan(menu, WORLD_ADOPT, 0, 0, plan, err);
}

static bool settle(const struct menu *menu, struct plan *plan, struct err *err)
{
	return sdboot_loader.settle(menu, sdboot_loader.settings(), plan, err);
}

static bool offer_first(const struct menu *menu, struct plan *plan, struct err *err)
{
	return world_plan(menu, WORLD_OFFER, 1, 1, plan, err);
}

static bool init(const struct menu *menu, struct plan *plan, struct err *err)
{
	return adopt_original(menu, plan, err) && settle(menu, plan, err) &&
	       offer_first(menu, plan, err);
}

static bool offer_another(const struct menu *menu, struct plan *plan, struct err *err)
{
	return world_plan(menu, WORLD_OFFER, 9, 9, plan, err);
}

/* Rule 5 of the switch: uncounted in, counted out, the former one old, its candidate out. */
static bool make_current(const struct menu *menu, unsigned generation, struct plan *plan,
			 struct err *err)
{
	return world_plan(menu, WORLD_ADOPT, generation, 9, plan, err) &&
	       world_plan(menu, WORLD_REMOVE, 8, 8, plan, err) &&
	       world_plan(menu, WORLD_OLD, 7, 7, plan, err) &&
	       world_plan(menu, WORLD_REMOVE, 7, 7, plan, err);
}

static bool bless(const struct menu *menu, struct plan *plan, struct err *err)
{
	return make_current(menu, 8, plan, err);
}

static bool roll_back(const struct menu *menu, struct plan *plan, struct err *err)
{
	return make_current(menu, 5, plan, err);
}

/* A new kernel of current was blessed; the pending generation is published again above it. */
static bool bless_and_offer(const struct menu *menu, struct plan *plan, struct err *err)
{
	return bless(menu, plan, err) && world_plan(menu, WORLD_OFFER, 9, 10, plan, err);
}

static bool keep_old(const struct menu *menu, struct plan *plan, struct err *err)
{
	return world_plan(menu, WORLD_OLD, 6, 6, plan, err);
}

static bool disable_trial(const struct menu *menu, struct plan *plan, struct err *err)
{
	return world_plan(menu, WORLD_DISABLE, 8, 8, plan, err);
}

static bool enable_trial(const struct menu *menu, struct plan *plan, struct err *err)
{
	return world_plan(menu, WORLD_ENABLE, 8, 8, plan, err);
}

static bool retire(const struct menu *menu, struct plan *plan, struct err *err)
{
	if (!world_plan(menu, WORLD_REMOVE, 5, 5, plan, err))
		return false;
	loader_sweep(&sdboot_loader, menu, NULL, 0, plan);
	return true;
}

static bool undo(const struct menu *menu, struct plan *plan, struct err *err)
{
	return world_plan(menu, WORLD_DISABLE, 8, 8, plan, err) &&
	       world_plan(menu, WORLD_DISABLE, 7, 7, plan, err) &&
	       sdboot_loader.settle(menu, "timeout 5\neditor no\n", plan, err);
}

const struct scenario scenarios[] = {
	{"adopt the original", fresh, adopt_original},
	{"settle", adopted, settle},
	{"first trial", settled, offer_first},
	{"init in one plan", fresh, init},
	{"upgrade", scenario_in_use, offer_another},
	{"upgrade after a trial was withdrawn", withdrawn, offer_another},
	{"upgrade while another is on trial", on_trial, offer_another},
	{"upgrade while another was tried", tried, offer_another},
	{"upgrade while another is exhausted", exhausted, offer_another},
	{"upgrade while another is stale", stale, offer_another},
	{"bless", tried, bless},
	{"bless, and another pending", tried, bless_and_offer},
	{"roll back while another is on trial", on_trial, roll_back},
	{"keep an old one", scenario_in_use, keep_old},
	{"disable", on_trial, disable_trial},
	{"enable", stale, enable_trial},
	{"retire", on_trial, retire},
	{"undo", tried, undo},
};

const size_t scenario_count = COUNT(scenarios);
