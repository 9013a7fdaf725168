#include "undo.h"
#include <string.h>
#include "answer.h"
#include "furnish.h"
#include "territory.h"
#include "undo_plan.h"
#include "verb.h"

#define NAMED_FILES 10

/* --- what was written since ---------------------------------------------------------------------- */

struct written {
	struct host *host;
	int64_t since_nsec;
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
		else if (stat.ctime_nsec > written->since_nsec && written->count++ < NAMED_FILES)
			text_addf(&written->names, "%s%s", written->count > 1 ? ", " : "", child);
	}
}

/* When the adoption was done with the data. The time of change: files come with dates of their own. */
static int64_t adopted_at_nsec(struct host *host)
{
	struct host_stat stat;

	return host->ops->stat(host, VOLUME_POOL, "@gens/1/generation.json", &stat) == 0
		       ? stat.ctime_nsec
		       : 0;
}

static void tell_written(struct operation *operation)
{
	struct machine *machine = operation->machine;
	struct written written = {.host = machine->host,
				  .since_nsec = adopted_at_nsec(machine->host)};

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
