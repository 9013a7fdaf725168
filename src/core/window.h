/*
 * window - when something may be done: days and times of the owner's clock, worked out in seconds.
 *
 * Written "Mon-Fri 22:00-05:00, Sat 03:00-09:00": spans of time, each with the days that it begins
 * on (none = every day); it ends on the next day where its end is not after its beginning. Days are
 * Mon to Sun, ranges and lists of them ("Fri-Mon", "Tue Thu" as "Tue,Thu"); a span goes up to 24:00.
 * "always" and "never" are the whole of it.
 *
 * Times are those of a wall clock. One that the change to summer time leaves out is taken as if the
 * clock had not been changed, so that the span keeps its length; of one that comes twice in autumn a
 * beginning means the first, an end the second.
 *
 * Pure: what the local clock shows comes in as a struct zone.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "auto.h"
#include "err.h"

#define WINDOW_SPANS_MAX 32
#define WINDOW_DAY_SEC 86400

struct window_span {
	unsigned days; /* 1 << 0 = Monday … 1 << 6 = Sunday: those that it begins on */
	unsigned from_min, until_min; /* of the day, 0 to 1440; until <= from: of the next day */
};

/* Zero-filled: never. */
struct window {
	struct window_span spans[WINDOW_SPANS_MAX];
	size_t count;
	bool always;
};

bool window_parse(const char *text, struct window *ret, struct err *err);

/* How far the local clock is ahead of UTC; each holds until the next one begins. */
struct zone_offset {
	int64_t from; /* seconds since 1970; of the first one: whatever is before, too */
	int offset_sec;
};

#define ZONE_OFFSETS_MAX 8

/* Of the weeks around a moment; zero-filled: UTC. */
struct zone {
	struct zone_offset offsets[ZONE_OFFSETS_MAX]; /* ascending */
	size_t count;
};

int zone_offset_at(const struct zone *zone, int64_t when);

/* A time during which a window is open, in seconds since 1970; until is outside. */
struct opening {
	int64_t from, until;
};

/* The opening that `now` is in, or else the next one; of "always" until is INT64_MAX. False: none within eight days. */
bool window_find(const struct window *window, const struct zone *zone, int64_t now,
		 struct opening *ret);
/* The shortest opening that an ordinary week has, in minutes; 0 = it never opens. */
unsigned window_shortest_min(const struct window *window);
