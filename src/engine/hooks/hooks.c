#include "hooks.h"
#include <errno.h>
#include <string.h>
#include "fingerprint.h"
#include "hook_mounts.h"
#include "hook_run.h"
#include "memory.h"

#define FAILED_PATH "@moult/hooks-failed.json"

/* --- staged ------------------------------------------------------------------------------------- */

/* What it said is in the log of the copy, which is discarded with its number. */
static bool refuse(const struct hook_job *job, const char *failure, struct err *err)
{
	err_set(err, ERR_REFUSED, 0, "the hook %s %s", text_quote(job->hook->name), failure);
	return err_try(err, "sudo moult log %u", job->to);
}

/* Everything that the hook may write, as it is now. */
static bool take_fingerprint(const struct hook_job *job, struct digest *ret, struct err *err)
{
	struct digest_stream *stream = digest_start(DIGEST_SHA256);
	auto_host_strings struct host_strings places = {0};
	int r = 0;

	hook_mounts_places(job, &places);
	for (size_t i = 0; r == 0 && i < places.count; i++) {
		struct digest digest;

		r = fingerprint_tree(job->machine->host, places.strings[i], &digest);
		/* nothing was written to this data yet */
		if (r == -ENOENT) {
			digest = (struct digest){0};
			r = 0;
		}
		digest_feed(stream, digest.hex, sizeof(digest.hex));
	}
	digest_finish(stream, ret);
	if (r < 0)
		return err_set(err, ERR_SYSTEM, -r, "cannot read what the hook %s wrote",
			       text_quote(job->hook->name));
	return true;
}

static bool run_once(const struct hook_job *job, struct err *err)
{
	auto_hook_record struct hook_record record = {0};

	if (!hook_run_staged(job, &record, err))
		return false;
	return record.failure ? refuse(job, record.failure, err) : true;
}

static bool run_again(const struct hook_job *job, struct err *err)
{
	struct digest before, after;

	if (!take_fingerprint(job, &before, err) || !run_once(job, err) ||
	    !take_fingerprint(job, &after, err))
		return false;
	if (strcmp(before.hex, after.hex) == 0)
		return true;
	err_set(err, ERR_REFUSED, 0,
		"the hook %s changes something each time it runs; run a second time it must find "
		"nothing to do",
		text_quote(job->hook->name));
	return err_try(err, "sudoedit /" HOOKS_DIRECTORY "/%s", job->hook->name);
}

static bool read_known(struct host *host, int from, json_t **ret, struct err *err)
{
	auto_free char *path = NULL;

	*ret = json_object();
	if (from < 0)
		return true;
	json_decref(*ret);
	path = xasprintf("@gens/%d/hooks.json", from);
	return memory_read(host, path, ret, err);
}

static bool is_known(const json_t *known, const struct hook *hook)
{
	return text_equal(
		json_string_value(json_object_get(json_object_get(known, "hooks"), hook->name)),
		hook->digest.hex);
}

static bool write_known(struct host *host, const char *making, const struct hooks *hooks,
			struct err *err)
{
	auto_free char *path = xasprintf("%s/hooks.json", making);
	auto_json json_t *document = json_object();
	json_t *list = json_object();

	for (size_t i = 0; i < hooks->count; i++)
		json_put_string(list, hooks->list[i].name, hooks->list[i].digest.hex);
	json_object_set_new(document, "hooks", list);
	return memory_write(host, path, document, err);
}

bool hooks_staged(struct machine *machine, const struct hooks_copy *copy, struct err *err)
{
	auto_free char *root = xasprintf("%s/root", copy->making);
	auto_hooks struct hooks hooks = {0};
	auto_json json_t *known = NULL;

	if (!hooks_read(machine->host, root, HOOK_STAGED, &hooks, err))
		return false;
	if (hooks.count == 0)
		return true;
	if (!read_known(machine->host, copy->from, &known, err))
		return false;
	machine->progress->phase(machine->progress, "hooks", "running the owner's hooks");
	for (size_t i = 0; i < hooks.count; i++) {
		const struct hook_job job = {.machine = machine,
					     .hook = &hooks.list[i],
					     .phase = HOOK_STAGED,
					     .making = copy->making,
					     .data = copy->data,
					     .data_count = copy->data_count,
					     .from = copy->from,
					     .to = copy->to};

		if (!run_once(&job, err))
			return false;
		if (!is_known(known, job.hook) && !run_again(&job, err))
			return false;
	}
	return write_known(machine->host, copy->making, &hooks, err);
}

