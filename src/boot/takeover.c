#include "takeover.h"
#include <stdio.h>
#include <string.h>
#include "text.h"

#define FORMAT 1

void takeover_done(struct takeover *takeover)
{
	for (size_t i = 0; i < takeover->file_count; i++)
		free(takeover->files[i]);
	free(takeover->files);
	free(takeover->order);
	free(takeover->former);
	free(takeover->former_settings);
	free(takeover->former_text);
	free(takeover->fallback);
	free(takeover->kept);
	json_decref(takeover->document);
	*takeover = (struct takeover){0};
}

void takeover_add_file(struct takeover *takeover, const char *path)
{
	if (!takeover_has_file(takeover, path))
		*array_add(takeover->files, takeover->file_count) = xstrdup(path);
}

bool takeover_has_file(const struct takeover *takeover, const char *path)
{
	for (size_t i = 0; i < takeover->file_count; i++)
		if (strcasecmp(takeover->files[i], path) == 0)
			return true;
	return false;
}

/* --- the document ------------------------------------------------------------------------------- */

/* A path on the boot volume that may be removed or renamed: below EFI, and no way out of it. */
static bool is_program(const char *path)
{
	return text_starts(path, "EFI/") && !strstr(path, "..") && strlen(path) < 200;
}

static bool get_path(const json_t *document, const char *key, char **ret, struct err *err)
{
	const char *value;

	if (!json_get_string(document, key, NULL, &value, err))
		return false;
	if (value && !is_program(value))
		return err_set(err, ERR_CORRUPT, 0, "'%s' is %s, which is no program of a loader",
			       key, text_quote(value));
	*ret = xstrdup_or_null(value);
	return true;
}

static bool get_text(const json_t *document, const char *key, char **ret, struct err *err)
{
	const char *value;

	if (!json_get_string(document, key, NULL, &value, err))
		return false;
	*ret = xstrdup_or_null(value);
	return true;
}

static bool get_files(const json_t *document, struct takeover *ret, struct err *err)
{
	json_t *files, *file;
	size_t i;

	if (!json_get_array(document, "files", &files, err))
		return false;
	json_array_foreach(files, i, file)
	{
		const char *path = json_string_value(file);

		if (!path || !is_program(path))
			return err_set(err, ERR_CORRUPT, 0,
				       "'files' has something that is no program of a loader");
		takeover_add_file(ret, path);
	}
	return true;
}

static bool get_order(const json_t *document, struct takeover *ret, struct err *err)
{
	json_t *order, *item;
	size_t i;

	if (!json_get_array(document, "boot_order", &order, err))
		return false;
	ret->has_order = order != NULL;
	json_array_foreach(order, i, item)
	{
		const char *text = json_string_value(item);
		unsigned number;
		char end;

		if (!text || strlen(text) != 4 || sscanf(text, "%4x%c", &number, &end) != 1)
			return err_set(err, ERR_CORRUPT, 0,
				       "'boot_order' has something that is no number of an entry");
		*array_add(ret->order, ret->order_count) = (uint16_t)number;
	}
	return true;
}

static bool check_reader(const json_t *document, struct err *err)
{
	uint64_t reader;

	if (!json_get_u64(document, "min_reader", 1, &reader, err))
		return false;
	return reader <= FORMAT || err_set(err, ERR_CORRUPT, 0, "it was written by a newer moult");
}

bool takeover_parse(const char *bytes, size_t length, struct takeover *ret, struct err *err)
{
	ERR_CONTEXT(err, TAKEOVER_PATH);

	*ret = (struct takeover){.document = json_parse_object(TAKEOVER_PATH, bytes, length, err)};
	if (ret->document && check_reader(ret->document, err) &&
	    get_order(ret->document, ret, err) &&
	    get_path(ret->document, "former", &ret->former, err) &&
	    get_path(ret->document, "former_settings", &ret->former_settings, err) &&
	    get_text(ret->document, "former_text", &ret->former_text, err) &&
	    get_files(ret->document, ret, err) &&
	    get_path(ret->document, "fallback", &ret->fallback, err) &&
	    get_path(ret->document, "kept", &ret->kept, err))
		return true;
	takeover_done(ret);
	return false;
}

char *takeover_print(const struct takeover *takeover)
{
	auto_json json_t *document =
		takeover->document ? json_copy(takeover->document) : json_object();
	json_t *order = json_array(), *files = json_array();

	for (size_t i = 0; i < takeover->order_count; i++) {
		char number[5];

		snprintf(number, sizeof(number), "%04X", takeover->order[i]);
		json_array_append_new(order, json_text(number));
	}
	for (size_t i = 0; i < takeover->file_count; i++)
		json_array_append_new(files, json_text(takeover->files[i]));
	json_object_set_new(document, "format_version", json_integer(FORMAT));
	if (!json_object_get(document, "min_reader"))
		json_object_set_new(document, "min_reader", json_integer(FORMAT));
	if (takeover->has_order)
		json_object_set(document, "boot_order", order);
	json_decref(order);
	json_object_set_new(document, "files", files);
	json_put_string(document, "former", takeover->former);
	json_put_string(document, "former_settings", takeover->former_settings);
	json_put_string(document, "former_text", takeover->former_text);
	json_put_string(document, "fallback", takeover->fallback);
	json_put_string(document, "kept", takeover->kept);
	return json_print(document);
}

/* --- BootOrder ---------------------------------------------------------------------------------- */

static bool is_among(const uint16_t *numbers, size_t count, uint16_t number)
{
	for (size_t i = 0; i < count; i++)
		if (numbers[i] == number)
			return true;
	return false;
}

uint16_t *takeover_order_back(const struct takeover *takeover, const struct boot_place *present,
			      size_t ordered, size_t count, size_t *ret_count)
{
	uint16_t *order = xcalloc(takeover->order_count + ordered + 1, sizeof(*order));
	size_t length = 0;

	for (size_t i = 0; i < takeover->order_count; i++)
		for (size_t p = 0; p < count; p++)
			if (present[p].number == takeover->order[i] && !present[p].ours &&
			    !is_among(order, length, present[p].number))
				order[length++] = present[p].number;
	for (size_t p = 0; p < ordered; p++)
		if (!present[p].ours && !is_among(order, length, present[p].number))
			order[length++] = present[p].number;
	*ret_count = length;
	return order;
}
