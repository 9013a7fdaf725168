/* upgrade, run, shell; and plan, which asks the same questions and changes nothing. */
#include <string.h>
#include "answer.h"
#include "checks.h"
#include "rollback_plan.h"
#include "carry.h"
#include "making.h"
#include "proposal.h"
#include "report.h"
#include "verb.h"
#include "withdraw.h"

static bool is_command(const struct verb_request *request)
{
	return request->command || request->terminal;
}

static bool check_base(struct machine *machine, const struct generation *base, struct err *err)
{
	char root[GENERATION_PATH_MAX];

	return preflight(machine, CHECK_UPGRADE, generation_root(base, root), err);
}

/* --- what is pending already -------------------------------------------------------------------- */

static bool refuse_pending(const struct generation *pending, const struct verb_request *request,
			   struct err *err)
{
	err_set(err, ERR_REFUSED, 0, "generation %u (%s) is pending and would be lost", pending->id,
		pending->what ? pending->what : pending->source);
	return err_try(err, "sudo moult %s --continue%s (on top of it), or --replace",
		       request->verb, is_command(request) ? " -- ..." : "");
}

/* It would lack what it lacks now. */
static const struct generation *refuse_continuing(const struct generation *pending,
						  const struct verb_request *request,
						  struct err *err)
{
	err_set(err, ERR_REFUSED, 0, "generation %u is stale, so nothing can be stacked on it: %s",
		pending->id, pending->stale_why ? pending->stale_why : "");
	err_try(err, "sudo moult %s --replace%s", request->verb,
		is_command(request) ? " -- ..." : "");
	return NULL;
}

/* The original is no generation to build from: its data has not been parted from it. */
static const struct generation *find_settled(const struct listing *listing)
{
	const struct generation *current = listing_current(listing);
	const struct generation *first = listing_find(listing, 1);

	return current && current->id == 0 && first && !first->damage ? first : current;
}

/*
 * Which generation the new one is built from: current, or the pending one. What `init` made is
 * always stacked on: it is not a change one could lose, but where everything after it begins.
 */
static const struct generation *find_base(struct machine *machine,
					  const struct verb_request *request, struct err *err)
{
	const struct generation *pending = listing_pending(&machine->listing);
	const struct generation *base = find_settled(&machine->listing);
	bool from_init = pending && text_equal(pending->source, "init");

	if (!base && !pending) {
		err_set(err, ERR_CORRUPT, 0, "no generation is current");
		err_try(err, "sudo moult repair");
		return NULL;
	}
	if (!pending || (request->replace && !from_init))
		return base;
	if (pending->stale && request->continue_pending)
		return refuse_continuing(pending, request, err);
	if (from_init || request->continue_pending)
		return pending;
	if (text_equal(pending->source, "packages") && !is_command(request))
		return base;
	refuse_pending(pending, request, err);
	return NULL;
}

/* Whether the source has something that the pending generation lacks. */
static bool is_newer(struct operation *operation, const struct verb_request *request,
		     const struct generation *pending, bool *ret_newer, struct err *err)
{
	struct making making;
	bool asked;

	making_begin(&making, operation->machine, request, pending);
	asked = making_run(operation, &making, true, err);
	*ret_newer = asked && making.fill.changes.count > 0;
	making_discard(operation, &making);
	making_done(&making);
	operation->committed = false;
	return asked && machine_refresh(operation->machine, err);
}

/* --- the verb ----------------------------------------------------------------------------------- */

/* The listing is read again: what current tries comes before it. */
static char *done_sentence(const struct machine *machine, const struct making *making)
{
	size_t changes = making->fill.changes.count;
	unsigned id = making->generation.id;
	auto_free char *when =
		generation_when(&machine->listing, listing_find(&machine->listing, id));

	if (is_command(making->request))
		return xasprintf("generation %u is built; %s", id, when);
	return xasprintf("generation %u is built with %zu package%s changed; %s", id, changes,
			 changes == 1 ? "" : "s", when);
}

