/* stage_world - an image with a small root, the host on it, and what commands in a stage said. */
#pragma once
#include <check.h>
#include <linux/capability.h>
#include "linux.h"
#include "stage_root.h"
#include "text.h"

#define CAP(name) (UINT64_C(1) << CAP_##name)
#define ORDINARY                                                                                   \
	(CAP(CHOWN) | CAP(DAC_OVERRIDE) | CAP(DAC_READ_SEARCH) | CAP(FOWNER) | CAP(SETPCAP) |      \
	 CAP(SETUID) | CAP(SETGID) | CAP(KILL))

struct world {
	struct stage_root disk;
	struct host *host;
	struct text output, status;
	size_t longest, lines;
	int exit_status;
};

extern struct world world;

void stage_world_open(void);
void stage_world_close(void);
void stage_world_done(void); /* after the last one */

/* What run_stage returns; the rest is in `world` afterwards. */
int run_with(const struct stage *stage, struct stage_command command);
int run_in(const struct stage *stage, const char *script);
/* Runs a script in the plain stage; it must end with status 0. Its output. */
const char *say(const char *script);
/* Of a file on the pool; -1 = there is none. */
int64_t size_of(const char *path);

TCase *stage_names_case(void);
