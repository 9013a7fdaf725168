#include "help.h"
#include <string.h>
#include "text.h"

/* Common to nearly all commands: named once in the synopsis, not on every line. */
#define EVERYWHERE                                                                                 \
	(OPTION_BIT(OPTION_SYSROOT) | OPTION_BIT(OPTION_ESP) | OPTION_BIT(OPTION_JSON) |           \
	 OPTION_BIT(OPTION_QUIET) | OPTION_BIT(OPTION_VERBOSE) | OPTION_BIT(OPTION_HELP) |         \
	 OPTION_BIT(OPTION_NO_PROGRESS) | OPTION_BIT(OPTION_PROGRESS_FD) |                         \
	 OPTION_BIT(OPTION_UNCHANGED) | OPTION_BIT(OPTION_VERSION))

static const struct view page = {.columns = 80};

void help_synopsis(const struct command *command, struct text *line)
{
	text_addf(line, "moult %s", command->name);
	for (enum option_id id = 0; id < OPTION_COUNT; id++) {
		const struct option *option = option_at(id);

		if (!(command->options & ~EVERYWHERE & OPTION_BIT(id)))
			continue;
		if (option->letter)
			text_addf(line, " [-%c]", option->letter);
		else
			text_addf(line, " [--%s%s%s]%s", option->name, option->argument ? " " : "",
				  option->argument ? option->argument : "",
				  option->kind == OPTION_LIST ? "..." : "");
	}
	if (*command->operands)
		text_addf(line, " %s", command->operands);
}

bool synopsis_local(const struct invocation *invocation, struct text *out, struct err *err)
{
	(void)invocation;
	(void)err;
	for (size_t i = 0; command_at(i); i++) {
		if (command_at(i)->group == GROUP_INTERNAL)
			continue;
		help_synopsis(command_at(i), out);
		text_add(out, "\n");
	}
	return true;
}

static void add_option(const struct option *option, struct text *out)
{
	auto_text struct text left = {0};
	auto_free char *padded = NULL;

	if (option->letter)
		text_addf(&left, "  -%c, --%s", option->letter, option->name);
	else
		text_addf(&left, "      --%s", option->name);
	if (option->argument)
		text_addf(&left, " %s", option->argument);
	padded = xasprintf("%-27s ", left.bytes);
	view_add_bulleted(&page, out, padded, option->help);
}

/* How far the next piece goes that must not be broken: "[--release CODENAME]" is one. */
static size_t piece_length(const char *piece)
{
	size_t length = 0;

	for (int depth = 0; piece[length] && (piece[length] != ' ' || depth > 0); length++)
		depth += (piece[length] == '[') - (piece[length] == ']');
	return length;
}

static void add_usage(const struct command *command, struct text *out)
{
	static const size_t indent = 7; /* of "Usage: " */
	auto_text struct text line = {0};
	size_t column = indent;

	help_synopsis(command, &line);
	text_add(out, "Usage:");
	for (const char *piece = line.bytes; *piece; piece += *piece == ' ') {
		size_t length = piece_length(piece);

		if (column > indent && column + length > page.columns) {
			text_addf(out, "\n%*s", (int)indent - 1, "");
			column = indent;
		}
		text_add(out, " ");
		text_add_bytes(out, piece, length);
		column += length + 1;
		piece += length;
	}
	text_add(out, "\n");
}

void help_command(const struct command *command, struct text *out)
{
	add_usage(command, out);
	text_addf(out, "\n%s.\n\n", command->summary);
	view_add_bulleted(&page, out, "", command->help);
	text_add(out, "\nOptions:\n");
	for (enum option_id id = 0; id < OPTION_COUNT; id++)
		if (command->options & OPTION_BIT(id))
			add_option(option_at(id), out);
	text_add(out, "\nSee moult(8) for exit statuses, files and examples.\n");
}

static void add_overview(struct text *out)
{
	text_add(out,
		 "Usage: moult COMMAND [OPTION]...\n\n"
		 "Upgrades this system in a private copy, boots it on trial, and goes back.\n");
	for (enum command_group group = 0; group < GROUP_INTERNAL; group++) {
		text_addf(out, "\n%s:\n", command_groups[group]);
		for (size_t i = 0; command_at(i); i++)
			if (command_at(i)->group == group)
				text_addf(out, "  %-10s %s\n", command_at(i)->name,
					  command_at(i)->summary);
	}
	text_add(out, "\n'moult COMMAND --help' tells more about one of them, 'man moult-COMMAND' "
		      "all.\n");
}

bool help_local(const struct invocation *invocation, struct text *out, struct err *err)
{
	auto_free char *name = NULL;
	const struct command *command;

	if (invocation->operand_count == 0) {
		add_overview(out);
		return true;
	}
	name = invocation->operand_count == 2
		       ? xasprintf("%s %s", invocation->operands[0], invocation->operands[1])
		       : xstrdup(invocation->operands[0]);
	command = command_find(name);
	if (!command) {
		err_set(err, ERR_USAGE, 0, "there is no command %s", text_quote(name));
		return err_try(err, "moult help");
	}
	help_command(command, out);
	return true;
}

bool version_local(const struct invocation *invocation, struct text *out, struct err *err)
{
	auto_json json_t *document = NULL;
	auto_free char *printed = NULL;

	(void)err;
	if (!invocation->json) {
		text_add(out, "moult " MOULT_VERSION "\n");
		return true;
	}
	document = json_object();
	json_object_set_new(document, "format_version", json_integer(1));
	json_put_string(document, "version", MOULT_VERSION);
	printed = json_print(document);
	text_add(out, printed);
	return true;
}
