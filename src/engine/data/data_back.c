#include "data_back.h"
#include <errno.h>
#include <string.h>
#include "data_keep.h"
#include "recover_data.h"
#include "stamp.h"
#include "territory.h"

void data_backs_done(struct data_backs *backs)
{
	for (size_t i = 0; i < backs->count; i++) {
		free(backs->all[i].mount_point);
		free(backs->all[i].subvolume);
		free(backs->all[i].kept);
		free(backs->all[i].aside);
		free(backs->all[i].nested);
	}
	free(backs->all);
	*backs = (struct data_backs){0};
}

/* --- what there is ------------------------------------------------------------------------------- */

static bool has_run(const struct generation *gen)
{
	for (size_t i = 0; i < gen->publication_count; i++)
		if (gen->publications[i].attempt_count > 0)
			return true;
	return false;
}

/* The oldest: what each newer one met is what those before it had made of it already. */
static bool find_kept(struct machine *machine, unsigned to, const struct data_place *place,
		      struct data_back *ret)
{
	const struct listing *listing = &machine->listing;

	for (size_t i = 0; i < listing->count; i++) {
		const struct generation *gen = &listing->generations[i];

		if (gen->id <= to)
			continue;
		ret->kept = data_kept(listing, gen->id, place->name);
		if (ret->kept) {
			ret->before = gen->id;
			ret->when = data_kept_when(machine, gen->id);
			return true;
		}
		if (!gen->damage && has_run(gen) && ret->unkept == 0)
			ret->unkept = gen->id;
	}
	return false;
}

/* One that somebody filled: empty ones appear by themselves (/var/lib/portables). */
static char *find_nested(struct machine *machine, const char *subvolume)
{
	struct host *host = machine->host;
	auto_free char *prefix = xasprintf("%s/", subvolume);

	for (size_t i = 0; i < machine->listing.subvolume_count; i++) {
		const char *path = machine->listing.subvolumes[i];
		auto_host_names struct host_names names = {0};

		if (text_starts(path, prefix) &&
		    (host->ops->list(host, VOLUME_POOL, path, &names) < 0 || names.count > 0))
			return xstrdup(path);
	}
	return NULL;
}

static bool refuse_word(const struct data_places *places, const char *word, struct err *err)
{
	auto_text struct text names = {0};

	for (size_t i = 0; i < places->count; i++)
		text_addf(&names, "%s%s", i ? ", " : "", places->all[i].mount_point);
	err_set(err, ERR_USAGE, 0, "%s is no data of this system%s%s", text_quote(word),
		names.length ? ", which has " : "", names.length ? names.bytes : "");
	return err_try(err, "sudo moult rollback --data var");
}

static bool find_one(struct machine *machine, unsigned to, const struct data_place *place,
		     struct data_backs *backs, struct err *err)
{
	struct data_back *back;

	for (size_t i = 0; i < backs->count; i++)
		if (strcmp(backs->all[i].subvolume, place->subvolume) == 0)
			return true;
	back = array_add(backs->all, backs->count);
	back->mount_point = xstrdup(place->mount_point);
	back->subvolume = xstrdup(place->subvolume);
	if (!listing_has_subvolume(&machine->listing, place->subvolume)) {
		err_set(err, ERR_REFUSED, 0, "this disk has no data subvolume %s",
			text_quote(place->subvolume));
		return err_try(err, "sudo moult check");
	}
	if (!find_kept(machine, to, place, back)) {
		err_set(err, ERR_REFUSED, 0,
			"%s is not kept as it was before a generation newer than %u first ran: "
			"such snapshots are made at a generation's first boot, and kept for a "
			"while",
			place->mount_point, to);
		return err_try(err, "sudo moult rollback %u", to);
	}
	back->aside = recover_data_aside(machine, place->subvolume);
	back->nested = find_nested(machine, place->subvolume);
	return true;
}

bool data_backs_find(struct machine *machine, const struct generation *to,
		     const struct verb_request *request, struct data_backs *ret, struct err *err)
{
	auto_data_places struct data_places places = {0};
	char root[GENERATION_PATH_MAX];

	if (!request->data)
		return true;
	if (to->id == 0) {
		err_set(err, ERR_REFUSED, 0, "generation 0, the original, has data of its own");
		return err_try(err, "sudo moult rollback 0");
	}
	if (!data_places_read(machine, generation_root(to, root), &places, err))
		return false;
	for (const char *const *word = request->data; *word; word++) {
		const struct data_place *place = data_places_find(&places, *word);

		if (!place)
			return refuse_word(&places, *word, err);
		if (!find_one(machine, to->id, place, ret, err))
			return false;
	}
	return true;
}

bool data_backs_accepted(const struct data_backs *backs, const struct verb_request *request,
			 struct err *err)
{
	for (size_t i = 0; i < backs->count; i++) {
		const struct data_back *back = &backs->all[i];

		if (!back->nested || verb_accepts(request, "NESTED_DATA"))
			continue;
		err_set(err, ERR_NEEDS_ACK, 0,
			"the subvolume %s is no part of a snapshot of %s: after the reboot it is "
			"not there any more, but in %s, with what is kept aside",
			text_quote(back->nested), back->mount_point, back->aside);
		return err_try(err, "sudo moult rollback ... --accept NESTED_DATA");
	}
	return true;
}

/* --- doing it ------------------------------------------------------------------------------------ */

