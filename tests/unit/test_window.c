/* Windows of time: what may be written, and when they are open, also when the clock is changed. */
#include <string.h>
#include "text.h"
#include "unit.h"
#include "window.h"

#define HOUR 3600

/* 2026-11-23 is a Monday; the days follow it. */
#define MONDAY INT64_C(1795392000)
#define AT(day, hour, minute) (MONDAY + (day)*WINDOW_DAY_SEC + (hour)*HOUR + (minute)*60)
#define MON 0
#define TUE 1
#define WED 2
#define FRI 4
#define SAT 5
#define SUN 6

/* Berlin in 2026: summer time from 29 March, 01:00 UTC, to 25 October, 01:00 UTC, both Sundays. */
#define SPRING INT64_C(1774746000)
#define AUTUMN INT64_C(1792890000)
static const struct zone berlin = {
	.offsets = {{0, HOUR}, {SPRING, 2 * HOUR}, {AUTUMN, HOUR}},
	.count = 3,
};
static const struct zone utc;
static const struct zone new_york = {.offsets = {{0, -5 * HOUR}}, .count = 1};

static struct window parsed(const char *text)
{
	struct window window;
	struct err err = {0};

	ck_assert_msg(window_parse(text, &window, &err), "%s", err.text);
	return window;
}

static const struct {
	const char *text;
	size_t spans; /* 0 = refused */
	unsigned days, from_min, until_min; /* of the first */
} writings[] = {
	{"02:00-05:00", 1, 0x7f, 120, 300},
	{"Mon 02:00-05:00", 1, 0x01, 120, 300},
	{"mon-fri 22:00-05:00", 1, 0x1f, 1320, 300},
	{"Saturday,Sunday 00:00-24:00", 1, 0x60, 0, 1440},
	{"Fri-Mon 01:00-02:00", 1, 0x71, 60, 120},
	{"Mon,Wed-Thu 01:00-02:00", 1, 0x0d, 60, 120},
	{" Mon - Tue 01:00 - 02:00 ", 1, 0x03, 60, 120},
	{"Mon 01:00-02:00, Tue 03:00-04:00", 2, 0x01, 60, 120},
	{"01:00-02:00;03:00-04:00", 2, 0x7f, 60, 120},
	{"", 0},
	{"Mon", 0},
	{"Mo 01:00-02:00", 0},
	{"Moon 01:00-02:00", 0},
	{"Mondayy 01:00-02:00", 0},
	{"1:00-02:00", 0},
	{"01:00", 0},
	{"01:00-", 0},
	{"01:60-02:00", 0},
	{"24:00-01:00", 0},
	{"01:00-24:01", 0},
	{"01:00-01:00", 0},
	{"01:00-02:00,", 0},
	{"01:00-02:00 x", 0},
	{"Mon- 01:00-02:00", 0},
	{"Mon, 01:00-02:00", 0},
	{"sometimes", 0},
	{"always, 01:00-02:00", 0},
	{"\033[31m01:00-02:00", 0},
};

START_TEST(what_is_written_is_understood_or_refused)
{
	for (size_t i = 0; i < COUNT(writings); i++) {
		struct window window = {.count = 77};
		struct err err = {0};
		bool fine = window_parse(writings[i].text, &window, &err);

		ck_assert_msg(fine == (writings[i].spans > 0), "%s", writings[i].text);
		if (!fine) {
			ck_assert_int_eq(err.kind, ERR_USAGE);
			ck_assert_ptr_nonnull(strstr(err.text, "is no window of time"));
			ck_assert_ptr_null(strchr(err.text, '\033'));
			ck_assert_uint_eq(window.count, 77);
			continue;
		}
		ck_assert_uint_eq(window.count, writings[i].spans);
		ck_assert_uint_eq(window.spans[0].days, writings[i].days);
		ck_assert_uint_eq(window.spans[0].from_min, writings[i].from_min);
		ck_assert_uint_eq(window.spans[0].until_min, writings[i].until_min);
	}
}
END_TEST

