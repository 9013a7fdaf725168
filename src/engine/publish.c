#include "publish.h"
#include <stdio.h>
#include <string.h>
#include "changes.h"
#include "osrelease.h"
#include "run.h"

uint64_t publish_next_serial(const struct machine *machine)
{
	uint64_t listed = listing_highest_serial(&machine->listing);
	uint64_t at_loader = menu_highest_serial(&machine->menu);

	return 1 + (listed > at_loader ? listed : at_loader);
}

void entry_storage_done(struct entry_storage *storage)
{
	free(storage->title);
	free(storage->linux_from);
	free(storage->initrd_from);
	*storage = (struct entry_storage){0};
}

static char *make_title(const struct machine *machine, const struct generation *gen,
			const char *root, bool trial)
{
	auto_host_bytes struct host_bytes bytes = {0};
	auto_free char *pretty = NULL, *name = NULL;

	if (machine->host->ops->root_read(machine->host, root, "etc/os-release", 16 * 1024,
					  &bytes) == 0)
		pretty = osrelease_value(bytes.bytes, bytes.length, "PRETTY_NAME");
	if (gen->name)
		name = xasprintf(" \"%s\"", gen->name);
	return xasprintf("%s, generation %u%s%s", pretty ? pretty : "Linux", gen->id,
			 name ? name : "", trial ? ", on trial" : "");
}

/* base is the root as it was built: what its owner did to /boot since cannot reach it. */
static char *blob_source(const struct machine *machine, const struct generation *gen,
			 const char *file, const char *release)
{
	auto_free char *base = xasprintf("@gens/%u/base/boot/%s-%s", gen->id, file, release);
	char root[GENERATION_PATH_MAX];
	struct host_stat stat;

	if (machine->host->ops->stat(machine->host, VOLUME_POOL, base, &stat) == 0)
		return take(base);
	return xasprintf("%s/boot/%s-%s", generation_root(gen, root), file, release);
}

