/* What units ask for around the first boot of a system that was adopted while it ran. */
#include <string.h>
#include "adapt.h"
#include "answer.h"
#include "carve.h"
#include "changes.h"
#include "first_mounts.h"
#include "report.h"
#include "territory.h"
#include "verb.h"

#define FIRST "@gens/1"
#define FIRST_ROOT "@gens/1/root"

/* --- parting data from the system --------------------------------------------------------------- */

/* Its first boot, and none of another: nobody else's data is to be parted. */
static bool is_due(const struct listing *listing)
{
	return listing->running.live && listing->running.booted == 1 && listing->running.trial &&
	       !listing->running.volatile_session && listing_adopting(listing);
}

static bool refuse_unreadable(const struct generation *found, struct err *err)
{
	err_set(err, ERR_CORRUPT, 0, "generation 1 cannot be read%s%s", found ? ": " : "",
		found ? found->damage : "");
	return err_try(err, "sudo moult check");
}

static bool set_carve(struct operation *operation, enum carve carve, struct err *err)
{
	struct machine *machine = operation->machine;
	const struct generation *found = listing_find(&machine->listing, 1);
	auto_generation struct generation first = {0};
	auto_plan struct plan plan = {0};

	if (!found || found->damage)
		return refuse_unreadable(found, err);
	generation_copy(found, &first);
	first.carve = carve;
	/* what was done up to here is there before anything says so */
	plan_at(&plan, STEP_SYNC, VOLUME_POOL, "");
	plan_state(&plan, &first);
	plan_at(&plan, STEP_SYNC, VOLUME_POOL, "");
	return operation_run(operation, &plan, err) && machine_refresh(machine, err);
}

/* Up to here the root was only read: an attempt that was cut off is begun anew. */
static bool copy_data(struct operation *operation, struct err *err)
{
	struct host *host = operation->machine->host;
	const struct generation *first = listing_adopting(&operation->machine->listing);

	/* it was read again since the lock is ours */
	if (!first)
		return refuse_unreadable(listing_find(&operation->machine->listing, 1), err);
	if (first->carve == CARVE_COPIED)
		return true;
	return carve_forget(host, FIRST, err) && carve_copy(host, FIRST, err) &&
	       set_carve(operation, CARVE_COPIED, err);
}

/* From here on it is finished, as often as it is cut off. The new fstab comes before what it mounts. */
static bool carve_body(struct operation *operation, struct err *err)
{
	struct machine *machine = operation->machine;

	operation->generation = 1;
	if (!copy_data(operation, err))
		return false;
	operation->committed = true;
	return carve_settle(machine, FIRST, err) && adapt_root(machine, FIRST, err) &&
	       carve_place(machine->host, FIRST, err) &&
	       first_mounts_take(machine->host, FIRST_ROOT, err) &&
	       set_carve(operation, CARVE_PRUNE, err);
}

/* Not verb_run(): recovery looks after the loader, and this is no time for that. */
bool verb_carve(struct machine *machine, const struct verb_request *request, json_t **ret,
		struct err *err)
{
	ERR_CONTEXT(err, "cannot part data from the system");
	struct operation operation = {0};
	bool done;

	*ret = NULL;
	if (!is_due(&machine->listing)) {
		*ret = answer_nothing(machine, request->verb,
				      "this boot has no data to part from the system");
		return true;
	}
	done = operation_begin(&operation, machine, request->verb, err) &&
	       carve_body(&operation, err) &&
	       answer_done(&operation, "data is parted from the system", ret, err);
	operation_end(&operation, done ? NULL : err);
	return done;
}

/* --- clearing away ------------------------------------------------------------------------------ */

static bool is_there(struct host *host, const char *path)
{
	struct host_stat stat;

	return host->ops->stat(host, VOLUME_POOL, path, &stat) == 0;
}

static bool finish_body(struct operation *operation, const struct verb_request *request,
			json_t **ret, struct err *err)
{
	struct machine *machine = operation->machine;
	auto_plan struct plan plan = {0};

	(void)request;
	(void)ret;
	if (!is_there(machine->host, FIRST "/base"))
		plan_snapshot(&plan, FIRST_ROOT, FIRST "/base", true)->why =
			"the root as it was built";
	return operation_run(operation, &plan, err) && set_carve(operation, CARVE_DONE, err) &&
	       answer_done(operation, "the adoption is complete", ret, err);
}

/* The root's goes first, without the lock: it takes long, and then its base can be made. */
static bool finish_root(struct machine *machine, const struct verb_request *request, json_t **ret,
			struct err *err)
{
	const struct generation *first = listing_find(&machine->listing, 1);

	if (!first || first->damage || first->carve != CARVE_PRUNE)
		return true;
	return carve_prune(machine->host, FIRST_ROOT, err) &&
	       verb_run(machine, request, finish_body, ret, err);
}

bool verb_prune(struct machine *machine, const struct verb_request *request, json_t **ret,
		struct err *err)
{
	ERR_CONTEXT(err, "cannot clear away what the adoption left over");

	*ret = NULL;
	if (text_equal(report_session(machine), "trial")) {
		*ret = answer_nothing(machine, request->verb,
				      "this boot is a trial, which is not over");
		return true;
	}
	if (!finish_root(machine, request, ret, err))
		return false;
	for (size_t i = 0; i < data_path_count; i++)
		if (is_there(machine->host, data_paths[i].subvolume) &&
		    !carve_prune(machine->host, data_paths[i].subvolume, err)) {
			json_decref(take(*ret));
			return false;
		}
	if (!*ret)
		*ret = answer_nothing(machine, request->verb,
				      "nothing of the adoption is left over");
	return true;
}
