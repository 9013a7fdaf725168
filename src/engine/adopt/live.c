#include "live.h"
#include <string.h>
#include "carve.h"
#include "changes.h"
#include "first_mounts.h"

#define MAKING "@gens/.1.tmp"
#define FIRST_ROOT "@gens/1/root"

static bool at_top(const struct adoption *adoption)
{
	return !*adoption->original;
}

/* --- the trial ---------------------------------------------------------------------------------- */

bool live_strip(struct machine *machine, const char *root, struct err *err)
{
	struct host *host = machine->host;
	auto_free char *gens = xasprintf("%s/" GENS_DIRECTORY, root);
	auto_free char *moult = xasprintf("%s/" MOULT_DIRECTORY, root);
	int r = host->ops->remove_tree(host, VOLUME_POOL, gens);

	for (size_t i = 0; (r == 0 || r == -ENOENT) && i < machine->listing.subvolume_count; i++) {
		const char *name = machine->listing.subvolumes[i];
		auto_free char *stub = xasprintf("%s/%s", root, name);

		/* a snapshot has an empty directory where a subvolume was */
		if (!strchr(name, '/') && !text_equal(name, MOULT_DIRECTORY))
			r = host->ops->remove(host, VOLUME_POOL, stub);
	}
	if (r == 0 || r == -ENOENT)
		r = host->ops->remove(host, VOLUME_POOL, moult);
	return r == 0 || r == -ENOENT ||
	       err_set(err, ERR_SYSTEM, -r, "cannot take what is moult's out of %s", root);
}

static bool work_try(struct operation *operation, struct err *err)
{
	struct machine *machine = operation->machine;
	const struct adoption *adoption = operation->context;

	return (!at_top(adoption) || live_strip(machine, MAKING "/root", err)) &&
	       carve_copy(machine->host, MAKING, err) && carve_settle(machine, MAKING, err);
}

static bool work_mounts(struct operation *operation, struct err *err)
{
	const struct adoption *adoption = operation->context;

	return first_mounts_keep(operation->machine, MAKING "/root", adoption->original, err);
}

static bool work_forget(struct operation *operation, struct err *err)
{
	struct host *host = operation->machine->host;
	int r;

	if (!carve_forget(host, MAKING, err))
		return false;
	r = host->ops->delete_subvolume(host, MAKING "/root");
	return r >= 0 || err_set(err, ERR_SYSTEM, -r, "cannot delete the trial copy");
}

/* The package manager's lock keeps a generation from being a system in the middle of an upgrade. */
static bool work_snapshot(struct operation *operation, struct err *err)
{
	struct machine *machine = operation->machine;
	struct host *host = machine->host;
	struct adoption *adoption = operation->context;
	auto_host_subvolume struct host_subvolume snapshot = {0};
	int r = host->ops->package_lock(host, adoption->original, 0);

	if (r == -EBUSY || r == -EAGAIN || r == -EACCES) {
		err_set(err, ERR_REFUSED, 0,
			"another package manager is at work and holds dpkg's lock");
		return err_try(err, "sudo fuser -v /var/lib/dpkg/lock-frontend");
	}
	if (r < 0)
		return err_set(err, ERR_SYSTEM, -r, "cannot take the package manager's lock");
	r = host->ops->snapshot(host, adoption->original, MAKING "/root", false);
	host->ops->package_unlock(host);
	if (r == 0)
		r = host->ops->subvolume(host, MAKING "/root", &snapshot);
	if (r < 0)
		return err_set(err, ERR_SYSTEM, -r, "cannot make the snapshot of %s",
			       at_top(adoption) ? "the top level" : text_quote(adoption->original));
	/* by the exchange this snapshot becomes the original; the top level changes with each document */
	adoption->original_transid = snapshot.transid;
	return true;
}

enum { TRY, ADAPT, VERIFY, RECORD, MOUNTS, FORGET, SNAPSHOT };

const struct work live_works[] = {
	[TRY] = {"try on a copy how data parts from the system", work_try},
	[ADAPT] = {"adapt fstab and units of the copy", adoption_adapt},
	[VERIFY] = {"verify the copy", adoption_verify},
	[RECORD] = {"record what is installed", adoption_record},
	[MOUNTS] = {"keep how the data will be mounted", work_mounts},
	[FORGET] = {"delete the copy", work_forget},
	[SNAPSHOT] = {"snapshot what runs", work_snapshot},
	{NULL, NULL},
};

static void plan_trial(struct plan *plan)
{
	plan_work(plan, live_works[TRY].name, MAKING)->why =
		"/var, /home, /root, /srv, /usr/local will not roll back";
	plan_work(plan, live_works[ADAPT].name, MAKING "/root");
	plan_work(plan, live_works[VERIFY].name, MAKING "/root");
	plan_work(plan, live_works[RECORD].name, MAKING "/record");
	plan_work(plan, live_works[MOUNTS].name, MAKING "/first-mounts");
	plan_work(plan, live_works[FORGET].name, MAKING "/root");
}

/* --- generation 1 ------------------------------------------------------------------------------- */

/* Its documents are older than the snapshot: what changed since they did may not be in it. */
static void plan_documents(const struct adoption *adoption, struct plan *plan)
{
	auto_free char *facts = generation_print_facts(&adoption->first);
	auto_free char *state = generation_print_state(&adoption->first);

	plan_write(plan, VOLUME_POOL, MAKING "/generation.json", facts);
	plan_write(plan, VOLUME_POOL, MAKING "/state.json", state);
	plan_work(plan, live_works[SNAPSHOT].name, MAKING "/root")->why =
		"it becomes the original, and what runs becomes generation 1";
}

