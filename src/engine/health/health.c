#include "health.h"
#include <string.h>
#include "health_check.h"
#include "memory.h"
#include "stamp.h"
#include "verbs.h"

/* --- asking ------------------------------------------------------------------------------------- */

static bool ask_all(struct health *health, struct verdicts *verdicts)
{
	bool healthy = true;

	health->round++;
	for (size_t i = 0; i < verdicts->count; i++) {
		struct verdict *verdict = &verdicts->list[i];

		/* what is only wanted is asked once */
		if (!verdict->passed && (verdict->required || !verdict->why))
			verdict_ask(health, verdict);
		healthy = healthy && (verdict->passed || !verdict->required);
	}
	return healthy;
}

static int64_t now_usec(const struct health *health)
{
	struct host *host = health->machine->host;

	return host->ops->clock(host, HOST_CLOCK_MONOTONIC_USEC);
}

/* False with no error: something required still fails after the patience is at its end. */
static bool ask_patiently(struct health *health, struct verdicts *verdicts, bool *ret_healthy,
			  struct err *err)
{
	struct host *host = health->machine->host;
	int64_t end = now_usec(health) + HEALTH_PATIENCE_SEC * INT64_C(1000000);

	for (;;) {
		int r;

		*ret_healthy = ask_all(health, verdicts);
		if (*ret_healthy || now_usec(health) >= end)
			return true;
		r = host->ops->sleep(host, HEALTH_PAUSE_SEC * 1000);
		if (r == -EINTR)
			return err_set(err, ERR_INTERRUPTED, 0,
				       "interrupted before there was a verdict");
		if (r < 0)
			return true;
	}
}

/* --- telling ------------------------------------------------------------------------------------ */

static json_t *document_of(const struct verdicts *verdicts)
{
	json_t *document = json_object();
	json_t *checks = json_array();

	for (size_t i = 0; i < verdicts->count; i++) {
		const struct verdict *verdict = &verdicts->list[i];
		json_t *check = json_object();

		json_put_string(check, "name", verdict->name);
		json_object_set_new(check, "required", json_boolean(verdict->required));
		json_object_set_new(check, "passed", json_boolean(verdict->passed));
		json_put_string(check, "why", verdict->why);
		json_array_append_new(checks, check);
	}
	json_object_set_new(document, "format_version", json_integer(1));
	json_object_set_new(document, "healthy", json_true());
	json_object_set_new(document, "checks", checks);
	return document;
}

static void note_wanted(struct machine *machine, const struct verdicts *verdicts)
{
	for (size_t i = 0; i < verdicts->count; i++)
		if (!verdicts->list[i].required && !verdicts->list[i].passed)
			machine->progress->note(machine->progress, verdicts->list[i].why);
}

/* Whoever gives this boot up is another process, and says it to whoever looks after the reboot. */
static void remember_failure(struct machine *machine, const char *why)
{
	auto_json json_t *document = json_object();
	struct err unused = {0};

	if (!machine->listing.running.trial)
		return;
	json_put_string(document, "boot_id", machine->listing.running.boot_id);
	json_put_string(document, "why", why);
	memory_write(machine->host, HEALTH_FAILURE, document, &unused);
}

char *health_failure(struct machine *machine)
{
	const char *boot_id = machine->listing.running.boot_id;
	auto_json json_t *document = NULL;
	struct err unused = {0};

	if (!boot_id || !memory_read(machine->host, HEALTH_FAILURE, &document, &unused) ||
	    !text_equal(json_string_value(json_object_get(document, "boot_id")), boot_id))
		return NULL;
	return xstrdup_or_null(json_string_value(json_object_get(document, "why")));
}

static bool refuse(struct machine *machine, const struct verb_request *request,
		   const struct verdicts *verdicts, struct err *err)
{
	auto_text struct text why = {0};
	const struct verdict *first = NULL;

	for (size_t i = 0; i < verdicts->count; i++) {
		const struct verdict *verdict = &verdicts->list[i];

		if (!verdict->required || verdict->passed)
			continue;
		text_addf(&why, "%s%s", why.length > 0 ? "; " : "", verdict->why);
		first = first ? first : verdict;
	}
	if (!request->dry_run)
		remember_failure(machine, why.bytes);
	err_set(err, ERR_REFUSED, 0, "generation %d is not healthy: %s",
		machine->listing.running.booted, why.bytes ? why.bytes : "no reason was given");
	if (first && first->program)
		return err_try(err, "sudo %s check", first->program);
	return err_try(err, "%s", first && first->remedy ? first->remedy : "moult status");
}

bool verb_health(struct machine *machine, const struct verb_request *request, json_t **ret,
		 struct err *err)
{
	auto_health struct health health = {0};
	auto_verdicts struct verdicts verdicts = {0};
	bool healthy;

	*ret = NULL;
	if (!health_open(&health, machine, err) || !verdicts_list(&health, &verdicts, err) ||
	    !ask_patiently(&health, &verdicts, &healthy, err))
		return false;
	note_wanted(machine, &verdicts);
	if (!healthy)
		return refuse(machine, request, &verdicts, err);
	*ret = document_of(&verdicts);
	return true;
}

/* --- remembering -------------------------------------------------------------------------------- */

static json_t *strings_json(const struct host_strings *strings)
{
	json_t *array = json_array();

	for (size_t i = 0; i < strings->count; i++)
		json_array_append_new(array, json_text(strings->strings[i]));
	return array;
}

bool health_remember(struct machine *machine, struct err *err)
{
	struct host *host = machine->host;
	auto_host_strings struct host_strings failed = {0}, routes = {0};
	auto_host_network struct host_network network = {0};
	auto_json json_t *document = json_object();
	bool synchronised = false;
	int r = host->ops->failed_units(host, &failed);

	if (r == 0)
		r = host->ops->default_routes(host, &routes);
	if (r == 0)
		r = host->ops->network(host, &network);
	if (r == 0)
		r = host->ops->clock_synchronised(host, &synchronised);
	if (r < 0)
		return err_set(err, ERR_SYSTEM, -r, "cannot tell how the system that runs is");
	json_object_set_new(document, "generation", json_integer(machine->listing.running.booted));
	json_put_string(document, "boot_id", machine->listing.running.boot_id);
	json_object_set_new(document, "when",
			    stamp_json(host->ops->clock(host, HOST_CLOCK_REAL_SEC)));
	json_object_set_new(document, "failed_units", strings_json(&failed));
	json_object_set_new(document, "default_routes", strings_json(&routes));
	json_object_set_new(document, "remote", strings_json(&network.remote));
	json_object_set_new(document, "gateways", strings_json(&network.gateways));
	json_object_set_new(document, "name_servers", strings_json(&network.name_servers));
	json_object_set_new(document, "clock_synchronised", json_boolean(synchronised));
	return memory_write(host, HEALTH_MEMORY, document, err);
}
