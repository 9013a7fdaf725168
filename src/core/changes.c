#include "changes.h"
#include <stdio.h>
#include <string.h>
#include "text.h"

void plan_reserve(struct plan *plan, const struct layout *layout, uint64_t id, uint64_t serial)
{
	struct layout next = *layout;
	auto_free char *printed = NULL;

	next.last_id = id > next.last_id ? id : next.last_id;
	next.last_serial = serial > next.last_serial ? serial : next.last_serial;
	printed = layout_print(&next);
	plan_replace(plan, VOLUME_POOL, GENS_DIRECTORY "/layout.json", printed)->why =
		"numbers are kept before they are used, so that none is used twice";
	plan_at(plan, STEP_SYNC, VOLUME_POOL, "");
}

void plan_state(struct plan *plan, const struct generation *generation)
{
	char directory[GENERATION_PATH_MAX];
	auto_free char *printed = generation_print_state(generation);
	auto_free char *path =
		xasprintf("%s/state.json", generation_directory(generation->id, directory));
	static const char *const whys[GEN_STATE_COUNT] = {
		[GEN_BUILDING] = "it is being made",
		[GEN_BUILT] = "it is built",
		[GEN_TRIAL] = "it is on trial",
		[GEN_GOOD] = "it is good",
		[GEN_BAD] = "it is bad",
	};

	plan_replace(plan, VOLUME_POOL, path, printed)->why = whys[generation->state];
}

void plan_begin(struct plan *plan, unsigned id, const char *from, const char *ancestor)
{
	char making[GENERATION_PATH_MAX];
	auto_free char *root = NULL, *kept = NULL;

	generation_making(id, making);
	root = xasprintf("%s/root", making);
	kept = xasprintf("%s/ancestor", making);
	plan_at(plan, STEP_MAKE_DIRECTORY, VOLUME_POOL, making);
	if (ancestor)
		plan_snapshot(plan, ancestor, kept, true)->why =
			"later edits are told from it, and carried over";
	/* an edit between two snapshots would be in the one and not in the other */
	if (ancestor && strcmp(ancestor, from) == 0)
		from = kept;
	plan_snapshot(plan, from, root, false)->why = "the private copy";
}

void plan_list(struct plan *plan, const struct generation *generation)
{
	char making[GENERATION_PATH_MAX], directory[GENERATION_PATH_MAX];
	auto_free char *facts = generation_print_facts(generation);
	auto_free char *state = generation_print_state(generation);
	auto_free char *root = NULL, *base = NULL, *facts_path = NULL, *state_path = NULL;

	generation_making(generation->id, making);
	root = xasprintf("%s/root", making);
	base = xasprintf("%s/base", making);
	facts_path = xasprintf("%s/generation.json", making);
	state_path = xasprintf("%s/state.json", making);
	plan_snapshot(plan, root, base, true)->why = "the root as it was built";
	plan_write(plan, VOLUME_POOL, facts_path, facts);
	plan_write(plan, VOLUME_POOL, state_path, state);
	plan_at(plan, STEP_SYNC, VOLUME_POOL, "");
	plan_rename(plan, VOLUME_POOL, making, generation_directory(generation->id, directory))
		->why = "it is complete, and listed from here on";
	plan_at(plan, STEP_SYNC, VOLUME_POOL, "");
}

static bool is_beneath(const char *path, const char *directory)
{
	size_t length = strlen(directory);

	return strncmp(path, directory, length) == 0 && path[length] == '/';
}

/* All that a listed generation is made of; of the folders one level below them. */
static bool is_own_subvolume(const char *name)
{
	static const char *const own[] = {"root",     "base",	   "record",
					  "ancestor", "late-root", "late-seen"};
	static const char *const folders[] = {"data/", "carve/"};

	for (size_t i = 0; i < COUNT(own); i++)
		if (strcmp(name, own[i]) == 0)
			return true;
	for (size_t i = 0; i < COUNT(folders); i++)
		if (text_starts(name, folders[i]) && !strchr(name + strlen(folders[i]), '/'))
			return true;
	return false;
}

static bool check_own(const struct listing *listing, const char *directory, struct err *err)
{
	for (size_t i = listing->subvolume_count; i > 0; i--) {
		const char *path = listing->subvolumes[i - 1];

		if (!is_beneath(path, directory) || is_own_subvolume(path + strlen(directory) + 1))
			continue;
		err_set(err, ERR_REFUSED, 0, "%s holds the subvolume %s, which moult did not make",
			directory, text_quote(path));
		return err_try(err, "sudo btrfs subvolume delete /PATH/TO/%s", path);
	}
	return true;
}

/*
 * Sorted paths, walked backwards, give a nested subvolume before the one it lies in. `now` is the
 * name of the directory by the time they are deleted.
 */
static void delete_subvolumes(struct plan *plan, const struct listing *listing,
			      const char *directory, const char *now)
{
	for (size_t i = listing->subvolume_count; i > 0; i--) {
		const char *path = listing->subvolumes[i - 1];
		auto_free char *there = NULL;

		if (!is_beneath(path, directory))
			continue;
		there = xasprintf("%s%s", now, path + strlen(directory));
		plan_at(plan, STEP_DELETE_SUBVOLUME, VOLUME_POOL, there);
	}
}

bool plan_delete(struct plan *plan, const struct listing *listing, unsigned id, struct err *err)
{
	char directory[GENERATION_PATH_MAX], leftover[GENERATION_PATH_MAX];

	generation_directory(id, directory);
	generation_making(id, leftover);
	if (!check_own(listing, directory, err))
		return false;
	plan_rename(plan, VOLUME_POOL, directory, leftover)->why =
		"it is no generation any more; recovery deletes what is left of it";
	plan_at(plan, STEP_SYNC, VOLUME_POOL, "");
	delete_subvolumes(plan, listing, directory, leftover);
	plan_at(plan, STEP_REMOVE_TREE, VOLUME_POOL, leftover);
	plan_at(plan, STEP_SYNC, VOLUME_POOL, "");
	return true;
}

void plan_delete_leftover(struct plan *plan, const struct listing *listing, unsigned id)
{
	char directory[GENERATION_PATH_MAX];

	generation_making(id, directory);
	delete_subvolumes(plan, listing, directory, directory);
	plan_at(plan, STEP_REMOVE_TREE, VOLUME_POOL, directory)->why =
		"it was never finished, or is no generation any more";
	plan_at(plan, STEP_SYNC, VOLUME_POOL, "");
}
