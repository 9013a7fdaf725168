/* moult list: one line for each generation. */
#include <string.h>
#include "render.h"
#include "table.h"

static const struct {
	const char *name, *shown;
	enum tint tint;
} states[] = {
	{"building", "building", TINT_FAINT}, {"built", "built", TINT_NONE},
	{"waiting", "waiting", TINT_NONE},    {"trial", "on trial", TINT_WARN},
	{"good", "good", TINT_GOOD},	      {"bad", "bad", TINT_BAD},
	{"damaged", "damaged", TINT_BAD},
};

const char *render_state(const json_t *generation, enum tint *ret_tint)
{
	const char *state = document_words(generation, "state");

	/* for the end of what the current generation tries */
	if (strcmp(state, "built") == 0 && document_true(generation, "waiting"))
		state = "waiting";
	for (size_t i = 0; i < COUNT(states); i++) {
		if (strcmp(states[i].name, state) != 0)
			continue;
		if (ret_tint)
			*ret_tint = states[i].tint;
		return states[i].shown;
	}
	return *state ? state : "unknown";
}

/* A running current generation boots next, too, unless another says so. */
static const char *marks(const json_t *entry, char buffer[4])
{
	bool booted = document_true(entry, "booted"), current = document_true(entry, "current");
	const char *state = document_words(entry, "state");
	char *at = buffer;

	if (booted)
		*at++ = current ? '*' : '-';
	if (document_true(entry, "next") && !(booted && current))
		*at++ = '+';
	if (strcmp(state, "bad") == 0 || strcmp(state, "damaged") == 0)
		*at++ = '!';
	*at = '\0';
	return buffer;
}

static void add_word(struct text *text, const char *quote, const char *word)
{
	if (word)
		text_addf(text, "%s%s%s%s", text->length ? ", " : "", quote, word, quote);
}

static char *remarks(const json_t *entry)
{
	const char *source = document_string(entry, "source");
	const char *what = document_string(entry, "what");
	struct text text = {0};

	add_word(&text, "'", document_string(entry, "name"));
	if (document_true(entry, "current") && !document_true(entry, "booted"))
		add_word(&text, "", "current");
	if (document_true(entry, "pinned"))
		add_word(&text, "", "pinned");
	if (document_true(entry, "stale"))
		add_word(&text, "", "stale");
	add_word(&text, "", document_string(entry, "reason"));
	add_word(&text, "", what ? what : source);
	return text_take(&text);
}

static void add_row(struct table *table, const json_t *entry, const struct view *view)
{
	int64_t created = view_parse_time(document_string(entry, "created"));
	long long size = document_number(entry, "size_exclusive", -1);
	auto_free char *more = remarks(entry);
	auto_text struct text ago = {0}, bytes = {0};
	enum tint tint = TINT_NONE;
	const char *state = render_state(entry, &tint);
	char buffer[4];

	if (created >= 0)
		view_add_ago(&ago, created, view->now);
	if (size >= 0)
		view_add_size(&bytes, (unsigned long long)size);
	table_row(table);
	table_set(table, 0, TINT_STRONG, marks(entry, buffer));
	table_setf(table, 1, "%lld", document_number(entry, "id", -1));
	table_set(table, 2, tint, state);
	table_set(table, 3, TINT_NONE, ago.bytes);
	table_set(table, 4, TINT_NONE, document_string(entry, "kernel"));
	table_set(table, 5, TINT_NONE, bytes.bytes);
	table_set(table, 6, TINT_NONE, more);
}

static void add_heading(struct table *table)
{
	static const char *const names[] = {"", "ID", "STATE", "MADE", "KERNEL", "SIZE", "REMARKS"};

	table_row(table);
	for (size_t i = 0; i < COUNT(names); i++)
		table_set(table, i, TINT_FAINT, names[i]);
}

static void clear_heading(struct table *table, size_t column)
{
	*table->rows[0].cells[column].safe = '\0';
}

/* A heading alone does not make a column: it is taken away again. */
static void drop_empty_columns(struct table *table)
{
	for (size_t column = 1; column < table->columns; column++) {
		bool used = false;

		for (size_t row = 1; row < table->count; row++)
			used = used || *table->rows[row].cells[column].safe;
		if (!used)
			clear_heading(table, column);
	}
}

void render_list(const json_t *document, const struct view *view, struct text *out)
{
	const json_t *generations = document_array(document, "generations"), *entry;
	auto_table struct table table = {0};
	size_t i;

	if (!generations) {
		text_add(out, "There are no generations.\n");
		return;
	}
	add_heading(&table);
	json_array_foreach(generations, i, entry)
	{
		add_row(&table, entry, view);
	}
	drop_empty_columns(&table);
	table_print(&table, view, 0, out);
	if (!view->terminal)
		return;
	view_add(view, out, TINT_FAINT, "* running and current   - running   + boots next   ! bad");
	text_add(out, "\n");
}
