#include "recover_data.h"
#include <string.h>
#include <time.h>
#include "territory.h"

char *recover_data_aside(struct machine *machine, const char *subvolume)
{
	time_t now = (time_t)machine->host->ops->clock(machine->host, HOST_CLOCK_REAL_SEC);
	auto_free char *first = NULL;
	char stamp[32] = "unknown";
	struct tm utc;
	char *name;

	if (gmtime_r(&now, &utc))
		strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &utc);
	first = xasprintf("%s" DATA_ASIDE_SUFFIX "%s", subvolume, stamp);
	name = xstrdup(first);
	for (unsigned again = 2; listing_has_subvolume(&machine->listing, name); again++) {
		free(name);
		name = xasprintf("%s-%u", first, again);
	}
	return name;
}

bool recover_data_is_put_back(struct machine *machine, const char *subvolume, const char *other)
{
	auto_host_subvolume struct host_subvolume here = {0}, there = {0};
	struct host *host = machine->host;

	return host->ops->subvolume(host, subvolume, &here) == 0 &&
	       host->ops->subvolume(host, other, &there) == 0 && here.id > there.id;
}

static bool recover_one(struct operation *operation, const char *path, struct err *err)
{
	struct machine *machine = operation->machine;
	auto_free char *subvolume = xstrndup(path, strlen(path) - strlen(DATA_BACK_SUFFIX));
	auto_free char *aside = NULL;
	auto_plan struct plan plan = {0};

	if (!listing_has_subvolume(&machine->listing, subvolume))
		return true;
	if (!recover_data_is_put_back(machine, subvolume, path)) {
		plan_at(&plan, STEP_DELETE_SUBVOLUME, VOLUME_POOL, path)->why =
			"it was going to be put back, and nobody has used it";
	} else {
		aside = recover_data_aside(machine, subvolume);
		plan_rename(&plan, VOLUME_POOL, path, aside)->why = "what it was is kept aside";
	}
	plan_at(&plan, STEP_SYNC, VOLUME_POOL, "");
	if (!operation_run(operation, &plan, err))
		return false;
	if (aside)
		operation_note(operation,
			       "a rollback was interrupted: the data %s is as it was before "
			       "already, and what it was until then is kept in %s",
			       subvolume, aside);
	return true;
}

bool recover_data(struct operation *operation, struct err *err)
{
	struct machine *machine = operation->machine;
	bool found = false;

	for (size_t i = 0; i < machine->listing.subvolume_count; i++) {
		const char *path = machine->listing.subvolumes[i];

		if (!text_ends(path, DATA_BACK_SUFFIX) || text_starts(path, "@gens/"))
			continue;
		found = true;
		if (!recover_one(operation, path, err))
			return false;
	}
	return !found || machine_refresh(machine, err);
}
