/* What the loader boots by default, and what a person may choose. */
#include <string.h>
#include "changes.h"
#include "proposal.h"
#include "publishing.h"

/* The entries of this generation that the new one replaces; `kept`: but the one with this serial. */
static bool plan_remove_entries(struct machine *machine, const struct generation *gen,
				uint64_t kept, struct plan *plan, struct err *err)
{
	for (size_t i = 0; i < machine->menu.count; i++) {
		const struct menu_entry *entry = &machine->menu.entries[i];

		if (entry->generation == gen->id && entry->serial != 0 && entry->serial != kept &&
		    !machine->loader->remove(&machine->menu, entry, plan, err))
			return false;
	}
	return true;
}

static struct publication *find_kind(struct generation *gen, enum pub_kind kind)
{
	for (size_t i = gen->publication_count; i > 0; i--)
		if (gen->publications[i - 1].kind == kind)
			return &gen->publications[i - 1];
	return NULL;
}

static bool has_old_entry(const struct menu *menu, const struct generation *gen, uint64_t serial)
{
	for (size_t i = 0; i < menu->count; i++) {
		const struct menu_entry *entry = &menu->entries[i];

		if (entry->generation == gen->id && entry->serial == serial && entry->whole &&
		    entry->enabled && entry->role == MENU_OLD)
			return true;
	}
	return false;
}

static bool plan_keep_old(struct machine *machine, const struct generation *gen,
			  const struct publication *pub, struct plan *plan, struct err *err)
{
	auto_entry_storage struct entry_storage storage = {0};
	struct boot_entry entry = publish_entry(machine, gen, pub, &storage);

	return has_old_entry(&machine->menu, gen, pub->serial) ||
	       machine->loader->keep_old(&machine->menu, &entry, plan, err);
}

/* In the menu under this serial, and not as what the loader may choose. */
static bool plan_remove_candidate(struct machine *machine, uint64_t serial, struct plan *plan,
				  struct err *err)
{
	for (size_t i = 0; i < machine->menu.count; i++) {
		const struct menu_entry *entry = &machine->menu.entries[i];

		if (entry->serial == serial && entry->role == MENU_CANDIDATE &&
		    !machine->loader->remove(&machine->menu, entry, plan, err))
			return false;
	}
	return true;
}

/* What it is left with in the menu is one entry, for a person to choose. */
static struct publication *become_old(struct generation *gen)
{
	struct publication *pub = find_kind(gen, PUB_CURRENT);

	for (size_t i = 0; pub && i < gen->publication_count; i++)
		gen->publications[i].kind = PUB_NONE;
	if (pub)
		pub->kind = PUB_OLD;
	return pub;
}

/* The former current stays in the menu under its own serial, for a person to choose. */
static bool plan_former(struct machine *machine, const struct generation *former, struct plan *plan,
			struct err *err)
{
	auto_generation struct generation next = {0};
	const struct publication *pub;

	generation_copy(former, &next);
	pub = become_old(&next);
	if (!pub)
		return true;
	if (!plan_keep_old(machine, &next, pub, plan, err) ||
	    !plan_remove_entries(machine, &next, 0, plan, err))
		return false;
	plan_state(plan, &next);
	plan->steps[plan->count - 1].may_fail = true;
	return true;
}

/* The generation as it will be once the publication is current. */
static struct publication *make_current(const struct machine *machine, uint64_t from_serial,
					struct generation *ret)
{
	struct publication *pub =
		generation_publish(ret, publish_next_serial(machine), PUB_CURRENT);

	publish_copy_content(generation_find_publication(ret, from_serial), pub);
	generation_settle(ret, pub);
	ret->state = GEN_GOOD;
	ret->stale = ret->waiting = false;
	free(take(ret->reason));
	return pub;
}

static void plan_settled(struct plan *plan, const struct generation *gen)
{
	size_t first = plan->count;

	plan_state(plan, gen);
	plan->steps[first].may_fail = true;
}

/* From the commit on; `gen` and `pub` as they will be. */
static bool plan_switch(struct machine *machine, struct generation *gen,
			const struct publication *pub, struct plan *plan, struct err *err)
{
	auto_entry_storage struct entry_storage storage = {0};
	struct boot_entry entry = publish_entry(machine, gen, pub, &storage);
	const struct publication *before = find_kind(gen, PUB_OLD);
	uint64_t kept = before ? before->serial : 0;

	if (!publish_check_room(machine, &entry, err))
		return false;
	plan_reserve(plan, &machine->listing.layout, 0, pub->serial);
	plan->steps[0].may_fail = true;
	if (!machine->loader->adopt(&machine->menu, &entry, plan, err) ||
	    !plan_remove_entries(machine, gen, kept, plan, err))
		return false;
	plan_at(plan, STEP_SET_DEFAULT, VOLUME_POOL, storage.root)->why =
		"a wiped ESP or a rescue boot lands on a system that works";
	plan_settled(plan, gen);
	return !before || (plan_keep_old(machine, gen, before, plan, err) &&
			   plan_remove_candidate(machine, kept, plan, err));
}

