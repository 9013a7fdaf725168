/* What units ask for in a trial boot: first-boot, bless, give-up. */
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
#include "publishing.h"
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

/* What stands against it now stands against it for the rest of this boot. */
static bool may_be_blessed(const struct machine *machine, const struct generation *gen,
			   struct err *err)
{
	if (!publish_require_adoption(machine, err))
		return false;
	if (is_refused(gen, machine->listing.running.serial)) {
		err_set(err, ERR_REFUSED, 0, "what generation %u tries was found bad", gen->id);
		return err_try(err, "sudo moult kargs show");
	}
	if (gen->state == GEN_BAD) {
		err_set(err, ERR_REFUSED, 0, "generation %u was found bad", gen->id);
		return err_try(err, "sudo moult rollback %u --accept BAD_GENERATION", gen->id);
	}
	if (!generation_is_whole(gen)) {
		err_set(err, ERR_REFUSED, 0, "generation %u has not parted its data from its root",
			gen->id);
		return err_try(err, "sudo reboot");
	}
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
	if (!may_be_blessed(machine, gen, err) ||
	    !record_verdict(operation, OUTCOME_HEALTHY, NULL, err))
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
	return firmware_register_if_possible(operation, err) && late_tidy(operation, err) &&
	       answer_done(operation, sentence, ret, err);
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

/* Its unit tries a bless again that failed, which is of no use where it will be refused. */
static void leave_if_hopeless(struct machine *machine, const struct err *refusal)
{
	auto_free char *reason = xasprintf("it will not be blessed: %s", refusal->text);
	const struct verb_request give_up = {.verb = "give-up", .reason = reason};
	const struct generation *gen;
	struct err err = {0};
	json_t *answer = NULL;

	if (find_running(machine, &gen, &err) && !may_be_blessed(machine, gen, &err))
		verb_give_up(machine, &give_up, &answer, &err);
	json_decref(answer);
}

bool verb_bless(struct machine *machine, const struct verb_request *request, json_t **ret,
		struct err *err)
{
	ERR_CONTEXT(err, "cannot bless");

	if (!is_trial(machine)) {
		*ret = answer_nothing(machine, request->verb, "this boot is not a trial");
		return true;
	}
	if (verb_run(machine, request, bless_body, ret, err))
		return true;
	/* busy, it may be because what stands against it is being done */
	if (err->kind == ERR_REFUSED)
		leave_if_hopeless(machine, err);
	return false;
}
