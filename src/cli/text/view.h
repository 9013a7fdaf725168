/*
 * view - how results are shown: time, sizes, colour, and text that may come from anybody.
 *
 * A view is plain data, so that the same document and the same view always give the same bytes.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>
#include "place.h"
#include "safe.h"

struct view {
	int64_t now; /* seconds since 1970 */
	unsigned columns; /* longest line; 100 unless told */
	bool terminal; /* a person looks at it: legends and the like */
	bool colour;
	bool verbose;
	struct place place; /* the system that is looked at; strings are borrowed */
};

enum tint { TINT_NONE, TINT_STRONG, TINT_FAINT, TINT_GOOD, TINT_WARN, TINT_BAD, TINT_COUNT };

/* Appends a safe text in a colour, if the view has colours. */
void view_add(const struct view *view, struct text *out, enum tint tint, const char *string);
/* Both break words at `view->columns`; later lines begin below the first word. The words are made safe. */
void view_add_labelled(const struct view *view, struct text *out, const char *label,
		       const char *words);
void view_add_bulleted(const struct view *view, struct text *out, const char *bullet,
		       const char *words);
/* "! it is broken", and what to try. */
void view_add_trouble(const struct view *view, struct text *out, const char *words,
		      const char *remedy);
/* Strings, or objects with a sentence in "why" or "object", each bulleted. */
void view_add_sentences(const struct view *view, struct text *out, const char *bullet,
			const json_t *sentences);

/*
 * A command that helps: "try: sudo moult --sysroot /dev/sda check", if that is where moult works,
 * and "try (in that system): sudo bootctl install".
 */
void view_add_try(const struct view *view, struct text *out, unsigned indent, const char *command);

/* "2026-03-01T12:00:00Z" → seconds since 1970; -1 when it is anything else. */
int64_t view_parse_time(const char *iso);
/* "3 hours ago", "just now", "in 2 days" */
void view_add_ago(struct text *out, int64_t when, int64_t now);
/* From ISO 8601: "2026-03-01 12:00 (3 hours ago)" in local time; "at an unknown time" for NULL. */
void view_add_time(const struct view *view, struct text *out, const char *iso);
/* "512 B", "12.3 GiB" */
void view_add_size(struct text *out, unsigned long long bytes);
