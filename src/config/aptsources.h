/*
 * aptsources - moves apt's source lists from one codename of the distribution to the next.
 *
 * Reads both forms, one line per source and deb822, and changes nothing but suite names: the
 * codename itself and codename-updates, -security, -backports, -proposed-updates and the like, and
 * codename/updates. Comments, disabled sources, order and blanks keep their bytes.
 * Source: sources.list(5).
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "err.h"
#include "finding.h"

#define APTSOURCES_MAX_BYTES (256 * 1024)

struct aptsources_request {
	const char *name; /* path of the file, for sentences; ".sources" at its end means deb822 */
	const char *bytes;
	size_t length;
	const char *from, *to; /* codenames, [a-z]+ */
};

struct aptsources {
	char *bytes; /* the whole file as it shall be */
	unsigned changes; /* suite names changed, in sources that are enabled */
	/* suites like `stable`, sources of third parties */
	struct findings findings;
};

bool aptsources_codename_valid(const char *codename);
/* On failure *ret is empty. */
bool aptsources_rewrite(const struct aptsources_request *request, struct aptsources *ret,
			struct err *err);
void aptsources_done(struct aptsources *sources);

DEFINE_AUTO_STRUCT(aptsources, struct aptsources, aptsources_done)
#define auto_aptsources __attribute__((cleanup(auto_aptsources_)))
