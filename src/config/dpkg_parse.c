/* Reads dpkg's status file: stanzas of fields, one package each. */
#include <string.h>
#include <strings.h>
#include "dpkg.h"
#include "text.h"

struct field {
	const char *name, *value;
	size_t name_length, value_length;
};

struct parser {
	const char *name;
	const char *cursor, *end;
	unsigned line;
	struct err *err;
};

typedef bool take_field(struct package *package, const struct field *field);

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A word of letters, digits and `others`, which begins with a letter or digit; NULL = it is not. */
static char *take_word(const struct field *field, const char *others)
{
	if (field->value_length == 0 || field->value_length > 200 || !is_alnum(field->value[0]))
		return NULL;
	for (size_t i = 0; i < field->value_length; i++)
		if (!is_alnum(field->value[i]) &&
		    (field->value[i] == '\0' || !strchr(others, field->value[i])))
			return NULL;
	return xstrndup(field->value, field->value_length);
}

static bool set_word(char **ret, const struct field *field, const char *others)
{
	free(*ret);
	*ret = take_word(field, others);
	return *ret != NULL;
}

static bool take_name(struct package *package, const struct field *field)
{
	return set_word(&package->name, field, "+-._");
}

static bool take_architecture(struct package *package, const struct field *field)
{
	return set_word(&package->architecture, field, "-");
}

static bool take_version(struct package *package, const struct field *field)
{
	return set_word(&package->version, field, "+-.~:_");
}

/* "want flag state" */
static bool take_status(struct package *package, const struct field *field)
{
	auto_free char *words = xstrndup(field->value, field->value_length);
	char *rest = NULL;
	const char *want = strtok_r(words, " \t", &rest);
	const char *flag = strtok_r(NULL, " \t", &rest);
	const char *state = strtok_r(NULL, " \t", &rest);
	struct field word = {.value = state, .value_length = state ? strlen(state) : 0};

	package->held = want && strcmp(want, "hold") == 0;
	package->broken = flag && strcmp(flag, "ok") != 0;
	return set_word(&package->state, &word, "-");
}

static bool take_multi_arch(struct package *package, const struct field *field)
{
	package->co_installable = field->value_length == 4 && memcmp(field->value, "same", 4) == 0;
	return true;
}

static bool is_md5(const char *word, size_t length)
{
	return length == 32 && strspn(word, "0123456789abcdef") >= 32;
}

/* " /path digest [obsolete] [remove-on-upgrade]"; a path may hold blanks. */
static void add_conffile(struct package *package, const char *line, size_t length)
{
	static const char *const flags[] = {" obsolete", " remove-on-upgrade"};
	auto_free char *text = xstrndup(line, length);
	bool obsolete = false;
	struct conffile *conffile;
	char *blank;

	for (size_t i = COUNT(flags); i-- > 0;)
		if (text_ends(text, flags[i])) {
			text[strlen(text) - strlen(flags[i])] = '\0';
			obsolete = true;
		}
	blank = strrchr(text, ' ');
	/* "newconffile" stands there while a package is unpacked */
	if (text[0] != '/' || !blank || !is_md5(blank + 1, strlen(blank + 1)))
		return;
	*blank = '\0';
	conffile = array_add(package->conffiles, package->conffile_count);
	conffile->path = xstrdup(text);
	memcpy(conffile->md5, blank + 1, sizeof(conffile->md5));
	conffile->obsolete = obsolete;
}

static bool take_conffiles(struct package *package, const struct field *field)
{
	const char *cursor = field->value, *line;
	size_t length;

	while (text_next_line(&cursor, field->value + field->value_length, &line, &length)) {
		while (length > 0 && (*line == ' ' || *line == '\t')) {
			line++;
			length--;
		}
		add_conffile(package, line, length);
	}
	return true;
}

static const struct {
	const char *name;
	take_field *read;
} fields[] = {
	{"Package", take_name},	 {"Architecture", take_architecture}, {"Version", take_version},
	{"Status", take_status}, {"Multi-Arch", take_multi_arch},     {"Conffiles", take_conffiles},
};

static bool is_continuation(const struct parser *parser)
{
	return parser->cursor < parser->end && (*parser->cursor == ' ' || *parser->cursor == '\t');
}

static void trim(struct field *field)
{
	while (field->value_length > 0 && strchr(" \t\r", field->value[0])) {
		field->value++;
		field->value_length--;
	}
	while (field->value_length > 0 && strchr(" \t\r", field->value[field->value_length - 1]))
		field->value_length--;
}

