/*
 * delivered - the files that packages brought, with their digests, as dpkg's info directory says.
 *
 * Paths are absolute and as the package has them: /bin/sh and /usr/bin/sh may be the same file.
 * Conffiles, diversions and path-exclude= are why a file may differ and still be right.
 * Source: dpkg's own verification, dpkg-divert(1), dpkg.cfg(5).
 */
#pragma once
#include "dpkg.h"
#include "host.h"
#include "text.h"

struct diversion {
	char *from, *to; /* absolute */
	char *package; /* whose file stays at `from`; ":" = nobody's */
};

struct pattern {
	char *glob;
	bool include;
};

/* What holds for all packages of a root. */
struct delivery {
	struct diversion *diversions;
	size_t diversion_count;
	struct pattern *patterns; /* the last that matches decides */
	size_t pattern_count;
};

/* Missing files are empty ones; what cannot be read is as if it were not there. */
void delivery_read(struct host *host, const char *root, struct delivery *ret);
void delivery_done(struct delivery *delivery);
/* Where the package's file really lies; borrowed. */
const char *delivery_diverted(const struct delivery *delivery, const struct package *package,
			      const char *path);
/* Whether dpkg was told not to unpack it. */
bool delivery_excluded(const struct delivery *delivery, const char *path);
/* Whether it is a configuration file, which its owner may change. */
bool package_conffile(const struct package *package, const char *path);

struct delivered_file {
	char md5[33];
	const char *path; /* absolute; borrowed until the next */
};

struct delivered_files {
	struct host_bytes bytes;
	const char *cursor;
	struct text path;
};

/* 0, or -errno; -ENOENT: the package has no digests. Lines that cannot be right are passed over. */
int delivered_open(struct host *host, const char *root, const struct package *package,
		   struct delivered_files *ret);
bool delivered_next(struct delivered_files *files, struct delivered_file *ret);
void delivered_close(struct delivered_files *files);

/* The package's list of files; `bytes` NULL = there is none. */
struct delivered_list {
	struct host_bytes bytes;
};
void delivered_read_list(struct host *host, const char *root, const struct package *package,
			 struct delivered_list *ret);
/* Without a list every file counts as listed. */
bool delivered_lists(const struct delivered_list *list, const char *path);
void delivered_list_done(struct delivered_list *list);

DEFINE_AUTO_STRUCT(delivery, struct delivery, delivery_done)
