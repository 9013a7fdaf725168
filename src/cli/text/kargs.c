/* moult kargs: the kernel command line, and whose each part is. */
#include <string.h>
#include "render.h"

static void add_line(const struct view *view, struct text *out, const char *label, const char *line)
{
	view_add_labelled(view, out, label, line && *line ? line : "(nothing)");
}

/* What comes before or after the owner's part, which is in it as it was written. */
static char *added_by_moult(const json_t *publication)
{
	const char *whole = document_words(publication, "command_line");
	const char *own = document_words(publication, "options");
	size_t length = strlen(whole), own_length = strlen(own);

	if (own_length > 0 && length > own_length && strcmp(whole + length - own_length, own) == 0)
		return xstrndup(whole, length - own_length - 1);
	return xstrdup(whole);
}

void render_kargs(const json_t *document, const struct view *view, struct text *out)
{
	const json_t *current = document_object(document, "current");
	const json_t *trial = document_object(document, "trial");
	auto_free char *added = NULL, *which = NULL;

	if (document_string(document, "outcome")) {
		render_change(document, view, out);
		return;
	}
	which = xasprintf("%lld, kernel %s", document_number(document, "generation", -1),
			  document_string(current, "kernel") ? document_string(current, "kernel")
							     : "unknown");
	added = added_by_moult(current);
	view_add_labelled(view, out, "generation", which);
	add_line(view, out, "own", document_string(current, "options"));
	add_line(view, out, "by moult", added);
	if (trial)
		add_line(view, out, "on trial", document_string(trial, "options"));
}
