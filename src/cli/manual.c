/*
 * moult internal manual: the man page of one group of commands, for scdoc, made from the tables.
 *
 * What no table can say is a piece of text beside the page's name (docs/man/GROUP.scd), which the
 * build puts between the commands and their options.
 */
#include <ctype.h>
#include <string.h>
#include "help.h"
#include "text.h"

struct manual {
	const char *word; /* the page is moult-WORD(8) */
	enum command_group group;
	const char *summary;
};

static const struct manual manuals[] = {
	{"look", GROUP_LOOK, "what is on this machine, and what would happen to it"},
	{"change", GROUP_CHANGE, "make a changed generation, and try it"},
	{"back", GROUP_BACK, "go back to a generation, or fetch from it, and tidy up"},
	{"setup", GROUP_SETUP, "adopt a system, repair it, ask for its health"},
	{"internal", GROUP_INTERNAL, "what moult's units, hooks and packaging call"},
};

static const struct manual *manual_find(const char *word)
{
	for (size_t i = 0; i < COUNT(manuals); i++)
		if (text_equal(manuals[i].word, word))
			return &manuals[i];
	return NULL;
}

/* --- scdoc -------------------------------------------------------------------------------------- */

static void add_plain(const char *string, struct text *out)
{
	for (; *string; string++) {
		if (strchr("\\*_`#[|", *string))
			text_add(out, "\\");
		text_add_bytes(out, string, 1);
	}
}

static bool is_part_of_word(char letter)
{
	return isalnum((unsigned char)letter) || letter == '-' || letter == ':';
}

/* Of a synopsis: what is typed as it stands is bold, what stands for something is underlined. */
static void add_marked(const char *line, struct text *out)
{
	while (*line) {
		size_t length = 0;
		const char *mark;

		while (is_part_of_word(line[length]))
			length++;
		if (length == 0) {
			if (*line == '[')
				text_add(out, "\\");
			text_add_bytes(out, line++, 1);
			continue;
		}
		mark = isupper((unsigned char)*line) ? "_" : "*";
		text_addf(out, "%s%.*s%s", mark, (int)length, line, mark);
		line += length;
	}
}

static void add_command(const struct command *command, struct text *out)
{
	auto_text struct text line = {0};

	help_synopsis(command, &line);
	text_add(out, "## ");
	text_addf(out, "%s\n\n", command->name);
	add_marked(line.bytes, out);
	text_add(out, "\n\n");
	add_plain(command->help, out);
	text_add(out, "\n\n");
}

static void add_option(const struct option *option, struct text *out)
{
	if (option->letter)
		text_addf(out, "*-%c*, ", option->letter);
	text_addf(out, "*--%s*", option->name);
	if (option->argument)
		text_addf(out, " _%s_", option->argument);
	text_add(out, "\n\t");
	add_plain(option->help, out);
	text_add(out, "\n\n");
}

/* --- the page ----------------------------------------------------------------------------------- */

static void add_head(const struct manual *manual, struct text *out)
{
	text_addf(out, "moult-%s(8)\n\n# NAME\n\nmoult-%s - %s\n\n# COMMANDS\n\n", manual->word,
		  manual->word, manual->summary);
	for (size_t i = 0; command_at(i); i++)
		if (command_at(i)->group == manual->group)
			add_command(command_at(i), out);
}

static void add_options(const struct manual *manual, struct text *out)
{
	uint64_t options = 0;

	for (size_t i = 0; command_at(i); i++)
		if (command_at(i)->group == manual->group)
			options |= command_at(i)->options;
	text_add(out, "# OPTIONS\n\nOptions may stand anywhere; *--* ends them.\n\n");
	for (enum option_id id = 0; id < OPTION_COUNT; id++)
		if (options & OPTION_BIT(id))
			add_option(option_at(id), out);
}

static void add_tail(const struct manual *manual, struct text *out)
{
	add_options(manual, out);
	text_add(out, "# SEE ALSO\n\n*moult*(8), which has exit statuses, files and examples");
	for (size_t i = 0; i < COUNT(manuals); i++)
		if (&manuals[i] != manual)
			text_addf(out, ", *moult-%s*(8)", manuals[i].word);
	text_add(out, ", *moult.yaml*(5)\n");
}

/* The pages that only refer to this one: "upgrade run shell". */
static void add_names(const struct manual *manual, struct text *out)
{
	for (size_t i = 0; command_at(i); i++)
		if (command_at(i)->group == manual->group && !strchr(command_at(i)->name, ' '))
			text_addf(out, "%s\n", command_at(i)->name);
}

bool manual_local(const struct invocation *invocation, struct text *out, struct err *err)
{
	const struct manual *manual = manual_find(invocation->operands[0]);
	const char *part = invocation->operand_count > 1 ? invocation->operands[1] : NULL;

	if (!manual) {
		err_set(err, ERR_USAGE, 0, "there is no group of commands %s",
			text_quote(invocation->operands[0]));
		return err_try(err, "moult internal manual look");
	}
	if (text_equal(part, "names"))
		add_names(manual, out);
	if (!part || text_equal(part, "head"))
		add_head(manual, out);
	if (!part || text_equal(part, "tail"))
		add_tail(manual, out);
	return true;
}
