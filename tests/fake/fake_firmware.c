/*
 * The firmware's boot menu of a fake machine. It is kept as text, so that it goes the way of every
 * other effect: "BootOrder 0000 0001", then a line "0000<tab>label<tab>path" for each entry.
 */
#include <stdio.h>
#include <string.h>
#include "fake_machine.h"
#include "text.h"

struct option {
	unsigned number;
	char label[64], path[64];
};

struct store {
	unsigned order[16];
	size_t ordered;
	struct option options[16];
	size_t count;
};

static void read_order(const char *line, struct store *ret)
{
	int used;

	for (line += strlen("BootOrder");
	     ret->ordered < COUNT(ret->order) &&
	     sscanf(line, " %4x%n", &ret->order[ret->ordered], &used) == 1;
	     line += used)
		ret->ordered++;
}

static void store_read(const struct fake_host *fake, struct store *ret)
{
	const char *text = fake->disk.variables ? fake->disk.variables : "";
	const char *cursor = text, *line;
	size_t length;

	*ret = (struct store){0};
	while (text_next_line(&cursor, text + strlen(text), &line, &length)) {
		auto_free char *copy = xstrndup(line, length);
		struct option *option = &ret->options[ret->count];

		if (text_starts(copy, "BootOrder"))
			read_order(copy, ret);
		else if (ret->count < COUNT(ret->options) &&
			 sscanf(copy, "%4x\t%63[^\t]\t%63[^\n]", &option->number, option->label,
				option->path) >= 2)
			ret->count++;
	}
}

static int store_write(struct fake_host *fake, const struct store *store)
{
	auto_text struct text text = {0};

	text_add(&text, "BootOrder");
	for (size_t i = 0; i < store->ordered; i++)
		text_addf(&text, " %04x", store->order[i]);
	text_add(&text, "\n");
	for (size_t i = 0; i < store->count; i++)
		text_addf(&text, "%04x\t%s\t%s\n", store->options[i].number,
			  store->options[i].label, store->options[i].path);
	return fake_perform(&fake->host, &(struct fake_effect){.kind = FAKE_FIRMWARE,
							       .volume = VOLUME_COUNT,
							       .path = (char[]){""},
							       .bytes = text.bytes,
							       .length = text.length});
}

static struct option *find(struct store *store, unsigned number)
{
	for (size_t i = 0; i < store->count; i++)
		if (store->options[i].number == number)
			return &store->options[i];
	return NULL;
}

static bool is_ordered(const struct store *store, unsigned number)
{
	for (size_t i = 0; i < store->ordered; i++)
		if (store->order[i] == number)
			return true;
	return false;
}

static void give(const struct option *option, struct host_firmware *ret)
{
	*array_add(ret->options, ret->count) = (struct host_boot_option){
		.number = (uint16_t)option->number,
		.active = true,
		.label = xstrdup(option->label),
		.path = *option->path ? xstrdup(option->path) : NULL,
	};
}

static int reachable(struct host *host)
{
	if (!fake_of(host)->live)
		return -ENOSYS;
	return fake_of(host)->uefi ? 0 : -ENOTSUP;
}

int fake_firmware(struct host *host, struct host_firmware *ret)
{
	int r = reachable(host);
	struct store store;

	if (r < 0)
		return r;
	*ret = (struct host_firmware){.secure_boot = fake_of(host)->secure_boot};
	store_read(fake_of(host), &store);
	for (size_t i = 0; i < store.ordered; i++)
		if (find(&store, store.order[i]))
			give(find(&store, store.order[i]), ret);
	ret->ordered = ret->count;
	for (size_t i = 0; i < store.count; i++)
		if (!is_ordered(&store, store.options[i].number))
			give(&store.options[i], ret);
	return 0;
}

int fake_set_boot_order(struct host *host, const uint16_t *numbers, size_t count)
{
	int r = reachable(host);
	struct store store;

	if (r < 0)
		return r;
	store_read(fake_of(host), &store);
	store.ordered = 0;
	for (size_t i = 0; i < count && i < COUNT(store.order); i++)
		store.order[store.ordered++] = numbers[i];
	return store_write(fake_of(host), &store);
}

int fake_remove_boot_option(struct host *host, uint16_t number)
{
	int r = reachable(host);
	struct option *option;
	struct store store;

	if (r < 0)
		return r;
	store_read(fake_of(host), &store);
	option = find(&store, number);
	if (!option)
		return 0;
	*option = store.options[--store.count];
	return store_write(fake_of(host), &store);
}

static unsigned add(struct store *store, const char *label, const char *path)
{
	struct option *option = &store->options[store->count];
	unsigned number = 0;

	while (find(store, number))
		number++;
	option->number = number;
	snprintf(option->label, sizeof(option->label), "%s", label);
	snprintf(option->path, sizeof(option->path), "%s", path ? path : "");
	store->count++;
	return number;
}

/* One variable at a time, as the real one does: the entries, and last their order. */
void fake_firmware_register(struct fake_host *fake, const char *const *paths, size_t count)
{
	struct store store, before;
	unsigned numbers[4];

	store_read(fake, &before);
	store = before;
	for (size_t i = 0; i < count && i < COUNT(numbers); i++) {
		auto_free char *label = xasprintf("moult (%s)", paths[i]);
		size_t at = 0;

		while (at < store.count && strcmp(store.options[at].path, paths[i]) != 0)
			at++;
		if (at == store.count) {
			numbers[i] = add(&store, label, paths[i]);
			store_write(fake, &store);
		} else {
			numbers[i] = store.options[at].number;
		}
	}
	store.ordered = 0;
	for (size_t i = 0; i < count && i < COUNT(numbers); i++)
		store.order[store.ordered++] = numbers[i];
	for (size_t i = 0; i < before.ordered; i++)
		if (!is_ordered(&store, before.order[i]))
			store.order[store.ordered++] = before.order[i];
	if (store.ordered != before.ordered ||
	    memcmp(store.order, before.order, store.ordered * sizeof(*store.order)) != 0)
		store_write(fake, &store);
}

void fake_host_put_boot_option(struct fake_host *fake, uint16_t number, const char *label,
			       const char *path)
{
	struct store store;

	store_read(fake, &store);
	add(&store, label, path);
	store.options[store.count - 1].number = number;
	store.order[store.ordered++] = number;
	if (store_write(fake, &store) < 0)
		abort();
}

char *fake_host_boot_order(struct fake_host *fake)
{
	auto_host_firmware struct host_firmware firmware = {0};
	struct text text = {0};

	if (fake_firmware(&fake->host, &firmware) < 0)
		return xstrdup("unknown");
	for (size_t i = 0; i < firmware.ordered; i++)
		text_addf(&text, "%s%s", i > 0 ? ", " : "", firmware.options[i].label);
	return text_take(&text);
}
