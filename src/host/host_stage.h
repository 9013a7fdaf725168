/*
 * host_stage - the sealed-off place where code of a new generation runs before it is trusted.
 *
 * A stage is described, not built up by calls: new mount, pid, uts and ipc namespaces, the given
 * root as /, fresh /proc, read-only /sys without efivars, a minimal /dev, tmpfs on /run and /tmp,
 * then `mounts` in order. Capabilities that are not listed are dropped from every set. All of it is
 * gone when the command ends, when it is interrupted, and when the caller dies.
 *
 * With network, names resolve as they do for the caller: by a plain file in place of the root's
 * /etc/resolv.conf. What the command puts there instead stays; else what was there comes back.
 *
 * The status of a command is that of a shell: its exit status, 128 + a signal, 127 where it cannot
 * be run at all (a line of output then says why). A stage that cannot be built is -errno, and a
 * line of output says which part.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum stage_mount_kind {
	STAGE_OVERLAY, /* lower (pool), upper and work (pool) → at */
	STAGE_BIND, /* lower (pool) → at; a missing directory `at` is made, as for overlays */
	STAGE_BIND_READ_ONLY, /* lower (pool) → at */
	STAGE_FILE, /* a file `at` with content `text`, mode `mode`: seen only inside, the root keeps what it had */
	STAGE_DIRECTORY, /* a directory `at`, made where missing; meant for a tmpfs */
	STAGE_TMPFS, /* an empty tmpfs → at, a missing directory is made */
	STAGE_WRITABLE, /* what is `at` by now, in an overlay that is read_only; no link is followed */
};

struct stage_mount {
	enum stage_mount_kind kind;
	const char *at; /* absolute, inside the root */
	const char *lower, *upper, *work; /* paths on the pool */
	const char *text;
	unsigned mode;
	bool read_only; /* STAGE_OVERLAY: nothing can be written but in a STAGE_WRITABLE after it */
};

struct stage {
	const char *root; /* path on the pool of the subvolume that becomes / */
	bool read_only; /* the root is mounted read-only */
	const struct stage_mount *mounts;
	size_t mount_count;
	bool network; /* false: an empty network namespace */
	uint64_t capabilities; /* 1 << CAP_…; kept, all others are dropped */
	const char *hostname;
	const char *root_device; /* NULL, or show block nodes and links of the pool's devices */
};

enum stage_stream { STAGE_OUTPUT, STAGE_STATUS };

struct stage_command {
	const char *const *argv; /* NULL-terminated; argv[0] is looked up in the stage's PATH */
	const char *const *environment; /* NULL-terminated "NAME=value"; nothing is inherited */
	const char *directory; /* NULL = / */
	bool terminal; /* stdin, stdout, stderr are the caller's (a shell); else /dev/null and `on_line` */
	int status_fd; /* number that the command's status lines come from (APT::Status-Fd); 0 = none */
	/* each line, without newline, at most 4 KiB, no control characters; called in the caller's process */
	void (*on_line)(void *userdata, enum stage_stream stream, const char *line);
	void *userdata;
	unsigned
		timeout_sec; /* 0 = none; then everything in the stage is killed and -ETIMEDOUT returned */
};
