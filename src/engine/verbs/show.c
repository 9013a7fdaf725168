/* status, list, show: what is there, as it was read. */
#include "report.h"
#include "verb.h"

bool verb_status(struct machine *machine, const struct verb_request *request, json_t **ret,
		 struct err *err)
{
	(void)request;
	(void)err;
	*ret = report_status(machine);
	return true;
}

bool verb_list(struct machine *machine, const struct verb_request *request, json_t **ret,
	       struct err *err)
{
	*ret = report_list(machine);
	if (!request->sizes || report_add_sizes(machine, *ret, err))
		return true;
	json_decref(take(*ret));
	return false;
}

bool verb_show(struct machine *machine, const struct verb_request *request, json_t **ret,
	       struct err *err)
{
	const struct generation *gen;
	unsigned long long id;

	if (!verb_require_adopted(machine, err))
		return false;
	/* a damaged one can be shown, though not chosen */
	gen = request->which && text_to_u64(request->which, &id) && id <= UINT32_MAX
		      ? listing_find(&machine->listing, (unsigned)id)
		      : NULL;
	if (!gen)
		gen = listing_select(&machine->listing, request->which, err);
	if (!gen)
		return false;
	*ret = report_generation(machine, gen);
	json_object_set_new(*ret, "format_version", json_integer(1));
	return true;
}
