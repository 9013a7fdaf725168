/* What every changing verb says at its end; the last line is what boots next. */
#include <ctype.h>
#include <string.h>
#include "render.h"

/* "generation 7 is current" → "Generation 7 is current." */
static void add_sentence(const char *sentence, const struct view *view, struct text *out)
{
	auto_free char *words = xasprintf("%s.", sentence);
	size_t length = strlen(sentence);

	words[0] = (char)toupper((unsigned char)words[0]);
	if (length > 0 && strchr(".!?", sentence[length - 1]))
		words[length] = '\0';
	view_add_bulleted(view, out, "", words);
}

void render_change(const json_t *document, const struct view *view, struct text *out)
{
	const char *sentence = document_string(document, "sentence");

	if (text_equal(document_string(document, "outcome"), "planned")) {
		render_plan(document, view, out);
		return;
	}
	render_packages(document_array(document, "packages"), view, out);
	if (view->verbose)
		render_steps(document_array(document, "steps"), view, out);
	render_fates(document_array(document, "fates"), view, out);
	view_add_sentences(view, out, "note: ", document_array(document, "notes"));
	if (sentence)
		add_sentence(sentence, view, out);
	if (document_string(document, "reboots_when"))
		view_add_labelled(view, out, "reboots", document_string(document, "reboots_when"));
	if (document_true(document, "rebooting"))
		text_add(out, "The machine reboots now.\n");
	render_next(document_object(document, "next"), view, out);
}
