/*
 * hook_list - the hooks of a root, with what they declare.
 *
 * A hook is an executable file whose name could be a command's; what editors and dpkg leave beside
 * it (".dpkg-old", "~") is passed over, and so is everything that is not executable.
 */
#pragma once
#include "hook_header.h"
#include "auto.h"
#include "err.h"
#include "host.h"

#define HOOK_MAX_BYTES (1024 * 1024)
#define HOOKS_MAX 256

struct hook {
	char *name;
	struct hook_header header;
	struct digest digest; /* of the whole file */
};

struct hooks {
	unsigned phases; /* that were asked for */
	struct hook *list; /* by name */
	size_t count;
};

/* Those for any of `phases`. A root without the directory has none. */
bool hooks_read(struct host *host, const char *root, unsigned phases, struct hooks *ret,
		struct err *err);
void hooks_done(struct hooks *hooks);
DEFINE_AUTO_STRUCT(hooks, struct hooks, hooks_done)
#define auto_hooks __attribute__((cleanup(auto_hooks_)))
