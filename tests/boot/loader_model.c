#include "loader_model.h"
#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include "text.h"

#define ENTRIES "loader/entries/"

/* ---- versions ---- */

/* What a version begins with, from the oldest kind to the newest. */
enum kind { TILDE, END, DASH, CARET, DOT, OTHER };

static enum kind kind_of(const char **version)
{
	static const char specials[] = "~-^.";
	static const enum kind kinds[] = {TILDE, DASH, CARET, DOT};
	const char *found;

	/* anything else separates and is dropped */
	while (**version && !isalnum((unsigned char)**version) && !strchr(specials, **version))
		(*version)++;
	if (!**version)
		return END;
	found = strchr(specials, **version);
	return found ? kinds[found - specials] : OTHER;
}

static int compare_part(const char **a, const char **b)
{
	bool number = isdigit((unsigned char)**a) || isdigit((unsigned char)**b);
	char part_a[256] = "", part_b[256] = "";
	int used_a = 0, used_b = 0;

	if (number) {
		unsigned long long x = 0, y = 0;

		sscanf(*a, "%255[0-9]%n", part_a, &used_a);
		sscanf(*b, "%255[0-9]%n", part_b, &used_b);
		sscanf(part_a, "%llu", &x);
		sscanf(part_b, "%llu", &y);
		*a += used_a;
		*b += used_b;
		return (x > y) - (x < y);
	}
	sscanf(*a, "%255[A-Za-z]%n", part_a, &used_a);
	sscanf(*b, "%255[A-Za-z]%n", part_b, &used_b);
	*a += used_a;
	*b += used_b;
	return strcmp(part_a, part_b);
}

int loader_model_compare_versions(const char *a, const char *b)
{
	for (;;) {
		enum kind x = kind_of(&a), y = kind_of(&b);
		int r;

		if (x != y)
			return x < y ? -1 : 1;
		if (x == END)
			return 0;
		if (x != OTHER) {
			a++;
			b++;
			continue;
		}
		r = compare_part(&a, &b);
		if (r != 0)
			return r;
	}
}

/* ---- entries ---- */

static void entry_done(struct model_entry *entry)
{
	free(entry->name);
	free(entry->kernel);
	free(entry->initrd);
	free(entry->options);
	free(entry->sort_key);
	free(entry->machine_id);
	free(entry->version);
}

void loader_model_done(struct model_menu *menu)
{
	for (size_t i = 0; i < menu->count; i++)
		entry_done(&menu->entries[i]);
	free(menu->entries);
	*menu = (struct model_menu){0};
}

static void keep(char **slot, const char *value)
{
	free(*slot);
	*slot = xstrdup(value);
}

static void take_line(struct model_entry *entry, char *line)
{
	char key[32], value[1024];
	const char *path;

	if (sscanf(line, " %31s %1023[^\n]", key, value) != 2 || *key == '#')
		return;
	for (size_t l = strlen(value); l > 0 && isspace((unsigned char)value[l - 1]); l--)
		value[l - 1] = '\0';
	path = value + strspn(value, "/");
	if (strcmp(key, "linux") == 0)
		keep(&entry->kernel, path);
	else if (strcmp(key, "initrd") == 0)
		keep(&entry->initrd, path);
	else if (strcmp(key, "options") == 0)
		keep(&entry->options, value);
	else if (strcmp(key, "sort-key") == 0)
		keep(&entry->sort_key, value);
	else if (strcmp(key, "machine-id") == 0)
		keep(&entry->machine_id, value);
	else if (strcmp(key, "version") == 0)
		keep(&entry->version, value);
}

static void take_text(struct model_entry *entry, const char *text)
{
	auto_free char *copy = xstrdup(text);
	char *state = NULL;

	for (char *line = strtok_r(copy, "\r\n", &state); line;
	     line = strtok_r(NULL, "\r\n", &state))
		take_line(entry, line);
}

/* "…+LEFT.conf" or "…+LEFT-DONE.conf" */
static void take_counter(struct model_entry *entry)
{
	const char *plus = strrchr(entry->name, '+');
	unsigned left, done;
	char end[8];

	if (!plus)
		return;
	if ((sscanf(plus, "+%u-%u%7s", &left, &done, end) == 3 ||
	     sscanf(plus, "+%u%7s", &left, end) == 2) &&
	    strcmp(end, ".conf") == 0) {
		entry->counted = true;
		entry->tries_left = left;
	}
}

