/* Documents from anybody. */
#include <string.h>
#include "json.h"
#include "text.h"
#include "unit.h"

static json_t *parse(const char *text)
{
	struct err err = {0};
	json_t *document = json_parse_object("a document", text, strlen(text), &err);

	ck_assert_msg(document != NULL, "%s", err.text);
	return document;
}

START_TEST(parse_refuses)
{
	static const char *const bad[] = {
		"",
		"{",
		"[]",
		"1",
		"\"x\"",
		"null",
		"{\"a\":1,\"a\":2}",
		"{\"a\":1} x",
		"{a:1}",
		"{\"a\":\"\xff\"}",
		"{\"a\":99999999999999999999999999}",
	};

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct err err = {0};

		ck_assert_ptr_null(json_parse_object("a document", bad[i], strlen(bad[i]), &err));
		ck_assert_int_ne(err.kind, ERR_NONE);
		ck_assert_msg(strstr(err.text, "a document") != NULL, "%s", err.text);
	}
}
END_TEST

START_TEST(parse_deep)
{
	auto_text struct text text = {0};
	struct err err = {0};

	text_add(&text, "{\"a\":");
	for (int i = 0; i < 100000; i++)
		text_add(&text, "[");
	ck_assert_ptr_null(json_parse_object("a document", text.bytes, text.length, &err));
}
END_TEST

START_TEST(getters)
{
	auto_json json_t *object =
		parse("{\"s\":\"x\",\"n\":5,\"b\":true,\"a\":[1],\"z\":null,\"m\":-1,\"r\":1.5}");
	struct err err = {0};
	const char *string;
	uint64_t number;
	json_t *array;
	bool flag;

	ck_assert(json_get_string(object, "s", "d", &string, &err));
	ck_assert_str_eq(string, "x");
	ck_assert(json_get_string(object, "none", "d", &string, &err));
	ck_assert_str_eq(string, "d");
	ck_assert(json_get_u64(object, "n", 1, &number, &err));
	ck_assert_uint_eq(number, 5);
	ck_assert(json_get_u64(object, "none", 9, &number, &err));
	ck_assert_uint_eq(number, 9);
	ck_assert(json_get_bool(object, "b", false, &flag, &err));
	ck_assert(flag);
	ck_assert(json_get_bool(object, "none", false, &flag, &err));
	ck_assert(!flag);
	ck_assert(json_get_array(object, "a", &array, &err));
	ck_assert_uint_eq(json_array_size(array), 1);
	ck_assert(json_get_array(object, "none", &array, &err));
	ck_assert_ptr_null(array);
	ck_assert_int_eq(err.kind, ERR_NONE);
}
END_TEST

START_TEST(getters_refuse_other_types)
{
	auto_json json_t *object = parse("{\"s\":\"x\",\"n\":5,\"m\":-1,\"r\":1.5}");
	struct err err = {0};
	const char *string;
	uint64_t number;
	json_t *array;
	bool flag;

	ck_assert(!json_get_string(object, "n", "d", &string, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "n"));
	ck_assert(!json_get_u64(object, "s", 1, &number, &err));
	ck_assert(!json_get_u64(object, "m", 1, &number, &err));
	ck_assert(!json_get_u64(object, "r", 1, &number, &err));
	ck_assert(!json_get_bool(object, "n", true, &flag, &err));
	ck_assert(!json_get_array(object, "s", &array, &err));
}
END_TEST

START_TEST(printing)
{
	auto_json json_t *object = parse("{\"b\":1,\"a\":{\"y\":[],\"x\":\"é\"}}");
	auto_free char *page = json_print(object), *line = json_print_line(object);
	auto_json json_t *again = parse(page);

	ck_assert(json_equal(object, again));
	ck_assert_ptr_null(strchr(line, '\n'));
	ck_assert_int_eq(page[strlen(page) - 1], '\n');
	ck_assert(strstr(page, "\"a\"") < strstr(page, "\"b\""));
}
END_TEST

START_TEST(any_bytes_become_text)
{
	auto_json json_t *object = json_object();
	auto_free char *line = NULL;
	struct err err = {0};
	const char *string;

	json_put_string(object, "bad", "a\xff\xfe");
	json_put_string(object, "good", "é");
	json_put_string(object, "none", NULL);
	ck_assert(json_get_string(object, "bad", NULL, &string, &err));
	ck_assert_str_eq(string, "a??");
	ck_assert(json_get_string(object, "good", NULL, &string, &err));
	ck_assert_str_eq(string, "é");
	ck_assert(json_is_null(json_object_get(object, "none")));
	line = json_print_line(object);
	ck_assert_ptr_nonnull(line);
}
END_TEST

UNIT_MAIN("json", parse_refuses, parse_deep, getters, getters_refuse_other_types, printing,
	  any_bytes_become_text)