/* A field with its continuation lines, or an empty name at the end of the stanza. */
static bool next_field(struct parser *parser, struct field *ret)
{
	const char *line, *colon;
	size_t length;

	*ret = (struct field){0};
	if (!text_next_line(&parser->cursor, parser->end, &line, &length))
		return true;
	parser->line++;
	if (length == 0)
		return true;
	colon = memchr(line, ':', length);
	if (!colon || colon == line)
		return err_set(parser->err, ERR_CORRUPT, 0, "%s:%u: this is not a field",
			       parser->name, parser->line);
	while (is_continuation(parser)) {
		const char *more;
		size_t more_length;

		text_next_line(&parser->cursor, parser->end, &more, &more_length);
		parser->line++;
		length = (size_t)(more + more_length - line);
	}
	*ret = (struct field){line, colon + 1, (size_t)(colon - line),
			      (size_t)(line + length - colon - 1)};
	trim(ret);
	return true;
}

static bool note_field(struct parser *parser, struct package *package, const struct field *field)
{
	for (size_t i = 0; i < COUNT(fields); i++) {
		if (strlen(fields[i].name) != field->name_length ||
		    strncasecmp(fields[i].name, field->name, field->name_length) != 0)
			continue;
		if (fields[i].read(package, field))
			return true;
		return err_set(parser->err, ERR_CORRUPT, 0, "%s:%u: the field %s cannot be right",
			       parser->name, parser->line, fields[i].name);
	}
	return true;
}

static void package_done(struct package *package)
{
	for (size_t i = 0; i < package->conffile_count; i++)
		free(package->conffiles[i].path);
	free(package->conffiles);
	free(package->name);
	free(package->architecture);
	free(package->version);
	free(package->state);
}

static bool parse_stanza(struct parser *parser, struct package *package)
{
	struct field field;
	unsigned first = parser->line + 1;
	bool empty = true;

	do {
		if (!next_field(parser, &field))
			return false;
		if (field.name && !note_field(parser, package, &field))
			return false;
		empty &= !field.name;
	} while (field.name);
	if (!package->name && !empty)
		return err_set(parser->err, ERR_CORRUPT, 0, "%s:%u: a package without a name",
			       parser->name, first);
	return true;
}

static void complete(struct package *package)
{
	if (!package->architecture)
		package->architecture = xstrdup("");
	if (!package->version)
		package->version = xstrdup("");
	if (!package->state)
		package->state = xstrdup("not-installed");
}

static int by_name(const void *a, const void *b)
{
	const struct package *first = a, *second = b;
	int order = strcmp(first->name, second->name);

	return order ? order : strcmp(first->architecture, second->architecture);
}

static bool sort(struct packages *packages, const char *name, struct err *err)
{
	const struct package *dpkg;

	if (packages->count > 0)
		qsort(packages->all, packages->count, sizeof(*packages->all), by_name);
	for (size_t i = 1; i < packages->count; i++)
		if (by_name(&packages->all[i - 1], &packages->all[i]) == 0)
			return err_set(err, ERR_CORRUPT, 0, "%s: the package %s is there twice",
				       name, packages->all[i].name);
	packages->native = xstrdup("");
	dpkg = packages_find(packages, "dpkg");
	if (dpkg) {
		free(packages->native);
		packages->native = xstrdup(dpkg->architecture);
	}
	return true;
}

static bool parse_all(struct parser *parser, struct packages *packages)
{
	while (parser->cursor < parser->end) {
		struct package package = {0};

		if (!parse_stanza(parser, &package)) {
			package_done(&package);
			return false;
		}
		/* an empty line more than needed */
		if (!package.name)
			continue;
		complete(&package);
		*array_add(packages->all, packages->count) = package;
	}
	return true;
}

bool packages_parse(const char *name, const char *bytes, size_t length, struct packages *ret,
		    struct err *err)
{
	struct parser parser = {.name = name, .cursor = bytes, .end = bytes + length, .err = err};

	*ret = (struct packages){0};
	if (length > DPKG_STATUS_MAX_BYTES)
		return err_set(err, ERR_CORRUPT, 0, "%s is larger than %d bytes", name,
			       DPKG_STATUS_MAX_BYTES);
	if (parse_all(&parser, ret) && sort(ret, name, err))
		return true;
	packages_done(ret);
	return false;
}

void packages_done(struct packages *packages)
{
	for (size_t i = 0; i < packages->count; i++)
		package_done(&packages->all[i]);
	free(packages->all);
	free(packages->native);
	*packages = (struct packages){0};
}
