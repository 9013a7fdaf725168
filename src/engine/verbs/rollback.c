/* rollback, keep, discard: which generation is current is decided by a person. */
#include <string.h>
#include "answer.h"
#include "carry.h"
#include "data_back.h"
#include "late_left.h"
#include "publish.h"
#include "report.h"
#include "rollback_base.h"
#include "rollback_plan.h"
#include "verb.h"

static void note(struct operation *operation, const struct rollback *rollback)
{
	auto_free char *sentence = rollback_note(operation->machine, rollback);

	operation_note(operation, "%s", sentence);
}

/* A generation that is not good is only tried; one that was found bad only when that is meant. */
static bool roll_to_untried(struct operation *operation, const struct verb_request *request,
			    const struct rollback *rollback, json_t **ret, struct err *err)
{
	unsigned id = rollback->to->id, tries = operation->machine->policy.tries;
	auto_free char *sentence = xasprintf("generation %u is tried at the next boot", id);

	return publish_trial_again(operation, id, rollback->from->serial, tries, err) &&
	       machine_refresh(operation->machine, err) &&
	       carry_for_reboot(operation, request, err) &&
	       answer_done(operation, sentence, ret, err);
}

static bool make_current(struct operation *operation, const struct rollback *rollback, json_t **ret,
			 struct err *err)
{
	unsigned id = rollback->to->id;
	bool runs = operation->machine->listing.running.booted == (int)id;
	auto_free char *sentence =
		xasprintf("generation %u is current%s", id, runs ? "" : "; reboot to use it");
	auto_late_left struct late_left left = {0};

	/* before anything is changed: afterwards another generation is the one that is left */
	late_left_find(operation->machine, listing_current(&operation->machine->listing),
		       rollback->to, &left);
	if (!publish_current(operation, id, rollback->from->serial, err))
		return false;
	note(operation, rollback);
	late_left_keep(operation, &left);
	return answer_done(operation, sentence, ret, err);
}

static bool make_from_base(struct operation *operation, const struct rollback *rollback,
			   json_t **ret, struct err *err)
{
	auto_free char *sentence = NULL;
	unsigned from = rollback->to->id, id;

	if (!rollback_base(operation, rollback->to, &id, err))
		return false;
	operation->generation = (int)id;
	note(operation, &(struct rollback){.way = ROLLBACK_BASE});
	sentence = xasprintf("generation %u, which is generation %u as it was built, is current; "
			     "reboot to use it",
			     id, from);
	if (!answer_done(operation, sentence, ret, err))
		return false;
	json_object_set_new(*ret, "generation", json_integer(id));
	return true;
}

static json_t *nothing(const struct machine *machine, const struct rollback *rollback)
{
	auto_free char *sentence = rollback_note(machine, rollback);

	return answer_nothing(machine, "rollback", sentence);
}

static bool carry_out(struct operation *operation, const struct verb_request *request,
		      const struct rollback *rollback, json_t **ret, struct err *err)
{
	switch (rollback->way) {
	case ROLLBACK_CURRENT:
		return make_current(operation, rollback, ret, err);
	case ROLLBACK_TRIAL:
		return roll_to_untried(operation, request, rollback, ret, err);
	case ROLLBACK_BASE:
		return make_from_base(operation, rollback, ret, err);
	case ROLLBACK_NOTHING:
		break;
	}
	*ret = nothing(operation->machine, rollback);
	return true;
}

/* The generation is current already, and only its data goes back. */
static bool only_data(struct operation *operation, const struct rollback *rollback, json_t **ret,
		      struct err *err)
{
	auto_free char *sentence =
		xasprintf("the data is put back, and generation %u is current; reboot to use it",
			  rollback->to->id);

	return answer_done(operation, sentence, ret, err);
}

static void add_data(const struct data_backs *backs, json_t *answer)
{
	auto_json json_t *notes = data_backs_notes(backs);

	if (backs->count == 0)
		return;
	if (!json_object_get(answer, "notes"))
		json_object_set_new(answer, "notes", json_array());
	json_array_extend(json_object_get(answer, "notes"), notes);
	json_object_set_new(answer, "data", data_backs_json(backs));
}

static bool rollback_body(struct operation *operation, const struct verb_request *request,
			  json_t **ret, struct err *err)
{
	struct machine *machine = operation->machine;
	auto_data_backs struct data_backs backs = {0};
	struct rollback rollback;
	bool done;

	if (!rollback_find(machine, request, &rollback, err))
		return false;
	operation->generation = (int)rollback.to->id;
	if (!rollback_accepted(&rollback, request, err) ||
	    !rollback_writable(machine, &rollback, err) ||
	    !rollback_data(machine, &rollback, request, &backs, err) ||
	    !data_backs_run(operation, &backs, err))
		return false;
	done = rollback.way == ROLLBACK_NOTHING && backs.count > 0
		       ? only_data(operation, &rollback, ret, err)
		       : carry_out(operation, request, &rollback, ret, err);
	if (done)
		add_data(&backs, *ret);
	else if (!operation->committed)
		data_backs_undo(operation, &backs);
	return done;
}

