#include "unattended.h"
#include <stdlib.h>
#include "text.h"

const char *hold_name(enum hold_kind kind)
{
	static const char *const names[HOLD_KIND_COUNT] = {
		[HOLD_WINDOW] = "window",   [HOLD_BATTERY] = "battery",
		[HOLD_METERED] = "metered", [HOLD_LOAD] = "load",
		[HOLD_USERS] = "users",	    [HOLD_INHIBITED] = "inhibited",
	};

	return names[kind];
}

/* --- what holds back ---------------------------------------------------------------------------- */

static char *join(const char *before, const char *const *names, size_t count)
{
	struct text text = {0};

	text_add(&text, before);
	for (size_t i = 0; i < count; i++)
		text_addf(&text, "%s%s", i > 0 ? ", " : "", names[i]);
	return text_take(&text);
}

/* Each says why it holds back, or NULL. */
static char *hold_window(const struct limits *limits, const struct circumstances *now)
{
	struct opening opening;

	if (!window_find(&limits->window, &now->zone, now->now, &opening))
		return xstrdup("its window never opens");
	return opening.from > now->now ? xstrdup("outside its window") : NULL;
}

static char *hold_battery(const struct limits *limits, const struct circumstances *now)
{
	return limits->mains && now->on_battery == 1 ? xstrdup("on battery") : NULL;
}

static char *hold_metered(const struct limits *limits, const struct circumstances *now)
{
	return limits->unmetered && now->metered == 1 ? xstrdup("the network link is metered")
						      : NULL;
}

static char *hold_load(const struct limits *limits, const struct circumstances *now)
{
	if (limits->load_percent == 0 || now->load_percent <= (int)limits->load_percent)
		return NULL;
	return xasprintf("busy: load %d %% of each CPU, at most %u %% are allowed",
			 now->load_percent, limits->load_percent);
}

static char *hold_users(const struct limits *limits, const struct circumstances *now)
{
	return limits->alone && now->user_count > 0
		       ? join("logged in: ", now->users, now->user_count)
		       : NULL;
}

static char *hold_inhibited(const struct limits *limits, const struct circumstances *now)
{
	return limits->uninhibited && now->inhibitor_count > 0
		       ? join("inhibited by ", now->inhibitors, now->inhibitor_count)
		       : NULL;
}

void holds_find(const struct limits *limits, const struct circumstances *now, struct holds *ret)
{
	static char *(*const find[HOLD_KIND_COUNT])(const struct limits *,
						    const struct circumstances *) = {
		[HOLD_WINDOW] = hold_window,   [HOLD_BATTERY] = hold_battery,
		[HOLD_METERED] = hold_metered, [HOLD_LOAD] = hold_load,
		[HOLD_USERS] = hold_users,     [HOLD_INHIBITED] = hold_inhibited,
	};

	*ret = (struct holds){0};
	for (int i = 0; i < HOLD_KIND_COUNT; i++) {
		char *why = find[i](limits, now);

		if (why)
			ret->list[ret->count++] = (struct hold){(enum hold_kind)i, why};
	}
}

void holds_done(struct holds *holds)
{
	for (size_t i = 0; i < holds->count; i++)
		free(holds->list[i].why);
	*holds = (struct holds){0};
}

bool holds_have(const struct holds *holds, enum hold_kind kind)
{
	for (size_t i = 0; i < holds->count; i++)
		if (holds->list[i].kind == kind)
			return true;
	return false;
}

char *holds_text(const struct holds *holds)
{
	struct text text = {0};

	for (size_t i = 0; i < holds->count; i++)
		text_addf(&text, "%s%s", i > 0 ? "; " : "", holds->list[i].why);
	return text_take(&text);
}

/* --- when it is due ----------------------------------------------------------------------------- */

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

int64_t unattended_due(const struct attempts *attempts, const struct opening *opening)
{
	bool always = opening->until == INT64_MAX;
	int64_t half = always ? UNATTENDED_SPREAD_SEC : (opening->until - opening->from) / 2;
	int64_t room = half < UNATTENDED_SPREAD_SEC ? half : UNATTENDED_SPREAD_SEC;
	int64_t spread = room > 0 ? attempts->spread % room : 0;
	int64_t from = always ? attempts->since + UNATTENDED_RETRY_SEC : opening->from;

	if (attempts->last == 0)
		return from + spread;
	if (attempts->failed)
		return attempts->last + UNATTENDED_RETRY_SEC;
	/* without a window they come spread over the day anyhow, as they did the first time */
	return later(always ? 0 : opening->from + spread, attempts->last + UNATTENDED_INTERVAL_SEC);
}
