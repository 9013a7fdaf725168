#include "answer.h"
#include "report.h"

char *answer_next_text(const struct machine *machine)
{
	const struct menu_entry *next = menu_next(&machine->menu);

	if (!next)
		return xstrdup("unknown");
	return xasprintf("generation %u%s", next->generation, next->counted ? " on trial" : "");
}

static json_t *answer(const struct machine *machine, const char *verb, const char *outcome,
		      const char *sentence)
{
	json_t *document = json_object();

	json_object_set_new(document, "format_version", json_integer(1));
	json_put_string(document, "verb", verb);
	json_put_string(document, "outcome", outcome);
	json_put_string(document, "sentence", sentence);
	json_object_set_new(document, "next", report_next(machine));
	return document;
}

bool answer_done(struct operation *operation, const char *sentence, json_t **ret, struct err *err)
{
	struct machine *machine = operation->machine;

	if (!machine_refresh(machine, err))
		return false;
	*ret = answer(machine, operation->verb, "done", sentence);
	json_object_set(*ret, "steps", operation->steps);
	json_object_set(*ret, "notes", operation->notes);
	return true;
}

json_t *answer_nothing(const struct machine *machine, const char *verb, const char *sentence)
{
	return answer(machine, verb, "nothing", sentence);
}

json_t *answer_planned(const struct machine *machine, const char *verb, const struct plan *plan)
{
	json_t *document = answer(machine, verb, "planned", "nothing was changed");

	json_object_set_new(document, "steps", plan_json(plan));
	return document;
}
