/*
 * differing - what `moult diff` and the plan of a rollback say of two generations.
 */
#pragma once
#include "trees.h"

/* Packages that one has and the other has not, or in another version: [{name, from, to, change}]. */
bool differing_packages(struct machine *machine, const struct tree_end ends[2], json_t **ret,
			struct err *err);
enum differing_part {
	DIFFERING_CONFIG, /* what lies in /etc */
	DIFFERING_FILES, /* all else */
};
/* [{path, change, marks, type, from_type}] */
json_t *differing_files(const struct tree_changes *changes, enum differing_part part);
/* The same for people who plan: [{code, level, file, line, why, remedy}] of what lies in /etc. */
json_t *differing_findings(const struct tree_changes *changes, const struct tree_end ends[2]);
/*
 * One file: {path, change, marks, type, from_type, text, why}; text is NULL where there is none to
 * show, and why says so. `path` as a person typed it; data, and what neither has, is a refusal.
 */
bool differing_file(struct machine *machine, const struct tree_end ends[2], const char *path,
		    json_t **ret, struct err *err);
/* "generation 7", "generation 7 as it was built"; caller frees. */
char *tree_name(const struct tree_end *end);
