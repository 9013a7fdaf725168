#include "window.h"
#include <ctype.h>
#include <string.h>
#include <strings.h>
#include "text.h"

#define DAY_MIN 1440u
#define ALL_DAYS 0x7fu
#define LOOK_BACK_DAYS 2
#define LOOK_AHEAD_DAYS 9

/* --- reading ------------------------------------------------------------------------------------ */

static void skip_blanks(const char **cursor)
{
	while (**cursor == ' ' || **cursor == '\t')
		(*cursor)++;
}

static bool take_sign(const char **cursor, char c)
{
	skip_blanks(cursor);
	if (**cursor != c)
		return false;
	(*cursor)++;
	return true;
}

/* "Mon", also written "monday": at least three letters of the name. */
static bool take_day(const char **cursor, unsigned *ret)
{
	static const char *const whole[7] = {"monday", "tuesday",  "wednesday", "thursday",
					     "friday", "saturday", "sunday"};
	size_t length = 0;

	skip_blanks(cursor);
	while (isalpha((unsigned char)(*cursor)[length]))
		length++;
	for (unsigned i = 0; length >= 3 && i < COUNT(whole); i++)
		if (length <= strlen(whole[i]) && strncasecmp(*cursor, whole[i], length) == 0) {
			*cursor += length;
			*ret = i;
			return true;
		}
	return false;
}

static bool take_days(const char **cursor, unsigned *ret)
{
	unsigned first, last;

	*ret = 0;
	do {
		if (!take_day(cursor, &first))
			return false;
		last = first;
		if (take_sign(cursor, '-') && !take_day(cursor, &last))
			return false;
		for (unsigned day = first;; day = (day + 1) % 7) {
			*ret |= 1u << day;
			if (day == last)
				break;
		}
	} while (take_sign(cursor, ','));
	return true;
}

static bool take_two_digits(const char **cursor, unsigned *ret)
{
	const char *at = *cursor;

	if (!isdigit((unsigned char)at[0]) || !isdigit((unsigned char)at[1]))
		return false;
	*ret = (unsigned)(at[0] - '0') * 10 + (unsigned)(at[1] - '0');
	*cursor += 2;
	return true;
}

static bool take_time(const char **cursor, unsigned *ret)
{
	unsigned hour, minute;

	skip_blanks(cursor);
	if (!take_two_digits(cursor, &hour) || *(*cursor)++ != ':' ||
	    !take_two_digits(cursor, &minute))
		return false;
	*ret = hour * 60 + minute;
	return minute < 60 && *ret <= DAY_MIN;
}

/* A comma is followed by another day of the list, or by another span: both are tried. */
static bool take_span(const char **cursor, struct window_span *ret)
{
	unsigned ignored;
	const char *start = *cursor;

	if (!take_day(&start, &ignored))
		ret->days = ALL_DAYS;
	else if (!take_days(cursor, &ret->days))
		return false;
	return take_time(cursor, &ret->from_min) && take_sign(cursor, '-') &&
	       take_time(cursor, &ret->until_min) && ret->from_min < DAY_MIN &&
	       ret->from_min != ret->until_min;
}

static bool refuse(const char *text, struct err *err)
{
	err_set(err, ERR_USAGE, 0,
		"%s is no window of time: it is written like 'Mon-Fri 22:00-05:00, Sat "
		"03:00-09:00', or 'always', or 'never'",
		text_quote(text));
	return false;
}

bool window_parse(const char *text, struct window *ret, struct err *err)
{
	struct window window = {0};
	const char *cursor = text;

	if (strcasecmp(text, "never") == 0 || strcasecmp(text, "always") == 0) {
		*ret = (struct window){.always = strcasecmp(text, "always") == 0};
		return true;
	}
	do {
		if (window.count == WINDOW_SPANS_MAX)
			return err_set(err, ERR_USAGE, 0, "a window has at most %d spans",
				       WINDOW_SPANS_MAX);
		if (!take_span(&cursor, &window.spans[window.count]))
			return refuse(text, err);
		window.count++;
	} while (take_sign(&cursor, ',') || take_sign(&cursor, ';'));
	skip_blanks(&cursor);
	if (*cursor)
		return refuse(text, err);
	*ret = window;
	return true;
}

/* --- the clock ---------------------------------------------------------------------------------- */

