#include "fstab.h"
#include <string.h>
#include <strings.h>
#include "text.h"

enum {
	FIELD_DEVICE,
	FIELD_MOUNT_POINT,
	FIELD_TYPE,
	FIELD_OPTIONS,
	FIELD_DUMP,
	FIELD_PASS,
	FIELD_COUNT
};

struct span {
	size_t start, length;
};

/* The first four fields of a line; gives how many there are. */
static size_t split(const char *raw, struct span fields[FIELD_COUNT])
{
	size_t at = 0, count = 0;

	while (count < FIELD_COUNT) {
		at += strspn(raw + at, " \t");
		fields[count].start = at;
		fields[count].length = strcspn(raw + at, " \t\n");
		if (fields[count].length == 0)
			break;
		at += fields[count++].length;
	}
	return count;
}

static bool is_octal(const char *digits, size_t left)
{
	return left >= 3 && digits[0] >= '0' && digits[0] <= '3' && digits[1] >= '0' &&
	       digits[1] <= '7' && digits[2] >= '0' && digits[2] <= '7' &&
	       strncmp(digits, "000", 3) != 0;
}

static char *decode(const char *field, size_t length)
{
	char *decoded = xmalloc(length + 1), *out = decoded;

	for (size_t i = 0; i < length; i++) {
		const char *digits = field + i + 1;

		if (field[i] == '\\' && is_octal(digits, length - i - 1)) {
			*out++ = (char)((digits[0] - '0') * 64 + (digits[1] - '0') * 8 +
					(digits[2] - '0'));
			i += 3;
		} else {
			*out++ = field[i];
		}
	}
	*out = '\0';
	return decoded;
}

static void encode(struct text *text, const char *field)
{
	for (const char *c = field; *c; c++) {
		if (strchr(" \t\n\\", *c) || (*c == '#' && c == field))
			text_addf(text, "\\%03o", (unsigned char)*c);
		else
			text_add_bytes(text, c, 1);
	}
}

bool fstab_is_comment(const struct fstab_line *line)
{
	const char *first = line->raw + strspn(line->raw, " \t");

	return *first == '#' || *first == '\n' || *first == '\0';
}

static void read_fields(struct fstab_line *line)
{
	struct span fields[FIELD_COUNT];
	size_t count;

	if (fstab_is_comment(line))
		return;
	count = split(line->raw, fields);
	if (count <= FIELD_TYPE)
		return;
	line->device = decode(line->raw + fields[FIELD_DEVICE].start, fields[FIELD_DEVICE].length);
	line->mount_point = decode(line->raw + fields[FIELD_MOUNT_POINT].start,
				   fields[FIELD_MOUNT_POINT].length);
	line->type = decode(line->raw + fields[FIELD_TYPE].start, fields[FIELD_TYPE].length);
	line->options = count > FIELD_OPTIONS ? decode(line->raw + fields[FIELD_OPTIONS].start,
						       fields[FIELD_OPTIONS].length)
					      : xstrdup("defaults");
}

bool fstab_parse(const char *name, const char *bytes, size_t length, struct fstab *ret,
		 struct err *err)
{
	const char *cursor = bytes, *end = bytes + length, *start;
	size_t line_length;

	*ret = (struct fstab){0};
	if (length > FSTAB_MAX_BYTES)
		return err_set(err, ERR_CONFIG, 0, "%s is larger than %d bytes", name,
			       FSTAB_MAX_BYTES);
	if (length > 0 && memchr(bytes, '\0', length))
		return err_set(err, ERR_CONFIG, 0, "%s contains a NUL byte", name);
	while (text_next_line(&cursor, end, &start, &line_length)) {
		struct fstab_line *line = array_add(ret->lines, ret->count);

		line->raw = xstrndup(start, (size_t)(cursor - start));
		line->number = (unsigned)ret->count;
		read_fields(line);
	}
	return true;
}

char *fstab_print(const struct fstab *fstab)
{
	auto_text struct text text = {0};

	for (size_t i = 0; i < fstab->count; i++)
		text_add(&text, fstab->lines[i].raw);
	return text_take(&text);
}

