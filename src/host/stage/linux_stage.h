/*
 * linux_stage - what the files of the stage share: one process builds it and becomes its pid 1.
 *
 * The stage_*() functions run in the new process, the others in the caller's. Functions return 0,
 * a descriptor or -errno.
 */
#pragma once
#include "linux_internal.h"

#define STAGE_LINE_MAX 4096
#define STAGE_RESOLV_CONF_MAX (64 * 1024)

struct stage_build {
	const struct stage *stage;
	const char *pool_path; /* where the caller's namespace has the pool */
	const char *resolv_conf; /* the caller's, or NULL */
	int pool; /* the pool's top in this namespace */
	int scratch; /* a tmpfs that holds what is bound into the root */
	int root; /* / to be */
	unsigned file_count;
	const char *at; /* what is being made: for the line that says what failed */
};

/* Builds everything and makes it /. */
int stage_enter(struct stage_build *build);
/* /dev and what is in it. */
int stage_make_dev(struct stage_build *build);
/* Nodes, by-* and mapper links of the pool's devices and of those below them. */
int stage_show_devices(struct stage_build *build);
/* What resolves names for the caller; NULL where there is nothing. Caller frees. */
char *resolv_conf_read(void);

/* The caller's text as /etc/resolv.conf of the root, before the stage and until it is settled. */
struct resolver {
	int etc; /* the root's /etc; -1 = it has none */
	bool put;
};
/*
 * Puts right what a run left that was cut off; then puts the text there, unless the root has the
 * same (which a shell may then edit) or a link into /run. Where it cannot be put, as on a read-only
 * subvolume or in place of what is protected, the stage mounts it.
 */
void resolver_put(struct host *host, const struct stage *stage, const char *text,
		  struct resolver *ret);
/* What was there is there again, unless a program replaced it. */
int resolver_settle(struct resolver *resolver);
void resolver_done(struct resolver *resolver);
DEFINE_AUTO_STRUCT(resolver, struct resolver, resolver_done)
#define auto_resolver __attribute__((cleanup(auto_resolver_)))

/*
 * Files that the root lacks and that get an empty one to mount on: found before the stage, removed
 * after it unless something was written there meanwhile. A run that is cut off leaves them; its
 * root is discarded anyway.
 */
struct placeholders {
	const char **paths; /* inside the root; borrowed from the stage */
	size_t count;
};
int placeholders_find(struct host *host, const struct stage *stage, struct placeholders *ret);
void placeholders_remove(struct host *host, const struct stage *stage,
			 const struct placeholders *placeholders);
void placeholders_done(struct placeholders *placeholders);
DEFINE_AUTO_STRUCT(placeholders, struct placeholders, placeholders_done)
#define auto_placeholders __attribute__((cleanup(auto_placeholders_)))

/* A new file system, not attached anywhere; options end with NULL, "name=value" or "flag". */
struct stage_filesystem {
	const char *type;
	const char *const *options;
	unsigned attributes; /* MOUNT_ATTR_… */
};
int stage_filesystem(const struct stage_filesystem *want);
/* The same, attached to `at` inside the root; the descriptor is its top. */
int stage_mount_at(struct stage_build *build, const char *at, const struct stage_filesystem *want);
/* A mount of what `fd` names, attached to the object `target`. */
int stage_bind(int fd, int target, uint64_t attributes);
/* A directory inside the root, made with its parents where missing. */
int stage_directory(int root, const char *path);
