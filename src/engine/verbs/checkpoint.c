/*
 * checkpoint: the running system as it is becomes a generation that one can return to.
 *
 * The snapshot comes first, before recovery and before all is read again under the lock: whoever
 * asks for a checkpoint is about to change something. If another operation ended just before, it
 * may be one of what is current no more, or have a number that is taken: then it is taken again.
 * Its number is not used before it is listed: a directory .N.tmp that a power cut leaves
 * is counted by whoever gives out the next, and deleted. All the rest may take its time, and takes
 * the snapshot away again where the copy turns out not to be fit.
 */
#include <string.h>
#include "answer.h"
#include "changes.h"
#include "checks.h"
#include "package_hold.h"
#include "publish.h"
#include "record.h"
#include "recover.h"
#include "report.h"
#include "retire.h"
#include "verb.h"
#include "verify.h"

struct checkpoint {
	struct generation from; /* a copy: the listing is read again meanwhile */
	struct publication *runs; /* of `from`: what the running system was booted with */
	struct generation generation; /* the new one */
	char directory[GENERATION_PATH_MAX]; /* @gens/.8.tmp */
	char root[GENERATION_PATH_MAX]; /* of `from` */
	bool automatic; /* before the package manager, which holds its own lock */
	bool sure; /* what it was made from was read under the lock: its number is its own */
	int64_t began_usec, last_usec;
	json_t *timings;
};

static void checkpoint_done(struct checkpoint *checkpoint)
{
	generation_done(&checkpoint->from);
	generation_done(&checkpoint->generation);
	json_decref(checkpoint->timings);
}
DEFINE_AUTO_STRUCT(checkpoint, struct checkpoint, checkpoint_done)
#define auto_checkpoint __attribute__((cleanup(auto_checkpoint_)))

/* --- what there is to copy ----------------------------------------------------------------------- */

static struct publication *running_publication(const struct machine *machine,
					       const struct generation *gen)
{
	struct publication *pub = generation_find_publication(gen, machine->listing.running.serial);

	return pub && !pub->failed ? pub : generation_last_publication(gen);
}

static bool require_parted(const struct generation *from, struct err *err)
{
	if (!from) {
		err_set(err, ERR_CORRUPT, 0, "no generation is current");
		return err_try(err, "sudo moult repair");
	}
	if (from->damage) {
		err_set(err, ERR_CORRUPT, 0, "generation %u is damaged: %s", from->id,
			from->damage);
		return err_try(err, "sudo moult check");
	}
	if (from->id > 0 && from->state == GEN_GOOD)
		return true;
	err_set(err, ERR_REFUSED, 0,
		from->id == 0 ? "the original runs: its data has not been parted from it yet"
			      : "generation %u is %s, and what is copied from it would be, too",
		from->id, gen_state_name(from->state));
	return err_try(err, "moult status");
}

static bool find(struct machine *machine, const struct verb_request *request,
		 struct checkpoint *ret, struct err *err)
{
	const struct generation *from = listing_current(&machine->listing);
	unsigned id = (unsigned)listing_highest_id(&machine->listing) + 1;

	if (!checks_require_session(machine, err) || !require_parted(from, err) ||
	    (request->name && !listing_check_name(&machine->listing, NULL, request->name, err)))
		return false;
	generation_copy(from, &ret->from);
	ret->runs = running_publication(machine, &ret->from);
	if (!ret->runs || !ret->runs->kernel) {
		err_set(err, ERR_CORRUPT, 0, "generation %u does not say which kernel it boots",
			from->id);
		return err_try(err, "sudo moult repair");
	}
	generation_root(from, ret->root);
	generation_making(id, ret->directory);
	ret->generation = (struct generation){
		.id = id,
		.parent = (int)from->id,
		.source = xstrdup("checkpoint"),
		.what = xasprintf(ret->automatic ? "generation %u before the package manager"
						 : "generation %u as it was",
				  from->id),
		.automatic = ret->automatic,
		.state = GEN_GOOD,
		.name = xstrdup_or_null(request->name),
		/* whoever gives it a name wants to find it again */
		.pinned = request->name != NULL,
	};
	return true;
}

/* --- the snapshot -------------------------------------------------------------------------------- */

