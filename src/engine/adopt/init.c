/* init: a system laid out by an installer is adopted; the original stays as generation 0. */
#include <string.h>
#include "adoption.h"
#include "answer.h"
#include "beside.h"
#include "carve.h"
#include "changes.h"
#include "earlier.h"
#include "firmware.h"
#include "furnish.h"
#include "installed.h"
#include "checks.h"
#include "finalize.h"
#include "journal.h"
#include "live.h"
#include "publish.h"
#include "recover.h"
#include "reserve_keep.h"
#include "restore.h"
#include "retire.h"
#include "undo.h"
#include "verb.h"
#include "verify.h"

static void adoption_done(struct adoption *adoption)
{
	generation_done(&adoption->first);
	kernel_done(&adoption->kernel);
	free(adoption->options);
	free(adoption->loader_conf);
	beside_done(&adoption->beside);
}

/* --- what is there ----------------------------------------------------------------------------- */

static bool find_original(struct machine *machine, char ret[GENERATION_PATH_MAX], struct err *err)
{
	const struct generation *zero = listing_find(&machine->listing, 0);
	auto_free char *found =
		zero && zero->original ? xstrdup(zero->original) : checks_find_root(machine);

	if (found) {
		snprintf(ret, GENERATION_PATH_MAX, "%s", found);
		return true;
	}
	err_set(err, ERR_REFUSED, 0,
		"no root file system that moult can adopt was found: it looks for the subvolume "
		"@rootfs of Debian's installer, or for the Btrfs default subvolume");
	return err_try(err, "sudo btrfs subvolume list /");
}

/* Generation 1 was offered, and nobody has taken the adoption back since. */
static bool is_complete(const struct machine *machine)
{
	const struct generation *first = listing_find(&machine->listing, 1);
	const struct menu_entry *truth = menu_truth(&machine->menu);

	if (listing_undone(&machine->listing) || !truth)
		return false;
	/* the original was given up: there is no way back, and nothing left to adopt */
	if (!listing_find(&machine->listing, 0))
		return truth->serial != 0;
	return truth->serial != 0 || (first && first->carve == CARVE_SHUTDOWN) ||
	       (first && first->publication_count > 0);
}

static bool refuse_complete(const struct machine *machine, struct err *err)
{
	if (!is_complete(machine))
		return true;
	err_set(err, ERR_REFUSED, 0, "this system is adopted already");
	return err_try(err, "moult status");
}

/* --- generation 1 ------------------------------------------------------------------------------ */

static bool work_carve(struct operation *operation, struct err *err)
{
	return carve_run(operation->machine, "@gens/.1.tmp", err);
}

static bool work_place(struct operation *operation, struct err *err)
{
	return carve_place(operation->machine->host, "@gens/1", err);
}

static const struct work works[] = {
	{"part data from the system", work_carve},
	{"adapt fstab and units", adoption_adapt},
	{"verify the copy", adoption_verify},
	{"record what is installed", adoption_record},
	{"move the data subvolumes into place", work_place},
	{NULL, NULL},
};

static void plan_first(struct machine *machine, const struct adoption *adoption, struct plan *plan)
{
	adoption_plan_copy(machine, adoption, plan);
	plan_work(plan, works[0].name, "@gens/.1.tmp/root")->why =
		"/var, /home, /root, /srv, /usr/local will not roll back";
	plan_work(plan, works[1].name, "@gens/.1.tmp/root");
	plan_work(plan, works[2].name, "@gens/.1.tmp/root");
	plan_work(plan, works[3].name, "@gens/.1.tmp/record");
}

/* The snapshot itself has moved it: it is the same from here on until somebody writes. */
static bool note_transid(struct machine *machine, struct adoption *adoption, struct err *err)
{
	auto_host_subvolume struct host_subvolume subvolume = {0};
	int r = machine->host->ops->subvolume(machine->host, adoption->original, &subvolume);

	if (r < 0)
		return err_set(err, ERR_SYSTEM, -r, "cannot look at the original, %s",
			       text_quote(adoption->original));
	adoption->original_transid = subvolume.transid;
	return true;
}

static bool make_first(struct operation *operation, struct adoption *adoption, struct err *err)
{
	struct machine *machine = operation->machine;
	int64_t now = machine->host->ops->clock(machine->host, HOST_CLOCK_REAL_SEC);
	auto_plan struct plan plan = {0}, listed = {0};

	adoption_begin_first(adoption, now);
	plan_first(machine, adoption, &plan);
	if (!operation_run(operation, &plan, err))
		return false;
	if (!note_transid(machine, adoption, err))
		return false;
	adoption_plan_zero(machine, adoption, now, &listed);
	plan_list(&listed, &adoption->first);
	plan_work(&listed, works[4].name, "@gens/1");
	return operation_run(operation, &listed, err) && machine_refresh(machine, err);
}

