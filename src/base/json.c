#include "json.h"
#include <string.h>
#include "text.h"

json_t *json_parse_object(const char *name, const char *bytes, size_t length, struct err *err)
{
	json_error_t error;
	json_t *document = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, &error);

	if (!document) {
		err_set(err, ERR_CORRUPT, 0, "%s is not JSON: %s at line %d", name, error.text,
			error.line);
		return NULL;
	}
	if (!json_is_object(document)) {
		json_decref(document);
		err_set(err, ERR_CORRUPT, 0, "%s is not a JSON object", name);
		return NULL;
	}
	return document;
}

static char *dump(const json_t *document, size_t flags)
{
	char *printed = json_dumps(document, flags);

	if (!printed)
		abort();
	return printed;
}

char *json_print(const json_t *document)
{
	auto_free char *printed = dump(document, JSON_SORT_KEYS | JSON_INDENT(2));

	return xasprintf("%s\n", printed);
}

char *json_print_line(const json_t *document)
{
	return dump(document, JSON_COMPACT);
}

static bool wrong_type(const char *key, const char *wanted, struct err *err)
{
	return err_set(err, ERR_CORRUPT, 0, "'%s' is not %s", key, wanted);
}

bool json_get_string(const json_t *object, const char *key, const char *fallback, const char **ret,
		     struct err *err)
{
	const json_t *value = json_object_get(object, key);

	if (value && !json_is_null(value) && !json_is_string(value))
		return wrong_type(key, "a string", err);
	*ret = value && json_is_string(value) ? json_string_value(value) : fallback;
	return true;
}

bool json_get_u64(const json_t *object, const char *key, uint64_t fallback, uint64_t *ret,
		  struct err *err)
{
	const json_t *value = json_object_get(object, key);

	if (value && !json_is_null(value) &&
	    (!json_is_integer(value) || json_integer_value(value) < 0))
		return wrong_type(key, "a number of 0 or more", err);
	*ret = value && json_is_integer(value) ? (uint64_t)json_integer_value(value) : fallback;
	return true;
}

bool json_get_bool(const json_t *object, const char *key, bool fallback, bool *ret, struct err *err)
{
	const json_t *value = json_object_get(object, key);

	if (value && !json_is_null(value) && !json_is_boolean(value))
		return wrong_type(key, "true or false", err);
	*ret = value && json_is_boolean(value) ? json_boolean_value(value) : fallback;
	return true;
}

bool json_get_array(const json_t *object, const char *key, json_t **ret, struct err *err)
{
	json_t *value = json_object_get(object, key);

	if (value && !json_is_null(value) && !json_is_array(value))
		return wrong_type(key, "an array", err);
	*ret = value && json_is_array(value) ? value : NULL;
	return true;
}

json_t *json_text(const char *value)
{
	json_t *string = json_string(value);

	if (!string) {
		auto_free char *ascii = xstrdup(value);

		for (char *c = ascii; *c; c++)
			if ((unsigned char)*c >= 0x80)
				*c = '?';
		string = json_string(ascii);
	}
	if (!string)
		abort();
	return string;
}

void json_put_string(json_t *object, const char *key, const char *value)
{
	json_object_set_new(object, key, value ? json_text(value) : json_null());
}