START_TEST(a_window_of_too_many_spans_is_refused)
{
	auto_text struct text text = {0};
	struct window window;
	struct err err = {0};

	for (int i = 0; i < WINDOW_SPANS_MAX + 1; i++)
		text_addf(&text, "%s01:00-02:00", i > 0 ? "," : "");
	ck_assert(!window_parse(text.bytes, &window, &err));
	ck_assert_str_eq(err.text, "a window has at most 32 spans");
}
END_TEST

static const struct {
	const char *window;
	const struct zone *zone;
	int64_t now, from, until; /* until 0 = there is none */
} openings[] = {
	/* before, in, at the edges, after */
	{"02:00-05:00", &utc, AT(MON, 1, 0), AT(MON, 2, 0), AT(MON, 5, 0)},
	{"02:00-05:00", &utc, AT(MON, 2, 0), AT(MON, 2, 0), AT(MON, 5, 0)},
	{"02:00-05:00", &utc, AT(MON, 4, 59), AT(MON, 2, 0), AT(MON, 5, 0)},
	{"02:00-05:00", &utc, AT(MON, 5, 0), AT(TUE, 2, 0), AT(TUE, 5, 0)},
	/* across midnight: the day is that of the beginning */
	{"Mon 22:00-05:00", &utc, AT(TUE, 4, 0), AT(MON, 22, 0), AT(TUE, 5, 0)},
	{"Mon 22:00-05:00", &utc, AT(MON, 4, 0), AT(MON, 22, 0), AT(TUE, 5, 0)},
	{"Mon 22:00-05:00", &utc, AT(WED, 4, 0), AT(7, 22, 0), AT(8, 5, 0)},
	/* from Sunday into Monday */
	{"Sun 23:00-01:00", &utc, AT(7, 0, 30), AT(SUN, 23, 0), AT(7, 1, 0)},
	/* the nearest of several, spans that touch or overlap are one */
	{"Wed 03:00-04:00, Tue 03:00-04:00", &utc, AT(MON, 12, 0), AT(TUE, 3, 0), AT(TUE, 4, 0)},
	{"Fri 22:00-24:00, Sat 00:00-06:00", &utc, AT(FRI, 23, 0), AT(FRI, 22, 0), AT(SAT, 6, 0)},
	{"01:00-03:00, 02:00-04:00, 04:00-05:00", &utc, AT(MON, 1, 30), AT(MON, 1, 0),
	 AT(MON, 5, 0)},
	{"Sat,Sun 00:00-24:00", &utc, AT(SUN, 12, 0), AT(SAT, 0, 0), AT(7, 0, 0)},
	/* the local clock: 02:00 in New York is 07:00 UTC, and 22:00 is on the next day */
	{"Mon 02:00-05:00", &new_york, AT(MON, 7, 0), AT(MON, 7, 0), AT(MON, 10, 0)},
	{"Mon 02:00-05:00", &new_york, AT(MON, 6, 59), AT(MON, 7, 0), AT(MON, 10, 0)},
	{"Mon 22:00-23:00", &new_york, AT(TUE, 3, 30), AT(TUE, 3, 0), AT(TUE, 4, 0)},
	/* in spring the hour from 02:00 to 03:00 is left out */
	{"Sun 01:00-04:00", &berlin, SPRING - 1800, SPRING - HOUR, SPRING + HOUR},
	{"Sun 01:00-02:00", &berlin, SPRING - 1800, SPRING - HOUR, SPRING},
	{"Sun 02:00-03:00", &berlin, SPRING - 1800, SPRING, SPRING + HOUR},
	{"Sun 02:30-03:30", &berlin, SPRING - 1800, SPRING + 1800, SPRING + 5400},
	{"Sun 04:00-05:00", &berlin, SPRING, SPRING + HOUR, SPRING + 2 * HOUR},
	{"Sat 23:00-06:00", &berlin, SPRING, SPRING - 3 * HOUR, SPRING + 3 * HOUR},
	/* in autumn it comes twice, and is open both times */
	{"Sun 02:00-03:00", &berlin, AUTUMN - 1800, AUTUMN - HOUR, AUTUMN + HOUR},
	{"Sun 02:00-03:00", &berlin, AUTUMN + 1800, AUTUMN - HOUR, AUTUMN + HOUR},
	{"Sun 02:30-02:45", &berlin, AUTUMN, AUTUMN - 1800, AUTUMN + 2700},
	{"Sun 01:00-02:00", &berlin, AUTUMN - 5400, AUTUMN - 2 * HOUR, AUTUMN - HOUR},
	{"Sun 03:00-04:00", &berlin, AUTUMN, AUTUMN + HOUR, AUTUMN + 2 * HOUR},
	/* before 1970 nothing goes wrong either */
	{"00:00-24:00", &utc, -WINDOW_DAY_SEC * 400 + 5, -WINDOW_DAY_SEC * 402,
	 -WINDOW_DAY_SEC * 390},
	{"never", &utc, AT(MON, 0, 0), 0, 0},
	{"always", &utc, AT(MON, 0, 0), AT(MON, 0, 0), INT64_MAX},
};

