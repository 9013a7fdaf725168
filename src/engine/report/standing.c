#include "standing.h"
#include "memory.h"
#include "stamp.h"

bool standing_read(struct machine *machine, json_t **ret, struct err *err)
{
	return memory_read(machine->host, STANDING_PATH, ret, err);
}

bool standing_write(struct machine *machine, json_t *standing, struct err *err)
{
	auto_json json_t *before = NULL;
	struct err unused = {0};

	if (standing_read(machine, &before, &unused)) {
		json_object_del(before, "format_version");
		json_object_del(before, "min_reader");
		json_object_del(standing, "format_version");
		json_object_del(standing, "min_reader");
		if (json_equal(before, standing))
			return true;
	}
	return memory_write(machine->host, STANDING_PATH, standing, err);
}

json_t *standing_part(json_t *standing, const char *name)
{
	json_t *part = json_object_get(standing, name);

	if (json_is_object(part))
		return part;
	part = json_object();
	json_object_set_new(standing, name, part);
	return part;
}

/* --- for status --------------------------------------------------------------------------------- */

static json_t *time_of(const json_t *object, const char *key)
{
	return stamp_json(json_integer_value(json_object_get(object, key)));
}

/* Waits that are what they should be; the document may be anybody's. */
static json_t *waits_of(const json_t *part)
{
	json_t *waits = json_object_get(part, "waits");

	return json_is_array(waits) ? json_deep_copy(waits) : json_array();
}

static json_t *upgrade_part(struct machine *machine, json_t *standing)
{
	json_t *part = json_object();

	json_object_set_new(part, "automatic", json_boolean(machine->policy.automatic));
	json_put_string(part, "window", machine->policy.upgrade_window);
	json_object_set_new(part, "last", time_of(standing, "last"));
	json_object_set_new(part, "waits", waits_of(json_object_get(standing, "upgrade")));
	return part;
}

static json_t *reboot_part(struct machine *machine, json_t *standing)
{
	const json_t *kept = json_object_get(standing, "reboot");
	const char *window = json_string_value(json_object_get(kept, "window"));
	json_t *part = json_object();

	json_put_string(part, "policy", window ? "asked" : machine->policy.reboot_policy);
	json_put_string(part, "window", window ? window : machine->policy.reboot_window);
	json_object_set_new(part, "postponed_until", time_of(kept, "postponed_until"));
	json_object_set_new(part, "waits", waits_of(kept));
	return part;
}

/* The same object with its time as a stamp; null where there is none. */
static json_t *dated_part(json_t *standing, const char *name)
{
	json_t *part = json_object_get(standing, name);
	json_t *copy;

	if (!json_is_object(part))
		return json_null();
	copy = json_deep_copy(part);
	json_object_set_new(copy, "when", time_of(part, "when"));
	return copy;
}

/* What was said of another boot says nothing about this one. */
static json_t *health_part(struct machine *machine, json_t *standing)
{
	const json_t *part = json_object_get(standing, "health");
	const char *boot_id = json_string_value(json_object_get(part, "boot_id"));

	return text_equal(boot_id, machine->listing.running.boot_id)
		       ? dated_part(standing, "health")
		       : json_null();
}

json_t *standing_report(struct machine *machine)
{
	auto_json json_t *standing = NULL;
	json_t *report = json_object();
	struct err unused = {0};

	if (!standing_read(machine, &standing, &unused))
		standing = json_object();
	json_object_set_new(report, "upgrade", upgrade_part(machine, standing));
	json_object_set_new(report, "reboot", reboot_part(machine, standing));
	json_object_set_new(report, "available", dated_part(standing, "available"));
	json_object_set_new(report, "check", dated_part(standing, "check"));
	json_object_set_new(report, "health", health_part(machine, standing));
	return report;
}