void fstab_done(struct fstab *fstab)
{
	for (size_t i = 0; i < fstab->count; i++) {
		struct fstab_line *line = &fstab->lines[i];

		free(line->raw);
		free(line->device);
		free(line->mount_point);
		free(line->type);
		free(line->options);
	}
	free(fstab->lines);
	*fstab = (struct fstab){0};
}

/* Paths are the same with and without a slash at the end. */
static bool same_path(const char *a, const char *b)
{
	size_t length_a = strlen(a), length_b = strlen(b);

	while (length_a > 1 && a[length_a - 1] == '/')
		length_a--;
	while (length_b > 1 && b[length_b - 1] == '/')
		length_b--;
	return length_a == length_b && memcmp(a, b, length_a) == 0;
}

struct fstab_line *fstab_find(const struct fstab *fstab, const char *mount_point)
{
	for (size_t i = 0; i < fstab->count; i++) {
		struct fstab_line *line = &fstab->lines[i];

		if (line->mount_point && same_path(line->mount_point, mount_point))
			return line;
	}
	return NULL;
}

/*
 * The next of the comma-separated options; a comma within double quotes separates nothing. A quote
 * that is never closed quotes nothing: else it would hide the options behind it from every edit.
 */
static bool next_option(const char **cursor, struct span *ret, const char *options)
{
	const char *c = *cursor;

	if (*c == '\0')
		return false;
	while (*c && *c != ',') {
		const char *closing = *c == '"' ? strchr(c + 1, '"') : NULL;

		c = closing ? closing + 1 : c + 1;
	}
	*ret = (struct span){(size_t)(*cursor - options), (size_t)(c - *cursor)};
	*cursor = *c ? c + 1 : c;
	return true;
}

static bool is_named(const char *option, size_t length, const char *name)
{
	size_t name_length = strlen(name);

	return length >= name_length && memcmp(option, name, name_length) == 0 &&
	       (length == name_length || option[name_length] == '=');
}

char *fstab_option(const struct fstab_line *line, const char *name)
{
	const char *cursor = line->options ? line->options : "";
	auto_free char *value = NULL;
	struct span span;

	while (next_option(&cursor, &span, line->options)) {
		const char *option = line->options + span.start;

		if (!is_named(option, span.length, name))
			continue;
		free(value);
		value = span.length == strlen(name) ? xstrdup("")
						    : xstrndup(option + strlen(name) + 1,
							       span.length - strlen(name) - 1);
	}
	return take(value);
}

static void add_option(struct text *text, const char *option, size_t length)
{
	if (text->length > 0)
		text_add(text, ",");
	text_add_bytes(text, option, length);
}

/* The options with `replacement` in the place of those called `name`; NULL only removes. */
static char *replace_option(const char *options, const char *name, const char *replacement)
{
	auto_text struct text text = {0};
	const char *cursor = options, *left = replacement;
	struct span span;

	while (next_option(&cursor, &span, options)) {
		if (!is_named(options + span.start, span.length, name)) {
			add_option(&text, options + span.start, span.length);
		} else if (left) {
			add_option(&text, left, strlen(left));
			left = NULL;
		}
	}
	if (left)
		add_option(&text, left, strlen(left));
	return text.length > 0 ? text_take(&text) : xstrdup("defaults");
}

void fstab_set_options(struct fstab_line *line, const char *options)
{
	struct span fields[FIELD_COUNT];
	size_t count = split(line->raw, fields);
	struct span *field = &fields[count > FIELD_OPTIONS ? FIELD_OPTIONS : FIELD_TYPE];
	size_t start = field->start, end = field->start + field->length;
	auto_text struct text text = {0};

	if (text_equal(options, line->options))
		return;
	if (count <= FIELD_OPTIONS)
		start = end;
	text_add_bytes(&text, line->raw, start);
	if (count <= FIELD_OPTIONS)
		text_add(&text, " ");
	encode(&text, options);
	text_add(&text, line->raw + end);
	free(line->raw);
	line->raw = text_take(&text);
	free(line->options);
	line->options = xstrdup(options);
}