static void note_time(struct operation *operation, struct checkpoint *checkpoint, const char *phase)
{
	struct host *host = operation->machine->host;
	int64_t now = host->ops->clock(host, HOST_CLOCK_MONOTONIC_USEC);

	json_object_set_new(checkpoint->timings, phase, json_integer(now - checkpoint->last_usec));
	checkpoint->last_usec = now;
}

static bool take_snapshot(struct operation *operation, struct checkpoint *checkpoint,
			  struct err *err)
{
	struct machine *machine = operation->machine;
	auto_plan struct plan plan = {0};
	bool done;

	operation->making = operation->generation = (int)checkpoint->generation.id;
	/* the hook's own package manager waits for us with its lock in its hands */
	if (!checkpoint->automatic && !package_hold(machine, checkpoint->root, err))
		return false;
	checkpoint->generation.created =
		machine->host->ops->clock(machine->host, HOST_CLOCK_REAL_SEC);
	plan_begin(&plan, checkpoint->generation.id, checkpoint->root, NULL);
	done = operation_run(operation, &plan, err);
	if (!checkpoint->automatic)
		package_release(machine);
	note_time(operation, checkpoint, "snapshot_usec");
	return done;
}

/* --- everything else ----------------------------------------------------------------------------- */

/* What boots is what runs now, whatever became of /boot since: it came up, and its blobs are kept. */
static bool work_kernel(struct operation *operation, struct err *err)
{
	struct checkpoint *checkpoint = operation->context;
	const struct publication *runs = checkpoint->runs;
	const char *const files[][2] = {{"vmlinuz", runs->linux_sha256},
					{"initrd.img", runs->initrd_sha256}};
	struct host *host = operation->machine->host;

	for (size_t i = 0; i < COUNT(files); i++) {
		auto_free char *path = xasprintf("%s/root/boot/%s-%s", checkpoint->directory,
						 files[i][0], runs->kernel);
		struct digest digest;
		int r;

		if (*files[i][1] == '\0')
			continue;
		r = host->ops->digest(host, VOLUME_POOL, path, DIGEST_SHA256, &digest);
		if (r == -ENOENT || r == -ENOTDIR) {
			err_set(err, ERR_REFUSED, 0,
				"/boot/%s-%s, with which this system was booted, is gone",
				files[i][0], runs->kernel);
			return err_try(err, "sudo reboot");
		}
		if (r < 0)
			return err_set(err, ERR_SYSTEM, -r, "cannot read /boot/%s-%s", files[i][0],
				       runs->kernel);
		if (strcmp(digest.hex, files[i][1]) != 0)
			operation_note(operation,
				       "/boot/%s-%s was made again since this system was booted: "
				       "the checkpoint boots with the one that runs",
				       files[i][0], runs->kernel);
	}
	return true;
}

/* What its owner did to it is judged against what was delivered, as far as it differs. */
static bool work_verify(struct operation *operation, struct err *err)
{
	struct checkpoint *checkpoint = operation->context;
	char from[GENERATION_PATH_MAX];
	auto_free char *base =
		xasprintf("%s/base", generation_directory(checkpoint->from.id, from));
	auto_kernel struct kernel kernel = {0};
	struct host *host = operation->machine->host;
	struct host_stat stat;
	struct verify_request request = {
		.directory = checkpoint->directory,
		.parent_root = host->ops->stat(host, VOLUME_POOL, base, &stat) == 0
				       ? base
				       : checkpoint->root,
		.release = checkpoint->runs->kernel,
	};
	bool done = work_kernel(operation, err) &&
		    verify_generation(operation->machine, &request, &kernel, err);

	note_time(operation, checkpoint, "verify_usec");
	return done;
}

static bool work_record(struct operation *operation, struct err *err)
{
	struct checkpoint *checkpoint = operation->context;
	char from[GENERATION_PATH_MAX];
	auto_free char *record =
		xasprintf("%s/record", generation_directory(checkpoint->from.id, from));
	struct host *host = operation->machine->host;
	struct record_request request = {.directory = checkpoint->directory};
	struct host_stat stat;
	bool done;

	if (host->ops->stat(host, VOLUME_POOL, record, &stat) == 0)
		request.parent_record = record;
	done = record_write(operation->machine, &request, &checkpoint->generation.package_digest,
			    err);
	note_time(operation, checkpoint, "record_usec");
	return done;
}

