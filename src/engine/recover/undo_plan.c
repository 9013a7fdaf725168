#include "undo_plan.h"
#include <string.h>
#include "changes.h"
#include "proposal.h"
#include "text.h"

static bool plan_disable(struct machine *machine, bool counted, struct plan *plan, struct err *err)
{
	for (size_t i = 0; i < machine->menu.count; i++) {
		const struct menu_entry *entry = &machine->menu.entries[i];

		if (entry->role != MENU_CANDIDATE || entry->counted != counted || !entry->enabled ||
		    entry->serial == 0)
			continue;
		/* edited by hand, it may have no byte that disables it */
		if (entry->switch_offset == 0
			    ? !machine->loader->remove(&machine->menu, entry, plan, err)
			    : !machine->loader->disable(&machine->menu, entry, plan, err))
			return false;
	}
	return true;
}

/* From here on nothing of moult is in the menu but the original itself. */
static bool plan_leave(struct machine *machine, struct plan *plan, struct err *err)
{
	for (size_t i = 0; i < machine->menu.count; i++) {
		const struct menu_entry *entry = &machine->menu.entries[i];

		if (entry->serial != 0 &&
		    !machine->loader->remove(&machine->menu, entry, plan, err))
			return false;
	}
	return true;
}

static bool is_tried(const struct generation *gen)
{
	return !gen->damage && (gen->state == GEN_TRIAL || generation_proposed(gen));
}

/*
 * First of all: recovery must not offer again what is being taken away. The mark comes last, so that
 * with it no generation is on trial but one that was offered since.
 */
static void plan_undone(const struct machine *machine, const struct generation *zero,
			struct plan *plan)
{
	auto_generation struct generation marked = {0};
	size_t steps = plan->count;

	for (size_t i = 0; i < machine->listing.count; i++) {
		const struct generation *gen = &machine->listing.generations[i];
		auto_generation struct generation next = {0};

		if (!is_tried(gen) && !gen->waiting)
			continue;
		generation_copy(gen, &next);
		next.waiting = false;
		if (next.state == GEN_TRIAL)
			next.state = GEN_BUILT;
		for (size_t p = 0; p < next.publication_count; p++)
			if (next.publications[p].kind == PUB_TRIAL)
				next.publications[p].kind = PUB_NONE;
		plan_state(plan, &next);
	}
	if (!zero->undone) {
		generation_copy(zero, &marked);
		marked.undone = true;
		plan_state(plan, &marked);
	}
	if (plan->count > steps)
		plan_at(plan, STEP_SYNC, VOLUME_POOL, "");
}

/*
 * What runs goes back to the original's place, if nothing was lost by that: it runs now, or nobody has
 * written to the snapshot that stands there. Else both stay where they are.
 */
static bool goes_back(const struct listing *listing)
{
	const struct generation *first = listing_adopting(listing);

	if (!first || !listing->exchanged || first->carve != CARVE_WANTED)
		return false;
	return listing->running.live ? listing->running.booted == 1 : !listing->original_used;
}

static void plan_return(const struct machine *machine, const struct generation *zero,
			struct plan *plan)
{
	if (!goes_back(&machine->listing))
		return;
	plan_exchange(plan, "@gens/1/root", zero->original)->why =
		"the system that was adopted is in its own place again";
	if (text_equal(zero->original_default, zero->original))
		plan_at(plan, STEP_SET_DEFAULT, VOLUME_POOL, zero->original);
	plan_at(plan, STEP_SYNC, VOLUME_POOL, "");
}

static void plan_default(const struct machine *machine, const struct generation *zero,
			 struct plan *plan)
{
	const char *original = zero->original_default ? zero->original_default : "";

	if (text_equal(machine->listing.default_root, original))
		return;
	plan_at(plan, STEP_SET_DEFAULT, VOLUME_POOL, original)->why =
		"the default subvolume is the original's again";
	plan_at(plan, STEP_SYNC, VOLUME_POOL, "");
}

bool undo_plan(struct machine *machine, struct plan *plan, struct err *err)
{
	const struct generation *zero = listing_find(&machine->listing, 0);

	if (!zero || zero->damage || !zero->original) {
		err_set(err, ERR_REFUSED, 0, "the original, generation 0, is not there any more");
		return err_try(err, "moult list");
	}
	plan_undone(machine, zero, plan);
	if (!plan_disable(machine, true, plan, err))
		return false;
	/* generation 1 boots no more, and the original, whose entry is there, always did */
	plan_return(machine, zero, plan);
	plan_default(machine, zero, plan);
	if (!plan_disable(machine, false, plan, err) ||
	    !machine->loader->settle(&machine->menu, zero->original_loader_conf, plan, err))
		return false;
	return plan_leave(machine, plan, err);
}

bool undo_plan_first(struct machine *machine, struct plan *plan, struct err *err)
{
	const struct listing *listing = &machine->listing;
	const struct generation *zero = listing_find(listing, 0);
	auto_free char *mounts = NULL;

	if (!undo_has_first(listing))
		return true;
	mounts = xasprintf("%s%susr/lib/sysimage/moult-first-mounts", zero->original,
			   *zero->original ? "/" : "");
	plan_at(plan, STEP_REMOVE_TREE, VOLUME_POOL, mounts);
	return plan_delete(plan, listing, 1, err);
}

bool undo_has_first(const struct listing *listing)
{
	const struct generation *zero = listing_find(listing, 0);

	return zero && !zero->damage && zero->undone && listing_adopting(listing) &&
	       listing_adopting(listing)->carve != CARVE_COPIED && !listing->exchanged &&
	       !(listing->running.live && listing->running.booted == 1);
}

static bool has_trial(const struct listing *listing)
{
	for (size_t i = 0; i < listing->count; i++)
		if (is_tried(&listing->generations[i]))
			return true;
	return false;
}

/* What its owner does with loader.conf and the default subvolume afterwards is no business of moult's. */
bool undo_is_complete(const struct machine *machine)
{
	const struct menu *menu = &machine->menu;

	for (size_t i = 0; i < menu->count; i++)
		if (menu->entries[i].serial != 0)
			return false;
	return !machine->loader->follows(menu) && !has_trial(&machine->listing) &&
	       !undo_has_first(&machine->listing) && !goes_back(&machine->listing) &&
	       !text_starts(machine->listing.default_root, GENS_DIRECTORY "/");
}

/*
 * Its generation is on trial, or the entry was committed and no state says so yet: before it undoes,
 * moult learns all there are.
 */
static bool is_offered(const struct machine *machine, const struct menu_entry *entry)
{
	const struct generation *gen = listing_find(&machine->listing, entry->generation);

	return entry->role == MENU_CANDIDATE && entry->counted && entry->enabled && entry->whole &&
	       gen && !gen->damage &&
	       (is_tried(gen) || !generation_find_publication(gen, entry->serial));
}

bool undo_is_superseded(const struct machine *machine)
{
	for (size_t i = 0; i < machine->menu.count; i++)
		if (is_offered(machine, &machine->menu.entries[i]))
			return true;
	return false;
}
