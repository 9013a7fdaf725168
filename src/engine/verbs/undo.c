#include "undo.h"
#include <string.h>
#include "answer.h"
#include "changes.h"
#include "furnish.h"
#include "territory.h"
#include "verb.h"

#define NAMED_FILES 10

static bool plan_disable(struct machine *machine, bool counted, struct plan *plan, struct err *err)
{
	for (size_t i = 0; i < machine->menu.count; i++) {
		const struct menu_entry *entry = &machine->menu.entries[i];

		if (entry->role != MENU_CANDIDATE || entry->counted != counted || !entry->enabled ||
		    entry->serial == 0)
			continue;
		if (!machine->loader->disable(&machine->menu, entry, plan, err))
			return false;
	}
	return true;
}

/* From here on nothing of moult is in the menu but the original itself. */
static bool plan_leave(struct machine *machine, struct plan *plan, struct err *err)
{
	for (size_t i = 0; i < machine->menu.count; i++) {
		const struct menu_entry *entry = &machine->menu.entries[i];

		if (entry->serial != 0 &&
		    !machine->loader->remove(&machine->menu, entry, plan, err))
			return false;
	}
	return true;
}

/* First of all: recovery must not offer again what is being taken away. */
static void plan_undone(const struct machine *machine, const struct generation *zero,
			struct plan *plan)
{
	auto_generation struct generation marked = {0};

	generation_copy(zero, &marked);
	marked.undone = true;
	plan_state(plan, &marked);
	for (size_t i = 0; i < machine->listing.count; i++) {
		const struct generation *gen = &machine->listing.generations[i];
		auto_generation struct generation next = {0};

		if (gen->damage || gen->state != GEN_TRIAL)
			continue;
		generation_copy(gen, &next);
		next.state = GEN_BUILT;
		for (size_t p = 0; p < next.publication_count; p++)
			next.publications[p].kind = PUB_NONE;
		plan_state(plan, &next);
	}
	plan_at(plan, STEP_SYNC, VOLUME_POOL, "");
}

static bool undo_plan(struct machine *machine, struct plan *plan, struct err *err)
{
	const struct generation *zero = listing_find(&machine->listing, 0);
	const char *settings;

	if (!zero || zero->damage || !zero->original) {
		err_set(err, ERR_REFUSED, 0, "the original, generation 0, is not there any more");
		return err_try(err, "moult list");
	}
	settings = zero->original_loader_conf ? zero->original_loader_conf : "";
	plan_undone(machine, zero, plan);
	if (!plan_disable(machine, true, plan, err))
		return false;
	plan_at(plan, STEP_SET_DEFAULT, VOLUME_POOL, zero->original_default)->why =
		"the default subvolume is the original's again";
	plan_at(plan, STEP_SYNC, VOLUME_POOL, "");
	if (!plan_disable(machine, false, plan, err) ||
	    !machine->loader->settle(&machine->menu, settings, plan, err))
		return false;
	return plan_leave(machine, plan, err);
}

/* --- what was written since ---------------------------------------------------------------------- */

struct written {
	struct host *host;
	int64_t since;
	size_t count;
	struct text names;
};

/* Logs and caches are written by themselves; nobody misses them. Links are what the adoption made. */
static bool is_noise(const char *path)
{
	static const char *const noise[] = {"@var/log/", "@var/cache/", "@var/lib/systemd/",
					    "@var/tmp/", "@var/lib/apt/lists/"};

	for (size_t i = 0; i < COUNT(noise); i++)
		if (text_starts(path, noise[i]))
			return true;
	return false;
}

static void note_written(struct written *written, const char *path, unsigned depth)
{
	auto_host_names struct host_names names = {0};

	if (depth > 32 || written->host->ops->list(written->host, VOLUME_POOL, path, &names) < 0)
		return;
	for (size_t i = 0; i < names.count; i++) {
		auto_free char *child = xasprintf("%s/%s", path, names.names[i].name);
		struct host_stat stat;

		if (is_noise(child) ||
		    written->host->ops->stat(written->host, VOLUME_POOL, child, &stat) < 0)
			continue;
		if (stat.type == HOST_DIRECTORY)
			note_written(written, child, depth + 1);
		else if (stat.ctime_sec > written->since && written->count++ < NAMED_FILES)
			text_addf(&written->names, "%s%s", written->count > 1 ? ", " : "", child);
	}
}

/* When the adoption was done with the data. The time of change: files come with dates of their own. */
static int64_t adopted_at(struct host *host)
{
	struct host_stat stat;

	return host->ops->stat(host, VOLUME_POOL, "@gens/1/generation.json", &stat) == 0
		       ? stat.mtime_sec
		       : 0;
}

static void tell_written(struct operation *operation)
{
	struct machine *machine = operation->machine;
	struct written written = {.host = machine->host, .since = adopted_at(machine->host)};

	for (size_t i = 0; i < data_path_count; i++)
		note_written(&written, data_paths[i].subvolume, 0);
	if (written.count > 0)
		operation_note(
			operation,
			"%zu files of data were written since the adoption (%s%s); they stay in "
			"the data subvolumes. Copy back what you need: sudo mount -o subvolid=5 "
			"UUID=%s /mnt; sudo cp -a --reflink=auto /mnt/@var/... /var/...",
			written.count, written.names.bytes,
			written.count > NAMED_FILES ? " and more" : "",
			machine->identity.pool_uuid);
	text_done(&written.names);
}

static bool undo_body(struct operation *operation, const struct verb_request *request, json_t **ret,
		      struct err *err)
{
	struct machine *machine = operation->machine;
	auto_plan struct plan plan = {0};

	(void)request;
	if (!undo_plan(machine, &plan, err) || !operation_run(operation, &plan, err) ||
	    !furnish_undo(operation, err))
		return false;
	tell_written(operation);
	return answer_done(operation, "the original boots by default again; reboot to use it", ret,
			   err);
}

bool undo_adoption(struct machine *machine, const struct verb_request *request, json_t **ret,
		   struct err *err)
{
	auto_plan struct plan plan = {0};

	if (!request->dry_run)
		return verb_run(machine, request, undo_body, ret, err);
	if (!verb_require_adopted(machine, err) || !undo_plan(machine, &plan, err))
		return false;
	*ret = answer_planned(machine, "init --undo", &plan);
	return true;
}
