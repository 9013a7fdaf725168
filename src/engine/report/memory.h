/*
 * memory - small documents that moult keeps in @moult from one boot to the next.
 *
 * Replaced by write-temporary and rename; not durable before the pool is synced. Unknown fields do
 * not survive: what is kept here is about one boot only.
 */
#pragma once
#include "host.h"
#include "json.h"

#define MEMORY_MAX_BYTES (256 * 1024)

/* *ret: a new object, empty where there is no such document or it cannot be understood. */
bool memory_read(struct host *host, const char *path, json_t **ret, struct err *err);
/* Adds format_version and min_reader. */
bool memory_write(struct host *host, const char *path, json_t *document, struct err *err);
