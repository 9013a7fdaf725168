#include "live_kernel.h"
#include <errno.h>
#include <string.h>
#include "changes.h"
#include "proposal.h"
#include "publish.h"
#include "report.h"
#include "verify.h"

/* --- the mark ----------------------------------------------------------------------------------- */

static char *mark_of(const struct machine *machine)
{
	return xasprintf(MOULT_DIRECTORY "/kernel-changed.%d", machine->listing.running.booted);
}

bool live_kernel_marked(const struct machine *machine)
{
	auto_free char *mark = mark_of(machine);
	struct host_stat stat;

	return machine->listing.running.booted > 0 &&
	       machine->host->ops->stat(machine->host, VOLUME_POOL, mark, &stat) == 0;
}

/* When it was left; 0 = there is none. */
static int64_t read_mark(const struct machine *machine)
{
	auto_free char *mark = mark_of(machine);
	struct host_stat stat;

	return machine->host->ops->stat(machine->host, VOLUME_POOL, mark, &stat) == 0
		       ? stat.ctime_nsec
		       : 0;
}

/* Only once all is done, and not where something came meanwhile. */
static void remove_mark(struct machine *machine, int64_t left_nsec)
{
	auto_free char *mark = mark_of(machine);

	if (read_mark(machine) == left_nsec)
		machine->host->ops->remove(machine->host, VOLUME_POOL, mark);
}

/* Where current cannot be read, the original passes for it: but that is not what runs. */
static const struct generation *running_current(const struct machine *machine)
{
	const struct generation *current = listing_current(&machine->listing);

	return current && current->id > 0 && !current->damage &&
			       (int)current->id == machine->listing.running.booted
		       ? current
		       : NULL;
}

bool live_kernel_may(const struct machine *machine)
{
	const struct generation *current = running_current(machine);

	return current && text_equal(report_session(machine), "normal") &&
	       generation_last_publication(current);
}

/* --- copies that apt cannot reach --------------------------------------------------------------- */

struct own_copy {
	const char *kind; /* "linux", "initrd" */
	const char *from; /* on the pool */
	char sha256[65];
};

static bool check(int r, const char *what, const char *path, struct err *err)
{
	return r >= 0 || err_set(err, ERR_SYSTEM, -r, "cannot %s %s", what, text_quote(path));
}

static bool take_copy(struct machine *machine, unsigned id, struct own_copy *copy, struct err *err)
{
	struct host *host = machine->host;
	char directory[GENERATION_PATH_MAX];
	auto_free char *folder = xasprintf("%s/boot", generation_directory(id, directory));
	auto_free char *temporary = xasprintf("%s/new", folder), *path = NULL;
	struct digest digest = {0};
	int r = host->ops->make_directory(host, VOLUME_POOL, folder, 0755);

	if ((r != -EEXIST && !check(r, "make", folder, err)) ||
	    !check(host->ops->copy(host, VOLUME_POOL, copy->from, VOLUME_POOL, temporary), "copy",
		   copy->from, err) ||
	    !check(host->ops->digest(host, VOLUME_POOL, temporary, DIGEST_SHA256, &digest), "read",
		   temporary, err))
		return false;
	path = publish_own_copy(id, copy->kind, digest.hex);
	memcpy(copy->sha256, digest.hex, sizeof(copy->sha256));
	return check(host->ops->rename(host, VOLUME_POOL, temporary, path), "rename", temporary,
		     err);
}

/* Whether a publication that is in the menu, or was blessed, goes by this file's digest. */
static bool is_named(const struct generation *gen, const char *name)
{
	for (size_t i = 0; i < gen->publication_count; i++) {
		const struct publication *pub = &gen->publications[i];

		if (pub->kind != PUB_NONE &&
		    (strstr(name, pub->linux_sha256) ||
		     (*pub->initrd_sha256 && strstr(name, pub->initrd_sha256))))
			return true;
	}
	return false;
}

