#include <string.h>
#include "late.h"

#define PATHS_MAX 100

static json_t *paths_json(const struct late_edits *edits, enum late_verdict verdict)
{
	json_t *array = json_array();

	for (size_t i = 0; i < edits->count && json_array_size(array) < PATHS_MAX; i++) {
		auto_free char *path = xasprintf("/%s", edits->all[i].path);

		if (edits->all[i].verdict == verdict)
			json_array_append_new(array, json_text(path));
	}
	return array;
}

static void add_conflicts(const struct late_watch *watch, const struct late_edits *edits,
			  json_t *conflicts)
{
	for (size_t i = 0; i < edits->count && json_array_size(conflicts) < PATHS_MAX; i++) {
		struct late_edits one = {.all = &edits->all[i], .count = 1};
		auto_free char *sentence = late_contradiction(watch, &one);

		if (sentence)
			json_array_append_new(conflicts, json_text(sentence));
	}
}

/* A reader reports what it can: what it cannot look at is not there, rather than the whole report. */
json_t *late_json(struct machine *machine, json_t *conflicts, char **ret_stale_why)
{
	struct host *host = machine->host;
	int64_t began_usec = host->ops->clock(host, HOST_CLOCK_MONOTONIC_USEC);
	auto_late_edits struct late_edits edits = {0};
	struct late_watch watch;
	struct err unused = {0};
	json_t *object;

	*ret_stale_why = NULL;
	if (!late_watch(machine, &watch) || watch.runs ||
	    !late_stale_why(machine, &watch, &edits, ret_stale_why, &unused))
		return json_null();
	add_conflicts(&watch, &edits, conflicts);
	object = json_object();
	json_object_set_new(object, "generation", json_integer(watch.pending->id));
	json_object_set_new(object, "edits",
			    json_integer((json_int_t)late_count(&edits, LATE_CARRY)));
	json_object_set_new(object, "paths", paths_json(&edits, LATE_CARRY));
	json_object_set_new(
		object, "looked_usec",
		json_integer(host->ops->clock(host, HOST_CLOCK_MONOTONIC_USEC) - began_usec));
	json_object_set_new(object, "left", paths_json(&edits, LATE_LEFT));
	return object;
}
