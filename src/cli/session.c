#include "session.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include "failure.h"
#include "help.h"
#include "linux.h"
#include "progress_bar.h"

#define SNAPSHOT_MAX_BYTES (4 << 20)

/* What a verb came to: a document, an error, or (health) both. */
struct result {
	json_t *document;
	struct err err; /* kind ERR_NONE = done */
};

/* Everything at once and as a whole: never a partial line. False when nobody can read it. */
static bool print(FILE *stream, const struct text *text)
{
	if (text->length > 0)
		fwrite(text->bytes, 1, text->length, stream);
	return fflush(stream) == 0 && !ferror(stream);
}

/* --- without root ------------------------------------------------------------------------------- */

static bool read_all(int fd, struct text *ret)
{
	char buffer[16384];
	ssize_t length;

	while ((length = read(fd, buffer, sizeof(buffer))) != 0) {
		if (length < 0 && errno == EINTR)
			continue;
		if (length < 0 || ret->length > SNAPSHOT_MAX_BYTES)
			return false;
		text_add_bytes(ret, buffer, (size_t)length);
	}
	return true;
}

static void put_time(json_t *document, const char *key, time_t when)
{
	struct tm broken;
	char buffer[32];

	if (gmtime_r(&when, &broken) &&
	    strftime(buffer, sizeof(buffer), "%Y-%m-%dT%H:%M:%SZ", &broken) > 0)
		json_put_string(document, key, buffer);
}

static bool need_root(const struct command *command, struct err *err)
{
	err_set(err, ERR_REFUSED, 0, "moult %s has to be run as root", command->name);
	return err_try(err, "sudo moult %s", command->name);
}

static bool read_snapshot(const char *path, const struct command *command, json_t **ret,
			  struct err *err)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	auto_text struct text bytes = {0};
	struct stat stat;

	if (fd < 0 || fstat(fd, &stat) < 0 || !S_ISREG(stat.st_mode) || !read_all(fd, &bytes)) {
		err_set(err, ERR_REFUSED, 0,
			"moult %s has to be run as root: nothing was written down for others yet",
			command->name);
		return err_try(err, "sudo moult %s", command->name);
	}
	*ret = json_parse_object(path, bytes.bytes ? bytes.bytes : "", bytes.length, err);
	if (!*ret)
		return err_try(err, "sudo moult %s", command->name);
	put_time(*ret, "as_of", stat.st_mtime);
	return true;
}

/* --- with a machine ----------------------------------------------------------------------------- */

static void announce(struct machine *machine, const struct invocation *invocation,
		     const struct surroundings *around)
{
	struct verb_request request = invocation->request;
	auto_text struct text out = {0};
	auto_json json_t *document = NULL;
	struct err unused = {0};

	/* a plan that cannot be made is reported by the verb itself, a moment later */
	request.dry_run = true;
	if (!invocation->command->verb(machine, &request, &document, &unused) || !document)
		return;
	render_steps(document_array(document, "steps"), &around->out, &out);
	view_add_sentences(&around->out, &out, "note: ", document_array(document, "notes"));
	print(stdout, &out);
}

static bool run_verb(struct machine *machine, const struct invocation *invocation,
		     const struct surroundings *around, struct result *result)
{
	const struct command *command = invocation->command;

	if (command->needs & FIRST_SHOWS && !invocation->request.dry_run && !invocation->json &&
	    !invocation->quiet)
		announce(machine, invocation, around);
	return command->verb(machine, &invocation->request, &result->document, &result->err);
}

static bool writes(const struct invocation *invocation)
{
	const struct command *command = invocation->command;
	const char *which = invocation->request.which;

	if (invocation->request.dry_run && command->options & OPTION_BIT(OPTION_DRY_RUN))
		return false;
	if (command->needs & SHOWS && (!which || text_equal(which, "show")))
		return false;
	return command->needs & NEEDS_WRITING &&
	       !(command->reading_word && text_equal(which, command->reading_word));
}

static bool run_on_machine(const struct invocation *invocation, const struct surroundings *around,
			   struct progress_bar *bar, struct result *result)
{
	const struct linux_options options = {
		.sysroot = invocation->sysroot,
		.esp = invocation->esp,
		.read_only = !writes(invocation),
		.need_boot = invocation->command->needs & NEEDS_BOOT,
	};
	struct machine machine = {0};
	struct host *host = NULL;
	bool done;

	if (!linux_host_open(&options, &host, &result->err))
		return false;
	done = machine_open(&machine, host, &bar->progress, &result->err) &&
	       run_verb(&machine, invocation, around, result);
	machine_done(&machine);
	linux_host_close(host);
	return done;
}

static bool check_descriptor(int fd, struct err *err)
{
	if (fd < 0 || fcntl(fd, F_GETFD) >= 0)
		return true;
	return err_set(err, ERR_USAGE, errno, "--progress-fd %d is not open", fd);
}

static enum progress_style style_of(const struct invocation *invocation,
				    const struct surroundings *around)
{
	if (invocation->quiet)
		return PROGRESS_SILENT;
	/* a bar would be drawn over the shell's prompt, and over a program's own lines */
	if (invocation->no_progress || invocation->verbose || !around->error_terminal ||
	    invocation->command->needs & USES_TERMINAL)
		return PROGRESS_LINES;
	return PROGRESS_BAR;
}

