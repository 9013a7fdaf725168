/*
 * json - typed access to documents that may come from anybody.
 *
 * Documents are jansson's json_t. Reading never trusts a type: a getter returns its default when
 * the key is absent and fails with a sentence when it is there with another type.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "auto.h"
#include "err.h"

DEFINE_AUTO(json, json_t *, json_decref)
#define auto_json __attribute__((cleanup(auto_json_)))

/* Parses one object; duplicates are refused. `name` is for the sentence. Caller owns the result. */
json_t *json_parse_object(const char *name, const char *bytes, size_t length, struct err *err);
/* Sorted keys, two spaces, a newline at the end: the form of every file that moult writes. Caller frees. */
char *json_print(const json_t *document);
/* One line, no newline. Caller frees. */
char *json_print_line(const json_t *document);

/* Getters: on success *ret is the value or `fallback`; strings are borrowed from the document. */
bool json_get_string(const json_t *object, const char *key, const char *fallback, const char **ret,
		     struct err *err);
bool json_get_u64(const json_t *object, const char *key, uint64_t fallback, uint64_t *ret,
		  struct err *err);
bool json_get_bool(const json_t *object, const char *key, bool fallback, bool *ret,
		   struct err *err);
/* *ret is NULL when absent, else a borrowed array. */
bool json_get_array(const json_t *object, const char *key, json_t **ret, struct err *err);

/* Sets a string, or null for NULL. Bytes that are not UTF-8 are replaced by '?'. */
void json_put_string(json_t *object, const char *key, const char *value);
/* A new string value, never NULL, whatever the bytes. */
json_t *json_text(const char *value);
