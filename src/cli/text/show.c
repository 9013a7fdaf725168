/* moult show: everything about one generation. */
#include <string.h>
#include "render.h"

static void add(const struct view *view, struct text *out, const char *label, const char *words)
{
	if (words)
		view_add_labelled(view, out, label, words);
}

static void add_time(const struct view *view, struct text *out, const char *label, const char *iso)
{
	auto_text struct text words = {0};

	if (!iso)
		return;
	view_add_time(view, &words, iso);
	view_add_labelled(view, out, label, words.bytes);
}

static void add_state(const json_t *document, const struct view *view, struct text *out)
{
	static const struct {
		const char *key, *shown;
	} marks[] = {{"booted", "running"},
		     {"current", "current"},
		     {"next", "boots next"},
		     {"pinned", "pinned"}};
	const char *reason = document_string(document, "reason");
	auto_text struct text words = {0};

	text_add(&words, render_state(document, NULL));
	for (size_t i = 0; i < COUNT(marks); i++)
		if (document_true(document, marks[i].key))
			text_addf(&words, ", %s", marks[i].shown);
	if (reason)
		text_addf(&words, ": %s", reason);
	view_add_labelled(view, out, "state", words.bytes);
}

static void add_attempt(const json_t *attempt, const struct view *view, struct text *out)
{
	static const struct {
		const char *name, *shown;
	} outcomes[] = {{"started", "no verdict yet"},
			{"healthy", "healthy"},
			{"failed", "failed"},
			{"unknown", "ended without a verdict"}};
	const char *outcome = document_words(attempt, "outcome");
	const char *reason = document_string(attempt, "reason");
	auto_text struct text words = {0};

	for (size_t i = 0; i < COUNT(outcomes); i++)
		if (strcmp(outcome, outcomes[i].name) == 0)
			outcome = outcomes[i].shown;
	text_add(&words, "booted ");
	view_add_time(view, &words, document_string(attempt, "when"));
	text_addf(&words, ": %s", outcome);
	if (reason)
		text_addf(&words, ": %s", reason);
	view_add_bulleted(view, out, "    ", words.bytes);
}

static void add_publication(const json_t *publication, const struct view *view, struct text *out)
{
	static const struct {
		const char *name, *shown;
	} kinds[] = {{"trial", "in the menu, on trial"},
		     {"current", "in the menu, the default"},
		     {"old", "in the menu, for you to choose"},
		     {"none", "no longer in the menu"}};
	const char *kind = document_words(publication, "kind");
	const json_t *attempts = document_array(publication, "attempts"), *attempt;
	auto_text struct text words = {0};
	size_t i;

	for (i = 0; i < COUNT(kinds); i++)
		if (strcmp(kind, kinds[i].name) == 0)
			kind = kinds[i].shown;
	text_addf(&words, "publication %lld: %s%s, kernel %s",
		  document_number(publication, "serial", -1), kind,
		  document_true(publication, "failed") ? ", failed" : "",
		  document_string(publication, "kernel") ? document_string(publication, "kernel")
							 : "unknown");
	view_add_bulleted(view, out, "  ", words.bytes);
	if (document_string(publication, "reason"))
		view_add_bulleted(view, out,
				  "    failed: ", document_string(publication, "reason"));
	if (document_string(publication, "options"))
		view_add_bulleted(view, out, "    ", document_string(publication, "options"));
	json_array_foreach(attempts, i, attempt)
	{
		add_attempt(attempt, view, out);
	}
}

void render_show(const json_t *document, const struct view *view, struct text *out)
{
	const json_t *publications = document_array(document, "publications"), *publication;
	long long parent = document_number(document, "parent", -1);
	long long size = document_number(document, "size_exclusive", -1);
	auto_free char *id = xasprintf("%lld", document_number(document, "id", -1));
	auto_text struct text words = {0};
	size_t i;

	view_add_labelled(view, out, "generation", id);
	add(view, out, "name", document_string(document, "name"));
	add_state(document, view, out);
	if (document_true(document, "stale"))
		add(view, out, "stale", document_words(document, "stale_why"));
	add_time(view, out, "made", document_string(document, "created"));
	add(view, out, "source", document_string(document, "source"));
	add(view, out, "by", document_string(document, "what"));
	if (parent >= 0) {
		text_addf(&words, "generation %lld", parent);
		view_add_labelled(view, out, "made from", words.bytes);
		text_done(&words);
	}
	add(view, out, "kernel", document_string(document, "kernel"));
	if (size >= 0) {
		view_add_size(&words, (unsigned long long)size);
		view_add_labelled(view, out, "own size", words.bytes);
	}
	json_array_foreach(publications, i, publication)
	{
		add_publication(publication, view, out);
	}
}
