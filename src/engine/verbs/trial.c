/* What units ask for around a boot: reconcile, first-boot, bless, give-up. */
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

static bool is_trial(const struct machine *machine)
{
	return text_equal(report_session(machine), "trial");
}

static bool is_good(const struct machine *machine)
{
	int booted = machine->listing.running.booted;
	const struct generation *gen =
		booted >= 0 ? listing_find(&machine->listing, (unsigned)booted) : NULL;

	return gen && !gen->damage && gen->state == GEN_GOOD;
}

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

/* Two copies of the loader, and a firmware entry for each: one may be torn by its own update. */
static bool register_loaders(struct operation *operation, struct err *err)
{
	return firmware_register(operation, err) ||
	       operation_forgive(operation, "the firmware does not start systemd-boot first", err);
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
	    (!restore_boot(operation, err) || !register_loaders(operation, err)))
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

/* --- the trial boot ----------------------------------------------------------------------------- */

static bool first_boot_body(struct operation *operation, const struct verb_request *request,
			    json_t **ret, struct err *err)
{
	struct machine *machine = operation->machine;

	(void)request;
	operation->generation = machine->listing.running.booted;
	if (!data_keep(operation, (unsigned)machine->listing.running.booted, err) ||
	    !carry_at_first_boot(operation, err) ||
	    !replay_run(machine, (unsigned)machine->listing.running.booted, err) ||
	    !hooks_live(machine, HOOK_FIRST_BOOT, err))
		return false;
	return answer_done(operation, "the first boot's files are in place", ret, err);
}

bool verb_first_boot(struct machine *machine, const struct verb_request *request, json_t **ret,
		     struct err *err)
{
	ERR_CONTEXT(err, "cannot prepare the first boot");

	if (!is_trial(machine)) {
		*ret = answer_nothing(machine, request->verb, "this boot is not a trial");
		return true;
	}
	/* it only tries another kernel or command line */
	if (is_good(machine)) {
		*ret = answer_nothing(machine, request->verb,
				      "this generation was booted before, and found good");
		return true;
	}
	return verb_run(machine, request, first_boot_body, ret, err);
}

static struct publication *running_publication(const struct machine *machine,
					       struct generation *gen)
{
	struct publication *pub = generation_find_publication(gen, machine->listing.running.serial);

	if (pub)
		return pub;
	return gen->publication_count > 0 ? &gen->publications[gen->publication_count - 1] : NULL;
}

/* What is tried now. It was there a moment ago, but the disk may fail at any time. */
static bool find_running(const struct machine *machine, const struct generation **ret,
			 struct err *err)
{
	int booted = machine->listing.running.booted;

	*ret = booted < 0 ? NULL : listing_find(&machine->listing, (unsigned)booted);
	if (*ret && !(*ret)->damage)
		return true;
	err_set(err, ERR_CORRUPT, 0, "the generation that runs cannot be read");
	return err_try(err, "sudo moult check");
}

/* The verdict on this boot's attempt. */
static bool record_verdict(struct operation *operation, enum outcome outcome, const char *reason,
			   struct err *err)
{
	struct machine *machine = operation->machine;
	const struct running *running = &machine->listing.running;
	const struct generation *gen;
	auto_generation struct generation next = {0};
	auto_plan struct plan plan = {0};
	struct publication *pub;
	struct attempt *attempt;

	if (!find_running(machine, &gen, err))
		return false;
	generation_copy(gen, &next);
	pub = running_publication(machine, &next);
	if (!pub)
		return err_set(err, ERR_CORRUPT, 0, "generation %u has no publication", gen->id);
	attempt = publication_attempt(pub, running->boot_id ? running->boot_id : "");
	attempt->outcome = outcome;
	attempt->when = machine->host->ops->clock(machine->host, HOST_CLOCK_REAL_SEC);
	free(attempt->reason);
	attempt->reason = xstrdup_or_null(reason);
	plan_state(&plan, &next);
	plan_at(&plan, STEP_SYNC, VOLUME_POOL, "");
	return operation_run(operation, &plan, err) && machine_refresh(machine, err);
}

static bool is_refused(const struct generation *gen, uint64_t serial)
{
	const struct publication *pub = generation_find_publication(gen, serial);

	return gen->state == GEN_GOOD && pub && pub->failed;
}

static char *bless_sentence(const struct machine *machine, const struct generation *gen)
{
	const struct publication *pub =
		generation_find_publication(gen, machine->listing.running.serial);

	if (gen->state == GEN_GOOD && pub)
		return xasprintf("the new %s of generation %u is good and current",
				 generation_novelty(gen, pub), gen->id);
	return xasprintf("generation %u is good and current", gen->id);
}

