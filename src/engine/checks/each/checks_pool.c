/* The generations, their numbers, what the default subvolume names, and how full the pool is. */
#include <string.h>
#include "changes.h"
#include "checking.h"
#include "journal.h"
#include "undo_plan.h"

void check_adopted(struct checking *checking)
{
	const struct listing *listing = &checking->machine->listing;
	struct finding *finding;

	/* an adoption that was cut off goes on: init itself knows one that is complete */
	if (checking->context == CHECK_INIT)
		return;
	if (listing_undone(listing) && checking->machine->has_boot &&
	    !undo_is_complete(checking->machine)) {
		finding = checking_add(checking, FINDING_ERROR, "UNDO_UNFINISHED", GENS_DIRECTORY);
		finding_why(finding, "'init --undo' was interrupted: the loader does not boot the "
				     "original by default yet");
		finding_remedy(finding, "sudo moult repair");
	} else if (listing_undone(listing)) {
		finding = checking_add(checking,
				       checking_level(checking, CHECK_UPGRADE, FINDING_NOTE),
				       "ADOPTION_UNDONE", GENS_DIRECTORY);
		finding_why(finding, "the adoption was undone: the loader boots the original, "
				     "whatever moult makes");
		finding_remedy(finding, "sudo moult init");
	} else if (listing->adopted && listing->count == 0) {
		finding = checking_add(checking, FINDING_ERROR, "ADOPTION_UNFINISHED",
				       GENS_DIRECTORY);
		finding_why(finding, "the adoption was interrupted before there was a generation");
		finding_remedy(finding, "sudo moult init");
	} else if (!listing->adopted) {
		finding = checking_add(checking, FINDING_ERROR, "NOT_ADOPTED", GENS_DIRECTORY);
		finding_why(finding, "this system is not looked after by moult yet");
		finding_remedy(finding, "sudo moult init --dry-run");
	}
}

/* --- settings ----------------------------------------------------------------------------------- */

void check_policy(struct checking *checking)
{
	const struct err *trouble = &checking->machine->policy_trouble;
	struct finding *finding;

	if (trouble->kind == ERR_NONE)
		return;
	finding = checking_add(checking, FINDING_ERROR, "SETTINGS", "moult's settings");
	finding_why(finding, "%s", trouble->text);
	finding_remedy(finding, "%s", trouble->hint[0] ? trouble->hint : "man moult.yaml");
}

/* --- numbers ------------------------------------------------------------------------------------ */

static uint64_t highest_id(const struct listing *listing)
{
	uint64_t highest = listing->count > 0 ? listing->generations[listing->count - 1].id : 0;

	for (size_t i = 0; i < listing->leftover_count; i++)
		if (listing->leftovers[i] > highest)
			highest = listing->leftovers[i];
	return highest;
}

/* A serial above the recorded one is no harm: the next is counted from both. */
void check_numbers(struct checking *checking)
{
	const struct listing *listing = &checking->machine->listing;
	uint64_t highest = highest_id(listing);
	struct finding *finding;

	if (highest <= listing->layout.last_id)
		return;
	finding = checking_add(checking, FINDING_ERROR, "LAYOUT_NUMBERS",
			       GENS_DIRECTORY "/layout.json");
	finding_why(finding,
		    "%s/layout.json says that %llu was the last generation, but there is a "
		    "generation %llu; its number could be used twice",
		    GENS_DIRECTORY, (unsigned long long)listing->layout.last_id,
		    (unsigned long long)highest);
	finding_remedy(finding, "sudo moult repair");
}

/* --- current ------------------------------------------------------------------------------------ */

/* The generation whose root the default subvolume is, damaged or not. */
static const struct generation *find_default(const struct listing *listing)
{
	char root[GENERATION_PATH_MAX];

	for (size_t i = 0; i < listing->count; i++) {
		const struct generation *gen = &listing->generations[i];

		/* of a damaged one only the number holds; 0 would have to be read for its path */
		if ((gen->id != 0 || !gen->damage) &&
		    text_equal(generation_root(gen, root), listing->default_root))
			return gen;
	}
	return NULL;
}

static void add_foreign_default(struct checking *checking)
{
	const struct listing *listing = &checking->machine->listing;
	const struct generation *first = listing_find(listing, 0);
	struct finding *finding;

	/* never blessed: the default is still what the original relied on */
	if (first && !first->damage &&
	    text_equal(first->original_default ? first->original_default : "",
		       listing->default_root ? listing->default_root : ""))
		return;
	finding = checking_add(checking, FINDING_ERROR, "DEFAULT_FOREIGN", "the default subvolume");
	finding_why(
		finding,
		"the Btrfs default subvolume is %s, which is no generation: a rescue boot would "
		"not land on one",
		text_quote(listing->default_root && *listing->default_root ? listing->default_root
									   : "the top level"));
	finding_remedy(finding, "sudo moult repair");
}

static void compare_with_menu(struct checking *checking, const struct generation *gen)
{
	const struct menu_entry *truth =
		checking->machine->has_boot ? menu_truth(&checking->machine->menu) : NULL;
	struct finding *finding;

	if (!truth || truth->generation == gen->id)
		return;
	finding = checking_add(checking, FINDING_WARN, "DEFAULT_BEHIND", "the default subvolume");
	finding_why(
		finding,
		"the Btrfs default subvolume names generation %u, but the boot menu's choice is "
		"generation %u",
		gen->id, truth->generation);
	finding_remedy(finding, "sudo moult repair");
}

