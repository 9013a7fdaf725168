#include "menu.h"
#include <string.h>
#include "order.h"
#include "text.h"

void menu_entry_done(struct menu_entry *entry)
{
	free(entry->path);
	free(entry->options);
	free(entry->root_uuid);
	free(entry->text);
	free(entry->sort_key);
	free(entry->machine_id);
	free(entry->version);
	free(entry->kernel);
	*entry = (struct menu_entry){0};
}

void menu_add(char ***strings, size_t *count, const char *string)
{
	*array_add(*strings, *count) = xstrdup(string);
}

static void free_strings(char **strings, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(strings[i]);
	free(strings);
}

static void free_entries(struct menu_entry *entries, size_t count)
{
	for (size_t i = 0; i < count; i++)
		menu_entry_done(&entries[i]);
	free(entries);
}

void menu_done(struct menu *menu)
{
	free_entries(menu->entries, menu->count);
	free_entries(menu->others, menu->other_count);
	free(menu->root_uuid);
	free(menu->settings);
	free_entries(menu->bootable, menu->bootable_count);
	free_strings(menu->foreign, menu->foreign_count);
	free_strings(menu->blobs, menu->blob_count);
	free_strings(menu->other_blobs, menu->other_blob_count);
	free_strings(menu->torn, menu->torn_count);
	*menu = (struct menu){0};
}

static int compare_entries(const void *a, const void *b)
{
	const struct menu_entry *x = a, *y = b;

	if (x->serial != y->serial)
		return x->serial < y->serial ? -1 : 1;
	if (x->role != y->role)
		return (int)x->role - (int)y->role;
	return strcmp(x->path, y->path);
}

void menu_sort(struct menu *menu)
{
	if (menu->count > 0)
		qsort(menu->entries, menu->count, sizeof(*menu->entries), compare_entries);
	if (menu->other_count > 0)
		qsort(menu->others, menu->other_count, sizeof(*menu->others), compare_entries);
}

static bool is_candidate(const struct menu_entry *entry)
{
	return entry->role == MENU_CANDIDATE && entry->enabled;
}

const struct menu_entry *menu_truth(const struct menu *menu)
{
	for (size_t i = menu->count; i-- > 0;) {
		const struct menu_entry *entry = &menu->entries[i];

		if (is_candidate(entry) && entry->whole && !entry->counted)
			return entry;
	}
	return NULL;
}

/* The candidate that the loader prefers among these; NULL = none that it could boot. */
static const struct menu_entry *find_first(const struct menu_entry *entries, size_t count)
{
	const struct menu_entry *best = NULL;

	for (size_t i = 0; i < count; i++) {
		const struct menu_entry *entry = &entries[i];

		if (!is_candidate(entry) || entry->kernel_missing)
			continue;
		if (!best || order_entries(entry, best) < 0)
			best = entry;
	}
	return best;
}

const struct menu_entry *menu_rival(const struct menu *menu)
{
	return find_first(menu->others, menu->other_count);
}

const struct menu_entry *menu_next(const struct menu *menu)
{
	const struct menu_entry *best = find_first(menu->entries, menu->count);
	const struct menu_entry *rival = menu_rival(menu);

	return best && rival && order_entries(rival, best) < 0 ? NULL : best;
}

const struct menu_entry *menu_trial(const struct menu *menu)
{
	for (size_t i = menu->count; i-- > 0;)
		if (is_candidate(&menu->entries[i]) && menu->entries[i].counted)
			return &menu->entries[i];
	return NULL;
}

const struct menu_entry *menu_find(const struct menu *menu, uint64_t serial)
{
	for (size_t i = 0; i < menu->count; i++)
		if (menu->entries[i].serial == serial)
			return &menu->entries[i];
	return NULL;
}

const struct menu_entry *menu_find_path(const struct menu *menu, const char *path)
{
	for (size_t i = 0; i < menu->count; i++)
		if (text_equal(menu->entries[i].path, path))
			return &menu->entries[i];
	return NULL;
}

/* Both are sorted by it. */
uint64_t menu_highest_serial(const struct menu *menu)
{
	uint64_t ours = menu->count > 0 ? menu->entries[menu->count - 1].serial : 0;
	uint64_t others = menu->other_count > 0 ? menu->others[menu->other_count - 1].serial : 0;

	return ours > others ? ours : others;
}

bool menu_is_torn(const struct menu *menu, const struct menu_entry *entry)
{
	const char *name = strrchr(entry->path, '/');

	for (size_t i = 0; i < menu->torn_count; i++)
		if (text_equal(menu->torn[i], name ? name + 1 : entry->path))
			return true;
	return false;
}

bool menu_has_blob(const struct menu *menu, const char *path)
{
	for (size_t i = 0; i < menu->blob_count; i++)
		if (strcmp(menu->blobs[i], path) == 0)
			return true;
	return false;
}
