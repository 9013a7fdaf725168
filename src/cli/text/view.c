#include "view.h"
#include <string.h>
#include <time.h>
#include "document.h"

#define LABEL_COLUMNS 12

void view_add(const struct view *view, struct text *out, enum tint tint, const char *string)
{
	static const char *const codes[TINT_COUNT] = {
		[TINT_STRONG] = "1", [TINT_FAINT] = "2", [TINT_GOOD] = "32",
		[TINT_WARN] = "33",  [TINT_BAD] = "31",
	};
	const char *code = view->colour && *string ? codes[tint] : NULL;

	if (code)
		text_addf(out, "\033[%sm", code);
	text_add_safe(out, string);
	if (code)
		text_add(out, "\033[0m");
}

static void add_wrapped(const struct view *view, struct text *out, const char *words, size_t indent)
{
	auto_text struct text safe = {0};
	size_t column = indent;

	text_add_safe(&safe, words);
	for (const char *word = safe.bytes ? safe.bytes : ""; *word;) {
		size_t length = strcspn(word, " ");
		auto_free char *one = xstrndup(word, length);
		size_t wide = text_columns(one);

		if (column > indent && column + 1 + wide > view->columns) {
			text_addf(out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (column > indent) {
			text_add(out, " ");
			column++;
		}
		text_add(out, one);
		column += wide;
		word += length + strspn(word + length, " ");
	}
	text_add(out, "\n");
}

void view_add_labelled(const struct view *view, struct text *out, const char *label,
		       const char *words)
{
	size_t width = text_columns(label);

	view_add(view, out, TINT_STRONG, label);
	text_addf(out, "%*s", (int)(width < LABEL_COLUMNS ? LABEL_COLUMNS - width : 1), "");
	add_wrapped(view, out, words, width < LABEL_COLUMNS ? LABEL_COLUMNS : width + 1);
}

void view_add_bulleted(const struct view *view, struct text *out, const char *bullet,
		       const char *words)
{
	text_add(out, bullet);
	add_wrapped(view, out, words, text_columns(bullet));
}

void view_add_try(const struct view *view, struct text *out, unsigned indent, const char *command)
{
	auto_text struct text placed = {0};
	const char *words;
	bool there;

	place_add_command(&view->place, command, &placed);
	there = text_starts(placed.bytes, PLACE_THERE);
	words = placed.bytes + (there ? strlen(PLACE_THERE) : 0);
	text_addf(out, "%*stry%s: ", (int)indent, "", there ? " (in that system)" : "");
	text_add_safe(out, words);
	text_add(out, "\n");
}

int64_t view_parse_time(const char *iso)
{
	struct tm when = {0};
	const char *end = iso ? strptime(iso, "%Y-%m-%dT%H:%M:%SZ", &when) : NULL;

	return end && *end == '\0' ? (int64_t)timegm(&when) : -1;
}

void view_add_ago(struct text *out, int64_t when, int64_t now)
{
	static const struct {
		const char *name;
		int64_t seconds;
	} units[] = {
		{"year", 365 * 86400}, {"month", 30 * 86400}, {"week", 7 * 86400},
		{"day", 86400},	       {"hour", 3600},	      {"minute", 60},
	};
	int64_t distance = now > when ? now - when : when - now;

	for (size_t i = 0; i < COUNT(units); i++) {
		int64_t count = distance / units[i].seconds;

		/* "1 month" for 59 days misleads: a unit is used from two on, the small ones at once */
		if (count < (units[i].seconds > 86400 ? 2 : 1))
			continue;
		text_addf(out, "%s%lld %s%s%s", when > now ? "in " : "", (long long)count,
			  units[i].name, count == 1 ? "" : "s", when > now ? "" : " ago");
		return;
	}
	text_add(out, when > now ? "in a moment" : "just now");
}

void view_add_time(const struct view *view, struct text *out, const char *iso)
{
	int64_t when = view_parse_time(iso);
	time_t seconds = (time_t)when;
	struct tm local;
	char buffer[32];

	if (when < 0 || !localtime_r(&seconds, &local) ||
	    strftime(buffer, sizeof(buffer), "%Y-%m-%d %H:%M", &local) == 0) {
		text_add(out, "at an unknown time");
		return;
	}
	text_addf(out, "%s (", buffer);
	view_add_ago(out, when, view->now);
	text_add(out, ")");
}

void view_add_size(struct text *out, unsigned long long bytes)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double value = (double)bytes / 1024;
	size_t unit = 0;

	if (bytes < 1024) {
		text_addf(out, "%llu B", bytes);
		return;
	}
	for (; value >= 1023.95 && unit + 1 < COUNT(units); unit++)
		value /= 1024;
	text_addf(out, "%.1f %s", value, units[unit]);
}

static const char *sentence_of(const json_t *sentence)
{
	static const char *const keys[] = {"sentence", "why", "object", "name"};
	const char *words = json_string_value(sentence);

	for (size_t i = 0; !words && i < COUNT(keys); i++)
		words = document_string(sentence, keys[i]);
	return words;
}

void view_add_sentences(const struct view *view, struct text *out, const char *bullet,
			const json_t *sentences)
{
	const json_t *sentence;
	size_t i;

	json_array_foreach(sentences, i, sentence)
	{
		if (sentence_of(sentence))
			view_add_bulleted(view, out, bullet, sentence_of(sentence));
	}
}

void view_add_trouble(const struct view *view, struct text *out, const char *words,
		      const char *remedy)
{
	view_add(view, out, TINT_BAD, "!");
	text_add(out, " ");
	add_wrapped(view, out, words, 2);
	view_add_try(view, out, 2, remedy);
}
