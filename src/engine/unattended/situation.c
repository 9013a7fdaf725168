#include "situation.h"
#include <string.h>
#include "report.h"

/* How far windows are looked for, and a little more on both sides. */
#define DAYS_BEFORE 4
#define DAYS_AFTER 12

/* --- the clock ---------------------------------------------------------------------------------- */

static bool offset_at(struct machine *machine, int64_t when, int *ret, struct err *err)
{
	int r = machine->host->ops->utc_offset(machine->host, when, ret);

	return r < 0 ? err_set(err, ERR_SYSTEM, -r, "cannot tell what the local time is") : true;
}

/* The first second of the later offset; `from` still has the earlier one, `until` the later. */
static bool find_change(struct machine *machine, int64_t from, int64_t until, int64_t *ret,
			struct err *err)
{
	int before, offset;

	if (!offset_at(machine, from, &before, err))
		return false;
	while (until - from > 1) {
		int64_t middle = from + (until - from) / 2;

		if (!offset_at(machine, middle, &offset, err))
			return false;
		if (offset == before)
			from = middle;
		else
			until = middle;
	}
	*ret = until;
	return true;
}

static bool zone_read(struct machine *machine, int64_t now, struct zone *ret, struct err *err)
{
	int64_t when = now - DAYS_BEFORE * WINDOW_DAY_SEC;
	struct zone zone = {.count = 1, .offsets = {{.from = when}}};
	int offset;

	if (!offset_at(machine, when, &zone.offsets[0].offset_sec, err))
		return false;
	for (int day = 1; day <= DAYS_BEFORE + DAYS_AFTER; day++, when += WINDOW_DAY_SEC) {
		struct zone_offset *next = &zone.offsets[zone.count];

		if (!offset_at(machine, when + WINDOW_DAY_SEC, &offset, err))
			return false;
		if (offset == next[-1].offset_sec || zone.count == ZONE_OFFSETS_MAX)
			continue;
		next->offset_sec = offset;
		if (!find_change(machine, when, when + WINDOW_DAY_SEC, &next->from, err))
			return false;
		zone.count++;
	}
	*ret = zone;
	return true;
}

/* --- the machine -------------------------------------------------------------------------------- */

bool situation_read(struct machine *machine, struct situation *ret, struct err *err)
{
	struct host *host = machine->host;
	struct host_surroundings *around = &ret->surroundings;
	const struct host_surroundings unknown = {
		.on_battery = -1, .metered = -1, .load_percent = -1};

	*ret = (struct situation){.surroundings = unknown};
	ret->known = host->ops->surroundings(host, around) == 0;
	if (!ret->known)
		*around = unknown;
	ret->now = (struct circumstances){
		.now = host->ops->clock(host, HOST_CLOCK_REAL_SEC),
		.on_battery = around->on_battery,
		.metered = around->metered,
		.load_percent = around->load_percent,
		.users = (const char *const *)around->users.strings,
		.user_count = around->users.count,
		.inhibitors = (const char *const *)around->inhibitors.strings,
		.inhibitor_count = around->inhibitors.count,
	};
	if (text_equal(machine->policy.upgrade_metered, "always"))
		ret->now.metered = 1;
	return zone_read(machine, ret->now.now, &ret->now.zone, err);
}

void situation_done(struct situation *situation)
{
	host_surroundings_done(&situation->surroundings);
	*situation = (struct situation){0};
}

/* FNV-1a: all that matters is that two machines differ. */
unsigned situation_spread(const struct machine *machine)
{
	const char *uuid = machine->identity.pool_uuid;
	uint32_t hash = 2166136261u;

	for (; uuid && *uuid; uuid++)
		hash = (hash ^ (unsigned char)*uuid) * 16777619u;
	return hash;
}

bool situation_is_ordinary(const struct machine *machine, const char **ret_why)
{
	static const struct {
		const char *session, *why;
	} others[] = {
		{"trial", "this boot is a trial: timers wait until it is over"},
		{"temporary", "this session was picked in the boot menu: timers wait"},
		{"volatile", "this session is volatile: timers wait"},
		{"foreign", "this system is none of moult's generations"},
		{"offline", "this system does not run"},
	};
	const char *session = report_session(machine);

	if (machine->listing.running.booted == 0) {
		*ret_why = "this is the system as it was before moult: timers wait";
		return false;
	}
	for (size_t i = 0; i < COUNT(others); i++)
		if (strcmp(session, others[i].session) == 0) {
			*ret_why = others[i].why;
			return false;
		}
	return true;
}

/* --- limits ------------------------------------------------------------------------------------- */

/* What the settings hold was checked when they were read: it cannot fail. */
static struct window window_of(const char *text)
{
	struct window window = {0};
	struct err unused = {0};

	window_parse(text, &window, &unused);
	return window;
}

void limits_of_upgrade(const struct policy *policy, struct limits *ret)
{
	*ret = (struct limits){
		.window = window_of(policy->upgrade_window),
		.mains = policy->upgrade_mains,
		.unmetered = !text_equal(policy->upgrade_metered, "never"),
		.load_percent = policy->upgrade_load,
		.alone = !policy->upgrade_users,
	};
}

bool limits_of_reboot(const struct policy *policy, const char *asked, struct limits *ret)
{
	bool in_window = text_equal(policy->reboot_policy, "window");

	*ret = (struct limits){.uninhibited = true};
	if (asked)
		ret->window = window_of(asked);
	else if (in_window)
		ret->window = window_of(policy->reboot_window);
	else
		ret->window.always = true;
	/* whoever asked, or wants it at once, knows that somebody may be there */
	ret->alone = !asked && in_window && !policy->reboot_users;
	return asked || !text_equal(policy->reboot_policy, "never");
}

json_t *holds_json(const struct holds *holds)
{
	json_t *array = json_array();

	for (size_t i = 0; i < holds->count; i++) {
		json_t *object = json_object();

		json_put_string(object, "code", hold_name(holds->list[i].kind));
		json_put_string(object, "why", holds->list[i].why);
		json_array_append_new(array, object);
	}
	return array;
}
