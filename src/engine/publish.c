#include "publish.h"
#include <string.h>
#include "changes.h"
#include "osrelease.h"
#include "proposal.h"
#include "publishing.h"

uint64_t publish_next_serial(const struct machine *machine)
{
	uint64_t listed = listing_highest_serial(&machine->listing);
	uint64_t at_loader = menu_highest_serial(&machine->menu);

	return 1 + (listed > at_loader ? listed : at_loader);
}

char *publish_own_copy(unsigned id, const char *kind, const char *sha256)
{
	char directory[GENERATION_PATH_MAX];

	return xasprintf("%s/boot/sha256-%s.%s", generation_directory(id, directory), sha256, kind);
}

void entry_storage_done(struct entry_storage *storage)
{
	free(storage->title);
	free(storage->linux_from);
	free(storage->initrd_from);
	*storage = (struct entry_storage){0};
}

/* What tells this entry from the others of its generation. Caller frees. */
static char *mark_of(const struct generation *gen, const struct publication *pub)
{
	const struct publication *proven = generation_last_publication(gen);

	if (pub->kind == PUB_TRIAL && gen->state == GEN_GOOD)
		return xasprintf(", new %s on trial", generation_novelty(gen, pub));
	if (pub->kind == PUB_OLD && proven && proven->kind == PUB_CURRENT)
		return xasprintf(", former %s", publication_novelty(pub, proven));
	return xstrdup(pub->kind == PUB_TRIAL ? ", on trial" : "");
}

static char *make_title(const struct machine *machine, const struct generation *gen,
			const char *root, const struct publication *pub)
{
	auto_free char *mark = mark_of(gen, pub);
	auto_host_bytes struct host_bytes bytes = {0};
	auto_free char *pretty = NULL, *name = NULL;

	if (machine->host->ops->root_read(machine->host, root, "etc/os-release", 16 * 1024,
					  &bytes) == 0)
		pretty = osrelease_value(bytes.bytes, bytes.length, "PRETTY_NAME");
	if (gen->name)
		name = xasprintf(" \"%s\"", gen->name);
	return xasprintf("%s, generation %u%s%s", pretty ? pretty : "Linux", gen->id,
			 name ? name : "", mark);
}

static bool is_there(const struct machine *machine, const char *path)
{
	struct host_stat stat;

	return machine->host->ops->stat(machine->host, VOLUME_POOL, path, &stat) == 0;
}

/*
 * What its owner put into /boot live was copied when it was published. base is the root as it was
 * built: what was done to /boot since cannot reach it.
 */
static char *blob_source(const struct machine *machine, const struct generation *gen,
			 const char *file, const struct publication *pub)
{
	bool kernel = strcmp(file, "vmlinuz") == 0;
	const char *release = pub->kernel;
	auto_free char *own = publish_own_copy(gen->id, kernel ? "linux" : "initrd",
					       kernel ? pub->linux_sha256 : pub->initrd_sha256);
	auto_free char *base =
		xasprintf("@gens/%u/base/boot/%s-%s", gen->id, file, release ? release : "");
	char root[GENERATION_PATH_MAX];

	if (is_there(machine, own))
		return take(own);
	if (!release)
		return NULL;
	if (is_there(machine, base))
		return take(base);
	generation_root(gen, root);
	return xasprintf("%s%sboot/%s-%s", root, *root ? "/" : "", file, release);
}

struct boot_entry publish_entry(const struct machine *machine, const struct generation *gen,
				const struct publication *pub, struct entry_storage *storage)
{
	*storage = (struct entry_storage){0};
	generation_root(gen, storage->root);
	storage->title = make_title(machine, gen, storage->root, pub);
	storage->linux_from = blob_source(machine, gen, "vmlinuz", pub);
	storage->initrd_from = blob_source(machine, gen, "initrd.img", pub);
	return (struct boot_entry){
		.generation = gen->id,
		.serial = pub->serial,
		.title = storage->title,
		.root_uuid = machine->identity.pool_uuid,
		.subvolume = storage->root,
		.options = pub->options ? pub->options : "",
		.linux_sha256 = pub->linux_sha256,
		.initrd_sha256 = pub->initrd_sha256,
		.linux_from = storage->linux_from,
		.initrd_from = storage->initrd_from,
		.tries = pub->tries,
		.watchdog_sec = machine->policy.watchdog_sec,
		.deadline_sec = machine->policy.deadline_sec,
	};
}

/* A copy of a generation that can be published: one that could not be read just now cannot. */
bool publish_copy_listed(const struct machine *machine, unsigned id, struct generation *ret,
			 struct err *err)
{
	const struct generation *gen = listing_find(&machine->listing, id);

