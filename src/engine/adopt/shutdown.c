/* At the end of a shutdown nothing writes any more: a root at the top of the Btrfs is copied then. */
#include <string.h>
#include "adoption.h"
#include "answer.h"
#include "changes.h"
#include "first_mounts.h"
#include "live.h"
#include "publish.h"
#include "verbs.h"

#define FIRST_ROOT "@gens/1/root"
#define FRESH "@gens/1/fresh"

static bool is_due(const struct listing *listing)
{
	const struct generation *first = listing_adopting(listing);

	return listing->running.live && listing->running.booted == 0 && first &&
	       first->carve == CARVE_SHUTDOWN && first->state == GEN_BUILT &&
	       !listing_undone(listing);
}

/* The root of generation 1, as it was copied when it was listed, is replaced by what there is now. */
static bool copy_again(struct operation *operation, struct err *err)
{
	struct machine *machine = operation->machine;
	struct host *host = machine->host;
	auto_plan struct plan copy = {0}, swap = {0};

	plan_at(&copy, STEP_DELETE_SUBVOLUME, VOLUME_POOL, FRESH);
	plan_snapshot(&copy, "", FRESH, false)->why = "nothing writes any more";
	plan_exchange(&swap, FRESH, FIRST_ROOT);
	plan_at(&swap, STEP_DELETE_SUBVOLUME, VOLUME_POOL, FRESH);
	return operation_run(operation, &copy, err) && live_strip(machine, FRESH, err) &&
	       first_mounts_put(host, FRESH, err) && operation_run(operation, &swap, err) &&
	       machine_refresh(machine, err);
}

static bool offer(struct operation *operation, struct err *err)
{
	struct machine *machine = operation->machine;
	const struct publication *pub =
		generation_find_publication(listing_find(&machine->listing, 0), 0);
	auto_free char *linux_path = NULL, *initrd_path = NULL, *options = NULL, *release = NULL;
	auto_generation struct generation first = {0};
	auto_plan struct plan plan = {0};
	struct boot_files files;

	if (!pub || !pub->kernel)
		return err_set(err, ERR_CORRUPT, 0, "generation 0 names no kernel");
	release = xstrdup(pub->kernel);
	options = xstrdup_or_null(pub->options);
	linux_path = xasprintf(FIRST_ROOT "/boot/vmlinuz-%s", release);
	initrd_path = xasprintf(FIRST_ROOT "/boot/initrd.img-%s", release);
	files = (struct boot_files){.release = release,
				    .linux_path = linux_path,
				    .initrd_path = *pub->initrd_sha256 ? initrd_path : NULL,
				    .options = options ? options : ""};
	if (!publish_trial(operation, 1, &files, err) || !machine_refresh(machine, err))
		return false;
	generation_copy(listing_find(&machine->listing, 1), &first);
	first.carve = CARVE_WANTED;
	plan_state(&plan, &first);
	plan_at(&plan, STEP_SYNC, VOLUME_POOL, "");
	return operation_run(operation, &plan, err);
}

bool verb_at_shutdown(struct machine *machine, const struct verb_request *request, json_t **ret,
		      struct err *err)
{
	ERR_CONTEXT(err, "cannot make generation 1 of the system that shuts down");
	struct operation operation = {0};
	bool done;

	*ret = NULL;
	if (!is_due(&machine->listing)) {
		*ret = answer_nothing(machine, request->verb,
				      "this shutdown has nothing to do for an adoption");
		return true;
	}
	done = operation_begin(&operation, machine, request->verb, err);
	operation.generation = 1;
	done = done && copy_again(&operation, err) && offer(&operation, err) &&
	       answer_done(&operation, "generation 1 is made, and tried at the next boot", ret,
			   err);
	operation_end(&operation, done ? NULL : err);
	return done;
}
