/*
 * safe - text from outside on its way to a terminal.
 */
#pragma once
#include "text.h"

/*
 * Appends text from outside: whatever could move the cursor, colour the screen, turn the writing
 * direction or is not UTF-8 appears as \xNN or \u{NNNN}. Line ends are escaped, too.
 */
void text_add_safe(struct text *out, const char *string);
/* The same for text of several lines: line ends stay, later lines are indented by two blanks. */
void text_add_safe_lines(struct text *out, const char *string);

/* Columns that a safe text takes: none for what is put on another character, two for wide ones. */
size_t text_columns(const char *string);
/* Bytes of its longest beginning that takes no more columns than this. */
size_t text_fit(const char *string, size_t columns);