int zone_offset_at(const struct zone *zone, int64_t when)
{
	int offset_sec = zone->count > 0 ? zone->offsets[0].offset_sec : 0;

	for (size_t i = 1; i < zone->count && zone->offsets[i].from <= when; i++)
		offset_sec = zone->offsets[i].offset_sec;
	return offset_sec;
}

enum which { FIRST, LAST };

/*
 * When the wall clock shows `local`, seconds since 1970 as if it were UTC. Left out by a change of
 * the clock: when it would have been shown without. Shown twice: the one that was asked for.
 */
static int64_t moment_of(const struct zone *zone, int64_t local, enum which which)
{
	int before = zone_offset_at(zone, local - WINDOW_DAY_SEC);
	int after = zone_offset_at(zone, local + WINDOW_DAY_SEC);
	bool by_before = zone_offset_at(zone, local - before) == before;
	bool by_after = zone_offset_at(zone, local - after) == after;

	if (by_before && by_after)
		return which == FIRST ? local - before : local - after;
	return by_after ? local - after : local - before;
}

/* --- openings ----------------------------------------------------------------------------------- */

static unsigned span_min(const struct window_span *span)
{
	return span->until_min > span->from_min ? span->until_min - span->from_min
						: DAY_MIN - span->from_min + span->until_min;
}

/* 1970-01-01 was a Thursday. */
static unsigned weekday_of(int64_t day)
{
	return (unsigned)(((day + 3) % 7 + 7) % 7);
}

static bool opening_of(const struct window_span *span, const struct zone *zone, int64_t day,
		       struct opening *ret)
{
	int64_t midnight = day * WINDOW_DAY_SEC;
	int64_t length_sec = (int64_t)span_min(span) * 60;
	int64_t from = midnight + (int64_t)span->from_min * 60;

	if (!(span->days & 1u << weekday_of(day)))
		return false;
	ret->from = moment_of(zone, from, FIRST);
	/* the last second inside: 02:00 may come twice where 01:59 does not */
	ret->until = moment_of(zone, from + length_sec - 1, LAST) + 1;
	/* swallowed by a change of the clock */
	if (ret->until <= ret->from)
		ret->until = ret->from + length_sec;
	return true;
}

/* Whether `other` makes it longer: they touch or overlap. */
static bool prolong(struct opening *opening, const struct opening *other)
{
	struct opening before = *opening;

	if (other->from > opening->until || other->until < opening->from)
		return false;
	if (other->from < opening->from)
		opening->from = other->from;
	if (other->until > opening->until)
		opening->until = other->until;
	return opening->from != before.from || opening->until != before.until;
}

struct days {
	int64_t first, last;
};

static struct days days_around(const struct zone *zone, int64_t now)
{
	int64_t local = now + zone_offset_at(zone, now);
	int64_t today = local / WINDOW_DAY_SEC - (local % WINDOW_DAY_SEC < 0);

	return (struct days){today - LOOK_BACK_DAYS, today + LOOK_AHEAD_DAYS};
}

/* Spans that follow each other without a gap are one opening. */
static void prolong_all(const struct window *window, const struct zone *zone, struct days days,
			struct opening *opening)
{
	struct opening other;
	bool longer = true;

	while (longer) {
		longer = false;
		for (int64_t day = days.first; day <= days.last; day++)
			for (size_t i = 0; i < window->count; i++)
				longer |= opening_of(&window->spans[i], zone, day, &other) &&
					  prolong(opening, &other);
	}
}

bool window_find(const struct window *window, const struct zone *zone, int64_t now,
		 struct opening *ret)
{
	struct days days = days_around(zone, now);
	struct opening opening;
	bool found = false;

	if (window->always) {
		*ret = (struct opening){now, INT64_MAX};
		return true;
	}
	for (int64_t day = days.first; day <= days.last; day++)
		for (size_t i = 0; i < window->count; i++) {
			if (!opening_of(&window->spans[i], zone, day, &opening) ||
			    opening.until <= now || (found && ret->from <= opening.from))
				continue;
			*ret = opening;
			found = true;
		}
	if (found)
		prolong_all(window, zone, days, ret);
	return found;
}

unsigned window_shortest_min(const struct window *window)
{
	unsigned shortest = window->always ? 7 * DAY_MIN : 0;

	for (size_t i = 0; i < window->count; i++) {
		unsigned length = span_min(&window->spans[i]);

		shortest = shortest == 0 || length < shortest ? length : shortest;
	}
	return shortest;
}
