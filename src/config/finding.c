#include "finding.h"
#include "text.h"

void findings_add(struct findings *findings, struct finding finding)
{
	*array_add(findings->all, findings->count) = finding;
}

size_t findings_count(const struct findings *findings, enum finding_level level)
{
	size_t count = 0;

	for (size_t i = 0; i < findings->count; i++)
		count += findings->all[i].level == level;
	return count;
}

const char *finding_level_name(enum finding_level level)
{
	static const char *const names[FINDING_LEVEL_COUNT] = {
		[FINDING_NOTE] = "note",
		[FINDING_WARN] = "warn",
		[FINDING_REFUSE] = "error",
	};

	return names[level];
}

json_t *findings_json(const struct findings *findings)
{
	json_t *array = json_array();

	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->all[i];
		json_t *object = json_object();

		json_put_string(object, "code", finding->code);
		json_put_string(object, "level", finding_level_name(finding->level));
		json_put_string(object, "object", finding->object);
		json_put_string(object, "why", finding->why);
		json_put_string(object, "remedy", finding->remedy);
		json_array_append_new(array, object);
	}
	return array;
}

void findings_done(struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		free(findings->all[i].object);
		free(findings->all[i].why);
		free(findings->all[i].remedy);
	}
	free(findings->all);
	*findings = (struct findings){0};
}
