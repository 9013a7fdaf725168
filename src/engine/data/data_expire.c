#include "data_expire.h"
#include <string.h>
#include "text.h"

#define DAY_SEC 86400

/* When it last came to a verdict; 0 = never. */
static int64_t last_verdict(const struct generation *gen)
{
	int64_t last = 0;

	for (size_t i = 0; i < gen->publication_count; i++)
		for (size_t k = 0; k < gen->publications[i].attempt_count; k++) {
			const struct attempt *attempt = &gen->publications[i].attempts[k];

			if (attempt->outcome != OUTCOME_STARTED && attempt->when > last)
				last = attempt->when;
		}
	return last;
}

static bool is_over(const struct machine *machine, const struct generation *gen, int64_t now)
{
	int64_t kept_sec = (int64_t)machine->policy.keep_data_days * DAY_SEC;
	int64_t last = last_verdict(gen);

	return !gen->damage && (gen->state == GEN_GOOD || gen->state == GEN_BAD) && last > 0 &&
	       now - last > kept_sec;
}

static bool plan_one(const struct listing *listing, unsigned id, struct plan *plan)
{
	auto_free char *prefix = xasprintf("@gens/%u/data/", id);
	bool found = false;

	for (size_t i = 0; i < listing->subvolume_count; i++) {
		const char *path = listing->subvolumes[i];

		if (!text_starts(path, prefix) || strchr(path + strlen(prefix), '/'))
			continue;
		plan_at(plan, STEP_DELETE_SUBVOLUME, VOLUME_POOL, path)->why =
			"the data as it was before this generation first ran";
		found = true;
	}
	return found;
}

static bool is_tight(struct machine *machine)
{
	struct host_space space;

	return machine->host->ops->space(machine->host, VOLUME_POOL, &space) == 0 &&
	       space.free_bytes < (uint64_t)policy_data_mib(&machine->policy, space.total_bytes)
					  << 20;
}

/* Where it is tight the newest snapshots alone stay: those that a rollback would want first. */
static const struct generation *newest_with_data(const struct listing *listing)
{
	for (size_t i = listing->count; i > 0; i--) {
		auto_plan struct plan unused = {0};

		if (plan_one(listing, listing->generations[i - 1].id, &unused))
			return &listing->generations[i - 1];
	}
	return NULL;
}

void data_expire_plan(struct machine *machine, struct plan *plan, size_t *ret_count)
{
	const struct listing *listing = &machine->listing;
	int64_t now = machine->host->ops->clock(machine->host, HOST_CLOCK_REAL_SEC);
	const struct generation *newest = newest_with_data(listing);
	bool tight = is_tight(machine);

	*ret_count = 0;
	for (size_t i = 0; i < listing->count; i++) {
		const struct generation *gen = &listing->generations[i];

		if (is_over(machine, gen, now) ||
		    (tight && gen != newest && !gen->damage && gen->state != GEN_TRIAL))
			*ret_count += plan_one(listing, gen->id, plan);
	}
	if (*ret_count > 0)
		plan_at(plan, STEP_SYNC, VOLUME_POOL, "");
}
