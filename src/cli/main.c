/* moult - upgrades in a private copy, on trial, and back. argv in, exit status out. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "session.h"

static void do_nothing(int signal_number)
{
	(void)signal_number;
}

/*
 * A reader that goes away must not end an upgrade. A handler, not SIG_IGN: programs that moult
 * starts would inherit an ignored signal, but get a caught one back as it was.
 */
static void outlive_readers(void)
{
	struct sigaction action = {.sa_handler = do_nothing, .sa_flags = SA_RESTART};

	sigaction(SIGPIPE, &action, NULL);
}

/* A closed standard stream would be the next file that is opened: a disk, perhaps. */
static bool standard_streams_are_open(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY) != fd)
			return false;
	return true;
}

static bool wants_colour(void)
{
	const char *no_colour = getenv("NO_COLOR"), *terminal = getenv("TERM");

	return isatty(STDOUT_FILENO) && (!no_colour || !*no_colour) && terminal && *terminal &&
	       strcmp(terminal, "dumb") != 0;
}

int main(int argc, char **argv)
{
	auto_invocation struct invocation invocation = {.progress_fd = -1};
	struct surroundings around = {
		.out = {.now = (int64_t)time(NULL), .columns = 100},
		.root = geteuid() == 0,
		.snapshot = "/run/moult/status.json",
	};
	struct err err = {0};

	if (!standard_streams_are_open())
		return EXIT_FAILURE;
	outlive_readers();
	around.out.terminal = isatty(STDOUT_FILENO);
	around.out.colour = wants_colour();
	around.error_terminal = isatty(STDERR_FILENO);
	if (!invocation_parse(&invocation, argc, (const char *const *)argv, &err))
		return session_refuse(&invocation, &err);
	around.out.place = (struct place){.sysroot = invocation.sysroot, .esp = invocation.esp};
	around.out.verbose = invocation.verbose;
	return session_run(&invocation, &around);
}
