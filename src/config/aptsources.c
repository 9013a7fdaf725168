#include "aptsources.h"
#include <string.h>
#include <strings.h>
#include "text.h"

struct word {
	const char *start;
	size_t length;
};

struct rewriter {
	const struct aptsources_request *request;
	struct aptsources *result;
	struct text text;
	unsigned line;
};

/* What of a source decides how its suites are treated. */
struct source {
	unsigned line;
	struct word uri; /* the first one that is not the distribution's, else the last */
	struct word component;
	bool foreign_uri, disabled;
};

bool aptsources_codename_valid(const char *codename)
{
	size_t length = strspn(codename, "abcdefghijklmnopqrstuvwxyz");

	return length > 0 && length <= 32 && codename[length] == '\0';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The next word; blanks within [ ] do not end it (options, cdrom: addresses). */
static bool next_word(const char **cursor, const char *end, struct word *ret)
{
	const char *c = *cursor;

	while (c < end && is_blank(*c))
		c++;
	ret->start = c;
	while (c < end && !is_blank(*c)) {
		const char *closing = *c == '[' ? memchr(c, ']', (size_t)(end - c)) : c;

		c = closing ? closing + 1 : end;
	}
	ret->length = (size_t)(c - ret->start);
	*cursor = c;
	return ret->length > 0;
}

static bool word_is(const struct word *word, const char *string)
{
	return word->length == strlen(string) &&
	       strncasecmp(word->start, string, word->length) == 0;
}

static bool word_ends(const struct word *word, const char *tail)
{
	size_t length = strlen(tail);

	return word->length >= length &&
	       memcmp(word->start + word->length - length, tail, length) == 0;
}

/* An archive of the distribution itself, or a mirror of one. */
static bool is_foreign_uri(struct word uri)
{
	static const char *const places[] = {"/debian", "/debian-security", "/ubuntu",
					     "/ubuntu-ports", "/raspbian"};
	auto_free char *text = xstrndup(uri.start, uri.length);

	while (uri.length > 0 && uri.start[uri.length - 1] == '/')
		uri.length--;
	/* a disc, or the list of mirrors that Debian's cloud images point at */
	if (text_starts(text, "cdrom:") || text_starts(text, "mirror+file:"))
		return false;
	if (strstr(text, "//ppa."))
		return true;
	for (size_t i = 0; i < COUNT(places); i++)
		if (word_ends(&uri, places[i]))
			return false;
	return true;
}

/* Third parties name their components as they like. */
static bool is_foreign(const struct source *source)
{
	static const char *const components[] = {
		"main",	    "contrib",	  "non-free",  "non-free-firmware",
		"universe", "multiverse", "restricted"};

	for (size_t i = 0; i < COUNT(components); i++)
		if (word_is(&source->component, components[i]))
			return source->foreign_uri;
	return true;
}

static void report(struct rewriter *rewriter, const char *code, char *why, char *remedy)
{
	findings_add(&rewriter->result->findings,
		     (struct finding){
			     .code = code,
			     .level = FINDING_WARN,
			     .object = xasprintf("%s:%u", rewriter->request->name, rewriter->line),
			     .why = why,
			     .remedy = remedy,
		     });
}

static void report_foreign(struct rewriter *rewriter, const struct source *source)
{
	auto_free char *uri = xstrndup(source->uri.start, source->uri.length);

	report(rewriter, "APT_THIRD_PARTY",
	       xasprintf("the source %s is not the distribution's; it may have nothing for %s",
			 text_quote(uri), rewriter->request->to),
	       xstrdup("disable the source if the update of its lists fails"));
}

static void report_left(struct rewriter *rewriter, const struct word *suite)
{
	auto_free char *name = xstrndup(suite->start, suite->length);

	report(rewriter, "APT_SUITE_LEFT",
	       xasprintf("the suite %s is not of %s and is left as it is", text_quote(name),
			 rewriter->request->from),
	       xasprintf("name %s there if it shall move too", rewriter->request->from));
}

/* The codename, alone or before - or /. */
static bool is_of(const struct word *suite, const char *codename)
{
	size_t length = strlen(codename);

	return suite->length >= length && memcmp(suite->start, codename, length) == 0 &&
	       (suite->length == length || suite->start[length] == '-' ||
		suite->start[length] == '/');
}

static void rewrite_suite(struct rewriter *rewriter, const struct source *source,
			  const struct word *suite)
{
	const struct aptsources_request *request = rewriter->request;
	size_t length = strlen(request->from);

	if (source->disabled || !is_of(suite, request->from)) {
		if (!source->disabled && !is_of(suite, request->to))
			report_left(rewriter, suite);
		text_add_bytes(&rewriter->text, suite->start, suite->length);
		return;
	}
	if (is_foreign(source))
		report_foreign(rewriter, source);
	text_add(&rewriter->text, request->to);
	text_add_bytes(&rewriter->text, suite->start + length, suite->length - length);
	rewriter->result->changes++;
}

/* From `cursor` to `end`, every word is a suite, what is between them stays. */
static void rewrite_suites(struct rewriter *rewriter, const struct source *source,
			   const char *cursor, const char *end)
{
	struct word suite;
	const char *from = cursor;

	while (next_word(&cursor, end, &suite)) {
		text_add_bytes(&rewriter->text, from, (size_t)(suite.start - from));
		rewrite_suite(rewriter, source, &suite);
		from = cursor;
	}
	text_add_bytes(&rewriter->text, from, (size_t)(end - from));
}

/* deb [options] address suite component… */
static bool read_one_line(const char *line, const char *end, struct source *ret,
			  struct word *ret_suite)
{
	const char *cursor = line;
	struct word type;

	*ret = (struct source){0};
	if (!next_word(&cursor, end, &type) ||
	    !(word_is(&type, "deb") || word_is(&type, "deb-src")) ||
	    !next_word(&cursor, end, &ret->uri))
		return false;
	if (ret->uri.start[0] == '[' && !next_word(&cursor, end, &ret->uri))
		return false;
	if (!next_word(&cursor, end, ret_suite))
		return false;
	ret->foreign_uri = is_foreign_uri(ret->uri);
	next_word(&cursor, end, &ret->component);
	return true;
}

static void rewrite_one_line(struct rewriter *rewriter, const char *cursor, const char *end)
{
	const char *line, *next;
	size_t length;

	while (text_next_line(&cursor, end, &line, &length)) {
		struct source source;
		struct word suite;

		rewriter->line++;
		next = line;
		if (read_one_line(line, line + length, &source, &suite)) {
			text_add_bytes(&rewriter->text, line, (size_t)(suite.start - line));
			next = suite.start + suite.length;
			rewrite_suite(rewriter, &source, &suite);
		}
		text_add_bytes(&rewriter->text, next, (size_t)(cursor - next));
	}
}

enum field { FIELD_OTHER, FIELD_SUITES, FIELD_URIS, FIELD_COMPONENTS, FIELD_ENABLED, FIELD_COUNT };

static const char *const field_names[FIELD_COUNT] = {
	[FIELD_SUITES] = "Suites",
	[FIELD_URIS] = "URIs",
	[FIELD_COMPONENTS] = "Components",
	[FIELD_ENABLED] = "Enabled",
};

/*
 * The field a line belongs to, given that of the line before, and where its words begin. A comment
 * belongs to none and interrupts none.
 */
static enum field read_field(struct word line, enum field before, const char **ret_value)
{
	const char *colon = memchr(line.start, ':', line.length);
	struct word name = {line.start, colon ? (size_t)(colon - line.start) : 0};

	*ret_value = line.start;
	if (line.length == 0 || is_blank(line.start[0]))
		return before;
	while (name.length > 0 && is_blank(name.start[name.length - 1]))
		name.length--;
	*ret_value = colon ? colon + 1 : line.start + line.length;
	for (size_t i = FIELD_SUITES; i < FIELD_COUNT; i++)
		if (word_is(&name, field_names[i]))
			return (enum field)i;
	return FIELD_OTHER;
}

static bool is_comment(struct word line)
{
	return line.length > 0 && line.start[0] == '#';
}

static bool is_empty(struct word line)
{
	struct word word;
	const char *cursor = line.start;

	return !next_word(&cursor, line.start + line.length, &word);
}

/* apt's words for no. */
static bool says_no(const struct word *word)
{
	static const char *const words[] = {"no", "false", "without", "off", "disable", "0"};

	for (size_t i = 0; i < COUNT(words); i++)
		if (word_is(word, words[i]))
			return true;
	return false;
}

static void note_word(struct source *source, enum field field, const struct word *word)
{
	if (field == FIELD_URIS && !source->foreign_uri) {
		source->uri = *word;
		source->foreign_uri = is_foreign_uri(*word);
	}
	if (field == FIELD_COMPONENTS && source->component.length == 0)
		source->component = *word;
	if (field == FIELD_ENABLED)
		source->disabled = says_no(word);
}

/* Reads one stanza up to the empty line after it; gives where that one ends. */
static const char *read_stanza(const char *cursor, const char *end, struct source *ret)
{
	enum field field = FIELD_OTHER;
	struct word line, word;
	const char *value;

	*ret = (struct source){.uri = {"", 0}};
	while (text_next_line(&cursor, end, &line.start, &line.length) && !is_empty(line)) {
		if (is_comment(line))
			continue;
		field = read_field(line, field, &value);
		while (next_word(&value, line.start + line.length, &word))
			note_word(ret, field, &word);
	}
	return cursor;
}

static void rewrite_stanza(struct rewriter *rewriter, const struct source *source,
			   const char *cursor, const char *end)
{
	enum field field = FIELD_OTHER;
	struct word line;
	const char *value;

	while (text_next_line(&cursor, end, &line.start, &line.length)) {
		rewriter->line++;
		value = line.start;
		if (!is_comment(line))
			field = read_field(line, field, &value);
		text_add_bytes(&rewriter->text, line.start, (size_t)(value - line.start));
		if (!is_comment(line) && field == FIELD_SUITES) {
			rewrite_suites(rewriter, source, value, line.start + line.length);
			value = line.start + line.length;
		}
		text_add_bytes(&rewriter->text, value, (size_t)(cursor - value));
	}
}

static void rewrite_deb822(struct rewriter *rewriter, const char *cursor, const char *end)
{
	while (cursor < end) {
		struct source source;
		const char *next = read_stanza(cursor, end, &source);

		rewrite_stanza(rewriter, &source, cursor, next);
		cursor = next;
	}
}

static bool check_request(const struct aptsources_request *request, struct err *err)
{
	const char *const codenames[] = {request->from, request->to};

	for (size_t i = 0; i < COUNT(codenames); i++)
		if (!aptsources_codename_valid(codenames[i]))
			return err_set(err, ERR_USAGE, 0, "%s is not a codename",
				       text_quote(codenames[i]));
	if (request->length > APTSOURCES_MAX_BYTES)
		return err_set(err, ERR_CONFIG, 0, "%s is larger than %d bytes", request->name,
			       APTSOURCES_MAX_BYTES);
	if (request->length > 0 && memchr(request->bytes, '\0', request->length))
		return err_set(err, ERR_CONFIG, 0, "%s contains a NUL byte", request->name);
	return true;
}

bool aptsources_rewrite(const struct aptsources_request *request, struct aptsources *ret,
			struct err *err)
{
	struct rewriter rewriter = {.request = request, .result = ret};
	const char *end = request->bytes + request->length;

	*ret = (struct aptsources){0};
	if (!check_request(request, err))
		return false;
	if (text_ends(request->name, ".sources"))
		rewrite_deb822(&rewriter, request->bytes, end);
	else
		rewrite_one_line(&rewriter, request->bytes, end);
	ret->bytes = text_take(&rewriter.text);
	return true;
}

void aptsources_done(struct aptsources *sources)
{
	free(sources->bytes);
	findings_done(&sources->findings);
	*sources = (struct aptsources){0};
}
