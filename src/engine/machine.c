#include "machine.h"
#include <string.h>
#include "store.h"
#include "text.h"

#define POLICY_MAX (256 * 1024)

/* The root whose /etc/moult holds the policy: what runs, or what is current on another disk. */
static const struct generation *policy_owner(const struct machine *machine)
{
	const struct listing *listing = &machine->listing;

	if (listing->running.live && listing->running.booted >= 0)
		return listing_find(listing, (unsigned)listing->running.booted);
	return listing_current(listing);
}

static bool apply_file(struct machine *machine, const char *root, const char *path, struct err *err)
{
	auto_host_bytes struct host_bytes bytes = {0};
	auto_free char *name = xasprintf("/%s", path);
	int r = machine->host->ops->root_read(machine->host, root, path, POLICY_MAX, &bytes);

	if (r == -ENOENT)
		return true;
	if (r < 0)
		return err_set(err, ERR_CONFIG, -r, "cannot read %s", name);
	return policy_apply(&machine->policy, name, bytes.bytes, bytes.length, err);
}

bool machine_read_policy(struct machine *machine, const char *root, struct err *err)
{
	auto_host_names struct host_names names = {0};

	policy_done(&machine->policy);
	policy_defaults(&machine->policy);
	if (!apply_file(machine, root, "etc/moult/moult.yaml", err))
		return false;
	if (machine->host->ops->root_list(machine->host, root, "etc/moult/moult.d", &names) < 0)
		return true;
	for (size_t i = 0; i < names.count; i++) {
		auto_free char *path = xasprintf("etc/moult/moult.d/%s", names.names[i].name);

		if (text_ends(path, ".yaml") && !apply_file(machine, root, path, err))
			return false;
	}
	return true;
}

static bool read_policy(struct machine *machine, struct err *err)
{
	const struct generation *owner = policy_owner(machine);
	char root[GENERATION_PATH_MAX];

	if (owner)
		return machine_read_policy(machine, generation_root(owner, root), err);
	policy_done(&machine->policy);
	policy_defaults(&machine->policy);
	return true;
}

static bool read_boot(struct machine *machine, struct err *err)
{
	struct store_boot boot = {machine->host, machine->loader, machine->identity.pool_uuid};

	menu_done(&machine->menu);
	machine->has_boot = machine->identity.boot_where != NULL;
	return !machine->has_boot || store_read_menu(&boot, &machine->menu, err);
}

bool machine_refresh(struct machine *machine, struct err *err)
{
	listing_done(&machine->listing);
	return store_read_listing(machine->host, &machine->listing, err) && read_boot(machine, err);
}

bool machine_open(struct machine *machine, struct host *host, struct progress *progress,
		  struct err *err)
{
	int r;

	*machine = (struct machine){.host = host, .progress = progress, .loader = loaders[0]};
	r = host->ops->identity(host, &machine->identity);
	if (r < 0)
		return err_set(err, ERR_SYSTEM, -r, "cannot tell which file systems these are");
	if (!machine_refresh(machine, err))
		return false;
	/* a slip in a settings file must not keep anybody from looking, going back or blessing */
	if (!read_policy(machine, &machine->policy_trouble)) {
		policy_done(&machine->policy);
		policy_defaults(&machine->policy);
	}
	return true;
}

void machine_done(struct machine *machine)
{
	listing_done(&machine->listing);
	menu_done(&machine->menu);
	host_identity_done(&machine->identity);
	policy_done(&machine->policy);
	text_done(&machine->log);
}
