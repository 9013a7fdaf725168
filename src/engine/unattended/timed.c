/* What timers ask for: an upgrade when it is due, a look at the whole machine, a cleanup. */
#include <string.h>
#include "answer.h"
#include "messages.h"
#include "notices.h"
#include "report.h"
#include "situation.h"
#include "standing.h"
#include "timed_reboot.h"
#include "verb.h"

/* --- whether it is time ------------------------------------------------------------------------- */

/* Said in the journal when it changes, not every few minutes; `status` says it all the time. */
static void tell_waits(struct machine *machine, json_t *standing, const struct holds *holds)
{
	auto_json json_t *waits = holds_json(holds);
	json_t *part = standing_part(standing, "upgrade");
	auto_free char *why = holds_text(holds),
		       *sentence = xasprintf("the upgrade waits: %s", why);

	if (json_equal(json_object_get(part, "waits"), waits))
		return;
	json_object_set(part, "waits", waits);
	if (holds->count > 0 && !holds_have(holds, HOLD_WINDOW))
		message_log(machine->host, MESSAGE_WAITS,
			    &(struct host_message){
				    .text = sentence, .verb = "timed-upgrade", .generation = -1});
}

static struct attempts attempts_of(const struct machine *machine, json_t *standing)
{
	return (struct attempts){
		.since = json_integer_value(json_object_get(standing, "since")),
		.last = json_integer_value(json_object_get(standing, "last")),
		.failed = json_is_true(json_object_get(standing, "failed")),
		.spread = situation_spread(machine),
	};
}

/* Why not now, NULL = it is time. Caller frees. */
static bool look_at_clock(struct machine *machine, json_t *standing, char **ret_why,
			  struct err *err)
{
	auto_situation struct situation situation = {0};
	auto_holds struct holds holds = {0};
	struct attempts attempts;
	struct opening opening;
	struct limits limits;

	if (!situation_read(machine, &situation, err))
		return false;
	limits_of_upgrade(&machine->policy, &limits);
	holds_find(&limits, &situation.now, &holds);
	tell_waits(machine, standing, &holds);
	if (!json_object_get(standing, "since"))
		json_object_set_new(standing, "since", json_integer(situation.now.now));
	attempts = attempts_of(machine, standing);
	if (holds.count > 0)
		*ret_why = holds_text(&holds);
	else if (window_find(&limits.window, &situation.now.zone, situation.now.now, &opening) &&
		 unattended_due(&attempts, &opening) > situation.now.now)
		*ret_why = xstrdup("its time has not come");
	return true;
}

/* Asked again before the long steps: what holds it back now is no failure. */
static bool may_go_on(struct machine *machine, struct err *err)
{
	auto_situation struct situation situation = {0};
	auto_holds struct holds holds = {0};
	auto_json json_t *standing = NULL;
	auto_free char *why = NULL;
	struct limits limits;

	if (!situation_read(machine, &situation, err) || !standing_read(machine, &standing, err))
		return false;
	limits_of_upgrade(&machine->policy, &limits);
	holds_find(&limits, &situation.now, &holds);
	tell_waits(machine, standing, &holds);
	if (!standing_write(machine, standing, err))
		return false;
	if (holds.count == 0)
		return true;
	why = holds_text(&holds);
	return err_set(err, ERR_NOTHING, 0, "the upgrade waits: %s", why);
}

/* --- the upgrade -------------------------------------------------------------------------------- */

/* What a person made with `run` or `shell` is not given up for an upgrade that nobody asked for. */
static const struct generation *find_persons(const struct machine *machine)
{
	const struct generation *pending = listing_pending(&machine->listing);

	return pending && !text_equal(pending->source, "packages") &&
			       !text_equal(pending->source, "init")
		       ? pending
		       : NULL;
}

