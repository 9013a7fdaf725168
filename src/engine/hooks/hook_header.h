/*
 * hook_header - what a hook asks for, in the comment block that it begins with.
 *
 *	#!/bin/sh
 *	# moult-hook: phases=staged,first-boot capabilities=CAP_CHOWN writes=/etc/ssl network=no
 *
 * Pure. The block is the lines from the first one on that begin with "#"; each key may be given
 * once, over one or more lines. What is not understood is refused: a hook that asks for something
 * must not run without it. Without a header a hook runs in the phase `staged`, with no capability,
 * no network, and may write nothing but /run and /tmp.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "err.h"

#define HOOK_HEADER_MAX_LINES 64
#define HOOK_WRITES_MAX 16
#define HOOK_PATH_MAX 256

enum hook_phase {
	HOOK_STAGED = 1 << 0, /* in the stage, after the source, before verification */
	HOOK_PUBLISHED = 1 << 1, /* on the running system, once the generation is in the menu */
	HOOK_FIRST_BOOT = 1 << 2, /* in the new generation, before it is found healthy */
	HOOK_RETURNED = 1 << 3, /* in the old one, after a trial that failed or a rollback */
};

struct hook_header {
	unsigned phases; /* enum hook_phase, or'ed */
	uint64_t capabilities; /* 1 << CAP_… */
	char writes[HOOK_WRITES_MAX][HOOK_PATH_MAX]; /* absolute paths in the root */
	size_t write_count;
	bool network;
};

/* `name` is for the sentence. */
bool hook_header_parse(const char *name, const char *bytes, size_t length, struct hook_header *ret,
		       struct err *err);
const char *hook_phase_name(enum hook_phase phase);
