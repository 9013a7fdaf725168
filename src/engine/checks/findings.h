/*
 * findings - making findings (config/finding.h) and turning them into one refusal.
 *
 * `why` stands alone: it names its object and the cause, begins in lower case and has no full stop,
 * so that several can be joined to one refusal. `remedy` is a command, or NULL where there is none.
 */
#pragma once
#include "err.h"
#include "finding.h"

/* Borrowed until the next is made. The same code and object again gives the one that is there. */
struct finding *findings_make(struct findings *findings, enum finding_level level, const char *code,
			      const char *object);
void finding_why(struct finding *finding, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void finding_remedy(struct finding *finding, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The first with this code; NULL = none. */
const struct finding *findings_find(const struct findings *findings, const char *code);
/*
 * True where no finding is an error; else one refusal with all of them: "DOING: …; …". `doing` is
 * what it stops, NULL where an ERR_CONTEXT says it. The hint is the first remedy.
 */
bool findings_refuse(const struct findings *findings, const char *doing, struct err *err);
