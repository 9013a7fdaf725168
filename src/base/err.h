/*
 * err - what went wrong, in words a person can act on.
 *
 * A function that can fail for a reason a user may see returns bool and takes `struct err *err`
 * last. True: *err is untouched. False: *err holds one sentence, and where there is one, the
 * command that helps. The text lives inside the struct: reporting needs no memory.
 */
#pragma once
#include <stdbool.h>

enum err_kind {
	ERR_NONE,
	ERR_USAGE, /* the command line is wrong */
	ERR_CONFIG, /* a file that a person wrote is wrong */
	ERR_REFUSED, /* it could be done, but would break a promise */
	ERR_NEEDS_ACK, /* it can be done once the user has said --accept CODE */
	ERR_BUSY, /* another run holds the lock */
	ERR_NOTHING, /* there is nothing to do; exit 77 where that was asked for */
	ERR_SYSTEM, /* the kernel or a program said no; errnum says why */
	ERR_CORRUPT, /* the disk holds a state that moult never writes */
	ERR_INTERRUPTED, /* SIGINT or SIGTERM before the commit point */
	ERR_KIND_COUNT,
};

struct err {
	enum err_kind kind; /* decides exit status and D-Bus error name, one table each */
	int errnum; /* positive errno, or 0 */
	const char *origin; /* "file:line" of the first report; for -v only */
	char text[1024]; /* one or more sentences, outermost context first */
	char hint[256]; /* the command after "try:", or empty */
};

/* Fills *err and returns false, so that `return err_set(...)` reads "fail with". */
#define err_set(err, kind, errnum, ...)                                                            \
	err_set_at(err, kind, errnum, __FILE__ ":" ERR_STRING(__LINE__), __VA_ARGS__)
bool err_set_at(struct err *err, enum err_kind kind, int errnum, const char *origin,
		const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Adds the command that helps; returns false: `return err_try(err, "moult check")`. */
bool err_try(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* From here to the end of the block, a failure's text is prefixed with this. */
#define ERR_CONTEXT(err, ...)                                                                      \
	__attribute__((cleanup(err_leave), unused)) struct err_context err_context_ =              \
		err_enter(err, __VA_ARGS__)

struct err_context {
	struct err *err;
	char text[128];
};

struct err_context err_enter(struct err *err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void err_leave(struct err_context *context);

#define ERR_STRING(x) ERR_STRING_(x)
#define ERR_STRING_(x) #x
