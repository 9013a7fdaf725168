#include "recover.h"
#include <string.h>
#include "changes.h"
#include "firmware.h"
#include "late.h"
#include "proposal.h"
#include "publish.h"
#include "recover_data.h"
#include "recover_trial.h"
#include "reserve_keep.h"
#include "restore.h"
#include "run.h"
#include "undo_plan.h"
#include "withdraw.h"

/* With that serial, 0 = any. One that was written but never enabled is no entry. */
static bool has_old_entry(const struct menu *menu, unsigned id, uint64_t serial)
{
	for (size_t i = 0; i < menu->count; i++) {
		const struct menu_entry *entry = &menu->entries[i];

		if (entry->generation == id && entry->whole && entry->enabled &&
		    entry->role == MENU_OLD && (serial == 0 || entry->serial == serial))
			return true;
	}
	return false;
}

/* --- the pool ----------------------------------------------------------------------------------- */

static bool recover_leftovers(struct operation *operation, struct err *err)
{
	const struct listing *listing = &operation->machine->listing;
	auto_plan struct plan plan = {0};

	for (size_t i = 0; i < listing->leftover_count; i++)
		if ((int)listing->leftovers[i] != operation->making)
			plan_delete_leftover(&plan, listing, listing->leftovers[i]);
	return operation_run(operation, &plan, err);
}

/* A bless or rollback that was cut after its commit: the publication is there, the state is not. */
static bool learn_current(struct generation *gen, const struct menu_entry *truth)
{
	struct publication *pub = generation_find_publication(gen, truth->serial);

	if (gen->state == GEN_GOOD && pub && pub->kind == PUB_CURRENT)
		return false;
	if (!pub)
		pub = generation_publish(gen, truth->serial, PUB_CURRENT);
	memcpy(pub->linux_sha256, truth->linux_sha256, sizeof(pub->linux_sha256));
	memcpy(pub->initrd_sha256, truth->initrd_sha256, sizeof(pub->initrd_sha256));
	if (!pub->options)
		pub->options = boot_own_options(truth->options);
	publication_learn_kernel(gen, pub);
	generation_settle(gen, pub);
	gen->state = GEN_GOOD;
	gen->waiting = false;
	free(take(gen->reason));
	return true;
}

/* The exchange took the default subvolume along, and the cut came before it was set again. */
static bool recover_default(struct operation *operation, struct err *err)
{
	struct machine *machine = operation->machine;
	const struct generation *zero = listing_find(&machine->listing, 0);
	auto_plan struct plan plan = {0};

	if (!listing_adopting(&machine->listing) || !zero || zero->damage ||
	    !text_equal(machine->listing.default_root, "@gens/1/root"))
		return true;
	plan_at(&plan, STEP_SET_DEFAULT, VOLUME_POOL, zero->original_default);
	plan_at(&plan, STEP_SYNC, VOLUME_POOL, "");
	return operation_run(operation, &plan, err) && machine_refresh(machine, err);
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
	if (!text_equal(generation_root(gen, root), machine->listing.default_root))
		plan_at(&plan, STEP_SET_DEFAULT, VOLUME_POOL, root);
	if (learn_current(&next, truth)) {
		plan_state(&plan, &next);
		/* on a full Btrfs a rollback must go on; the next recovery finds the same again */
		plan.steps[plan.count - 1].may_fail = true;
	}
	if (plan.count == 0)
		return true;
	plan_at(&plan, STEP_SYNC, VOLUME_POOL, "");
	return operation_run(operation, &plan, err) && machine_refresh(machine, err);
}

/* --- the menu ----------------------------------------------------------------------------------- */

/* What it boots by default, what it tries, and what it booted by default before. */
static bool is_wanted(const struct generation *gen, const struct menu_entry *entry, uint64_t truth)
{
	const struct publication *pub = generation_find_publication(gen, entry->serial);

	if (entry->serial == 0 || entry->serial == truth)
		return true;
	if (!pub)
		return false;
	return entry->role == MENU_OLD ? pub->kind == PUB_OLD
				       : pub->kind == PUB_TRIAL && entry->counted;
}

static const struct publication *lacks_former(const struct menu *menu, const struct generation *gen)
{
	for (size_t i = 0; i < gen->publication_count; i++) {
		const struct publication *pub = &gen->publications[i];

		if (pub->kind == PUB_OLD && !has_old_entry(menu, gen->id, pub->serial))
			return pub;
	}
	return NULL;
}