static void plan_listing(struct plan *plan)
{
	plan_at(plan, STEP_SYNC, VOLUME_POOL, "");
	plan_rename(plan, VOLUME_POOL, MAKING, "@gens/1")->why =
		"it is complete, and listed from here on";
	plan_at(plan, STEP_SYNC, VOLUME_POOL, "");
}

static void begin_first(struct machine *machine, struct adoption *adoption)
{
	adoption_begin_first(adoption,
			     machine->host->ops->clock(machine->host, HOST_CLOCK_REAL_SEC));
	adoption->first.carve = at_top(adoption) ? CARVE_SHUTDOWN : CARVE_WANTED;
}

bool live_make(struct operation *operation, struct adoption *adoption, struct err *err)
{
	struct machine *machine = operation->machine;
	auto_plan struct plan trial = {0}, documents = {0}, listed = {0};

	begin_first(machine, adoption);
	adoption_plan_copy(machine, adoption, &trial);
	plan_trial(&trial);
	if (!operation_run(operation, &trial, err))
		return false;
	plan_documents(adoption, &documents);
	if (!operation_run(operation, &documents, err) ||
	    (at_top(adoption) && !live_strip(machine, MAKING "/root", err)))
		return false;
	adoption_plan_zero(machine, adoption, adoption->first.created, &listed);
	plan_listing(&listed);
	return operation_run(operation, &listed, err) && machine_refresh(machine, err);
}

bool live_continue(struct operation *operation, struct adoption *adoption, struct err *err)
{
	struct machine *machine = operation->machine;
	auto_plan struct plan plan = {0};

	begin_first(machine, adoption);
	plan_begin(&plan, 1, FIRST_ROOT, NULL);
	plan_trial(&plan);
	plan_at(&plan, STEP_DELETE_SUBVOLUME, VOLUME_POOL, MAKING "/record");
	plan_at(&plan, STEP_REMOVE_TREE, VOLUME_POOL, MAKING);
	return operation_run(operation, &plan, err) && machine_refresh(machine, err);
}

/* --- the switch --------------------------------------------------------------------------------- */

/* The former default is a path that holds the snapshot from here on. */
static void plan_exchange_roots(const struct machine *machine, const char *original,
				struct plan *plan)
{
	plan_exchange(plan, original, FIRST_ROOT)->why =
		"what runs, with all it will write, is generation 1 from here on";
	if (text_equal(machine->listing.default_root, original))
		plan_at(plan, STEP_SET_DEFAULT, VOLUME_POOL, original)->why =
			"it named what runs; the original is what is meant";
	plan_at(plan, STEP_SYNC, VOLUME_POOL, "");
}

/* The loader's part failed: what runs goes back to its place; generation 1, given up next, syncs it. */
static bool take_back(struct operation *operation, const struct adoption *adoption, struct err *err)
{
	struct machine *machine = operation->machine;
	auto_plan struct plan plan = {0};

	operation->committed = true;
	if (!machine_refresh(machine, err))
		return false;
	if (machine->listing.exchanged) {
		plan_exchange(&plan, FIRST_ROOT, adoption->original);
		if (text_equal(machine->listing.default_root, adoption->original))
			plan_at(&plan, STEP_SET_DEFAULT, VOLUME_POOL, adoption->original);
	}
	return operation_run(operation, &plan, err) &&
	       first_mounts_take(machine->host, adoption->original, err) &&
	       machine_refresh(machine, err);
}

bool live_publish(struct operation *operation, struct adoption *adoption, struct err *err)
{
	struct machine *machine = operation->machine;
	bool exchanged = machine->listing.exchanged;
	auto_plan struct plan before = {0};
	struct err unused = {0};

	if (at_top(adoption))
		return true;
	if (!first_mounts_put(machine->host, exchanged ? FIRST_ROOT : adoption->original, err))
		return false;
	if (!exchanged)
		plan_exchange_roots(machine, adoption->original, &before);
	if (adoption_publish_first(operation, adoption, &before, err))
		return true;
	if (!exchanged && !operation->committed) {
		take_back(operation, adoption, &unused);
		operation->committed = false;
	}
	return false;
}

/* --- beforehand --------------------------------------------------------------------------------- */

void live_plan(struct machine *machine, struct adoption *adoption, struct plan *plan)
{
	begin_first(machine, adoption);
	adoption_plan_copy(machine, adoption, plan);
	plan_trial(plan);
	plan_documents(adoption, plan);
	adoption_plan_zero(machine, adoption, 0, plan);
	plan_listing(plan);
	plan_work(plan, "put kernel and initrd on the boot volume", "moult/");
	plan_work(plan, "offer the original as an uncounted entry", "loader/entries/");
	plan_work(plan, "let the loader prefer moult's entries", "loader/loader.conf");
	beside_foretell(&adoption->beside, plan);
	if (at_top(adoption)) {
		plan_work(plan, "when the system shuts down: copy it to generation 1", FIRST_ROOT);
	} else {
		plan_exchange_roots(machine, adoption->original, plan);
	}
	plan_work(plan, "offer generation 1 on trial", "loader/entries/")->commit = true;
	plan_work(plan, "at its first boot: part data from the system", FIRST_ROOT);
}
