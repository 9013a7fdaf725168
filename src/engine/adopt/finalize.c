#include "finalize.h"
#include <string.h>
#include "answer.h"
#include "changes.h"
#include "publish.h"
#include "verb.h"

#define ZERO_DIRECTORY GENS_DIRECTORY "/0"

/* What is deleted: one subvolume, or at the top of the Btrfs what lies there and is none. */
struct original {
	const char *path; /* NULL = it is gone already: an earlier attempt was cut off */
	struct host_names names; /* of the top level */
};

static void original_done(struct original *original)
{
	host_names_done(&original->names);
}
DEFINE_AUTO_STRUCT(original, struct original, original_done)

static bool is_at_top(const struct original *original)
{
	return original->path && !*original->path;
}

/* --- whether ------------------------------------------------------------------------------------ */

static bool refuse(struct err *err, const char *why, const char *remedy)
{
	err_set(err, ERR_REFUSED, 0, "%s", why);
	return err_try(err, "%s", remedy);
}

static bool check_state(const struct machine *machine, struct err *err)
{
	const struct listing *listing = &machine->listing;
	const struct generation *current = listing_current(listing);

	if (!listing_find(listing, 0))
		return err_set(err, ERR_NOTHING, 0, "the original was given up already");
	if (!machine->has_boot)
		return refuse(err, "no EFI system partition was found",
			      "sudo moult --esp DEVICE ...");
	if (listing_undone(listing))
		return refuse(err, "the adoption was undone: the original is what boots",
			      "sudo moult init");
	if (!current || current->id == 0 || current->state != GEN_GOOD || !current->publications)
		return refuse(
			err,
			"no generation of moult's was found good yet: the original is all there "
			"is to go back to",
			"moult status");
	if (listing->running.live && listing->running.booted == 0)
		return refuse(err, "the original is what runs", "sudo reboot");
	return true;
}

/* What lies within the original and would be in the way: never deleted along with it. */
static bool is_inside(const struct listing *listing, const struct original *original,
		      const char *path)
{
	const char *slash = strchr(path, '/');

	if (!is_at_top(original))
		return text_starts(path, original->path) && path[strlen(original->path)] == '/';
	if (!slash || text_starts(path, GENS_DIRECTORY "/"))
		return false;
	/* nested in another subvolume, it is that one's */
	for (size_t i = 0; i < listing->subvolume_count; i++)
		if (strlen(listing->subvolumes[i]) == (size_t)(slash - path) &&
		    strncmp(listing->subvolumes[i], path, (size_t)(slash - path)) == 0)
			return false;
	return true;
}

static bool check_inside(const struct machine *machine, const struct original *original,
			 struct err *err)
{
	const struct listing *listing = &machine->listing;

	for (size_t i = 0; original->path && i < listing->subvolume_count; i++) {
		const char *path = listing->subvolumes[i];

		if (!is_inside(listing, original, path))
			continue;
		err_set(err, ERR_REFUSED, 0,
			"the subvolume %s lies in the original, and moult did not make it",
			text_quote(path));
		return err_try(err, "sudo mount -o subvolid=5 UUID=%s /mnt; sudo mv /mnt/%s /mnt/",
			       machine->identity.pool_uuid, path);
	}
	return true;
}

static bool find_original(struct machine *machine, struct original *ret, struct err *err)
{
	const struct generation *zero = listing_find(&machine->listing, 0);
	int r;

	*ret = (struct original){.path = zero->damage ? NULL : zero->original};
	if (!is_at_top(ret))
		return true;
	r = machine->host->ops->list(machine->host, VOLUME_POOL, "", &ret->names);
	return r < 0 ? err_set(err, ERR_SYSTEM, -r, "cannot list the top level") : true;
}

static bool is_used(struct machine *machine)
{
	const struct generation *zero = listing_find(&machine->listing, 0);
	auto_host_subvolume struct host_subvolume subvolume = {0};

	return machine->host->ops->subvolume(machine->host, zero->original, &subvolume) == 0 &&
	       zero->original_transid > 0 && subvolume.transid != zero->original_transid;
}

