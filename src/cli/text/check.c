/* moult check and moult health: findings, worst first. */
#include <string.h>
#include "render.h"

static const struct {
	const char *name, *shown;
	enum tint tint;
} levels[] = {
	{"error", "error", TINT_BAD},
	{"warn", "warning", TINT_WARN},
	{"note", "note", TINT_NONE},
};

static void add_finding(const json_t *finding, size_t level, const struct view *view,
			struct text *out)
{
	const char *why = document_string(finding, "why");
	const char *object = document_string(finding, "object");
	const char *remedy = document_string(finding, "remedy");
	auto_text struct text words = {0};

	/* `why` stands alone; the object is only said where there is nothing else */
	text_add(&words, why ? why : object ? object : "");
	text_addf(&words, " [%s]", document_words(finding, "code"));
	view_add(view, out, levels[level].tint, levels[level].shown);
	view_add_bulleted(view, out, ": ", words.bytes);
	if (remedy)
		view_add_try(view, out, 2, remedy);
}

static size_t add_level(const json_t *findings, size_t level, const struct view *view,
			struct text *out)
{
	const json_t *finding;
	size_t i, count = 0;

	json_array_foreach(findings, i, finding)
	{
		if (strcmp(document_words(finding, "level"), levels[level].name) != 0)
			continue;
		add_finding(finding, level, view, out);
		count++;
	}
	return count;
}

void render_check(const json_t *document, const struct view *view, struct text *out)
{
	const json_t *findings = document_array(document, "findings");
	size_t counts[COUNT(levels)];

	for (size_t level = 0; level < COUNT(levels); level++)
		counts[level] = add_level(findings, level, view, out);
	if (counts[0] + counts[1] == 0)
		text_add(out, "All promises hold.\n");
	else
		text_addf(out, "%zu error%s, %zu warning%s.\n", counts[0],
			  counts[0] == 1 ? "" : "s", counts[1], counts[1] == 1 ? "" : "s");
}

static void add_health(const json_t *check, const struct view *view, struct text *out)
{
	bool passed = document_true(check, "passed"), required = document_true(check, "required");
	const char *why = document_string(check, "why");
	auto_text struct text words = {0};

	text_addf(&words, "%s%s%s%s", document_words(check, "name"),
		  required ? "" : " (wanted only)", why ? ": " : "", why ? why : "");
	view_add(view, out,
		 passed	    ? TINT_GOOD
		 : required ? TINT_BAD
			    : TINT_WARN,
		 passed ? "passed" : "failed");
	view_add_bulleted(view, out, "  ", words.bytes);
}

void render_health(const json_t *document, const struct view *view, struct text *out)
{
	const json_t *checks = document_array(document, "checks"), *check;
	size_t i;

	json_array_foreach(checks, i, check)
	{
		add_health(check, view, out);
	}
	text_add(out, document_true(document, "healthy") ? "This system is healthy.\n"
							 : "This system is not healthy.\n");
}
