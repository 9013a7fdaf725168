#include "document.h"

const char *document_string(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value && *value ? value : NULL;
}

const char *document_words(const json_t *object, const char *key)
{
	const char *value = document_string(object, key);

	return value ? value : "";
}

long long document_number(const json_t *object, const char *key, long long fallback)
{
	const json_t *value = json_object_get(object, key);

	return json_is_integer(value) ? json_integer_value(value) : fallback;
}

bool document_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

const json_t *document_object(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_object(value) ? value : NULL;
}

const json_t *document_array(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_array(value) && json_array_size(value) > 0 ? value : NULL;
}

const json_t *document_with_id(const json_t *array, long long id)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(array, i, entry)
	{
		if (document_number(entry, "id", -1) == id)
			return entry;
	}
	return NULL;
}