/* What cannot be removed now is removed the next time. */
static void sweep_copies(struct machine *machine)
{
	struct host *host = machine->host;
	auto_free char *folder = xasprintf("@gens/%d/boot", machine->listing.running.booted);
	const struct generation *gen;
	auto_host_names struct host_names names = {0};
	struct err unused = {0};

	/* by what is on the disk now: what was committed and not written down yet must stay */
	if (!machine_refresh(machine, &unused))
		return;
	gen = running_current(machine);
	if (!gen || host->ops->list(host, VOLUME_POOL, folder, &names) < 0)
		return;
	for (size_t i = 0; i < names.count; i++) {
		auto_free char *path = xasprintf("%s/%s", folder, names.names[i].name);

		if (!is_named(gen, names.names[i].name))
			host->ops->remove(host, VOLUME_POOL, path);
	}
}

/* --- kernels that are gone ---------------------------------------------------------------------- */

static bool has_modules(const struct machine *machine, const char *root, const char *release)
{
	auto_free char *path = xasprintf("lib/modules/%s", release ? release : "");
	struct host_stat stat;

	/* where it cannot be told, nothing is said */
	return !release ||
	       machine->host->ops->root_stat(machine->host, root, path, &stat) != -ENOENT;
}

/* Its entry would boot a kernel without its modules. */
static bool drop_former(struct operation *operation, unsigned id, const char *root, struct err *err)
{
	struct machine *machine = operation->machine;
	auto_generation struct generation gen = {0};
	auto_plan struct plan plan = {0};

	generation_copy(listing_find(&machine->listing, id), &gen);
	for (size_t i = 0; i < gen.publication_count; i++) {
		struct publication *pub = &gen.publications[i];
		const struct menu_entry *entry = menu_find(&machine->menu, pub->serial);

		if (pub->kind != PUB_OLD || has_modules(machine, root, pub->kernel))
			continue;
		pub->kind = PUB_NONE;
		operation_note(operation,
			       "the former kernel %s of generation %u is not installed any more, "
			       "and leaves the boot menu",
			       pub->kernel, id);
		if (entry && !machine->loader->remove(&machine->menu, entry, &plan, err))
			return false;
		plan_state(&plan, &gen);
	}
	return operation_run(operation, &plan, err) && machine_refresh(machine, err);
}

static void note_gone(struct operation *operation, const struct generation *gen, const char *root)
{
	const struct publication *proven = generation_last_publication(gen);

	if (!has_modules(operation->machine, root, proven->kernel))
		operation_note(operation,
			       "the kernel %s that generation %u boots by default is not installed "
			       "any more: it still boots, but its modules are gone; put it back "
			       "with: sudo apt-get install linux-image-%s",
			       proven->kernel, gen->id, proven->kernel);
}

/* --- the whole ---------------------------------------------------------------------------------- */

/* What /boot has now, as a publication that borrows. */
static bool find_wanted(struct machine *machine, const struct generation *gen,
			const struct kernel *kernel, struct publication *ret, struct err *err)
{
	const struct publication *proposed = generation_proposed(gen);
	const struct publication *base = proposed ? proposed : generation_last_publication(gen);
	struct own_copy linux_copy = {.kind = "linux", .from = kernel->linux_path};
	struct own_copy initrd_copy = {.kind = "initrd", .from = kernel->initrd_path};

	if (!take_copy(machine, gen->id, &linux_copy, err) ||
	    !take_copy(machine, gen->id, &initrd_copy, err) ||
	    !check(machine->host->ops->sync(machine->host, VOLUME_POOL), "sync", "the Btrfs", err))
		return false;
	*ret = (struct publication){.kernel = kernel->release, .options = base->options};
	memcpy(ret->linux_sha256, linux_copy.sha256, sizeof(linux_copy.sha256));
	memcpy(ret->initrd_sha256, initrd_copy.sha256, sizeof(initrd_copy.sha256));
	return true;
}

static bool withdraw(struct operation *operation, unsigned id, struct err *err)
{
	auto_plan struct plan plan = {0};

	return publish_plan_no_proposal(operation->machine, id, &plan, err) &&
	       operation_run(operation, &plan, err);
}

