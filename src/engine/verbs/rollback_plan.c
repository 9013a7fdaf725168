#include "rollback_plan.h"
#include <errno.h>
#include "changes.h"
#include "differing.h"
#include "late.h"
#include "publish.h"
#include "report.h"
#include "rollback_base.h"
#include "territory.h"
#include "verb.h"

/* Whose daemons may have made of the data what the older ones cannot read. */
static void add_daemons(struct machine *machine, const struct generation *from,
			const json_t *packages, json_t *document)
{
	char root[GENERATION_PATH_MAX];
	auto_free char *daemons = data_daemons(machine, generation_root(from, root), packages);
	auto_free char *sentence =
		daemons ? xasprintf("services of packages that change back: %s", daemons) : NULL;

	if (sentence)
		json_array_append_new(json_object_get(document, "notes"), json_text(sentence));
}

/* Packages and configuration that change back, from what is current. */
static bool add_differing(struct machine *machine, const struct generation *from,
			  const struct generation *to, json_t *document, struct err *err)
{
	const struct tree_end ends[2] = {{.generation = from}, {.generation = to}};
	auto_tree_changes struct tree_changes changes = {0};
	json_t *packages = NULL;

	if (!differing_packages(machine, ends, &packages, err))
		return false;
	json_object_set_new(document, "packages", packages);
	if (!trees_compare(machine, ends, &changes, err))
		return false;
	json_object_set_new(document, "config", differing_findings(&changes, ends));
	add_daemons(machine, from, packages, document);
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

/* --- what it comes to ---------------------------------------------------------------------------- */

static bool find_untried(const struct generation *gen, struct rollback *ret, struct err *err)
{
	if (gen->publication_count == 0) {
		err_set(err, ERR_REFUSED, 0, "generation %u was never offered to the loader",
			gen->id);
		return err_try(err, "sudo moult upgrade --replace");
	}
	*ret = (struct rollback){
		.way = ROLLBACK_TRIAL,
		.to = gen,
		.from = &gen->publications[gen->publication_count - 1],
		.needs = gen->state == GEN_BAD ? "BAD_GENERATION"
			 : gen->stale	       ? "STALE_GENERATION"
					       : NULL,
	};
	return true;
}

bool rollback_to_good(const struct generation *gen, struct rollback *ret, struct err *err)
{
	*ret = (struct rollback){
		.way = ROLLBACK_CURRENT,
		.to = gen,
		.from = generation_last_publication(gen),
		/* it mounts no data subvolume: to its user all that was written since is gone */
		.needs = gen->id == 0 ? "ORIGINAL_DATA" : NULL,
	};
	if (ret->from)
		return true;
	err_set(err, ERR_CORRUPT, 0, "generation %u does not say which kernel it boots", gen->id);
	return err_try(err, "sudo moult repair");
}

static bool boots_already(const struct machine *machine, const struct generation *gen)
{
	const struct menu_entry *next = menu_next(&machine->menu);

	return gen == listing_current(&machine->listing) && next && next->generation == gen->id &&
	       !next->counted;
}

bool rollback_find(struct machine *machine, const struct verb_request *request,
		   struct rollback *ret, struct err *err)
{
	const struct generation *gen = listing_select(&machine->listing, request->which, err);

	if (!gen)
		return false;
	if (listing_undone(&machine->listing)) {
		err_set(err, ERR_REFUSED, 0, "the adoption was undone: the original boots");
		return err_try(err, "sudo moult init");
	}
	if (gen->id == 0 && listing_adopting(&machine->listing)) {
		err_set(err, ERR_REFUSED, 0,
			"the original has not been left for good yet, and what runs wrote more "
			"since it was copied");
		return err_try(err, "sudo moult init --undo");
	}
	*ret = (struct rollback){.way = ROLLBACK_BASE, .to = gen};
	if (request->base)
		return true;
	if (gen->state != GEN_GOOD)
		return find_untried(gen, ret, err);
	ret->way = ROLLBACK_NOTHING;
	return boots_already(machine, gen) || rollback_to_good(gen, ret, err);
}

#define SOME_DATA "/home, /root, /srv, /var, /usr/local and other data"
#define ORIGINAL_DATA_WORDS                                                                        \
	"generation 0 is the system as it was before moult: it has " SOME_DATA                     \
	" as they were at the adoption, and what was written since stays in the data subvolumes, " \
	"which it does not see"

bool rollback_accepted(const struct rollback *rollback, const struct verb_request *request,
		       struct err *err)
{
	const struct generation *gen = rollback->to;
	auto_free char *id = xasprintf(" %u", gen->id);
	bool keep = text_equal(request->verb, "keep");

	if (!rollback->needs || verb_accepts(request, rollback->needs))
		return true;
	if (gen->stale)
		err_set(err, ERR_NEEDS_ACK, 0,
			"generation %u is stale, and would boot as it is: %s", gen->id,
			gen->stale_why ? gen->stale_why : "");
	else if (gen->state == GEN_BAD)
		err_set(err, ERR_NEEDS_ACK, 0, "generation %u is bad: %s", gen->id,
			gen->reason ? gen->reason : "it failed its trial");
	else
		err_set(err, ERR_NEEDS_ACK, 0, ORIGINAL_DATA_WORDS);
	return err_try(err, "sudo moult %s%s%s --accept %s", keep ? "keep" : "rollback",
		       keep ? "" : id, request->dry_run ? " -n" : "", rollback->needs);
}

static bool can_be_picked(const struct machine *machine, const struct generation *gen)
{
	for (size_t i = 0; i < machine->menu.count; i++) {
		const struct menu_entry *entry = &machine->menu.entries[i];

		if (entry->generation == gen->id && entry->enabled && entry->whole &&
		    !entry->kernel_missing)
			return true;
	}
	return false;
}

bool rollback_writable(struct machine *machine, const struct rollback *rollback, struct err *err)
{
	bool picked = can_be_picked(machine, rollback->to);

	if (rollback->way == ROLLBACK_NOTHING || !machine->has_boot ||
	    machine->host->ops->writable(machine->host, VOLUME_BOOT) != -EROFS)
		return true;
	if (!picked) {
		err_set(err, ERR_REFUSED, 0,
			"the EFI system partition on %s is read-only, and which generation boots "
			"is said there",
			machine->identity.boot_where);
		return err_try(err, "sudo moult check");
	}
	err_set(err, ERR_REFUSED, 0,
		"the EFI system partition on %s is read-only, and which generation boots is said "
		"there; the boot menu starts generation %u all the same, for one session",
		machine->identity.boot_where, rollback->to->id);
	return err_try(err, "sudo systemctl reboot --boot-loader-menu=60");
}

bool rollback_steps(struct machine *machine, const struct rollback *rollback, struct plan *plan,
		    struct err *err)
{
	switch (rollback->way) {
	case ROLLBACK_NOTHING:
		break;
	case ROLLBACK_CURRENT:
		return publish_plan_current(machine, rollback->to->id, rollback->from->serial, plan,
					    err);
	case ROLLBACK_TRIAL:
		plan_work(plan, "put kernel and initrd on the boot volume", "moult/");
		plan_work(plan, "offer it on trial", "loader/entries/")->commit = true;
		break;
	case ROLLBACK_BASE:
		return rollback_base_plan(machine, rollback->to, plan, err);
	}
	return true;
}

char *rollback_note(const struct machine *machine, const struct rollback *rollback)
{
	const struct generation *gen = rollback->to;

	if (rollback->way == ROLLBACK_NOTHING)
		return xasprintf("generation %u is current already", gen->id);
	if (rollback->way == ROLLBACK_TRIAL)
		return xasprintf("generation %u is not known to be good, so it is tried first: it "
				 "becomes current if it comes up and is found healthy",
				 gen->id);
	if (rollback->way == ROLLBACK_CURRENT && gen->id == 0)
		return xasprintf(ORIGINAL_DATA_WORDS
				 ". Copy what you need, once it runs: sudo mount -o subvolid=5 "
				 "UUID=%s /mnt; sudo cp -a --reflink=auto /mnt/@home/... /home/...",
				 machine->identity.pool_uuid);
	return xstrdup(SOME_DATA " stay as they are");
}

/* --- the plan ------------------------------------------------------------------------------------ */

static bool find_for_plan(struct machine *machine, const char *which, struct rollback *ret,
			  struct err *err)
{
	const struct verb_request request = {.verb = "rollback", .which = which};
	const struct generation *current;

	if (!verb_require_adopted(machine, err) || !rollback_find(machine, &request, ret, err))
		return false;
	current = listing_current(&machine->listing);
	if (current && !current->damage)
		return true;
	err_set(err, ERR_CORRUPT, 0, "the current generation cannot be read%s%s",
		current ? ": " : "", current ? current->damage : "");
	return err_try(err, "sudo moult check");
}

bool rollback_data(struct machine *machine, const struct rollback *rollback,
		   const struct verb_request *request, struct data_backs *ret, struct err *err)
{
	if (!request->data || rollback->way != ROLLBACK_TRIAL)
		return data_backs_find(machine, rollback->to, request, ret, err) &&
		       data_backs_accepted(ret, request, err);
	err_set(err, ERR_REFUSED, 0,
		"generation %u is tried first, and the data stays for what runs now: it can be put "
		"back once that one is good",
		rollback->to->id);
	return err_try(err, "sudo moult rollback %u", rollback->to->id);
}

static json_t *staying_data(const struct data_backs *backs)
{
	json_t *names = plan_data_names();

	for (size_t i = json_array_size(names); i > 0; i--)
		for (size_t k = 0; k < backs->count; k++)
			if (text_equal(json_string_value(json_array_get(names, i - 1)),
				       backs->all[k].mount_point))
				json_array_remove(names, i - 1);
	return names;
}

/* Data stays whatever is booted, but for the original: that has its own. */
static void add_data(const struct machine *machine, const struct rollback *rollback,
		     const struct data_backs *backs, json_t *document)
{
	json_t *notes = json_object_get(document, "notes");
	auto_json json_t *more = data_backs_notes(backs);
	bool shared = rollback->to->id != 0;

	json_object_set_new(document, "not_rolled_back",
			    shared ? staying_data(backs) : json_array());
	if (backs->count > 0)
		json_object_set_new(document, "data", data_backs_json(backs));
	json_array_extend(notes, more);
	if (rollback->way != ROLLBACK_CURRENT || !shared) {
		auto_free char *note = rollback_note(machine, rollback);

		json_array_append_new(notes, json_text(note));
	}
	if (rollback->needs)
		json_object_set_new(document, "accept", json_pack("[s]", rollback->needs));
}

/* What its owner edited in the one that is left. */
static void add_edits(struct machine *machine, const struct generation *from,
		      const struct generation *to, json_t *document)
{
	auto_host_strings struct host_strings edits = {0};
	json_t *array = json_array();

	late_edited_in(machine, from, to, &edits);
	for (size_t i = 0; i < edits.count; i++)
		json_array_append_new(array, json_text(edits.strings[i]));
	json_object_set_new(document, "edits", array);
}

bool plan_rollback(struct machine *machine, const struct verb_request *request, json_t **ret,
		   struct err *err)
{
	const struct generation *current;
	auto_json json_t *document = json_pack("{s:i, s:[]}", "format_version", 1, "notes");
	auto_data_backs struct data_backs backs = {0};
	auto_plan struct plan plan = {0};
	struct rollback rollback;

	if (!find_for_plan(machine, request->name, &rollback, err) ||
	    !rollback_data(machine, &rollback, request, &backs, err))
		return false;
	current = listing_current(&machine->listing);
	data_backs_plan(&backs, &plan);
	if (!rollback_steps(machine, &rollback, &plan, err) ||
	    !add_differing(machine, current, rollback.to, document, err))
		return false;
	json_put_string(document, "verb", "rollback");
	json_object_set_new(document, "from", json_integer(current->id));
	json_object_set_new(document, "to", json_integer(rollback.to->id));
	json_object_set_new(document, "steps", plan_json(&plan));
	json_object_set_new(document, "space", report_space(machine));
	add_data(machine, &rollback, &backs, document);
	add_edits(machine, current, rollback.to, document);
	*ret = take(document);
	return true;
}