/* --- the loader -------------------------------------------------------------------------------- */

/* The original's entry is committed before loader.conf is ours: whatever follows, it boots. */
static bool publish_original(struct operation *operation, struct err *err)
{
	struct machine *machine = operation->machine;
	auto_plan struct plan plan = {0};

	if (!restore_original(operation, err) ||
	    !machine->loader->settle(&machine->menu, machine->loader->settings(), &plan, err))
		return false;
	return operation_run(operation, &plan, err) && machine_refresh(machine, err);
}

/*
 * The program first, then what starts it: whenever the firmware comes to it the original's entry is
 * there, and nothing else of ours that could be chosen.
 */
static bool place_loader(struct operation *operation, const struct adoption *adoption,
			 struct err *err)
{
	if (!beside_place(operation, &adoption->beside, err) || !furnish_boot(operation, err) ||
	    !beside_is_placed(operation, &adoption->beside, err))
		return false;
	return !adoption->beside.wanted || firmware_register(operation, err);
}

/* An adoption that came to nothing leaves the machine booting as it did. */
static void take_loader_back(struct operation *operation)
{
	struct err unused = {0};

	/* what was begun must be finished, also when it was an interrupt that ended the adoption */
	operation->committed = true;
	if (!firmware_give_back(operation, &unused))
		operation_note(operation, "%s", unused.text);
	operation->committed = false;
}

/* --- the verb ---------------------------------------------------------------------------------- */

/* What the owner wants is in the root that is adopted; what was typed is stronger. */
static bool read_wishes(struct machine *machine, const struct verb_request *request,
			const char *root, struct err *err)
{
	if (!machine_read_policy(machine, root, err))
		return false;
	if (!request->loader)
		return true;
	if (!policy_set_loader(&machine->policy, request->loader))
		return err_set(err, ERR_USAGE, 0, "there is no loader %s: %s",
			       text_quote(request->loader), "moult steers systemd-boot");
	return true;
}

static bool examine(struct machine *machine, const struct verb_request *request,
		    struct adoption *adoption, struct err *err)
{
	if (!find_original(machine, adoption->original, err) ||
	    !read_wishes(machine, request, adoption->original, err) ||
	    !preflight(machine, CHECK_INIT, adoption->original, err))
		return false;
	adoption->options = installed_options(machine, adoption->original);
	adoption->loader_conf = xstrdup_or_null(machine->menu.settings);
	return beside_examine(machine, adoption->original, &adoption->beside, err);
}

/* A first attempt that was cut left `@gens/1` complete: go on from there. */
static bool continue_adoption(struct operation *operation, struct adoption *adoption,
			      struct err *err)
{
	struct verify_request request = {.directory = "@gens/1", .parent_root = adoption->original};

	if (listing_adopting(&operation->machine->listing)) {
		operation->works = live_works;
		return live_continue(operation, adoption, err);
	}
	return carve_place(operation->machine->host, "@gens/1", err) &&
	       verify_generation(operation->machine, &request, &adoption->kernel, err);
}

/* After an --undo: the loader is to follow moult again. */
static bool clear_undone(struct operation *operation, struct err *err)
{
	struct machine *machine = operation->machine;
	auto_generation struct generation zero = {0};
	auto_plan struct plan plan = {0};

	if (!listing_undone(&machine->listing))
		return true;
	generation_copy(listing_find(&machine->listing, 0), &zero);
	zero.undone = false;
	plan_state(&plan, &zero);
	plan_at(&plan, STEP_SYNC, VOLUME_POOL, "");
	operation_note(operation, "generation 1 is the one that was made before the adoption was "
				  "undone");
	return operation_run(operation, &plan, err) && machine_refresh(machine, err);
}

/* Whether generation 1 of an earlier adoption is gone on with; if it is of no use, it is gone. */
static bool look_at_earlier(struct operation *operation, const struct verb_request *request,
			    bool *ret_go_on, struct err *err)
{
	enum earlier earlier;

	if (!earlier_judge(operation->machine, &earlier, err))
		return false;
	*ret_go_on = earlier == EARLIER_SAME || earlier == EARLIER_USED;
	if (earlier == EARLIER_UNUSED) {
		operation_note(operation,
			       "the original was changed since an adoption was begun: its "
			       "copy is made again");
		return earlier_discard(operation, err);
	}
	if (earlier != EARLIER_USED || verb_accepts(request, "OLD_COPY"))
		return true;
	err_set(err, ERR_NEEDS_ACK, 0,
		"the original was changed since generation 1 was made of it, and generation 1 does "
		"not have these changes [OLD_COPY]");
	return err_try(err, "sudo moult init --accept OLD_COPY");
}