bool publish_plan_current(struct machine *machine, unsigned id, uint64_t from_serial,
			  struct plan *plan, struct err *err)
{
	const struct generation *former = listing_current(&machine->listing);
	auto_generation struct generation gen = {0};
	const struct publication *pub;

	if (!publish_require_boot(machine, err) || !publish_require_adoption(machine, err) ||
	    !publish_copy_listed(machine, id, &gen, err))
		return false;
	pub = make_current(machine, from_serial, &gen);
	return plan_switch(machine, &gen, pub, plan, err) &&
	       (!former || former->id == id || former->id == 0 ||
		plan_former(machine, former, plan, err));
}

bool publish_current(struct operation *operation, unsigned id, uint64_t from_serial,
		     struct err *err)
{
	struct machine *machine = operation->machine;
	const struct generation *gen = listing_find(&machine->listing, id);
	const struct publication *proposed = gen ? generation_proposed(gen) : NULL;
	struct supersede how = {
		.id = id,
		.wait = proposed && proposed->serial == from_serial,
		.disable = true,
	};
	auto_plan struct plan plan = {0};

	if (!publish_plan_current(machine, id, from_serial, &plan, err) ||
	    !publish_plan_supersede(machine, &how, &plan, err))
		return false;
	publish_note_given_up(operation, generation_find_publication(gen, from_serial));
	return operation_run(operation, &plan, err);
}

/* --- for a person to choose --------------------------------------------------------------------- */

static bool publish_kept(struct operation *operation, const struct generation *gen,
			 const struct publication *pub, struct err *err)
{
	struct machine *machine = operation->machine;
	auto_entry_storage struct entry_storage storage = {0};
	struct boot_entry entry = publish_entry(machine, gen, pub, &storage);
	auto_plan struct plan plan = {0};

	if (!publish_check_room(machine, &entry, err) ||
	    !machine->loader->keep_old(&machine->menu, &entry, &plan, err))
		return false;
	plan_state(&plan, gen);
	plan_at(&plan, STEP_SYNC, VOLUME_POOL, "");
	return operation_run(operation, &plan, err);
}

bool publish_old(struct operation *operation, unsigned id, struct err *err)
{
	auto_generation struct generation gen = {0};
	struct publication *pub;

	if (!publish_sweep(operation, err) ||
	    !publish_copy_listed(operation->machine, id, &gen, err))
		return false;
	pub = generation_last_publication(&gen);
	if (!pub) {
		err_set(err, ERR_REFUSED, 0, "generation %u was never in the menu", id);
		return err_try(err, "sudo moult rollback %u", id);
	}
	for (size_t i = 0; i < gen.publication_count; i++)
		gen.publications[i].kind = PUB_NONE;
	pub->kind = PUB_OLD;
	return publish_kept(operation, &gen, pub, err);
}

bool publish_former(struct operation *operation, unsigned id, struct err *err)
{
	auto_generation struct generation gen = {0};
	const struct publication *pub;

	if (!publish_sweep(operation, err) ||
	    !publish_copy_listed(operation->machine, id, &gen, err))
		return false;
	pub = find_kind(&gen, PUB_OLD);
	return !pub || publish_kept(operation, &gen, pub, err);
}

/* --- a good generation tries something ---------------------------------------------------------- */

bool publish_plan_proposal(struct machine *machine, unsigned id, const struct publication *wanted,
			   struct plan *plan, struct err *err)
{
	auto_generation struct generation gen = {0};
	struct publication *pub;

	if (!publish_require_boot(machine, err) || !publish_require_adoption(machine, err) ||
	    !publish_copy_listed(machine, id, &gen, err))
		return false;
	publish_begin_trial(&gen);
	pub = generation_publish(&gen, publish_next_serial(machine), PUB_TRIAL);
	publish_copy_content(wanted, pub);
	pub->tries = machine->policy.tries;
	return publish_plan_trial(machine, &gen, pub, plan, err);
}

bool publish_proposal(struct operation *operation, unsigned id, const struct publication *wanted,
		      struct err *err)
{
	auto_plan struct plan plan = {0};

	return publish_sweep(operation, err) &&
	       publish_plan_proposal(operation->machine, id, wanted, &plan, err) &&
	       operation_run(operation, &plan, err);
}

bool publish_plan_no_proposal(struct machine *machine, unsigned id, struct plan *plan,
			      struct err *err)
{
	auto_generation struct generation gen = {0};

	if (!publish_copy_listed(machine, id, &gen, err))
		return false;
	for (size_t i = 0; i < machine->menu.count; i++) {
		const struct menu_entry *entry = &machine->menu.entries[i];

		if (entry->generation == id && entry->counted &&
		    !machine->loader->remove(&machine->menu, entry, plan, err))
			return false;
	}
	for (size_t i = 0; i < gen.publication_count; i++)
		if (gen.publications[i].kind == PUB_TRIAL)
			gen.publications[i].kind = PUB_NONE;
	plan_state(plan, &gen);
	plan_at(plan, STEP_SYNC, VOLUME_POOL, "");
	return true;
}