static bool read_entry(const struct fake_node *node, struct model_entry *entry)
{
	const char *name = node->path + strlen(ENTRIES);
	size_t length = strlen(name);

	*entry = (struct model_entry){0};
	if (node->type != HOST_FILE || strchr(name, '/') || *name == '.' || length < 5 ||
	    strcasecmp(name + length - 5, ".conf") != 0)
		return false;
	entry->name = xstrdup(name);
	take_text(entry, node->bytes);
	take_counter(entry);
	if (entry->kernel)
		return true;
	entry_done(entry);
	return false;
}

/* ---- the menu ---- */

static int compare(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

static int compare_entries(const void *x, const void *y)
{
	const struct model_entry *a = x, *b = y;
	bool spent_a = a->counted && a->tries_left == 0, spent_b = b->counted && b->tries_left == 0;
	int r;

	if (spent_a != spent_b)
		return spent_a ? 1 : -1;
	if (!a->sort_key != !b->sort_key)
		return a->sort_key ? -1 : 1;
	if (a->sort_key) {
		r = compare(a->sort_key, b->sort_key);
		if (r == 0)
			r = compare(a->machine_id, b->machine_id);
		if (r == 0)
			r = loader_model_compare_versions(b->version ? b->version : "",
							  a->version ? a->version : "");
		if (r != 0)
			return r;
	}
	return loader_model_compare_versions(b->name, a->name);
}

static void choose(const struct fake_disk *disk, struct model_menu *menu)
{
	const struct fake_node *settings = fake_disk_find(disk, VOLUME_BOOT, "loader/loader.conf");
	auto_free char *text = xstrdup(settings ? settings->bytes : "");
	char *state = NULL, pattern[128] = "", value[128];

	for (char *line = strtok_r(text, "\n", &state); line; line = strtok_r(NULL, "\n", &state))
		if (sscanf(line, " default %127s", value) == 1)
			memcpy(pattern, value, sizeof(pattern));
	for (size_t i = 0; i < menu->count && *pattern; i++) {
		if (fnmatch(pattern, menu->entries[i].name, FNM_CASEFOLD) != 0)
			continue;
		menu->chosen = &menu->entries[i];
		return;
	}
	menu->chosen = menu->count > 0 ? menu->entries : NULL;
}

void loader_model_read(const struct fake_disk *disk, struct model_menu *ret)
{
	const struct fake_volume *v = &disk->volumes[VOLUME_BOOT];

	*ret = (struct model_menu){0};
	for (size_t i = 0; i < v->count; i++) {
		struct model_entry entry;

		if (!text_starts(v->nodes[i].path, ENTRIES) || !read_entry(&v->nodes[i], &entry))
			continue;
		if (fake_disk_find(disk, VOLUME_BOOT, entry.kernel)) {
			*array_add(ret->entries, ret->count) = entry;
			continue;
		}
		ret->dropped += text_starts(entry.name, "moult-");
		entry_done(&entry);
	}
	if (ret->count > 0)
		qsort(ret->entries, ret->count, sizeof(*ret->entries), compare_entries);
	choose(disk, ret);
}

static bool is_what_its_name_says(const struct fake_disk *disk, const char *path)
{
	const struct fake_node *node = fake_disk_find(disk, VOLUME_BOOT, path);
	const char *hex = strstr(path, "sha256-");
	struct digest digest;

	if (!node || node->type != HOST_FILE || !hex)
		return false;
	digest_bytes(DIGEST_SHA256, node->bytes, node->length, &digest);
	return strncmp(hex + strlen("sha256-"), digest.hex, DIGEST_HEX_LENGTH) == 0;
}

bool loader_model_is_bootable(const struct fake_disk *disk, const struct model_entry *entry)
{
	return is_what_its_name_says(disk, entry->kernel) &&
	       (!entry->initrd || is_what_its_name_says(disk, entry->initrd));
}

void loader_model_boot(struct fake_disk *disk)
{
	auto_model_menu struct model_menu menu = {0};
	auto_free char *from = NULL, *to = NULL;
	unsigned left, done = 0;
	int plus;

	loader_model_read(disk, &menu);
	if (!menu.chosen || !menu.chosen->counted)
		return;
	plus = (int)(strrchr(menu.chosen->name, '+') - menu.chosen->name);
	sscanf(menu.chosen->name + plus, "+%u-%u", &left, &done);
	from = xasprintf(ENTRIES "%s", menu.chosen->name);
	to = xasprintf(ENTRIES "%.*s+%u-%u.conf", plus, menu.chosen->name, left > 0 ? left - 1 : 0,
		       done + 1);
	fake_disk_apply(disk, &(struct fake_effect){.kind = FAKE_RENAME,
						    .volume = VOLUME_BOOT,
						    .path = to,
						    .from = from});
}