/* --- printing ----------------------------------------------------------------------------------- */

static bool has_sentence(const json_t *notes, const char *sentence)
{
	const json_t *note;
	size_t i;

	json_array_foreach(notes, i, note)
	{
		if (text_equal(json_string_value(note), sentence))
			return true;
	}
	return false;
}

/* Notes of an operation that failed, or that its document does not repeat. */
static void print_notes(const json_t *notes, const json_t *document)
{
	static const struct view view = {.columns = 100};
	const json_t *shown = json_object_get(document, "notes"), *note;
	auto_text struct text out = {0};
	size_t i;

	json_array_foreach(notes, i, note)
	{
		if (!has_sentence(shown, json_string_value(note)))
			view_add_bulleted(&view, &out, "note: ", json_string_value(note));
	}
	print(stderr, &out);
}

static void print_error(const struct err *err, const struct view *view)
{
	auto_text struct text out = {0};

	failure_text(err, view, &out);
	print(stderr, &out);
}

static void add_document(const struct invocation *invocation, const struct place *place,
			 struct result *result, struct text *out)
{
	auto_free char *printed = NULL;

	if (!result->document)
		result->document = json_object();
	if (!json_object_get(result->document, "format_version"))
		json_object_set_new(result->document, "format_version", json_integer(1));
	if (result->err.kind == ERR_NOTHING) {
		json_put_string(result->document, "verb", invocation->request.verb);
		json_put_string(result->document, "outcome", "nothing");
		json_put_string(result->document, "sentence", result->err.text);
	} else if (result->err.kind != ERR_NONE) {
		json_object_set_new(result->document, "error", failure_json(&result->err));
	}
	place_document(place, result->document);
	printed = json_print(result->document);
	text_add(out, printed);
}

static void add_text(const struct invocation *invocation, const struct surroundings *around,
		     const struct result *result, struct text *out)
{
	if (result->document)
		invocation->command->render(result->document, &around->out, out);
	else if (result->err.kind == ERR_NOTHING) {
		text_add_safe_lines(out, result->err.text);
		text_add(out, ".\n");
	}
}

static int status_of(const struct invocation *invocation, const struct result *result)
{
	const char *outcome = document_words(result->document, "outcome");

	if (result->err.kind != ERR_NONE && result->err.kind != ERR_NOTHING)
		return failure_status(result->err.kind);
	if (result->err.kind == ERR_NOTHING || strcmp(outcome, "nothing") == 0)
		return invocation->unchanged_exit_77 ? EXIT_UNCHANGED : EXIT_DONE;
	return invocation->command->judge && result->document
		       ? invocation->command->judge(result->document)
		       : EXIT_DONE;
}

static int finish(const struct invocation *invocation, const struct surroundings *around,
		  struct result *result)
{
	auto_text struct text out = {0};
	int status = status_of(invocation, result);

	if (invocation->json)
		add_document(invocation, &around->out.place, result, &out);
	else
		add_text(invocation, around, result, &out);
	if (!print(stdout, &out) && errno != EPIPE && status == EXIT_DONE)
		status = EXIT_FAILED;
	if (result->err.kind != ERR_NONE && result->err.kind != ERR_NOTHING)
		print_error(&result->err, &around->out);
	json_decref(result->document);
	return status;
}

/* --- the whole ---------------------------------------------------------------------------------- */

static int run_machine(const struct invocation *invocation, const struct surroundings *around)
{
	struct result result = {0};
	struct progress_bar bar;

	progress_bar_start(&bar, stderr, style_of(invocation, around));
	bar.json_fd = invocation->progress_fd;
	bar.output = invocation->verbose;
	if (check_descriptor(invocation->progress_fd, &result.err))
		run_on_machine(invocation, around, &bar, &result);
	progress_bar_wipe(&bar);
	if (!invocation->quiet || result.err.kind != ERR_NONE)
		print_notes(bar.notes, invocation->json ? NULL : result.document);
	progress_bar_done(&bar);
	return finish(invocation, around, &result);
}

static int run_local(const struct invocation *invocation)
{
	auto_text struct text out = {0};
	struct err err = {0};

	if (invocation->help && strcmp(invocation->command->name, "help") != 0)
		help_command(invocation->command, &out);
	else if (!invocation->command->local(invocation, &out, &err))
		return session_refuse(invocation, &err);
	return print(stdout, &out) || errno == EPIPE ? EXIT_DONE : EXIT_FAILED;
}

int session_run(const struct invocation *invocation, const struct surroundings *around)
{
	const struct command *command = invocation->command;
	struct result result = {0};

	if (command->local || invocation->help)
		return run_local(invocation);
	if (around->root)
		return run_machine(invocation, around);
	if (command->needs & HAS_SNAPSHOT && !invocation->sysroot && !invocation->esp)
		read_snapshot(around->snapshot, command, &result.document, &result.err);
	else
		need_root(command, &result.err);
	return finish(invocation, around, &result);
}

int session_refuse(const struct invocation *invocation, const struct err *err)
{
	const struct view view = {.columns = 100, .verbose = invocation->verbose};
	struct result result = {.err = *err};
	auto_text struct text out = {0};

	if (invocation->json) {
		add_document(invocation, &view.place, &result, &out);
		print(stdout, &out);
		json_decref(result.document);
	}
	print_error(err, &view);
	return failure_status(err->kind);
}
