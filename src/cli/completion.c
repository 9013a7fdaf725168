/* moult internal completion: one script for each shell, made from the tables. */
#include <string.h>
#include "help.h"
#include "text.h"

static bool is_shown(const struct command *command)
{
	return command->group != GROUP_INTERNAL;
}

/* Names of commands, or long options, separated by blanks. */
static void add_commands(struct text *out)
{
	for (size_t i = 0, count = 0; command_at(i); i++)
		if (is_shown(command_at(i)))
			text_addf(out, "%s%s", count++ ? " " : "", command_at(i)->name);
}

static void add_options(uint64_t options, struct text *out)
{
	for (enum option_id id = 0, count = 0; id < OPTION_COUNT; id++)
		if (options & OPTION_BIT(id))
			text_addf(out, "%s--%s", count++ ? " " : "", option_at(id)->name);
}

static void add_words(const struct command *command, struct text *out)
{
	if (strcmp(command->name, "help") == 0)
		add_commands(out);
	else
		text_add(out, command->words ? command->words : "");
}

/* "--sysroot|--esp": the options whose argument is a file, or those with any argument. */
static void add_option_pattern(bool file, const char *separator, struct text *out)
{
	size_t count = 0;

	for (enum option_id id = 0; id < OPTION_COUNT; id++) {
		const struct option *option = option_at(id);
		bool is_file = text_equal(option->argument, "DIR");

		if (option->argument && (!file || is_file))
			text_addf(out, "%s--%s", count++ ? separator : "", option->name);
	}
}

/* --- bash --------------------------------------------------------------------------------------- */

static void add_bash_case(const struct command *command, struct text *out)
{
	text_addf(out, "\t%s)\n\t\toptions='", command->name);
	add_options(command->options, out);
	text_add(out, "'\n\t\twords='");
	add_words(command, out);
	text_add(out, "' ;;\n");
}

/* The first word that is neither an option nor one's argument; bash parts "--esp=x" into three. */
static void add_bash_search(struct text *out)
{
	text_add(out, "\tlocal word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
		      "\tlocal command='' options='' words='' i=1\n\n"
		      "\tCOMPREPLY=()\n"
		      "\tif [ \"$word\" = = ]; then\n\t\tword=''\n"
		      "\telif [ \"$before\" = = ]; then\n"
		      "\t\tbefore=${COMP_WORDS[COMP_CWORD-2]}\n\tfi\n"
		      "\twhile [ \"$i\" -lt \"$COMP_CWORD\" ]; do\n"
		      "\t\tcase ${COMP_WORDS[i]} in\n\t\t");
	add_option_pattern(false, "|", out);
	text_add(out, ")\n\t\t\t[ \"${COMP_WORDS[i+1]}\" != = ] || i=$((i + 1))\n"
		      "\t\t\ti=$((i + 1)) ;;\n"
		      "\t\t-*) ;;\n"
		      "\t\t*)\n\t\t\tcommand=${COMP_WORDS[i]}\n\t\t\tbreak ;;\n"
		      "\t\tesac\n\t\ti=$((i + 1))\n\tdone\n");
}

static void bash(struct text *out)
{
	text_add(out, "# bash completion for moult, made by 'moult internal completion bash'\n"
		      "_moult()\n{\n");
	add_bash_search(out);
	text_add(out, "\tcase $before in\n\t");
	add_option_pattern(true, "|", out);
	text_add(out, ")\n\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
		      "\t\treturn ;;\n\t");
	add_option_pattern(false, "|", out);
	text_add(out, ")\n\t\treturn ;;\n\tesac\n\tcase $command in\n\t'')\n\t\twords='");
	add_commands(out);
	text_add(out, "'\n\t\toptions='");
	add_options(OPTIONS_GLOBAL, out);
	text_add(out, "' ;;\n");
	for (size_t i = 0; command_at(i); i++)
		if (is_shown(command_at(i)))
			add_bash_case(command_at(i), out);
	text_add(out, "\tesac\n"
		      "\tcase $word in\n"
		      "\t-*)\n\t\twords=$options ;;\n\tesac\n"
		      "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
		      "}\n"
		      "complete -F _moult moult\n");
}

/* --- zsh ---------------------------------------------------------------------------------------- */

/* In single quotes, for _describe and _arguments: ' : [ ] must not be seen as syntax. */
static void add_zsh_quoted(const char *string, struct text *out)
{
	for (; *string; string++) {
		if (*string == '\'')
			text_add(out, "'\\''");
		else if (strchr(":[]", *string))
			text_addf(out, "\\%c", *string);
		else
			text_addf(out, "%c", *string);
	}
}

static void add_zsh_form(const struct option *option, const char *form, struct text *out)
{
	text_addf(out, "\t\t\t'%s%s%s[", option->kind == OPTION_LIST ? "*" : "", form,
		  option->argument ? "=" : "");
	add_zsh_quoted(option->help, out);
	text_add(out, "]");
	if (option->argument)
		text_addf(out, ":%s:%s", option->argument,
			  strcmp(option->argument, "DIR") == 0 ? "_files" : "");
	text_add(out, "' \\\n");
}

static void add_zsh_options(uint64_t options, struct text *out)
{
	for (enum option_id id = 0; id < OPTION_COUNT; id++) {
		const struct option *option = option_at(id);
		auto_free char *name = xasprintf("--%s", option->name);
		char letter[] = {'-', option->letter, '\0'};

		if (!(options & OPTION_BIT(id)))
			continue;
		add_zsh_form(option, name, out);
		if (option->letter)
			add_zsh_form(option, letter, out);
	}
}