void check_current(struct checking *checking)
{
	const struct generation *gen = find_default(&checking->machine->listing);
	struct finding *finding;

	if (!gen) {
		add_foreign_default(checking);
		return;
	}
	if (gen->damage) {
		finding = checking_add(checking, FINDING_ERROR, "CURRENT_DAMAGED",
				       "the current generation");
		finding_why(
			finding,
			"generation %u, which the Btrfs default subvolume names, is damaged: %s",
			gen->id, gen->damage);
		finding_remedy(finding, "sudo moult rollback");
		return;
	}
	/* generation 0 was never tried by moult, but it is what there was before */
	if (gen->state != GEN_GOOD && gen->id != 0) {
		finding = checking_add(checking, FINDING_ERROR, "DEFAULT_NOT_GOOD",
				       "the default subvolume");
		finding_why(
			finding,
			"the Btrfs default subvolume names generation %u, which is %s, not good",
			gen->id, gen_state_name(gen->state));
		finding_remedy(finding, "sudo moult repair");
	}
	compare_with_menu(checking, gen);
}

/* --- generations -------------------------------------------------------------------------------- */

void check_generations(struct checking *checking)
{
	const struct listing *listing = &checking->machine->listing;

	for (size_t i = 0; i < listing->count; i++) {
		const struct generation *gen = &listing->generations[i];
		auto_free char *object = xasprintf("generation %u", gen->id);
		struct finding *finding;

		if (!gen->damage || gen == find_default(listing))
			continue;
		finding = checking_add(checking, FINDING_ERROR, "GENERATION_DAMAGED", object);
		finding_why(finding, "generation %u is damaged and cannot be returned to: %s",
			    gen->id, gen->damage);
		finding_remedy(finding, "moult show %u", gen->id);
	}
}

void check_leftovers(struct checking *checking)
{
	const struct listing *listing = &checking->machine->listing;

	for (size_t i = 0; i < listing->leftover_count; i++) {
		auto_free char *object = xasprintf("generation %u", listing->leftovers[i]);
		struct finding *finding = checking_add(checking, FINDING_WARN, "LEFTOVER", object);

		finding_why(
			finding,
			"generation %u was begun and not finished; it takes space, unless moult "
			"is making it right now",
			listing->leftovers[i]);
		finding_remedy(finding, "sudo moult repair");
	}
}

void check_pending(struct checking *checking)
{
	const struct generation *pending = listing_pending(&checking->machine->listing);
	auto_free char *object = NULL;
	struct finding *finding;

	if (!pending || !pending->stale)
		return;
	object = xasprintf("generation %u", pending->id);
	finding = checking_add(checking, FINDING_NOTE, "PENDING_STALE", object);
	finding_why(finding, "generation %u is out of date: %s", pending->id,
		    pending->stale_why ? pending->stale_why : "packages were changed since");
	finding_remedy(finding, "sudo moult upgrade");
}

/* --- the journal -------------------------------------------------------------------------------- */

static const char *field(const json_t *record, const char *key)
{
	const char *value = json_string_value(json_object_get(record, key));

	return value ? value : "";
}

/* *userdata is the verb of the last operation, if that was planned but has no end. */
static bool note_unfinished(void *userdata, json_t *record)
{
	const char *event = field(record, "event");

	if (text_equal(event, "done") || text_equal(event, "failed"))
		return false;
	if (!text_equal(event, "plan"))
		return true;
	*(char **)userdata = xstrdup(field(record, "verb"));
	return false;
}

void check_interrupted(struct checking *checking)
{
	auto_free char *verb = NULL;
	struct finding *finding;

	if (!journal_walk(checking->machine->host,
			  &(struct journal_reader){.on_record = note_unfinished, .userdata = &verb},
			  &checking->trouble) ||
	    !verb)
		return;
	finding = checking_add(checking, FINDING_WARN, "INTERRUPTED", JOURNAL_PATH);
	finding_why(finding,
		    "the last 'moult %s' has no end in the journal: it was cut off, or it runs "
		    "right now",
		    verb);
	finding_remedy(finding, "sudo moult repair");
}

/* --- space -------------------------------------------------------------------------------------- */

struct margin {
	const char *code, *object, *remedy;
	uint64_t free_bytes;
	unsigned wanted_mib;
};

static void check_margin(struct checking *checking, const struct margin *margin)
{
	struct finding *finding;

	if (margin->free_bytes >= (uint64_t)margin->wanted_mib << 20)
		return;
	finding = checking_add(checking,
			       checking_level(checking, CHECK_INIT | CHECK_UPGRADE, FINDING_WARN),
			       margin->code, margin->object);
	finding_why(finding, "the Btrfs has %llu MiB left for %s, and moult wants %u MiB",
		    (unsigned long long)(margin->free_bytes >> 20), margin->object,
		    margin->wanted_mib);
	finding_remedy(finding, "%s", margin->remedy);
}

void check_space(struct checking *checking)
{
	struct machine *machine = checking->machine;
	bool adopted = machine->listing.adopted;
	struct host_space space = {0};
	int r = machine->host->ops->space(machine->host, VOLUME_POOL, &space);

	if (checking_cannot(checking, r, "cannot tell how full the Btrfs is"))
		return;
	check_margin(checking,
		     &(struct margin){
			     .code = "DATA_SPACE",
			     .object = "data",
			     .remedy = adopted ? "sudo moult cleanup" : "sudo apt-get clean",
			     .free_bytes = space.free_bytes,
			     .wanted_mib = policy_data_mib(&machine->policy, space.total_bytes),
		     });
	/* data chunks that are nearly empty go back to the unallocated space that metadata takes from */
	check_margin(checking,
		     &(struct margin){
			     .code = "METADATA_SPACE",
			     .object = "metadata",
			     .remedy = "sudo btrfs balance start -dusage=20 /",
			     .free_bytes = space.metadata_free_bytes,
			     .wanted_mib = policy_metadata_mib(&machine->policy, space.total_bytes),
		     });
}
