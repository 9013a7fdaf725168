/* Of what nobody is asked about at the time: which generations go, and what timers wait for. */
#include <string.h>
#include "render.h"
#include "table.h"

void render_fates(const json_t *fates, const struct view *view, struct text *out)
{
	auto_table struct table table = {0};
	const json_t *fate;
	size_t i;

	json_array_foreach(fates, i, fate)
	{
		bool goes = document_true(fate, "goes");

		table_row(&table);
		table_setf(&table, 0, "generation %lld", document_number(fate, "id", -1));
		table_set(&table, 1, goes ? TINT_BAD : TINT_GOOD, goes ? "goes" : "stays");
		table_set(&table, 2, TINT_NONE, document_words(fate, "why"));
	}
	table_print(&table, view, 0, out);
}

static void add_waits(const json_t *part, struct text *words)
{
	const json_t *waits = document_array(part, "waits"), *wait;
	size_t i;

	json_array_foreach(waits, i, wait)
		text_addf(words, "%s%s", i > 0 ? "; " : "waits: ", document_words(wait, "why"));
}

static void add_upgrade(const json_t *part, const struct view *view, struct text *out)
{
	auto_text struct text words = {0};

	if (!document_true(part, "automatic"))
		return;
	add_waits(part, &words);
	if (words.length > 0)
		view_add_labelled(view, out, "upgrades", words.bytes);
}

/* Where nothing reboots by itself there is nothing to say. */
static void add_reboot(const json_t *part, const struct view *view, struct text *out)
{
	const char *policy = document_words(part, "policy");
	const char *until = document_string(part, "postponed_until");
	auto_text struct text words = {0};

	if (strcmp(policy, "window") != 0 && strcmp(policy, "asked") != 0 &&
	    !document_array(part, "waits"))
		return;
	add_waits(part, &words);
	if (until) {
		text_addf(&words, "%sput off until ", words.length > 0 ? "; " : "");
		view_add_time(view, &words, until);
	}
	if (words.length > 0)
		view_add_labelled(view, out, "reboot", words.bytes);
}

static void add_found(const json_t *unattended, const struct view *view, struct text *out)
{
	const json_t *available = document_object(unattended, "available");
	const json_t *check = document_object(unattended, "check");
	long long packages = document_number(available, "packages", 0);
	long long errors = document_number(check, "errors", 0);
	auto_text struct text words = {0};

	if (packages > 0) {
		text_addf(&words, "an upgrade of %lld package%s, seen ", packages,
			  packages == 1 ? "" : "s");
		view_add_time(view, &words, document_string(available, "when"));
		view_add_labelled(view, out, "available", words.bytes);
	}
	if (errors > 0) {
		auto_free char *found = xasprintf("'moult check' finds %lld error%s", errors,
						  errors == 1 ? "" : "s");

		view_add_trouble(view, out, found, "sudo moult check");
	}
}

static void add_health(const json_t *health, const struct view *view, struct text *out)
{
	if (!health || document_true(health, "healthy"))
		return;
	view_add_trouble(view, out, document_words(health, "why"), "sudo moult health");
}

void render_standing(const json_t *unattended, const struct view *view, struct text *out)
{
	add_upgrade(document_object(unattended, "upgrade"), view, out);
	add_reboot(document_object(unattended, "reboot"), view, out);
	add_found(unattended, view, out);
	add_health(document_object(unattended, "health"), view, out);
}
