#include "retire.h"
#include "changes.h"
#include "publish.h"

static bool plan_entries(struct machine *machine, unsigned id, struct plan *plan, struct err *err)
{
	for (size_t i = 0; machine->has_boot && i < machine->menu.count; i++) {
		const struct menu_entry *entry = &machine->menu.entries[i];

		if (entry->generation == id &&
		    !machine->loader->remove(&machine->menu, entry, plan, err))
			return false;
	}
	return true;
}

/* Blobs are swept when the menu is read without these entries: at the next publication or cleanup. */
bool retire_plan(struct machine *machine, unsigned id, struct plan *plan, struct err *err)
{
	return plan_entries(machine, id, plan, err) &&
	       plan_delete(plan, &machine->listing, id, err);
}

bool retire_unfinished(struct operation *operation, unsigned id, struct err *err)
{
	struct machine *machine = operation->machine;
	auto_plan struct plan plan = {0};

	/* what was committed must be finished, not undone; this is only called before */
	operation->committed = true;
	if (!machine_refresh(machine, err) || !plan_entries(machine, id, &plan, err))
		return false;
	plan_delete_leftover(&plan, &machine->listing, id);
	if (listing_find(&machine->listing, id) && !plan_delete(&plan, &machine->listing, id, err))
		return false;
	return operation_run(operation, &plan, err) && machine_refresh(machine, err) &&
	       publish_sweep(operation, err) && machine_refresh(machine, err);
}
