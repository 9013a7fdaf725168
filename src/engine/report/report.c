#include "report.h"
#include "journal.h"
#include "late.h"
#include "proposal.h"
#include "stamp.h"
#include "standing.h"

/*
 * Current runs, on a line that says it is tried. Once it was blessed it is current, whatever the
 * command line of this boot says; what a good generation proposes is blessed by another serial.
 */
static bool tries_proposal(const struct machine *machine, const struct generation *current)
{
	const struct running *running = &machine->listing.running;
	const struct publication *pub = generation_find_publication(current, running->serial);
	const struct menu_entry *truth = machine->has_boot ? menu_truth(&machine->menu) : NULL;

	if (!running->trial || current->state != GEN_GOOD || (pub && pub->kind != PUB_TRIAL))
		return false;
	return truth && truth->generation == current->id && truth->serial < running->serial;
}

/* Picked in the menu: current, as it booted before its kernel or command line was changed. */
static bool runs_former(const struct running *running, const struct generation *current)
{
	const struct publication *pub = generation_find_publication(current, running->serial);

	return pub && pub->kind == PUB_OLD;
}

static const char *session_of_current(const struct machine *machine,
				      const struct generation *current)
{
	if (tries_proposal(machine, current))
		return "trial";
	return runs_former(&machine->listing.running, current) ? "temporary" : "normal";
}

const char *report_session(const struct machine *machine)
{
	const struct running *running = &machine->listing.running;
	const struct generation *current = listing_current(&machine->listing);

	if (!running->live)
		return "offline";
	if (running->volatile_session)
		return "volatile";
	if (running->booted < 0)
		return "foreign";
	/* adopted while it ran, and not booted since: it is generation 1 already */
	if (running->booted == 1 && !running->trial && listing_adopting(&machine->listing))
		return "adopting";
	if (current && (int)current->id == running->booted)
		return session_of_current(machine, current);
	return running->trial ? "trial" : "temporary";
}