static bool make(struct operation *operation, struct adoption *adoption, struct err *err)
{
	bool live = operation->machine->listing.running.live;

	operation->works = live ? live_works : works;
	return live ? live_make(operation, adoption, err) : make_first(operation, adoption, err);
}

/* By now it is known which of the two ways generation 1 came. */
static bool publish_first(struct operation *operation, struct adoption *adoption, struct err *err)
{
	auto_plan struct plan nothing = {0};

	return listing_adopting(&operation->machine->listing)
		       ? live_publish(operation, adoption, err)
		       : adoption_publish_first(operation, adoption, &nothing, err);
}

static bool adopt(struct operation *operation, const struct verb_request *request,
		  struct adoption *adoption, struct err *err)
{
	struct err unused = {0};
	bool go_on, done;

	if (!look_at_earlier(operation, request, &go_on, err))
		return false;
	done = (go_on ? continue_adoption(operation, adoption, err)
		      : make(operation, adoption, err)) &&
	       publish_original(operation, err) && place_loader(operation, adoption, err) &&
	       publish_first(operation, adoption, err) && clear_undone(operation, err);
	if (!done && adoption->beside.wanted && !operation->committed)
		take_loader_back(operation);
	/* what this run made and nobody has booted; an earlier one is not ours to throw away */
	if (!done && !go_on && !operation->committed)
		earlier_discard(operation, &unused);
	if (done)
		reserve_keep(operation);
	return done;
}

static const char *done_sentence(const struct adoption *adoption)
{
	if (adoption->first.carve == CARVE_SHUTDOWN)
		return "adopted: generation 1 is made of this system when it shuts down, and tried "
		       "at the next boot; reboot when it suits you";
	if (adoption->first.carve == CARVE_WANTED)
		return "adopted: this system is generation 1, which is tried at the next boot and "
		       "parts its data there; a copy of it stays as generation 0";
	return "adopted: generation 1 is tried at the next boot, and the original stays as "
	       "generation 0";
}

static bool init_run(struct machine *machine, const struct verb_request *request, json_t **ret,
		     struct err *err)
{
	__attribute__((cleanup(adoption_done))) struct adoption adoption = {0};
	struct operation operation = {0};
	bool done = operation_begin(&operation, machine, request->verb, err);

	operation.context = &adoption;
	done = done && refuse_complete(machine, err) && recover(&operation, err) &&
	       examine(machine, request, &adoption, err) &&
	       adopt(&operation, request, &adoption, err) &&
	       answer_done(&operation, done_sentence(&adoption), ret, err);
	operation_end(&operation, done ? NULL : err);
	return done;
}

static bool answer_adoption(struct machine *machine, const struct adoption *adoption,
			    const struct plan *plan, json_t **ret)
{
	*ret = answer_planned(machine, "init", plan);
	if (adoption->beside.wanted)
		json_object_set_new(*ret, "notes",
				    beside_tell(machine, adoption->original, &adoption->beside));
	return true;
}

static bool init_dry_run(struct machine *machine, const struct verb_request *request, json_t **ret,
			 struct err *err)
{
	__attribute__((cleanup(adoption_done))) struct adoption adoption = {0};
	auto_plan struct plan plan = {0};

	if (!refuse_complete(machine, err) || !examine(machine, request, &adoption, err))
		return false;
	if (machine->listing.running.live) {
		live_plan(machine, &adoption, &plan);
		return answer_adoption(machine, &adoption, &plan, ret);
	}
	plan_first(machine, &adoption, &plan);
	adoption_begin_first(&adoption, 0);
	adoption_plan_zero(machine, &adoption, 0, &plan);
	plan_list(&plan, &adoption.first);
	plan_work(&plan, works[4].name, "@gens/1");
	plan_work(&plan, "put kernel and initrd on the boot volume", "moult/");
	plan_work(&plan, "offer the original as an uncounted entry", "loader/entries/");
	plan_work(&plan, "let the loader prefer moult's entries", "loader/loader.conf");
	beside_foretell(&adoption.beside, &plan);
	plan_work(&plan, "offer generation 1 on trial", "loader/entries/")->commit = true;
	return answer_adoption(machine, &adoption, &plan, ret);
}

bool verb_init(struct machine *machine, const struct verb_request *request, json_t **ret,
	       struct err *err)
{
	ERR_CONTEXT(err, request->finalize ? "cannot give up the original"
			 : request->undo   ? "cannot undo the adoption"
					   : "cannot adopt");

	*ret = NULL;
	if (request->finalize)
		return finalize_adoption(machine, request, ret, err);
	if (request->undo)
		return undo_adoption(machine, request, ret, err);
	if (request->dry_run)
		return init_dry_run(machine, request, ret, err);
	return init_run(machine, request, ret, err);
}
