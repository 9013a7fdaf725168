/* What holds a timer back, in words, and when it is due. */
#include <string.h>
#include "text.h"
#include "unattended.h"
#include "unit.h"

#define MONDAY INT64_C(1795392000)
#define HOUR INT64_C(3600)
#define NEVER INT64_MAX

static const char *const users[] = {"ann", "bob"};
static const char *const inhibitors[] = {"dpkg: it writes"};

/* Night, idle, nobody there: nothing holds back but what a case adds. */
static const struct circumstances quiet = {
	.now = MONDAY + 3 * HOUR, .on_battery = 0, .metered = 0, .load_percent = 5};
/* A machine that says nothing about itself. */
static const struct circumstances mute = {
	.now = MONDAY + 3 * HOUR, .on_battery = -1, .metered = -1, .load_percent = -1};
static const struct circumstances worst = {.now = MONDAY + 12 * HOUR,
					   .on_battery = 1,
					   .metered = 1,
					   .load_percent = 180,
					   .users = users,
					   .user_count = 2,
					   .inhibitors = inhibitors,
					   .inhibitor_count = 1};

static struct limits limits_in(const char *window)
{
	struct limits limits = {.mains = true,
				.unmetered = true,
				.load_percent = 150,
				.alone = true,
				.uninhibited = true};
	struct err err = {0};

	ck_assert(window_parse(window, &limits.window, &err));
	return limits;
}

static void holds(const struct limits *limits, const struct circumstances *now, const char *text)
{
	auto_holds struct holds found = {0};
	auto_free char *said = NULL;

	holds_find(limits, now, &found);
	said = holds_text(&found);
	ck_assert_str_eq(said, text);
}

START_TEST(everything_that_holds_back_is_said)
{
	struct limits strict = limits_in("02:00-05:00"), lax = {.window = {.always = true}};
	struct limits closed = limits_in("never");

	holds(&strict, &quiet, "");
	holds(&strict, &mute, "");
	holds(&strict, &worst,
	      "outside its window; on battery; the network link is metered; busy: load 180 % of "
	      "each CPU, at most 150 % are allowed; logged in: ann, bob; inhibited by dpkg: it "
	      "writes");
	holds(&lax, &worst, "");
	holds(&closed, &quiet, "its window never opens");
}
END_TEST

START_TEST(each_hold_is_known_by_a_name)
{
	struct limits strict = limits_in("02:00-05:00");
	auto_holds struct holds found = {0};

	holds_find(&strict, &worst, &found);
	ck_assert_uint_eq(found.count, HOLD_KIND_COUNT);
	for (int i = 0; i < HOLD_KIND_COUNT; i++) {
		ck_assert(holds_have(&found, (enum hold_kind)i));
		ck_assert(*hold_name((enum hold_kind)i));
	}
	holds_done(&found);
	holds_find(&strict, &quiet, &found);
	ck_assert(!holds_have(&found, HOLD_WINDOW));
}
END_TEST

START_TEST(a_load_at_the_limit_is_allowed)
{
	struct limits strict = limits_in("always");
	struct circumstances busy = quiet;

	busy.load_percent = 150;
	holds(&strict, &busy, "");
	busy.load_percent = 151;
	holds(&strict, &busy, "busy: load 151 % of each CPU, at most 150 % are allowed");
	strict.load_percent = 0;
	holds(&strict, &busy, "");
}
END_TEST

START_TEST(an_upgrade_is_looked_for_once_a_day_and_sooner_after_a_failure)
{
	static const struct {
		struct attempts attempts;
		struct opening opening;
		int64_t due; /* after MONDAY */
	} cases[] = {
		/* first time: in the first half of the window, each machine at its own moment */
		{{.spread = 0}, {2 * HOUR, 5 * HOUR}, 2 * HOUR},
		{{.spread = 600}, {2 * HOUR, 5 * HOUR}, 2 * HOUR + 600},
		{{.spread = 5400}, {2 * HOUR, 5 * HOUR}, 2 * HOUR},
		{{.spread = 5399}, {2 * HOUR, 5 * HOUR}, 2 * HOUR + 5399},
		/* of a long window not more than four hours */
		{{.spread = 5 * HOUR}, {0, 24 * HOUR}, HOUR},
		/* no window: not as soon as the machine is adopted */
		{{.since = MONDAY, .spread = 600}, {0, NEVER}, HOUR + 600},
		/* next time in the next opening, or the same when that is long */
		{{.last = MONDAY - 21 * HOUR, .spread = 600}, {2 * HOUR, 5 * HOUR}, 2 * HOUR + 600},
		{{.last = MONDAY + 2 * HOUR, .spread = 600}, {2 * HOUR, 5 * HOUR}, 22 * HOUR},
		{{.last = MONDAY, .spread = 600}, {0, NEVER}, 20 * HOUR},
		{{.last = MONDAY + 2 * HOUR, .failed = true}, {2 * HOUR, 5 * HOUR}, 3 * HOUR},
		{{.last = MONDAY, .failed = true}, {0, NEVER}, HOUR},
		/* a window of no length to speak of */
		{{.spread = 600}, {2 * HOUR, 2 * HOUR + 1}, 2 * HOUR},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct opening opening = cases[i].opening;
		int64_t due;

		opening.from += MONDAY;
		opening.until += opening.until == NEVER ? 0 : MONDAY;
		due = unattended_due(&cases[i].attempts, &opening);
		ck_assert_msg(due == MONDAY + cases[i].due, "case %zu: %lld", i,
			      (long long)(due - MONDAY));
	}
}
END_TEST

UNIT_MAIN("unattended", everything_that_holds_back_is_said, each_hold_is_known_by_a_name,
	  a_load_at_the_limit_is_allowed,
	  an_upgrade_is_looked_for_once_a_day_and_sooner_after_a_failure)
