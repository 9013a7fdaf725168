#include "recover_trial.h"
#include <string.h>
#include "changes.h"
#include "proposal.h"
#include "publish.h"

static const struct publication *trial_of(const struct generation *gen)
{
	for (size_t i = gen->publication_count; i > 0; i--)
		if (gen->publications[i - 1].kind == PUB_TRIAL)
			return &gen->publications[i - 1];
	return NULL;
}

/*
 * The newest counted candidate of a generation that can be read; NULL = none. One that is switched
 * off counts only where it is the trial that is known: another was written, and never committed.
 */
static const struct menu_entry *find_counted(const struct menu *menu, const struct generation *gen)
{
	const struct publication *trial = trial_of(gen);

	for (size_t i = menu->count; i > 0; i--) {
		const struct menu_entry *entry = &menu->entries[i - 1];

		if (entry->generation == gen->id && entry->whole && entry->role == MENU_CANDIDATE &&
		    entry->counted && (entry->enabled || !trial || entry->serial == trial->serial))
			return entry;
	}
	return NULL;
}

bool recover_lost_trial(const struct machine *machine)
{
	for (size_t i = 0; i < machine->listing.count; i++) {
		const struct generation *gen = &machine->listing.generations[i];

		if (!gen->damage && (gen->state == GEN_TRIAL || generation_proposed(gen)) &&
		    !find_counted(&machine->menu, gen))
			return true;
	}
	return false;
}

static bool is_this_trial(const struct machine *machine, const struct generation *gen)
{
	const struct running *running = &machine->listing.running;

	return running->live && running->trial && running->booted == (int)gen->id;
}

/* --- attempts ----------------------------------------------------------------------------------- */

/* An attempt that never said how it ended, and is not this boot: nobody will say it any more. */
static bool close_attempts(const struct machine *machine, struct publication *pub)
{
	const char *now = machine->listing.running.boot_id;
	bool changed = false;

	for (size_t i = 0; i < pub->attempt_count; i++) {
		struct attempt *attempt = &pub->attempts[i];

		if (attempt->outcome != OUTCOME_STARTED || text_equal(attempt->boot_id, now))
			continue;
		attempt->outcome = OUTCOME_UNKNOWN;
		attempt->reason = xstrdup("it ended without a verdict");
		changed = true;
	}
	return changed;
}

/* The loader counted boots that left no trace here: they never reached userland. */
static bool count_attempts(struct publication *pub, size_t done)
{
	bool changed = false;

	while (pub->attempt_count < done) {
		struct attempt *attempt = publication_attempt(pub, "");

		attempt->outcome = OUTCOME_UNKNOWN;
		attempt->reason = xstrdup("it never reached userland");
		changed = true;
	}
	return changed;
}

static bool record_start(struct machine *machine, struct publication *pub)
{
	size_t before = pub->attempt_count;
	struct attempt *attempt = publication_attempt(pub, machine->listing.running.boot_id);

	if (pub->attempt_count == before)
		return false;
	attempt->when = machine->host->ops->clock(machine->host, HOST_CLOCK_REAL_SEC);
	return true;
}

static struct publication *trial_publication(struct generation *gen)
{
	const struct publication *trial = trial_of(gen);

	return trial ? &gen->publications[trial - gen->publications] : NULL;
}

/* --- trials ------------------------------------------------------------------------------------- */

static const char *last_failure(const struct publication *pub)
{
	for (size_t i = pub->attempt_count; i > 0; i--)
		if (pub->attempts[i - 1].outcome == OUTCOME_FAILED)
			return pub->attempts[i - 1].reason ? pub->attempts[i - 1].reason
							   : "its health checks failed";
	return NULL;
}

/* What all attempts came to since a person offered it, under whatever serial. */
struct verdict {
	const char *why; /* from the attempts that said something; NULL = none did. Borrowed */
	size_t attempts;
};

static struct verdict verdict_of(const struct generation *gen, const struct publication *pub)
{
	struct verdict verdict = {0};

	for (; pub; pub = generation_continued(gen, pub)) {
		if (!verdict.why)
			verdict.why = last_failure(pub);
		verdict.attempts += pub->attempt_count;
	}
	return verdict;
}

/* Caller frees. */
static char *reason_of(const struct verdict *verdict)
{
	if (verdict->why)
		return xstrdup(verdict->why);
	return xasprintf("%zu %s ended without a verdict: it never got far enough to say what is "
			 "wrong",
			 verdict->attempts, verdict->attempts == 1 ? "try" : "tries");
}

/* The generation is as good as it was: only what it tried is bad. */
static void refuse_proposal(struct operation *operation, struct generation *gen,
			    struct publication *pub)
{
	struct verdict verdict = verdict_of(gen, pub);

