#include "timed_reboot.h"
#include <string.h>
#include "messages.h"
#include "situation.h"
#include "standing.h"

#define WALL "/usr/bin/wall"
#define WALL_TIMEOUT_SEC 30

/* What the next boot tries, if it is what is pending; NULL = there is nothing to reboot into. */
static const struct menu_entry *next_trial(const struct machine *machine)
{
	const struct generation *pending = listing_pending(&machine->listing);
	const struct menu_entry *next = machine->has_boot ? menu_next(&machine->menu) : NULL;

	return pending && !pending->stale && next && next->counted &&
			       next->generation == pending->id
		       ? next
		       : NULL;
}

/* The window that was asked for, if it was for this very publication; borrowed. */
static const char *asked_window(const json_t *kept, const struct menu_entry *next)
{
	json_int_t serial = json_integer_value(json_object_get(kept, "serial"));
	const char *text = json_string_value(json_object_get(kept, "window"));
	struct window window;
	struct err unused = {0};

	return text && serial == (json_int_t)next->serial && window_parse(text, &window, &unused)
		       ? text
		       : NULL;
}

/* --- telling ------------------------------------------------------------------------------------ */

/* A machine on which nobody can be told has nobody who listens. */
static void tell_users(struct machine *machine, unsigned seconds)
{
	auto_free char *text =
		xasprintf("moult: this machine reboots into generation %u in %u seconds.\n"
			  "To keep this session: sudo systemctl stop moult-upgrade.service",
			  listing_pending(&machine->listing)->id, seconds);
	const struct host_program wall = {
		.path = WALL, .argument = text, .timeout_sec = WALL_TIMEOUT_SEC};
	auto_free char *output = NULL;
	int status;

	machine->host->ops->run_program(machine->host, &wall, &output, &status);
}

static void say(struct machine *machine, enum message message, const char *text)
{
	message_log(machine->host, message,
		    &(struct host_message){
			    .text = text,
			    .verb = "timed-upgrade",
			    .generation = (int)listing_pending(&machine->listing)->id,
		    });
}

/* --- deciding ----------------------------------------------------------------------------------- */

struct decision {
	bool due; /* now */
	unsigned users; /* that are logged in */
	int64_t until; /* end of the window */
};

static bool decide(struct machine *machine, json_t *kept, struct decision *ret, struct err *err)
{
	const struct menu_entry *next = next_trial(machine);
	auto_situation struct situation situation = {0};
	auto_holds struct holds holds = {0};
	struct opening opening = {0};
	struct limits limits;

	*ret = (struct decision){0};
	if (!next || !limits_of_reboot(&machine->policy, asked_window(kept, next), &limits)) {
		json_object_set_new(kept, "waits", json_array());
		return true;
	}
	if (!situation_read(machine, &situation, err))
		return false;
	holds_find(&limits, &situation.now, &holds);
	json_object_set_new(kept, "waits", holds_json(&holds));
	window_find(&limits.window, &situation.now.zone, situation.now.now, &opening);
	*ret = (struct decision){
		.due = holds.count == 0 && situation.known &&
		       situation.now.now >=
			       json_integer_value(json_object_get(kept, "postponed_until")),
		.users = (unsigned)situation.now.user_count,
		.until = opening.until,
	};
	return true;
}

/* Asked anew: whether it is due, as things are now. What holds it back is kept for `status`. */
static bool ask(struct machine *machine, struct decision *ret, struct err *err)
{
	auto_json json_t *standing = NULL;

	return standing_read(machine, &standing, err) &&
	       decide(machine, standing_part(standing, "reboot"), ret, err) &&
	       standing_write(machine, standing, err);
}

/* --- doing -------------------------------------------------------------------------------------- */

/* Without a window somebody who stops it has the session for as long as until the next day. */
static bool postpone(struct machine *machine, const struct decision *decision, struct err *err)
{
	int64_t now = machine->host->ops->clock(machine->host, HOST_CLOCK_REAL_SEC);
	int64_t until =
		decision->until == INT64_MAX ? now + UNATTENDED_INTERVAL_SEC : decision->until;
	auto_json json_t *standing = NULL;

	say(machine, MESSAGE_POSTPONED,
	    "the reboot was stopped; it is put off until its next time");
	if (!standing_read(machine, &standing, err))
		return false;
	json_object_set_new(standing_part(standing, "reboot"), "postponed_until",
			    json_integer(until));
	return standing_write(machine, standing, err);
}

static bool reboot_now(struct machine *machine, bool *ret_rebooting, struct err *err)
{
	int r;

	say(machine, MESSAGE_REBOOTS, "the machine reboots into what is pending, as its owner set");
	r = machine->host->ops->reboot(machine->host, false);
	if (r < 0)
		return err_set(err, ERR_SYSTEM, -r, "the machine cannot be rebooted");
	*ret_rebooting = true;
	return true;
}

bool timed_reboot(struct machine *machine, bool *ret_rebooting, struct err *err)
{
	unsigned seconds = machine->policy.reboot_warning_sec;
	struct host *host = machine->host;
	struct decision decision;

	*ret_rebooting = false;
	if (!ask(machine, &decision, err))
		return false;
	if (!decision.due)
		return true;
	if (decision.users == 0 || seconds == 0)
		return reboot_now(machine, ret_rebooting, err);
	tell_users(machine, seconds);
	if (host->ops->sleep(host, seconds * 1000) == -EINTR)
		return postpone(machine, &decision, err);
	/* in so long a time it may have been taken back, or somebody may have come */
	if (!machine_refresh(machine, err) || !ask(machine, &decision, err))
		return false;
	return decision.due ? reboot_now(machine, ret_rebooting, err) : true;
}

bool timed_reboot_ask(struct machine *machine, const char *window, struct err *err)
{
	const struct menu_entry *next = next_trial(machine);
	auto_json json_t *standing = NULL;
	json_t *kept;

	if (!next)
		return true;
	if (!standing_read(machine, &standing, err))
		return false;
	kept = standing_part(standing, "reboot");
	json_object_del(kept, "postponed_until");
	json_object_set_new(kept, "serial", json_integer((json_int_t)next->serial));
	json_put_string(kept, "window", window);
	return standing_write(machine, standing, err);
}
