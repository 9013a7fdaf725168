#include "hook_run.h"
#include <string.h>
#include <sys/wait.h>
#include "exit_text.h"
#include "hook_mounts.h"
#include "hooks.h"
#include "journal.h"
#include "stamp.h"

static void keep_line(struct hook_record *record, const char *line)
{
	if (record->line_count == HOOK_LAST_LINES) {
		free(record->lines[0]);
		memmove(record->lines, record->lines + 1,
			(HOOK_LAST_LINES - 1) * sizeof(*record->lines));
		record->line_count--;
	}
	record->lines[record->line_count++] = xstrdup(line);
}

struct listener {
	struct machine *machine;
	const char *name;
	struct hook_record *record;
};

static void hear(void *userdata, enum stage_stream stream, const char *line)
{
	struct listener *listener = userdata;
	struct machine *machine = listener->machine;

	(void)stream;
	keep_line(listener->record, line);
	text_addf(&machine->log, "%s: %s\n", listener->name, line);
	machine->progress->output(machine->progress, line);
}

static void hear_all(struct listener *listener, const char *output)
{
	const char *cursor = output, *line;
	size_t length;

	while (text_next_line(&cursor, output + strlen(output), &line, &length)) {
		auto_free char *copy = xstrndup(line, length);

		hear(listener, STAGE_OUTPUT, copy);
	}
}

static void set_failure(struct hook_record *record, const char *how)
{
	const char *last = record->line_count > 0 ? record->lines[record->line_count - 1] : NULL;

	record->failure = last ? xasprintf("%s: %s", how, last) : xstrdup(how);
}

static void judge(struct hook_record *record, int status)
{
	auto_free char *how = NULL;

	if (status == 0)
		return;
	how = exit_text(status);
	set_failure(record, how);
}

/* What was run, how it ended, and the last it said; the journal is for people, so a failure is let go. */
static void write_record(const struct listener *listener, int status, int64_t took_usec)
{
	struct host *host = listener->machine->host;
	const struct hook_record *record = listener->record;
	auto_json json_t *document = json_object();
	json_t *lines = json_array();
	struct err unused = {0};

	for (size_t i = 0; i < record->line_count; i++)
		json_array_append_new(lines, json_text(record->lines[i]));
	json_put_string(document, "event", "hook");
	json_object_set_new(document, "when",
			    stamp_json(host->ops->clock(host, HOST_CLOCK_REAL_SEC)));
	json_put_string(document, "hook", listener->name);
	json_put_string(document, "phase", hook_phase_name(record->phase));
	json_object_set_new(document, "generation", json_integer(record->generation));
	json_object_set_new(document, "status", json_integer(status));
	json_object_set_new(document, "milliseconds", json_integer(took_usec / 1000));
	json_object_set_new(document, "lines", lines);
	journal_append(host, document, &unused);
}

/* What both ways of running have in common, once the program has ended; `r` < 0: it was not run. */
static bool conclude(const struct listener *listener, int r, int status, int64_t began_usec,
		     struct err *err)
{
	struct host *host = listener->machine->host;
	int64_t took_usec = host->ops->clock(host, HOST_CLOCK_MONOTONIC_USEC) - began_usec;

	if (r == -EINTR)
		return err_set(err, ERR_INTERRUPTED, 0, "interrupted in the hook %s",
			       text_quote(listener->name));
	if (r < 0 && r != -ETIMEDOUT)
		return err_set(err, ERR_SYSTEM, -r, "cannot run the hook %s",
			       text_quote(listener->name));
	if (r == -ETIMEDOUT) {
		auto_free char *how = xasprintf("did not end within %d s", HOOK_TIMEOUT_SEC);

		set_failure(listener->record, how);
	} else {
		judge(listener->record, status);
	}
	write_record(listener, r < 0 ? -1 : status, took_usec);
	return true;
}

/* --- what it is told ---------------------------------------------------------------------------- */

struct hook_environment {
	char *from, *to;
	const char *list[8];
};