/* An upgrade that something came in between of is looked for again as soon as that is over. */
static bool remember_attempt(struct machine *machine, bool done, struct err *err)
{
	auto_json json_t *standing = NULL;
	const json_t *waits;

	if (!standing_read(machine, &standing, err))
		return false;
	waits = json_object_get(standing_part(standing, "upgrade"), "waits");
	json_object_set_new(standing, "failed", json_boolean(!done));
	if (json_array_size(waits) == 0)
		json_object_set_new(standing, "last",
				    json_integer(machine->host->ops->clock(machine->host,
									   HOST_CLOCK_REAL_SEC)));
	return standing_write(machine, standing, err);
}

static bool upgrade_now(struct machine *machine, json_t **ret, struct err *err)
{
	const struct verb_request upgrade = {.verb = "upgrade", .may_go_on = may_go_on};
	bool done = verb_upgrade(machine, &upgrade, ret, err);
	struct err unused = {0};

	return remember_attempt(machine, done, done ? err : &unused) && done;
}

/* Why there is nothing to do now; NULL = there is. Caller frees. */
static bool find_obstacle(struct machine *machine, char **ret_why, struct err *err)
{
	const struct generation *persons = find_persons(machine);
	auto_json json_t *standing = NULL;

	*ret_why = NULL;
	if (!machine->policy.automatic)
		*ret_why = xstrdup("moult.yaml leaves upgrades to people");
	else if (persons)
		*ret_why = xasprintf("generation %u (%s) is pending, and would be lost",
				     persons->id, persons->what ? persons->what : persons->source);
	if (*ret_why)
		return true;
	return standing_read(machine, &standing, err) &&
	       look_at_clock(machine, standing, ret_why, err) &&
	       standing_write(machine, standing, err);
}

static bool upgrade_when_due(struct machine *machine, const struct verb_request *request,
			     json_t **ret, struct err *err)
{
	auto_free char *why = NULL, *sentence = NULL;

	if (!find_obstacle(machine, &why, err))
		return false;
	if (!why)
		return upgrade_now(machine, ret, err);
	sentence = xasprintf("the upgrade waits: %s", why);
	*ret = answer_nothing(machine, request->verb, sentence);
	return true;
}

/* Timers leave trials and sessions of a person's alone; settings that cannot be read allow nothing. */
static bool begin(struct machine *machine, const struct verb_request *request, json_t **ret,
		  struct err *err)
{
	const char *why;

	*ret = NULL;
	if (!verb_require_adopted(machine, err))
		return false;
	if (!situation_is_ordinary(machine, &why)) {
		*ret = answer_nothing(machine, request->verb, why);
		return false;
	}
	if (machine->policy_trouble.kind != ERR_NONE)
		*err = machine->policy_trouble;
	return err->kind == ERR_NONE;
}

bool verb_timed_upgrade(struct machine *machine, const struct verb_request *request, json_t **ret,
			struct err *err)
{
	struct err trouble = {0};
	bool rebooting = false, upgraded, looked;

	if (!begin(machine, request, ret, err))
		return *ret != NULL;
	upgraded = upgrade_when_due(machine, request, ret, err);
	/* whatever became of that: what is pending may be due */
	looked = timed_reboot(machine, &rebooting, upgraded ? err : &trouble);
	notices_tell(machine);
	if (rebooting && *ret)
		json_object_set_new(*ret, "rebooting", json_true());
	return upgraded && looked;
}

/* --- upgrade, by a person ------------------------------------------------------------------------ */

bool verb_upgrade_when(struct machine *machine, const struct verb_request *request, json_t **ret,
		       struct err *err)
{
	const struct generation *pending;
	struct window window;

	*ret = NULL;
	if (!request->when || request->dry_run)
		return (!request->when || window_parse(request->when, &window, err)) &&
		       verb_upgrade(machine, request, ret, err);
	if (!window_parse(request->when, &window, err) ||
	    !verb_upgrade(machine, request, ret, err) ||
	    !timed_reboot_ask(machine, request->when, err))
		return false;
	pending = listing_pending(&machine->listing);
	if (pending)
		json_put_string(*ret, "reboots_when", request->when);
	notices_tell(machine);
	return true;
}

/* --- check, cleanup ----------------------------------------------------------------------------- */

