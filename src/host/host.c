#include "host.h"
#include <string.h>
#include "text.h"

void host_bytes_done(struct host_bytes *bytes)
{
	free(bytes->bytes);
	*bytes = (struct host_bytes){0};
}

void host_names_done(struct host_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->names[i].name);
	free(names->names);
	*names = (struct host_names){0};
}

void host_swaps_done(struct host_swaps *swaps)
{
	for (size_t i = 0; i < swaps->count; i++) {
		free(swaps->swaps[i].path);
		free(swaps->swaps[i].subvolume);
	}
	free(swaps->swaps);
	*swaps = (struct host_swaps){0};
}

void host_strings_done(struct host_strings *strings)
{
	for (size_t i = 0; i < strings->count; i++)
		free(strings->strings[i]);
	free(strings->strings);
	*strings = (struct host_strings){0};
}

void host_strings_add(struct host_strings *strings, const char *string)
{
	if (!host_strings_have(strings, string))
		*array_add(strings->strings, strings->count) = xstrdup(string);
}

void host_surroundings_done(struct host_surroundings *surroundings)
{
	host_strings_done(&surroundings->users);
	host_strings_done(&surroundings->inhibitors);
	*surroundings = (struct host_surroundings){0};
}

void host_network_done(struct host_network *network)
{
	host_strings_done(&network->remote);
	host_strings_done(&network->gateways);
	host_strings_done(&network->name_servers);
	*network = (struct host_network){0};
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct host_name *)a)->name, ((const struct host_name *)b)->name);
}

void host_names_sort(struct host_names *names)
{
	if (names->count > 1)
		qsort(names->names, names->count, sizeof(*names->names), compare_names);
}

void host_subvolume_done(struct host_subvolume *subvolume)
{
	free(subvolume->path);
	*subvolume = (struct host_subvolume){0};
}

void host_running_done(struct host_running *running)
{
	free(running->root_path);
	free(running->command_line);
	free(running->boot_id);
	free(running->lower_path);
	free(running->entry);
	free(running->entry_default);
	*running = (struct host_running){0};
}

void host_identity_done(struct host_identity *identity)
{
	free(identity->pool_uuid);
	free(identity->boot_uuid);
	free(identity->boot_where);
	*identity = (struct host_identity){0};
}

void host_firmware_done(struct host_firmware *firmware)
{
	for (size_t i = 0; i < firmware->count; i++) {
		free(firmware->options[i].label);
		free(firmware->options[i].path);
	}
	free(firmware->options);
	*firmware = (struct host_firmware){0};
}

bool host_strings_have(const struct host_strings *strings, const char *string)
{
	for (size_t i = 0; i < strings->count; i++)
		if (strcmp(strings->strings[i], string) == 0)
			return true;
	return false;
}
