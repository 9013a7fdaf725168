/* fill_run - one program in the stage: its surroundings, its words, and what became of it. */
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include "fill_internal.h"

#define LOG_MAX_BYTES (4 * 1024 * 1024)
#define CAP(name) (UINT64_C(1) << CAP_##name)

/*
 * What maintainer scripts need: files of any owner, users, services' port checks, chroots of their
 * own. Nothing that reaches the kernel, devices, mounts, the clock or other processes.
 */
#define MAINTAINER_CAPABILITIES                                                                    \
	(CAP(CHOWN) | CAP(DAC_OVERRIDE) | CAP(DAC_READ_SEARCH) | CAP(FOWNER) | CAP(FSETID) |       \
	 CAP(KILL) | CAP(SETGID) | CAP(SETUID) | CAP(SETPCAP) | CAP(NET_BIND_SERVICE) |            \
	 CAP(NET_RAW) | CAP(SYS_CHROOT) | CAP(SETFCAP) | CAP(AUDIT_WRITE) | CAP(LEASE) |           \
	 CAP(LINUX_IMMUTABLE) | CAP(SYS_NICE) | CAP(SYS_RESOURCE) | CAP(IPC_OWNER))

/* --- environment ----------------------------------------------------------------------------- */

static const char *const fixed_environment[] = {
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	"HOME=/root",
	"LC_ALL=C.UTF-8",
	"SHELL=/bin/bash",
	/* nobody is there to answer, and what the owner configured stays */
	"DEBIAN_FRONTEND=noninteractive",
	"DEBIAN_PRIORITY=critical",
	"UCF_FORCE_CONFFOLD=1",
	"APT_LISTCHANGES_FRONTEND=none",
	"NEEDRESTART_MODE=l",
	/* all of it is made durable at once before it is listed: nothing need be by itself */
	"DPKG_FORCE=unsafe-io",
	/* nothing runs here: systemctl must not look for a manager */
	"SYSTEMD_OFFLINE=1",
	/* the loader belongs to all generations: its tools find an ESP that is thrown away */
	"SYSTEMD_ESP_PATH=/run/decoy",
	"SYSTEMD_RELAX_ESP_CHECKS=1",
	"KERNEL_INSTALL_BYPASS=1",
};

struct environment {
	const char *list[COUNT(fixed_environment) + 5];
	char *own[4];
};

static void environment_done(struct environment *environment)
{
	for (size_t i = 0; i < COUNT(environment->own); i++)
		free(environment->own[i]);
}
DEFINE_AUTO_STRUCT(environment, struct environment, environment_done)
#define auto_environment __attribute__((cleanup(auto_environment_)))

static void environment_make(const struct fill *fill, bool terminal, struct environment *ret)
{
	const char *term = terminal ? getenv("TERM") : NULL;
	size_t count = COUNT(fixed_environment);

	*ret = (struct environment){0};
	memcpy(ret->list, fixed_environment, sizeof(fixed_environment));
	ret->own[0] = xasprintf("MOULT_GENERATION=%u", fill->generation);
	/* the first is what Debian's own bash.bashrc puts before the prompt, the second is for
	   roots without one */
	ret->own[1] = xasprintf("debian_chroot=moult %u", fill->generation);
	ret->own[2] = xasprintf("PS1=(moult %u) \\w\\$ ", fill->generation);
	ret->own[3] = xasprintf("TERM=%s", term ? term : "dumb");
	for (size_t i = 0; i < COUNT(ret->own); i++)
		ret->list[count + i] = ret->own[i];
}

/* --- what it says ---------------------------------------------------------------------------- */

static void remember(struct fill *fill, const char *line)
{
	char **slot = &fill->tail[fill->line_count++ % FILL_TAIL_LINES];

	free(*slot);
	*slot = xstrdup(line);
}

void fill_forget_tail(struct fill *fill)
{
	for (size_t i = 0; i < FILL_TAIL_LINES; i++)
		free(take(fill->tail[i]));
	fill->line_count = 0;
}

/* Room in a sentence: what does not fit goes, oldest lines first. */
#define TAIL_MAX_BYTES 760

char *fill_tail(const struct fill *fill, size_t count)
{
	auto_text struct text text = {0};
	size_t have = fill->line_count < FILL_TAIL_LINES ? fill->line_count : FILL_TAIL_LINES;
	size_t first = fill->line_count, bytes = 0;

	for (; first > fill->line_count - have && fill->line_count - first < count; first--) {
		bytes += 3 + strnlen(fill->tail[(first - 1) % FILL_TAIL_LINES], 160);
		if (bytes > TAIL_MAX_BYTES)
			break;
	}
	for (; first < fill->line_count; first++)
		text_addf(&text, "\n  %.160s", fill->tail[first % FILL_TAIL_LINES]);
	return text_take(&text);
}

struct listener {
	struct fill *fill;
	const struct fill_command *command;
};

static void hear(void *userdata, enum stage_stream stream, const char *line)
{
	struct listener *listener = userdata;
	struct fill *fill = listener->fill;
	struct machine *machine = fill->machine;

	if (stream == STAGE_STATUS) {
		if (listener->command->on_status)
			listener->command->on_status(fill, line);
		return;
	}
	if (machine->log.length < LOG_MAX_BYTES)
		text_addf(&machine->log, "%s\n", line);
	remember(fill, line);
	machine->progress->output(machine->progress, line);
	if (listener->command->on_output)
		listener->command->on_output(fill, line);
}

/* --- running --------------------------------------------------------------------------------- */

static bool explain(const struct fill *fill, const struct fill_command *command, int r,
		    struct err *err)
{
	auto_free char *tail = fill_tail(fill, 1);

	if (r == -EINTR)
		return err_set(
			err, ERR_INTERRUPTED, 0,
			"interrupted: the copy is discarded, the running system is as it was");
	if (r == -ETIMEDOUT)
		return err_set(err, ERR_SYSTEM, 0, "%s did not end within %u minutes%s",
			       command->argv[0], command->timeout_sec / 60, tail);
	return err_set(err, ERR_SYSTEM, -r, "%s could not be run in the stage%s", command->argv[0],
		       tail);
}

static void tell_program(const struct fill *fill, const struct fill_command *command, bool running)
{
	struct progress *progress = fill->machine->progress;

	if (progress->program)
		progress->program(progress, command->argv, running);
}

bool fill_run(struct fill *fill, const struct fill_command *command, int *ret_status,
	      struct err *err)
{
	struct host *host = fill->machine->host;
	auto_environment struct environment environment;
	struct listener listener = {fill, command};
	const struct stage stage = {
		.root = fill->root,
		.mounts = fill->mounts,
		.mount_count = fill->mount_count,
		.network = true,
		.capabilities = MAINTAINER_CAPABILITIES,
		.hostname = fill->hostname,
		.root_device = "pool",
	};
	struct stage_command in_stage = {
		.argv = command->argv,
		.environment = environment.list,
		.directory = command->terminal ? "/root" : "/",
		.terminal = command->terminal,
		.status_fd = command->status_fd,
		.on_line = hear,
		.userdata = &listener,
		.timeout_sec = command->timeout_sec,
	};
	int r;

	environment_make(fill, command->terminal, &environment);
	fill_forget_tail(fill);
	tell_program(fill, command, true);
	r = host->ops->run_stage(host, &stage, &in_stage, ret_status);
	tell_program(fill, command, false);
	return r == 0 || explain(fill, command, r, err);
}
