/* moult status: what runs, what boots next, and what somebody should do about it. */
#include <string.h>
#include "render.h"

static const char *const not_generation = "a system that is not a generation of moult";

/* "generation 7, good, kernel 6.1.0-50-amd64, named 'before the party'" */
static void add_generation(const json_t *generations, long long id, struct text *out)
{
	const json_t *entry = document_with_id(generations, id);
	const char *kernel = document_string(entry, "kernel");
	const char *name = document_string(entry, "name");

	text_addf(out, "generation %lld", id);
	if (entry)
		text_addf(out, ", %s", render_state(entry, NULL));
	if (kernel)
		text_addf(out, ", kernel %s", kernel);
	if (name)
		text_addf(out, ", named '%s'", name);
}

static void add_booted(const json_t *document, const struct view *view, struct text *out)
{
	const json_t *booted = document_object(document, "booted");
	auto_text struct text words = {0};

	if (text_equal(document_string(document, "session"), "offline"))
		return;
	if (booted)
		add_generation(json_object_get(document, "generations"),
			       document_number(booted, "id", -1), &words);
	else
		text_add(&words, not_generation);
	view_add_labelled(view, out, "running", words.bytes);
}

/* Said only where it is not what runs: then a reboot changes more than one expects. */
static void add_current(const json_t *document, const struct view *view, struct text *out)
{
	const json_t *booted = document_object(document, "booted");
	const json_t *current = document_object(document, "current");
	auto_text struct text words = {0};

	if (!current || document_number(booted, "id", -1) == document_number(current, "id", -1))
		return;
	add_generation(json_object_get(document, "generations"), document_number(current, "id", -1),
		       &words);
	view_add_labelled(view, out, "current", words.bytes);
}

void render_next(const json_t *next, const struct view *view, struct text *out)
{
	long long id = document_number(next, "id", -1);
	const char *why = document_string(next, "why");
	auto_text struct text words = {0};

	if (!next)
		return;
	if (id >= 0)
		text_addf(&words, "generation %lld", id);
	else
		text_add(&words, "nothing of moult");
	if (why)
		text_addf(&words, " (%s)", why);
	view_add_labelled(view, out, "next boot", words.bytes);
}

static void add_session(const json_t *document, const struct view *view, struct text *out)
{
	static const struct {
		const char *name, *sentence;
	} sessions[] = {
		{"trial", "on trial: it becomes current once it is found healthy"},
		{"adopting", "adopted while it runs: the next boot parts its data from it"},
		{"temporary", "temporary: the next boot leaves it; 'moult keep' makes it current"},
		{"volatile", "volatile: nothing that is written now survives the reboot"},
		{"offline", "another system's disk"},
	};
	const char *session = document_words(document, "session");

	for (size_t i = 0; i < COUNT(sessions); i++)
		if (strcmp(session, sessions[i].name) == 0)
			view_add_labelled(view, out, "session", sessions[i].sentence);
}

static void add_last(const json_t *last, const struct view *view, struct text *out)
{
	const char *why = document_string(last, "why");
	auto_text struct text words = {0};

	if (!last)
		return;
	text_addf(&words, "%s %s, ", document_words(last, "verb"), document_words(last, "outcome"));
	view_add_time(view, &words, document_string(last, "when"));
	if (why)
		text_addf(&words, ": %s", why);
	view_add_labelled(view, out, "last", words.bytes);
}

static void add_space(const json_t *space, const struct view *view, struct text *out)
{
	static const struct {
		const char *key, *name;
	} kinds[] = {{"data_free", "data"}, {"metadata_free", "metadata"}, {"esp_free", "ESP"}};
	auto_text struct text words = {0};

	for (size_t i = 0; i < COUNT(kinds); i++) {
		long long bytes = document_number(space, kinds[i].key, -1);

		if (bytes < 0)
			continue;
		text_addf(&words, "%s%s ", words.length ? ", " : "", kinds[i].name);
		view_add_size(&words, (unsigned long long)bytes);
	}
	if (words.length)
		view_add_labelled(view, out, "free", words.bytes);
}

/* Found bad, or out of tries before anything could be found. */
static bool came_to_nothing(const char *state, const char *reason)
{
	return strcmp(state, "bad") == 0 || (strcmp(state, "built") == 0 && reason);
}