	if (gen && !gen->damage) {
		generation_copy(gen, ret);
		return true;
	}
	err_set(err, ERR_CORRUPT, 0, "generation %u cannot be read%s%s", id, gen ? ": " : "",
		gen ? gen->damage : "");
	return err_try(err, "sudo moult check");
}

void publish_copy_content(const struct publication *from, struct publication *to)
{
	to->kernel = xstrdup_or_null(from->kernel);
	to->options = xstrdup_or_null(from->options);
	memcpy(to->linux_sha256, from->linux_sha256, sizeof(to->linux_sha256));
	memcpy(to->initrd_sha256, from->initrd_sha256, sizeof(to->initrd_sha256));
}

/* --- room ----------------------------------------------------------------------------------- */

static bool missing_bytes(struct machine *machine, const char *kind, const char *sha256,
			  const char *from, uint64_t *ret_bytes)
{
	struct host_stat stat;
	char path[256];

	if (!sha256 || !*sha256 || !from)
		return true;
	machine->loader->blob_path(kind, sha256, path, sizeof(path));
	if (machine->host->ops->stat(machine->host, VOLUME_BOOT, path, &stat) == 0)
		return true;
	if (machine->host->ops->stat(machine->host, VOLUME_POOL, from, &stat) < 0)
		return false;
	*ret_bytes += stat.size_bytes;
	return true;
}

/* Refuse before copying when the space will not do. */
bool publish_check_room(struct machine *machine, const struct boot_entry *entry, struct err *err)
{
	uint64_t margin = (uint64_t)machine->policy.min_free_boot_mib << 20, wanted = 0;
	struct host_space space;
	int r = machine->host->ops->space(machine->host, VOLUME_BOOT, &space);

	if (r < 0)
		return err_set(err, ERR_SYSTEM, -r, "cannot tell how full the boot volume is");
	if (!missing_bytes(machine, "linux", entry->linux_sha256, entry->linux_from, &wanted) ||
	    !missing_bytes(machine, "initrd", entry->initrd_sha256, entry->initrd_from, &wanted)) {
		err_set(err, ERR_CORRUPT, 0, "generation %u has lost its kernel or initrd",
			entry->generation);
		return err_try(err, "sudo moult check");
	}
	if (wanted == 0 || wanted + margin <= space.free_bytes)
		return true;
	err_set(err, ERR_REFUSED, 0,
		"the boot volume has %llu MiB free, and kernel and initrd of generation %u need "
		"%llu MiB, with %u MiB to spare",
		(unsigned long long)(space.free_bytes >> 20), entry->generation,
		(unsigned long long)((wanted + (1 << 20) - 1) >> 20),
		machine->policy.min_free_boot_mib);
	return err_try(err, "sudo moult cleanup");
}

/* Collect before copying: what no entry and no publication names makes room. */
bool publish_sweep(struct operation *operation, struct err *err)
{
	struct machine *machine = operation->machine;
	auto_plan struct plan plan = {0};

	if (!machine->has_boot)
		return true;
	loader_sweep(machine->loader, &machine->menu, machine->listing.generations,
		     machine->listing.count, &plan);
	return operation_run(operation, &plan, err);
}

bool publish_require_boot(const struct machine *machine, struct err *err)
{
	if (machine->has_boot)
		return true;
	err_set(err, ERR_REFUSED, 0, "no EFI system partition was found");
	return err_try(err, "sudo moult --esp DEVICE ...");
}

/* Recovery takes back what would be published now. */
bool publish_require_adoption(const struct machine *machine, struct err *err)
{
	if (!listing_undone(&machine->listing))
		return true;
	err_set(err, ERR_REFUSED, 0, "the adoption was undone: the original boots");
	return err_try(err, "sudo moult init");
}

/* --- trial ---------------------------------------------------------------------------------- */

/* On trial, proposed or waiting: it comes after what is published now. False: nothing of it. */
static bool step_back(struct generation *gen, bool wait)
{
	if (gen->state == GEN_TRIAL) {
		gen->state = GEN_BUILT;
		gen->waiting = wait && !gen->stale;
	} else if (gen->state == GEN_BUILT && gen->waiting && !wait) {
		gen->waiting = false;
	} else if (!generation_proposed(gen)) {
		return false;
	}
	for (size_t i = 0; i < gen->publication_count; i++)
		if (gen->publications[i].kind == PUB_TRIAL)
			gen->publications[i].kind = PUB_NONE;
	return true;
}

