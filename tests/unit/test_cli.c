#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "failure.h"
#include "help.h"
#include "options.h"
#include "progress_bar.h"
#include "session.h"
#include "unit.h"

#define ARGUMENTS_MAX 16

struct parsed {
	struct invocation invocation;
	struct err err;
	bool good;
};

/* "upgrade --accept X" → the invocation; words are parted by blanks. */
static struct parsed parse(const char *line)
{
	static char buffer[512];
	const char *argv[ARGUMENTS_MAX] = {"moult"};
	struct parsed parsed = {0};
	int argc = 1;

	snprintf(buffer, sizeof(buffer), "%s", line);
	for (char *word = strtok(buffer, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	parsed.good = invocation_parse(&parsed.invocation, argc, argv, &parsed.err);
	return parsed;
}

static void assert_usage(const char *line, const char *text, const char *hint)
{
	struct parsed parsed = parse(line);

	ck_assert_msg(!parsed.good, "%s", line);
	ck_assert_int_eq(parsed.err.kind, ERR_USAGE);
	ck_assert_str_eq(parsed.err.text, text);
	ck_assert_str_eq(parsed.err.hint, hint);
	invocation_done(&parsed.invocation);
}

START_TEST(options_may_stand_before_and_after_the_command)
{
	struct parsed parsed = parse("--sysroot /mnt rollback -n 5 --esp=/dev/sda1 --json");
	const struct invocation *got = &parsed.invocation;

	ck_assert(parsed.good);
	ck_assert_str_eq(got->command->name, "rollback");
	ck_assert_str_eq(got->request.verb, "rollback");
	ck_assert_str_eq(got->request.which, "5");
	ck_assert_str_eq(got->sysroot, "/mnt");
	ck_assert_str_eq(got->esp, "/dev/sda1");
	ck_assert(got->request.dry_run && got->json);
	invocation_done(&parsed.invocation);
}
END_TEST

START_TEST(options_of_run_end_where_its_command_begins)
{
	static const char *const lines[] = {"run -n apt-get -y --json install",
					    "run -n -- apt-get -y --json install"};

	for (size_t i = 0; i < COUNT(lines); i++) {
		struct parsed parsed = parse(lines[i]);
		const char *const *command = parsed.invocation.request.command;

		ck_assert(parsed.good);
		ck_assert(parsed.invocation.request.dry_run && !parsed.invocation.json);
		ck_assert_str_eq(command[0], "apt-get");
		ck_assert_str_eq(command[1], "-y");
		ck_assert_str_eq(command[2], "--json");
		ck_assert_str_eq(command[3], "install");
		ck_assert_ptr_null(command[4]);
		invocation_done(&parsed.invocation);
	}
}
END_TEST

START_TEST(accept_can_be_repeated)
{
	struct parsed parsed = parse("upgrade --accept DATA_CHANGE --accept=BAD_GENERATION");
	const char *const *accept = parsed.invocation.request.accept;

	ck_assert(parsed.good);
	ck_assert_str_eq(accept[0], "DATA_CHANGE");
	ck_assert_str_eq(accept[1], "BAD_GENERATION");
	ck_assert_ptr_null(accept[2]);
	invocation_done(&parsed.invocation);
}
END_TEST

START_TEST(letters_can_be_joined)
{
	struct parsed parsed = parse("cleanup -nv");

	ck_assert(parsed.good);
	ck_assert(parsed.invocation.request.dry_run && parsed.invocation.verbose);
	invocation_done(&parsed.invocation);
}
END_TEST

START_TEST(every_command_can_be_asked_to_change_nothing)
{
	for (size_t i = 0; command_at(i); i++) {
		auto_free char *line = xasprintf("%s -n%s%s", command_at(i)->name,
						 command_at(i)->least ? " 1" : "",
						 command_at(i)->least > 1 ? " /etc/hosts" : "");
		struct parsed parsed;

		if (command_at(i)->group == GROUP_INTERNAL)
			continue;
		parsed = parse(line);
		ck_assert_msg(parsed.good, "%s: %s", line, parsed.err.text);
		/* what is not its own is not even offered */
		ck_assert(!(command_at(i)->options & OPTION_BIT(OPTION_DRY_RUN)) ||
			  command_at(i)->needs & NEEDS_WRITING);
		invocation_done(&parsed.invocation);
	}
}
END_TEST

START_TEST(internal_commands_have_two_words)
{
	struct parsed parsed = parse("internal give-up health");

	ck_assert(parsed.good);
	ck_assert_str_eq(parsed.invocation.request.verb, "give-up");
	ck_assert_str_eq(parsed.invocation.request.reason, "health");
	invocation_done(&parsed.invocation);
}
END_TEST

START_TEST(a_word_after_two_dashes_is_never_an_option)
{
	struct parsed parsed = parse("show -- -7");

	ck_assert(parsed.good);
	ck_assert_str_eq(parsed.invocation.request.which, "-7");
	invocation_done(&parsed.invocation);
}
END_TEST

START_TEST(only_shell_gets_the_terminal)
{
	struct parsed shell = parse("shell"), run = parse("run true");

	ck_assert(shell.good && shell.invocation.request.terminal);
	ck_assert(run.good && !run.invocation.request.terminal);
	ck_assert_ptr_null(shell.invocation.request.command);
	invocation_done(&shell.invocation);
	invocation_done(&run.invocation);
}
END_TEST

START_TEST(wrong_command_lines_are_refused_with_the_command_that_helps)
{
	static const struct {
		const char *line, *text, *hint;
	} cases[] = {
		{"", "no command was given", "moult help"},
		{"upgarde", "there is no command 'upgarde'; did you mean 'upgrade'?", "moult help"},
		{"roll", "there is no command 'roll'; did you mean 'rollback'?", "moult help"},
		{"frobnicate", "there is no command 'frobnicate'", "moult help"},
		{"internal", "there is no command 'internal'; did you mean 'internal bless'?",
		 "moult help"},
		{"status --reboot", "moult status takes no --reboot", "moult status --help"},
		{"upgrade --relase x", "there is no option '--relase'; did you mean --release?",
		 "moult upgrade --help"},
		{"upgrade --wxyz", "there is no option '--wxyz'", "moult upgrade --help"},
		{"upgrade -z", "there is no option '-z'", "moult upgrade --help"},
		{"upgrade --release", "--release wants CODENAME after it", "moult upgrade --help"},
		{"upgrade --release=", "--release was given nothing as its CODENAME",
		 "moult upgrade --help"},
		{"upgrade --reboot=yes", "--reboot takes no value", "moult upgrade --help"},
		{"upgrade --replace --continue", "--replace and --continue exclude each other",
		 "moult upgrade --help"},
		{"upgrade --reboot --sysroot x", "--reboot and --sysroot exclude each other",
		 "moult upgrade --help"},
		{"show", "moult show wants N|last|NAME", "moult show --help"},
		{"status now", "moult status does not take 'now'", "moult status --help"},
		{"plan downgrade",
		 "moult plan knows [upgrade|rollback [N|last|NAME]], not 'downgrade'",
		 "moult plan --help"},
		{"plan upgrade 3", "moult plan upgrade does not take '3'", "moult plan --help"},
		{"internal bless -n", "moult internal bless takes no --dry-run",
		 "moult internal bless --help"},
		{"upgrade --progress-fd x", "--progress-fd wants a number, not 'x'", ""},
		{"upgrade --progress-fd 99999999999",
		 "--progress-fd wants a number, not '99999999999'", ""},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_usage(cases[i].line, cases[i].text, cases[i].hint);
}
END_TEST

START_TEST(json_is_remembered_although_the_command_line_is_wrong)
{
	struct parsed parsed = parse("stauts --json"), other = parse("stauts -- --json");

	ck_assert(!parsed.good && parsed.invocation.json);
	ck_assert(!other.good && !other.invocation.json);
	invocation_done(&parsed.invocation);
	invocation_done(&other.invocation);
}
END_TEST

START_TEST(help_and_version_can_be_asked_for_as_options)
{
	struct parsed help = parse("--help"), version = parse("--version");
	struct parsed of_show = parse("show --help");

	ck_assert_str_eq(help.invocation.command->name, "help");
	ck_assert_str_eq(version.invocation.command->name, "version");
	ck_assert(of_show.good && of_show.invocation.help);
	invocation_done(&help.invocation);
	invocation_done(&version.invocation);
	invocation_done(&of_show.invocation);
}
END_TEST

START_TEST(swapped_neighbours_are_one_mistake)
{
	ck_assert_uint_eq(edit_distance("", ""), 0);
	ck_assert_uint_eq(edit_distance("list", "lsit"), 1);
	ck_assert_uint_eq(edit_distance("list", "lst"), 1);
	ck_assert_uint_eq(edit_distance("pin", "unpin"), 2);
	ck_assert_uint_eq(edit_distance("keep", "discard"), 7);
	ck_assert(!edit_is_near("xx", "pin"));
	/* longer than any command: not measured, not near */
	ck_assert(!edit_is_near("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "list"));
}
END_TEST

START_TEST(every_kind_of_error_has_its_exit_status)
{
	ck_assert_int_eq(failure_status(ERR_NONE), 0);
	ck_assert_int_eq(failure_status(ERR_REFUSED), 1);
	ck_assert_int_eq(failure_status(ERR_USAGE), 2);
	ck_assert_int_eq(failure_status(ERR_NEEDS_ACK), 3);
	ck_assert_int_eq(failure_status(ERR_BUSY), 75);
	ck_assert_int_eq(failure_status(ERR_NOTHING), 77);
	for (enum err_kind kind = 0; kind < ERR_KIND_COUNT; kind++)
		ck_assert_ptr_nonnull(failure_name(kind));
}
END_TEST

START_TEST(an_error_is_a_sentence_and_a_command_without_control_characters)
{
	struct err err = {0};
	static const struct view here = {.columns = 100};
	static const struct view there = {.columns = 100, .place = {.sysroot = "/dev/sda"}};
	auto_text struct text out = {0};

	err_set(&err, ERR_REFUSED, 0, "cannot do \033[2Jit\nE: last line\r");
	err_try(&err, "moult check");
	failure_text(&err, &here, &out);
	ck_assert_str_eq(out.bytes, "moult: cannot do \\x1b[2Jit\n  E: last line\\x0d.\n"
				    "try: moult check\n");
	text_done(&out);
	err_try(&err, "sudo moult check");
	failure_text(&err, &there, &out);
	ck_assert_ptr_nonnull(strstr(out.bytes, "try: sudo moult --sysroot /dev/sda check\n"));
	text_done(&out);
	err_try(&err, "sudo dpkg --configure -a");
	failure_text(&err, &there, &out);
	ck_assert_ptr_nonnull(
		strstr(out.bytes, "try (in that system): sudo dpkg --configure -a\n"));
}
END_TEST

START_TEST(help_fits_in_80_columns)
{
	for (size_t i = 0; command_at(i); i++) {
		auto_text struct text out = {0};
		const char *cursor, *line;
		size_t length;

		help_command(command_at(i), &out);
		cursor = out.bytes;
		while (text_next_line(&cursor, out.bytes + out.length, &line, &length))
			ck_assert_msg(length <= 80, "%s: %.*s", command_at(i)->name, (int)length,
				      line);
	}
}
END_TEST

START_TEST(no_two_commands_or_options_share_a_name)
{
	for (size_t i = 0; command_at(i); i++)
		ck_assert_ptr_eq(command_find(command_at(i)->name), command_at(i));
	for (enum option_id a = 0; a < OPTION_COUNT; a++) {
		ck_assert_ptr_nonnull(option_at(a)->name);
		for (enum option_id b = 0; b < a; b++) {
			ck_assert_str_ne(option_at(a)->name, option_at(b)->name);
			ck_assert(!option_at(a)->letter ||
				  option_at(a)->letter != option_at(b)->letter);
		}
	}
}
END_TEST

/* A generation may be called "show", and is restored from all the same. */
START_TEST(what_only_shows_takes_no_paths)
{
	for (size_t i = 0; command_at(i); i++)
		ck_assert_msg(!(command_at(i)->needs & SHOWS && command_at(i)->needs & TAKES_PATHS),
			      "%s", command_at(i)->name);
}
END_TEST

START_TEST(every_command_runs_something_and_can_show_it)
{
	for (size_t i = 0; command_at(i); i++) {
		const struct command *command = command_at(i);

		ck_assert_msg(!command->verb != !command->local, "%s", command->name);
		ck_assert_msg(!command->verb == !command->render, "%s", command->name);
		ck_assert(command->local || command->needs & NEEDS_MACHINE);
		ck_assert(command->least <= command->most);
		ck_assert(strlen(command->summary) <= 66);
	}
}
END_TEST

/* What a progress with this style writes for a small operation. */
static char *progress_of(enum progress_style style, bool output)
{
	struct progress_bar bar;
	struct progress *progress = &bar.progress;
	size_t length = 0;
	char *written = NULL;
	FILE *stream = open_memstream(&written, &length);

	progress_bar_start(&bar, stream, style);
	bar.output = output;
	progress->phase(progress, "fill", "Upgrading packages");
	progress->percent(progress, 50, "ev\033il");
	progress->percent(progress, 4000, "nginx");
	progress->output(progress, "Setting up nginx");
	progress->note(progress, "a note");
	ck_assert_uint_eq(json_array_size(bar.notes), 1);
	progress_bar_done(&bar);
	fclose(stream);
	return written;
}

START_TEST(progress_is_lines_where_nobody_looks_and_a_bar_where_somebody_does)
{
	auto_free char *silent = progress_of(PROGRESS_SILENT, false);
	auto_free char *lines = progress_of(PROGRESS_LINES, true);
	auto_free char *bar = progress_of(PROGRESS_BAR, false);

	ck_assert_str_eq(silent, "");
	ck_assert_str_eq(lines, "Upgrading packages\n  | Setting up nginx\n");
	ck_assert_str_eq(bar, "\r\033[K[....................]   0% Upgrading packages"
			      "\r\033[K[##########..........]  50% Upgrading packages: ev\\x1bil"
			      "\r\033[K[####################] 100% Upgrading packages: nginx"
			      "\r\033[K");
}
END_TEST

START_TEST(a_bar_of_wide_characters_stays_on_its_line)
{
	auto_text struct text wide = {0};
	struct progress_bar bar;
	FILE *stream = fopen("/dev/null", "w");

	for (int i = 0; i < 60; i++)
		text_add(&wide, "中");
	progress_bar_start(&bar, stream, PROGRESS_BAR);
	bar.progress.phase(&bar.progress, "fill", wide.bytes);
	ck_assert_uint_le(text_columns(bar.drawn), 79);
	ck_assert_uint_ge(text_columns(bar.drawn), 76);
	progress_bar_done(&bar);
	fclose(stream);
}
END_TEST

START_TEST(progress_lines_are_documents_with_a_time)
{
	static const char *const argv[] = {"apt-get", "update", NULL};
	struct progress_bar bar;
	char line[256] = "";
	json_t *document;
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	progress_bar_start(&bar, stderr, PROGRESS_SILENT);
	bar.json_fd = ends[1];
	bar.progress.program(&bar.progress, argv, true);
	ck_assert_int_gt(read(ends[0], line, sizeof(line) - 1), 0);
	ck_assert_ptr_eq(strchr(line, '\n'), line + strlen(line) - 1);
	document = json_loads(line, 0, NULL);
	ck_assert_str_eq(json_string_value(json_array_get(json_object_get(document, "program"), 1)),
			 "update");
	ck_assert(json_is_true(json_object_get(document, "running")));
	ck_assert_int_gt(json_integer_value(json_object_get(document, "usec")), 0);
	json_decref(document);
	progress_bar_done(&bar);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

START_TEST(a_reader_of_progress_that_goes_away_does_not_stop_anything)
{
	struct progress_bar bar;
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	signal(SIGPIPE, SIG_IGN);
	progress_bar_start(&bar, stderr, PROGRESS_SILENT);
	bar.json_fd = ends[1];
	close(ends[0]);
	bar.progress.note(&bar.progress, "somebody?");
	ck_assert_int_eq(bar.json_fd, -1);
	progress_bar_done(&bar);
	close(ends[1]);
}
END_TEST

/* What a session without root prints, when this was written down for everybody; NULL = nothing was. */
static char *session_without_root(const char *line, const char *snapshot, int *ret_status)
{
	char path[] = "/tmp/moult-test-XXXXXX";
	struct surroundings around = {.out = {.columns = 100}, .snapshot = path};
	struct parsed parsed = parse(line);
	auto_close int fd = mkstemp(path), out = memfd_create("stdout", 0);
	char *printed = xcalloc(4096, 1);

	ck_assert(parsed.good && fd >= 0 && out >= 0);
	if (snapshot)
		ck_assert_int_eq(write(fd, snapshot, strlen(snapshot)), (int)strlen(snapshot));
	else
		unlink(path);
	fflush(stdout);
	ck_assert_int_ge(dup2(out, STDOUT_FILENO), 0);
	*ret_status = session_run(&parsed.invocation, &around);
	ck_assert_int_ge(pread(out, printed, 4095, 0), 0);
	unlink(path);
	invocation_done(&parsed.invocation);
	return printed;
}

START_TEST(status_without_root_shows_what_was_written_down)
{
	int status;
	auto_free char *printed =
		session_without_root("status", "{\"adopted\":true,\"booted\":{\"id\":7}}", &status);

	ck_assert_int_eq(status, EXIT_DONE);
	ck_assert_ptr_nonnull(strstr(printed, "running     generation 7\n"));
	ck_assert_ptr_nonnull(strstr(printed, "as of       "));
}
END_TEST

START_TEST(status_without_root_is_refused_where_nothing_or_nonsense_was_written_down)
{
	int status;
	auto_free char *nothing = session_without_root("status", NULL, &status);
	auto_free char *nonsense = NULL, *json = NULL;

	ck_assert_int_eq(status, EXIT_FAILED);
	ck_assert_str_eq(nothing, "");
	nonsense = session_without_root("status", "{\"adopted\":", &status);
	ck_assert_int_eq(status, EXIT_FAILED);
	ck_assert_str_eq(nonsense, "");
	json = session_without_root("status --json", NULL, &status);
	ck_assert_ptr_nonnull(strstr(json, "\"kind\": \"refused\""));
}
END_TEST

UNIT_MAIN("cli", status_without_root_shows_what_was_written_down,
	  status_without_root_is_refused_where_nothing_or_nonsense_was_written_down,
	  options_may_stand_before_and_after_the_command,
	  options_of_run_end_where_its_command_begins, accept_can_be_repeated,
	  letters_can_be_joined, every_command_can_be_asked_to_change_nothing,
	  internal_commands_have_two_words, a_word_after_two_dashes_is_never_an_option,
	  only_shell_gets_the_terminal, wrong_command_lines_are_refused_with_the_command_that_helps,
	  json_is_remembered_although_the_command_line_is_wrong,
	  help_and_version_can_be_asked_for_as_options, swapped_neighbours_are_one_mistake,
	  every_kind_of_error_has_its_exit_status,
	  an_error_is_a_sentence_and_a_command_without_control_characters, help_fits_in_80_columns,
	  no_two_commands_or_options_share_a_name, what_only_shows_takes_no_paths,
	  every_command_runs_something_and_can_show_it,
	  progress_is_lines_where_nobody_looks_and_a_bar_where_somebody_does,
	  progress_lines_are_documents_with_a_time, a_bar_of_wide_characters_stays_on_its_line,
	  a_reader_of_progress_that_goes_away_does_not_stop_anything)
