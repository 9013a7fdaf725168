/* What the loader would show and choose, and the blobs behind it. */
#include <string.h>
#include "checking.h"
#include "proposal.h"

#define REPAIR "sudo moult repair"

static const struct menu *menu_of(const struct checking *checking)
{
	return &checking->machine->menu;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* --- settings ----------------------------------------------------------------------------------- */

void check_settings(struct checking *checking)
{
	const struct loader *loader = checking->machine->loader;
	auto_plan struct plan plan = {0};
	struct finding *finding;

	/* without a candidate nothing may be settled: check_candidates() says so */
	if (!checking->machine->has_boot || !menu_truth(menu_of(checking)) ||
	    listing_undone(&checking->machine->listing))
		return;
	if (!loader->settle(menu_of(checking), loader->settings(), &plan, &checking->trouble))
		return;
	if (plan.count == 0)
		return;
	finding = checking_add(checking, FINDING_ERROR, "LOADER_SETTINGS", loader->settings_path);
	finding_why(finding, "%s is not as moult needs it: the loader may choose another entry",
		    loader->settings_path);
	finding_remedy(finding, REPAIR);
}

/* --- candidates --------------------------------------------------------------------------------- */

static size_t count_candidates(const struct menu *menu, bool counted)
{
	size_t count = 0;

	for (size_t i = 0; i < menu->count; i++) {
		const struct menu_entry *entry = &menu->entries[i];

		if (entry->role == MENU_CANDIDATE && entry->enabled && entry->counted == counted &&
		    (counted || (entry->whole && !entry->kernel_missing)))
			count++;
	}
	return count;
}

void check_candidates(struct checking *checking)
{
	struct finding *finding;

	if (!checking->machine->has_boot)
		return;
	if (count_candidates(menu_of(checking), false) == 0) {
		finding = checking_add(checking, FINDING_ERROR, "NO_CANDIDATE", "the boot menu");
		finding_why(finding,
			    "the boot menu has no entry of a good generation that the loader "
			    "would choose by itself");
		finding_remedy(finding, REPAIR);
	}
	if (count_candidates(menu_of(checking), true) > 1) {
		finding = checking_add(checking, FINDING_ERROR, "TWO_TRIALS", "the boot menu");
		finding_why(finding, "the boot menu has more than one entry on trial");
		finding_remedy(finding, REPAIR);
	}
}

/* --- entries ------------------------------------------------------------------------------------ */

/* What is wrong with an entry that the loader shows. */
struct flaw {
	const char *code;
	enum finding_level level;
	const char *why; /* follows "the menu entry X (generation N) " */
	const char *remedy; /* NULL = what is wrong with the generation is to be seen first */
};

static const struct flaw flaw_damaged = {"ENTRY_DAMAGED", FINDING_ERROR,
					 "is not what moult writes: it may boot anything", REPAIR};
static const struct flaw flaw_orphan = {"ENTRY_ORPHAN", FINDING_ERROR,
					"names a generation that is not there", REPAIR};
static const struct flaw flaw_of_damaged = {"ENTRY_ORPHAN", FINDING_ERROR,
					    "names a generation that is damaged", NULL};
static const struct flaw flaw_bad = {"ENTRY_BAD", FINDING_WARN,
				     "belongs to a generation that was found bad", REPAIR};

static const struct flaw *find_flaw(const struct checking *checking, const struct menu_entry *entry)
{
	const struct generation *gen = listing_find(&checking->machine->listing, entry->generation);

	if (!entry->enabled)
		return NULL;
	if (!entry->whole)
		return &flaw_damaged;
	if (!gen)
		return &flaw_orphan;
	if (gen->damage)
		return &flaw_of_damaged;
	return gen->state == GEN_BAD && entry->role == MENU_CANDIDATE ? &flaw_bad : NULL;
}

void check_entries(struct checking *checking)
{
	const struct menu *menu = menu_of(checking);

	for (size_t i = 0; i < menu->count; i++) {
		const struct menu_entry *entry = &menu->entries[i];
		const struct flaw *flaw = find_flaw(checking, entry);
		struct finding *finding;

		/* a torn name has a finding of its own */
		if (!flaw || menu_is_torn(menu, entry))
			continue;
		finding = checking_add(checking, flaw->level, flaw->code, entry->path);
		finding_why(finding, "the menu entry %s (generation %u) %s",
			    text_quote(base_name(entry->path)), entry->generation, flaw->why);
		if (flaw->remedy)
			finding_remedy(finding, "%s", flaw->remedy);
		else
			finding_remedy(finding, "moult show %u", entry->generation);
	}
}

void check_torn(struct checking *checking)
{
	const struct menu *menu = menu_of(checking);

	for (size_t i = 0; i < menu->torn_count; i++) {
		struct finding *finding =
			checking_add(checking, FINDING_ERROR, "ENTRY_TORN", menu->torn[i]);

		finding_why(
			finding,
			"the name of the menu entry %s is torn: the firmware was cut off while it "
			"counted a try",
			text_quote(menu->torn[i]));
		finding_remedy(finding, REPAIR);
	}
}

static bool has_entry(const struct menu *menu, unsigned generation, bool counted)
{
	for (size_t i = 0; i < menu->count; i++) {
		const struct menu_entry *entry = &menu->entries[i];

		if (entry->generation == generation && entry->enabled && entry->whole &&
		    entry->counted == counted)
			return true;
	}
	return false;
}

static void add_missing(struct checking *checking, const struct generation *gen, bool trial,
			const char *what)
{
	auto_free char *object = xasprintf("generation %u", gen->id);
	struct finding *finding = checking_add(checking, trial ? FINDING_WARN : FINDING_ERROR,
					       "ENTRY_MISSING", object);

	finding_why(finding, "%s generation %u has no entry in the boot menu", what, gen->id);
	finding_remedy(finding, REPAIR);
}

static void check_proposal_entry(struct checking *checking, const struct generation *gen)
{
	const struct publication *pub = generation_proposed(gen);
	auto_free char *what = NULL;

	if (!pub || has_entry(menu_of(checking), gen->id, true))
		return;
	what = xasprintf("the new %s of", generation_novelty(gen, pub));
	add_missing(checking, gen, true, what);
}

/* Every good generation can be chosen at the keyboard, and what is on trial will be tried. */
void check_good_entries(struct checking *checking)
{
	const struct listing *listing = &checking->machine->listing;

	for (size_t i = 0; checking->machine->has_boot && i < listing->count; i++) {
		const struct generation *gen = &listing->generations[i];
		bool trial = gen->state == GEN_TRIAL;

		check_proposal_entry(checking, gen);
		if (!gen->damage && (gen->state == GEN_GOOD || trial) &&
		    !has_entry(menu_of(checking), gen->id, trial))
			add_missing(checking, gen, trial, trial ? "the trial of" : "good");
	}
}

/* Renamed it stays in the menu, but is not in the pattern that the loader's default follows. */
static void add_rename(struct checking *checking, const struct menu_entry *entry,
		       struct finding *finding)
{
	const char *name = base_name(entry->path);

	if (checking_is_pasteable(name))
		finding_remedy(finding, "cd %s/loader/entries && sudo mv %s other-%s",
			       checking_boot_mount_point(checking), name, name + strlen("moult-"));
}

/* Of another disk, whose system is looked after by moult too. */
void check_others(struct checking *checking)
{
	const struct menu *menu = menu_of(checking);

	for (size_t i = 0; i < menu->other_count; i++) {
		const struct menu_entry *entry = &menu->others[i];
		bool rival =
			entry->role == MENU_CANDIDATE && entry->enabled && !entry->kernel_missing;
		struct finding *finding;

		if (!rival && checking->context != CHECK_ALL)
			continue;
		finding = checking_add(checking, rival ? FINDING_ERROR : FINDING_NOTE,
				       "OTHER_SYSTEM", entry->path);
		finding_why(finding,
			    "the menu entry %s is another system's, whose root is on UUID=%s%s",
			    text_quote(base_name(entry->path)), entry->root_uuid,
			    rival ? "; the loader may choose it instead of this system's" : "");
		if (rival)
			add_rename(checking, entry, finding);
	}
}

void check_foreign(struct checking *checking)
{
	const struct menu *menu = menu_of(checking);
	struct finding *finding;

	if (menu->foreign_count == 0)
		return;
	finding = checking_add(checking, FINDING_NOTE, "FOREIGN_ENTRIES", "loader/entries");
	finding_why(finding, "%zu menu %s not moult's and %s left alone, %s among them",
		    menu->foreign_count, menu->foreign_count == 1 ? "entry is" : "entries are",
		    menu->foreign_count == 1 ? "is" : "are", text_quote(menu->foreign[0]));
}

/* --- blobs -------------------------------------------------------------------------------------- */

struct blob_need {
	const char *kind, *sha256;
	unsigned generation;
	bool entry; /* an entry names it: the loader would use it; else only a rollback would */
};

static void check_blob(struct checking *checking, const struct blob_need *need)
{
	struct machine *machine = checking->machine;
	struct finding *finding;
	struct digest digest;
	char path[128];
	int r;

	machine->loader->blob_path(need->kind, need->sha256, path, sizeof(path));
	r = machine->host->ops->digest_medium(machine->host, VOLUME_BOOT, path, &digest);
	if (r == 0 && strcmp(digest.hex, need->sha256) == 0)
		return;
	finding = checking_add(checking, need->entry ? FINDING_ERROR : FINDING_WARN,
			       r == -ENOENT ? "BLOB_MISSING" : "BLOB_DAMAGED", path);
	finding_why(finding, "the %s of generation %u on the EFI system partition %s%s",
		    strcmp(need->kind, "linux") == 0 ? "kernel" : "initrd", need->generation,
		    r == -ENOENT ? "is missing"
		    : r < 0	 ? "cannot be read: "
				 : "is damaged: it is not what was written there",
		    r < 0 && r != -ENOENT ? strerror(-r) : "");
	finding_remedy(finding, REPAIR);
}

/* Blobs are shared: each is read once, and an entry's need is the graver one. */
struct seen {
	const char **digests;
	size_t count;
};

static void seen_done(struct seen *seen)
{
	free(seen->digests);
}
DEFINE_AUTO_STRUCT(seen, struct seen, seen_done)

static bool is_new(struct seen *seen, const char *sha256)
{
	for (size_t i = 0; i < seen->count; i++)
		if (strcmp(seen->digests[i], sha256) == 0)
			return false;
	*array_add(seen->digests, seen->count) = sha256;
	return true;
}

static void check_once(struct checking *checking, struct seen *seen, const struct blob_need *need)
{
	if (need->sha256[0] && is_new(seen, need->sha256))
		check_blob(checking, need);
}

static void check_entry_blobs(struct checking *checking, struct seen *seen)
{
	const struct menu *menu = menu_of(checking);

	for (size_t i = 0; i < menu->count; i++) {
		const struct menu_entry *entry = &menu->entries[i];
		struct blob_need kernel = {"linux", entry->linux_sha256, entry->generation, true};
		struct blob_need initrd = {"initrd", entry->initrd_sha256, entry->generation, true};

		if (!entry->enabled)
			continue;
		check_once(checking, seen, &kernel);
		check_once(checking, seen, &initrd);
	}
}

static void check_publication_blobs(struct checking *checking, struct seen *seen,
				    const struct generation *gen)
{
	for (size_t i = 0; i < gen->publication_count; i++) {
		const struct publication *pub = &gen->publications[i];
		struct blob_need kernel = {"linux", pub->linux_sha256, gen->id, false};
		struct blob_need initrd = {"initrd", pub->initrd_sha256, gen->id, false};

		if (pub->kind == PUB_NONE)
			continue;
		check_once(checking, seen, &kernel);
		check_once(checking, seen, &initrd);
	}
}

void check_blobs(struct checking *checking)
{
	const struct listing *listing = &checking->machine->listing;
	__attribute__((cleanup(auto_seen_))) struct seen seen = {0};

	if (!checking->machine->has_boot)
		return;
	check_entry_blobs(checking, &seen);
	for (size_t i = 0; i < listing->count; i++)
		if (!listing->generations[i].damage && listing->generations[i].state != GEN_BAD)
			check_publication_blobs(checking, &seen, &listing->generations[i]);
}