static size_t count_errors(const json_t *document)
{
	const json_t *findings = json_object_get(document, "findings");
	size_t count = 0;

	for (size_t i = 0; i < json_array_size(findings); i++)
		count += text_equal(
			json_string_value(json_object_get(json_array_get(findings, i), "level")),
			"error");
	return count;
}

static json_t *dated(struct machine *machine, const char *key, size_t count)
{
	json_t *part = json_object();

	json_object_set_new(part, key, json_integer((json_int_t)count));
	json_object_set_new(
		part, "when",
		json_integer(machine->host->ops->clock(machine->host, HOST_CLOCK_REAL_SEC)));
	return part;
}

static void say(struct machine *machine, enum message message, const char *text)
{
	message_log(machine->host, message,
		    &(struct host_message){.text = text, .verb = "timed-check", .generation = -1});
}

/* Null where nothing was asked: something is pending, or the link costs, or nobody answers. */
static json_t *look_for_upgrades(struct machine *machine)
{
	const struct verb_request plan = {.verb = "plan"};
	auto_situation struct situation situation = {0};
	auto_json json_t *document = NULL;
	auto_free char *sentence = NULL;
	struct err unused = {0};
	size_t count;

	if (listing_pending(&machine->listing) || !situation_read(machine, &situation, &unused) ||
	    situation.now.metered == 1 || !verb_plan(machine, &plan, &document, &unused))
		return json_null();
	count = json_array_size(json_object_get(document, "packages"));
	sentence = xasprintf("an upgrade would change %zu package%s", count, count == 1 ? "" : "s");
	if (count > 0)
		say(machine, MESSAGE_AVAILABLE, sentence);
	return dated(machine, "packages", count);
}

bool verb_timed_check(struct machine *machine, const struct verb_request *request, json_t **ret,
		      struct err *err)
{
	auto_json json_t *standing = NULL;
	auto_free char *sentence = NULL;
	size_t errors;

	if (!begin(machine, request, ret, err))
		return *ret != NULL;
	if (!verb_check(machine, request, ret, err) || !standing_read(machine, &standing, err))
		return false;
	errors = count_errors(*ret);
	sentence = xasprintf("moult check finds %zu error%s", errors, errors == 1 ? "" : "s");
	if (errors > 0)
		say(machine, MESSAGE_CHECKED, sentence);
	json_object_set_new(standing, "check", dated(machine, "errors", errors));
	json_object_set_new(standing, "available", look_for_upgrades(machine));
	if (!standing_write(machine, standing, err))
		return false;
	notices_tell(machine);
	return true;
}

bool verb_timed_cleanup(struct machine *machine, const struct verb_request *request, json_t **ret,
			struct err *err)
{
	return begin(machine, request, ret, err) ? verb_cleanup(machine, request, ret, err)
						 : *ret != NULL;
}

/* --- health of a boot that is no trial ---------------------------------------------------------- */

bool verb_report_health(struct machine *machine, const struct verb_request *request, json_t **ret,
			struct err *err)
{
	auto_json json_t *standing = NULL, *document = NULL;
	struct err sick = {0};
	json_t *part;
	bool healthy;

	if (text_equal(report_session(machine), "trial")) {
		*ret = answer_nothing(machine, request->verb,
				      "a trial is judged by 'moult health'");
		return true;
	}
	healthy = verb_health(machine, request, &document, &sick);
	if (!standing_read(machine, &standing, err))
		return false;
	part = dated(machine, "generation", (size_t)machine->listing.running.booted);
	json_put_string(part, "boot_id", machine->listing.running.boot_id);
	json_object_set_new(part, "healthy", json_boolean(healthy));
	json_put_string(part, "why", healthy ? NULL : sick.text);
	json_object_set_new(standing, "health", part);
	if (!healthy)
		say(machine, MESSAGE_UNHEALTHY, sick.text);
	*ret = answer_nothing(machine, request->verb,
			      healthy ? "the system that runs is healthy" : sick.text);
	if (!standing_write(machine, standing, err))
		return false;
	notices_tell(machine);
	return true;
}