static json_t *attempts_json(const struct publication *pub, json_t *array)
{
	for (size_t i = 0; i < pub->attempt_count; i++) {
		const struct attempt *attempt = &pub->attempts[i];
		json_t *object = json_object();

		json_put_string(object, "boot_id", attempt->boot_id);
		json_object_set_new(object, "when", stamp_json(attempt->when));
		json_put_string(object, "outcome", outcome_name(attempt->outcome));
		json_put_string(object, "reason", attempt->reason);
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *publications_json(const struct generation *gen)
{
	json_t *array = json_array();

	for (size_t i = 0; i < gen->publication_count; i++) {
		const struct publication *pub = &gen->publications[i];
		json_t *object = json_object();

		json_object_set_new(object, "serial", json_integer((json_int_t)pub->serial));
		json_put_string(object, "kind", pub_kind_name(pub->kind));
		json_put_string(object, "kernel", pub->kernel);
		json_put_string(object, "options", pub->options);
		json_object_set_new(object, "failed", json_boolean(pub->failed));
		json_put_string(object, "reason", pub->reason);
		json_object_set_new(object, "attempts", attempts_json(pub, json_array()));
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *all_attempts(const struct generation *gen)
{
	json_t *array = json_array();

	for (size_t i = 0; i < gen->publication_count; i++)
		attempts_json(&gen->publications[i], array);
	return array;
}

static void put_marks(json_t *object, const struct machine *machine, const struct generation *gen)
{
	const struct generation *current = listing_current(&machine->listing);
	const struct menu_entry *next = machine->has_boot ? menu_next(&machine->menu) : NULL;

	json_object_set_new(object, "booted",
			    json_boolean(machine->listing.running.live &&
					 machine->listing.running.booted == (int)gen->id));
	json_object_set_new(object, "current", json_boolean(current && current->id == gen->id));
	json_object_set_new(object, "next", json_boolean(next && next->generation == gen->id));
}

json_t *report_generation(struct machine *machine, const struct generation *gen)
{
	const struct publication *pub = generation_last_publication(gen);
	json_t *object = json_object();

	json_object_set_new(object, "id", json_integer(gen->id));
	if (gen->damage) {
		json_put_string(object, "state", "damaged");
		json_put_string(object, "reason", gen->damage);
		put_marks(object, machine, gen);
		return object;
	}
	json_put_string(object, "state", gen_state_name(gen->state));
	json_object_set_new(object, "parent",
			    gen->parent >= 0 ? json_integer(gen->parent) : json_null());
	json_put_string(object, "source", gen->source);
	json_put_string(object, "what", gen->what);
	json_put_string(object, "name", gen->name);
	json_object_set_new(object, "pinned", json_boolean(gen->pinned));
	json_object_set_new(object, "created", stamp_json(gen->created));
	json_put_string(object, "kernel", pub ? pub->kernel : NULL);
	json_object_set_new(object, "sealed", json_false());
	json_object_set_new(object, "serial",
			    pub ? json_integer((json_int_t)pub->serial) : json_null());
	json_object_set_new(object, "stale", json_boolean(gen->stale));
	json_put_string(object, "stale_why", gen->stale_why);
	json_object_set_new(object, "waiting", json_boolean(gen->waiting));
	json_put_string(object, "reason", gen->reason);
	json_put_string(object, "package_digest", gen->package_digest);
	json_object_set_new(object, "publications", publications_json(gen));
	json_object_set_new(object, "attempts", all_attempts(gen));
	json_object_set_new(object, "size_exclusive", json_null());
	put_marks(object, machine, gen);
	return object;
}

json_t *report_list(struct machine *machine)
{
	json_t *document = json_object();
	json_t *generations = json_array();

	for (size_t i = 0; i < machine->listing.count; i++)
		json_array_append_new(generations,
				      report_generation(machine, &machine->listing.generations[i]));
	json_object_set_new(document, "format_version", json_integer(1));
	json_object_set_new(document, "generations", generations);
	return document;
}

/* Its root and all subvolumes in its directory; the paths are borrowed. */
static size_t own_subvolumes(const struct listing *listing, const char *root, unsigned id,
			     const char ***ret)
{
	auto_free char *prefix = xasprintf("@gens/%u/", id);
	const char **paths = NULL;
	size_t count = 0;

	*array_add(paths, count) = root;
	for (size_t i = 0; i < listing->subvolume_count; i++)
		if (text_starts(listing->subvolumes[i], prefix) &&
		    !text_equal(listing->subvolumes[i], root))
			*array_add(paths, count) = listing->subvolumes[i];
	*ret = paths;
	return count;
}

bool report_size(struct machine *machine, const struct generation *gen, uint64_t *ret_bytes,
		 struct err *err)
{
	auto_free const char **paths = NULL;
	char root[GENERATION_PATH_MAX];
	size_t count;
	int r;

	*ret_bytes = 0;
	if (gen->damage)
		return true;
	count = own_subvolumes(&machine->listing, generation_root(gen, root), gen->id, &paths);
	r = machine->host->ops->exclusive_bytes(machine->host, paths, count, ret_bytes);
	return r < 0 ? err_set(err, ERR_SYSTEM, -r, "cannot measure generation %u", gen->id) : true;
}

bool report_add_sizes(struct machine *machine, json_t *list, struct err *err)
{
	json_t *array = json_object_get(list, "generations");
	uint64_t bytes;

	for (size_t i = 0; i < machine->listing.count; i++) {
		const struct generation *gen = &machine->listing.generations[i];

		if (!report_size(machine, gen, &bytes, err))
			return false;
		if (!gen->damage)
			json_object_set_new(json_array_get(array, i), "size_exclusive",
					    json_integer((json_int_t)bytes));
	}
	return true;
}

json_t *report_space(struct machine *machine)
{
	struct host *host = machine->host;
	struct host_space space;
	json_t *object = json_object();

	if (host->ops->space(host, VOLUME_POOL, &space) == 0) {
		json_object_set_new(object, "data_free",
				    json_integer((json_int_t)space.free_bytes));
		json_object_set_new(object, "metadata_free",
				    json_integer((json_int_t)space.metadata_free_bytes));
	}
	if (machine->has_boot && host->ops->space(host, VOLUME_BOOT, &space) == 0)
		json_object_set_new(object, "esp_free", json_integer((json_int_t)space.free_bytes));
	return object;
}

static json_t *booted_json(const struct machine *machine)
{
	const struct running *running = &machine->listing.running;
	json_t *object;

	if (!running->live || running->booted < 0)
		return json_null();
	object = json_object();
	json_object_set_new(object, "id", json_integer(running->booted));
	json_object_set_new(object, "serial", json_integer((json_int_t)running->serial));
	return object;
}

static json_t *current_json(const struct machine *machine)
{
	const struct generation *current = listing_current(&machine->listing);
	json_t *object;

	if (!current)
		return json_null();
	object = json_object();
	json_object_set_new(object, "id", json_integer(current->id));
	return object;
}

static json_t *pending_json(const struct machine *machine, const char *stale_why)
{
	const struct generation *pending = listing_pending(&machine->listing);
	json_t *object;

	if (!pending)
		return json_null();
	object = json_object();
	json_object_set_new(object, "id", json_integer(pending->id));
	json_object_set_new(object, "state", json_string(gen_state_name(pending->state)));
	if (pending->stale)
		stale_why = pending->stale_why;
	json_object_set_new(object, "stale", json_boolean(pending->stale || stale_why));
	json_put_string(object, "why", stale_why ? stale_why : pending->what);
	json_put_string(object, "remedy",
			pending->stale || stale_why ? late_remedy(pending) : NULL);
	json_object_set_new(object, "waiting", json_boolean(pending->waiting));
	return object;
}

/* What the current generation tries, or tried in vain since it was last made current. */
static json_t *proposal_json(const struct machine *machine)
{
	const struct generation *current = listing_current(&machine->listing);
	const struct publication *pub = current ? generation_proposed(current) : NULL;
	json_t *object;

	if (current && !pub)
		pub = generation_refused(current);
	if (!pub)
		return json_null();
	object = json_object();
	json_object_set_new(object, "id", json_integer(current->id));
	json_object_set_new(object, "serial", json_integer((json_int_t)pub->serial));
	json_put_string(object, "what", generation_novelty(current, pub));
	json_put_string(object, "kernel", pub->kernel);
	json_put_string(object, "options", pub->options);
	json_object_set_new(object, "failed", json_boolean(pub->failed));
	json_put_string(object, "reason", pub->reason);
	return object;
}

/* Takes the first outcome that it is shown; *userdata is a document. */
static bool note_outcome(void *userdata, json_t *record)
{
	const char *event = json_string_value(json_object_get(record, "event"));
	bool done = text_equal(event, "done");
	json_t **ret = userdata;

	if (!done && !text_equal(event, "failed"))
		return true;
	*ret = json_object();
	json_object_set(*ret, "verb", json_object_get(record, "verb"));
	json_put_string(*ret, "outcome", event);
	json_object_set(*ret, "when", json_object_get(record, "when"));
	json_object_set_new(*ret, "code", json_integer(done ? 0 : 1));
	if (json_object_get(record, "why"))
		json_object_set(*ret, "why", json_object_get(record, "why"));
	return false;
}

/* How the last operation ended, from the journal; null when there was none. */
static json_t *last_json(struct machine *machine)
{
	struct err unused = {0};
	json_t *last = NULL;

	journal_walk(machine->host,
		     &(struct journal_reader){
			     .on_record = note_outcome, .userdata = &last, .trusting = true},
		     &unused);
	return last ? last : json_null();
}

/* Caller frees. */
static char *next_why(const struct machine *machine, const struct menu_entry *next)
{
	const struct generation *current = listing_current(&machine->listing);
	bool is_current = current && current->id == next->generation;
	const struct publication *proposed = is_current ? generation_proposed(current) : NULL;

	if (next->counted && proposed)
		return xasprintf("its new %s is on trial", generation_novelty(current, proposed));
	if (next->counted)
		return xstrdup("it is on trial");
	return xstrdup(is_current ? "it is current" : "it is the loader's default");
}

static const char *no_next_why(const struct machine *machine)
{
	if (!machine->has_boot)
		return "the boot volume was not found";
	return menu_rival(&machine->menu) ? "the entry of another system stands first in the menu"
					  : "no entry of moult is in the menu";
}

json_t *report_next(const struct machine *machine)
{
	const struct menu_entry *next = machine->has_boot ? menu_next(&machine->menu) : NULL;
	auto_free char *why = next ? next_why(machine, next) : NULL;
	json_t *object = json_object();

	if (!next) {
		json_object_set_new(object, "id", json_null());
		json_put_string(object, "why", no_next_why(machine));
		return object;
	}
	json_object_set_new(object, "id", json_integer(next->generation));
	json_object_set_new(object, "serial", json_integer((json_int_t)next->serial));
	json_object_set_new(object, "trial", json_boolean(next->counted));
	json_put_string(object, "why", why);
	return object;
}

json_t *report_status(struct machine *machine)
{
	auto_json json_t *list = report_list(machine);
	json_t *document = json_object(), *conflicts = json_array();
	auto_free char *stale_why = NULL;
	json_t *edits = late_json(machine, conflicts, &stale_why);

	json_object_set_new(document, "format_version", json_integer(1));
	json_object_set_new(document, "adopted", json_boolean(machine->listing.adopted));
	json_object_set_new(document, "booted", booted_json(machine));
	json_object_set_new(document, "current", current_json(machine));
	json_object_set_new(document, "next", report_next(machine));
	json_object_set_new(document, "pending", pending_json(machine, stale_why));
	json_object_set_new(document, "late", edits);
	json_object_set_new(document, "proposal", proposal_json(machine));
	json_object_set(document, "generations", json_object_get(list, "generations"));
	json_put_string(document, "loader", machine->loader->name);
	json_object_set_new(document, "sealed", json_false());
	json_put_string(document, "session", report_session(machine));
	json_object_set_new(document, "conflicts", conflicts);
	json_object_set_new(document, "last", last_json(machine));
	json_object_set_new(document, "space", report_space(machine));
	if (machine->listing.adopted)
		json_object_set_new(document, "unattended", standing_report(machine));
	return document;
}
