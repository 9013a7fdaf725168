#include "verb.h"
#include <string.h>
#include "recover.h"
#include "text.h"

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

static bool check_reboot(const struct machine *machine, const struct verb_request *request,
			 struct err *err)
{
	if (!request->reboot || machine->listing.running.live)
		return true;
	err_set(err, ERR_USAGE, 0, "this is another system's disk: it is not running");
	return err_try(err, "sudo moult %s", request->verb);
}

/* What was done stays done, and is told, where the reboot itself fails. */
static bool reboot(struct machine *machine, json_t *answer, struct err *err)
{
	int r = machine->host->ops->reboot(machine->host, false);

	if (r < 0) {
		err_set(err, ERR_SYSTEM, -r, "it is done, but the machine cannot be rebooted");
		return err_try(err, "sudo systemctl reboot");
	}
	json_object_set_new(answer, "rebooting", json_true());
	return true;
}

static bool is_done(const json_t *answer)
{
	return text_equal(json_string_value(json_object_get(answer, "outcome")), "done");
}

bool verb_run_after(struct machine *machine, const struct verb_request *request,
		    bool (*first)(struct operation *, struct err *), verb_body *body, json_t **ret,
		    struct err *err)
{
	struct operation operation = {0};
	bool done;

	*ret = NULL;
	if (!check_reboot(machine, request, err) || !verb_require_adopted(machine, err))
		return false;
	done = operation_begin(&operation, machine, request->verb, err) &&
	       (!first || first(&operation, err)) && recover(&operation, err) &&
	       body(&operation, request, ret, err);
	operation_end(&operation, done ? NULL : err);
	/* last, when the journal has its end and the lock is free */
	return done && request->reboot && is_done(*ret) ? reboot(machine, *ret, err) : done;
}

bool verb_run(struct machine *machine, const struct verb_request *request, verb_body *body,
	      json_t **ret, struct err *err)
{
	return verb_run_after(machine, request, NULL, body, ret, err);
}
