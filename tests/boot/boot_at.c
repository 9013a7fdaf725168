#include "boot_at.h"
#include <check.h>
#include <string.h>
#include "run.h"
#include "switch_scenarios.h"
#include "text.h"

void at_done(struct at *at)
{
	fake_host_free(at->fake);
	menu_done(&at->menu);
	plan_done(&at->plan);
}
void at_look(struct at *at)
{
	menu_done(&at->menu);
	plan_done(&at->plan);
	at->err = (struct err){0};
	world_menu(&at->fake->host, &at->menu);
}

struct at at_in_use(void)
{
	struct at at = {.fake = world_new()};

	scenario_in_use(at.fake);
	at_look(&at);
	return at;
}

void at_put_entry(struct at *at, const char *name, const char *text)
{
	auto_free char *path = xasprintf("loader/entries/%s", name);

	fake_host_put(at->fake, VOLUME_BOOT, path, text);
	at_look(at);
}

char *at_text(const struct at *at, const char *name)
{
	auto_free char *path = xasprintf("loader/entries/%s", name);

	return xstrdup_or_null(fake_host_text(at->fake, VOLUME_BOOT, path));
}

void at_refused(struct at *at, enum world_verb verb, unsigned generation, uint64_t serial,
		const char *why)
{
	ck_assert(!world_plan(&at->menu, verb, generation, serial, &at->plan, &at->err));
	ck_assert_msg(strstr(at->err.text, why) != NULL, "%s", at->err.text);
	plan_done(&at->plan);
}

void at_planned(struct at *at, enum world_verb verb, unsigned generation, uint64_t serial)
{
	ck_assert_msg(world_plan(&at->menu, verb, generation, serial, &at->plan, &at->err), "%s",
		      at->err.text);
}

void at_run(struct at *at)
{
	ck_assert_msg(world_run(&at->fake->host, &at->plan, &at->err), "%s", at->err.text);
	at_look(at);
}

unsigned at_count_steps(const struct plan *plan, enum step_kind kind)
{
	unsigned count = 0;

	for (size_t i = 0; i < plan->count; i++)
		count += plan->steps[i].kind == kind;
	return count;
}

unsigned at_count_commits(const struct plan *plan)
{
	unsigned count = 0;

	for (size_t i = 0; i < plan->count; i++)
		count += plan->steps[i].commit;
	return count;
}
