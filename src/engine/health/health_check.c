#include "health_check.h"
#include <string.h>
#include "health.h"
#include "hooks.h"
#include "memory.h"

static struct host *host_of(const struct health *health)
{
	return health->machine->host;
}

static bool unknown(int r, const char *what, char **ret_why)
{
	*ret_why = xasprintf("cannot tell %s: %s", what, strerror(-r));
	return false;
}

/* Whether a list kept in the last good boot names this. */
static bool remembers(const struct health *health, const char *list, const char *name)
{
	const json_t *array = json_object_get(health->memory, list);

	for (size_t i = 0; i < json_array_size(array); i++)
		if (text_equal(json_string_value(json_array_get(array, i)), name))
			return true;
	return false;
}

static bool finish(struct text *why, char **ret_why)
{
	if (why->length == 0)
		return true;
	*ret_why = text_take(why);
	return false;
}

/* Without a good boot to compare with, no unit may fail. */
static bool check_units(struct health *health, char **ret_why)
{
	auto_host_strings struct host_strings failed = {0};
	auto_text struct text why = {0};
	int r = host_of(health)->ops->failed_units(host_of(health), &failed);

	if (r < 0)
		return unknown(r, "which units failed", ret_why);
	for (size_t i = 0; i < failed.count; i++)
		if (!remembers(health, "failed_units", failed.strings[i]))
			text_addf(&why, "%s%s", why.length > 0 ? ", " : "", failed.strings[i]);
	if (why.length > 0)
		text_add(&why, json_object_get(health->memory, "failed_units")
				       ? " failed, which did not in the last good boot"
				       : " failed, and no good boot is known to compare with");
	return finish(&why, ret_why);
}

/* An interface may get another name by a new kernel: one way out is as good as another. */
static bool check_route(struct health *health, char **ret_why)
{
	const json_t *before = json_object_get(health->memory, "default_routes");
	const char *first = json_string_value(json_array_get(before, 0));
	auto_host_strings struct host_strings routes = {0};
	int r = host_of(health)->ops->default_routes(host_of(health), &routes);

	if (r < 0)
		return unknown(r, "whether there is a default route", ret_why);
	if (routes.count > 0 || json_array_size(before) == 0)
		return true;
	*ret_why = xasprintf("there is no default route; the last good boot had one by %s",
			     text_quote(first ? first : "?"));
	return false;
}

/* --- mounts ------------------------------------------------------------------------------------- */

static bool has(const struct fstab_line *line, const char *option)
{
	auto_free char *value = fstab_option(line, option);

	return value != NULL;
}

static bool must_be_mounted(const struct fstab_line *line)
{
	static const char *const excuses[] = {"noauto", "nofail", "x-systemd.automount"};

	if (!line->mount_point || line->mount_point[0] != '/' || strcmp(line->type, "swap") == 0)
		return false;
	for (size_t i = 0; i < COUNT(excuses); i++)
		if (has(line, excuses[i]))
			return false;
	return true;
}

static bool is_mounted(const struct host_strings *mounts, const char *mount_point)
{
	auto_free char *plain = xstrdup(mount_point);

	for (size_t length = strlen(plain); length > 1 && plain[length - 1] == '/'; length--)
		plain[length - 1] = '\0';
	return host_strings_have(mounts, plain);
}

static bool check_mounts(struct health *health, char **ret_why)
{
	auto_host_bytes struct host_bytes bytes = {0};
	auto_host_strings struct host_strings mounts = {0};
	auto_fstab struct fstab fstab = {0};
	auto_text struct text why = {0};
	struct err err = {0};
	int r = host_of(health)->ops->root_read(host_of(health), health->root, "etc/fstab",
						FSTAB_MAX_BYTES, &bytes);

	if (r == 0)
		r = host_of(health)->ops->mount_points(host_of(health), &mounts);
	if (r < 0)
		return unknown(r, "what should be mounted", ret_why);
	if (!fstab_parse("/etc/fstab", bytes.bytes, bytes.length, &fstab, &err)) {
		*ret_why = xstrdup(err.text);
		return false;
	}
	for (size_t i = 0; i < fstab.count; i++)
		if (must_be_mounted(&fstab.lines[i]) &&
		    !is_mounted(&mounts, fstab.lines[i].mount_point))
			text_addf(&why, "%s %s",
				  why.length > 0 ? ","
						 : "not mounted, although /etc/fstab asks for it:",
				  text_quote(fstab.lines[i].mount_point));
	return finish(&why, ret_why);
}

/* --- space, hooks ------------------------------------------------------------------------------- */

static bool check_space(struct health *health, char **ret_why)
{
	struct host_space space = {0};
	int r = host_of(health)->ops->space(host_of(health), VOLUME_POOL, &space);

	if (r < 0)
		return unknown(r, "how full the Btrfs is", ret_why);
	if (space.free_bytes >> 20 >= HEALTH_DATA_FLOOR_MIB &&
	    space.metadata_free_bytes >> 20 >= HEALTH_METADATA_FLOOR_MIB)
		return true;
	*ret_why = xasprintf("the Btrfs is full: %llu MiB left for data, %llu MiB for metadata",
			     (unsigned long long)(space.free_bytes >> 20),
			     (unsigned long long)(space.metadata_free_bytes >> 20));
	return false;
}

static bool check_hooks(struct health *health, char **ret_why)
{
	*ret_why = hooks_failed(health->machine);
	return *ret_why == NULL;
}

const struct health_check health_checks[] = {
	{"units", true, "systemctl --failed", check_units},
	{"default-route", true, "ip route", check_route},
	{"gateway", true, "ip neighbour", check_gateway},
	{"name-servers", true, "cat /etc/resolv.conf", check_name_servers},
	{"remote-login", true, "systemctl status ssh", check_remote},
	{"clock", true, "timedatectl", check_clock_is_sane},
	{"clock-synchronised", false, "timedatectl", check_clock_is_set},
	{"mounts", true, "systemctl list-units --type=mount --all", check_mounts},
	{"free-space", true, "sudo moult cleanup", check_space},
	{"hooks", true, "moult log", check_hooks},
};
const size_t health_check_count = COUNT(health_checks);

/* --- opening ------------------------------------------------------------------------------------ */

bool health_open(struct health *health, struct machine *machine, struct err *err)
{
	const struct running *running = &machine->listing.running;
	const struct generation *gen =
		running->booted >= 0 ? listing_find(&machine->listing, (unsigned)running->booted)
				     : NULL;

	*health = (struct health){.machine = machine};
	if (!running->live)
		return err_set(err, ERR_REFUSED, 0, "only a running system can be asked how it is");
	if (!gen) {
		err_set(err, ERR_REFUSED, 0, "the system that runs is none of moult's generations");
		return err_try(err, "moult list");
	}
	generation_root(gen, health->root);
	return memory_read(machine->host, HEALTH_MEMORY, &health->memory, err);
}

void health_done(struct health *health)
{
	json_decref(health->memory);
	host_network_done(&health->network);
	*health = (struct health){0};
}
