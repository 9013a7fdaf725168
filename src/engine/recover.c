#include "recover.h"
#include <string.h>
#include "changes.h"
#include "publish.h"
#include "reserve.h"
#include "restore.h"
#include "run.h"

/* --- what the menu says of a generation ------------------------------------------------------- */

static const struct menu_entry *find_entry(const struct menu *menu, unsigned id,
					   enum menu_role role, bool counted)
{
	for (size_t i = menu->count; i > 0; i--) {
		const struct menu_entry *entry = &menu->entries[i - 1];

		if (entry->generation == id && entry->whole && entry->role == role &&
		    entry->counted == counted)
			return entry;
	}
	return NULL;
}

/* One that was written but never enabled is no entry. */
static bool has_old_entry(const struct menu *menu, unsigned id)
{
	const struct menu_entry *entry = find_entry(menu, id, MENU_OLD, false);

	return entry && entry->enabled;
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
static bool count_attempts(const struct machine *machine, struct publication *pub,
			   const struct menu_entry *entry)
{
	size_t done = entry ? entry->tries_done : 0;
	bool changed = false;

	(void)machine;
	while (entry && pub->attempt_count < done) {
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
	for (size_t i = gen->publication_count; i > 0; i--)
		if (gen->publications[i - 1].kind == PUB_TRIAL)
			return &gen->publications[i - 1];
	return NULL;
}

/* --- trials ------------------------------------------------------------------------------------- */

/* Why the trial is over, from the attempts that said something; NULL = none did. */
static const char *verdict_of(const struct publication *pub)
{
	for (size_t i = pub->attempt_count; i > 0; i--)
		if (pub->attempts[i - 1].outcome == OUTCOME_FAILED)
			return pub->attempts[i - 1].reason ? pub->attempts[i - 1].reason
							   : "its health checks failed";
	return NULL;
}

/* Tries used up: bad, or built again where no attempt had a verdict. */
static void end_trial(struct operation *operation, struct generation *gen, struct publication *pub)
{
	const char *why = verdict_of(pub);

	pub->kind = PUB_NONE;
	pub->failed = true;
	free(gen->reason);
	if (why) {
		gen->state = GEN_BAD;
		gen->reason = xstrdup(why);
	} else {
		gen->state = GEN_BUILT;
		gen->reason = xasprintf("%zu tries ended without a verdict: it never got far "
					"enough to say what is wrong",
					pub->attempt_count);
	}
	operation->trial_ended = true;
	operation_note(operation, "generation %u did not come up: %s", gen->id, gen->reason);
}

/* The publication of an entry that was committed just before a cut: state.json does not know it yet. */
static struct publication *learn_trial(struct machine *machine, struct generation *gen,
				       const struct menu_entry *entry)
{
	struct publication *pub = generation_find_publication(gen, entry->serial);

	if (!pub)
		pub = generation_publish(gen, entry->serial, PUB_TRIAL);
	pub->kind = PUB_TRIAL;
	pub->tries = entry->tries_left + entry->tries_done;
	memcpy(pub->linux_sha256, entry->linux_sha256, sizeof(pub->linux_sha256));
	memcpy(pub->initrd_sha256, entry->initrd_sha256, sizeof(pub->initrd_sha256));
	if (!pub->options)
		pub->options = boot_own_options(entry->options);
	(void)machine;
	return pub;
}

struct trial_outcome {
	bool changed; /* the generation's state must be written */
	bool remove; /* its counted entry has no use any more */
	unsigned again; /* publish it again with that many tries: its entry was lost */
};

/* Something was made current after this was offered: no loader would choose it any more. */
static bool is_superseded(const struct machine *machine, const struct publication *pub)
{
	const struct menu_entry *truth = menu_truth(&machine->menu);

	return truth && truth->serial > pub->serial;
}

static struct trial_outcome judge_trial(struct operation *operation, struct generation *gen)
{
	struct machine *machine = operation->machine;
	const struct menu_entry *entry = find_entry(&machine->menu, gen->id, MENU_CANDIDATE, true);
	struct publication *pub = trial_publication(gen);
	struct trial_outcome outcome = {0};

	if (entry && entry->enabled && (!pub || pub->serial != entry->serial)) {
		pub = learn_trial(machine, gen, entry);
		gen->state = GEN_TRIAL;
		outcome.changed = true;
	}
	if (!pub)
		return outcome;
	outcome.changed |= close_attempts(machine, pub);
	if (is_this_trial(machine, gen)) {
		outcome.changed |= record_start(machine, pub);
		return outcome;
	}
	outcome.changed |= count_attempts(machine, pub, entry);
	if (is_superseded(machine, pub)) {
		pub->kind = PUB_NONE;
		gen->state = GEN_BUILT;
		outcome.changed = outcome.remove = true;
		return outcome;
	}
	if (entry && entry->enabled && entry->tries_left > 0)
		return outcome;
	outcome.changed = true;
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

static bool recover_trial(struct operation *operation, const struct generation *gen,
			  struct err *err)
{
	auto_generation struct generation next = {0};
	auto_plan struct plan plan = {0};
	struct trial_outcome outcome;
	unsigned id = gen->id; /* gen itself goes when the machine is read again */
	uint64_t serial;

	generation_copy(gen, &next);
	outcome = judge_trial(operation, &next);
	if (!outcome.changed)
		return true;
	if (outcome.remove && !remove_counted(operation->machine, id, &plan, err))
		return false;
	plan_state(&plan, &next);
	plan_at(&plan, STEP_SYNC, VOLUME_POOL, "");
	if (!operation_run(operation, &plan, err))
		return false;
	if (outcome.again == 0)
		return true;
	serial = trial_publication(&next)->serial;
	operation_note(operation,
		       "the menu entry of generation %u was lost while the loader "
		       "counted; it is offered again",
		       gen->id);
	return machine_refresh(operation->machine, err) &&
	       publish_trial_again(operation, id, serial, outcome.again, err) &&
	       machine_refresh(operation->machine, err);
}

/* By id, because the listing is read again whenever one was published again. */
static bool recover_trials(struct operation *operation, struct err *err)
{
	struct listing *listing = &operation->machine->listing;

	for (size_t i = 0; i < listing->count; i++) {
		const struct generation *gen = &listing->generations[i];

		if (gen->damage || (gen->state != GEN_TRIAL && gen->state != GEN_BUILT))
			continue;
		if (!recover_trial(operation, gen, err))
			return false;
	}
	return true;
}

/* --- the pool ----------------------------------------------------------------------------------- */

static bool recover_leftovers(struct operation *operation, struct err *err)
{
	const struct listing *listing = &operation->machine->listing;
	auto_plan struct plan plan = {0};

	for (size_t i = 0; i < listing->leftover_count; i++)
		plan_delete_leftover(&plan, listing, listing->leftovers[i]);
	return operation_run(operation, &plan, err);
}

/* A bless or rollback that was cut after its commit: the publication is there, the state is not. */
static bool learn_current(struct generation *gen, const struct menu_entry *truth)
{
	struct publication *pub = generation_find_publication(gen, truth->serial);
	const struct publication *from = generation_last_publication(gen);
	auto_free char *kernel = xstrdup_or_null(from ? from->kernel : NULL);

	if (gen->state == GEN_GOOD && pub && pub->kind == PUB_CURRENT)
		return false;
	for (size_t i = 0; i < gen->publication_count; i++)
		gen->publications[i].kind = PUB_NONE;
	if (!pub)
		pub = generation_publish(gen, truth->serial, PUB_CURRENT);
	pub->kind = PUB_CURRENT;
	memcpy(pub->linux_sha256, truth->linux_sha256, sizeof(pub->linux_sha256));
	memcpy(pub->initrd_sha256, truth->initrd_sha256, sizeof(pub->initrd_sha256));
	if (!pub->options)
		pub->options = boot_own_options(truth->options);
	if (!pub->kernel)
		pub->kernel = take(kernel);
	gen->state = GEN_GOOD;
	free(take(gen->reason));
	return true;
}

static bool recover_truth(struct operation *operation, struct err *err)
{
	struct machine *machine = operation->machine;
	const struct menu_entry *truth = menu_truth(&machine->menu);
	const struct generation *gen =
		truth ? listing_find(&machine->listing, truth->generation) : NULL;
	auto_generation struct generation next = {0};
	auto_plan struct plan plan = {0};
	char root[GENERATION_PATH_MAX];

	/* serial 0 is the adopted original: until the first bless its own default holds */
	if (!gen || gen->damage || truth->serial == 0)
		return true;
	generation_copy(gen, &next);
	if (!text_equal(generation_root(gen, root), machine->listing.default_root)) {
		plan_at(&plan, STEP_SET_DEFAULT, VOLUME_POOL, root);
		plan_at(&plan, STEP_SYNC, VOLUME_POOL, "");
	}
	if (learn_current(&next, truth)) {
		plan_state(&plan, &next);
		plan_at(&plan, STEP_SYNC, VOLUME_POOL, "");
	}
	if (plan.count == 0)
		return true;
	return operation_run(operation, &plan, err) && machine_refresh(machine, err);
}

/* --- the menu ----------------------------------------------------------------------------------- */

/* Good generations that are not current keep an old entry; a stranded candidate gives way to it. */
static bool recover_good(struct operation *operation, unsigned id, struct err *err)
{
	struct machine *machine = operation->machine;
	const struct menu_entry *truth = menu_truth(&machine->menu);
	auto_plan struct plan plan = {0};

	if (truth && truth->generation == id) {
		for (size_t i = 0; i < machine->menu.count; i++) {
			const struct menu_entry *entry = &machine->menu.entries[i];

			if (entry->generation == id && entry->serial != truth->serial &&
			    entry->serial != 0 &&
			    !machine->loader->remove(&machine->menu, entry, &plan, err))
				return false;
		}
		return operation_run(operation, &plan, err);
	}
	if (!has_old_entry(&machine->menu, id) && id != 0 && !publish_old(operation, id, err))
		return false;
	for (size_t i = 0; i < machine->menu.count; i++) {
		const struct menu_entry *entry = &machine->menu.entries[i];

		if (entry->generation == id && entry->role == MENU_CANDIDATE &&
		    entry->serial != 0 &&
		    !machine->loader->remove(&machine->menu, entry, &plan, err))
			return false;
	}
	return operation_run(operation, &plan, err);
}

static bool recover_goods(struct operation *operation, struct err *err)
{
	struct machine *machine = operation->machine;

	for (size_t i = 0; i < machine->listing.count; i++) {
		const struct generation *gen = &machine->listing.generations[i];

		if (gen->damage || gen->state != GEN_GOOD || !generation_last_publication(gen))
			continue;
		if (!recover_good(operation, gen->id, err))
			return false;
	}
	return true;
}

/* Entries that no commit ever enabled, or that name a generation that is gone. */
static bool recover_entries(struct operation *operation, struct err *err)
{
	struct machine *machine = operation->machine;
	auto_plan struct plan plan = {0};

	for (size_t i = 0; i < machine->menu.count; i++) {
		const struct menu_entry *entry = &machine->menu.entries[i];
		const struct generation *gen = listing_find(&machine->listing, entry->generation);

		if (gen && (entry->enabled || gen->damage))
			continue;
		/* edited by hand, and the loader shows it: not ours to remove */
		if (!entry->whole && entry->enabled)
			continue;
		if (!machine->loader->remove(&machine->menu, entry, &plan, err))
			return false;
	}
	return operation_run(operation, &plan, err);
}

/* Two counted candidates cannot come from moult: the newer one is what was meant. */
static bool recover_two_trials(struct operation *operation, struct err *err)
{
	struct machine *machine = operation->machine;
	const struct menu_entry *trial = menu_trial(&machine->menu);
	auto_plan struct plan plan = {0};

	for (size_t i = 0; trial && i < machine->menu.count; i++) {
		const struct menu_entry *entry = &machine->menu.entries[i];

		if (entry == trial || !entry->counted || !entry->enabled || !entry->whole ||
		    entry->serial >= trial->serial)
			continue;
		if (!machine->loader->remove(&machine->menu, entry, &plan, err))
			return false;
	}
	return operation_run(operation, &plan, err) && machine_refresh(machine, err);
}

/* Numbers below one in use would be given out twice. */
static bool recover_numbers(struct operation *operation, struct err *err)
{
	const struct listing *listing = &operation->machine->listing;
	uint64_t id = listing_highest_id(listing), serial = listing_highest_serial(listing);
	auto_plan struct plan plan = {0};

	if (id <= listing->layout.last_id && serial <= listing->layout.last_serial)
		return true;
	plan_reserve(&plan, &listing->layout, id, serial);
	/* on a full pool a rollback must go on without them */
	for (size_t i = 0; i < plan.count; i++)
		plan.steps[i].may_fail = true;
	return operation_run(operation, &plan, err) && machine_refresh(operation->machine, err);
}

/* One name twice, or only its alias: firmware was cut while it renamed. Unlinking would free shared clusters. */
static bool recover_file_system(struct operation *operation, struct err *err)
{
	struct machine *machine = operation->machine;
	auto_free char *findings = NULL;
	int r;

	if (machine->menu.torn_count == 0)
		return true;
	r = machine->host->ops->repair(machine->host, VOLUME_BOOT, &findings);
	if (r < 0) {
		err_set(err, ERR_SYSTEM, -r, "cannot repair the boot volume, where %s is torn",
			text_quote(machine->menu.torn[0]));
		return err_try(err, "sudo umount /boot/efi; sudo fsck.fat -a DEVICE");
	}
	operation_note(operation, "the boot volume was repaired: %s was torn by a power cut",
		       text_quote(machine->menu.torn[0]));
	return machine_refresh(machine, err);
}

static bool recover_boot(struct operation *operation, struct err *err)
{
	struct machine *machine = operation->machine;

	/* what no commit enabled goes first: a torn file may say anything, also whose entry it is */
	return recover_file_system(operation, err) && restore_current(operation, err) &&
	       recover_truth(operation, err) && recover_two_trials(operation, err) &&
	       recover_trials(operation, err) && machine_refresh(machine, err) &&
	       recover_entries(operation, err) && machine_refresh(machine, err) &&
	       recover_goods(operation, err) && machine_refresh(machine, err);
}

/* Made again once there is plenty of room; whatever goes wrong here can wait. */
void recover_reserve(struct operation *operation)
{
	struct host *host = operation->machine->host;
	auto_free char *filling = NULL;
	auto_plan struct plan plan = {0};
	struct host_space space;
	struct host_stat stat;
	struct err unused = {0};

	if (host->ops->stat(host, VOLUME_BOOT, RESERVE_PATH, &stat) != -ENOENT ||
	    host->ops->space(host, VOLUME_BOOT, &space) < 0 ||
	    space.free_bytes < 64 * (uint64_t)RESERVE_BYTES)
		return;
	filling = xmalloc(RESERVE_BYTES + 1);
	memset(filling, '.', RESERVE_BYTES);
	filling[RESERVE_BYTES] = '\0';
	plan_at(&plan, STEP_CHECK_VOLUME, VOLUME_BOOT, "")->why =
		"a damaged file system is not written to";
	plan_at(&plan, STEP_MAKE_DIRECTORY, VOLUME_BOOT, "moult");
	plan_write(&plan, VOLUME_BOOT, RESERVE_PATH, filling)->why =
		"a rollback needs room for one entry, however full it is";
	plan_at(&plan, STEP_SYNC, VOLUME_BOOT, "");
	operation_run(operation, &plan, &unused);
}

bool recover(struct operation *operation, struct err *err)
{
	ERR_CONTEXT(err, "recovering");
	struct machine *machine = operation->machine;

	if (!machine->listing.adopted)
		return true;
	if (!recover_numbers(operation, err) || !recover_leftovers(operation, err))
		return false;
	if (!machine->has_boot)
		return true;
	if (!recover_boot(operation, err))
		return false;
	recover_reserve(operation);
	return true;
}
