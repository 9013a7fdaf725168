#include "verb.h"
#include <string.h>
#include "recover.h"

bool verb_accepts(const struct verb_request *request, const char *code)
{
	for (const char *const *accept = request->accept; accept && *accept; accept++)
		if (strcmp(*accept, code) == 0)
			return true;
	return false;
}

bool verb_require_adopted(const struct machine *machine, struct err *err)
{
	if (machine->listing.adopted)
		return true;
	err_set(err, ERR_REFUSED, 0, "this system is not looked after by moult yet");
	return err_try(err, "sudo moult init --dry-run");
}

bool verb_run_after(struct machine *machine, const struct verb_request *request,
		    bool (*first)(struct operation *, struct err *), verb_body *body, json_t **ret,
		    struct err *err)
{
	struct operation operation = {0};
	bool done;

	*ret = NULL;
	if (!verb_require_adopted(machine, err))
		return false;
	done = operation_begin(&operation, machine, request->verb, err) &&
	       (!first || first(&operation, err)) && recover(&operation, err) &&
	       body(&operation, request, ret, err);
	operation_end(&operation, done ? NULL : err);
	return done;
}

bool verb_run(struct machine *machine, const struct verb_request *request, verb_body *body,
	      json_t **ret, struct err *err)
{
	return verb_run_after(machine, request, NULL, body, ret, err);
}