void fstab_set_option(struct fstab_line *line, const char *name, const char *value)
{
	auto_free char *option = value ? xasprintf("%s=%s", name, value) : xstrdup(name);
	auto_free char *options = replace_option(line->options, name, option);

	fstab_set_options(line, options);
}

void fstab_remove_option(struct fstab_line *line, const char *name)
{
	auto_free char *options = replace_option(line->options, name, NULL);

	fstab_set_options(line, options);
}

/* The field that says whether and when it is checked, "0" where it is missing. */
static struct span pass_of(const struct fstab_line *line)
{
	struct span fields[FIELD_COUNT];

	return split(line->raw, fields) > FIELD_PASS ? fields[FIELD_PASS] : (struct span){0};
}

bool fstab_is_checked(const struct fstab_line *line)
{
	struct span pass = pass_of(line);

	return pass.length > 0 && !(pass.length == 1 && line->raw[pass.start] == '0');
}

void fstab_clear_pass(struct fstab_line *line)
{
	struct span pass = pass_of(line);
	auto_free char *raw = NULL;

	if (pass.length == 0)
		return;
	raw = xasprintf("%.*s0%s", (int)pass.start, line->raw,
			line->raw + pass.start + pass.length);
	free(line->raw);
	line->raw = take(raw);
}

static void end_last_line(struct fstab *fstab)
{
	struct fstab_line *last = fstab->count ? &fstab->lines[fstab->count - 1] : NULL;
	char *ended;

	if (!last || text_ends(last->raw, "\n"))
		return;
	ended = xasprintf("%s\n", last->raw);
	free(last->raw);
	last->raw = ended;
}

struct fstab_line *fstab_append(struct fstab *fstab, const struct fstab_line *fields)
{
	const char *const texts[] = {fields->device, fields->mount_point, fields->type,
				     fields->options};
	auto_text struct text raw = {0};
	struct fstab_line *line;

	end_last_line(fstab);
	for (size_t i = 0; i < COUNT(texts); i++) {
		encode(&raw, texts[i]);
		text_add(&raw, " ");
	}
	text_add(&raw, "0 0\n");
	line = array_add(fstab->lines, fstab->count);
	*line = (struct fstab_line){
		.raw = text_take(&raw),
		.device = xstrdup(fields->device),
		.mount_point = xstrdup(fields->mount_point),
		.type = xstrdup(fields->type),
		.options = xstrdup(fields->options),
	};
	return line;
}

static bool is_uuid(const char *device, const char *uuid)
{
	static const char *const prefixes[] = {"UUID=", "/dev/disk/by-uuid/"};

	for (size_t i = 0; i < COUNT(prefixes); i++) {
		const char *value = device + strlen(prefixes[i]);
		size_t quote;

		if (strncasecmp(device, prefixes[i], strlen(prefixes[i])) != 0)
			continue;
		quote = *value == '"';
		if (strncasecmp(value + quote, uuid, strlen(uuid)) == 0 &&
		    strcmp(value + quote + strlen(uuid), quote ? "\"" : "") == 0)
			return true;
	}
	return false;
}

bool fstab_is_on(const struct fstab *fstab, const struct fstab_line *line, const char *uuid)
{
	const struct fstab_line *root = fstab_find(fstab, "/");

	if (!line->device)
		return false;
	if (is_uuid(line->device, uuid))
		return true;
	/* `/` may be named by path or label: what it names is the pool, whatever its UUID */
	return root && !text_starts(root->device, "UUID=") &&
	       strcmp(line->device, root->device) == 0;
}

bool fstab_is_boot(const struct fstab_line *line, const char *boot_uuid)
{
	static const char *const places[] = {"/boot/efi", "/efi", "/boot"};

	if (!line->device)
		return false;
	if (boot_uuid && is_uuid(line->device, boot_uuid))
		return true;
	for (size_t i = 0; i < COUNT(places); i++)
		if (same_path(line->mount_point, places[i]) &&
		    (strcmp(line->type, "vfat") == 0 || strcmp(line->type, "msdos") == 0))
			return true;
	return false;
}
