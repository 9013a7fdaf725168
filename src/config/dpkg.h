/*
 * dpkg - what is installed, as dpkg's status file says it.
 *
 * Names, architectures and versions have been checked when a package is listed: they are safe in
 * paths and in sentences. Source: deb-control(5), dpkg's own parser.
 */
#pragma once
#include "digest.h"
#include "finding.h"

#define DPKG_STATUS_MAX_BYTES (64 * 1024 * 1024)

struct conffile {
	char *path; /* absolute */
	char md5[33]; /* of the default that the package brought */
	bool obsolete; /* no longer in the package */
};

struct package {
	char *name, *architecture;
	char *version; /* "" when nothing of it was ever unpacked */
	char *state; /* "installed", "config-files", "half-configured" … */
	bool held;
	bool broken; /* dpkg wants it to be installed again */
	bool co_installable; /* Multi-Arch: same: its files in info/ carry the architecture */
	struct conffile *conffiles;
	size_t conffile_count;
};

struct packages {
	struct package *all; /* by name, then architecture; each pair once */
	size_t count;
	char *native; /* architecture of dpkg itself, "" = unknown */
};

bool packages_parse(const char *name, const char *bytes, size_t length, struct packages *ret,
		    struct err *err);
void packages_done(struct packages *packages);
bool package_is_installed(const struct package *package);
/* By "name" (native or all) or "name:architecture"; NULL = there is none. */
const struct package *packages_find(const struct packages *packages, const char *name);
/* "name", or "name:architecture" for one that is not native. Caller frees. */
char *package_label(const struct packages *packages, const struct package *package);
/* "bash" or "libc6:amd64": how its files in dpkg's info directory begin. Caller frees. */
char *package_info_name(const struct package *package);

/* SHA-256 over the lines "name:architecture=version" of what is installed. */
void packages_digest(const struct packages *packages, struct digest *ret);
/* {format_version, packages: [{name, architecture, version, held}]} of what is installed; caller owns. */
json_t *packages_json(const struct packages *packages);
/* A refusal for each package that is neither installed nor removed as a whole. */
void packages_audit(const struct packages *packages, struct findings *findings);

struct package_change {
	char *name; /* as package_label() has it */
	char *from; /* version; NULL = new */
	char *to; /* version; NULL = removed */
};

struct package_changes {
	struct package_change *all;
	size_t count;
};

/* Copies the strings; `from` and `to` may be NULL. */
void package_changes_add(struct package_changes *changes, const char *name, const char *from,
			 const char *to);
/* What is installed in `to` but not, or in another version, in `from`, and the other way round. */
void packages_compare(const struct packages *from, const struct packages *to,
		      struct package_changes *ret);
/* [{name, from, to, change}]; caller owns. */
json_t *package_changes_json(const struct package_changes *changes);
void package_changes_done(struct package_changes *changes);

/* Below, at or above 0, as dpkg --compare-versions orders them. */
int dpkg_version_compare(const char *a, const char *b);

DEFINE_AUTO_STRUCT(packages, struct packages, packages_done)
#define auto_packages __attribute__((cleanup(auto_packages_)))
DEFINE_AUTO_STRUCT(package_changes, struct package_changes, package_changes_done)
#define auto_package_changes __attribute__((cleanup(auto_package_changes_)))
