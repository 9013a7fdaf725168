#include "yamldoc.h"
#include <errno.h>
#include <string.h>
#include <yaml.h>
#include "text.h"

struct reader {
	const char *name;
	const char *bytes;
	yaml_parser_t parser;
	struct yaml *yaml;
	unsigned nodes;
	struct err *err;
};

DEFINE_AUTO_STRUCT(event, yaml_event_t, yaml_event_delete)
#define auto_event __attribute__((cleanup(auto_event_)))

static bool read_node(struct reader *reader, const yaml_event_t *event, unsigned depth,
		      json_t **ret);

static unsigned event_line(const yaml_event_t *event)
{
	return (unsigned)event->start_mark.line + 1;
}

static bool refuse(struct reader *reader, const yaml_event_t *event, const char *why)
{
	return err_set(reader->err, ERR_CONFIG, 0, "%s:%u: %s", reader->name, event_line(event),
		       why);
}

/* The reader's own errors (bytes that are not text) have an offset, the others a mark. */
static bool refuse_syntax(struct reader *reader)
{
	const yaml_parser_t *parser = &reader->parser;
	size_t line = parser->problem_mark.line + 1;

	if (parser->error == YAML_READER_ERROR) {
		line = 1;
		for (size_t i = 0; i < parser->problem_offset; i++)
			line += reader->bytes[i] == '\n';
	}
	return err_set(reader->err, ERR_CONFIG, 0, "%s:%zu: not YAML: %s%s%s", reader->name, line,
		       parser->problem, parser->context ? " " : "",
		       parser->context ? parser->context : "");
}

static bool next_event(struct reader *reader, yaml_event_t *ret)
{
	if (!yaml_parser_parse(&reader->parser, ret))
		return refuse_syntax(reader);
	return true;
}

static void remember(struct reader *reader, struct yaml_place place)
{
	*array_add(reader->yaml->places, reader->yaml->place_count) = place;
}

static bool is_one_of(const char *value, const char *const *words)
{
	while (*words && strcmp(*words, value) != 0)
		words++;
	return *words != NULL;
}

static size_t count_digits(const char *string)
{
	return strspn(string, "0123456789");
}

/* -?(0|[1-9][0-9]*), and small enough. */
static json_t *read_integer(const char *value)
{
	const char *digits = value + (*value == '-');
	size_t length = count_digits(digits);
	long long number;

	if (length == 0 || digits[length] != '\0' || (length > 1 && *digits == '0'))
		return NULL;
	errno = 0;
	number = strtoll(value, NULL, 10);
	return errno ? NULL : json_integer(number);
}

/* -?[0-9]+[.][0-9]+ and nothing else: no exponent, no infinity. */
static json_t *read_real(const char *value)
{
	const char *whole = value + (*value == '-');
	const char *point = whole + count_digits(whole);

	if (point == whole || *point != '.' || count_digits(point + 1) == 0 ||
	    point[1 + count_digits(point + 1)] != '\0')
		return NULL;
	return json_real(strtod(value, NULL));
}

static json_t *read_plain(const char *value)
{
	static const char *const nulls[] = {"", "~", "null", NULL};
	json_t *number = read_integer(value);

	if (!number)
		number = read_real(value);
	if (number)
		return number;
	if (is_one_of(value, nulls))
		return json_null();
	if (strcmp(value, "true") == 0)
		return json_true();
	if (strcmp(value, "false") == 0)
		return json_false();
	return json_text(value);
}

/* The text of a scalar, borrowed from the event; NULL and a sentence where it cannot be used. */
static const char *scalar_text(struct reader *reader, const yaml_event_t *event)
{
	const char *value = (const char *)event->data.scalar.value;

	if (strlen(value) != event->data.scalar.length) {
		refuse(reader, event, "a text contains a NUL character");
		return NULL;
	}
	return value;
}

static bool read_scalar(struct reader *reader, const yaml_event_t *event, json_t **ret)
{
	const char *value = scalar_text(reader, event);

	if (!value)
		return false;
	*ret = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE ? read_plain(value)
								   : json_text(value);
	return true;
}

static bool read_sequence(struct reader *reader, unsigned depth, json_t **ret)
{
	auto_json json_t *array = json_array();

	for (;;) {
		auto_event yaml_event_t event = {0};
		json_t *value;

		if (!next_event(reader, &event))
			return false;
		if (event.type == YAML_SEQUENCE_END_EVENT)
			break;
		if (!read_node(reader, &event, depth, &value))
			return false;
		remember(reader, (struct yaml_place){.parent = array,
						     .index = json_array_size(array),
						     .line = event_line(&event)});
		json_array_append_new(array, value);
	}
	*ret = take(array);
	return true;
}

