/* moult log: what was done, newest last, and what a generation's making said. */
#include "render.h"

static void add_operation(const json_t *operation, const struct view *view, struct text *out)
{
	const char *sentence = document_string(operation, "sentence");
	const char *event = document_string(operation, "event");
	const char *why = document_string(operation, "why");
	long long generation = document_number(operation, "generation", -1);
	auto_text struct text words = {0};

	view_add_time(view, &words, document_string(operation, "when"));
	text_addf(&words, "  %s", document_words(operation, "verb"));
	if (generation >= 0)
		text_addf(&words, " (generation %lld)", generation);
	text_addf(&words, ": %s", event ? event : "began");
	if (sentence)
		text_addf(&words, ", %s", sentence);
	if (why)
		text_addf(&words, ": %s", why);
	view_add_bulleted(view, out, "", words.bytes);
}

void render_log(const json_t *document, const struct view *view, struct text *out)
{
	const json_t *operations = document_array(document, "operations");
	const json_t *lines = document_array(document, "lines"), *item;
	size_t i;

	json_array_foreach(operations, i, item)
	{
		add_operation(item, view, out);
	}
	if (operations && lines)
		text_add(out, "\n");
	json_array_foreach(lines, i, item)
	{
		const char *line = json_string_value(item);

		/* a program's own line: it is not broken, so that it can be searched for */
		text_add_safe(out, line ? line : document_words(item, "text"));
		text_add(out, "\n");
	}
	if (!operations && !lines)
		text_add(out, "Nothing was logged.\n");
}
