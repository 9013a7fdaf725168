#include <string.h>
#include "changes.h"
#include "health.h"
#include "hooks.h"
#include "report.h"
#include "late.h"
#include "package_hold.h"
#include "publish.h"
#include "record.h"
#include "retire.h"
#include "making.h"

/* The same request, for the sentence that says what to add to it. Caller frees. */
static char *words_again(const struct verb_request *request)
{
	struct text text = {0};

	text_add(&text, request->verb);
	if (request->release)
		text_addf(&text, " --release %s", request->release);
	if (request->source)
		text_addf(&text, " --source %s", request->source);
	text_add(&text, request->continue_pending ? " --continue" : "");
	text_add(&text, request->replace ? " --replace" : "");
	return text_take(&text);
}

/*
 * Late edits are those of the root that runs. What is stacked on a pending generation misses the ones
 * that were made since that one was staged, too.
 */
static void find_ancestor(struct making *making, const struct machine *machine,
			  const struct generation *base)
{
	const struct running *running = &machine->listing.running;
	struct late_watch watch;

	memcpy(making->ancestor, making->base_root, sizeof(making->ancestor));
	making->generation.late_origin = base->id;
	if ((running->live && running->booted == (int)base->id) ||
	    !late_watch_of(machine, base, &watch))
		return;
	memcpy(making->ancestor, watch.ancestor, sizeof(making->ancestor));
	making->generation.late_origin = base->late_origin;
	making->generation.late_transid = base->late_transid;
}

void making_begin(struct making *making, struct machine *machine,
		  const struct verb_request *request, const struct generation *base)
{
	const struct publication *pub = generation_last_publication(base);
	unsigned id = (unsigned)listing_highest_id(&machine->listing) + 1;

	*making = (struct making){.request = request, .base_id = base->id};
	making->source = source_find(request->command || request->terminal ? "command"
				     : request->source			   ? request->source
									   : "packages");
	making->options = xstrdup(pub && pub->options ? pub->options : "");
	making->generation =
		(struct generation){.id = id, .parent = (int)base->id, .state = GEN_BUILT};
	making->generation.source = xstrdup(making->source ? making->source->name : "");
	generation_making(id, making->directory);
	generation_root(base, making->base_root);
	generation_directory(base->id, making->base_directory);
	find_ancestor(making, machine, base);
	making->again = words_again(request);
	making->fill = (struct fill){
		.machine = machine,
		.source = making->source,
		.verb = making->again,
		.making = making->directory,
		.base = making->base_directory,
		.generation = id,
		.release = request->release,
		.command = request->command,
		.terminal = request->terminal,
		.accept_data_change = verb_accepts(request, "DATA_CHANGE"),
	};
}

void making_done(struct making *making)
{
	fill_done(&making->fill);
	kernel_done(&making->kernel);
	generation_done(&making->generation);
	free(making->options);
	free(making->again);
}

/* --- works ------------------------------------------------------------------------------------- */

static void phase(struct operation *operation, const char *name, const char *sentence)
{
	operation->machine->progress->phase(operation->machine->progress, name, sentence);
}

static bool work_hold(struct operation *operation, struct err *err)
{
	struct making *making = operation->context;
	struct machine *machine = operation->machine;

	return machine->listing.running.booted != (int)making->base_id ||
	       package_hold(machine, making->base_root, err);
}

static bool work_release(struct operation *operation, struct err *err)
{
	(void)err;
	operation->machine->host->ops->package_unlock(operation->machine->host);
	return true;
}

/* All that is written there from now on is later than this transaction. */
static bool work_note(struct operation *operation, struct err *err)
{
	struct making *making = operation->context;
	struct machine *machine = operation->machine;
	auto_host_subvolume struct host_subvolume ancestor = {0};
	auto_free char *path = xasprintf("%s/ancestor", making->directory);
	int r;

	if (making->generation.late_transid > 0)
		return true;
	r = machine->host->ops->subvolume(machine->host, path, &ancestor);
	if (r < 0)
		return err_set(err, ERR_SYSTEM, -r, "cannot look at %s", path);
	making->generation.late_transid = ancestor.made_transid;
	return true;
}

