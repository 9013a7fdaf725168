/*
 * stamp - times as text: ISO 8601 UTC, the only form in documents and journals.
 */
#pragma once
#include <stdint.h>
#include "json.h"

#define STAMP_MAX 32

/* "2026-11-22T21:12:05Z", or "unknown" for 0. */
const char *stamp_text(int64_t seconds, char buffer[STAMP_MAX]);
/* The same as a string, or null for 0. */
json_t *stamp_json(int64_t seconds);
