#include "carry.h"
#include <string.h>
#include "changes.h"
#include "late_apply.h"
#include "verify.h"
#include "withdraw.h"

#define LIMIT_USEC (10 * INT64_C(1000000))

void carry_result_done(struct carry_result *result)
{
	free(take(result->why));
}

struct carrying {
	struct operation *operation;
	struct late_watch watch;
	struct late_edits edits; /* of the snapshot */
	char seen[GENERATION_PATH_MAX], root[GENERATION_PATH_MAX]; /* the snapshots */
	uint64_t seen_transid;
	int64_t until_usec;
};

static void carrying_done(struct carrying *carrying)
{
	late_edits_done(&carrying->edits);
}
DEFINE_AUTO_STRUCT(carrying, struct carrying, carrying_done)

static bool carrying_begin(struct carrying *carrying, struct operation *operation)
{
	*carrying = (struct carrying){.operation = operation};
	if (!late_watch(operation->machine, &carrying->watch))
		return false;
	operation->generation = (int)carrying->watch.pending->id;
	snprintf(carrying->seen, sizeof(carrying->seen), GENS_DIRECTORY "/%u/late-seen",
		 carrying->watch.pending->id);
	snprintf(carrying->root, sizeof(carrying->root), GENS_DIRECTORY "/%u/late-root",
		 carrying->watch.pending->id);
	return true;
}

/* --- what there is to carry ----------------------------------------------------------------------- */

/* The edited root as it is at one instant: what is compared is what is copied. */
static bool freeze(struct carrying *carrying, bool copy, struct err *err)
{
	struct machine *machine = carrying->operation->machine;
	auto_host_subvolume struct host_subvolume seen = {0};
	auto_plan struct plan plan = {0};
	int r;

	plan_snapshot(&plan, carrying->watch.from, carrying->seen, true)->why =
		"the edited root as it is at one instant";
	if (copy)
		plan_snapshot(&plan, carrying->watch.to, carrying->root, false)->why =
			"edits go into a copy; what the menu names is never half-edited";
	if (!operation_run(carrying->operation, &plan, err))
		return false;
	r = machine->host->ops->subvolume(machine->host, carrying->seen, &seen);
	if (r < 0)
		return err_set(err, ERR_SYSTEM, -r, "cannot look at %s", carrying->seen);
	carrying->seen_transid = seen.made_transid;
	return late_find(machine, &carrying->watch, carrying->seen, &carrying->edits, err);
}

/* The next edits are told from what was carried now. */
static void plan_ancestor(const struct carrying *carrying, struct plan *plan)
{
	auto_generation struct generation next = {0};

	generation_copy(carrying->watch.pending, &next);
	next.late_transid = carrying->seen_transid;
	plan_exchange(plan, carrying->seen, carrying->watch.ancestor)->why =
		"the next edits are told from what was carried now";
	plan_state(plan, &next);
	plan_at(plan, STEP_SYNC, VOLUME_POOL, "");
	plan_at(plan, STEP_DELETE_SUBVOLUME, VOLUME_POOL, carrying->seen)->may_fail = true;
}

/* --- before the machine goes down ----------------------------------------------------------------- */

static bool work_apply(struct operation *operation, struct err *err)
{
	const struct carrying *carrying = operation->context;
	struct late_apply apply = {
		.machine = operation->machine,
		.from = carrying->seen,
		.to = carrying->root,
		.until_usec = carrying->until_usec,
	};

	return late_apply(&apply, &carrying->edits, err);
}

static bool work_verify(struct operation *operation, struct err *err)
{
	const struct carrying *carrying = operation->context;

	return verify_edits(operation->machine, carrying->root, carrying->watch.from, err);
}

static const struct work works[] = {
	{"carry edits over", work_apply},
	{"verify the edits", work_verify},
	{NULL, NULL},
};