static void add_results(const struct making *making, json_t *answer)
{
	json_object_set_new(answer, "generation", json_integer(making->generation.id));
	json_object_set_new(answer, "packages", package_changes_json(&making->fill.changes));
}

static bool make(struct operation *operation, const struct verb_request *request,
		 const struct generation *base, json_t **ret, struct err *err)
{
	auto_free char *sentence = NULL;
	struct making making;
	bool done;

	making_begin(&making, operation->machine, request, base);
	operation->generation = (int)making.generation.id;
	done = making_run(operation, &making, false, err) && making_finish(operation, &making, err);
	if (!done)
		making_discard(operation, &making);
	done = done && machine_refresh(operation->machine, err);
	if (done) {
		sentence = done_sentence(operation->machine, &making);
		done = answer_done(operation, sentence, ret, err);
	}
	if (done)
		add_results(&making, *ret);
	making_done(&making);
	return done;
}

static bool nothing(struct operation *operation, const char *sentence, json_t **ret,
		    struct err *err)
{
	*err = (struct err){0};
	*ret = answer_nothing(operation->machine, operation->verb, sentence);
	return true;
}

/*
 * What was found bad is not made again by itself until the source has something newer. Sets *ret and
 * is true where that is so now.
 */
static bool is_given_up(struct operation *operation, const struct verb_request *request,
			json_t **ret, struct err *err)
{
	const struct listing *listing = &operation->machine->listing;
	const struct generation *given_up = listing_given_up(listing);
	const struct generation *pending = listing_pending(listing);
	auto_free char *sentence = NULL;
	bool newer;

	/* what is pending was made of something newer already */
	if (!request->may_go_on || !given_up || (pending && pending->id > given_up->id))
		return false;
	sentence =
		xasprintf("the source has nothing newer than generation %u, which %s", given_up->id,
			  given_up->state == GEN_BAD	? "was found bad"
			  : given_up->state == GEN_GOOD ? "was left by a rollback"
							: "never came up");
	if (!is_newer(operation, request, given_up, &newer, err) || newer)
		return false;
	return nothing(operation, sentence, ret, err);
}

/* What is pending came from the source, and can be asked whether there is something newer. */
static bool is_coming(const struct verb_request *request, const struct generation *pending,
		      const struct generation *base)
{
	return pending && pending != base && !request->replace && !request->release &&
	       generation_comes(pending);
}

static bool build(struct operation *operation, const struct verb_request *request, json_t **ret,
		  struct err *err)
{
	struct machine *machine = operation->machine;
	const struct generation *current = listing_current(&machine->listing);
	const struct generation *pending = listing_pending(&machine->listing);
	const struct generation *base = find_base(machine, request, err);

	if (!base || (base != current && !check_base(machine, base, err)))
		return false;
	if (is_coming(request, pending, base)) {
		auto_free char *sentence = xasprintf(
			"generation %u is pending already, and the source has nothing newer",
			pending->id);
		unsigned base_id = base->id;
		bool newer;

		if (!is_newer(operation, request, pending, &newer, err))
			return false;
		if (!newer)
			return nothing(operation, sentence, ret, err);
		base = listing_find(&machine->listing, base_id);
	}
	return make(operation, request, base, ret, err);
}

/* An upgrade that a timer must not make is none; else it is built. */
static bool build_wanted(struct operation *operation, const struct verb_request *request,
			 json_t **ret, struct err *err)
{
	struct machine *machine = operation->machine;
	const struct generation *current;

	/* what became stale unnoticed is found now, and then built again */
	if (!late_check(operation, err))
		return false;
	current = listing_current(&machine->listing);
	if (current && !check_base(machine, current, err))
		return false;
	if (is_given_up(operation, request, ret, err))
		return true;
	return err->kind == ERR_NONE && build(operation, request, ret, err);
}

