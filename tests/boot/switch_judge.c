#include "switch_judge.h"
#include <string.h>
#include "loader_model.h"
#include "text.h"

void judge_done(struct judge *judge)
{
	for (size_t i = 0; i < judge->text_count; i++)
		free(judge->texts[i]);
	free(judge->texts);
	free(judge->before);
	free(judge->truth);
	free(judge->after);
}

static char *normalised(const char *path, const char *text)
{
	char *both = xasprintf("%s\n%s", path, text);
	char *line = strstr(both, "\n#linux ");

	if (line)
		line[1] = ' ';
	return both;
}

static void judge_allow(struct judge *judge, const char *path, const char *text)
{
	*array_add(judge->texts, judge->text_count) = normalised(path, text);
}

static bool judge_allows(const struct judge *judge, const char *path, const char *text)
{
	auto_free char *found = normalised(path, text);

	for (size_t i = 0; i < judge->text_count; i++)
		if (strcmp(judge->texts[i], found) == 0)
			return true;
	return false;
}

/* The root that boots by default: entries of the same root are the same system. */
char *judge_default_root(const struct fake_disk *disk)
{
	auto_model_menu struct model_menu menu = {0};
	const char *root;

	loader_model_read(disk, &menu);
	root = menu.chosen && menu.chosen->options ? strstr(menu.chosen->options, "subvol=") : NULL;
	return root ? xstrndup(root, strcspn(root, " ")) : xstrdup("nothing");
}

static bool is_candidate(const struct model_entry *entry)
{
	return text_starts(entry->name, "moult-") && strchr("0123456789", entry->name[6]);
}

static const char *judge_entry(const struct judge *judge, const struct fake_disk *disk,
			       const struct model_entry *entry)
{
	auto_free char *path = xasprintf("loader/entries/%s", entry->name);
	const struct fake_node *node = fake_disk_find(disk, VOLUME_BOOT, path);

	if (!loader_model_is_bootable(disk, entry))
		return "an entry in the menu names a blob that is not what it should be";
	if (!judge_allows(judge, path, node->bytes))
		return "an entry in the menu is not what was written";
	return NULL;
}

static const char *judge_menu(const struct judge *judge, const struct fake_disk *disk,
			      const struct model_menu *menu)
{
	unsigned counted = 0, uncounted = 0;

	for (size_t i = 0; i < menu->count; i++) {
		const struct model_entry *entry = &menu->entries[i];
		const char *wrong;

		if (!text_starts(entry->name, "moult-"))
			continue;
		wrong = judge_entry(judge, disk, entry);
		if (wrong)
			return wrong;
		counted += is_candidate(entry) && entry->counted;
		uncounted += is_candidate(entry) && !entry->counted;
	}
	if (menu->dropped > 0)
		return "an enabled entry has no kernel";
	if (counted > 1)
		return "two counted candidates are enabled";
	if (judge->needs_uncounted && uncounted == 0)
		return "no uncounted candidate is enabled";
	return NULL;
}

/* NULL, or what is wrong with a disk on which the power may have been cut. */
const char *judge_disk(const struct judge *judge, const struct fake_disk *disk)
{
	auto_model_menu struct model_menu menu = {0};
	auto_free char *root = judge_default_root(disk);
	const char *wrong;

	loader_model_read(disk, &menu);
	wrong = judge_menu(judge, disk, &menu);
	if (wrong)
		return wrong;
	if (strcmp(root, judge->before) != 0 && strcmp(root, judge->truth) != 0 &&
	    strcmp(root, judge->after) != 0)
		return "the default is neither the old one nor the new one";
	return NULL;
}

static char *truth_root(const struct menu *menu, const char *otherwise)
{
	const struct menu_entry *truth = menu_truth(menu);
	const char *root = truth ? strstr(truth->options, "subvol=") : NULL;

	return root ? xstrndup(root, strcspn(root, " ")) : xstrdup(otherwise);
}

void judge_prepare(struct judge *judge, const struct fake_host *fake, const struct menu *menu,
		   const struct plan *plan)
{
	judge->before = judge_default_root(&fake->disk);
	judge->truth = truth_root(menu, judge->before);
	judge->needs_uncounted = menu_truth(menu) != NULL;
	for (size_t i = 0; i < menu->count; i++)
		judge_allow(judge, menu->entries[i].path, menu->entries[i].text);
	for (size_t i = 0; i < plan->count; i++)
		if (plan->steps[i].kind == STEP_WRITE)
			judge_allow(judge, plan->steps[i].path, plan->steps[i].text);
}

/* What is freed may turn up in a new file that is not written in time. */
bool judge_frees_enabled_entry(const struct fake_disk *disk)
{
	const char *freed = disk->volumes[VOLUME_BOOT].graveyard;

	return freed && strstr(freed, "\n linux /moult/");
}
