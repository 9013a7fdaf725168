/* moult diff: packages, configuration and files that differ, counts first. */
#include <string.h>
#include "render.h"

#define PATHS_SHOWN 20

static const struct {
	const char *change, *shown;
	enum tint tint;
} kinds[] = {
	{"changed", "changed", TINT_NONE},
	{"created", "created", TINT_GOOD},
	{"removed", "removed", TINT_BAD},
	{"attributes", "with other permissions, owner or attributes", TINT_NONE},
};

static size_t kind_of(const json_t *item)
{
	size_t kind = 0;

	while (kind + 1 < COUNT(kinds) &&
	       strcmp(kinds[kind].change, document_words(item, "change")) != 0)
		kind++;
	return kind;
}

/* "3 changed, 1 created" */
static void add_counts(const json_t *items, struct text *out)
{
	size_t counts[COUNT(kinds)] = {0}, i;
	const json_t *item;
	bool first = true;

	json_array_foreach(items, i, item)
	{
		counts[kind_of(item)]++;
	}
	for (i = 0; i < COUNT(kinds); i++) {
		if (counts[i] == 0)
			continue;
		text_addf(out, "%s%zu %s", first ? "" : ", ", counts[i], kinds[i].shown);
		first = false;
	}
}

static void add_path(const json_t *item, const struct view *view, struct text *out)
{
	const char *from = document_string(item, "from_type");
	const char *type = document_words(item, "type");

	text_add(out, "  ");
	view_add(view, out, kinds[kind_of(item)].tint, document_words(item, "marks"));
	text_add(out, " ");
	text_add_safe(out, document_words(item, "path"));
	if (strcmp(type, "directory") == 0 && strcmp(document_words(item, "path"), "/") != 0)
		text_add(out, "/");
	if (from)
		text_addf(out, " (%s -> %s)", from, type);
	text_add(out, "\n");
}

struct part {
	const char *key, *title, *option;
};

static void add_part(const json_t *document, const struct part *part, const struct view *view,
		     struct text *out)
{
	const json_t *items = document_array(document, part->key), *item;
	/* who asked for nothing else sees all of it */
	bool all = view->verbose || !json_object_get(document, "packages");
	size_t i;

	if (!items)
		return;
	text_addf(out, "%s: ", part->title);
	add_counts(items, out);
	text_add(out, "\n");
	json_array_foreach(items, i, item)
	{
		if (all || i < PATHS_SHOWN)
			add_path(item, view, out);
	}
	if (!all && i > PATHS_SHOWN)
		text_addf(out, "  and %zu more; %s lists all of them\n", i - PATHS_SHOWN,
			  part->option);
}

/* --- one file ------------------------------------------------------------------------------------- */

static enum tint tint_of_line(const char *line)
{
	static const struct {
		const char *start;
		enum tint tint;
	} starts[] = {{"+++", TINT_STRONG},
		      {"---", TINT_STRONG},
		      {"@@", TINT_FAINT},
		      {"+", TINT_GOOD},
		      {"-", TINT_BAD}};

	for (size_t i = 0; i < COUNT(starts); i++)
		if (text_starts(line, starts[i].start))
			return starts[i].tint;
	return TINT_NONE;
}

/* A tab is no danger, and in configuration it means something. */
static void add_line(const char *line, const struct view *view, struct text *out)
{
	enum tint tint = tint_of_line(line);

	for (const char *at = line; *at;) {
		size_t length = strcspn(at, "\t");
		auto_free char *piece = xstrndup(at, length);

		view_add(view, out, tint, piece);
		at += length;
		if (*at == '\t') {
			text_add(out, "\t");
			at++;
		}
	}
	text_add(out, "\n");
}

static void add_file(const json_t *file, const struct view *view, struct text *out)
{
	const char *lines = document_words(file, "text"), *line;
	const char *why = document_string(file, "why"), *marks = document_words(file, "marks");
	size_t length;

	if (strspn(marks, ".") == strlen(marks)) {
		view_add_labelled(view, out, document_words(file, "path"), "no difference");
		return;
	}
	add_path(file, view, out);
	if (why)
		view_add_bulleted(view, out, "  ", why);
	for (const char *end = lines + strlen(lines);
	     text_next_line(&lines, end, &line, &length);) {
		auto_free char *one = xstrndup(line, length);

		add_line(one, view, out);
	}
}

/* --- the whole ------------------------------------------------------------------------------------ */

static void add_end(const json_t *end, struct text *words)
{
	const char *name = document_string(end, "name");

	text_addf(words, "generation %lld", document_number(end, "id", -1));
	if (name)
		text_addf(words, " (%s)", name);
	if (document_true(end, "built"))
		text_add(words, " as it was built");
}

static bool is_empty(const json_t *document)
{
	static const char *const keys[] = {"packages", "config", "files"};

	for (size_t i = 0; i < COUNT(keys); i++)
		if (document_array(document, keys[i]))
			return false;
	return !document_object(document, "file");
}

void render_diff(const json_t *document, const struct view *view, struct text *out)
{
	static const struct part parts[] = {
		{"config", "Configuration", "--config"},
		{"files", "Files", "--files"},
	};
	auto_text struct text words = {0};

	text_add(&words, "from ");
	add_end(document_object(document, "from"), &words);
	text_add(&words, " to ");
	add_end(document_object(document, "to"), &words);
	view_add_labelled(view, out, "diff", words.bytes);
	render_packages(document_array(document, "packages"), view, out);
	for (size_t i = 0; i < COUNT(parts); i++)
		add_part(document, &parts[i], view, out);
	if (document_object(document, "file"))
		add_file(document_object(document, "file"), view, out);
	if (is_empty(document))
		text_add(out, "No difference.\n");
	view_add_sentences(view, out, "note: ", document_array(document, "notes"));
}