static void hook_environment_done(struct hook_environment *environment)
{
	free(environment->from);
	free(environment->to);
}
DEFINE_AUTO_STRUCT(hook_environment, struct hook_environment, hook_environment_done)
#define auto_hook_environment __attribute__((cleanup(auto_hook_environment_)))

static void fill_environment(const struct hook_job *job, struct hook_environment *ret)
{
	ret->from = job->from >= 0 ? xasprintf("MOULT_FROM=%d", job->from) : xstrdup("MOULT_FROM=");
	ret->to = xasprintf("MOULT_TO=%u", job->to);
	ret->list[0] = ret->from;
	ret->list[1] = ret->to;
	ret->list[2] = "MOULT_ROOT=/";
	ret->list[3] = "HOME=/root";
	ret->list[4] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	ret->list[5] = "LC_ALL=C.UTF-8";
}

/* --- in the stage ------------------------------------------------------------------------------- */

bool hook_run_staged(const struct hook_job *job, struct hook_record *ret, struct err *err)
{
	struct host *host = job->machine->host;
	const struct hook_header *header = &job->hook->header;
	auto_hook_mounts struct hook_mounts mounts = {0};
	auto_hook_environment struct hook_environment environment = {0};
	auto_free char *root = xasprintf("%s/root", job->making);
	auto_free char *program = xasprintf("/" HOOKS_DIRECTORY "/%s", job->hook->name);
	const char *const argv[] = {program, hook_phase_name(HOOK_STAGED), NULL};
	struct listener listener = {job->machine, job->hook->name, ret};
	struct stage stage = {.root = root,
			      .read_only = true,
			      .network = header->network,
			      .capabilities = header->capabilities,
			      .hostname = "moult-stage"};
	struct stage_command command = {.argv = argv,
					.on_line = hear,
					.userdata = &listener,
					.timeout_sec = HOOK_TIMEOUT_SEC};
	int64_t began = host->ops->clock(host, HOST_CLOCK_MONOTONIC_USEC);
	int status = 0, r;

	*ret = (struct hook_record){.phase = HOOK_STAGED, .generation = job->to};
	if (!hook_mounts_make(job, &mounts, err))
		return false;
	stage.mounts = mounts.mounts;
	stage.mount_count = mounts.count;
	fill_environment(job, &environment);
	command.environment = environment.list;
	r = host->ops->run_stage(host, &stage, &command, &status);
	return conclude(&listener, r, status, began, err);
}

/* --- live --------------------------------------------------------------------------------------- */

bool hook_run_live(const struct hook_job *job, struct hook_record *ret, struct err *err)
{
	struct host *host = job->machine->host;
	const struct hook_header *header = &job->hook->header;
	auto_hook_environment struct hook_environment environment = {0};
	auto_free char *program = xasprintf("/" HOOKS_DIRECTORY "/%s", job->hook->name);
	auto_free char *output = NULL;
	struct listener listener = {job->machine, job->hook->name, ret};
	const char *writes[HOOK_WRITES_MAX];
	const struct host_confinement confinement = {.capabilities = header->capabilities,
						     .writes = writes,
						     .write_count = header->write_count,
						     .network = header->network};
	struct host_program what = {.path = program,
				    .argument = hook_phase_name(job->phase),
				    .environment = environment.list,
				    .timeout_sec = HOOK_TIMEOUT_SEC,
				    .confinement = &confinement};
	int64_t began = host->ops->clock(host, HOST_CLOCK_MONOTONIC_USEC);
	int status = 0, r;

	*ret = (struct hook_record){.phase = job->phase, .generation = job->to};
	for (size_t i = 0; i < header->write_count; i++)
		writes[i] = header->writes[i];
	fill_environment(job, &environment);
	r = host->ops->run_program(host, &what, &output, &status);
	if (output)
		hear_all(&listener, output);
	return conclude(&listener, r, exit_of_wait(status), began, err);
}

void hook_record_done(struct hook_record *record)
{
	for (size_t i = 0; i < record->line_count; i++)
		free(record->lines[i]);
	free(record->failure);
	*record = (struct hook_record){0};
}