static const struct work works[] = {
	{"verify the copy", work_verify},
	{"record what is installed", work_record},
	{NULL, NULL},
};

static void plan_rest(const struct machine *machine, struct checkpoint *checkpoint,
		      struct plan *plan)
{
	struct generation *gen = &checkpoint->generation;
	struct publication *pub = generation_publish(gen, publish_next_serial(machine), PUB_OLD);

	pub->kernel = xstrdup(checkpoint->runs->kernel);
	pub->options = xstrdup_or_null(checkpoint->runs->options);
	memcpy(pub->linux_sha256, checkpoint->runs->linux_sha256, sizeof(pub->linux_sha256));
	memcpy(pub->initrd_sha256, checkpoint->runs->initrd_sha256, sizeof(pub->initrd_sha256));
	plan_reserve(plan, &machine->listing.layout, gen->id, pub->serial);
	for (const struct work *work = works; work->name; work++)
		plan_work(plan, work->name, checkpoint->directory);
}

/* The facts are known once the works are done. */
static bool list_made(struct operation *operation, struct checkpoint *checkpoint, struct err *err)
{
	auto_plan struct plan plan = {0};
	bool done;

	plan_list(&plan, &checkpoint->generation);
	done = operation_run(operation, &plan, err) && machine_refresh(operation->machine, err);
	note_time(operation, checkpoint, "commit_usec");
	return done;
}

/* It is there, and good: without an entry it is gone back to by the command. */
static bool add_entry(struct operation *operation, struct checkpoint *checkpoint, struct err *err)
{
	static const char what[] = "the checkpoint is made, but not in the boot menu yet";
	bool done = true;

	if (!operation->machine->has_boot)
		operation_note(operation, "%s: no EFI system partition was found", what);
	else
		done = publish_old(operation, checkpoint->generation.id, err) ||
		       operation_forgive(operation, what, err);
	note_time(operation, checkpoint, "entry_usec");
	return done;
}

static bool complete(struct operation *operation, struct checkpoint *checkpoint, struct err *err)
{
	auto_plan struct plan plan = {0};

	if (!recover(operation, err))
		return false;
	note_time(operation, checkpoint, "recovery_usec");
	operation->works = works;
	operation->context = checkpoint;
	plan_rest(operation->machine, checkpoint, &plan);
	if (!operation_run(operation, &plan, err) || !list_made(operation, checkpoint, err))
		return false;
	/* listed, it is a whole generation: what is left is for recovery, too */
	operation->committed = true;
	return add_entry(operation, checkpoint, err);
}

static bool answer(struct operation *operation, struct checkpoint *checkpoint, json_t **ret,
		   struct err *err)
{
	const struct generation *gen = &checkpoint->generation;
	auto_free char *sentence = xasprintf("generation %u is generation %u as it is now%s",
					     gen->id, checkpoint->from.id,
					     gen->name ? ", and is kept until 'moult unpin'" : "");

	if (!answer_done(operation, sentence, ret, err))
		return false;
	json_object_set_new(*ret, "generation", json_integer(gen->id));
	json_object_set(*ret, "timings", checkpoint->timings);
	return true;
}

/* --- the verbs ----------------------------------------------------------------------------------- */

static void begin(struct checkpoint *checkpoint, struct machine *machine, bool automatic)
{
	struct host *host = machine->host;

	checkpoint->automatic = automatic;
	checkpoint->began_usec = host->ops->clock(host, HOST_CLOCK_MONOTONIC_USEC);
	checkpoint->last_usec = checkpoint->began_usec;
	checkpoint->timings = json_object();
	json_object_set_new(checkpoint->timings, "began_monotonic_usec",
			    json_integer(checkpoint->began_usec));
}

static bool copy(struct operation *operation, const struct verb_request *request,
		 struct checkpoint *checkpoint, struct err *err)
{
	generation_done(&checkpoint->from);
	generation_done(&checkpoint->generation);
	return find(operation->machine, request, checkpoint, err) &&
	       take_snapshot(operation, checkpoint, err);
}

