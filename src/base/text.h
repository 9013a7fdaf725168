/*
 * text - strings that grow, and the few string helpers used everywhere.
 *
 * Running out of memory aborts: moult is a short-lived process and every state it leaves on disk
 * is recoverable, so nothing is gained by carrying ENOMEM upwards.
 */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include "auto.h"

/* A zero-filled struct is an empty text. `bytes` is always followed by a 0 once anything was added. */
struct text {
	char *bytes;
	size_t length;
	size_t capacity;
};

void text_add(struct text *text, const char *string);
void text_add_bytes(struct text *text, const void *bytes, size_t length);
void text_addf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Frees the bytes and leaves an empty text. */
void text_done(struct text *text);
/* The bytes, owned by the caller, "" if nothing was added; the text is empty afterwards. */
char *text_take(struct text *text);

DEFINE_AUTO_STRUCT(text, struct text, text_done)
#define auto_text __attribute__((cleanup(auto_text_)))

void *xmalloc(size_t size_bytes);
void *xcalloc(size_t count, size_t size_bytes);
void *xrealloc(void *pointer, size_t size_bytes);
char *xstrdup(const char *string);
char *xstrndup(const char *string, size_t length);
/* NULL stays NULL. */
char *xstrdup_or_null(const char *string);
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *xvasprintf(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

/* Makes room for one more element in an array that grows by doubling, and returns it zeroed. */
#define array_add(array, count)                                                                    \
	((__typeof__(array))array_add_((void **)&(array), &(count), sizeof(*(array))))
void *array_add_(void **array, size_t *count, size_t element_bytes);

bool text_equal(const char *a, const char *b);
bool text_starts(const char *string, const char *prefix);
bool text_ends(const char *string, const char *suffix);
/* Decimal digits only, no sign, no blank, the whole string; false on overflow. */
bool text_to_u64(const char *string, unsigned long long *ret_value);

/*
 * The next line of *cursor (without its newline), or false at the end. The line is borrowed from
 * the text; a last line without newline counts. `*ret_length` excludes the newline.
 */
bool text_next_line(const char **cursor, const char *end, const char **ret_line,
		    size_t *ret_length);

/* "…" around a name from outside, control characters as \xNN; a borrowed static ring of 4. */
const char *text_quote(const char *string);
