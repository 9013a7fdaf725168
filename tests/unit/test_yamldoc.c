/* Documents that people write: what they become, where each key stands, what is refused and why. */
#include <string.h>
#include "text.h"
#include "unit.h"
#include "yamldoc.h"

static char *read_yaml(const char *text)
{
	auto_yaml struct yaml yaml = {0};
	struct err err = {0};

	if (!yaml_parse("f.yaml", text, strlen(text), &yaml, &err)) {
		ck_assert_ptr_null(yaml.root);
		ck_assert_int_eq(err.kind, ERR_CONFIG);
		return xasprintf("%s", err.text);
	}
	return json_print_line(yaml.root);
}

static const struct {
	const char *yaml, *wanted;
} readings[] = {
	{"", "{}"},
	{"# only a comment\n", "{}"},
	{"~\n", "{}"},
	{"a: 1\n", "{\"a\":1}"},
	{"a: -12\nb: 0\n", "{\"a\":-12,\"b\":0}"},
	{"a: 1.5\nb: -0.25\nc: 1.\nd: .5\ne: 1.5.2\nf: 1e3\n",
	 "{\"a\":1.5,\"b\":-0.25,\"c\":\"1.\",\"d\":\".5\",\"e\":\"1.5.2\",\"f\":\"1e3\"}"},
	{"a: 0644\nb: 007\nc: 00\n", "{\"a\":\"0644\",\"b\":\"007\",\"c\":\"00\"}"},
	{"a: 9223372036854775807\nb: 9223372036854775808\n",
	 "{\"a\":9223372036854775807,\"b\":\"9223372036854775808\"}"},
	{"a: -\nb: -x\nc: '12'\nd: \"true\"\n", "f.yaml:1: not YAML"},
	{"b: -x\nc: '12'\nd: \"true\"\n", "{\"b\":\"-x\",\"c\":\"12\",\"d\":\"true\"}"},
	{"a: true\nb: false\nc: yes\nd: on\n",
	 "{\"a\":true,\"b\":false,\"c\":\"yes\",\"d\":\"on\"}"},
	{"a:\nb: ~\nc: null\n", "{\"a\":null,\"b\":null,\"c\":null}"},
	{"a: [1, two, {b: c}]\n", "{\"a\":[1,\"two\",{\"b\":\"c\"}]}"},
	{"- 1\n- 2\n", "[1,2]"},
	{"8: x\n", "{\"8\":\"x\"}"},
	{"a: |\n  two\n  lines\n", "{\"a\":\"two\\nlines\\n\"}"},
	{"a: {b: {c: 1}}\n", "{\"a\":{\"b\":{\"c\":1}}}"},
	{"\xef\xbb\xbf"
	 "a: \xc3\xa9\n",
	 "{\"a\":\"\xc3\xa9\"}"},
	/* refused */
	{"a: 1\nb: 2\na: 3\n", "f.yaml:3: the key 'a' is there twice"},
	{"a: &x 1\nb: *x\n", "f.yaml:1: anchors, aliases and tags are not allowed"},
	{"a: *x\n", "f.yaml:1: anchors, aliases and tags are not allowed"},
	{"a: !!str 1\n", "f.yaml:1: anchors, aliases and tags are not allowed"},
	{"a: &x [1]\n", "f.yaml:1: anchors, aliases and tags are not allowed"},
	{"a: !x [1]\n", "f.yaml:1: anchors, aliases and tags are not allowed"},
	{"a: &x {b: 1}\n", "f.yaml:1: anchors, aliases and tags are not allowed"},
	{"a: !x {b: 1}\n", "f.yaml:1: anchors, aliases and tags are not allowed"},
	{"a: 1\n&x b: 1\n", "f.yaml:2: a key has to be a plain word"},
	{"? [1, 2]\n: 3\n", "f.yaml:1: a key has to be a plain word"},
	{"a: \"x\\0y\"\n", "f.yaml:1: a text contains a NUL character"},
	{"\"a\\0\": 1\n", "f.yaml:1: a text contains a NUL character"},
	{"a: 1\n---\nb: 2\n", "f.yaml:2: more than one document"},
	{"a: 1\n  b: 2\n", "f.yaml:2: not YAML: mapping values are not allowed in this context"},
	{"a: [1, 2\n", "f.yaml:2: not YAML"},
	{"a: 1\nb: {c: 1,\n", "f.yaml:3: not YAML"},
	{"a: 1\nb: {c\n", "f.yaml:3: not YAML"},
	{"a: 1\nb: \xff\n", "f.yaml:2: not YAML: invalid leading UTF-8 octet"},
	{"a: [x, \"\n", "f.yaml:2: not YAML"},
	{"\"\n", "f.yaml:2: not YAML"},
	{"@\n", "f.yaml:1: not YAML"},
	{"a: 1\n...\n@\n", "f.yaml:3: not YAML"},
	{"a: 1\n} b\n", "f.yaml:2: not YAML"},
	{"%YAML 3.0\n---\na: 1\n", "f.yaml:1: not YAML: found incompatible YAML document"},
};

