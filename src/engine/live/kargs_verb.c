/* kargs: the current generation tries another kernel command line, and keeps it if it comes up. */
#include <string.h>
#include "answer.h"
#include "kargs.h"
#include "proposal.h"
#include "publish.h"
#include "report.h"
#include "verb.h"

/* What there is to change; all of the listing. */
struct kargs {
	const struct generation *gen;
	const struct publication *proven; /* what it boots by default */
	const struct publication *proposed; /* what it tries already; NULL = nothing */
};

static bool kargs_find(const struct machine *machine, struct kargs *ret, struct err *err)
{
	const struct generation *current = listing_current(&machine->listing);

	if (!current || current->damage) {
		err_set(err, ERR_CORRUPT, 0, "the current generation cannot be read");
		return err_try(err, "sudo moult check");
	}
	*ret = (struct kargs){
		.gen = current,
		.proven = generation_last_publication(current),
		.proposed = generation_proposed(current),
	};
	if (ret->proven)
		return true;
	err_set(err, ERR_CORRUPT, 0, "generation %u does not say how it boots", current->id);
	return err_try(err, "sudo moult repair");
}

/* --- show --------------------------------------------------------------------------------------- */

static json_t *publication_json(const struct machine *machine, const struct generation *gen,
				const struct publication *pub, enum boot_role role)
{
	auto_entry_storage struct entry_storage storage = {0};
	struct boot_entry entry = publish_entry(machine, gen, pub, &storage);
	auto_free char *whole = boot_command_line(&entry, role);
	json_t *object = json_object();

	json_object_set_new(object, "serial", json_integer((json_int_t)pub->serial));
	json_put_string(object, "kernel", pub->kernel);
	json_put_string(object, "options", pub->options ? pub->options : "");
	json_put_string(object, "command_line", whole);
	return object;
}

static bool kargs_show(struct machine *machine, const struct verb_request *request, json_t **ret,
		       struct err *err)
{
	struct kargs kargs;

	if (request->arguments && *request->arguments) {
		err_set(err, ERR_USAGE, 0, "'show' does not take %s",
			text_quote(*request->arguments));
		return err_try(err, "moult kargs show");
	}
	if (!verb_require_adopted(machine, err) || !kargs_find(machine, &kargs, err))
		return false;
	*ret = json_object();
	json_object_set_new(*ret, "format_version", json_integer(1));
	json_object_set_new(*ret, "generation", json_integer(kargs.gen->id));
	json_object_set_new(*ret, "current",
			    publication_json(machine, kargs.gen, kargs.proven, BOOT_CURRENT));
	json_object_set_new(
		*ret, "trial",
		kargs.proposed ? publication_json(machine, kargs.gen, kargs.proposed, BOOT_TRIAL)
			       : json_null());
	return true;
}

/* --- change ------------------------------------------------------------------------------------- */

static bool require_session(const struct machine *machine, struct err *err)
{
	const char *session = report_session(machine);

	if (text_equal(session, "normal") || text_equal(session, "offline"))
		return true;
	if (text_equal(session, "foreign"))
		err_set(err, ERR_REFUSED, 0, "the system that runs is none of moult's generations");
	else
		err_set(err, ERR_REFUSED, 0,
			"this is a %s session: the command line is changed where the current "
			"generation runs as usual",
			session);
	return err_try(err, text_equal(session, "temporary") ? "sudo moult keep" : "moult status");
}

/* What the change comes to. Owns `options`. */
struct outcome_of_change {
	struct kargs kargs;
	struct publication wanted;
	bool nothing; /* it is so already */
	bool withdraw; /* as it was before what is tried */
	char *options;
};

static bool decide(const struct machine *machine, const struct verb_request *request,
		   struct outcome_of_change *ret, struct err *err)
{
	struct kargs_change change = {request->which, request->arguments};
	const struct publication *base;

	*ret = (struct outcome_of_change){0};
	if (!require_session(machine, err) || !kargs_find(machine, &ret->kargs, err))
		return false;
	if (ret->kargs.gen->id == 0) {
		err_set(err, ERR_REFUSED, 0,
			"generation 0 is the original, and moult leaves how it boots as it was");
		return err_try(err, "moult status");
	}
	/* one after the other they add up, before the first was tried, too */
	base = ret->kargs.proposed ? ret->kargs.proposed : ret->kargs.proven;
	if (!kargs_apply(base->options ? base->options : "", &change, &ret->options, err))
		return false;
	ret->wanted = *base;
	ret->wanted.options = ret->options;
	ret->nothing = publication_same(&ret->wanted, base);
	ret->withdraw = ret->kargs.proposed && publication_same(&ret->wanted, ret->kargs.proven);
	return true;
}

