/* Settings for what happens by itself that come to nothing are told, and sensible ones are not. */
#include <string.h>
#include "checks.h"
#include "checks_world.h"
#include "text.h"
#include "unit.h"

static const struct {
	const char *settings, *object, *part; /* NULL = nothing is found */
} cases[] = {
	{"", NULL, NULL},
	{"upgrade: {window: '02:00-05:00'}\n", NULL, NULL},
	{"upgrade: {window: never}\n", "upgrade.window", "never comes"},
	{"upgrade: {window: never, automatic: false}\n", NULL, NULL},
	{"upgrade: {window: '02:00-02:29'}\n", "upgrade.window", "every ten minutes"},
	{"upgrade: {window: '02:00-02:30'}\n", NULL, NULL},
	{"upgrade: {window: '02:00-05:00, Sat 23:50-00:10'}\n", "upgrade.window", "may pass"},
	{"reboot: {policy: window}\n", "reboot.window", "never comes"},
	{"reboot: {policy: window, window: '03:00-05:00'}\n", NULL, NULL},
	{"reboot: {policy: window, window: '03:00-03:30'}\n", "reboot.window", "may pass"},
	{"reboot: {policy: window, window: '03:00-03:30', warning: 0}\n", NULL, NULL},
	{"reboot: {window: '03:00-05:00'}\n", "reboot.policy", "the policy is never"},
	{"reboot: {policy: now}\n", NULL, NULL},
	{"tries: 1\n", NULL, NULL},
	{"tries: 1\nreboot: {policy: now}\n", "tries", "one try"},
	{"tries: 1\nreboot: {policy: window, window: '03:00-05:00'}\n", "tries", "one try"},
};

START_TEST(contradictions_are_told)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct engine_world world;
		auto_findings struct findings findings = {0};
		const struct finding *found;
		struct err err = {0};

		checks_world_adopted(&world);
		ck_assert_msg(policy_apply(&world.machine.policy, "moult.yaml", cases[i].settings,
					   strlen(cases[i].settings), &err),
			      "%s", err.text);
		ck_assert(checks_run(&world.machine, CHECK_ALL, NULL, &findings, &err));
		found = findings_find(&findings, "UNATTENDED");
		ck_assert_msg((found != NULL) == (cases[i].object != NULL), "%s",
			      cases[i].settings);
		if (found) {
			ck_assert_int_eq(found->level, FINDING_WARN);
			ck_assert_str_eq(found->object, cases[i].object);
			ck_assert_ptr_nonnull(strstr(found->why, cases[i].part));
			ck_assert_str_eq(found->remedy, "man moult.yaml");
		}
		engine_world_done(&world);
	}
}
END_TEST

UNIT_MAIN("contradictions", contradictions_are_told)