	free(pub->reason);
	pub->reason = reason_of(&verdict);
	operation_note(operation, "the new %s of generation %u did not come up: %s",
		       generation_novelty(gen, pub), gen->id, pub->reason);
}

/* Tries used up: bad, or built again where no attempt had a verdict. */
static void refuse_generation(struct operation *operation, struct generation *gen,
			      const struct publication *pub)
{
	struct verdict verdict = verdict_of(gen, pub);

	free(gen->reason);
	gen->reason = reason_of(&verdict);
	gen->state = verdict.why ? GEN_BAD : GEN_BUILT;
	operation_note(operation, "generation %u did not come up: %s", gen->id, gen->reason);
}

static void end_trial(struct operation *operation, struct generation *gen, struct publication *pub)
{
	pub->kind = PUB_NONE;
	pub->failed = true;
	operation->trial_ended = true;
	if (gen->state == GEN_GOOD)
		refuse_proposal(operation, gen, pub);
	else
		refuse_generation(operation, gen, pub);
}

static void learn_content(const struct generation *gen, struct publication *pub,
			  const struct menu_entry *entry)
{
	memcpy(pub->linux_sha256, entry->linux_sha256, sizeof(pub->linux_sha256));
	memcpy(pub->initrd_sha256, entry->initrd_sha256, sizeof(pub->initrd_sha256));
	if (!pub->options)
		pub->options = boot_own_options(entry->options);
	publication_learn_kernel(gen, pub);
}

/* The publication of an entry that was committed just before a cut: state.json does not know it yet. */
static struct publication *learn_trial(struct generation *gen, const struct menu_entry *entry)
{
	struct publication *pub = generation_find_publication(gen, entry->serial);
	struct publication *before = trial_publication(gen);
	uint64_t continues = before && !pub ? before->serial : 0;

	if (!pub) {
		if (before)
			before->kind = PUB_NONE;
		pub = generation_publish(gen, entry->serial, PUB_TRIAL);
	}
	pub->kind = PUB_TRIAL;
	pub->tries = entry->tries_left + entry->tries_done;
	learn_content(gen, pub, entry);
	before = continues > 0 ? generation_find_publication(gen, continues) : NULL;
	/* something else was tried before: what that came to says nothing about this */
	if (before && publication_same(before, pub))
		pub->continues = continues;
	if (gen->state != GEN_GOOD)
		gen->state = GEN_TRIAL;
	gen->stale = gen->waiting = false;
	free(take(gen->stale_why));
	free(take(gen->reason));
	return pub;
}

struct trial_outcome {
	bool changed; /* the generation's state must be written */
	bool remove; /* its counted entry has no use any more */
	const struct menu_entry *back; /* is to be switched on again; of the menu */
	unsigned again; /* publish it again with that many tries: its entry was lost */
};

/* Something was made current, or offered, after this: no loader would choose it any more. */
static bool is_superseded(const struct machine *machine, const struct publication *pub)
{
	const struct menu_entry *truth = menu_truth(&machine->menu);
	const struct menu_entry *trial = menu_trial(&machine->menu);

	/* what is not whole was offered by nobody: a cluster that firmware lost came back in a new file */
	return (truth && truth->serial > pub->serial) ||
	       (trial && trial->whole && trial->serial > pub->serial);
}

/* Taken out of the menu for another generation, which was then never committed. */
static bool is_withdrawn(const struct publication *pub, const struct menu_entry *entry)
{
	return entry && !entry->enabled && entry->serial == pub->serial && entry->tries_left > 0;
}

/* For a proposal one waits; after anything else it is only built. */
static void step_back(const struct machine *machine, struct generation *gen,
		      struct publication *pub)
{
	const struct menu_entry *trial = menu_trial(&machine->menu);
	const struct generation *by =
		trial ? listing_find(&machine->listing, trial->generation) : NULL;

	pub->kind = PUB_NONE;
	if (gen->state == GEN_GOOD)
		return;
	gen->state = GEN_BUILT;
	gen->waiting = by && !by->damage && by->id != gen->id && by->state == GEN_GOOD;
}

static struct trial_outcome judge_trial(struct operation *operation, struct generation *gen)
{
	struct machine *machine = operation->machine;
	const struct menu_entry *entry = find_counted(&machine->menu, gen);
	struct publication *pub = trial_publication(gen);
	struct trial_outcome outcome = {0};
	size_t done;

