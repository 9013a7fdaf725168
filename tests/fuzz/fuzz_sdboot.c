/*
 * A file of the boot volume: the first line is its name, the rest its text. What is whole stays
 * whole when it is switched; what is read twice is the same; the owner's settings never win.
 */
#include "digest.h"
#include "fuzz.h"
#include "sdboot.h"
#include "sdboot_entry.h"

static void read_entry(const char *name, const char *text, struct menu_entry *ret)
{
	*ret = (struct menu_entry){0};
	sdboot_name_parse(name, ret);
	sdboot_entry_parse(text, ret);
}

static void check_entry(const char *name, const char *text)
{
	struct menu_entry entry, switched;
	auto_free char *other = NULL;

	read_entry(name, text, &entry);
	must(entry.switch_offset <= strlen(entry.text));
	if (entry.whole) {
		must(entry.switch_offset > 0 && digest_is_sha256(entry.linux_sha256));
		other = xstrdup(entry.text);
		other[entry.switch_offset] = entry.enabled ? '#' : ' ';
		read_entry(name, other, &switched);
		must(switched.whole && switched.enabled != entry.enabled);
		must(switched.generation == entry.generation);
		menu_entry_done(&switched);
	}
	menu_entry_done(&entry);
}

static void check_menu(const char *name, const char *text)
{
	auto_free char *path = xasprintf("loader/entries/%s", name);
	const struct loader_file files[] = {{path, text}, {SDBOOT_SETTINGS, text}, {name, NULL}};
	/* of one system in two: what is another's stays another's */
	struct loader_found found = {files, COUNT(files),
				     strlen(text) % 2 ? NULL
						      : "11111111-2222-3333-4444-555555555555"};
	auto_menu struct menu menu = {0}, after = {0};
	struct plan nothing = {0};
	struct err err = {0};

	must(sdboot_parse(&found, &menu, &err));
	must(loader_after(&sdboot_loader, &menu, &nothing, &after, &err));
	must(menu.count == after.count && menu.blob_count == after.blob_count);
	must(menu.other_count == after.other_count);
	must(!menu_truth(&menu) == !menu_truth(&after) && !menu_next(&menu) == !menu_next(&after));
}

static void check_lines(const char *text)
{
	auto_free char *own = boot_own_options(text), *again = boot_own_options(own);
	auto_free char *merged = sdboot_settings_merge(text);
	auto_free char *merged_again = sdboot_settings_merge(merged);

	must(strcmp(own, again) == 0);
	must(strcmp(merged, merged_again) == 0);
	must(sdboot_settings_are_ours(merged));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	auto_free char *text = xstrndup((const char *)bytes, length);
	auto_free char *name = xstrndup(text, strcspn(text, "\n"));
	const char *rest = text + strlen(name) + (text[strlen(name)] == '\n');

	check_entry(name, rest);
	check_menu(name, rest);
	check_lines(rest);
	return 0;
}