static bool plan_change(struct machine *machine, const struct outcome_of_change *change,
			struct plan *plan, struct err *err)
{
	unsigned id = change->kargs.gen->id;

	return change->withdraw ? publish_plan_no_proposal(machine, id, plan, err)
				: publish_plan_proposal(machine, id, &change->wanted, plan, err);
}

static void add_line(const struct outcome_of_change *change, json_t *answer)
{
	json_object_set_new(answer, "generation", json_integer(change->kargs.gen->id));
	json_put_string(answer, "options", change->options);
}

static json_t *nothing(const struct machine *machine, const struct outcome_of_change *change)
{
	json_t *answer = answer_nothing(machine, "kargs", "the kernel command line is so already");

	add_line(change, answer);
	return answer;
}

static void tell(struct operation *operation, const struct outcome_of_change *change)
{
	const struct menu_entry *trial = menu_trial(&operation->machine->menu);
	auto_free char *note = kargs_note(change->options);

	if (note)
		operation_note(operation, "%s", note);
	if (trial && trial->generation != change->kargs.gen->id)
		operation_note(operation,
			       "generation %u waits until this was tried, and is then offered with "
			       "the command line that is current",
			       trial->generation);
}

static bool carry_out(struct operation *operation, const struct outcome_of_change *change,
		      struct err *err)
{
	struct machine *machine = operation->machine;
	auto_plan struct plan plan = {0};

	if (!change->withdraw)
		return publish_proposal(operation, change->kargs.gen->id, &change->wanted, err);
	return plan_change(machine, change, &plan, err) && operation_run(operation, &plan, err) &&
	       machine_refresh(machine, err) && publish_waiting(operation, err);
}

static bool answer_change(struct operation *operation, const struct verb_request *request,
			  struct outcome_of_change *change, json_t **ret, struct err *err)
{
	unsigned id = change->kargs.gen->id;
	auto_free char *sentence = NULL;

	(void)request;
	operation->generation = (int)id;
	if (change->nothing) {
		*ret = nothing(operation->machine, change);
		return true;
	}
	sentence = change->withdraw ? xasprintf("generation %u keeps its kernel command line", id)
				    : xasprintf("the new kernel command line of generation %u is "
						"tried at the next boot",
						id);
	tell(operation, change);
	if (!carry_out(operation, change, err) || !answer_done(operation, sentence, ret, err))
		return false;
	json_object_set_new(*ret, "generation", json_integer(id));
	json_put_string(*ret, "options", change->options);
	return true;
}

static bool kargs_body(struct operation *operation, const struct verb_request *request,
		       json_t **ret, struct err *err)
{
	struct outcome_of_change change;
	bool done = decide(operation->machine, request, &change, err) &&
		    answer_change(operation, request, &change, ret, err);

	free(change.options);
	return done;
}

static bool dry_run(struct machine *machine, const struct outcome_of_change *change, json_t **ret,
		    struct err *err)
{
	auto_plan struct plan plan = {0};

	if (change->nothing) {
		*ret = nothing(machine, change);
		return true;
	}
	if (!plan_change(machine, change, &plan, err))
		return false;
	*ret = answer_planned(machine, "kargs", &plan);
	add_line(change, *ret);
	json_object_set_new(
		*ret, "notes",
		json_pack("[o]", json_text(*change->options ? change->options
							    : "the line would be empty")));
	return true;
}

static bool kargs_dry_run(struct machine *machine, const struct verb_request *request, json_t **ret,
			  struct err *err)
{
	struct outcome_of_change change = {0};
	bool done = verb_require_adopted(machine, err) && decide(machine, request, &change, err) &&
		    dry_run(machine, &change, ret, err);

	free(change.options);
	return done;
}

bool verb_kargs(struct machine *machine, const struct verb_request *request, json_t **ret,
		struct err *err)
{
	*ret = NULL;
	if (!request->which || text_equal(request->which, "show"))
		return kargs_show(machine, request, ret, err);

	ERR_CONTEXT(err, "cannot change the kernel command line");

	return request->dry_run ? kargs_dry_run(machine, request, ret, err)
				: verb_run(machine, request, kargs_body, ret, err);
}
