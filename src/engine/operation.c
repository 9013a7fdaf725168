#include "operation.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include "journal.h"
#include "messages.h"
#include "notices.h"
#include "reserve.h"
#include "run.h"
#include "stamp.h"

static json_t *record_of(const struct operation *operation, const char *event)
{
	struct host *host = operation->machine->host;
	json_t *record = json_object();

	json_put_string(record, "operation", operation->id);
	json_put_string(record, "verb", operation->verb);
	json_put_string(record, "event", event);
	if (operation->generation >= 0)
		json_object_set_new(record, "generation", json_integer(operation->generation));
	json_object_set_new(record, "when",
			    stamp_json(host->ops->clock(host, HOST_CLOCK_REAL_SEC)));
	return record;
}

static void write_record(struct operation *operation, json_t *record)
{
	struct err unused = {0};

	journal_append(operation->machine->host, record, &unused);
	json_decref(record);
}

bool operation_lock(struct operation *operation, struct machine *machine, const char *verb,
		    struct err *err)
{
	struct host *host = machine->host;
	int64_t now = host->ops->clock(host, HOST_CLOCK_REAL_SEC);
	auto_free char *holder = NULL, *other = NULL;
	char stamp[STAMP_MAX];
	int r;

	*operation = (struct operation){
		.machine = machine, .verb = verb, .making = -1, .generation = -1};
	operation->steps = json_array();
	operation->notes = json_array();
	snprintf(operation->id, sizeof(operation->id), "%lld-%s", (long long)now, verb);
	holder = xasprintf("'moult %s' since %s", verb, stamp_text(now, stamp));
	r = host->ops->lock(host, holder, &other);
	if (r == -EBUSY) {
		err_set(err, ERR_BUSY, 0, "moult is busy: %s holds the lock",
			other && *other ? other : "another moult");
		return err_try(err, "moult status");
	}
	if (r < 0)
		return err_set(err, ERR_SYSTEM, -r, "cannot take moult's lock");
	operation->locked = true;
	return true;
}

bool operation_read(struct operation *operation, struct err *err)
{
	struct machine *machine = operation->machine;
	const struct menu_entry *next;

	if (!machine_refresh(machine, err))
		return false;
	next = machine->has_boot ? menu_next(&machine->menu) : NULL;
	operation->next_serial = next ? next->serial : 0;
	return true;
}

bool operation_begin(struct operation *operation, struct machine *machine, const char *verb,
		     struct err *err)
{
	return operation_lock(operation, machine, verb, err) && operation_read(operation, err);
}

json_t *plan_json(const struct plan *plan)
{
	json_t *array = json_array();

	for (size_t i = 0; i < plan->count; i++) {
		const struct step *step = &plan->steps[i];
		json_t *object = json_object();
		bool work = step->kind == STEP_WORK;

		json_put_string(object, "name", work ? step->text : step_kind_name(step->kind));
		json_put_string(object, "volume", step->volume == VOLUME_BOOT ? "boot" : "pool");
		json_put_string(object, "object", step->path);
		if (step->from)
			json_put_string(object, "from", step->from);
		if (step->why)
			json_put_string(object, "why", step->why);
		if (step->commit)
			json_object_set_new(object, "commit", json_true());
		json_array_append_new(array, object);
	}
	return array;
}

/* The journal is for people: one that cannot be written (pool full) must not stop a rollback. */
static void write_plan(struct operation *operation, const struct plan *plan)
{
	json_t *record = record_of(operation, "plan");
	json_t *steps = plan_json(plan);

	json_array_extend(operation->steps, steps);
	json_object_set_new(record, "steps", steps);
	operation->journalled = true;
	write_record(operation, record);
}

static bool run_work(struct operation *operation, const struct step *step, struct err *err)
{
	for (const struct work *work = operation->works; work && work->name; work++)
		if (strcmp(work->name, step->text) == 0)
			return work->run(operation, err);
	return err_set(err, ERR_SYSTEM, ENOSYS, "no such work: %s", step->text);
}

/* An entry must find room on a full boot volume; a kernel need not. */
static bool run_small(struct host *host, const struct step *step, struct err *err)
{
	if (run_step(host, step, err))
		return true;
	if (step->volume != VOLUME_BOOT || step->kind == STEP_PUT_BLOB || err->errnum != ENOSPC ||
	    !reserve_give_up(host))
		return false;
	*err = (struct err){0};
	return run_step(host, step, err);
}

static bool run_one(struct operation *operation, const struct step *step, size_t i, struct err *err)
{
	struct host *host = operation->machine->host;
	json_t *record;

	if (!operation->committed && host->ops->interrupted(host))
		return err_set(err, ERR_INTERRUPTED, 0,
			       "interrupted; the machine is as it was before");
	if (step->kind == STEP_WORK ? !run_work(operation, step, err)
				    : !run_small(host, step, err)) {
		if (!step->may_fail)
			return false;
		operation_note(operation, "%s; 'moult repair' completes it", err->text);
		*err = (struct err){0};
		return true;
	}
	operation->committed = operation->committed || step->commit;
	/* reading changes nothing, so it leaves no line */
	if (step->kind == STEP_READ_BACK || step->kind == STEP_SYNC)
		return true;
	record = record_of(operation, "step");
	json_object_set_new(record, "step", json_integer((json_int_t)i));
	write_record(operation, record);
	return true;
}

bool operation_run(struct operation *operation, const struct plan *plan, struct err *err)
{
	if (plan->count == 0)
		return true;
	write_plan(operation, plan);
	for (size_t i = 0; i < plan->count; i++)
		if (!run_one(operation, &plan->steps[i], i, err))
			return false;
	return true;
}

void operation_note(struct operation *operation, const char *format, ...)
{
	struct progress *progress = operation->machine->progress;
	auto_free char *sentence = NULL;
	va_list args;

	va_start(args, format);
	sentence = xvasprintf(format, args);
	va_end(args);
	json_array_append_new(operation->notes, json_text(sentence));
	progress->note(progress, sentence);
}

bool operation_forgive(struct operation *operation, const char *what, struct err *err)
{
	if (err->kind == ERR_INTERRUPTED)
		return false;
	operation_note(operation, "%s: %s", what, err->text);
	*err = (struct err){0};
	return true;
}

void operation_end(struct operation *operation, const struct err *err)
{
	struct host *host = operation->machine->host;

	if (operation->locked && (operation->journalled || err)) {
		auto_free char *sentence =
			err ? xasprintf("moult %s failed: %s", operation->verb, err->text)
			    : xasprintf("moult %s: done", operation->verb);
		json_t *record = record_of(operation, err ? "failed" : "done");
		struct host_message message = {
			.text = sentence,
			.verb = operation->verb,
			.generation = operation->generation,
		};

		if (err)
			json_put_string(record, "why", err->text);
		write_record(operation, record);
		message_log(host, err ? MESSAGE_FAILED : MESSAGE_DONE, &message);
	}
	if (operation->locked) {
		/* after the record, which status.json repeats; before anybody else can change it */
		notices_publish(operation);
		host->ops->unlock(host);
	}
	json_decref(operation->steps);
	json_decref(operation->notes);
	operation->steps = operation->notes = NULL;
	operation->locked = false;
}