/* What the verb would do, refusals included: the branches are those of its body. */
static bool show(struct machine *machine, const struct verb_request *request,
		 const struct rollback *rollback, json_t **ret, struct err *err)
{
	auto_free char *sentence = rollback_note(machine, rollback);
	auto_data_backs struct data_backs backs = {0};
	auto_plan struct plan plan = {0};

	if (!rollback_accepted(rollback, request, err) ||
	    !rollback_writable(machine, rollback, err) ||
	    !rollback_data(machine, rollback, request, &backs, err))
		return false;
	data_backs_plan(&backs, &plan);
	if (!rollback_steps(machine, rollback, &plan, err))
		return false;
	*ret = answer_planned(machine, request->verb, &plan);
	json_object_set_new(*ret, "notes", json_pack("[o]", json_text(sentence)));
	add_data(&backs, *ret);
	return true;
}

static bool dry_run(struct machine *machine, const struct verb_request *request, json_t **ret,
		    struct err *err)
{
	struct rollback rollback;

	if (!verb_require_adopted(machine, err) || !rollback_find(machine, request, &rollback, err))
		return false;
	if (rollback.way != ROLLBACK_NOTHING || request->data)
		return show(machine, request, &rollback, ret, err);
	*ret = nothing(machine, &rollback);
	return true;
}

bool verb_rollback(struct machine *machine, const struct verb_request *request, json_t **ret,
		   struct err *err)
{
	ERR_CONTEXT(err, "cannot roll back");

	return request->dry_run ? dry_run(machine, request, ret, err)
				: verb_run(machine, request, rollback_body, ret, err);
}

static bool require_session(const struct machine *machine, const char *verb, bool may_be_volatile,
			    struct err *err)
{
	const char *session = report_session(machine);

	if (strcmp(session, "temporary") == 0 ||
	    (may_be_volatile && strcmp(session, "volatile") == 0))
		return true;
	if (machine->listing.running.live)
		err_set(err, ERR_REFUSED, 0, "this is a %s session, there is nothing to %s",
			session, verb);
	else
		err_set(err, ERR_REFUSED, 0,
			"this is another system's disk, and does not run: there is no session to "
			"%s",
			verb);
	return err_try(err, "moult status");
}

/* What runs is what is kept: current may have another kernel or command line by now. */
static bool keep_former(const struct machine *machine, struct rollback *ret)
{
	const struct publication *running =
		generation_find_publication(ret->to, machine->listing.running.serial);

	if (running && running->kind == PUB_OLD)
		ret->from = running;
	return true;
}

static bool keep_find(struct machine *machine, struct rollback *ret, struct err *err)
{
	const struct generation *gen;

	if (!require_session(machine, "keep", false, err))
		return false;
	gen = listing_find(&machine->listing, (unsigned)machine->listing.running.booted);
	if (gen->state == GEN_GOOD)
		return rollback_to_good(gen, ret, err) && keep_former(machine, ret);
	err_set(err, ERR_REFUSED, 0, "generation %u is %s, not good", gen->id,
		gen_state_name(gen->state));
	return err_try(err, "sudo moult rollback %u", gen->id);
}

static bool keep_body(struct operation *operation, const struct verb_request *request, json_t **ret,
		      struct err *err)
{
	struct rollback rollback;

	operation->generation = operation->machine->listing.running.booted;
	return keep_find(operation->machine, &rollback, err) &&
	       rollback_accepted(&rollback, request, err) &&
	       rollback_writable(operation->machine, &rollback, err) &&
	       make_current(operation, &rollback, ret, err);
}

bool verb_keep(struct machine *machine, const struct verb_request *request, json_t **ret,
	       struct err *err)
{
	struct rollback rollback;

	if (!request->dry_run)
		return verb_run(machine, request, keep_body, ret, err);
	return verb_require_adopted(machine, err) && keep_find(machine, &rollback, err) &&
	       show(machine, request, &rollback, ret, err);
}

static char *discard_sentence(const struct machine *machine)
{
	const struct generation *current = listing_current(&machine->listing);

	return xasprintf("the next boot returns to generation %u", current ? current->id : 0);
}

/* What a temporary session wrote stays in that generation; discarding it is going back to current. */
static bool discard_body(struct operation *operation, const struct verb_request *request,
			 json_t **ret, struct err *err)
{
	auto_free char *sentence = discard_sentence(operation->machine);

	(void)request;
	return require_session(operation->machine, "discard", true, err) &&
	       answer_done(operation, sentence, ret, err);
}

static bool discard_dry_run(struct machine *machine, json_t **ret, struct err *err)
{
	auto_free char *sentence = discard_sentence(machine);
	auto_plan struct plan plan = {0};

	if (!verb_require_adopted(machine, err) || !require_session(machine, "discard", true, err))
		return false;
	*ret = answer_planned(machine, "discard", &plan);
	json_object_set_new(*ret, "notes", json_pack("[o]", json_text(sentence)));
	return true;
}

bool verb_discard(struct machine *machine, const struct verb_request *request, json_t **ret,
		  struct err *err)
{
	return request->dry_run ? discard_dry_run(machine, ret, err)
				: verb_run(machine, request, discard_body, ret, err);
}
