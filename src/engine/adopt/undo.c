#include "undo.h"
#include <string.h>
#include "answer.h"
#include "carve.h"
#include "firmware.h"
#include "furnish.h"
#include "territory.h"
#include "undo_plan.h"
#include "verb.h"

#define NAMED_FILES 10
#define FIRST_ROOT "@gens/1/root"

/* --- what was written since ---------------------------------------------------------------------- */

struct written {
	struct host *host;
	int64_t since_nsec;
	size_t count;
	struct text names;
};

/* Logs and caches are written by themselves; nobody misses them. */
static const char *const noise[] = {
	"var/log/",
	"var/cache/",
	"var/lib/systemd/",
	"var/tmp/",
	"var/lib/apt/lists/",
	CARVE_REST "/",
	/* what the adoption itself wrote */
	"etc/fstab",
	"etc/kernel/install.conf",
	"etc/apt/apt.conf.d/10moult",
	"etc/systemd/system/systemd-bless-boot.service",
	"etc/systemd/system/systemd-boot-update.service",
	"etc/systemd/system/systemd-boot-random-seed.service",
};

/* "@var/x" is "var/x" of the system, as "@gens/1/root/var/x" is. */
static bool is_noise(const char *path)
{
	if (text_starts(path, FIRST_ROOT "/"))
		path += strlen(FIRST_ROOT "/");
	path += *path == '@';
	/* in any of the data subvolumes */
	if (strstr(path, "/" CARVE_REST "/"))
		return true;
	for (size_t i = 0; i < COUNT(noise); i++)
		if (text_starts(path, noise[i]))
			return true;
	/* the links to the package state, which the root has */
	for (size_t i = 0; text_starts(path, "var/") && i < state_path_count; i++)
		if (text_equal(path + strlen("var/"), state_paths[i].path))
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

/* Of a system that was adopted while it ran: what it wrote is there, parted or not. */
static void note_first(struct written *written)
{
	static const char *const parts[] = {"etc", "boot", "opt"};
	struct host_stat stat;

	if (written->host->ops->stat(written->host, VOLUME_POOL, "@gens/1/first-mounts", &stat) < 0)
		return;
	for (size_t i = 0; i < COUNT(parts); i++) {
		auto_free char *path = xasprintf(FIRST_ROOT "/%s", parts[i]);

		note_written(written, path, 0);
	}
	for (size_t i = 0; i < data_path_count; i++) {
		auto_free char *path = xasprintf(FIRST_ROOT "/%s", data_paths[i].path);

		note_written(written, path, 0);
	}
}

static void tell_written(struct operation *operation)
{
	struct machine *machine = operation->machine;
	struct written written = {.host = machine->host,
				  .since_nsec = adopted_at_nsec(machine->host)};

	for (size_t i = 0; written.since_nsec > 0 && i < data_path_count; i++)
		note_written(&written, data_paths[i].subvolume, 0);
	note_first(&written);
	if (written.count > 0)
		operation_note(
			operation,
			"%zu files were written since the adoption (%s%s); they stay where they "
			"are. Copy back what you need: sudo mount -o subvolid=5 UUID=%s /mnt; "
			"sudo cp -a --reflink=auto /mnt/@var/... /var/...",
			written.count, written.names.bytes,
			written.count > NAMED_FILES ? " and more" : "",
			machine->identity.pool_uuid);
	text_done(&written.names);
}

static bool undo_body(struct operation *operation, const struct verb_request *request, json_t **ret,
		      struct err *err)
{
	struct machine *machine = operation->machine;
	auto_plan struct plan plan = {0}, first = {0};

	(void)request;
	if (!undo_plan(machine, &plan, err) || !operation_run(operation, &plan, err) ||
	    !machine_refresh(machine, err) || !undo_plan_first(machine, &first, err) ||
	    !operation_run(operation, &first, err) || !furnish_undo(operation, err) ||
	    !machine_refresh(machine, err) || !firmware_give_back(operation, err))
		return false;
	tell_written(operation);
	return answer_done(operation,
			   machine->listing.running.live && machine->listing.running.booted == 0
				   ? "the original, which runs, boots by default again"
				   : "the original boots by default again; reboot to use it",
			   ret, err);
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
