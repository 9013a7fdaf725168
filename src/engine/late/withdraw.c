#include "withdraw.h"
#include <stdlib.h>
#include <string.h>
#include "changes.h"
#include "messages.h"
#include "publish.h"

bool late_withdraw(struct operation *operation, const struct late_watch *watch, const char *why,
		   struct err *err)
{
	unsigned id = watch->pending->id;
	auto_free char *sentence = xasprintf("generation %u is stale and leaves the boot menu: %s; "
					     "build it again: %s",
					     id, why, late_remedy(watch->pending));
	struct host_message message = {
		.text = sentence,
		.verb = operation->verb,
		.generation = (int)id,
	};

	if (!publish_withdraw(operation, id, why, err))
		return false;
	message_log(operation->machine->host, MESSAGE_STALE, &message);
	operation_note(operation, "%s", sentence);
	return machine_refresh(operation->machine, err);
}

bool late_check(struct operation *operation, struct err *err)
{
	struct machine *machine = operation->machine;
	auto_late_edits struct late_edits edits = {0};
	auto_free char *why = NULL;
	struct late_watch watch;

	if (!late_watch(machine, &watch) || watch.runs)
		return true;
	if (!late_stale_why(machine, &watch, &edits, &why, err))
		return false;
	return !why || late_withdraw(operation, &watch, why, err);
}

/* --- what is left behind ------------------------------------------------------------------------ */

/* "@gens/7/NAME", as the listing has it. */
static bool is_named(const char *path, const char *name, unsigned *ret_id)
{
	auto_free char *whole = NULL;

	if (!text_starts(path, GENS_DIRECTORY "/") || !text_ends(path, name))
		return false;
	*ret_id = (unsigned)strtoul(path + strlen(GENS_DIRECTORY "/"), NULL, 10);
	whole = xasprintf(GENS_DIRECTORY "/%u/%s", *ret_id, name);
	return strcmp(path, whole) == 0;
}

static bool is_useless(const struct listing *listing, const char *path)
{
	const struct generation *gen;
	unsigned id;

	if (is_named(path, "late-root", &id) || is_named(path, "late-seen", &id))
		return true;
	if (!is_named(path, "ancestor", &id))
		return false;
	gen = listing_find(listing, id);
	return gen && !gen->damage && gen->state == GEN_GOOD;
}

bool late_tidy(struct operation *operation, struct err *err)
{
	const struct listing *listing = &operation->machine->listing;
	auto_plan struct plan plan = {0};

	for (size_t i = 0; i < listing->subvolume_count; i++)
		if (is_useless(listing, listing->subvolumes[i]))
			plan_at(&plan, STEP_DELETE_SUBVOLUME, VOLUME_POOL, listing->subvolumes[i])
				->may_fail = true;
	return operation_run(operation, &plan, err);
}