static bool exchange(struct carrying *carrying, struct err *err)
{
	struct operation *operation = carrying->operation;
	auto_plan struct plan plan = {0};

	operation->works = works;
	operation->context = carrying;
	plan_work(&plan, works[0].name, carrying->root);
	plan_work(&plan, works[1].name, carrying->root);
	plan_exchange(&plan, carrying->root, carrying->watch.to)->commit = true;
	plan.steps[plan.count - 1].why = "the generation has the edits, all of them or none";
	plan_ancestor(carrying, &plan);
	plan_at(&plan, STEP_DELETE_SUBVOLUME, VOLUME_POOL, carrying->root)->may_fail = true;
	return operation_run(operation, &plan, err);
}

static bool withdraw(struct carrying *carrying, const char *why, struct carry_result *ret,
		     struct err *err)
{
	ret->outcome = CARRY_WITHDRAWN;
	ret->why = xstrdup(why);
	return late_withdraw(carrying->operation, &carrying->watch, why, err) &&
	       late_tidy(carrying->operation, err);
}

/* An edit that would keep the copy from coming up: built anew it is refused, and says why. */
static bool withdraw_unfit(struct carrying *carrying, struct carry_result *ret, struct err *err)
{
	auto_free char *why =
		xasprintf("edits made since it was staged do not fit it: %s", err->text);

	*err = (struct err){0};
	return machine_refresh(carrying->operation->machine, err) &&
	       late_watch(carrying->operation->machine, &carrying->watch) &&
	       withdraw(carrying, why, ret, err);
}

static bool carry(struct carrying *carrying, struct carry_result *ret, struct err *err)
{
	auto_free char *why = NULL;

	if (!freeze(carrying, true, err))
		return false;
	/* between the first look and the snapshot somebody may have gone on editing */
	why = late_contradiction(&carrying->watch, &carrying->edits);
	if (why)
		return machine_refresh(carrying->operation->machine, err) &&
		       late_watch(carrying->operation->machine, &carrying->watch) &&
		       withdraw(carrying, why, ret, err);
	ret->edits = late_count(&carrying->edits, LATE_CARRY);
	if (exchange(carrying, err)) {
		ret->outcome = CARRY_DONE;
		return machine_refresh(carrying->operation->machine, err);
	}
	return err->kind == ERR_REFUSED && withdraw_unfit(carrying, ret, err);
}

/* Files of packages that were changed on both sides: the generation's own stay, and it is said. */
static void note_left(struct operation *operation, const struct late_edits *edits)
{
	for (size_t i = 0; i < edits->count; i++)
		if (edits->all[i].verdict == LATE_LEFT) {
			auto_free char *path = xasprintf("/%s", edits->all[i].path);

			operation_note(operation,
				       "%s belongs to a package: generation %d keeps its own",
				       text_quote(path), operation->generation);
		}
}

bool carry_before(struct operation *operation, struct carry_result *ret, struct err *err)
{
	struct machine *machine = operation->machine;
	struct host *host = machine->host;
	auto_late_edits struct late_edits edits = {0};
	auto_free char *why = NULL;
	__attribute__((cleanup(auto_carrying_))) struct carrying carrying = {0};

	*ret = (struct carry_result){0};
	if (!carrying_begin(&carrying, operation) || carrying.watch.runs)
		return true;
	carrying.until_usec = host->ops->clock(host, HOST_CLOCK_MONOTONIC_USEC) + LIMIT_USEC;
	if (!late_stale_why(machine, &carrying.watch, &edits, &why, err))
		return false;
	if (why)
		return withdraw(&carrying, why, ret, err);
	note_left(operation, &edits);
	return late_count(&edits, LATE_CARRY) == 0 || carry(&carrying, ret, err);
}

bool carry_for_reboot(struct operation *operation, const struct verb_request *request,
		      struct err *err)
{
	auto_carry_result struct carry_result result = {0};
	int asked_for = operation->generation;

