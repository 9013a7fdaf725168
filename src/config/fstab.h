/*
 * fstab - /etc/fstab without loss: what no edit names keeps every byte.
 *
 * Blank lines, comments and lines with fewer than three fields are opaque: only `raw` is set.
 * Source: fstab(5) and libmount's reading of it (octal escapes, double quotes within options).
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "auto.h"
#include "err.h"

#define FSTAB_MAX_BYTES (256 * 1024)

struct fstab_line {
	char *raw; /* with its newline, which only the last line may lack */
	unsigned number; /* from 1; 0 = appended */
	/* decoded; all NULL on an opaque line. `options` is "defaults" where the field is missing. */
	char *device, *mount_point, *type, *options;
};

struct fstab {
	struct fstab_line *lines;
	size_t count;
};

/* Refuses only NUL bytes and size; `name` is for the sentence. */
bool fstab_parse(const char *name, const char *bytes, size_t length, struct fstab *ret,
		 struct err *err);
/* All lines' bytes. Caller frees. */
char *fstab_print(const struct fstab *fstab);
void fstab_done(struct fstab *fstab);

/* The first line for this mount point, or NULL; borrowed until a line is appended. */
struct fstab_line *fstab_find(const struct fstab *fstab, const char *mount_point);
/* Whether the line is a comment or blank (and not one that nobody can read). */
bool fstab_is_comment(const struct fstab_line *line);

/* The value of the last option of that name, "" for a flag, NULL if absent. Caller frees. */
char *fstab_option(const struct fstab_line *line, const char *name);
/* For lines with fields: the options field becomes this, the rest keeps its bytes. */
void fstab_set_options(struct fstab_line *line, const char *options);
/* name=value, or the flag where value is NULL, in the place of an option of that name, else at the end. */
void fstab_set_option(struct fstab_line *line, const char *name, const char *value);
void fstab_remove_option(struct fstab_line *line, const char *name);
/* Whether the last field asks for a check before it is mounted; and that it does so no more. */
bool fstab_is_checked(const struct fstab_line *line);
void fstab_clear_pass(struct fstab_line *line);
/* Appends "device mount_point type options 0 0", escaped; fields are copied, the line is borrowed. */
struct fstab_line *fstab_append(struct fstab *fstab, const struct fstab_line *fields);

/* Whether the line mounts the file system with this UUID; by the device of `/` too where that has it. */
bool fstab_is_on(const struct fstab *fstab, const struct fstab_line *line, const char *uuid);
/* Whether the line mounts what the loader reads: a FAT at a usual place, or this UUID (may be NULL). */
bool fstab_is_boot(const struct fstab_line *line, const char *boot_uuid);

DEFINE_AUTO_STRUCT(fstab, struct fstab, fstab_done)
#define auto_fstab __attribute__((cleanup(auto_fstab_)))