struct boot_entry publish_entry(const struct machine *machine, const struct generation *gen,
				const struct publication *pub, struct entry_storage *storage)
{
	*storage = (struct entry_storage){0};
	generation_root(gen, storage->root);
	storage->title = make_title(machine, gen, storage->root, pub->kind == PUB_TRIAL);
	if (pub->kernel) {
		storage->linux_from = blob_source(machine, gen, "vmlinuz", pub->kernel);
		storage->initrd_from = blob_source(machine, gen, "initrd.img", pub->kernel);
	}
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
static bool copy_listed(const struct machine *machine, unsigned id, struct generation *ret,
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

static void copy_publication(const struct publication *from, struct publication *to)
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
static bool check_room(struct machine *machine, const struct boot_entry *entry, struct err *err)
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

static bool require_boot(const struct machine *machine, struct err *err)
{
	if (machine->has_boot)
		return true;
	err_set(err, ERR_REFUSED, 0, "no EFI system partition was found");
	return err_try(err, "sudo moult --esp DEVICE ...");
}

/* Recovery takes back what would be published now. */
static bool require_adoption(const struct machine *machine, struct err *err)
{
	if (!listing_undone(&machine->listing))
		return true;
	err_set(err, ERR_REFUSED, 0, "the adoption was undone: the original boots");
	return err_try(err, "sudo moult init");
}

/* --- trial ---------------------------------------------------------------------------------- */

/* Every other generation on trial is taken back by this publication, and is built again. */
static bool plan_supersede(struct machine *machine, unsigned id, bool disable, struct plan *plan,
			   struct err *err)
{
	for (size_t i = 0; i < machine->listing.count; i++) {
		const struct generation *gen = &machine->listing.generations[i];
		auto_generation struct generation next = {0};

		if (gen->damage || gen->id == id || gen->state != GEN_TRIAL)
			continue;
		generation_copy(gen, &next);
		next.state = GEN_BUILT;
		for (size_t p = 0; p < next.publication_count; p++)
			if (next.publications[p].kind == PUB_TRIAL)
				next.publications[p].kind = PUB_NONE;
		plan_state(plan, &next);
		/* after a rollback's commit: a full Btrfs must not stop it */
		plan->steps[plan->count - 1].may_fail = disable;
	}
	for (size_t i = 0; i < machine->menu.count; i++) {
		const struct menu_entry *entry = &machine->menu.entries[i];

		if (entry->role != MENU_CANDIDATE || !entry->counted || entry->generation == id)
			continue;
		if (disable && entry->enabled &&
		    !machine->loader->disable(&machine->menu, entry, plan, err))
			return false;
		if (!machine->loader->remove(&machine->menu, entry, plan, err))
			return false;
	}
	return true;
}

static bool plan_trial(struct machine *machine, const struct generation *gen,
		       const struct publication *pub, struct plan *plan, struct err *err)
{
	auto_entry_storage struct entry_storage storage = {0};
	struct boot_entry entry = publish_entry(machine, gen, pub, &storage);

	if (!check_room(machine, &entry, err))
		return false;
	plan_reserve(plan, &machine->listing.layout, 0, pub->serial);
	if (!machine->loader->offer(&machine->menu, &entry, plan, err))
		return false;
	plan_state(plan, gen);
	plan_at(plan, STEP_SYNC, VOLUME_POOL, "");
	return plan_supersede(machine, gen->id, false, plan, err);
}

/* What became of it before, and why, is over. */
static void begin_trial(struct generation *gen)
{
	for (size_t i = 0; i < gen->publication_count; i++)
		if (gen->publications[i].kind == PUB_TRIAL)
			gen->publications[i].kind = PUB_NONE;
	gen->state = GEN_TRIAL;
	/* a person offers it as it is: what it lacks was said */
	if (gen->stale)
		gen->late_transid = 0;
	gen->stale = false;
	free(take(gen->stale_why));
	free(take(gen->reason));
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

	if (!require_boot(machine, err) || !publish_sweep(operation, err) ||
	    !copy_listed(machine, id, &gen, err))
		return false;
	r = ops->digest(machine->host, VOLUME_POOL, files->linux_path, DIGEST_SHA256,
			&linux_digest);
	if (r == 0 && files->initrd_path)
		r = ops->digest(machine->host, VOLUME_POOL, files->initrd_path, DIGEST_SHA256,
				&initrd_digest);
	if (r < 0)
		return err_set(err, ERR_SYSTEM, -r, "cannot read the kernel %s", files->release);
	begin_trial(&gen);
	pub = generation_publish(&gen, publish_next_serial(machine), PUB_TRIAL);
	pub->kernel = xstrdup(files->release);
	pub->options = xstrdup(files->options);
	pub->tries = machine->policy.tries;
	memcpy(pub->linux_sha256, linux_digest.hex, sizeof(pub->linux_sha256));
	memcpy(pub->initrd_sha256, initrd_digest.hex, sizeof(pub->initrd_sha256));
	return plan_trial(machine, &gen, pub, &plan, err) && operation_run(operation, &plan, err);
}

static bool publish_from(struct operation *operation, const struct lost_trial *from,
			 uint64_t continues, struct err *err)
{
	struct machine *machine = operation->machine;
	auto_generation struct generation gen = {0};
	auto_plan struct plan plan = {0};
	struct publication *pub;

	if (!require_boot(machine, err) || !require_adoption(machine, err) ||
	    !publish_sweep(operation, err) || !copy_listed(machine, from->id, &gen, err))
		return false;
	begin_trial(&gen);
	pub = generation_publish(&gen, publish_next_serial(machine), PUB_TRIAL);
	copy_publication(generation_find_publication(&gen, from->serial), pub);
	pub->tries = from->tries;
	pub->continues = continues;
	return plan_trial(machine, &gen, pub, &plan, err) && operation_run(operation, &plan, err);
}

bool publish_trial_again(struct operation *operation, unsigned id, uint64_t from_serial,
			 unsigned tries, struct err *err)
{
	struct lost_trial from = {.id = id, .tries = tries, .serial = from_serial};

	return publish_from(operation, &from, 0, err);
}

bool publish_lost_trial(struct operation *operation, const struct lost_trial *lost, struct err *err)
{
	return publish_from(operation, lost, lost->serial, err);
}

/* --- current -------------------------------------------------------------------------------- */

/* The entries of this generation that the new one replaces. */
static bool plan_remove_entries(struct machine *machine, unsigned id, struct plan *plan,
				struct err *err)
{
	for (size_t i = 0; i < machine->menu.count; i++) {
		const struct menu_entry *entry = &machine->menu.entries[i];

		if (entry->generation == id && entry->serial != 0 &&
		    !machine->loader->remove(&machine->menu, entry, plan, err))
			return false;
	}
	return true;
}

static struct publication *current_publication(struct generation *gen)
{
	for (size_t i = gen->publication_count; i > 0; i--)
		if (gen->publications[i - 1].kind == PUB_CURRENT)
			return &gen->publications[i - 1];
	return NULL;
}

/* The former current stays in the menu under its own serial, for a person to choose. */
static bool plan_former(struct machine *machine, const struct generation *former, struct plan *plan,
			struct err *err)
{
	auto_entry_storage struct entry_storage storage = {0};
	auto_generation struct generation next = {0};
	struct publication *pub;
	struct boot_entry entry;

	generation_copy(former, &next);
	pub = current_publication(&next);
	if (!pub)
		return true;
	pub->kind = PUB_OLD;
	entry = publish_entry(machine, &next, pub, &storage);
	if (!machine->loader->keep_old(&machine->menu, &entry, plan, err) ||
	    !plan_remove_entries(machine, former->id, plan, err))
		return false;
	plan_state(plan, &next);
	plan->steps[plan->count - 1].may_fail = true;
	plan_at(plan, STEP_SYNC, VOLUME_POOL, "");
	return true;
}

/* The generation as it will be once the publication is current. */
static struct publication *make_current(const struct machine *machine, uint64_t from_serial,
					struct generation *ret)
{
	struct publication *pub;
	const struct publication *from;

	for (size_t i = 0; i < ret->publication_count; i++)
		ret->publications[i].kind = PUB_NONE;
	pub = generation_publish(ret, publish_next_serial(machine), PUB_CURRENT);
	from = generation_find_publication(ret, from_serial);
	copy_publication(from, pub);
	ret->state = GEN_GOOD;
	ret->stale = false;
	free(take(ret->reason));
	return pub;
}

bool publish_plan_current(struct machine *machine, unsigned id, uint64_t from_serial,
			  struct plan *plan, struct err *err)
{
	const struct generation *former = listing_current(&machine->listing);
	auto_entry_storage struct entry_storage storage = {0};
	auto_generation struct generation gen = {0};
	struct publication *pub;
	struct boot_entry entry;
	size_t first;

	if (!require_boot(machine, err) || !require_adoption(machine, err) ||
	    !copy_listed(machine, id, &gen, err))
		return false;
	pub = make_current(machine, from_serial, &gen);
	entry = publish_entry(machine, &gen, pub, &storage);
	if (!check_room(machine, &entry, err))
		return false;
	plan_reserve(plan, &machine->listing.layout, 0, pub->serial);
	plan->steps[0].may_fail = true;
	if (!machine->loader->adopt(&machine->menu, &entry, plan, err) ||
	    !plan_remove_entries(machine, id, plan, err))
		return false;
	plan_at(plan, STEP_SET_DEFAULT, VOLUME_POOL, storage.root)->why =
		"a wiped ESP or a rescue boot lands on a system that works";
	plan_at(plan, STEP_SYNC, VOLUME_POOL, "");
	first = plan->count;
	plan_state(plan, &gen);
	plan->steps[first].may_fail = true;
	plan_at(plan, STEP_SYNC, VOLUME_POOL, "");
	if (former && former->id != id && former->id != 0 &&
	    !plan_former(machine, former, plan, err))
		return false;
	return true;
}

bool publish_current(struct operation *operation, unsigned id, uint64_t from_serial,
		     struct err *err)
{
	struct machine *machine = operation->machine;
	auto_plan struct plan plan = {0};

	if (!publish_plan_current(machine, id, from_serial, &plan, err) ||
	    !plan_supersede(machine, id, true, &plan, err))
		return false;
	return operation_run(operation, &plan, err);
}

bool publish_old(struct operation *operation, unsigned id, struct err *err)
{
	struct machine *machine = operation->machine;
	auto_entry_storage struct entry_storage storage = {0};
	auto_generation struct generation gen = {0};
	auto_plan struct plan plan = {0};
	struct publication *pub;
	struct boot_entry entry;

	if (!publish_sweep(operation, err) || !copy_listed(machine, id, &gen, err))
		return false;
	pub = generation_last_publication(&gen);
	if (!pub) {
		err_set(err, ERR_REFUSED, 0, "generation %u was never in the menu", id);
		return err_try(err, "sudo moult rollback %u", id);
	}
	pub->kind = PUB_OLD;
	entry = publish_entry(machine, &gen, pub, &storage);
	if (!check_room(machine, &entry, err) ||
	    !machine->loader->keep_old(&machine->menu, &entry, &plan, err))
		return false;
	plan_state(&plan, &gen);
	plan_at(&plan, STEP_SYNC, VOLUME_POOL, "");
	return operation_run(operation, &plan, err);
}

bool publish_withdraw(struct operation *operation, unsigned id, const char *why, struct err *err)
{
	struct machine *machine = operation->machine;
	auto_generation struct generation gen = {0};
	auto_plan struct plan plan = {0};

	if (!copy_listed(machine, id, &gen, err))
		return false;
	for (size_t i = 0; i < machine->menu.count; i++) {
		const struct menu_entry *entry = &machine->menu.entries[i];

		if (entry->generation == id && entry->counted && entry->enabled &&
		    !machine->loader->disable(&machine->menu, entry, &plan, err))
			return false;
	}
	gen.state = GEN_BUILT;
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
