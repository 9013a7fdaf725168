/* internal kernel-changed: the hooks of the package manager say that /boot was changed live. */
#include "answer.h"
#include "live_kernel.h"
#include "verb.h"

/* apt goes on for a while after its first hook: who starts this tries again. */
#define WAIT_SEC 30

static bool kernel_changed_body(struct operation *operation, const struct verb_request *request,
				json_t **ret, struct err *err)
{
	struct machine *machine = operation->machine;
	auto_free char *sentence = NULL;

	operation->generation = machine->listing.running.booted;
	if (!live_kernel_may(machine)) {
		*ret = answer_nothing(machine, request->verb,
				      "the current generation does not run as usual; what it has "
				      "in /boot is looked at when it does");
		return true;
	}
	if (!live_kernel(operation, WAIT_SEC, &sentence, err))
		return false;
	if (sentence)
		return answer_done(operation, sentence, ret, err);
	*ret = answer_nothing(machine, request->verb,
			      "what is in /boot is what this generation boots or tries already");
	return true;
}

bool verb_kernel_changed(struct machine *machine, const struct verb_request *request, json_t **ret,
			 struct err *err)
{
	ERR_CONTEXT(err, "cannot try the new kernel");

	*ret = NULL;
	return verb_run(machine, request, kernel_changed_body, ret, err);
}
