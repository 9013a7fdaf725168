#include "source_packages.h"
#include <string.h>
#include "fill_internal.h"

#define REFRESH_TIMEOUT_SEC (30 * 60)
#define SIMULATE_TIMEOUT_SEC (10 * 60)
/* for slow machines and whole releases; a script that waits for an answer ends here */
#define UPGRADE_TIMEOUT_SEC (6 * 60 * 60)

static bool have_manager(struct fill *fill, struct err *err)
{
	if (fill->manager)
		return true;
	err_set(err, ERR_REFUSED, 0, "this system has no package manager that moult knows");
	return err_try(err, "sudo moult run -- COMMAND");
}

/* A database that is not in order now would be taken for the upgrade's fault. */
static bool audit(struct fill *fill, struct err *err)
{
	auto_free char *tail = NULL;
	struct fill_command command = {.argv = fill->manager->audit,
				       .timeout_sec = SIMULATE_TIMEOUT_SEC};
	int status;

	if (!fill_run(fill, &command, &status, err))
		return false;
	if (status == 0 && fill->line_count == 0)
		return true;
	tail = fill_tail(fill, 6);
	err_set(err, ERR_REFUSED, 0, "packages are not completely installed:%s", tail);
	return err_try(err, "%s", fill->manager->audit_remedy);
}

static bool note_held(struct fill *fill, struct err *err)
{
	auto_packages struct packages packages = {0};

	if (!fill_installed(fill, &packages, err))
		return false;
	for (size_t i = 0; i < packages.count; i++)
		if (packages.all[i].held)
			fill_note(fill, "%s is on hold and stays at %s", packages.all[i].name,
				  packages.all[i].version);
	return true;
}

static bool refresh(struct fill *fill, struct err *err)
{
	auto_free char *tail = NULL;
	struct fill_command command = {.timeout_sec = REFRESH_TIMEOUT_SEC};
	int status;

	if (!have_manager(fill, err) || !audit(fill, err))
		return false;
	if (fill->release && !fill->manager->change_release(fill, err))
		return false;
	command.argv = fill->manager->refresh;
	if (!fill_run(fill, &command, &status, err))
		return false;
	if (status == 0)
		return note_held(fill, err);
	tail = fill_tail(fill, 5);
	err_set(err, ERR_SYSTEM, 0, "cannot reach the package archive:%s", tail);
	return err_try(err, "sudo moult upgrade");
}

static void read_change(struct fill *fill, const char *line)
{
	fill->manager->read_change(line, &fill->changes);
}

static void read_download(struct fill *fill, const char *line)
{
	fill->download_bytes += fill->manager->read_download(line);
}

/* One question to the package manager that changes nothing. */
static bool ask(struct fill *fill, const char *const *argv,
		void (*on_output)(struct fill *fill, const char *line), struct err *err)
{
	auto_free char *tail = NULL;
	struct fill_command command = {
		.argv = argv,
		.on_output = on_output,
		.timeout_sec = SIMULATE_TIMEOUT_SEC,
	};
	int status;

	if (!fill_run(fill, &command, &status, err))
		return false;
	if (status == 0)
		return true;
	tail = fill_tail(fill, 5);
	err_set(err, ERR_REFUSED, 0, "the upgrade cannot be worked out:%s", tail);
	return err_try(err, "sudo moult log %u", fill->generation);
}

static bool preview(struct fill *fill, struct err *err)
{
	package_changes_done(&fill->changes);
	fill->download_bytes = 0;
	return ask(fill, fill->manager->simulate, read_change, err) &&
	       ask(fill, fill->manager->downloads, read_download, err);
}

static void read_status(struct fill *fill, const char *line)
{
	struct progress *progress = fill->machine->progress;
	struct manager_progress at;

	fill->manager->read_status(line, &at);
	if (at.kind == PROGRESS_FAILED && !fill->failure) {
		fill->failed_package = xstrdup(at.package);
		fill->failure = xstrdup(at.text);
	}
	if (at.kind != PROGRESS_AT)
		return;
	if (at.percent > fill->percent)
		fill->percent = at.percent;
	progress->percent(progress, fill->percent, at.text);
}

static bool apply(struct fill *fill, struct err *err)
{
	auto_free char *tail = NULL;
	struct fill_command command = {.timeout_sec = UPGRADE_TIMEOUT_SEC,
				       .on_status = read_status};
	int status;

	if (!have_manager(fill, err))
		return false;
	free(fill->what);
	fill->what = fill->release ? xasprintf("%s to %s", fill->manager->what, fill->release)
				   : xstrdup(fill->manager->what);
	command.argv = fill->manager->upgrade;
	command.status_fd = fill->manager->status_fd;
	if (!fill_run(fill, &command, &status, err))
		return false;
	if (status == 0) {
		fill->machine->progress->percent(fill->machine->progress, 100, fill->what);
		return true;
	}
	tail = fill_tail(fill, FILL_TAIL_LINES);
	if (fill->failure)
		err_set(err, ERR_REFUSED, 0, "package %s: %s; the last output:%s",
			text_quote(fill->failed_package), fill->failure, tail);
	else
		err_set(err, ERR_REFUSED, 0, "%s failed (status %d); the last output:%s",
			fill->what, status, tail);
	return err_try(err, "sudo moult log %u", fill->generation);
}

const struct source source_packages = {
	.name = "packages", .refresh = refresh, .preview = preview, .apply = apply};
