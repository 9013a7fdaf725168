/*
 * osrelease - one value out of an os-release file. Source: os-release(5).
 */
#pragma once
#include <stddef.h>

#define OSRELEASE_MAX_BYTES (16 * 1024)

/* Unquoted, without control characters, bounded; NULL = absent or not readable. Caller frees. */
char *osrelease_value(const char *bytes, size_t length, const char *key);
