/*
 * fill_driver - fill and replay by themselves, on an image, for fill_test.py.
 *
 *	fill_driver IMAGE carve                      @gens/.1.tmp/root → @gens/1/root and data
 *	fill_driver IMAGE fill ID [--release R] [--accept] [--preview] [--terminal] [-- COMMAND…]
 *	fill_driver IMAGE replay ID
 *
 * Prints one JSON document; the exit status says only whether it could.
 */
#include <stdio.h>
#include <string.h>
#include "carve.h"
#include "fill.h"
#include "linux.h"

struct driver {
	struct progress progress; /* first: the calls get only it */
	struct machine machine;
	json_t *answer, *notes;
	unsigned percent;
};

static void on_phase(struct progress *progress, const char *name, const char *sentence)
{
	(void)progress;
	(void)name;
	(void)sentence;
}

static void on_percent(struct progress *progress, unsigned percent, const char *what)
{
	struct driver *driver = (struct driver *)progress;

	(void)what;
	if (percent < driver->percent)
		json_object_set_new(driver->answer, "percent_fell", json_true());
	driver->percent = percent;
}

static void on_output(struct progress *progress, const char *line)
{
	(void)progress;
	fprintf(stderr, "  %s\n", line);
}

static void on_note(struct progress *progress, const char *sentence)
{
	json_array_append_new(((struct driver *)progress)->notes, json_text(sentence));
}

static bool effect(int r, const char *what, struct err *err)
{
	return r >= 0 || err_set(err, ERR_SYSTEM, -r, "%s", what);
}

static bool verb_carve(struct driver *driver, struct err *err)
{
	struct host *host = driver->machine.host;

	return carve_run(&driver->machine, "@gens/.1.tmp", err) &&
	       effect(host->ops->rename(host, VOLUME_POOL, "@gens/.1.tmp", "@gens/1"), "rename",
		      err) &&
	       carve_place(host, "@gens/1", err);
}

static bool begin(struct driver *driver, const char *making, struct err *err)
{
	struct host *host = driver->machine.host;
	auto_free char *root = xasprintf("%s/root", making);

	return effect(host->ops->make_directory(host, VOLUME_POOL, making, 0755), making, err) &&
	       effect(host->ops->snapshot(host, "@gens/1/root", root, false), "snapshot", err);
}

static bool run_all(struct fill *fill, bool only_preview, struct err *err)
{
	if (!fill_open(fill, err) || !fill_refresh(fill, err) || !fill_preview(fill, err))
		return false;
	return only_preview || (fill_apply(fill, err) && fill_finish(fill, err));
}

static bool verb_fill(struct driver *driver, char **argv, struct err *err)
{
	struct host *host = driver->machine.host;
	auto_free char *making = xasprintf("@gens/.%s.tmp", argv[0]);
	auto_free char *listed = xasprintf("@gens/%s", argv[0]);
	struct fill fill = {
		.machine = &driver->machine,
		.source = source_find("packages"),
		.verb = "upgrade",
		.making = making,
		.base = "@gens/1",
		.generation = (unsigned)atoi(argv[0]),
	};
	bool only_preview = false, done;

	for (argv++; *argv; argv++) {
		if (strcmp(*argv, "--accept") == 0)
			fill.accept_data_change = true;
		else if (strcmp(*argv, "--preview") == 0)
			only_preview = true;
		else if (strcmp(*argv, "--terminal") == 0)
			fill.terminal = true;
		else if (strcmp(*argv, "--release") == 0 && argv[1])
			fill.release = *++argv;
		else if (strcmp(*argv, "--") == 0)
			break;
	}
	if (*argv)
		fill.command = (const char *const *)argv + 1;
	if (*argv || fill.terminal) {
		fill.source = source_find("command");
		fill.verb = *argv ? "run" : "shell";
	}
	done = begin(driver, making, err) && run_all(&fill, only_preview, err);
	json_object_set_new(driver->answer, "changes", package_changes_json(&fill.changes));
	json_put_string(driver->answer, "what", fill.what);
	if (fill.data_changes)
		json_object_set(driver->answer, "data_changes", fill.data_changes);
	fill_done(&fill);
	fill_done(&fill);
	return done && (only_preview || effect(host->ops->rename(host, VOLUME_POOL, making, listed),
					       "rename", err));
}

static bool run(struct driver *driver, char **argv, struct err *err)
{
	struct machine *machine = &driver->machine;

	if (!linux_host_open(&(struct linux_options){.sysroot = argv[1]}, &machine->host, err))
		return false;
	if (!effect(machine->host->ops->identity(machine->host, &machine->identity), "identity",
		    err))
		return false;
	if (strcmp(argv[2], "carve") == 0)
		return verb_carve(driver, err);
	if (strcmp(argv[2], "fill") == 0 && argv[3])
		return verb_fill(driver, argv + 3, err);
	if (strcmp(argv[2], "replay") == 0 && argv[3])
		return replay_run(machine, (unsigned)atoi(argv[3]), err);
	return err_set(err, ERR_USAGE, 0, "unknown verb");
}

int main(int argc, char **argv)
{
	struct driver driver = {
		.progress = {on_phase, on_percent, on_output, on_note},
		.answer = json_object(),
		.notes = json_array(),
	};
	struct err err = {0};
	auto_free char *text = NULL;
	bool done;

	if (argc < 3)
		return 2;
	driver.machine.progress = &driver.progress;
	done = run(&driver, argv, &err);
	json_object_set_new(driver.answer, "ok", json_boolean(done));
	json_object_set_new(driver.answer, "notes", driver.notes);
	json_object_set_new(driver.answer, "percent", json_integer(driver.percent));
	json_object_set_new(driver.answer, "kind", json_integer(done ? 0 : err.kind));
	json_put_string(driver.answer, "error", done ? "" : err.text);
	json_put_string(driver.answer, "hint", done ? "" : err.hint);
	json_put_string(driver.answer, "log", driver.machine.log.bytes);
	text = json_print(driver.answer);
	fputs(text, stdout);
	json_decref(driver.answer);
	text_done(&driver.machine.log);
	host_identity_done(&driver.machine.identity);
	linux_host_close(driver.machine.host);
	return 0;
}
