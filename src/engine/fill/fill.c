#include "fill.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "fill_internal.h"
#include "replay.h"
#include "source_command.h"
#include "source_packages.h"

const struct source *const sources[] = {&source_packages, &source_command};
const size_t source_count = COUNT(sources);

const struct source *source_find(const char *name)
{
	for (size_t i = 0; i < source_count; i++)
		if (text_equal(sources[i]->name, name))
			return sources[i];
	return NULL;
}

/* --- opening --------------------------------------------------------------------------------- */

#define DECOY "/run/decoy"
/* What bootctl looks for in a loader that it is to recognise as its own, and older than any. */
#define DECOY_LOADER "#### LoaderInfo: systemd-boot 1 ####\n"

static const struct stage_mount fixed_mounts[] = {
	{.kind = STAGE_FILE,
	 .at = "/usr/sbin/policy-rc.d",
	 .text = "#!/bin/sh\nexit 101\n",
	 .mode = 0755},
	/* mounted: the postinst of systemd-boot asks findmnt what it lies on, under set -e */
	{.kind = STAGE_TMPFS, .at = DECOY},
	{.kind = STAGE_DIRECTORY, .at = DECOY "/loader/entries"},
	{.kind = STAGE_DIRECTORY, .at = DECOY "/EFI/BOOT"},
	{.kind = STAGE_DIRECTORY, .at = DECOY "/EFI/Linux"},
	{.kind = STAGE_FILE,
	 .at = DECOY "/EFI/systemd/systemd-bootx64.efi",
	 .text = DECOY_LOADER,
	 .mode = 0755},
	{.kind = STAGE_FILE,
	 .at = DECOY "/EFI/systemd/systemd-bootaa64.efi",
	 .text = DECOY_LOADER,
	 .mode = 0755},
	{.kind = STAGE_FILE, .at = DECOY "/loader/loader.conf", .text = "", .mode = 0644},
};

static void find_manager(struct fill *fill)
{
	struct host *host = fill->machine->host;
	struct host_stat stat;

	for (size_t i = 0; i < package_manager_count && !fill->manager; i++)
		if (host->ops->root_stat(host, fill->root, package_managers[i].program, &stat) == 0)
			fill->manager = &package_managers[i];
}

static void read_hostname(struct fill *fill)
{
	struct host *host = fill->machine->host;
	auto_host_bytes struct host_bytes bytes = {0};
	size_t length = 0;

	if (host->ops->root_read(host, fill->root, "/etc/hostname", 4096, &bytes) == 0)
		length = strcspn(bytes.bytes, " \t\r\n#");
	fill->hostname =
		length > 0 && length <= 64 ? xstrndup(bytes.bytes, length) : xstrdup("localhost");
}

/* Links in /var lead package state into the root; without them it would not come back with it. */
static bool check_layout(struct fill *fill, struct err *err)
{
	struct host *host = fill->machine->host;
	auto_free char *database = data_volumes_path(fill, "/var/lib/dpkg");
	struct host_stat stat;

	if (!database || host->ops->stat(host, VOLUME_POOL, database, &stat) < 0 ||
	    stat.type != HOST_DIRECTORY)
		return true;
	err_set(err, ERR_REFUSED, 0,
		"the package database is a directory of the data subvolume, %s: it would not roll "
		"back with the system",
		text_quote(database));
	return err_try(err, "sudo moult check");
}

bool fill_open(struct fill *fill, struct err *err)
{
	ERR_CONTEXT(err, "cannot prepare the stage");

	fill->root = xasprintf("%s/root", fill->making);
	read_hostname(fill);
	find_manager(fill);
	for (size_t i = 0; i < COUNT(fixed_mounts); i++)
		fill_add_mount(fill, fixed_mounts[i]);
	return data_volumes_open(fill, err) && check_layout(fill, err) && defaults_note(fill, err);
}

/* --- the source ------------------------------------------------------------------------------ */

bool fill_refresh(struct fill *fill, struct err *err)
{
	return !fill->source->refresh || fill->source->refresh(fill, err);
}

bool fill_preview(struct fill *fill, struct err *err)
{
	return !fill->source->preview || fill->source->preview(fill, err);
}

/* What changed is seen from the database, not from what was announced. */
bool fill_apply(struct fill *fill, struct err *err)
{
	auto_packages struct packages before = {0};
	auto_packages struct packages after = {0};

	if (!fill_installed(fill, &before, err) || !fill->source->apply(fill, err) ||
	    !fill_installed(fill, &after, err))
		return false;
	package_changes_done(&fill->changes);
	packages_compare(&before, &after, &fill->changes);
	return defaults_collect(fill, err);
}