/* Before the reboot that was asked for, so that what is wrong is said to whoever asked. */
static bool upgrade_body(struct operation *operation, const struct verb_request *request,
			 json_t **ret, struct err *err)
{
	auto_free char *sentence = NULL;

	if (build_wanted(operation, request, ret, err))
		return carry_for_reboot(operation, request, err);
	if (err->kind != ERR_NOTHING)
		return false;
	sentence = xstrdup(err->text);
	return nothing(operation, sentence, ret, err) && carry_for_reboot(operation, request, err);
}

static bool dry_run(struct machine *machine, const struct verb_request *request, json_t **ret,
		    struct err *err)
{
	const struct generation *base;
	auto_plan struct plan plan = {0};
	struct making making;

	if (!verb_require_adopted(machine, err) || !(base = find_base(machine, request, err)) ||
	    !check_base(machine, base, err))
		return false;
	making_begin(&making, machine, request, base);
	making_plan(machine, &making, false, &plan);
	plan_work(&plan, "list the generation", making.directory);
	plan_work(&plan, "put kernel and initrd on the boot volume", "moult/");
	plan_work(&plan, "offer it on trial", "loader/entries/")->commit = true;
	making_done(&making);
	*ret = answer_planned(machine, request->verb, &plan);
	return true;
}

bool verb_upgrade(struct machine *machine, const struct verb_request *request, json_t **ret,
		  struct err *err)
{
	ERR_CONTEXT(err, "cannot %s", request->verb);

	*ret = NULL;
	if (request->source && !source_find(request->source)) {
		err_set(err, ERR_USAGE, 0, "there is no source %s", text_quote(request->source));
		return err_try(err, "sudo moult upgrade --source packages");
	}
	if (request->dry_run)
		return dry_run(machine, request, ret, err);
	return verb_run(machine, request, upgrade_body, ret, err);
}

/* --- plan --------------------------------------------------------------------------------------- */

static json_t *plan_space(struct machine *machine, const struct making *making)
{
	json_t *space = report_space(machine);

	json_object_set_new(space, "download",
			    json_integer((json_int_t)making->fill.download_bytes));
	return space;
}

static bool plan_body(struct operation *operation, const struct verb_request *request, json_t **ret,
		      struct err *err)
{
	struct machine *machine = operation->machine;
	const struct generation *base = find_base(machine, request, err);
	struct making making;
	bool asked;

	if (!base || !check_base(machine, base, err))
		return false;
	making_begin(&making, machine, request, base);
	asked = making_run(operation, &making, true, err);
	if (asked) {
		auto_plan struct plan plan = {0};

		making_plan(machine, &making, false, &plan);
		*ret = json_object();
		json_object_set_new(*ret, "format_version", json_integer(1));
		json_put_string(*ret, "verb", "upgrade");
		json_object_set_new(*ret, "from", json_integer(base->id));
		json_object_set_new(*ret, "to", json_integer(making.generation.id));
		json_object_set_new(*ret, "steps", plan_json(&plan));
		json_object_set_new(*ret, "packages", package_changes_json(&making.fill.changes));
		json_object_set_new(*ret, "config", json_array());
		json_object_set_new(*ret, "not_rolled_back", plan_data_names());
		json_object_set_new(*ret, "space", plan_space(machine, &making));
	}
	making_discard(operation, &making);
	making_done(&making);
	return asked;
}

bool verb_plan(struct machine *machine, const struct verb_request *request, json_t **ret,
	       struct err *err)
{
	ERR_CONTEXT(err, "cannot plan");

	*ret = NULL;
	if (text_equal(request->which, "rollback"))
		return plan_rollback(machine, request, ret, err);
	if (request->data) {
		err_set(err, ERR_USAGE, 0, "an upgrade puts no data back");
		return err_try(err, "moult plan rollback --data var");
	}
	if (request->which && !text_equal(request->which, "upgrade")) {
		err_set(err, ERR_USAGE, 0, "there is no plan for %s", text_quote(request->which));
		return err_try(err, "moult plan upgrade");
	}
	return verb_run(machine, request, plan_body, ret, err);
}
