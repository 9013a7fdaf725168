#include "place.h"
#include <string.h>

/* What they look at is of the machine that moult runs on: its devices, its clock, its manuals. */
static const char *const of_here[] = {"man ", "lsblk ", "sudo timedatectl ", "sudo dmesg "};

static bool is_of_here(const char *command)
{
	for (size_t i = 0; i < COUNT(of_here); i++)
		if (text_starts(command, of_here[i]))
			return true;
	return false;
}

/* As one word of a shell. */
static void add_word(const char *word, struct text *out)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789%+,-./:=@_";

	if (*word && strspn(word, plain) == strlen(word)) {
		text_add(out, word);
		return;
	}
	text_add(out, "'");
	for (; *word; word++)
		text_addf(out, *word == '\'' ? "'\\''" : "%c", *word);
	text_add(out, "'");
}

static void add_option(const char *option, const char *value, const char *command, struct text *out)
{
	if (!value || strstr(command, option))
		return;
	text_add(out, option);
	add_word(value, out);
}

void place_add_command(const struct place *place, const char *command, struct text *out)
{
	const char *program = text_starts(command, "sudo ") ? command + strlen("sudo ") : command;
	const char *rest = program + strlen("moult");

	if (text_starts(program, "moult ")) {
		text_add_bytes(out, command, (size_t)(rest - command));
		add_option(" --sysroot ", place->sysroot, rest, out);
		add_option(" --esp ", place->esp, rest, out);
		text_add(out, rest);
		return;
	}
	if (place->sysroot && !text_starts(command, PLACE_THERE) && !is_of_here(command))
		text_add(out, PLACE_THERE);
	text_add(out, command);
}

static void place_member(const struct place *place, json_t *object, const char *key)
{
	const char *command = json_string_value(json_object_get(object, key));
	auto_text struct text placed = {0};

	if (!command)
		return;
	place_add_command(place, command, &placed);
	json_put_string(object, key, placed.bytes);
}

void place_document(const struct place *place, json_t *document)
{
	const char *key;
	json_t *value;
	size_t i;

	json_array_foreach(document, i, value)
	{
		place_document(place, value);
	}
	json_object_foreach(document, key, value)
	{
		place_document(place, value);
	}
	place_member(place, document, "remedy");
	place_member(place, document, "try");
}
