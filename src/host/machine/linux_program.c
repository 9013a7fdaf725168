/* linux_program - other programs: by argument list, with a fixed environment, never by a shell. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include "linux_internal.h"

#define OUTPUT_BYTES_MAX 4096
#define PROGRAM_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define ENVIRONMENT_MAX 16

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

static int spawn_setup(const struct program *program, int output,
		       posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes)
{
	sigset_t none, all;
	int result = 0;

	sigemptyset(&none);
	sigfillset(&all);
	if (program->input >= 0)
		result = posix_spawn_file_actions_adddup2(actions, program->input, STDIN_FILENO);
	else
		result = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null",
							  O_RDONLY, 0);
	if (result == 0)
		result = posix_spawn_file_actions_adddup2(actions, output, STDOUT_FILENO);
	if (result == 0)
		result = posix_spawn_file_actions_adddup2(actions, output, STDERR_FILENO);
	if (result == 0)
		result = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP |
								      POSIX_SPAWN_SETSIGMASK |
								      POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setpgroup(attributes, 0);
	posix_spawnattr_setsigmask(attributes, &none);
	posix_spawnattr_setsigdefault(attributes, &all);
	return -result;
}

static int spawn(const struct program *program, int output, pid_t *ret_pid)
{
	const char *environment[ENVIRONMENT_MAX + 3] = {0};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int result, count = 0;

	while (count < ENVIRONMENT_MAX && program->environment && program->environment[count]) {
		environment[count] = program->environment[count];
		count++;
	}
	/* of two values of one name the first counts */
	environment[count++] = "PATH=" PROGRAM_PATH;
	environment[count] = "LC_ALL=C";
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	result = spawn_setup(program, output, &actions, &attributes);
	if (result == 0)
		result = -posix_spawnp(ret_pid, program->argv[0], &actions, &attributes,
				       (char *const *)program->argv, (char *const *)environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
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

int linux_run_check(struct host *host, const char *program, const char *argument,
		    unsigned timeout_sec, char **ret_output, int *ret_status)
{
	const char *argv[] = {program, argument, NULL};

	(void)host;
	return program_run(&(struct program){.argv = argv, .input = -1, .timeout_sec = timeout_sec},
			   ret_output, ret_status);
}
