/* What is asked for at every boot, and by people: reconcile, repair. */
#include <string.h>
#include "answer.h"
#include "carry.h"
#include "changes.h"
#include "checks.h"
#include "data_keep.h"
#include "firmware.h"
#include "health.h"
#include "hooks.h"
#include "late_left.h"
#include "messages.h"
#include "live_kernel.h"
#include "proposal.h"
#include "publish.h"
#include "recover.h"
#include "replay.h"
#include "report.h"
#include "restore.h"
#include "verb.h"
#include "withdraw.h"

/* --- reconcile ---------------------------------------------------------------------------------- */

static void note_default_by_hand(struct operation *operation)
{
	auto_host_running struct host_running running = {0};
	struct host *host = operation->machine->host;

	if (host->ops->running(host, &running) == 0 && running.entry_default)
		operation_note(
			operation,
			"the firmware variable LoaderEntryDefault was set to %s by hand: it "
			"overrules moult's choice; remove it with: sudo bootctl set-default ''",
			text_quote(running.entry_default));
}

/* The note that recovery made of the end of this generation's trial; NULL = there is none. */
static const char *note_of_end(const struct operation *operation, unsigned id)
{
	auto_free char *words = xasprintf("generation %u did not come up", id);

	for (size_t i = 0; i < json_array_size(operation->notes); i++) {
		const char *note = json_string_value(json_array_get(operation->notes, i));

		if (strstr(note, words))
			return note;
	}
	return NULL;
}

static void tell_returned(const struct operation *operation)
{
	const struct listing *listing = &operation->machine->listing;
	struct host *host = operation->machine->host;

	for (size_t i = 0; operation->trial_ended && i < listing->count; i++) {
		unsigned id = listing->generations[i].id;
		struct host_message message = {
			.text = note_of_end(operation, id),
			.verb = operation->verb,
			.generation = (int)id,
		};

		if (message.text)
			message_log(host, MESSAGE_RETURNED, &message);
	}
}

/* What was edited in its trial is not in what runs now: a person may want it. */
static void keep_edits(struct operation *operation)
{
	const struct machine *machine = operation->machine;
	const struct generation *current = listing_current(&machine->listing);

	for (size_t i = 0; current && operation->trial_ended && i < machine->listing.count; i++) {
		auto_late_left struct late_left left = {0};

		if (!note_of_end(operation, machine->listing.generations[i].id))
			continue;
		late_left_find(operation->machine, &machine->listing.generations[i], current,
			       &left);
		late_left_keep(operation, &left);
	}
}

/* What the hooks could not do at once, in a trial or beside another moult. */
static bool catch_up(struct operation *operation, struct err *err)
{
	struct machine *machine = operation->machine;
	auto_free char *sentence = NULL;

	if (!live_kernel_marked(machine) || !live_kernel_may(machine))
		return true;
	if (!live_kernel(operation, 0, &sentence, err))
		return operation_forgive(operation, "the new kernel is not tried yet", err) &&
		       machine_refresh(machine, err);
	if (sentence)
		operation_note(operation, "%s", sentence);
	return true;
}

/* The original runs, and what was adopted has gone on writing after it was copied. */
static void tell_split(struct operation *operation)
{
	const struct listing *listing = &operation->machine->listing;
	const struct generation *first = listing_adopting(listing);

	if (!first || !listing->exchanged || listing->running.booted != 0 ||
	    first->state == GEN_TRIAL)
		return;
	operation_note(operation,
		       "generation 1 holds what the system wrote after it was copied for the "
		       "adoption, and %s; 'sudo moult init%s",
		       first->publication_count == 0 ? "it was cut off before it could be tried"
						     : "it did not come up",
		       listing_undone(listing) || first->publication_count > 0
			       ? " --undo' lists these files"
			       : "' goes on with it");
}

static bool reconcile_body(struct operation *operation, const struct verb_request *request,
			   json_t **ret, struct err *err)
{
	struct machine *machine = operation->machine;

	(void)request;
	operation->generation = machine->listing.running.booted;
	note_default_by_hand(operation);
	tell_returned(operation);
	keep_edits(operation);
	if (!late_check(operation, err) && !operation_forgive(operation, "late edits", err))
		return false;
	/* moult-returned.service waits for it: whether this one is healthy is asked once all is up */
	if (operation->trial_ended)
		machine->host->ops->publish_status(machine->host, "returned", "");
	tell_split(operation);
	if (operation->trial_ended && !hooks_live(machine, HOOK_RETURNED, err))
		return false;
	if (!catch_up(operation, err))
		return false;
	return answer_done(operation, "the machine is as the directories say", ret, err);
}

bool verb_reconcile(struct machine *machine, const struct verb_request *request, json_t **ret,
		    struct err *err)
{
	return verb_run(machine, request, reconcile_body, ret, err);
}

static const char *first_error(const struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++)
		if (findings->all[i].level == FINDING_ERROR)
			return findings->all[i].why;
	return NULL;
}

/* Whoever asked for a repair goes by its exit status: what it could not mend is no success. */
static bool refuse_what_is_left(struct machine *machine, struct err *err)
{
	auto_findings struct findings findings = {0};
	size_t count;

	if (!checks_run(machine, CHECK_ALL, NULL, &findings, err))
		return false;
	count = findings_count(&findings, FINDING_ERROR);
	if (count == 0)
		return true;
	err_set(err, ERR_REFUSED, 0, "what moult can do is done, but %zu error%s left%s: %s", count,
		count == 1 ? " is" : "s are", count == 1 ? "" : ", the first of them",
		first_error(&findings));
	return err_try(err, "sudo moult check");
}

static bool repair_body(struct operation *operation, const struct verb_request *request,
			json_t **ret, struct err *err)
{
	struct machine *machine = operation->machine;

	(void)request;
	if (!machine->has_boot) {
		err_set(err, ERR_REFUSED, 0, "no EFI system partition was found");
		return err_try(err, "sudo moult --esp DEVICE repair");
	}
	if (!listing_undone(&machine->listing) &&
	    (!restore_boot(operation, err) || !firmware_register_if_possible(operation, err)))
		return false;
	note_default_by_hand(operation);
	if (!machine_refresh(machine, err))
		return false;
	return refuse_what_is_left(machine, err) &&
	       answer_done(operation, "what was interrupted is finished or undone", ret, err);
}

/* Each step of it is chosen by what the ones before have left on the disk. */
static bool refuse_foretelling(struct err *err)
{
	err_set(err, ERR_REFUSED, 0,
		"what a repair does cannot be shown before: each step of it depends on what the "
		"one before finds; 'moult check' lists what is wrong, and a repair without need "
		"does no harm");
	return err_try(err, "sudo moult check");
}

bool verb_repair(struct machine *machine, const struct verb_request *request, json_t **ret,
		 struct err *err)
{
	ERR_CONTEXT(err, "cannot repair");

	*ret = NULL;
	if (request->dry_run)
		return refuse_foretelling(err);
	return verb_run_after(machine, request, machine->has_boot ? restore_volume : NULL,
			      repair_body, ret, err);
}