/* A key may be any scalar: `8: x` has the key "8". */
static bool read_key(struct reader *reader, const yaml_event_t *event, const json_t *object,
		     const char **ret)
{
	if (event->type != YAML_SCALAR_EVENT || event->data.scalar.anchor)
		return refuse(reader, event, "a key has to be a plain word");
	*ret = scalar_text(reader, event);
	if (!*ret)
		return false;
	if (json_object_get(object, *ret))
		return err_set(reader->err, ERR_CONFIG, 0, "%s:%u: the key %s is there twice",
			       reader->name, event_line(event), text_quote(*ret));
	return true;
}

static bool read_member(struct reader *reader, const yaml_event_t *key_event, unsigned depth,
			json_t *object)
{
	auto_event yaml_event_t event = {0};
	const char *key = NULL;
	json_t *value;

	if (!read_key(reader, key_event, object, &key) || !next_event(reader, &event) ||
	    !read_node(reader, &event, depth, &value))
		return false;
	remember(reader, (struct yaml_place){.parent = object,
					     .key = xstrdup(key),
					     .line = event_line(key_event)});
	json_object_set_new(object, key, value);
	return true;
}

static bool read_mapping(struct reader *reader, unsigned depth, json_t **ret)
{
	auto_json json_t *object = json_object();

	for (;;) {
		auto_event yaml_event_t event = {0};

		if (!next_event(reader, &event))
			return false;
		if (event.type == YAML_MAPPING_END_EVENT)
			break;
		if (!read_member(reader, &event, depth, object))
			return false;
	}
	*ret = take(object);
	return true;
}

static bool is_decorated(const yaml_event_t *event)
{
	switch ((int)event->type) {
	case YAML_SCALAR_EVENT:
		return event->data.scalar.anchor || event->data.scalar.tag;
	case YAML_SEQUENCE_START_EVENT:
		return event->data.sequence_start.anchor || event->data.sequence_start.tag;
	case YAML_MAPPING_START_EVENT:
		return event->data.mapping_start.anchor || event->data.mapping_start.tag;
	default:
		return true; /* an alias */
	}
}

static bool read_node(struct reader *reader, const yaml_event_t *event, unsigned depth,
		      json_t **ret)
{
	if (is_decorated(event))
		return refuse(reader, event, "anchors, aliases and tags are not allowed");
	if (depth >= YAML_MAX_DEPTH)
		return refuse(reader, event, "nested too deeply");
	if (++reader->nodes > YAML_MAX_NODES)
		return refuse(reader, event, "too many values");
	if (event->type == YAML_SCALAR_EVENT)
		return read_scalar(reader, event, ret);
	if (event->type == YAML_SEQUENCE_START_EVENT)
		return read_sequence(reader, depth + 1, ret);
	return read_mapping(reader, depth + 1, ret);
}

/* Stream start, then perhaps one document, then the end of the stream. */
static bool read_stream(struct reader *reader, json_t **ret)
{
	auto_event yaml_event_t stream = {0}, document = {0}, node = {0}, end = {0}, last = {0};

	if (!next_event(reader, &stream) || !next_event(reader, &document))
		return false;
	if (document.type == YAML_STREAM_END_EVENT)
		return true;
	if (!next_event(reader, &node) || !read_node(reader, &node, 0, ret) ||
	    !next_event(reader, &end) || !next_event(reader, &last))
		return false;
	if (last.type != YAML_STREAM_END_EVENT)
		return refuse(reader, &last, "more than one document");
	return true;
}

bool yaml_parse(const char *name, const char *bytes, size_t length, struct yaml *ret,
		struct err *err)
{
	struct reader reader = {.name = name, .bytes = bytes, .yaml = ret, .err = err};
	json_t *root = NULL;
	bool fine;

	*ret = (struct yaml){0};
	if (length > YAML_MAX_BYTES)
		return err_set(err, ERR_CONFIG, 0, "%s is larger than %d bytes", name,
			       YAML_MAX_BYTES);
	if (!yaml_parser_initialize(&reader.parser))
		abort();
	yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader.parser, (const unsigned char *)bytes, length);
	fine = read_stream(&reader, &root);
	yaml_parser_delete(&reader.parser);
	if (json_is_null(root))
		root = NULL;
	ret->root = root ? root : json_object();
	if (!fine)
		yaml_done(ret);
	return fine;
}

void yaml_done(struct yaml *yaml)
{
	for (size_t i = 0; i < yaml->place_count; i++)
		free(yaml->places[i].key);
	free(yaml->places);
	json_decref(yaml->root);
	*yaml = (struct yaml){0};
}

unsigned yaml_line(const struct yaml *yaml, const json_t *parent, const char *key, size_t index)
{
	for (size_t i = 0; i < yaml->place_count; i++) {
		const struct yaml_place *place = &yaml->places[i];

		if (place->parent != parent)
			continue;
		if (key ? text_equal(place->key, key) : !place->key && place->index == index)
			return place->line;
	}
	return 0;
}
