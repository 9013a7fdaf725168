/* rollback, keep, discard: which generation is current is decided by a person. */
#include <string.h>
#include "answer.h"
#include "changes.h"
#include "publish.h"
#include "report.h"
#include "rollback_base.h"
#include "verb.h"

/* A generation that is not good is only tried; one that was found bad only when that is meant. */
static bool roll_to_untried(struct operation *operation, const struct verb_request *request,
			    const struct generation *gen, json_t **ret, struct err *err)
{
	const struct publication *pub =
		gen->publication_count > 0 ? &gen->publications[gen->publication_count - 1] : NULL;
	unsigned id = gen->id;
	auto_free char *sentence = NULL;

	if (gen->state == GEN_BAD && !verb_accepts(request, "BAD_GENERATION")) {
		err_set(err, ERR_NEEDS_ACK, 0, "generation %u is bad: %s", id,
			gen->reason ? gen->reason : "it failed its trial");
		return err_try(err, "sudo moult rollback %u --accept BAD_GENERATION", id);
	}
	if (!pub) {
		err_set(err, ERR_REFUSED, 0, "generation %u was never offered to the loader", id);
		return err_try(err, "sudo moult upgrade --replace");
	}
	if (!publish_trial_again(operation, id, pub->serial, operation->machine->policy.tries, err))
		return false;
	sentence = xasprintf("generation %u is tried at the next boot", id);
	return answer_done(operation, sentence, ret, err);
}

static void note_data(struct operation *operation)
{
	operation_note(operation,
		       "/home, /root, /srv, /var, /usr/local and other data stay as they are");
}

static bool make_current(struct operation *operation, const struct generation *gen, json_t **ret,
			 struct err *err)
{
	const struct publication *pub = generation_last_publication(gen);
	auto_free char *sentence = NULL;
	unsigned id = gen->id;

	if (!pub) {
		err_set(err, ERR_CORRUPT, 0, "generation %u does not say which kernel it boots",
			id);
		return err_try(err, "sudo moult repair");
	}
	if (!publish_current(operation, id, pub->serial, err))
		return false;
	note_data(operation);
	sentence = xasprintf("generation %u is current; reboot to use it", id);
	return answer_done(operation, sentence, ret, err);
}

static bool make_from_base(struct operation *operation, const struct generation *gen, json_t **ret,
			   struct err *err)
{
	auto_free char *sentence = NULL;
	unsigned from = gen->id, id; /* gen itself goes when the machine is read again */

	if (!rollback_base(operation, gen, &id, err))
		return false;
	note_data(operation);
	sentence = xasprintf("generation %u, which is generation %u as it was built, is current; "
			     "reboot to use it",
			     id, from);
	if (!answer_done(operation, sentence, ret, err))
		return false;
	json_object_set_new(*ret, "generation", json_integer(id));
	return true;
}

static bool rollback_body(struct operation *operation, const struct verb_request *request,
			  json_t **ret, struct err *err)
{
	struct machine *machine = operation->machine;
	const struct generation *gen = listing_select(&machine->listing, request->which, err);
	const struct generation *current = listing_current(&machine->listing);
	const struct menu_entry *next = menu_next(&machine->menu);

	if (!gen)
		return false;
	if (listing_undone(&machine->listing)) {
		err_set(err, ERR_REFUSED, 0, "the adoption was undone: the original boots");
		return err_try(err, "sudo moult init");
	}
	if (request->base)
		return make_from_base(operation, gen, ret, err);
	if (gen->state != GEN_GOOD)
		return roll_to_untried(operation, request, gen, ret, err);
	if (gen == current && next && next->generation == gen->id && !next->counted) {
		auto_free char *sentence = xasprintf("generation %u is current already", gen->id);

		*ret = answer_nothing(machine, "rollback", sentence);
		return true;
	}
	return make_current(operation, gen, ret, err);
}

static bool dry_run(struct machine *machine, const struct verb_request *request, json_t **ret,
		    struct err *err)
{
	const struct generation *gen;
	auto_plan struct plan plan = {0};
	const struct publication *pub;

	if (!verb_require_adopted(machine, err))
		return false;
	gen = listing_select(&machine->listing, request->which, err);
	if (!gen)
		return false;
	pub = generation_last_publication(gen);
	if (request->base ? !rollback_base_plan(machine, gen, &plan, err)
			  : pub && !publish_plan_current(machine, gen->id, pub->serial, &plan, err))
		return false;
	*ret = answer_planned(machine, "rollback", &plan);
	return true;
}

bool verb_rollback(struct machine *machine, const struct verb_request *request, json_t **ret,
		   struct err *err)
{
	ERR_CONTEXT(err, "cannot roll back");

	return request->dry_run ? dry_run(machine, request, ret, err)
				: verb_run(machine, request, rollback_body, ret, err);
}

static bool keep_body(struct operation *operation, const struct verb_request *request, json_t **ret,
		      struct err *err)
{
	struct machine *machine = operation->machine;
	const char *session = report_session(machine);
	const struct generation *gen;

	(void)request;
	if (strcmp(session, "temporary") != 0) {
		err_set(err, ERR_REFUSED, 0, "this is a %s session, there is nothing to keep",
			session);
		return err_try(err, "moult status");
	}
	gen = listing_find(&machine->listing, (unsigned)machine->listing.running.booted);
	if (gen->state != GEN_GOOD) {
		err_set(err, ERR_REFUSED, 0, "generation %u is %s, not good", gen->id,
			gen_state_name(gen->state));
		return err_try(err, "sudo moult rollback %u", gen->id);
	}
	return make_current(operation, gen, ret, err);
}

bool verb_keep(struct machine *machine, const struct verb_request *request, json_t **ret,
	       struct err *err)
{
	return verb_run(machine, request, keep_body, ret, err);
}

/* What a temporary session wrote stays in that generation; discarding it is going back to current. */
static bool discard_body(struct operation *operation, const struct verb_request *request,
			 json_t **ret, struct err *err)
{
	struct machine *machine = operation->machine;
	const char *session = report_session(machine);
	const struct generation *current = listing_current(&machine->listing);
	auto_free char *sentence = NULL;

	(void)request;
	if (strcmp(session, "temporary") != 0 && strcmp(session, "volatile") != 0) {
		err_set(err, ERR_REFUSED, 0, "this is a %s session, there is nothing to discard",
			session);
		return err_try(err, "moult status");
	}
	sentence = xasprintf("the next boot returns to generation %u", current ? current->id : 0);
	return answer_done(operation, sentence, ret, err);
}

bool verb_discard(struct machine *machine, const struct verb_request *request, json_t **ret,
		  struct err *err)
{
	return verb_run(machine, request, discard_body, ret, err);
}