START_TEST(the_opening_that_now_is_in_or_the_next_one_is_found)
{
	for (size_t i = 0; i < COUNT(openings); i++) {
		struct window window = parsed(openings[i].window);
		struct opening opening = {0};
		bool found = window_find(&window, openings[i].zone, openings[i].now, &opening);

		ck_assert_msg(found == (openings[i].until != 0), "case %zu: %s", i,
			      openings[i].window);
		ck_assert_msg(opening.from == openings[i].from &&
				      opening.until == openings[i].until,
			      "case %zu: %s: %+lld to %+lld, not %+lld to %+lld", i,
			      openings[i].window, (long long)(opening.from - openings[i].now),
			      (long long)(opening.until - openings[i].now),
			      (long long)(openings[i].from - openings[i].now),
			      (long long)(openings[i].until - openings[i].now));
	}
}
END_TEST

/* Minute by minute through both changes of the clock, against a count of what the clock shows. */
START_TEST(a_window_is_open_just_while_the_clock_shows_it)
{
	struct window window = parsed("Sat,Sun 01:15-02:00, 03:00-05:30");
	static const int64_t around[] = {SPRING, AUTUMN};

	for (size_t i = 0; i < COUNT(around); i++)
		for (int64_t now = around[i] - 30 * HOUR; now < around[i] + 30 * HOUR; now += 60) {
			int64_t local = now + zone_offset_at(&berlin, now);
			unsigned weekday = (unsigned)((local / WINDOW_DAY_SEC + 3) % 7);
			unsigned minute = (unsigned)(local % WINDOW_DAY_SEC / 60);
			bool shown = (weekday >= SAT && minute >= 75 && minute < 120) ||
				     (minute >= 180 && minute < 330);
			struct opening opening;

			ck_assert(window_find(&window, &berlin, now, &opening));
			ck_assert_int_eq(opening.from <= now, shown);
			ck_assert(opening.until > now);
		}
}
END_TEST

START_TEST(the_shortest_opening_is_known)
{
	struct window window = parsed("Mon 23:30-00:15, 01:00-03:00");

	ck_assert_uint_eq(window_shortest_min(&window), 45);
	window = parsed("never");
	ck_assert_uint_eq(window_shortest_min(&window), 0);
	window = parsed("always");
	ck_assert_uint_eq(window_shortest_min(&window), 7 * 1440);
}
END_TEST

UNIT_MAIN("window", what_is_written_is_understood_or_refused, a_window_of_too_many_spans_is_refused,
	  the_opening_that_now_is_in_or_the_next_one_is_found,
	  a_window_is_open_just_while_the_clock_shows_it, the_shortest_opening_is_known)