	if (!request->reboot)
		return true;
	if (!carry_before(operation, &result, err))
		return false;
	if (result.outcome == CARRY_WITHDRAWN)
		return err_set(err, ERR_REFUSED, 0, "generation %d is not rebooted to: %s",
			       operation->generation, result.why);
	operation->generation = asked_for;
	return true;
}

/* --- at the first boot ------------------------------------------------------------------------------ */

static bool leave(struct operation *operation, const struct late_watch *watch, const char *why,
		  struct err *err)
{
	unsigned id = watch->pending->id;

	if (!late_withdraw(operation, watch, why, err))
		return false;
	return err_set(err, ERR_REFUSED, 0, "generation %u is stale: %s", id, why);
}

/* It is too late to ask: the new one's file stays, the other is kept where it can be found. */
static bool park(struct carrying *carrying, const char *path, struct err *err)
{
	struct operation *operation = carrying->operation;
	struct host *host = operation->machine->host;
	auto_free char *tree = xasprintf(MOULT_DIRECTORY "/late/%d", operation->generation);
	auto_free char *here = xasprintf("/%s", path);
	auto_free char *kept = xasprintf("/var/lib/moult/late/%d/%s", operation->generation, path);
	struct late_apply apply = {
		.machine = operation->machine, .from = carrying->seen, .to = tree};
	int r = host->ops->make_directory(host, VOLUME_POOL, MOULT_DIRECTORY "/late", 0700);

	if (r == 0 || r == -EEXIST)
		r = host->ops->make_directory(host, VOLUME_POOL, tree, 0700);
	if (r < 0 && r != -EEXIST)
		return err_set(err, ERR_SYSTEM, -r, "cannot make %s", tree);
	if (!late_park(&apply, path, err))
		return false;
	operation_note(operation,
		       "%s was edited after this generation was staged, and is different in it: "
		       "the edited one is %s",
		       text_quote(here), text_quote(kept));
	return true;
}

static bool park_conflicts(struct carrying *carrying, struct err *err)
{
	for (size_t i = 0; i < carrying->edits.count; i++) {
		const struct late_edit *edit = &carrying->edits.all[i];
		auto_free char *path = xasprintf("/%s", edit->path);

		if (edit->verdict == LATE_CONFLICT && !park(carrying, edit->path, err))
			return false;
		if (edit->verdict == LATE_CARRY && edit->baked)
			operation_note(carrying->operation,
				       "%s was edited after this generation was staged, and its "
				       "initrd %s by it: make that again: sudo update-initramfs -u",
				       text_quote(path), edit->baked);
	}
	return true;
}

static bool carry_here(struct carrying *carrying, struct err *err)
{
	struct operation *operation = carrying->operation;
	auto_plan struct plan plan = {0};
	struct late_apply apply = {
		.machine = operation->machine, .from = carrying->seen, .to = carrying->watch.to};

	if (!late_tidy(operation, err) || !freeze(carrying, false, err) ||
	    !park_conflicts(carrying, err) || !late_apply(&apply, &carrying->edits, err))
		return false;
	note_left(operation, &carrying->edits);
	plan_ancestor(carrying, &plan);
	return operation_run(operation, &plan, err) && machine_refresh(operation->machine, err);
}

bool carry_at_first_boot(struct operation *operation, struct err *err)
{
	struct machine *machine = operation->machine;
	auto_late_edits struct late_edits edits = {0};
	auto_free char *why = NULL;
	__attribute__((cleanup(auto_carrying_))) struct carrying carrying = {0};

	ERR_CONTEXT(err, "cannot carry over what was edited since it was staged");

	if (!carrying_begin(&carrying, operation) || !carrying.watch.runs)
		return true;
	if (!late_packages(machine, &carrying.watch, &why, err))
		return false;
	if (why)
		return leave(operation, &carrying.watch, why, err);
	if (!late_find(machine, &carrying.watch, carrying.watch.from, &edits, err))
		return false;
	return edits.count == 0 || carry_here(&carrying, err);
}