/* Whether something on the Btrfs waits for a sync. */
static bool is_unsynced(const struct plan *plan)
{
	for (size_t i = plan->count; i > 0; i--)
		if (plan->steps[i - 1].volume == VOLUME_POOL)
			return plan->steps[i - 1].kind != STEP_SYNC;
	return false;
}

bool publish_plan_supersede(struct machine *machine, const struct supersede *how, struct plan *plan,
			    struct err *err)
{
	const struct generation *current = listing_current(&machine->listing);

	for (size_t i = 0; i < machine->listing.count; i++) {
		const struct generation *gen = &machine->listing.generations[i];
		auto_generation struct generation next = {0};

		/* the state of a former current is written where it gets its old entry */
		if (gen->damage || gen->id == how->id || (how->disable && gen == current))
			continue;
		generation_copy(gen, &next);
		if (!step_back(&next, how->wait))
			continue;
		plan_state(plan, &next);
		/* after a rollback's commit: a full Btrfs must not stop it */
		plan->steps[plan->count - 1].may_fail = how->disable;
	}
	if (is_unsynced(plan))
		plan_at(plan, STEP_SYNC, VOLUME_POOL, "");
	for (size_t i = 0; i < machine->menu.count; i++) {
		const struct menu_entry *entry = &machine->menu.entries[i];

		if (entry->role != MENU_CANDIDATE || !entry->counted)
			continue;
		if (how->disable && entry->enabled &&
		    !machine->loader->disable(&machine->menu, entry, plan, err))
			return false;
		if (!machine->loader->remove(&machine->menu, entry, plan, err))
			return false;
	}
	return true;
}

bool publish_plan_trial(struct machine *machine, const struct generation *gen,
			const struct publication *pub, struct plan *plan, struct err *err)
{
	auto_entry_storage struct entry_storage storage = {0};
	struct supersede how = {.id = gen->id, .wait = gen->state == GEN_GOOD};
	struct boot_entry entry = publish_entry(machine, gen, pub, &storage);

	if (!publish_check_room(machine, &entry, err))
		return false;
	plan_reserve(plan, &machine->listing.layout, 0, pub->serial);
	if (!machine->loader->offer(&machine->menu, &entry, plan, err))
		return false;
	plan_state(plan, gen);
	return publish_plan_supersede(machine, &how, plan, err);
}

void publish_begin_trial(struct generation *gen)
{
	for (size_t i = 0; i < gen->publication_count; i++)
		if (gen->publications[i].kind == PUB_TRIAL)
			gen->publications[i].kind = PUB_NONE;
	if (gen->state != GEN_GOOD)
		gen->state = GEN_TRIAL;
	/* a person offers it as it is: what it lacks was said */
	if (gen->stale)
		gen->late_transid = 0;
	gen->stale = gen->waiting = false;
	free(take(gen->stale_why));
	free(take(gen->reason));
}

/* What current tries comes first: one at a time, or nobody could tell which of them failed. */
static bool wait_for_proposal(struct operation *operation, struct generation *gen,
			      struct publication *pub, struct err *err)
{
	auto_plan struct plan plan = {0};

	gen->state = GEN_BUILT;
	gen->waiting = true;
	pub->kind = PUB_NONE;
	plan_reserve(&plan, &operation->machine->listing.layout, 0, pub->serial);
	plan_state(&plan, gen);
	plan_at(&plan, STEP_SYNC, VOLUME_POOL, "");
	return operation_run(operation, &plan, err);
}

bool publish_trial(struct operation *operation, unsigned id, const struct boot_files *files,
		   struct err *err)
{
	struct machine *machine = operation->machine;
	const struct host_ops *ops = machine->host->ops;
	auto_generation struct generation gen = {0};
	struct digest linux_digest = {0}, initrd_digest = {0};
	auto_plan struct plan plan = {0};
	struct publication *pub;
	int r;