static void add_failed(const json_t *document, const struct view *view, struct text *out)
{
	long long current = document_number(document_object(document, "current"), "id", -1);
	const json_t *generations = document_array(document, "generations");

	for (size_t i = json_array_size(generations); i > 0; i--) {
		const json_t *entry = json_array_get(generations, i - 1);
		const char *state = document_words(entry, "state");
		const char *reason = document_string(entry, "reason");
		long long id = document_number(entry, "id", -1);
		auto_free char *words = NULL, *remedy = NULL;

		if (strcmp(state, "damaged") == 0) {
			words = xasprintf("generation %lld is damaged: %s", id,
					  reason ? reason : "");
			remedy = xasprintf("moult show %lld", id);
			view_add_trouble(view, out, words, remedy);
		} else if (came_to_nothing(state, reason) && id > current) {
			words = xasprintf("generation %lld did not come up%s%s", id,
					  reason ? ": " : "", reason ? reason : "");
			remedy = xasprintf("sudo moult log %lld", id);
			view_add_trouble(view, out, words, remedy);
		}
	}
}

/* What the current generation tried in vain; it runs without. */
static void add_refused(const json_t *document, const struct view *view, struct text *out)
{
	const json_t *proposal = document_object(document, "proposal");
	long long id = document_number(proposal, "id", -1);
	const char *reason = document_string(proposal, "reason");
	auto_free char *words = NULL, *remedy = NULL;

	if (!document_true(proposal, "failed"))
		return;
	words = xasprintf("the new %s of generation %lld did not come up%s%s",
			  document_words(proposal, "what"), id, reason ? ": " : "",
			  reason ? reason : "");
	remedy = xasprintf("moult show %lld", id);
	view_add_trouble(view, out, words, remedy);
}

static void add_waiting(const json_t *document, const struct view *view, struct text *out)
{
	const json_t *pending = document_object(document, "pending");
	const json_t *proposal = document_object(document, "proposal");
	auto_text struct text words = {0};

	if (!document_true(pending, "waiting"))
		return;
	text_addf(&words, "generation %lld is tried once ", document_number(pending, "id", -1));
	if (proposal && !document_true(proposal, "failed"))
		text_addf(&words, "the new %s of generation %lld is found good or bad",
			  document_words(proposal, "what"), document_number(proposal, "id", -1));
	else
		text_add(&words, "nothing else is");
	view_add_labelled(view, out, "waiting", words.bytes);
}

static void add_pending(const json_t *document, const struct view *view, struct text *out)
{
	const json_t *pending = document_object(document, "pending");
	long long id = document_number(pending, "id", -1);
	const char *why = document_string(pending, "why");
	const char *remedy = document_string(pending, "remedy");
	auto_free char *words = NULL;

	if (!pending || !document_true(pending, "stale"))
		return;
	words = xasprintf("generation %lld is stale and will not be booted%s%s", id,
			  why ? ": " : "", why ? why : "");
	view_add_trouble(view, out, words, remedy ? remedy : "sudo moult upgrade");
}

static void add_late(const json_t *document, const struct view *view, struct text *out)
{
	const json_t *late = document_object(document, "late");
	long long edits = document_number(late, "edits", 0);
	auto_free char *words = NULL;

	if (!late || edits <= 0)
		return;
	words = xasprintf(
		"%lld file%s edited since generation %lld was staged: carried over at the "
		"reboot",
		edits, edits == 1 ? "" : "s", document_number(late, "generation", -1));
	view_add_labelled(view, out, "edited", words);
}

void render_status(const json_t *document, const struct view *view, struct text *out)
{
	const char *as_of = document_string(document, "as_of");
	const json_t *conflicts = document_array(document, "conflicts");
	const json_t *adopted = json_object_get(document, "adopted");

	if (adopted && !json_is_true(adopted)) {
		text_add(out, "This system is not looked after by moult yet.\n");
		view_add_try(view, out, 0, "sudo moult init --dry-run");
		return;
	}
	add_booted(document, view, out);
	add_current(document, view, out);
	render_next(document_object(document, "next"), view, out);
	add_session(document, view, out);
	add_last(document_object(document, "last"), view, out);
	add_space(document_object(document, "space"), view, out);
	add_late(document, view, out);
	add_waiting(document, view, out);
	render_standing(document_object(document, "unattended"), view, out);
	add_failed(document, view, out);
	add_refused(document, view, out);
	add_pending(document, view, out);
	view_add_sentences(view, out, "! ", conflicts);
	if (as_of) {
		auto_text struct text words = {0};

		view_add_time(view, &words, as_of);
		text_add(&words, "; as root, moult looks for itself");
		view_add_labelled(view, out, "as of", words.bytes);
	}
}
