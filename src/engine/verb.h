/*
 * verb - the frame every changing verb runs in: adopted, locked, recovered, ended.
 */
#pragma once
#include "operation.h"
#include "verbs.h"

typedef bool verb_body(struct operation *operation, const struct verb_request *request,
		       json_t **ret, struct err *err);

/*
 * Lock, recover, body, end. The body answers (answer.h); a failure leaves *ret NULL. Then, with
 * request->reboot and where something was done, the reboot: if only that fails *ret is the answer.
 */
bool verb_run(struct machine *machine, const struct verb_request *request, verb_body *body,
	      json_t **ret, struct err *err);
/* The same with `first` between lock and recovery: for what recovery itself would stumble over. */
bool verb_run_after(struct machine *machine, const struct verb_request *request,
		    bool (*first)(struct operation *, struct err *), verb_body *body, json_t **ret,
		    struct err *err);
bool verb_require_adopted(const struct machine *machine, struct err *err);
