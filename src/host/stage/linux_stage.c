/*
 * linux_stage - runs a command in a stage and listens to it.
 *
 * A new process with its own namespaces builds the stage (linux_stage_mounts, linux_stage_dev) and
 * becomes its pid 1: it starts the command, buries orphans and passes the command's status on. When
 * it ends the kernel ends everything inside; it ends with the command, and with the caller.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include "linux_stage.h"

#define TICK_MSEC 200
#define STATUS_CANNOT_RUN 127

struct line_reader {
	enum stage_stream stream;
	int fd;
	char line[STAGE_LINE_MAX + 1];
	size_t length;
	bool carriage_return;
};

/* One run. The ends that the caller keeps are read; the others the stage has. */
struct run {
	struct host *host;
	const struct stage *stage;
	const struct stage_command *command;
	struct line_reader readers[2];
	int output[2], status[2];
	int ready[2]; /* caller → stage: "I live"; closed unread where it does not */
	int fault
		[2]; /* stage → caller: the errno that kept it from starting; closed when it runs */
	char *resolv_conf;
	int pid_fd;
	pid_t pid;
};

/* --- inside: pid 1 --------------------------------------------------------------------------- */

static void reset_signals(void)
{
	sigset_t none;

	for (int signal_number = 1; signal_number < NSIG; signal_number++)
		signal(signal_number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* A process group of its own in the terminal's foreground, as a shell expects to find itself. */
static void take_terminal(void)
{
	if (!isatty(STDIN_FILENO))
		return;
	setpgid(0, 0);
	signal(SIGTTOU, SIG_IGN);
	tcsetpgrp(STDIN_FILENO, getpgrp());
	signal(SIGTTOU, SIG_DFL);
}

static void command_exec(const struct run *run) __attribute__((noreturn));
static void command_exec(const struct run *run)
{
	const struct stage_command *command = run->command;

	if (command->terminal)
		take_terminal();
	else
		setsid();
	if (command->status_fd > 0 && dup2(run->status[1], command->status_fd) < 0)
		_exit(STATUS_CANNOT_RUN);
	if (chdir(command->directory ? command->directory : "/") == 0) {
		environ = (char **)(uintptr_t)command->environment;
		execvp(command->argv[0], (char **)(uintptr_t)command->argv);
	}
	dprintf(STDERR_FILENO, "%s: %s\n", command->argv[0], strerror(errno));
	_exit(STATUS_CANNOT_RUN);
}

/* Everything that nobody waits for is this process's child in the end. */
static int bury_until(pid_t command)
{
	for (;;) {
		int status;
		pid_t pid = waitpid(-1, &status, 0);

		if (pid < 0 && errno != EINTR)
			return STATUS_CANNOT_RUN;
		if (pid == command)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
}

/* Moves the descriptors that are still wanted to the lowest numbers and closes all others. */
static int keep_descriptors(struct run *run)
{
	int null = open("/dev/null", O_RDWR);
	int *const kept[] = {&run->output[1], &run->status[1], &run->fault[1]};

	if (null < 0)
		return -errno;
	if (!run->command->terminal &&
	    (dup2(null, 0) < 0 || dup2(run->output[1], 1) < 0 || dup2(run->output[1], 2) < 0))
		return -errno;
	/* far above any number that an earlier one of them could have */
	for (size_t i = 0; i < COUNT(kept); i++) {
		*kept[i] = fcntl(*kept[i], F_DUPFD_CLOEXEC, 100 + (int)i);
		if (*kept[i] < 0)
			return -errno;
	}
	if (close_range(3, 99, 0) < 0 || close_range((unsigned)run->fault[1] + 1, ~0U, 0) < 0)
		return -errno;
	return 0;
}

static int settle(struct run *run, struct stage_build *build)
{
	const char *hostname = run->stage->hostname ? run->stage->hostname : "localhost";
	int r = stage_enter(build);

	if (r < 0)
		return r;
	build->at = "the process";
	if (sethostname(hostname, strlen(hostname)) < 0)
		return -errno;
	umask(022);
	/* the caller's session keyring is not for what runs here */
	syscall(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, NULL);
	r = keep_descriptors(run);
	if (r < 0)
		return r;
	r = capabilities_limit(run->stage->capabilities);
	/* what runs here has the same rights and must not read this process's memory */
	if (r == 0 && prctl(PR_SET_DUMPABLE, 0) < 0)
		r = -errno;
	return r;
}

static void report_fault(const struct run *run, const struct stage_build *build, int fault)
	__attribute__((noreturn));
static void report_fault(const struct run *run, const struct stage_build *build, int fault)
{
	dprintf(run->output[1], "cannot build the stage at %s: %s\n", build->at, strerror(-fault));
	/* a caller that cannot be told sees the status instead */
	if (write(run->fault[1], &fault, sizeof(fault)) < 0)
		_exit(STATUS_CANNOT_RUN);
	_exit(STATUS_CANNOT_RUN);
}

static void be_pid_1(struct run *run) __attribute__((noreturn));
static void be_pid_1(struct run *run)
{
	struct stage_build build = {
		.stage = run->stage,
		.pool_path = linux_of(run->host)->volumes[VOLUME_POOL].mounted,
		.resolv_conf = run->resolv_conf,
		.pool = -1,
		.scratch = -1,
		.root = -1,
	};
	pid_t command = -1;
	char alive;
	int r;

	reset_signals();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "moult-stage");
	close(run->ready[1]);
	/* a caller that died before the line above has closed its end by now */
	if (read(run->ready[0], &alive, 1) != 1)
		_exit(STATUS_CANNOT_RUN);
	r = settle(run, &build);
	if (r == 0)
		command = fork();
	if (command == 0)
		command_exec(run);
	if (command < 0)
		report_fault(run, &build, r < 0 ? r : -errno);
	close_range(3, ~0U, 0);
	_exit(bury_until(command));
}

/* --- outside: listening ---------------------------------------------------------------------- */

static void deliver(const struct run *run, struct line_reader *reader)
{
	reader->line[reader->length] = '\0';
	if (run->command->on_line)
		run->command->on_line(run->command->userdata, reader->stream, reader->line);
	reader->length = 0;
}

/* A carriage return alone begins the line again, as on a screen; what is too long is cut off. */
static void feed(const struct run *run, struct line_reader *reader, char byte)
{
	if (byte == '\n') {
		reader->carriage_return = false;
		deliver(run, reader);
		return;
	}
	if (reader->carriage_return)
		reader->length = 0;
	reader->carriage_return = byte == '\r';
	if (byte == '\r' || reader->length == STAGE_LINE_MAX)
		return;
	if (byte != '\t' && ((unsigned char)byte < 0x20 || byte == 0x7f))
		byte = '?';
	reader->line[reader->length++] = byte;
}

/* Reads what is there; at the end of the stream the descriptor is closed. */
static void drain(const struct run *run, struct line_reader *reader)
{
	char bytes[4096];
	ssize_t count;

	/* bounded: a program that writes without end must not keep us from noticing anything else */
	for (unsigned turn = 0; turn < 64 && reader->fd >= 0; turn++) {
		count = read(reader->fd, bytes, sizeof(bytes));
		if (count < 0)
			return;
		for (ssize_t i = 0; i < count; i++)
			feed(run, reader, bytes[i]);
		if (count > 0)
			continue;
		close(reader->fd);
		reader->fd = -1;
	}
}

static int64_t now_msec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* Why it must end before it does by itself: 0, -EINTR or -ETIMEDOUT. */
static int must_end(const struct run *run, int64_t deadline_msec)
{
	if (run->host->ops->interrupted && run->host->ops->interrupted(run->host))
		return -EINTR;
	return deadline_msec > 0 && now_msec() >= deadline_msec ? -ETIMEDOUT : 0;
}

static void kill_stage(const struct run *run)
{
	syscall(SYS_pidfd_send_signal, run->pid_fd, SIGKILL, NULL, 0);
}

/* Until the stage has ended; 0, or why it was ended. */
static int listen_to(struct run *run)
{
	unsigned timeout_sec = run->command->timeout_sec;
	int64_t deadline_msec = timeout_sec ? now_msec() + timeout_sec * INT64_C(1000) : 0;
	int why = 0;

	for (;;) {
		struct pollfd fds[] = {
			{.fd = run->pid_fd, .events = POLLIN},
			{.fd = run->readers[0].fd, .events = POLLIN},
			{.fd = run->readers[1].fd, .events = POLLIN},
		};

		if (poll(fds, COUNT(fds), TICK_MSEC) < 0 && errno != EINTR)
			return -errno;
		for (size_t i = 0; i < COUNT(run->readers); i++)
			if (fds[1 + i].revents)
				drain(run, &run->readers[i]);
		if (fds[0].revents)
			return why;
		if (why == 0)
			why = must_end(run, deadline_msec);
		if (why < 0)
			kill_stage(run);
	}
}

/* --- outside: starting and ending ------------------------------------------------------------ */

static int open_pipe(int ends[2])
{
	return pipe2(ends, O_CLOEXEC) < 0 ? -errno : 0;
}

static int prepare(struct run *run)
{
	int *const pipes[] = {run->output, run->status, run->ready, run->fault};
	int r = 0;

	for (size_t i = 0; i < COUNT(pipes); i++)
		pipes[i][0] = pipes[i][1] = -1;
	run->pid_fd = run->readers[0].fd = run->readers[1].fd = -1;
	for (size_t i = 0; r == 0 && i < COUNT(pipes); i++)
		r = open_pipe(pipes[i]);
	if (r < 0)
		return r;
	run->readers[0] = (struct line_reader){.stream = STAGE_OUTPUT, .fd = run->output[0]};
	run->readers[1] = (struct line_reader){.stream = STAGE_STATUS, .fd = run->status[0]};
	run->output[0] = run->status[0] = -1;
	for (size_t i = 0; i < COUNT(run->readers); i++)
		if (fcntl(run->readers[i].fd, F_SETFL, O_NONBLOCK) < 0)
			return -errno;
	if (run->stage->network)
		run->resolv_conf = resolv_conf_read();
	return 0;
}

static int start(struct run *run)
{
	uint64_t flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_PIDFD;
	struct clone_args args = {
		.flags = flags | (run->stage->network ? 0 : CLONE_NEWNET),
		.pidfd = (uint64_t)(uintptr_t)&run->pid_fd,
		.exit_signal = SIGCHLD,
	};
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	if (pid < 0)
		return -errno;
	if (pid == 0)
		be_pid_1(run);
	run->pid = (pid_t)pid;
	close(take_fd(&run->output[1]));
	close(take_fd(&run->status[1]));
	close(take_fd(&run->fault[1]));
	if (write(run->ready[1], "", 1) != 1)
		kill_stage(run);
	return 0;
}

/* Gathers the status; -errno where the stage never came to run the command. */
static int finish(struct run *run, int why, int *ret_status)
{
	int status, fault = 0;

	while (waitpid(run->pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	for (size_t i = 0; i < COUNT(run->readers); i++) {
		drain(run, &run->readers[i]);
		if (run->readers[i].length > 0)
			deliver(run, &run->readers[i]);
	}
	if (why < 0)
		return why;
	if (read(run->fault[0], &fault, sizeof(fault)) == (ssize_t)sizeof(fault) && fault < 0)
		return fault;
	*ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return 0;
}

static void run_done(struct run *run)
{
	int *const pipes[] = {run->output, run->status, run->ready, run->fault};

	for (size_t i = 0; i < COUNT(pipes); i++) {
		auto_close int reading = pipes[i][0];
		auto_close int writing = pipes[i][1];
	}
	for (size_t i = 0; i < COUNT(run->readers); i++)
		if (run->readers[i].fd >= 0)
			close(run->readers[i].fd);
	if (run->pid_fd >= 0)
		close(run->pid_fd);
	free(run->resolv_conf);
}

/* What was lent to the stage's shell comes back, or we would be stopped at the next line we print. */
static void take_terminal_back(pid_t group)
{
	void (*before)(int);

	if (group <= 0)
		return;
	before = signal(SIGTTOU, SIG_IGN);
	tcsetpgrp(STDIN_FILENO, group);
	signal(SIGTTOU, before);
}

int linux_run_stage(struct host *host, const struct stage *stage,
		    const struct stage_command *command, int *ret_status)
{
	struct run run = {.host = host, .stage = stage, .command = command};
	bool terminal = command->terminal && isatty(STDIN_FILENO);
	pid_t foreground = terminal ? tcgetpgrp(STDIN_FILENO) : 0;
	auto_placeholders struct placeholders placeholders = {0};
	auto_resolver struct resolver resolver = {.etc = -1};
	int r = prepare(&run), settled;

	if (r == 0) {
		resolver_put(host, stage, run.resolv_conf, &resolver);
		r = placeholders_find(host, stage, &placeholders);
	}
	if (r == 0)
		r = start(&run);
	if (r == 0) {
		r = finish(&run, listen_to(&run), ret_status);
		take_terminal_back(foreground);
		placeholders_remove(host, stage, &placeholders);
	}
	settled = resolver_settle(&resolver);
	run_done(&run);
	return r < 0 ? r : settled;
}
