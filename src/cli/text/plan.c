/* moult plan, and --dry-run: what would change, and what would be done for it. */
#include <string.h>
#include "render.h"
#include "table.h"

#define PACKAGES_SHOWN 20
#define CONFIG_SHOWN 20

enum change { CHANGE_UPGRADE, CHANGE_NEW, CHANGE_REMOVE, CHANGE_DOWNGRADE, CHANGE_COUNT };

static enum change change_of(const json_t *package)
{
	if (!document_string(package, "from"))
		return CHANGE_NEW;
	if (!document_string(package, "to"))
		return CHANGE_REMOVE;
	return strcmp(document_words(package, "change"), "downgraded") == 0 ? CHANGE_DOWNGRADE
									    : CHANGE_UPGRADE;
}

static void add_package(struct table *table, const json_t *package)
{
	static const enum tint tints[CHANGE_COUNT] = {TINT_NONE, TINT_GOOD, TINT_BAD, TINT_WARN};
	const char *from = document_string(package, "from"), *to = document_string(package, "to");
	enum tint tint = tints[change_of(package)];

	table_row(table);
	table_set(table, 0, TINT_NONE, document_words(package, "name"));
	table_set(table, 1, tint, from ? from : "new");
	table_set(table, 2, TINT_NONE, "->");
	table_set(table, 3, tint, to ? to : "removed");
}

void render_packages(const json_t *packages, const struct view *view, struct text *out)
{
	size_t counts[CHANGE_COUNT] = {0}, shown = view->verbose ? SIZE_MAX : PACKAGES_SHOWN;
	auto_table struct table table = {0};
	const json_t *package;
	size_t i;

	if (json_array_size(packages) == 0)
		return;
	json_array_foreach(packages, i, package)
	{
		counts[change_of(package)]++;
		if (i < shown)
			add_package(&table, package);
	}
	text_addf(out, "Packages: %zu upgraded, ", counts[CHANGE_UPGRADE]);
	if (counts[CHANGE_DOWNGRADE] > 0)
		text_addf(out, "%zu downgraded, ", counts[CHANGE_DOWNGRADE]);
	text_addf(out, "%zu new, %zu removed\n", counts[CHANGE_NEW], counts[CHANGE_REMOVE]);
	table_print(&table, view, 2, out);
	if (i > shown)
		text_addf(out, "  and %zu more; -v lists all of them\n", i - shown);
}

/* --- steps -------------------------------------------------------------------------------------- */

struct deed {
	const char *name, *shown; /* NULL: part of whatever comes before it */
	bool object; /* says little without it */
};

static const struct deed *deed_of(const char *name)
{
	static const struct deed deeds[] = {
		{"write", "write", true},
		{"replace", "write", true},
		{"read-back", NULL, false},
		{"set-byte", "switch the menu entry", true},
		{"put-blob", "copy to the boot volume", false},
		{"make-directory", NULL, false},
		{"rename", "put in place", true},
		{"exchange", "exchange", true},
		{"remove", "remove", true},
		{"remove-tree", "remove", true},
		{"sync", NULL, false},
		{"snapshot", "snapshot", true},
		{"snapshot-read-only", "read-only snapshot", true},
		{"create-subvolume", "make the subvolume", true},
		{"delete-subvolume", "delete the subvolume", true},
		{"set-default", "make this the default subvolume,", true},
		{"check-volume", "check the boot volume for damage", false},
	};

	for (size_t i = 0; i < COUNT(deeds); i++)
		if (strcmp(deeds[i].name, name) == 0)
			return &deeds[i];
	return NULL;
}

/*
 * The sentence that a step belongs to; caller frees; NULL = the one before. Syncs and read-backs
 * are how the others are done: sixty of them tell nobody more.
 */
static char *group_of(const json_t *step)
{
	const char *name = document_words(step, "name"), *why = document_string(step, "why");
	const char *object = document_string(step, "object");
	const struct deed *deed = deed_of(name);
	struct text text = {0};

	if (deed && !deed->shown)
		return NULL;
	/* work of the engine has a name that is a sentence */
	text_add(&text, deed ? deed->shown : name);
	if (deed && deed->object)
		text_addf(&text, " %s", object ? object : "the top level");
	if (why)
		text_addf(&text, ": %s", why);
	if (document_true(step, "commit"))
		text_add(&text, "; from here on it will be finished, not undone");
	return text_take(&text);
}

static bool seen(char *const *sentences, size_t count, const char *sentence)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(sentences[i], sentence) == 0)
			return true;
	return false;
}

static void add_grouped(const json_t *steps, const struct view *view, struct text *out)
{
	auto_free char **sentences = NULL;
	const json_t *step;
	size_t i, count = 0;

	json_array_foreach(steps, i, step)
	{
		auto_free char *sentence = group_of(step);
		auto_free char *bullet = NULL;

		if (!sentence || seen(sentences, count, sentence))
			continue;
		bullet = xasprintf("%4zu. ", count + 1);
		view_add_bulleted(view, out, bullet, sentence);
		*array_add(sentences, count) = take(sentence);
	}
	for (i = 0; i < count; i++)
		free(sentences[i]);
}