static char *back_name(const struct data_back *back)
{
	return xasprintf("%s" DATA_BACK_SUFFIX, back->subvolume);
}

static void plan_snapshots(const struct data_backs *backs, struct plan *plan)
{
	for (size_t i = 0; i < backs->count; i++) {
		auto_free char *name = back_name(&backs->all[i]);

		plan_snapshot(plan, backs->all[i].kept, name, false)->why =
			"the data as it was before";
	}
}

static void plan_exchanges(const struct data_backs *backs, struct plan *plan)
{
	for (size_t i = 0; i < backs->count; i++) {
		auto_free char *name = back_name(&backs->all[i]);

		plan_exchange(plan, name, backs->all[i].subvolume)->why =
			"what runs goes on in the present one until the reboot";
	}
	for (size_t i = 0; i < backs->count; i++) {
		auto_free char *name = back_name(&backs->all[i]);

		plan_rename(plan, VOLUME_POOL, name, backs->all[i].aside)->why =
			"the present one is kept aside";
	}
	plan_at(plan, STEP_SYNC, VOLUME_POOL, "");
}

void data_backs_plan(const struct data_backs *backs, struct plan *plan)
{
	if (backs->count == 0)
		return;
	plan_snapshots(backs, plan);
	plan_exchanges(backs, plan);
}

static void note_transids(struct machine *machine, struct data_backs *backs)
{
	for (size_t i = 0; i < backs->count; i++) {
		auto_free char *name = back_name(&backs->all[i]);
		auto_host_subvolume struct host_subvolume subvolume = {0};

		if (machine->host->ops->subvolume(machine->host, name, &subvolume) == 0)
			backs->all[i].transid = subvolume.transid;
	}
}

bool data_backs_run(struct operation *operation, struct data_backs *backs, struct err *err)
{
	auto_plan struct plan snapshots = {0}, exchanges = {0};

	if (backs->count == 0)
		return true;
	plan_snapshots(backs, &snapshots);
	if (operation_run(operation, &snapshots, err)) {
		note_transids(operation->machine, backs);
		plan_exchanges(backs, &exchanges);
		if (operation_run(operation, &exchanges, err))
			return true;
	}
	data_backs_undo(operation, backs);
	return false;
}

/* What was put back for a moment goes, unless somebody mounted it in that moment and wrote to it. */
static void drop(struct operation *operation, const struct data_back *back, const char *path)
{
	struct host *host = operation->machine->host;
	auto_host_subvolume struct host_subvolume subvolume = {0};

	if (host->ops->subvolume(host, path, &subvolume) == 0 &&
	    (back->transid == 0 || subvolume.transid == back->transid) &&
	    host->ops->delete_subvolume(host, path) == 0)
		return;
	operation_note(operation, "%s, as it was put back for a moment, is kept as %s",
		       back->mount_point, path);
}

/* The snapshot has the higher number: where it has the name of the data, the two were exchanged. */
static void undo_one(struct operation *operation, const struct data_back *back)
{
	struct machine *machine = operation->machine;
	struct host *host = machine->host;
	auto_free char *name = back_name(back);
	const char *other =
		listing_has_subvolume(&machine->listing, back->aside) ? back->aside : name;

	if (!listing_has_subvolume(&machine->listing, other))
		return;
	if (recover_data_is_put_back(machine, back->subvolume, other) &&
	    host->ops->exchange(host, VOLUME_POOL, other, back->subvolume) < 0)
		operation_note(operation, "%s is as it was before; what it was until now is in %s",
			       back->mount_point, other);
	else
		drop(operation, back, other);
}

void data_backs_undo(struct operation *operation, const struct data_backs *backs)
{
	struct machine *machine = operation->machine;
	struct err unused = {0};

	if (backs->count == 0 || !machine_refresh(machine, &unused))
		return;
	for (size_t i = 0; i < backs->count; i++)
		undo_one(operation, &backs->all[i]);
	machine->host->ops->sync(machine->host, VOLUME_POOL);
}

/* --- saying it ----------------------------------------------------------------------------------- */

json_t *data_backs_notes(const struct data_backs *backs)
{
	json_t *notes = json_array();

	for (size_t i = 0; i < backs->count; i++) {
		const struct data_back *back = &backs->all[i];
		char stamp[STAMP_MAX];
		auto_free char *sentence = xasprintf(
			"%s goes back to what it was at %s, before generation %u first ran; what "
			"it is now, with all that is written to it until the reboot, is kept in "
			"the subvolume %s",
			back->mount_point, stamp_text(back->when, stamp), back->before,
			back->aside);

		json_array_append_new(notes, json_text(sentence));
		if (back->unkept > 0) {
			auto_free char *older = xasprintf(
				"generation %u ran before that, and %s is not kept any more as it "
				"was before: what that one made of it stays",
				back->unkept, back->mount_point);

			json_array_append_new(notes, json_text(older));
		}
	}
	return notes;
}

json_t *data_backs_json(const struct data_backs *backs)
{
	json_t *array = json_array();

	for (size_t i = 0; i < backs->count; i++) {
		const struct data_back *back = &backs->all[i];
		json_t *object = json_object();

		json_put_string(object, "name", back->mount_point);
		json_put_string(object, "subvolume", back->subvolume);
		json_object_set_new(object, "before", json_integer(back->before));
		json_object_set_new(object, "since", stamp_json(back->when));
		json_put_string(object, "kept_as", back->aside);
		json_array_append_new(array, object);
	}
	return array;
}
