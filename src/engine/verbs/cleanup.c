/* cleanup, pin, repair: what stays and what goes. */
#include <string.h>
#include "answer.h"
#include "changes.h"
#include "data_expire.h"
#include "publish.h"
#include "report.h"
#include "retention.h"
#include "retire.h"
#include "verb.h"

/* --- cleanup ------------------------------------------------------------------------------------- */

#define DAY_SEC INT64_C(86400)

static struct retention retention_of(const struct machine *machine)
{
	const struct menu_entry *next = menu_next(&machine->menu);

	return (struct retention){
		.keep = machine->policy.keep,
		.keep_automatic = machine->policy.keep_checkpoints,
		.next = next ? (int)next->generation : -1,
		.now = machine->host->ops->clock(machine->host, HOST_CLOCK_REAL_SEC),
		.max_age_sec = machine->policy.max_days * DAY_SEC,
		.min_free_bytes = (uint64_t)machine->policy.retention_free_mib << 20,
	};
}

/* What each takes alone, where it has to be known; caller frees. Those that cannot be measured take nothing. */
static uint64_t *measure(struct machine *machine)
{
	const struct listing *listing = &machine->listing;
	uint64_t *sizes = xcalloc(listing->count + 1, sizeof(*sizes));
	struct err unused = {0};

	for (size_t i = 0; i < listing->count; i++)
		report_size(machine, &listing->generations[i], &sizes[i], &unused);
	return sizes;
}

/* Sizes are read only where space is short: that reads all metadata. */
static bool decide(struct machine *machine, struct fates *ret, struct err *err)
{
	struct retention retention = retention_of(machine);
	auto_free uint64_t *sizes = NULL;
	struct host_space space;
	int r = machine->host->ops->space(machine->host, VOLUME_POOL, &space);

	/* how many its owner wants to keep cannot be told */
	if (machine->policy_trouble.kind != ERR_NONE) {
		*err = machine->policy_trouble;
		return false;
	}
	if (r < 0)
		return err_set(err, ERR_SYSTEM, -r, "cannot tell how full the Btrfs is");
	retention.free_bytes = space.free_bytes;
	if (retention_is_short(&retention))
		retention.exclusive_bytes = sizes = measure(machine);
	retention_decide(&machine->listing, &retention, ret);
	return true;
}

static void add_fates(const struct fates *fates, json_t *answer)
{
	json_t *array = json_array();

	for (size_t i = 0; i < fates->count; i++) {
		json_t *object = json_object();

		json_object_set_new(object, "id", json_integer(fates->list[i].id));
		json_object_set_new(object, "goes", json_boolean(fates->list[i].goes));
		json_put_string(object, "why", fates->list[i].why);
		json_array_append_new(array, object);
	}
	json_object_set_new(answer, "fates", array);
}

static bool retire_one(struct operation *operation, unsigned id, struct err *err)
{
	auto_plan struct plan plan = {0};

	return retire_plan(operation->machine, id, &plan, err) &&
	       operation_run(operation, &plan, err) && machine_refresh(operation->machine, err);
}

/* Data as it was before a generation first ran, whose time is over. */
static bool expire_data(struct operation *operation, size_t *ret_count, struct err *err)
{
	auto_plan struct plan plan = {0};

	data_expire_plan(operation->machine, &plan, ret_count);
	return operation_run(operation, &plan, err) && machine_refresh(operation->machine, err);
}

static char *cleanup_sentence(size_t retired, size_t expired)
{
	auto_free char *data =
		expired > 0
			? xasprintf(", and data of before %zu others is kept no longer", expired)
			: NULL;

	return retired == 1
		       ? xasprintf("1 generation was retired%s", data ? data : "")
		       : xasprintf("%zu generations were retired%s", retired, data ? data : "");
}

static bool cleanup_body(struct operation *operation, const struct verb_request *request,
			 json_t **ret, struct err *err)
{
	auto_fates struct fates fates = {0};
	auto_free char *sentence = NULL;
	size_t expired;

	(void)request;
	if (!decide(operation->machine, &fates, err))
		return false;
	for (size_t i = 0; i < fates.count; i++)
		if (fates.list[i].goes && !retire_one(operation, fates.list[i].id, err))
			return false;
	if (!expire_data(operation, &expired, err) || !publish_sweep(operation, err))
		return false;
	sentence = cleanup_sentence(fates_going(&fates), expired);
	if (!answer_done(operation, sentence, ret, err))
		return false;
	add_fates(&fates, *ret);
	return true;
}

static bool cleanup_dry_run(struct machine *machine, json_t **ret, struct err *err)
{
	auto_fates struct fates fates = {0};
	auto_plan struct plan plan = {0};
	size_t expired;

	if (!verb_require_adopted(machine, err) || !decide(machine, &fates, err))
		return false;
	for (size_t i = 0; i < fates.count; i++)
		if (fates.list[i].goes && !retire_plan(machine, fates.list[i].id, &plan, err))
			return false;
	data_expire_plan(machine, &plan, &expired);
	*ret = answer_planned(machine, "cleanup", &plan);
	add_fates(&fates, *ret);
	return true;
}

bool verb_cleanup(struct machine *machine, const struct verb_request *request, json_t **ret,
		  struct err *err)
{
	ERR_CONTEXT(err, "cannot clean up");

	if (request->dry_run)
		return cleanup_dry_run(machine, ret, err);
	return verb_run(machine, request, cleanup_body, ret, err);
}

/* --- pins and names ------------------------------------------------------------------------------ */

/* The generation as it will be. */
static bool pin_find(const struct machine *machine, const struct verb_request *request,
		     struct generation *ret, struct err *err)
{
	const struct generation *gen = listing_select(&machine->listing, request->which, err);

	if (!gen ||
	    (request->name && !listing_check_name(&machine->listing, gen, request->name, err)))
		return false;
	generation_copy(gen, ret);
	ret->pinned = strcmp(request->verb, "pin") == 0;
	if (ret->pinned && request->name) {
		free(ret->name);
		ret->name = xstrdup(request->name);
	}
	return true;
}

static bool pin_body(struct operation *operation, const struct verb_request *request, json_t **ret,
		     struct err *err)
{
	auto_generation struct generation next = {0};
	auto_plan struct plan plan = {0};
	auto_free char *sentence = NULL;

	if (!pin_find(operation->machine, request, &next, err))
		return false;
	operation->generation = (int)next.id;
	plan_state(&plan, &next);
	plan_at(&plan, STEP_SYNC, VOLUME_POOL, "");
	sentence = xasprintf("generation %u is %s", next.id,
			     next.pinned ? "pinned: it is kept until 'moult unpin'"
					 : "no longer pinned");
	return operation_run(operation, &plan, err) && answer_done(operation, sentence, ret, err);
}

static bool pin_dry_run(struct machine *machine, const struct verb_request *request, json_t **ret,
			struct err *err)
{
	auto_generation struct generation next = {0};
	auto_plan struct plan plan = {0};

	if (!verb_require_adopted(machine, err) || !pin_find(machine, request, &next, err))
		return false;
	plan_state(&plan, &next);
	*ret = answer_planned(machine, request->verb, &plan);
	return true;
}

bool verb_pin(struct machine *machine, const struct verb_request *request, json_t **ret,
	      struct err *err)
{
	return request->dry_run ? pin_dry_run(machine, request, ret, err)
				: verb_run(machine, request, pin_body, ret, err);
}
