/*
 * yamldoc - documents that people write, read into json_t, with the line of every key.
 *
 * A bounded subset of YAML 1.1, read through libyaml: one document of mappings, sequences and
 * scalars. Aliases, anchors, explicit tags, duplicate keys, keys that are not scalars and more than
 * one document are refused. Plain scalars become null (empty, ~, null), true, false, a whole number
 * (decimal, no leading zero) or a real; everything else, `yes`, `on` and `0644` too, and everything
 * quoted is a string.
 *
 * Not called yaml.h: every include of libyaml's header would find this one first.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "err.h"
#include "json.h"

#define YAML_MAX_BYTES (1024 * 1024)
#define YAML_MAX_DEPTH 32
#define YAML_MAX_NODES 100000

/* Where one member of a mapping or one item of a sequence stands. */
struct yaml_place {
	const json_t *parent;
	char *key; /* NULL = an item of a sequence */
	size_t index; /* of the item */
	unsigned line;
};

struct yaml {
	json_t *root; /* an empty object for a document without content */
	struct yaml_place *places;
	size_t place_count;
};

/* `name` is for sentences. On failure *ret is empty. */
bool yaml_parse(const char *name, const char *bytes, size_t length, struct yaml *ret,
		struct err *err);
void yaml_done(struct yaml *yaml);
/* The line, from 1, of a key of the mapping `parent`, or of item `index` of a sequence (key NULL); 0 = unknown. */
unsigned yaml_line(const struct yaml *yaml, const json_t *parent, const char *key, size_t index);

DEFINE_AUTO_STRUCT(yaml, struct yaml, yaml_done)
#define auto_yaml __attribute__((cleanup(auto_yaml_)))