/* --- live --------------------------------------------------------------------------------------- */

static const char *boot_id(const struct machine *machine)
{
	const char *id = machine->listing.running.boot_id;

	return id ? id : "";
}

/* What failed earlier in this very boot; of another boot nothing is kept. Caller owns. */
static bool read_failures(struct machine *machine, json_t **ret, struct err *err)
{
	auto_json json_t *document = NULL;
	json_t *failures;

	if (!memory_read(machine->host, FAILED_PATH, &document, err))
		return false;
	failures = json_object_get(document, "failures");
	if (json_is_array(failures) &&
	    text_equal(json_string_value(json_object_get(document, "boot_id")), boot_id(machine)))
		*ret = json_incref(failures);
	else
		*ret = json_array();
	return true;
}

static void add_failure(json_t *failures, const struct hook *hook, const struct hook_record *record)
{
	json_t *failure = json_object();

	json_put_string(failure, "hook", hook->name);
	json_put_string(failure, "phase", hook_phase_name(record->phase));
	json_put_string(failure, "why", record->failure);
	json_array_append_new(failures, failure);
}

static bool write_failures(struct machine *machine, json_t *failures, struct err *err)
{
	auto_json json_t *document = json_object();

	json_put_string(document, "boot_id", boot_id(machine));
	json_object_set(document, "failures", failures);
	return memory_write(machine->host, FAILED_PATH, document, err);
}

bool hooks_live(struct machine *machine, enum hook_phase phase, struct err *err)
{
	const struct generation *gen = NULL;
	auto_hooks struct hooks hooks = {0};
	auto_json json_t *failures = NULL;
	char root[GENERATION_PATH_MAX];
	size_t before;

	if (machine->listing.running.booted >= 0)
		gen = listing_find(&machine->listing, (unsigned)machine->listing.running.booted);
	if (!gen || gen->damage || machine->listing.running.volatile_session)
		return true;
	if (!hooks_read(machine->host, generation_root(gen, root), phase, &hooks, err) ||
	    !read_failures(machine, &failures, err))
		return false;
	before = json_array_size(failures);
	for (size_t i = 0; i < hooks.count; i++) {
		const struct hook_job job = {.machine = machine,
					     .hook = &hooks.list[i],
					     .phase = phase,
					     .from = gen->parent,
					     .to = gen->id};
		auto_hook_record struct hook_record record = {0};

		if (!hook_run_live(&job, &record, err))
			return false;
		if (record.failure)
			add_failure(failures, &hooks.list[i], &record);
	}
	return json_array_size(failures) == before || write_failures(machine, failures, err);
}

char *hooks_failed(struct machine *machine)
{
	auto_json json_t *failures = NULL;
	auto_text struct text text = {0};
	struct err unused = {0};

	if (!read_failures(machine, &failures, &unused))
		return NULL;
	for (size_t i = 0; i < json_array_size(failures); i++) {
		const json_t *failure = json_array_get(failures, i);
		const char *hook = json_string_value(json_object_get(failure, "hook"));
		const char *why = json_string_value(json_object_get(failure, "why"));

		text_addf(&text, "%sthe hook %s %s", i > 0 ? "; " : "",
			  text_quote(hook ? hook : "?"), why ? why : "failed");
	}
	return text.length > 0 ? text_take(&text) : NULL;
}

bool hooks_lint(struct machine *machine, const char *root, struct err *err)
{
	auto_hooks struct hooks hooks = {0};

	return hooks_read(machine->host, root,
			  HOOK_STAGED | HOOK_PUBLISHED | HOOK_FIRST_BOOT | HOOK_RETURNED, &hooks,
			  err);
}