/* --- finishing ------------------------------------------------------------------------------- */

/* The volume's tree for the first boot; nothing is left of overlay and snapshot. */
static bool close_volume(struct fill *fill, const struct data_volume *volume, json_t *replay,
			 struct err *err)
{
	struct host *host = fill->machine->host;
	auto_json json_t *changes = seed_removed(volume);
	auto_free char *to = xasprintf("%s/replay/%s", fill->making, volume->name);
	struct prune prune = {.fill = fill, .volume = volume, .changes = changes};

	if (volume->why_not)
		return true;
	if (!prune_run(&prune, err))
		return false;
	if (prune.kept > 0 || json_array_size(changes) > 0) {
		if (!fill_check(host->ops->rename(host, VOLUME_POOL, volume->upper, to), "rename",
				volume->upper, err))
			return false;
		json_array_append_new(replay, replay_describe(volume, changes));
	}
	return fill_check(host->ops->delete_subvolume(host, volume->lower), "delete", volume->lower,
			  err);
}

static bool remove_tree(struct fill *fill, const char *name, struct err *err)
{
	struct host *host = fill->machine->host;
	auto_free char *path = xasprintf("%s/%s", fill->making, name);
	int r = host->ops->remove_tree(host, VOLUME_POOL, path);

	return r == -ENOENT || fill_check(r, "remove", path, err);
}

static bool write_replay(struct fill *fill, json_t *volumes, struct err *err)
{
	struct host *host = fill->machine->host;
	auto_free char *path = xasprintf("%s/replay.json", fill->making);
	auto_json json_t *document = NULL;
	auto_free char *text = NULL;

	if (json_array_size(volumes) == 0)
		return remove_tree(fill, "replay", err);
	document = replay_document(volumes);
	text = json_print(document);
	return fill_check(host->ops->write(host, VOLUME_POOL, path, text, strlen(text)), "write",
			  path, err);
}

static bool check_data_changes(const struct fill *fill, struct err *err)
{
	size_t count = json_array_size(fill->data_changes);
	auto_text struct text paths = {0};

	if (count == 0 || fill->accept_data_change)
		return true;
	for (size_t i = 0; i < count && i < 5; i++) {
		const json_t *change = json_array_get(fill->data_changes, i);

		text_addf(&paths, "%s%s", i == 0 ? "" : ", ",
			  json_string_value(json_object_get(change, "path")));
	}
	if (count > 5)
		text_addf(&paths, " and %zu more", count - 5);
	err_set(err, ERR_NEEDS_ACK, 0,
		"DATA_CHANGE: it changes or removes existing data, which does not roll back by "
		"itself: %s",
		paths.bytes);
	return err_try(err, "sudo moult %s --accept DATA_CHANGE%s", fill->verb,
		       fill->command ? " -- COMMAND" : "");
}

bool fill_finish(struct fill *fill, struct err *err)
{
	auto_json json_t *replay = json_array();
	auto_free char *trees = xasprintf("%s/replay", fill->making);
	auto_free char *log = xasprintf("%s/log", fill->making);

	ERR_CONTEXT(err, "cannot finish the copy");

	json_decref(fill->data_changes);
	fill->data_changes = json_array();
	if (!fill_make_directories(fill, trees, err) || !fill_make_directories(fill, log, err))
		return false;
	for (size_t i = 0; i < fill->volume_count; i++)
		if (!close_volume(fill, &fill->volumes[i], replay, err))
			return false;
	return check_data_changes(fill, err) && seed_pass_on(fill, replay, err) &&
	       write_replay(fill, replay, err) && remove_tree(fill, "overlay", err) &&
	       remove_tree(fill, "data-lower", err) && remove_tree(fill, "empty", err);
}

void fill_done(struct fill *fill)
{
	package_changes_done(&fill->changes);
	for (size_t i = 0; i < fill->volume_count; i++)
		data_volume_done(&fill->volumes[i]);
	for (size_t i = 0; i < fill->default_count; i++)
		free(fill->defaults[i].path);
	free(take(fill->volumes));
	free(take(fill->defaults));
	free(take(fill->mounts));
	fill->volume_count = fill->default_count = fill->mount_count = 0;
	host_strings_done(&fill->strings);
	fill_forget_tail(fill);
	json_decref(take(fill->data_changes));
	json_decref(take(fill->base_replay));
	free(take(fill->what));
	free(take(fill->root));
	free(take(fill->hostname));
	free(take(fill->failed_package));
	free(take(fill->failure));
}
