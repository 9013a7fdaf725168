/* cleanup, pin, repair: what stays and what goes. */
#include <string.h>
#include "answer.h"
#include "changes.h"
#include "data_expire.h"
#include "publish.h"
#include "retire.h"
#include "verb.h"

static struct retention retention_of(const struct machine *machine)
{
	const struct menu_entry *next = menu_next(&machine->menu);

	return (struct retention){
		.keep = machine->policy.keep,
		.keep_automatic = machine->policy.keep_checkpoints,
		.next = next ? (int)next->generation : -1,
	};
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
	struct machine *machine = operation->machine;
	struct retention retention = retention_of(machine);
	auto_free unsigned *ids = NULL;
	size_t count = retention_select(&machine->listing, &retention, &ids);
	auto_free char *sentence = NULL;
	size_t expired;

	(void)request;
	/* how many its owner wants to keep cannot be told */
	if (machine->policy_trouble.kind != ERR_NONE) {
		*err = machine->policy_trouble;
		return false;
	}
	for (size_t i = 0; i < count; i++)
		if (!retire_one(operation, ids[i], err))
			return false;
	if (!expire_data(operation, &expired, err) || !publish_sweep(operation, err))
		return false;
	sentence = cleanup_sentence(count, expired);
	return answer_done(operation, sentence, ret, err);
}

static bool cleanup_dry_run(struct machine *machine, json_t **ret, struct err *err)
{
	struct retention retention = retention_of(machine);
	auto_free unsigned *ids = NULL;
	auto_plan struct plan plan = {0};
	size_t count, expired;

	if (!verb_require_adopted(machine, err))
		return false;
	count = retention_select(&machine->listing, &retention, &ids);
	for (size_t i = 0; i < count; i++)
		if (!retire_plan(machine, ids[i], &plan, err))
			return false;
	data_expire_plan(machine, &plan, &expired);
	*ret = answer_planned(machine, "cleanup", &plan);
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
