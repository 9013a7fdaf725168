/*
 * finding - one thing that a check noticed, in words a person can act on.
 *
 * Checks collect all they find; the caller decides what a refusal stops.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "json.h"

enum finding_level {
	FINDING_NOTE,
	FINDING_WARN,
	FINDING_REFUSE,
	FINDING_LEVEL_COUNT,
	FINDING_ERROR = FINDING_REFUSE, /* the same, said of what is rather than of what is asked */
};

struct finding {
	const char *code; /* static, "FSTAB_ROOT_SUBVOL" */
	enum finding_level level;
	char *object; /* "/etc/fstab:3", a package, a path; owned */
	char *why; /* one sentence without a full stop; owned */
	char *remedy; /* what to do; owned, NULL = nothing known */
};

/* A zero-filled struct is an empty list. */
struct findings {
	struct finding *all;
	size_t count;
};

/* Takes over the strings. */
void findings_add(struct findings *findings, struct finding finding);
size_t findings_count(const struct findings *findings, enum finding_level level);
const char *finding_level_name(enum finding_level level);
/* [{code, level, object, why, remedy}]; caller owns. */
json_t *findings_json(const struct findings *findings);
void findings_done(struct findings *findings);

DEFINE_AUTO_STRUCT(findings, struct findings, findings_done)
#define auto_findings __attribute__((cleanup(auto_findings_)))