static bool work_open(struct operation *operation, struct err *err)
{
	struct making *making = operation->context;

	phase(operation, "stage", "preparing the stage");
	return fill_open(&making->fill, err);
}

/* What held a timer back may have come since it looked. */
static bool may_go_on(struct operation *operation, struct err *err)
{
	const struct making *making = operation->context;

	return !making->request->may_go_on || making->request->may_go_on(operation->machine, err);
}

static bool work_refresh(struct operation *operation, struct err *err)
{
	struct making *making = operation->context;

	if (!may_go_on(operation, err))
		return false;
	phase(operation, "refresh", "asking the source what there is");
	return fill_refresh(&making->fill, err);
}

static bool work_preview(struct operation *operation, struct err *err)
{
	struct making *making = operation->context;

	return fill_preview(&making->fill, err);
}

static bool work_fill(struct operation *operation, struct err *err)
{
	struct making *making = operation->context;

	if (!may_go_on(operation, err))
		return false;
	phase(operation, "fill", "changing the copy");
	if (!fill_apply(&making->fill, err))
		return false;
	/* a command may be run for what is no package */
	if (making->source->refresh && making->fill.changes.count == 0)
		return err_set(err, ERR_NOTHING, 0, "there is nothing to upgrade");
	return true;
}

static bool work_hooks(struct operation *operation, struct err *err)
{
	struct making *making = operation->context;
	struct hooks_copy copy = {.making = making->directory,
				  .from = (int)making->base_id,
				  .to = making->generation.id};
	auto_free struct stage_mount *data = fill_data_mounts(&making->fill, &copy.data_count);

	copy.data = data;
	return hooks_staged(operation->machine, &copy, err);
}

static bool work_close(struct operation *operation, struct err *err)
{
	struct making *making = operation->context;

	return fill_finish(&making->fill, err);
}

static bool work_verify(struct operation *operation, struct err *err)
{
	struct making *making = operation->context;
	struct verify_request request = {
		.directory = making->directory,
		.parent_root = making->base_root,
		.changes = &making->fill.changes,
	};

	phase(operation, "verify", "verifying the copy");
	return verify_generation(operation->machine, &request, &making->kernel, err);
}

static bool work_record(struct operation *operation, struct err *err)
{
	struct making *making = operation->context;
	char parent[GENERATION_PATH_MAX];
	auto_free char *parent_record =
		xasprintf("%s/record", generation_directory(making->base_id, parent));
	struct host_stat stat;
	struct record_request request = {.directory = making->directory};
	const struct host_ops *ops = operation->machine->host->ops;

	if (ops->stat(operation->machine->host, VOLUME_POOL, parent_record, &stat) == 0)
		request.parent_record = parent_record;

	return record_write(operation->machine, &request, &making->generation.package_digest, err);
}

const struct work making_works[] = {
	{"hold the package manager", work_hold},
	{"release the package manager", work_release},
	{"note when it was copied", work_note},
	{"prepare the stage", work_open},
	{"ask the source", work_refresh},
	{"see what would change", work_preview},
	{"change the copy", work_fill},
	{"run staged hooks", work_hooks},
	{"close the stage", work_close},
	{"verify the copy", work_verify},
	{"record what is installed", work_record},
	{NULL, NULL},
};

enum making_work {
	HOLD,
	RELEASE,
	NOTE,
	OPEN,
	REFRESH,
	PREVIEW,
	FILL,
	HOOKS,
	CLOSE,
	VERIFY,
	RECORD
};

void making_plan(const struct machine *machine, const struct making *making, bool only_preview,
		 struct plan *plan)
{
	plan_reserve(plan, &machine->listing.layout, making->generation.id, 0);
	plan_work(plan, making_works[HOLD].name, making->base_root);
	plan_begin(plan, making->generation.id, making->base_root, making->ancestor);
	/* the source works it out once: to show it, or to do it */
	for (int i = RELEASE; i <= (only_preview ? PREVIEW : RECORD); i++)
		if (i != PREVIEW || only_preview)
			plan_work(plan, making_works[i].name, making->directory);
}