static bool was_right(const struct operation *operation, const struct verb_request *request,
		      const struct checkpoint *checkpoint, bool *ret, struct err *err)
{
	auto_checkpoint struct checkpoint now = {.automatic = checkpoint->automatic};
	struct machine *machine = operation->machine;

	if (!find(machine, request, &now, err))
		return false;
	*ret = now.from.id == checkpoint->from.id &&
	       !listing_find(&machine->listing, checkpoint->generation.id);
	return true;
}

/* Only the directory being made: a generation of this number that is listed is another's. */
static bool drop_copy(struct operation *operation, struct err *err)
{
	auto_plan struct plan plan = {0};

	if (!machine_refresh(operation->machine, err))
		return false;
	plan_delete_leftover(&plan, &operation->machine->listing, (unsigned)operation->making);
	if (!operation_run(operation, &plan, err))
		return false;
	operation->making = -1;
	return machine_refresh(operation->machine, err);
}

static bool copy_first(struct operation *operation, const struct verb_request *request,
		       struct checkpoint *checkpoint, struct err *err)
{
	if (!copy(operation, request, checkpoint, err) || !operation_read(operation, err) ||
	    !was_right(operation, request, checkpoint, &checkpoint->sure, err))
		return false;
	if (checkpoint->sure)
		return true;
	if (!drop_copy(operation, err))
		return false;
	checkpoint->sure = true;
	return copy(operation, request, checkpoint, err);
}

static void take_back(struct operation *operation, const struct checkpoint *checkpoint)
{
	struct err unused = {0};

	if (operation->making < 0)
		return;
	/* what was begun goes, also if a person wants no more of it */
	operation->committed = true;
	if (checkpoint->sure)
		retire_unfinished(operation, (unsigned)operation->making, &unused);
	else
		drop_copy(operation, &unused);
}

static bool make(struct operation *operation, const struct verb_request *request,
		 struct checkpoint *checkpoint, struct err *err)
{
	if (copy_first(operation, request, checkpoint, err) && complete(operation, checkpoint, err))
		return true;
	if (!operation->committed)
		take_back(operation, checkpoint);
	return false;
}

static bool run(struct machine *machine, const struct verb_request *request, bool automatic,
		json_t **ret, struct err *err)
{
	auto_checkpoint struct checkpoint checkpoint = {0};
	struct operation operation = {0};
	bool done;

	if (!verb_require_adopted(machine, err))
		return false;
	begin(&checkpoint, machine, automatic);
	done = operation_lock(&operation, machine, request->verb, err) &&
	       make(&operation, request, &checkpoint, err) &&
	       answer(&operation, &checkpoint, ret, err);
	operation_end(&operation, done ? NULL : err);
	return done;
}

static bool dry_run(struct machine *machine, const struct verb_request *request, json_t **ret,
		    struct err *err)
{
	auto_checkpoint struct checkpoint checkpoint = {0};
	auto_plan struct plan plan = {0};

	if (!verb_require_adopted(machine, err) || !find(machine, request, &checkpoint, err))
		return false;
	plan_begin(&plan, checkpoint.generation.id, checkpoint.root, NULL);
	plan_rest(machine, &checkpoint, &plan);
	plan_list(&plan, &checkpoint.generation);
	plan_work(&plan, "add it to the boot menu", "loader/entries/");
	*ret = answer_planned(machine, request->verb, &plan);
	return true;
}

bool verb_checkpoint(struct machine *machine, const struct verb_request *request, json_t **ret,
		     struct err *err)
{
	ERR_CONTEXT(err, "cannot make a checkpoint");

	*ret = NULL;
	return request->dry_run ? dry_run(machine, request, ret, err)
				: run(machine, request, false, ret, err);
}

bool verb_before_packages(struct machine *machine, const struct verb_request *request, json_t **ret,
			  struct err *err)
{
	ERR_CONTEXT(err, "cannot make a checkpoint before the package manager");

	*ret = NULL;
	if (machine->policy.checkpoint_before_packages && machine->listing.adopted &&
	    text_equal(report_session(machine), "normal"))
		return run(machine, request, true, ret, err);
	*ret = answer_nothing(machine, request->verb,
			      "no checkpoint is asked for before the package manager");
	return true;
}