/* The bless is done: a generation that cannot be offered now is offered by the next recovery. */
static bool offer_waiting(struct operation *operation, struct err *err)
{
	const struct generation *waiting = listing_waiting(&operation->machine->listing);
	unsigned id = waiting ? waiting->id : 0;

	if (!publish_waiting(operation, err))
		return operation_forgive(operation, "what is pending cannot be offered", err) &&
		       machine_refresh(operation->machine, err);
	if (id > 0)
		operation_note(operation, "generation %u, which waited, is tried at the next boot",
			       id);
	return true;
}

static bool bless_body(struct operation *operation, const struct verb_request *request,
		       json_t **ret, struct err *err)
{
	struct machine *machine = operation->machine;
	unsigned id = (unsigned)machine->listing.running.booted;
	uint64_t serial = machine->listing.running.serial;
	const struct generation *gen;
	auto_free char *sentence = NULL;

	(void)request;
	if (!find_running(machine, &gen, err))
		return false;
	operation->generation = (int)id;
	sentence = bless_sentence(machine, gen);
	if (is_refused(gen, serial)) {
		err_set(err, ERR_REFUSED, 0, "what generation %u tries was found bad", id);
		return err_try(err, "sudo moult kargs show");
	}
	if (gen->state == GEN_BAD) {
		err_set(err, ERR_REFUSED, 0, "generation %u was found bad", id);
		return err_try(err, "sudo moult rollback %u --accept BAD_GENERATION", id);
	}
	if (!generation_is_whole(gen)) {
		err_set(err, ERR_REFUSED, 0, "generation %u has not parted its data from its root",
			id);
		return err_try(err, "sudo reboot");
	}
	if (!record_verdict(operation, OUTCOME_HEALTHY, NULL, err))
		return false;
	if (!find_running(machine, &gen, err))
		return false;
	/* edited at the menu, the line may say anything; the verdict found its publication */
	if (!generation_find_publication(gen, serial))
		serial = running_publication(machine, listing_find(&machine->listing, id))->serial;
	/* before the commit: a shutdown that comes between must leave a trial, not half a bless */
	if (!health_remember(machine, err) || !publish_current(operation, id, serial, err) ||
	    !machine_refresh(machine, err) || !offer_waiting(operation, err))
		return false;
	return register_loaders(operation, err) && late_tidy(operation, err) &&
	       answer_done(operation, sentence, ret, err);
}

bool verb_bless(struct machine *machine, const struct verb_request *request, json_t **ret,
		struct err *err)
{
	ERR_CONTEXT(err, "cannot bless");

	if (!is_trial(machine)) {
		*ret = answer_nothing(machine, request->verb, "this boot is not a trial");
		return true;
	}
	return verb_run(machine, request, bless_body, ret, err);
}

/* The unit that gives up knows only that health failed; what failed was written down. */
static char *give_up_reason(struct machine *machine, const char *reason)
{
	auto_free char *why = NULL;

	if (!reason)
		return xstrdup("it gave up without a reason");
	if (strcmp(reason, "health") == 0)
		why = health_failure(machine);
	return why ? xasprintf("health: %s", why) : xstrdup(reason);
}

static char *give_up_sentence(const struct machine *machine, const char *reason)
{
	const struct running *running = &machine->listing.running;
	const struct generation *gen = listing_find(&machine->listing, (unsigned)running->booted);
	const struct publication *pub =
		gen ? generation_find_publication(gen, running->serial) : NULL;

	if (pub && gen->state == GEN_GOOD)
		return xasprintf("the trial of the new %s of generation %u failed: %s; rebooting",
				 generation_novelty(gen, pub), gen->id, reason);
	return xasprintf("the trial of generation %d failed: %s; rebooting", running->booted,
			 reason);
}

static bool give_up_body(struct operation *operation, const struct verb_request *request,
			 json_t **ret, struct err *err)
{
	struct machine *machine = operation->machine;
	struct host *host = machine->host;
	auto_free char *reason = give_up_reason(machine, request->reason);
	auto_free char *sentence = give_up_sentence(machine, reason);

	operation->generation = machine->listing.running.booted;
	message_log(host, MESSAGE_GIVE_UP,
		    &(struct host_message){.text = sentence,
					   .verb = operation->verb,
					   .generation = operation->generation});
	if (!record_verdict(operation, OUTCOME_FAILED, reason, err))
		return false;
	return answer_done(operation, sentence, ret, err);
}

bool verb_give_up(struct machine *machine, const struct verb_request *request, json_t **ret,
		  struct err *err)
{
	struct err unused = {0};
	bool recorded;
	int r;

	if (!is_trial(machine)) {
		*ret = answer_nothing(machine, request->verb, "this boot is not a trial");
		return true;
	}
	recorded = verb_run(machine, request, give_up_body, ret, err);
	health_stop(machine);
	/* whether or not it could be written down: leaving the failing trial comes first */
	r = machine->host->ops->reboot(machine->host, false);
	if (r < 0)
		return err_set(recorded ? err : &unused, ERR_SYSTEM, -r, "cannot reboot");
	return recorded;
}
