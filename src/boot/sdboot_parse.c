#include <stdlib.h>
#include <string.h>
#include "order.h"
#include "sdboot.h"
#include "sdboot_entry.h"
#include "text.h"

const char *sdboot_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool is_in(const char *path, const char *directory)
{
	size_t length = strlen(directory);

	return text_starts(path, directory) && path[length] == '/' &&
	       sdboot_base_name(path) == path + length + 1;
}

bool sdboot_wants_text(const char *path)
{
	return text_equal(path, SDBOOT_SETTINGS) || is_in(path, SDBOOT_ENTRIES);
}

static void add_other_blob(void *userdata, const char *path)
{
	struct menu *menu = userdata;

	if (is_in(path, SDBOOT_BLOBS))
		menu_add(&menu->other_blobs, &menu->other_blob_count, path);
}

/* An adoption takes the command line over from what the machine boots with. */
static void keep_bootable(const struct loader_file *file, struct menu *menu)
{
	struct menu_entry entry = {.path = xstrdup(file->path)};

	sdboot_entry_parse(file->text, &entry);
	if (entry.enabled && entry.options)
		*array_add(menu->bootable, menu->bootable_count) = entry;
	else
		menu_entry_done(&entry);
}

static int compare_bootable(const void *a, const void *b)
{
	return order_entries(a, b);
}

static void parse_foreign(const struct loader_file *file, struct menu *menu)
{
	menu_add(&menu->foreign, &menu->foreign_count, sdboot_base_name(file->path));
	if (!file->text)
		return;
	sdboot_entry_paths(file->text, add_other_blob, menu);
	keep_bootable(file, menu);
}

static void add_torn(struct menu *menu, const char *name)
{
	for (size_t i = 0; i < menu->torn_count; i++)
		if (text_equal(menu->torn[i], name))
			return;
	menu_add(&menu->torn, &menu->torn_count, name);
}

/* Of an entry of ours that was cut off while it was written, the beginning of the UUID may be left. */
static bool is_of_another(const struct menu *menu, const struct menu_entry *entry)
{
	return menu->root_uuid && entry->root_uuid &&
	       strncasecmp(menu->root_uuid, entry->root_uuid, strlen(entry->root_uuid)) != 0;
}

/* Takes the entry, which has the name of one of ours or of what is left of one. */
static void parse_other(const struct loader_file *file, struct menu_entry *entry, struct menu *menu)
{
	sdboot_entry_paths(file->text, add_other_blob, menu);
	*array_add(menu->others, menu->other_count) = *entry;
}

static void parse_own(const struct loader_file *file, enum sdboot_name name,
		      struct menu_entry *entry, struct menu *menu)
{
	if (name != SDBOOT_OURS)
		add_torn(menu, sdboot_base_name(file->path));
	if (name == SDBOOT_ALIAS) {
		menu_entry_done(entry);
		return;
	}
	entry->whole = entry->whole && name == SDBOOT_OURS;
	/* what is not quite ours may name more than one digest of each kind */
	if (!entry->whole && file->text)
		sdboot_entry_paths(file->text, add_other_blob, menu);
	*array_add(menu->entries, menu->count) = *entry;
}

static void parse_entry(const struct loader_file *file, struct menu *menu)
{
	struct menu_entry entry = {0};
	enum sdboot_name name = sdboot_name_parse(sdboot_base_name(file->path), &entry);

	if (name == SDBOOT_FOREIGN) {
		parse_foreign(file, menu);
		return;
	}
	entry.path = xstrdup(file->path);
	sdboot_entry_parse(file->text, &entry);
	if (!is_of_another(menu, &entry))
		parse_own(file, name, &entry, menu);
	else if (name == SDBOOT_ALIAS)
		/* the loader does not see it, and it is the other system's to mend */
		menu_entry_done(&entry);
	else
		parse_other(file, &entry, menu);
}

static void parse_file(const struct loader_file *file, struct menu *menu)
{
	if (text_equal(file->path, SDBOOT_SETTINGS)) {
		free(menu->settings);
		menu->settings = xstrdup(file->text ? file->text : "");
	} else if (is_in(file->path, SDBOOT_ENTRIES)) {
		parse_entry(file, menu);
	} else if (is_in(file->path, SDBOOT_BLOBS) &&
		   text_starts(sdboot_base_name(file->path), "sha256-")) {
		menu_add(&menu->blobs, &menu->blob_count, file->path);
	}
}

static bool is_kernel_missing(const struct menu *menu, const struct menu_entry *entry)
{
	if (!entry->kernel || !is_in(entry->kernel, SDBOOT_BLOBS))
		return false;
	for (size_t i = 0; i < menu->blob_count; i++)
		if (strcasecmp(menu->blobs[i], entry->kernel) == 0)
			return false;
	return true;
}

/* What fsck.fat leaves of the second name: it shares nothing any more, so removing it frees nothing. */
static bool is_empty(const struct menu_entry *entry)
{
	return entry->text && !*entry->text;
}

/* A serial that is there twice: a rename of the firmware that was cut, or a copy made by hand. */
static void find_twins(struct menu *menu)
{
	for (size_t i = 1; i < menu->count; i++) {
		const struct menu_entry *a = &menu->entries[i - 1], *b = &menu->entries[i];

		if (a->serial != b->serial || a->role != b->role || is_empty(a) || is_empty(b))
			continue;
		add_torn(menu, sdboot_base_name(a->path));
		add_torn(menu, sdboot_base_name(b->path));
	}
}

bool sdboot_parse(const struct loader_found *found, struct menu *ret, struct err *err)
{
	(void)err; /* whatever is there, there is a menu */
	*ret = (struct menu){.root_uuid = xstrdup_or_null(found->root_uuid)};
	for (size_t i = 0; i < found->count; i++)
		parse_file(&found->files[i], ret);
	for (size_t i = 0; i < ret->count; i++)
		ret->entries[i].kernel_missing = is_kernel_missing(ret, &ret->entries[i]);
	for (size_t i = 0; i < ret->other_count; i++)
		ret->others[i].kernel_missing = is_kernel_missing(ret, &ret->others[i]);
	menu_sort(ret);
	if (ret->bootable_count > 1)
		qsort(ret->bootable, ret->bootable_count, sizeof(*ret->bootable), compare_bootable);
	find_twins(ret);
	return true;
}
