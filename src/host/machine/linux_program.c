/* linux_program - other programs: by argument list, with a fixed environment, never by a shell. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "linux_internal.h"

#define OUTPUT_BYTES_MAX 4096
#define PROGRAM_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define ENVIRONMENT_MAX 16
#define STATUS_CANNOT_RUN 127

/* The last bytes of what was said. */
struct tail {
	char bytes[2 * OUTPUT_BYTES_MAX];
	size_t length;
};

struct child {
	pid_t pid;
	int pidfd; /* readable when it has ended */
	int output; /* our end of its stdout and stderr */
};

static void tail_add(struct tail *tail, const char *bytes, size_t length)
{
	size_t excess;

	if (length > OUTPUT_BYTES_MAX) {
		bytes += length - OUTPUT_BYTES_MAX;
		length = OUTPUT_BYTES_MAX;
	}
	if (tail->length + length > sizeof(tail->bytes)) {
		excess = tail->length - OUTPUT_BYTES_MAX;
		memmove(tail->bytes, tail->bytes + excess, OUTPUT_BYTES_MAX);
		tail->length = OUTPUT_BYTES_MAX;
	}
	memcpy(tail->bytes + tail->length, bytes, length);
	tail->length += length;
}

static char *tail_take(const struct tail *tail)
{
	size_t skip = tail->length > OUTPUT_BYTES_MAX ? tail->length - OUTPUT_BYTES_MAX : 0;

	return xstrndup(tail->bytes + skip, tail->length - skip);
}

/* Takes what is there without waiting; false once nobody can write any more. */
static bool drain(int fd, struct tail *tail)
{
	char block[OUTPUT_BYTES_MAX];
	ssize_t count;

	while ((count = read(fd, block, sizeof(block))) > 0)
		tail_add(tail, block, (size_t)count);
	return count < 0 && (errno == EAGAIN || errno == EINTR);
}

static int64_t now_msec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* As a new program expects them: the caller's handlers and mask are not its business. */
static void reset_signals(void)
{
	struct sigaction standard = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		sigaction(number, &standard, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int set_streams(const struct program *program, int output)
{
	int input = program->input >= 0 ? program->input : open("/dev/null", O_RDONLY | O_CLOEXEC);
	int result = program->output > 0 ? program->output : output;

	return input < 0 || dup2(input, STDIN_FILENO) < 0 || dup2(result, STDOUT_FILENO) < 0 ||
			       dup2(output, STDERR_FILENO) < 0
		       ? -errno
		       : 0;
}

/* In the new process; returns only where it cannot become the program. */
static int become(const struct program *program, int output)
{
	const char *environment[ENVIRONMENT_MAX + 3] = {0};
	int result, count = 0;

	while (count < ENVIRONMENT_MAX && program->environment && program->environment[count]) {
		environment[count] = program->environment[count];
		count++;
	}
	/* of two values of one name the first counts */
	environment[count++] = "PATH=" PROGRAM_PATH;
	environment[count] = "LC_ALL=C";
	setpgid(0, 0);
	reset_signals();
	result = set_streams(program, output);
	if (result == 0 && program->confinement)
		result = confine(program->host, program->confinement);
	if (result < 0)
		return result;
	execvpe(program->argv[0], (char *const *)program->argv, (char *const *)environment);
	return -errno;
}

/* What the new process says through `fault` before it becomes the program; nothing = it did. */
static int spawn(const struct program *program, int output, pid_t *ret_pid)
{
	int fault[2], result = 0;

	if (pipe2(fault, O_CLOEXEC) < 0)
		return -errno;
	*ret_pid = fork();
	if (*ret_pid == 0) {
		result = become(program, output);
		/* a caller that cannot be told sees the status instead */
		if (write(fault[1], &result, sizeof(result)) < 0)
			_exit(STATUS_CANNOT_RUN);
		_exit(STATUS_CANNOT_RUN);
	}
	if (*ret_pid < 0)
		result = -errno;
	close(fault[1]);
	if (*ret_pid > 0 && read(fault[0], &result, sizeof(result)) == sizeof(result))
		waitpid(*ret_pid, NULL, 0);
	close(fault[0]);
	return result;
}

/* Gathers output until the program has ended, or the time is over. */
static int attend(const struct child *child, int64_t deadline_msec, struct tail *tail)
{
	struct pollfd watched[2] = {
		{.fd = child->pidfd, .events = POLLIN},
		{.fd = child->output, .events = POLLIN},
	};

	for (;;) {
		int64_t left = deadline_msec ? deadline_msec - now_msec() : -1;

		if (deadline_msec && left <= 0)
			return -ETIMEDOUT;
		if (poll(watched, 2, (int)left) < 0 && errno != EINTR)
			return -errno;
		if (watched[1].revents && !drain(child->output, tail))
			watched[1].fd = -1;
		/* only the program itself counts: what it left behind may hold its output open */
		if (watched[0].revents)
			return 0;
	}
}

static int wait_for(pid_t pid, int *ret_status)
{
	while (waitpid(pid, ret_status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

int program_run(const struct program *program, char **ret_output, int *ret_status)
{
	struct tail tail = {.length = 0};
	struct child child = {.pidfd = -1, .output = -1};
	int64_t deadline =
		program->timeout_sec ? now_msec() + (int64_t)program->timeout_sec * 1000 : 0;
	int ends[2], result;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	child.output = ends[0];
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	result = spawn(program, ends[1], &child.pid);
	close(ends[1]);
	if (result == 0) {
		child.pidfd = (int)syscall(SYS_pidfd_open, child.pid, 0);
		result = child.pidfd < 0 ? -errno : attend(&child, deadline, &tail);
		if (result < 0)
			kill(-child.pid, SIGKILL);
		wait_for(child.pid, ret_status);
		drain(child.output, &tail);
	}
	if (child.pidfd >= 0)
		close(child.pidfd);
	close(child.output);
	if (result == 0 || result == -ETIMEDOUT)
		*ret_output = tail_take(&tail);
	return result;
}

int linux_run_program(struct host *host, const struct host_program *program, char **ret_output,
		      int *ret_status)
{
	const char *argv[] = {program->path, program->argument, NULL};
	const struct program spawned = {
		.argv = argv,
		.environment = program->environment,
		.input = -1,
		.timeout_sec = program->timeout_sec,
		.confinement = program->confinement,
		.host = linux_of(host),
	};

	return program_run(&spawned, ret_output, ret_status);
}
