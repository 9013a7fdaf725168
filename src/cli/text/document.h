/*
 * document - tolerant reading of a result document, for showing it.
 *
 * What cannot be shown is left out: a missing key and one of another type are the same. Strings
 * and objects are borrowed from the document. NULL objects are accepted everywhere.
 */
#pragma once
#include <stdbool.h>
#include "json.h"

const char *document_string(const json_t *object, const char *key); /* NULL = absent or empty */
/* Like document_string(), but "" instead of NULL. */
const char *document_words(const json_t *object, const char *key);
long long document_number(const json_t *object, const char *key, long long fallback);
bool document_true(const json_t *object, const char *key);
const json_t *document_object(const json_t *object, const char *key); /* NULL = absent or null */
const json_t *document_array(const json_t *object, const char *key); /* NULL = absent or empty */
/* The entry of `array` whose "id" is this; NULL = none. */
const json_t *document_with_id(const json_t *array, long long id);
