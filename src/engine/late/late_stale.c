#include <string.h>
#include "dpkg.h"
#include "late.h"
#include "territory.h"

/* --- packages ----------------------------------------------------------------------------------- */

static const char *const package_state[] = {SYSIMAGE "/dpkg/status",
					    SYSIMAGE "/apt/extended_states"};

static bool state_differs(struct machine *machine, const struct late_watch *watch, bool *ret,
			  struct err *err)
{
	*ret = false;
	for (size_t i = 0; i < COUNT(package_state) && !*ret; i++) {
		auto_free char *now = xasprintf("%s/%s", watch->from, package_state[i]);
		auto_free char *then = xasprintf("%s/%s", watch->ancestor, package_state[i]);
		int r = machine->host->ops->differ(machine->host, now, then);

		if (r < 0)
			return err_set(err, ERR_SYSTEM, -r,
				       "cannot tell whether packages were changed since "
				       "generation %u was staged",
				       watch->pending->id);
		*ret = r > 0;
	}
	return true;
}

static bool read_packages(struct machine *machine, const char *root, struct packages *ret)
{
	auto_host_bytes struct host_bytes bytes = {0};
	struct err unused = {0};

	return machine->host->ops->root_read(machine->host, root, package_state[0],
					     DPKG_STATUS_MAX_BYTES, &bytes) == 0 &&
	       packages_parse("dpkg's status", bytes.bytes, bytes.length, ret, &unused);
}

#define NAMED_MAX 3

/* "htop installed, vim removed, bash updated and 2 more" */
static void add_changes(const struct package_changes *changes, struct text *text)
{
	for (size_t i = 0; i < changes->count && i < NAMED_MAX; i++) {
		const struct package_change *change = &changes->all[i];

		text_addf(text, "%s%s %s", i > 0 ? ", " : ": ", change->name,
			  !change->from ? "installed"
			  : !change->to ? "removed"
					: "updated");
	}
	if (changes->count > NAMED_MAX)
		text_addf(text, " and %zu more", changes->count - NAMED_MAX);
}

bool late_packages(struct machine *machine, const struct late_watch *watch, char **ret_why,
		   struct err *err)
{
	auto_package_changes struct package_changes changes = {0};
	auto_packages struct packages now = {0}, then = {0};
	struct text text = {0};
	bool differs;

	*ret_why = NULL;
	if (!state_differs(machine, watch, &differs, err))
		return false;
	if (!differs)
		return true;
	text_add(&text, "packages were changed since it was staged");
	if (read_packages(machine, watch->from, &now) &&
	    read_packages(machine, watch->ancestor, &then))
		packages_compare(&then, &now, &changes);
	add_changes(&changes, &text);
	*ret_why = text_take(&text);
	return true;
}

/* --- stale -------------------------------------------------------------------------------------- */

bool late_stale_why(struct machine *machine, const struct late_watch *watch,
		    struct late_edits *edits, char **ret_why, struct err *err)
{
	*edits = (struct late_edits){0};
	if (!late_packages(machine, watch, ret_why, err))
		return false;
	if (*ret_why)
		return true;
	if (!late_find(machine, watch, watch->from, edits, err))
		return false;
	*ret_why = late_contradiction(watch, edits);
	return true;
}

const char *late_remedy(const struct generation *gen)
{
	return text_equal(gen->source, "command") ? "sudo moult run --replace -- COMMAND"
						  : "sudo moult upgrade";
}
