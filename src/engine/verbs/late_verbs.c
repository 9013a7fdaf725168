/* What units and apt ask for about the root that runs: late-edits, stale-check. */
#include <string.h>
#include "answer.h"
#include "carry.h"
#include "verb.h"
#include "withdraw.h"

static char *carried_sentence(const struct operation *operation, const struct carry_result *result)
{
	if (result->outcome == CARRY_NOTHING)
		return xstrdup("nothing was edited that a pending generation lacks");
	if (result->outcome == CARRY_WITHDRAWN)
		return xasprintf("generation %d is stale and was taken out of the boot menu: %s",
				 operation->generation, result->why);
	return xasprintf("generation %d has the %zu edit%s made since it was staged",
			 operation->generation, result->edits, result->edits == 1 ? "" : "s");
}

static bool answer_carried(struct operation *operation, const struct carry_result *result,
			   json_t **ret, struct err *err)
{
	auto_free char *sentence = carried_sentence(operation, result);

	if (result->outcome != CARRY_NOTHING)
		return answer_done(operation, sentence, ret, err);
	*ret = answer_nothing(operation->machine, operation->verb, sentence);
	return true;
}

static bool late_edits_body(struct operation *operation, const struct verb_request *request,
			    json_t **ret, struct err *err)
{
	auto_carry_result struct carry_result result = {0};

	(void)request;
	return carry_before(operation, &result, err) &&
	       answer_carried(operation, &result, ret, err);
}

/* Most machines go down with nothing pending: then not even the lock is taken. */
static bool is_watched(const struct machine *machine)
{
	struct late_watch watch;

	return late_watch(machine, &watch) && !watch.runs;
}

static bool nothing(struct machine *machine, const struct verb_request *request, json_t **ret)
{
	*ret = answer_nothing(machine, request->verb, "no generation is pending");
	return true;
}

bool verb_late_edits(struct machine *machine, const struct verb_request *request, json_t **ret,
		     struct err *err)
{
	ERR_CONTEXT(err, "cannot carry late edits over");

	return is_watched(machine) ? verb_run(machine, request, late_edits_body, ret, err)
				   : nothing(machine, request, ret);
}

static bool stale_check_body(struct operation *operation, const struct verb_request *request,
			     json_t **ret, struct err *err)
{
	struct machine *machine = operation->machine;
	auto_free char *why = NULL, *sentence = NULL;
	struct late_watch watch;

	if (!late_watch(machine, &watch) || watch.runs)
		return nothing(machine, request, ret);
	operation->generation = (int)watch.pending->id;
	if (!late_packages(machine, &watch, &why, err))
		return false;
	if (!why) {
		*ret = answer_nothing(machine, request->verb, "the packages are as they were");
		return true;
	}
	sentence = xasprintf("generation %u is stale and was taken out of the boot menu: %s",
			     watch.pending->id, why);
	return late_withdraw(operation, &watch, why, err) &&
	       answer_done(operation, sentence, ret, err);
}

#define TRIES 5
#define PAUSE_MSEC 200

/* Somebody waits for the package manager: where moult is busy it looks by itself before it ends. */
bool verb_stale_check(struct machine *machine, const struct verb_request *request, json_t **ret,
		      struct err *err)
{
	struct host *host = machine->host;

	ERR_CONTEXT(err, "cannot tell whether the pending generation is stale");

	if (!is_watched(machine))
		return nothing(machine, request, ret);
	for (int left = TRIES; left > 0; left--) {
		*err = (struct err){0};
		if (verb_run(machine, request, stale_check_body, ret, err))
			return true;
		if (err->kind != ERR_BUSY || host->ops->sleep(host, PAUSE_MSEC) < 0)
			return false;
	}
	return false;
}