static void add_step(size_t number, const json_t *step, const struct view *view, struct text *out)
{
	const char *object = document_string(step, "object");
	const char *from = document_string(step, "from"), *why = document_string(step, "why");
	auto_free char *bullet = xasprintf("%4zu. ", number);
	auto_text struct text words = {0};

	text_add(&words, document_words(step, "name"));
	if (document_string(step, "volume"))
		text_addf(&words, " %s%s", document_string(step, "volume"), object ? ":" : "");
	if (object)
		text_addf(&words, " %s", object);
	if (from)
		text_addf(&words, " from %s", from);
	if (why)
		text_addf(&words, " (%s)", why);
	view_add_bulleted(view, out, bullet, words.bytes);
}

void render_steps(const json_t *steps, const struct view *view, struct text *out)
{
	size_t count = json_array_size(steps), i;
	const json_t *step;

	if (count == 0)
		return;
	if (!view->verbose) {
		text_add(out, "What is to be done:\n");
		add_grouped(steps, view, out);
		text_addf(out, "  (%zu step%s; -v lists each)\n", count, count == 1 ? "" : "s");
		return;
	}
	text_addf(out, "Step by step, %zu step%s:\n", count, count == 1 ? "" : "s");
	json_array_foreach(steps, i, step)
	{
		add_step(i + 1, step, view, out);
	}
}

/* --- the whole ---------------------------------------------------------------------------------- */

static void add_ends(const json_t *document, const struct view *view, struct text *out)
{
	const json_t *from = json_object_get(document, "from"),
		     *to = json_object_get(document, "to");
	auto_text struct text words = {0};

	if (json_is_integer(from))
		text_addf(&words, "from generation %lld", json_integer_value(from));
	if (json_is_integer(to))
		text_addf(&words, "%sto generation %lld", words.length ? " " : "",
			  json_integer_value(to));
	if (words.length)
		view_add_labelled(view, out, document_words(document, "verb"), words.bytes);
}

static void add_finding(const json_t *item, const struct view *view, struct text *out)
{
	const char *file = document_string(item, "file");
	const char *remedy = document_string(item, "remedy");
	long long line = document_number(item, "line", -1);
	auto_text struct text words = {0};

	if (file && line >= 0)
		text_addf(&words, "%s:%lld: ", file, line);
	else if (file)
		text_addf(&words, "%s: ", file);
	text_addf(&words, "%s [%s]", document_words(item, "why"), document_words(item, "code"));
	view_add_bulleted(view, out, "  - ", words.bytes);
	if (remedy)
		view_add_try(view, out, 4, remedy);
}

static void add_config(const json_t *config, const struct view *view, struct text *out)
{
	size_t i, shown = view->verbose ? SIZE_MAX : CONFIG_SHOWN;
	const json_t *item;

	if (!config)
		return;
	text_add(out, "Configuration:\n");
	json_array_foreach(config, i, item)
	{
		if (i < shown)
			add_finding(item, view, out);
	}
	if (i > shown)
		text_addf(out, "  and %zu more; -v lists all of them\n", i - shown);
}

static void add_space(const json_t *space, const struct view *view, struct text *out)
{
	auto_text struct text words = {0};
	const char *key;
	const json_t *value;

	/* the cast is jansson's own way to walk an object that is not changed */
	json_object_foreach((json_t *)space, key, value)
	{
		if (!json_is_integer(value) || json_integer_value(value) < 0)
			continue;
		text_add(&words, words.length ? ", " : "");
		for (const char *c = key; *c; c++)
			text_addf(&words, "%c", *c == '_' ? ' ' : *c);
		text_add(&words, " ");
		view_add_size(&words, (unsigned long long)json_integer_value(value));
	}
	if (words.length)
		view_add_labelled(view, out, "space", words.bytes);
}

/* What the command itself will want to be told; a plan does not. */
static void add_needs(const json_t *codes, const struct view *view, struct text *out)
{
	auto_text struct text words = {0};
	const json_t *code;
	size_t i;

	json_array_foreach(codes, i, code)
	{
		if (json_is_string(code))
			text_addf(&words, "%s--accept %s", words.length ? " " : "",
				  json_string_value(code));
	}
	if (words.length)
		view_add_labelled(view, out, "needs", words.bytes);
}

void render_plan(const json_t *document, const struct view *view, struct text *out)
{
	const json_t *lost = document_array(document, "not_rolled_back");
	const json_t *edits = document_array(document, "edits");

	add_ends(document, view, out);
	render_packages(document_array(document, "packages"), view, out);
	add_config(document_array(document, "config"), view, out);
	render_fates(document_array(document, "fates"), view, out);
	render_steps(document_array(document, "steps"), view, out);
	if (json_array_size(edits) > 0)
		text_add(out, "Edited since it was built, and left in the generation that runs:\n");
	view_add_sentences(view, out, "  - ", edits);
	if (lost)
		text_add(out, "Stays as it is, whatever is booted:\n");
	view_add_sentences(view, out, "  - ", lost);
	view_add_sentences(view, out, "note: ", document_array(document, "notes"));
	add_needs(document_array(document, "accept"), view, out);
	add_space(document_object(document, "space"), view, out);
	if (document_string(document, "sentence"))
		view_add_labelled(view, out, "so far", document_string(document, "sentence"));
	render_next(document_object(document, "next"), view, out);
}