/* The power went between the loader's commit and our own record, which alone names it. */
static bool name_kernel(struct operation *operation, const struct generation *gen,
			const char *release, struct err *err)
{
	auto_generation struct generation next = {0};
	auto_plan struct plan plan = {0};

	generation_copy(gen, &next);
	generation_proposed(&next)->kernel = xstrdup(release);
	plan_state(&plan, &next);
	plan_at(&plan, STEP_SYNC, VOLUME_POOL, "");
	return operation_run(operation, &plan, err);
}

static bool propose(struct operation *operation, const struct generation *gen,
		    const struct publication *wanted, char **ret_sentence, struct err *err)
{
	const struct publication *proposed = generation_proposed(gen);
	const struct publication *proven = generation_last_publication(gen);
	const struct publication *refused = generation_refused(gen);
	auto_free char *sentence = NULL;
	bool done;

	if (proposed && publication_same(wanted, proposed))
		return proposed->kernel || name_kernel(operation, gen, wanted->kernel, err);
	if ((!proposed && publication_same(wanted, proven)) ||
	    (refused && publication_same(wanted, refused)))
		return true;
	if (proposed && publication_same(wanted, proven)) {
		sentence = xasprintf("generation %u keeps kernel and initrd", gen->id);
		done = withdraw(operation, gen->id, err);
	} else {
		sentence = xasprintf("the new %s (%s) of generation %u is tried at the next boot",
				     publication_novelty(proven, wanted), wanted->kernel, gen->id);
		done = publish_proposal(operation, gen->id, wanted, err);
	}
	if (done)
		*ret_sentence = take(sentence);
	return done;
}

/* The listing was read again, and the disk may fail at any time. */
static bool find_current(const struct machine *machine, const struct generation **ret,
			 struct err *err)
{
	*ret = running_current(machine);
	if (*ret && generation_last_publication(*ret))
		return true;
	err_set(err, ERR_CORRUPT, 0, "the current generation cannot be read");
	return err_try(err, "sudo moult check");
}

static bool work(struct operation *operation, char **ret_sentence, struct err *err)
{
	struct machine *machine = operation->machine;
	const struct generation *gen;
	auto_kernel struct kernel kernel = {0};
	struct publication wanted = {0};
	char root[GENERATION_PATH_MAX];

	if (!find_current(machine, &gen, err))
		return false;
	generation_root(gen, root);
	note_gone(operation, gen, root);
	return drop_former(operation, gen->id, root, err) && find_current(machine, &gen, err) &&
	       verify_live_kernel(machine, root, &kernel, err) &&
	       find_wanted(machine, gen, &kernel, &wanted, err) &&
	       propose(operation, gen, &wanted, ret_sentence, err) && machine_refresh(machine, err);
}

bool live_kernel(struct operation *operation, unsigned wait_sec, char **ret_sentence,
		 struct err *err)
{
	struct machine *machine = operation->machine;
	const struct host_ops *ops = machine->host->ops;
	char root[GENERATION_PATH_MAX];
	int64_t left_nsec;
	bool done;
	int r;

	*ret_sentence = NULL;
	generation_root(listing_current(&machine->listing), root);
	/* half a kernel is no kernel */
	r = ops->package_lock(machine->host, root, wait_sec);
	if (r == -EBUSY || r == -EAGAIN) {
		err_set(err, ERR_BUSY, 0, "the package manager is at work: its lock is held");
		return err_try(err, "sudo fuser -v /var/lib/dpkg/lock-frontend");
	}
	if (r < 0 && r != -ENOENT)
		return err_set(err, ERR_SYSTEM, -r, "cannot take the package manager's lock");
	left_nsec = read_mark(machine);
	done = work(operation, ret_sentence, err);
	if (done)
		remove_mark(machine, left_nsec);
	sweep_copies(machine);
	if (r == 0)
		ops->package_unlock(machine->host);
	return done;
}
