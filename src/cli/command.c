#include "command.h"
#include <string.h>
#include "rows.h"

const char *const command_groups[GROUP_COUNT] = {
	[GROUP_LOOK] = "Look",
	[GROUP_CHANGE] = "Change the system",
	[GROUP_BACK] = "Go back, and tidy up",
	[GROUP_SETUP] = "Set up and repair",
	[GROUP_HELP] = "Help",
	[GROUP_INTERNAL] = "For units and packaging",
};

static const struct command_rows *const tables[] = {
	&commands_look, &commands_change, &commands_back, &commands_setup, &commands_internal,
};

const struct command *command_at(size_t index)
{
	for (size_t i = 0; i < COUNT(tables); index -= tables[i++]->count)
		if (index < tables[i]->count)
			return &tables[i]->rows[index];
	return NULL;
}

const struct command *command_find(const char *name)
{
	const struct command *command;

	for (size_t i = 0; (command = command_at(i)); i++)
		if (strcmp(command->name, name) == 0)
			return command;
	return NULL;
}

const char *command_nearest(const char *name)
{
	const struct command *command;
	const char *nearest = NULL;
	unsigned least = UINT32_MAX;

	for (size_t i = 0; (command = command_at(i)); i++) {
		unsigned distance = edit_distance(name, command->name);

		if (distance < least && edit_is_near(name, command->name)) {
			nearest = command->name;
			least = distance;
		}
	}
	return nearest;
}
