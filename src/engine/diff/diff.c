/* moult diff: packages, configuration and files that differ between two generations. */
#include <string.h>
#include "differing.h"
#include "text.h"
#include "verb.h"

/* --- which two ------------------------------------------------------------------------------------ */

/* Removed ones are told from those that never were. */
static bool is_retired(const struct machine *machine, const char *which)
{
	unsigned long long id;

	return text_to_u64(which, &id) && id <= machine->listing.layout.last_id &&
	       !listing_find(&machine->listing, (unsigned)id);
}

static bool find_one(const struct machine *machine, const char *which,
		     const struct generation **ret, struct err *err)
{
	if (is_retired(machine, which)) {
		err_set(err, ERR_REFUSED, 0,
			"generation %s is no more: it was removed, or never "
			"finished",
			which);
		return err_try(err, "moult list");
	}
	*ret = listing_select(&machine->listing, which, err);
	return *ret != NULL;
}

/* What rollback would go back to; in a session of another generation it is current itself. */
static bool find_previous(const struct machine *machine, const struct generation *current,
			  const struct generation **ret, struct err *err)
{
	*ret = listing_select(&machine->listing, NULL, err);
	if (*ret != current)
		return *ret != NULL;
	return find_one(machine, "running", ret, err);
}

static bool find_ends(const struct machine *machine, const struct verb_request *request,
		      struct tree_end ends[2], struct err *err)
{
	const struct generation *a = NULL, *b = NULL;

	if (!find_one(machine, request->against ? request->against : "current", &b, err))
		return false;
	if (!(request->which ? find_one(machine, request->which, &a, err)
			     : find_previous(machine, b, &a, err)))
		return false;
	ends[0] = (struct tree_end){a, request->base};
	ends[1] = (struct tree_end){b, request->base};
	/* one with itself: what its owner changed since it was built */
	if (a == b)
		ends[0].built = true;
	return true;
}

static bool check_built(const struct tree_end ends[2], struct err *err)
{
	for (size_t i = 0; i < 2; i++) {
		auto_free char *path = tree_path(&ends[i]);

		if (!path)
			return err_set(err, ERR_REFUSED, 0,
				       "generation %u was not built: it is the system as it was "
				       "before moult",
				       ends[i].generation->id);
	}
	if (ends[0].generation != ends[1].generation || !ends[1].built)
		return true;
	return err_set(err, ERR_USAGE, 0, "--base compares two generations, not one with itself");
}

/* --- the document --------------------------------------------------------------------------------- */

static json_t *end_json(const struct tree_end *end)
{
	json_t *object = json_object();

	json_object_set_new(object, "id", json_integer(end->generation->id));
	json_put_string(object, "name", end->generation->name);
	json_put_string(object, "state", gen_state_name(end->generation->state));
	json_object_set_new(object, "built", json_boolean(end->built));
	return object;
}

static void add_note(json_t *document, const char *note)
{
	json_t *notes = json_object_get(document, "notes");

	if (!notes) {
		notes = json_array();
		json_object_set_new(document, "notes", notes);
	}
	json_array_append_new(notes, json_text(note));
}

static bool add_trees(struct machine *machine, const struct tree_end ends[2],
		      const struct verb_request *request, json_t *document, struct err *err)
{
	auto_tree_changes struct tree_changes changes = {0};

	if (!trees_compare(machine, ends, &changes, err))
		return false;
	if (request->config)
		json_object_set_new(document, "config",
				    differing_files(&changes, DIFFERING_CONFIG));
	if (request->files)
		json_object_set_new(document, "files", differing_files(&changes, DIFFERING_FILES));
	if (changes.slow)
		add_note(document,
			 "every file was looked at: one of the two was not built by moult");
	add_note(document, "data (/home, /var, /srv ...) is the same in all generations");
	return true;
}

static bool add_parts(struct machine *machine, const struct tree_end ends[2],
		      const struct verb_request *request, json_t *document, struct err *err)
{
	json_t *part = NULL;

	if (request->file) {
		if (!differing_file(machine, ends, request->file, &part, err))
			return false;
		json_object_set_new(document, "file", part);
		return true;
	}
	if (request->packages) {
		if (!differing_packages(machine, ends, &part, err))
			return false;
		json_object_set_new(document, "packages", part);
	}
	return (!request->config && !request->files) ||
	       add_trees(machine, ends, request, document, err);
}

bool verb_diff(struct machine *machine, const struct verb_request *request, json_t **ret,
	       struct err *err)
{
	struct verb_request wanted = *request;
	auto_json json_t *document = json_object();
	struct tree_end ends[2];

	if (!verb_require_adopted(machine, err) || !find_ends(machine, request, ends, err) ||
	    !check_built(ends, err))
		return false;
	if (!wanted.packages && !wanted.config && !wanted.files)
		wanted.packages = wanted.config = wanted.files = true;
	json_object_set_new(document, "format_version", json_integer(1));
	json_object_set_new(document, "from", end_json(&ends[0]));
	json_object_set_new(document, "to", end_json(&ends[1]));
	if (!add_parts(machine, ends, &wanted, document, err))
		return false;
	*ret = take(document);
	return true;
}