	if (!publish_require_boot(machine, err) || !publish_sweep(operation, err) ||
	    !publish_copy_listed(machine, id, &gen, err))
		return false;
	r = ops->digest(machine->host, VOLUME_POOL, files->linux_path, DIGEST_SHA256,
			&linux_digest);
	if (r == 0 && files->initrd_path)
		r = ops->digest(machine->host, VOLUME_POOL, files->initrd_path, DIGEST_SHA256,
				&initrd_digest);
	if (r < 0)
		return err_set(err, ERR_SYSTEM, -r, "cannot read the kernel %s", files->release);
	publish_begin_trial(&gen);
	pub = generation_publish(&gen, publish_next_serial(machine), PUB_TRIAL);
	pub->kernel = xstrdup(files->release);
	pub->options = xstrdup(files->options);
	pub->tries = machine->policy.tries;
	memcpy(pub->linux_sha256, linux_digest.hex, sizeof(pub->linux_sha256));
	memcpy(pub->initrd_sha256, initrd_digest.hex, sizeof(pub->initrd_sha256));
	if (listing_proposing(&machine->listing))
		return wait_for_proposal(operation, &gen, pub, err);
	if (!publish_plan_trial(machine, &gen, pub, &plan, err))
		return false;
	if (files->before_commit)
		plan_before_commit(&plan, files->before_commit);
	return operation_run(operation, &plan, err);
}

static bool publish_from(struct operation *operation, const struct lost_trial *from,
			 uint64_t continues, struct err *err)
{
	struct machine *machine = operation->machine;
	auto_generation struct generation gen = {0};
	auto_plan struct plan plan = {0};
	struct publication *pub;

	if (!publish_require_boot(machine, err) || !publish_require_adoption(machine, err) ||
	    !publish_sweep(operation, err) || !publish_copy_listed(machine, from->id, &gen, err))
		return false;
	publish_begin_trial(&gen);
	pub = generation_publish(&gen, publish_next_serial(machine), PUB_TRIAL);
	publish_copy_content(generation_find_publication(&gen, from->serial), pub);
	if (from->options) {
		free(pub->options);
		pub->options = xstrdup(from->options);
	}
	pub->tries = from->tries;
	pub->continues = continues;
	if (!publish_plan_trial(machine, &gen, pub, &plan, err))
		return false;
	publish_note_given_up(operation, pub);
	return operation_run(operation, &plan, err);
}

bool publish_trial_again(struct operation *operation, unsigned id, uint64_t from_serial,
			 unsigned tries, struct err *err)
{
	struct lost_trial from = {.id = id, .tries = tries, .serial = from_serial};

	return publish_from(operation, &from, 0, err);
}

bool publish_waiting(struct operation *operation, struct err *err)
{
	struct machine *machine = operation->machine;
	const struct generation *current = listing_current(&machine->listing);
	const struct generation *waiting = listing_waiting(&machine->listing);
	const struct publication *proven = current ? generation_last_publication(current) : NULL;
	struct lost_trial from = {.tries = machine->policy.tries};

	if (!waiting || !machine->has_boot || listing_proposing(&machine->listing) ||
	    menu_trial(&machine->menu))
		return true;
	from.id = waiting->id;
	from.serial = generation_last_publication(waiting)->serial;
	/* a generation inherits the command line of current: also what was added since it was made */
	if (proven && current->id != 0)
		from.options = proven->options;
	return publish_from(operation, &from, 0, err) && machine_refresh(machine, err);
}

void publish_note_given_up(struct operation *operation, const struct publication *unless)
{
	const struct generation *gen = listing_proposing(&operation->machine->listing);
	const struct publication *pub = gen ? generation_proposed(gen) : NULL;

	if (pub && pub->serial != unless->continues && !publication_same(pub, unless))
		operation_note(operation, "the new %s of generation %u is not tried any more",
			       generation_novelty(gen, pub), gen->id);
}

bool publish_lost_trial(struct operation *operation, const struct lost_trial *lost, struct err *err)
{
	return publish_from(operation, lost, lost->serial, err);
}

/* --- taken back ------------------------------------------------------------------------------ */

bool publish_withdraw(struct operation *operation, unsigned id, const char *why, struct err *err)
{
	struct machine *machine = operation->machine;
	auto_generation struct generation gen = {0};
	auto_plan struct plan plan = {0};

	if (!publish_copy_listed(machine, id, &gen, err))
		return false;
	for (size_t i = 0; i < machine->menu.count; i++) {
		const struct menu_entry *entry = &machine->menu.entries[i];

		if (entry->generation == id && entry->counted && entry->enabled &&
		    !machine->loader->disable(&machine->menu, entry, &plan, err))
			return false;
	}
	gen.state = GEN_BUILT;
	gen.waiting = false;
	for (size_t i = 0; i < gen.publication_count; i++)
		if (gen.publications[i].kind == PUB_TRIAL)
			gen.publications[i].kind = PUB_NONE;
	free(gen.stale_why);
	gen.stale = true;
	gen.stale_why = xstrdup(why);
	plan_state(&plan, &gen);
	plan_at(&plan, STEP_SYNC, VOLUME_POOL, "");
	return operation_run(operation, &plan, err);
}