static bool ask(struct machine *machine, const struct verb_request *request,
		const struct original *original, struct err *err)
{
	const char *used;

	if (!original->path || verb_accepts(request, "ORIGINAL_GONE"))
		return true;
	used = !is_at_top(original) && is_used(machine)
		       ? "; it was written to since the adoption, and no generation has that"
		       : "";
	err_set(err, ERR_NEEDS_ACK, 0,
		"the original, %s, is deleted, and there is no way back to before moult "
		"[ORIGINAL_GONE]%s",
		is_at_top(original) ? "all at the top of the Btrfs that is no subvolume"
				    : text_quote(original->path),
		used);
	return err_try(err, "sudo moult init --finalize --accept ORIGINAL_GONE");
}

/* --- how ---------------------------------------------------------------------------------------- */

static bool plan_entries(struct machine *machine, struct plan *plan, struct err *err)
{
	for (size_t i = 0; i < machine->menu.count; i++) {
		const struct menu_entry *entry = &machine->menu.entries[i];

		if (entry->generation == 0 &&
		    !machine->loader->remove(&machine->menu, entry, plan, err))
			return false;
	}
	return true;
}

static void plan_top(const struct listing *listing, const struct original *original,
		     struct plan *plan)
{
	for (size_t i = 0; i < original->names.count; i++) {
		const struct host_name *name = &original->names.names[i];

		if (strcmp(name->name, GENS_DIRECTORY) == 0 ||
		    listing_has_subvolume(listing, name->name))
			continue;
		plan_at(plan, name->type == HOST_DIRECTORY ? STEP_REMOVE_TREE : STEP_REMOVE,
			VOLUME_POOL, name->name);
	}
}

static void plan_documents(struct plan *plan)
{
	plan_at(plan, STEP_REMOVE_TREE, VOLUME_POOL, ZERO_DIRECTORY)->why =
		"there is no generation 0 any more";
}

/*
 * As long as its documents are there recovery puts its entry back: a subvolume goes before them, in
 * one step. What takes many is no system any more after the first, so there the documents go first.
 */
static void plan_original(const struct listing *listing, const struct original *original,
			  struct plan *plan)
{
	if (!is_at_top(original) && original->path)
		plan_at(plan, STEP_DELETE_SUBVOLUME, VOLUME_POOL, original->path);
	plan_documents(plan);
	if (is_at_top(original))
		plan_top(listing, original, plan);
	plan_at(plan, STEP_SYNC, VOLUME_POOL, "");
}

static bool prepare(struct machine *machine, struct original *ret, struct err *err)
{
	return check_state(machine, err) && find_original(machine, ret, err) &&
	       check_inside(machine, ret, err);
}

static bool finalize_body(struct operation *operation, const struct verb_request *request,
			  json_t **ret, struct err *err)
{
	struct machine *machine = operation->machine;
	__attribute__((cleanup(auto_original_))) struct original original = {0};
	auto_plan struct plan entries = {0}, rest = {0};

	if (!prepare(machine, &original, err) || !ask(machine, request, &original, err) ||
	    !plan_entries(machine, &entries, err))
		return false;
	plan_original(&machine->listing, &original, &rest);
	/* the blobs that only it needed are swept with the next ones, or now if that goes well */
	if (!operation_run(operation, &entries, err) || !operation_run(operation, &rest, err) ||
	    !machine_refresh(machine, err) || !publish_sweep(operation, err))
		return false;
	return answer_done(operation,
			   "the original is gone; generation 1 may be retired like any "
			   "other",
			   ret, err);
}

bool finalize_adoption(struct machine *machine, const struct verb_request *request, json_t **ret,
		       struct err *err)
{
	__attribute__((cleanup(auto_original_))) struct original original = {0};
	auto_plan struct plan plan = {0};

	if (!verb_require_adopted(machine, err))
		return false;
	if (!request->dry_run) {
		if (verb_run(machine, request, finalize_body, ret, err))
			return true;
		if (err->kind != ERR_NOTHING)
			return false;
		*ret = answer_nothing(machine, "init --finalize", err->text);
		*err = (struct err){0};
		return true;
	}
	if (!prepare(machine, &original, err) || !plan_entries(machine, &plan, err))
		return false;
	plan_original(&machine->listing, &original, &plan);
	*ret = answer_planned(machine, "init --finalize", &plan);
	return true;
}