	if (entry && entry->enabled && (!pub || pub->serial != entry->serial)) {
		pub = learn_trial(gen, entry);
		outcome.changed = true;
	}
	if (!pub)
		return outcome;
	outcome.changed |= close_attempts(machine, pub);
	done = entry ? entry->tries_done : 0;
	if (is_this_trial(machine, gen)) {
		/* of those that were counted one is this boot */
		outcome.changed |= count_attempts(pub, done > 0 ? done - 1 : 0);
		outcome.changed |= record_start(machine, pub);
		return outcome;
	}
	outcome.changed |= count_attempts(pub, done);
	if (is_superseded(machine, pub)) {
		step_back(machine, gen, pub);
		outcome.changed = outcome.remove = true;
		return outcome;
	}
	if (entry && entry->enabled && entry->tries_left > 0)
		return outcome;
	outcome.changed = true;
	outcome.back = is_withdrawn(pub, entry) ? entry : NULL;
	if (outcome.back)
		return outcome;
	if (!entry && pub->attempt_count + 1 < pub->tries) {
		/* the loader's rename was cut: that costs one try */
		publication_attempt(pub, "")->outcome = OUTCOME_UNKNOWN;
		outcome.again = pub->tries - (unsigned)pub->attempt_count;
		return outcome;
	}
	end_trial(operation, gen, pub);
	outcome.remove = true;
	return outcome;
}

static bool remove_counted(struct machine *machine, unsigned id, struct plan *plan, struct err *err)
{
	for (size_t i = 0; i < machine->menu.count; i++) {
		const struct menu_entry *entry = &machine->menu.entries[i];

		if (entry->generation == id && entry->counted &&
		    !machine->loader->remove(&machine->menu, entry, plan, err))
			return false;
	}
	return true;
}

/* One that was withdrawn comes back; where it cannot, losing its entry costs it one try. */
static bool bring_back(struct operation *operation, const struct menu_entry *back, struct err *err)
{
	struct machine *machine = operation->machine;
	auto_plan struct plan plan = {0};
	auto_free char *what = xasprintf("generation %u cannot be offered again", back->generation);

	return (machine->loader->enable(&machine->menu, back, &plan, err) &&
		operation_run(operation, &plan, err)) ||
	       operation_forgive(operation, what, err);
}

static bool offer_lost(struct operation *operation, const struct lost_trial *lost, struct err *err)
{
	auto_free char *what = xasprintf("generation %u cannot be offered again", lost->id);

	operation_note(operation,
		       "the menu entry of generation %u was lost while the loader counted; it is "
		       "offered again",
		       lost->id);
	if (!machine_refresh(operation->machine, err))
		return false;
	/* each time that fails costs one try, so it comes to an end */
	if (!publish_lost_trial(operation, lost, err) && !operation_forgive(operation, what, err))
		return false;
	return machine_refresh(operation->machine, err);
}

static bool recover_trial(struct operation *operation, const struct generation *gen,
			  struct err *err)
{
	auto_generation struct generation next = {0};
	auto_plan struct plan plan = {0};
	struct trial_outcome outcome;
	struct lost_trial lost = {.id = gen->id};

	generation_copy(gen, &next);
	outcome = judge_trial(operation, &next);
	if (!outcome.changed)
		return true;
	if (outcome.remove && !remove_counted(operation->machine, gen->id, &plan, err))
		return false;
	if (outcome.back && !bring_back(operation, outcome.back, err))
		return false;
	plan_state(&plan, &next);
	/* on a full Btrfs a rollback must go on; the next recovery finds the same again */
	plan.steps[plan.count - 1].may_fail = true;
	plan_at(&plan, STEP_SYNC, VOLUME_POOL, "");
	if (!operation_run(operation, &plan, err))
		return false;
	if (outcome.again == 0)
		return true;
	lost.serial = trial_publication(&next)->serial;
	lost.tries = outcome.again;
	return offer_lost(operation, &lost, err);
}

/* On trial, or committed to the loader just before a cut, whatever its state still says. */
static bool may_be_tried(const struct machine *machine, const struct generation *gen)
{
	const struct menu_entry *entry;

	if (gen->damage)
		return false;
	if (gen->state == GEN_TRIAL || gen->state == GEN_BUILT || generation_proposed(gen))
		return true;
	entry = find_counted(&machine->menu, gen);
	return entry && entry->enabled && !generation_find_publication(gen, entry->serial);
}

/* By id, because the listing is read again whenever one was published again. */
bool recover_trials(struct operation *operation, struct err *err)
{
	struct machine *machine = operation->machine;
	struct listing *listing = &machine->listing;

	for (size_t i = 0; i < listing->count; i++)
		if (may_be_tried(machine, &listing->generations[i]) &&
		    !recover_trial(operation, &listing->generations[i], err))
			return false;
	return true;
}