static bool recover_current(struct operation *operation, unsigned id, struct err *err)
{
	struct machine *machine = operation->machine;
	const struct menu_entry *truth = menu_truth(&machine->menu);
	const struct generation *gen = listing_find(&machine->listing, id);
	auto_plan struct plan plan = {0};

	/* its candidate goes only when it is there */
	if (lacks_former(&machine->menu, gen)) {
		if (!publish_former(operation, id, err) || !machine_refresh(machine, err))
			return false;
		truth = menu_truth(&machine->menu);
		gen = listing_find(&machine->listing, id);
	}
	for (size_t i = 0; i < machine->menu.count; i++) {
		const struct menu_entry *entry = &machine->menu.entries[i];

		if (entry->generation == id && !is_wanted(gen, entry, truth->serial) &&
		    !machine->loader->remove(&machine->menu, entry, &plan, err))
			return false;
	}
	return operation_run(operation, &plan, err);
}

/* Good generations that are not current keep an old entry; a stranded candidate gives way to it. */
static bool recover_good(struct operation *operation, unsigned id, struct err *err)
{
	struct machine *machine = operation->machine;
	const struct menu_entry *truth = menu_truth(&machine->menu);
	auto_plan struct plan plan = {0};

	if (truth && truth->generation == id)
		return recover_current(operation, id, err);
	if (!has_old_entry(&machine->menu, id, 0) && id != 0 && !publish_old(operation, id, err))
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

/* One that has lost its kernel, or for which there is no room, must not keep the others, or a verb. */
static bool recover_goods(struct operation *operation, struct err *err)
{
	struct machine *machine = operation->machine;

	for (size_t i = 0; i < machine->listing.count; i++) {
		const struct generation *gen = &machine->listing.generations[i];

		auto_free char *what = xasprintf("generation %u is not in the boot menu as it "
						 "should be",
						 gen->id);

		if (gen->damage || gen->state != GEN_GOOD || !generation_last_publication(gen))
			continue;
		if (!recover_good(operation, gen->id, err) &&
		    !operation_forgive(operation, what, err))
			return false;
	}
	return true;
}

/* One that cannot be offered just now must not keep a verb from what it was asked for. */
static bool recover_waiting(struct operation *operation, struct err *err)
{
	return publish_waiting(operation, err) ||
	       (operation_forgive(operation, "what is pending cannot be offered", err) &&
		machine_refresh(operation->machine, err));
}

/* Entries that no commit ever enabled, that name a generation that is gone, or would try a bad one. */
static bool has_no_use(const struct machine *machine, const struct menu_entry *entry)
{
	const struct generation *gen = listing_find(&machine->listing, entry->generation);

	/* edited by hand, and the loader shows it: not ours to remove */
	if (!entry->whole && entry->enabled)
		return false;
	if (!gen)
		return true;
	if (gen->damage)
		return false;
	return !entry->enabled || (entry->counted && gen->state == GEN_BAD);
}

static bool recover_entries(struct operation *operation, struct err *err)
{
	struct machine *machine = operation->machine;
	auto_plan struct plan plan = {0};

	for (size_t i = 0; i < machine->menu.count; i++) {
		const struct menu_entry *entry = &machine->menu.entries[i];

		if (has_no_use(machine, entry) &&
		    !machine->loader->remove(&machine->menu, entry, &plan, err))
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

/* An entry that is gone leaves its cluster behind, and a damaged file system is not written to. */
static bool may_be_damaged(const struct machine *machine)
{
	return machine->host->ops->unclean(machine->host, VOLUME_BOOT) > 0 ||
	       recover_lost_trial(machine);
}

/*
 * Where somebody else has the volume mounted it cannot be repaired. It need not be, if its file system
 * is sound: the one that fstab asks for is repaired by systemd before it is mounted.
 */
static int repair_torn(struct machine *machine, char **ret_findings)
{
	const struct host_ops *ops = machine->host->ops;
	int r = ops->repair(machine->host, VOLUME_BOOT, ret_findings);

	if (r != -EBUSY)
		return r;
	r = ops->check(machine->host, VOLUME_BOOT, ret_findings);
	return r == -EUCLEAN ? -EBUSY : r;
}

/* One name twice, or only its alias: firmware was cut while it renamed. Unlinking would free shared clusters. */
static bool recover_file_system(struct operation *operation, struct err *err)
{
	struct machine *machine = operation->machine;
	auto_free char *findings = NULL, *torn = NULL;
	auto_plan struct plan plan = {0};
	int r;

	if (machine->menu.torn_count == 0)
		return !may_be_damaged(machine) || restore_volume(operation, err);
	r = repair_torn(machine, &findings);
	if (r < 0) {
		err_set(err, ERR_SYSTEM, -r, "cannot repair the boot volume, where %s is torn",
			text_quote(machine->menu.torn[0]));
		return restore_hint(machine, err);
	}
	torn = xstrdup(text_quote(machine->menu.torn[0]));
	if (!machine_refresh(machine, err) || !machine->loader->tidy(&machine->menu, &plan, err) ||
	    !operation_run(operation, &plan, err) || !machine_refresh(machine, err))
		return false;
	operation_note(operation, "the menu entry %s, which a power cut had torn, was taken away",
		       torn);
	return true;
}

/*
 * Without the original's entry nothing could be tried: there would be no way back. It is made again
 * before anything is removed, for one that is not enabled goes with all that no commit enabled.
 */
static bool recover_original(struct operation *operation, struct err *err)
{
	struct machine *machine = operation->machine;
	const struct menu_entry *entry = menu_find(&machine->menu, 0);
	bool needed = !menu_truth(&machine->menu);

	/* edited by hand, and the loader shows it: not ours to replace */
	if (!needed && entry && entry->enabled && !entry->whole)
		return true;
	if (restore_original(operation, err))
		return true;
	return !needed &&
	       operation_forgive(operation, "the original is not in the boot menu", err) &&
	       machine_refresh(machine, err);
}

static bool recover_boot(struct operation *operation, struct err *err)
{
	struct machine *machine = operation->machine;

	/* what no commit enabled goes first: a torn file may say anything, also whose entry it is */
	return recover_file_system(operation, err) && restore_current(operation, err) &&
	       recover_original(operation, err) && recover_truth(operation, err) &&
	       recover_two_trials(operation, err) && recover_trials(operation, err) &&
	       machine_refresh(machine, err) && recover_entries(operation, err) &&
	       machine_refresh(machine, err) && recover_goods(operation, err) &&
	       machine_refresh(machine, err) && recover_waiting(operation, err);
}

/* --- an adoption that was undone ---------------------------------------------------------------- */

/* The undoing was cut off: what is left of it is done. Its plan is the same, without what is done. */
static bool finish_undo(struct operation *operation, struct err *err)
{
	auto_plan struct plan plan = {0}, first = {0};

	operation_note(operation, "'init --undo' was interrupted; it is finished now");
	if ((!restore_original(operation, err) || !undo_plan(operation->machine, &plan, err) ||
	     !operation_run(operation, &plan, err) || !machine_refresh(operation->machine, err) ||
	     !undo_plan_first(operation->machine, &first, err) ||
	     !operation_run(operation, &first, err)) &&
	    !operation_forgive(operation, "it cannot be finished", err))
		return false;
	return machine_refresh(operation->machine, err);
}

/* A generation was offered since by `init`, which was cut off before it could say so. */
static bool forget_undo(struct operation *operation, struct err *err)
{
	auto_generation struct generation zero = {0};
	auto_plan struct plan plan = {0};

	generation_copy(listing_find(&operation->machine->listing, 0), &zero);
	zero.undone = false;
	plan_state(&plan, &zero);
	plan_at(&plan, STEP_SYNC, VOLUME_POOL, "");
	return operation_run(operation, &plan, err) && machine_refresh(operation->machine, err);
}

static bool recover_undone(struct operation *operation, struct err *err)
{
	struct machine *machine = operation->machine;

	if (undo_is_superseded(machine))
		return forget_undo(operation, err) && recover_boot(operation, err);
	if (!undo_is_complete(machine) &&
	    (!recover_file_system(operation, err) || !finish_undo(operation, err)))
		return false;
	return firmware_give_back(operation, err) ||
	       operation_forgive(operation, "the machine does not boot as before", err);
}

bool recover(struct operation *operation, struct err *err)
{
	ERR_CONTEXT(err, "recovering");
	struct machine *machine = operation->machine;
	bool undone;

	if (!machine->listing.adopted)
		return true;
	if (!recover_numbers(operation, err) || !recover_leftovers(operation, err) ||
	    !recover_default(operation, err) || !late_tidy(operation, err) ||
	    !recover_data(operation, err))
		return false;
	if (!machine->has_boot)
		return true;
	undone = listing_undone(&machine->listing);
	if (undone ? !recover_undone(operation, err) : !recover_boot(operation, err))
		return false;
	/* what recovery committed is done; what the verb begins can be given up all the same */
	operation->committed = false;
	if (!listing_undone(&machine->listing))
		reserve_keep(operation);
	return true;
}