START_TEST(test_readings)
{
	for (size_t i = 0; i < COUNT(readings); i++) {
		auto_free char *got = read_yaml(readings[i].yaml);
		size_t length = strlen(readings[i].wanted);

		if (strncmp(got, readings[i].wanted, length) != 0 ||
		    ((got[0] == '{' || got[0] == '[') && got[length] != '\0'))
			ck_abort_msg("%s\ngives %s\nnot %s", readings[i].yaml, got,
				     readings[i].wanted);
	}
}
END_TEST

START_TEST(test_lines)
{
	static const char text[] = "# head\na: 1\nb:\n  c: 2\n  d:\n    - x\n\n    - y\n";
	auto_yaml struct yaml yaml = {0};
	struct err err = {0};
	const json_t *b, *d;

	ck_assert(yaml_parse("f", text, strlen(text), &yaml, &err));
	b = json_object_get(yaml.root, "b");
	d = json_object_get(b, "d");
	ck_assert_uint_eq(yaml_line(&yaml, yaml.root, "a", 0), 2);
	ck_assert_uint_eq(yaml_line(&yaml, yaml.root, "b", 0), 3);
	ck_assert_uint_eq(yaml_line(&yaml, b, "c", 0), 4);
	ck_assert_uint_eq(yaml_line(&yaml, b, "d", 0), 5);
	ck_assert_uint_eq(yaml_line(&yaml, d, NULL, 0), 6);
	ck_assert_uint_eq(yaml_line(&yaml, d, NULL, 1), 8);
	ck_assert_uint_eq(yaml_line(&yaml, d, NULL, 2), 0);
	ck_assert_uint_eq(yaml_line(&yaml, b, NULL, 0), 0);
	ck_assert_uint_eq(yaml_line(&yaml, b, "z", 0), 0);
}
END_TEST

START_TEST(test_bounds)
{
	auto_text struct text deep = {0}, many = {0}, fits = {0};
	auto_free char *large = xcalloc(1, YAML_MAX_BYTES + 1);
	auto_free char *got_deep = NULL, *got_many = NULL, *got_fits = NULL;
	auto_yaml struct yaml yaml = {0};
	struct err err = {0};

	for (int i = 0; i < 500000; i++)
		text_add(&deep, "[");
	got_deep = read_yaml(deep.bytes);
	ck_assert_str_eq(got_deep, "f.yaml:1: nested too deeply");

	for (int i = 0; i < YAML_MAX_DEPTH - 1; i++)
		text_add(&fits, "[");
	for (int i = 0; i < YAML_MAX_DEPTH - 1; i++)
		text_add(&fits, "]");
	got_fits = read_yaml(fits.bytes);
	ck_assert_str_eq(got_fits, fits.bytes);

	for (int i = 0; i <= YAML_MAX_NODES; i++)
		text_add(&many, "- a\n");
	got_many = read_yaml(many.bytes);
	ck_assert_str_eq(got_many, "f.yaml:100000: too many values");

	ck_assert(!yaml_parse("big", large, YAML_MAX_BYTES + 1, &yaml, &err));
	ck_assert_str_eq(err.text, "big is larger than 1048576 bytes");
	ck_assert_ptr_null(yaml.root);
}
END_TEST

UNIT_MAIN("yamldoc", test_readings, test_lines, test_bounds)
