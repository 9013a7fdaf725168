#include "restore.h"
#include <string.h>
#include "publish.h"

bool restore_current(struct operation *operation, struct err *err)
{
	struct machine *machine = operation->machine;
	const struct generation *current = listing_current(&machine->listing);
	const struct menu_entry *truth = menu_truth(&machine->menu);
	const struct publication *pub =
		current && !current->damage ? generation_last_publication(current) : NULL;

	/* serial 0 is the original's: it stays below every other, so it is no sign of a choice */
	if (!pub || current->id == 0 || (truth && truth->serial != 0))
		return true;
	return publish_current(operation, current->id, pub->serial, err) &&
	       machine_refresh(machine, err);
}

/* Written, but not enabled, or without its kernel: the loader leaves that out, and so it is not there. */
static bool has_original(const struct menu *menu)
{
	for (size_t i = 0; i < menu->count; i++) {
		const struct menu_entry *entry = &menu->entries[i];

		if (entry->serial == 0 && entry->role == MENU_CANDIDATE && entry->enabled &&
		    entry->whole && !entry->kernel_missing)
			return true;
	}
	return false;
}

/* Edited by hand, and the loader shows it: it goes only where something else boots by itself. */
static bool plan_without_edited(struct machine *machine, struct plan *plan, bool *ret_blocked,
				struct err *err)
{
	const struct menu_entry *there = menu_find(&machine->menu, 0);

	*ret_blocked = false;
	if (!there || !there->enabled || there->whole)
		return true;
	*ret_blocked = !menu_truth(&machine->menu);
	return *ret_blocked || machine->loader->remove(&machine->menu, there, plan, err);
}

bool restore_original(struct operation *operation, struct err *err)
{
	struct machine *machine = operation->machine;
	const struct generation *zero = listing_find(&machine->listing, 0);
	auto_entry_storage struct entry_storage storage = {0};
	auto_plan struct plan plan = {0};
	struct publication *pub;
	struct boot_entry entry;
	bool blocked;

	if (!zero || zero->damage || has_original(&machine->menu))
		return true;
	pub = generation_find_publication(zero, 0);
	/* documents damaged by hand: nothing to make an entry from, and no reason to stop a rollback */
	if (!pub)
		return true;
	if (!plan_without_edited(machine, &plan, &blocked, err))
		return false;
	if (blocked)
		return true;
	entry = publish_entry(machine, zero, pub, &storage);
	if (!machine->loader->adopt(&machine->menu, &entry, &plan, err))
		return false;
	for (size_t i = 0; i < plan.count; i++)
		plan.steps[i].commit = false;
	return operation_run(operation, &plan, err) && machine_refresh(machine, err);
}

/* --- the whole ---------------------------------------------------------------------------------- */

bool restore_hint(const struct machine *machine, struct err *err)
{
	const char *where = machine->identity.boot_where;

	/* a partition of a disk that is named is no device that could be unmounted */
	if (where && text_starts(where, "/dev/") && !strchr(where, ' '))
		return err_try(err, "sudo umount %s; sudo moult repair; sudo mount -a", where);
	return err_try(err, "sudo umount /boot/efi; sudo moult repair; sudo mount -a");
}

bool restore_volume(struct operation *operation, struct err *err)
{
	struct machine *machine = operation->machine;
	const struct host_ops *ops = machine->host->ops;
	auto_free char *findings = NULL, *repaired = NULL;
	bool damaged = ops->check(machine->host, VOLUME_BOOT, &findings) == -EUCLEAN;
	int r;

	if (!damaged && ops->unclean(machine->host, VOLUME_BOOT) <= 0)
		return true;
	r = ops->repair(machine->host, VOLUME_BOOT, &repaired);
	/* the flag alone does no harm; it goes when nobody else has the volume mounted */
	if (r < 0 && !damaged)
		return true;
	if (r < 0) {
		err_set(err, ERR_SYSTEM, -r, "cannot repair the boot volume (%s)", findings);
		return restore_hint(machine, err);
	}
	if (damaged)
		operation_note(operation, "the file system of the boot volume was repaired: %s",
			       findings);
	return machine_refresh(machine, err);
}

/* An entry of ours that was edited or half overwritten: the loader may show it, nobody vouches for it. */
static bool remove_unreadable(struct operation *operation, struct err *err)
{
	struct machine *machine = operation->machine;
	auto_plan struct plan plan = {0};

	for (size_t i = 0; i < machine->menu.count; i++) {
		const struct menu_entry *entry = &machine->menu.entries[i];

		if (!entry->whole && !machine->loader->remove(&machine->menu, entry, &plan, err))
			return false;
	}
	return operation_run(operation, &plan, err) && machine_refresh(machine, err);
}

static void plan_entry_blobs(struct machine *machine, const struct menu_entry *found,
			     struct plan *plan)
{
	static const char why[] = "kernel and initrd";
	const struct generation *gen = listing_find(&machine->listing, found->generation);
	auto_entry_storage struct entry_storage storage = {0};
	const struct publication *pub;
	char path[256];

	if (!gen || gen->damage || !found->enabled || !found->whole)
		return;
	pub = generation_find_publication(gen, found->serial);
	if (!pub)
		pub = generation_last_publication(gen);
	if (!pub)
		return;
	publish_entry(machine, gen, pub, &storage);
	machine->loader->blob_path("linux", found->linux_sha256, path, sizeof(path));
	plan_put_blob(plan, storage.linux_from, path, found->linux_sha256)->why = why;
	if (!*found->initrd_sha256)
		return;
	machine->loader->blob_path("initrd", found->initrd_sha256, path, sizeof(path));
	plan_put_blob(plan, storage.initrd_from, path, found->initrd_sha256)->why = why;
}

static bool restore_blobs(struct operation *operation, struct err *err)
{
	struct machine *machine = operation->machine;
	auto_plan struct plan plan = {0};

	for (size_t i = 0; i < machine->menu.count; i++)
		plan_entry_blobs(machine, &machine->menu.entries[i], &plan);
	if (!machine->loader->settle(&machine->menu, machine->loader->settings(), &plan, err))
		return false;
	return operation_run(operation, &plan, err);
}

bool restore_boot(struct operation *operation, struct err *err)
{
	return restore_current(operation, err) && restore_original(operation, err) &&
	       remove_unreadable(operation, err) && restore_blobs(operation, err);
}