static void add_zsh_case(const struct command *command, struct text *out)
{
	text_addf(out, "\t%s)\n\t\t_arguments -S \\\n", command->name);
	add_zsh_options(command->options, out);
	if (command->needs & TAKES_REST) {
		text_add(out, "\t\t\t'*::command:_normal' ;;\n");
		return;
	}
	text_add(out, "\t\t\t'*:operand:(");
	add_words(command, out);
	text_add(out, ")' ;;\n");
}

/* Options before the command are parsed first; what is left begins with the command. */
static void zsh(struct text *out)
{
	text_add(out, "#compdef moult\n"
		      "# zsh completion for moult, made by 'moult internal completion zsh'\n"
		      "_moult()\n{\n"
		      "\tlocal context state state_descr line curcontext=$curcontext\n"
		      "\tlocal -A opt_args\n"
		      "\tlocal -a commands\n\n\tcommands=(\n");
	for (size_t i = 0; command_at(i); i++) {
		if (!is_shown(command_at(i)))
			continue;
		text_addf(out, "\t\t'%s:", command_at(i)->name);
		add_zsh_quoted(command_at(i)->summary, out);
		text_add(out, "'\n");
	}
	text_add(out, "\t)\n\t_arguments -C -S \\\n");
	add_zsh_options(OPTIONS_GLOBAL, out);
	text_add(out, "\t\t\t'(-): :->command' \\\n"
		      "\t\t\t'(-)*:: :->rest' && return\n"
		      "\tif [[ $state == command ]]; then\n"
		      "\t\t_describe -t commands 'moult command' commands\n"
		      "\t\treturn\n"
		      "\tfi\n"
		      "\t[[ $state == rest ]] || return\n"
		      "\tcase $words[1] in\n");
	for (size_t i = 0; command_at(i); i++)
		if (is_shown(command_at(i)))
			add_zsh_case(command_at(i), out);
	text_add(out, "\tesac\n}\n_moult \"$@\"\n");
}

/* --- fish --------------------------------------------------------------------------------------- */

/* fish's own functions take the argument of an option for the command. */
static void add_fish_functions(struct text *out)
{
	text_add(out, "function __moult_command\n"
		      "\tset -l words (commandline -opc)\n"
		      "\tset -e words[1]\n"
		      "\twhile set -q words[1]\n"
		      "\t\tswitch $words[1]\n"
		      "\t\t\tcase ");
	add_option_pattern(false, " ", out);
	text_add(out, "\n"
		      "\t\t\t\tset -e words[1]\n"
		      "\t\t\tcase '-*'\n"
		      "\t\t\tcase '*'\n"
		      "\t\t\t\techo $words[1]\n"
		      "\t\t\t\treturn 0\n"
		      "\t\tend\n"
		      "\t\tset -e words[1]\n"
		      "\tend\n"
		      "\treturn 1\n"
		      "end\n"
		      "function __moult_no_command\n"
		      "\tnot __moult_command >/dev/null\n"
		      "end\n"
		      "function __moult_is\n"
		      "\tset -l command (__moult_command)\n"
		      "\ttest -n \"$command\"; and contains -- $command $argv\n"
		      "end\n");
}

static void add_fish_quoted(const char *string, struct text *out)
{
	for (; *string; string++)
		text_addf(out, "%s%c", strchr("'\\", *string) ? "\\" : "", *string);
}

static void add_fish_form(const struct option *option, const char *when, struct text *out)
{
	text_addf(out, "complete -c moult -n '%s' -l %s", when, option->name);
	if (option->letter)
		text_addf(out, " -s %c", option->letter);
	if (option->argument)
		text_add(out, strcmp(option->argument, "DIR") == 0 ? " -r -F" : " -x");
	text_add(out, " -d '");
	add_fish_quoted(option->help, out);
	text_add(out, "'\n");
}

static void add_fish_option(enum option_id id, struct text *out)
{
	auto_text struct text when = {0};

	text_add(&when, "__moult_is");
	for (size_t i = 0; command_at(i); i++)
		if (is_shown(command_at(i)) && command_at(i)->options & OPTION_BIT(id))
			text_addf(&when, " %s", command_at(i)->name);
	add_fish_form(option_at(id), when.bytes, out);
	if (OPTIONS_GLOBAL & OPTION_BIT(id))
		add_fish_form(option_at(id), "__moult_no_command", out);
}

static void fish(struct text *out)
{
	text_add(out, "# fish completion for moult, made by 'moult internal completion fish'\n");
	add_fish_functions(out);
	text_add(out, "complete -c moult -f\n");
	for (size_t i = 0; command_at(i); i++) {
		const struct command *command = command_at(i);
		auto_text struct text words = {0};

		if (!is_shown(command))
			continue;
		text_addf(out, "complete -c moult -n __moult_no_command -a %s -d '", command->name);
		add_fish_quoted(command->summary, out);
		text_add(out, "'\n");
		add_words(command, &words);
		if (words.length)
			text_addf(out, "complete -c moult -n '__moult_is %s' -a '%s'\n",
				  command->name, words.bytes);
	}
	for (enum option_id id = 0; id < OPTION_COUNT; id++)
		add_fish_option(id, out);
}

bool completion_local(const struct invocation *invocation, struct text *out, struct err *err)
{
	static const struct {
		const char *name;
		void (*print)(struct text *out);
	} shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};

	for (size_t i = 0; i < COUNT(shells); i++)
		if (strcmp(invocation->operands[0], shells[i].name) == 0) {
			shells[i].print(out);
			return true;
		}
	return err_set(err, ERR_USAGE, 0, "there is no completion for %s",
		       text_quote(invocation->operands[0]));
}