bool making_run(struct operation *operation, struct making *making, bool only_preview,
		struct err *err)
{
	auto_plan struct plan plan = {0};

	operation->works = making_works;
	operation->context = making;
	making_plan(operation->machine, making, only_preview, &plan);
	return operation_run(operation, &plan, err);
}

/* --- from complete to offered --------------------------------------------------------------------- */

static void plan_log(struct operation *operation, const char *directory, struct plan *plan)
{
	auto_free char *log = xasprintf("%s/log", directory);
	auto_free char *path = xasprintf("%s/moult.log", log);
	const struct text *text = &operation->machine->log;

	plan_at(plan, STEP_MAKE_DIRECTORY, VOLUME_POOL, log);
	plan_write(plan, VOLUME_POOL, path, text->bytes ? text->bytes : "");
}

static bool list_made(struct operation *operation, struct making *making, struct err *err)
{
	struct machine *machine = operation->machine;
	struct generation *gen = &making->generation;
	auto_plan struct plan plan = {0};

	gen->created = machine->host->ops->clock(machine->host, HOST_CLOCK_REAL_SEC);
	gen->what = xstrdup_or_null(making->fill.what);
	plan_log(operation, making->directory, &plan);
	plan_list(&plan, gen);
	return operation_run(operation, &plan, err) && machine_refresh(machine, err);
}

/* Making it took a while, in which somebody may have used the package manager on what runs. */
static bool refuse_stale(struct operation *operation, unsigned id, struct err *err)
{
	struct machine *machine = operation->machine;
	auto_free char *why = NULL;
	struct late_watch watch;

	if (!late_watch_of(machine, listing_find(&machine->listing, id), &watch))
		return true;
	if (!late_packages(machine, &watch, &why, err))
		return false;
	if (!why)
		return true;
	err_set(err, ERR_REFUSED, 0, "generation %u was not finished: %s", id, why);
	return err_try(err, "sudo moult upgrade");
}

/*
 * What its trial will be compared with: how the system is before the change. Since its boot somebody
 * may have stopped a service for good. Without it that boot is what counts.
 */
static void remember_health(struct operation *operation)
{
	struct err err = {0};

	if (text_equal(report_session(operation->machine), "normal") &&
	    !health_remember(operation->machine, &err))
		operation_note(operation, "the trial will be compared with an older boot: %s",
			       err.text);
}

bool making_finish(struct operation *operation, struct making *making, struct err *err)
{
	unsigned id = making->generation.id;
	auto_free char *linux_path = generation_listed_path(id, making->kernel.linux_path);
	auto_free char *initrd_path = generation_listed_path(id, making->kernel.initrd_path);
	struct boot_files files = {
		.release = making->kernel.release,
		.linux_path = linux_path,
		.initrd_path = initrd_path,
		.options = making->options,
	};

	if (!list_made(operation, making, err) || !refuse_stale(operation, id, err))
		return false;
	remember_health(operation);
	phase(operation, "publish", "offering it to the boot loader");
	if (!publish_trial(operation, id, &files, err))
		return false;
	return !operation->machine->listing.running.live ||
	       hooks_live(operation->machine, HOOK_PUBLISHED, err);
}

void making_discard(struct operation *operation, struct making *making)
{
	struct machine *machine = operation->machine;
	auto_plan struct plan plan = {0};
	auto_free char *path = xasprintf("@moult/log/%u.log", making->generation.id);
	struct err unused = {0};

	machine->host->ops->package_unlock(machine->host);
	fill_done(&making->fill);
	if (operation->committed)
		return;
	operation->committed = true;
	if (machine->log.length > 0) {
		plan_at(&plan, STEP_MAKE_DIRECTORY, VOLUME_POOL, "@moult/log");
		plan_write(&plan, VOLUME_POOL, path, machine->log.bytes);
		operation_run(operation, &plan, &unused);
	}
	retire_unfinished(operation, making->generation.id, &unused);
}
