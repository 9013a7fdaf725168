#include "findings.h"
#include <string.h>
#include "text.h"

struct finding *findings_make(struct findings *findings, enum finding_level level, const char *code,
			      const char *object)
{
	for (size_t i = 0; i < findings->count; i++) {
		struct finding *finding = &findings->all[i];

		if (text_equal(finding->code, code) && text_equal(finding->object, object))
			return finding;
	}
	findings_add(findings, (struct finding){.code = code,
						.level = level,
						.object = xstrdup(object),
						.why = xstrdup(object)});
	return &findings->all[findings->count - 1];
}

static void set_text(char **text, const char *format, va_list args)
{
	char *now = xvasprintf(format, args); /* it may quote the one before */

	free(*text);
	*text = now;
}

void finding_why(struct finding *finding, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set_text(&finding->why, format, args);
	va_end(args);
}

void finding_remedy(struct finding *finding, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set_text(&finding->remedy, format, args);
	va_end(args);
}

const struct finding *findings_find(const struct findings *findings, const char *code)
{
	for (size_t i = 0; i < findings->count; i++)
		if (text_equal(findings->all[i].code, code))
			return &findings->all[i];
	return NULL;
}

#define MORE "; and %zu more, which 'moult check' lists"

/* What fits, in whole sentences; the rest is counted. */
static char *join(const struct findings *findings, size_t max_bytes)
{
	auto_text struct text joined = {0};
	size_t left_out = 0;

	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->all[i];

		if (finding->level != FINDING_ERROR)
			continue;
		if (joined.length > 0 &&
		    joined.length + strlen(finding->why) + sizeof(MORE) + 20 > max_bytes)
			left_out++;
		else
			text_addf(&joined, "%s%s", joined.length > 0 ? "; " : "", finding->why);
	}
	if (left_out > 0)
		text_addf(&joined, MORE, left_out);
	return text_take(&joined);
}

static const char *first_remedy(const struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++)
		if (findings->all[i].level == FINDING_ERROR && findings->all[i].remedy)
			return findings->all[i].remedy;
	return NULL;
}

bool findings_refuse(const struct findings *findings, const char *doing, struct err *err)
{
	auto_free char *start = doing ? xasprintf("%s: ", doing) : xstrdup("");
	const char *remedy = first_remedy(findings);
	auto_free char *joined = NULL;

	if (findings_count(findings, FINDING_ERROR) == 0)
		return true;
	joined = join(findings, sizeof(err->text) - strlen(start));
	err_set(err, ERR_REFUSED, 0, "%s%s", start, joined);
	return remedy ? err_try(err, "%s", remedy) : false;
}
