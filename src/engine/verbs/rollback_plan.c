#include "rollback_plan.h"
#include "changes.h"
#include "dpkg.h"
#include "publish.h"
#include "report.h"
#include "territory.h"
#include "verb.h"

/* Package state lies in the root of a generation, and still in /var of the adopted original. */
static bool read_packages(struct host *host, const struct generation *gen, struct packages *ret,
			  struct err *err)
{
	static const char *const places[] = {SYSIMAGE "/dpkg/status", "var/lib/dpkg/status"};
	auto_host_bytes struct host_bytes bytes = {0};
	char root[GENERATION_PATH_MAX];
	int r = -ENOENT;

	generation_root(gen, root);
	for (size_t i = 0; i < COUNT(places) && r == -ENOENT; i++)
		r = host->ops->root_read(host, root, places[i], DPKG_STATUS_MAX_BYTES, &bytes);
	if (r < 0)
		return err_set(err, ERR_SYSTEM, -r,
			       "cannot read what is installed in generation %u", gen->id);
	return packages_parse("dpkg's status", bytes.bytes, bytes.length, ret, err);
}

static bool add_packages(struct machine *machine, const struct generation *from,
			 const struct generation *to, json_t *document, struct err *err)
{
	auto_package_changes struct package_changes changes = {0};
	auto_packages struct packages now = {0}, then = {0};

	if (!read_packages(machine->host, from, &now, err) ||
	    !read_packages(machine->host, to, &then, err))
		return false;
	packages_compare(&now, &then, &changes);
	json_object_set_new(document, "packages", package_changes_json(&changes));
	return true;
}

json_t *plan_data_names(void)
{
	json_t *array = json_array();

	for (size_t i = 0; i < data_path_count; i++) {
		auto_free char *name = xasprintf("/%s", data_paths[i].path);

		json_array_append_new(array, json_text(name));
	}
	return array;
}

bool plan_rollback(struct machine *machine, const char *which, json_t **ret, struct err *err)
{
	const struct generation *current = listing_current(&machine->listing);
	auto_json json_t *document = json_object();
	auto_plan struct plan plan = {0};
	const struct generation *gen;
	const struct publication *pub;

	if (!verb_require_adopted(machine, err) ||
	    !(gen = listing_select(&machine->listing, which, err)))
		return false;
	pub = generation_last_publication(gen);
	if (!pub || !current || current->damage) {
		err_set(err, ERR_REFUSED, 0, "generation %u was never in the menu", gen->id);
		return err_try(err, "moult list");
	}
	if (!publish_plan_current(machine, gen->id, pub->serial, &plan, err) ||
	    !add_packages(machine, current, gen, document, err))
		return false;
	json_object_set_new(document, "format_version", json_integer(1));
	json_put_string(document, "verb", "rollback");
	json_object_set_new(document, "from", json_integer(current->id));
	json_object_set_new(document, "to", json_integer(gen->id));
	json_object_set_new(document, "steps", plan_json(&plan));
	json_object_set_new(document, "config", json_array());
	json_object_set_new(document, "not_rolled_back", plan_data_names());
	json_object_set_new(document, "space", report_space(machine));
	*ret = take(document);
	return true;
}
