#include "earlier.h"
#include "changes.h"
#include "retire.h"
#include "territory.h"

static bool transid_of(struct machine *machine, const char *path, uint64_t *ret, struct err *err)
{
	auto_host_subvolume struct host_subvolume subvolume = {0};
	int r = machine->host->ops->subvolume(machine->host, path, &subvolume);

	if (r < 0)
		return err_set(err, ERR_SYSTEM, -r, "cannot look at the subvolume %s",
			       text_quote(path));
	*ret = subvolume.transid;
	return true;
}

/*
 * A data subvolume of generation 1 that nobody has written to: the snapshot `base` was made after
 * all that the adoption did to it. One that cannot be looked at is not ours to judge.
 */
static bool is_untouched(struct machine *machine, const char *subvolume)
{
	struct err unused = {0};
	uint64_t base, now;

	return transid_of(machine, "@gens/1/base", &base, &unused) &&
	       transid_of(machine, subvolume, &now, &unused) && now <= base;
}

static bool is_there(struct machine *machine, const char *subvolume)
{
	struct host_stat stat;

	return machine->host->ops->stat(machine->host, VOLUME_POOL, subvolume, &stat) == 0;
}

static bool is_unused(struct machine *machine, const struct generation *first)
{
	if (first->publication_count > 0 || !is_untouched(machine, "@gens/1/root"))
		return false;
	for (size_t i = 0; i < data_path_count; i++)
		if (is_there(machine, data_paths[i].subvolume) &&
		    !is_untouched(machine, data_paths[i].subvolume))
			return false;
	return true;
}

/* One whose data is not parted yet, of a system that was adopted while it ran. */
static enum earlier judge_adopting(const struct listing *listing)
{
	if (!listing->exchanged)
		return EARLIER_UNUSED;
	return listing->running.booted == 1 || !listing->original_used ? EARLIER_SAME
								       : EARLIER_USED;
}

bool earlier_judge(struct machine *machine, enum earlier *ret, struct err *err)
{
	const struct generation *zero = listing_find(&machine->listing, 0);
	const struct generation *first = listing_find(&machine->listing, 1);
	uint64_t now;

	*ret = EARLIER_NONE;
	if (!first)
		return true;
	/* where nobody wrote down what it was, it is taken to be the same */
	*ret = EARLIER_SAME;
	if (listing_adopting(&machine->listing)) {
		*ret = judge_adopting(&machine->listing);
		return true;
	}
	if (!zero || zero->damage || zero->original_transid == 0)
		return true;
	if (!transid_of(machine, zero->original, &now, err))
		return false;
	if (now != zero->original_transid)
		*ret = !first->damage && is_unused(machine, first) ? EARLIER_UNUSED : EARLIER_USED;
	return true;
}

static void plan_data(struct machine *machine, struct plan *plan)
{
	for (size_t i = 0; i < data_path_count; i++)
		if (is_untouched(machine, data_paths[i].subvolume))
			plan_at(plan, STEP_DELETE_SUBVOLUME, VOLUME_POOL, data_paths[i].subvolume)
				->why = "a copy of the original's data that nobody has used";
}

bool earlier_discard(struct operation *operation, struct err *err)
{
	struct machine *machine = operation->machine;
	auto_plan struct plan plan = {0};

	if (!machine_refresh(machine, err))
		return false;
	/* by whatever way it came to this: what holds the system that runs is no copy */
	if (machine->listing.exchanged || machine->listing.running.booted == 1)
		return err_set(err, ERR_REFUSED, 0,
			       "generation 1 holds what was written since the adoption began");
	if (listing_find(&machine->listing, 1))
		plan_data(machine, &plan);
	/* what was begun must be finished, also when it was an interrupt that ended the adoption */
	operation->committed = true;
	if (!retire_unfinished(operation, 1, err) || !operation_run(operation, &plan, err))
		return false;
	plan_done(&plan);
	plan = (struct plan){0};
	if (!menu_find(&machine->menu, 0))
		plan_at(&plan, STEP_REMOVE_TREE, VOLUME_POOL, "@gens/0");
	return operation_run(operation, &plan, err) && machine_refresh(machine, err);
}
