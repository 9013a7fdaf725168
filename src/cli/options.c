#include "options.h"
#include <limits.h>
#include <string.h>
#include "text.h"

#define FIELD(member) offsetof(struct invocation, member)

static const struct option options[OPTION_COUNT] = {
	[OPTION_DRY_RUN] = {"dry-run", 'n', NULL, "Show what would be done, and change nothing",
			    OPTION_FLAG, FIELD(request.dry_run)},
	[OPTION_RELEASE] = {"release", 0, "CODENAME",
			    "Upgrade to this release of the distribution (trixie)", OPTION_STRING,
			    FIELD(request.release)},
	[OPTION_SOURCE] = {"source", 0, "SOURCE", "Where the new content comes from (packages)",
			   OPTION_STRING, FIELD(request.source)},
	[OPTION_LOADER] = {"loader", 0, "LOADER",
			   "Boot by this loader, put beside the one that is there (systemd-boot)",
			   OPTION_STRING, FIELD(request.loader)},
	[OPTION_ACCEPT] = {"accept", 0, "CODE",
			   "Go on in spite of what was reported under CODE; repeatable",
			   OPTION_LIST, FIELD(accept)},
	[OPTION_DATA] = {"data", 0, "NAME",
			 "Put this data back, too, as before the newer system ran; repeatable",
			 OPTION_LIST, FIELD(data)},
	[OPTION_REPLACE] = {"replace", 0, NULL, "Give up what 'run' or 'shell' left pending",
			    OPTION_FLAG, FIELD(request.replace)},
	[OPTION_CONTINUE] = {"continue", 0, NULL, "Build on top of the pending generation",
			     OPTION_FLAG, FIELD(request.continue_pending)},
	[OPTION_REBOOT] = {"reboot", 0, NULL, "Reboot when it is done", OPTION_FLAG,
			   FIELD(request.reboot)},
	[OPTION_WHEN] = {"when", 0, "WINDOW", "Reboot into it in this window, 'Sat 02:00-05:00'",
			 OPTION_STRING, FIELD(request.when)},
	[OPTION_BASE] = {"base", 0, NULL, "As it was built, without later changes by its owner",
			 OPTION_FLAG, FIELD(request.base)},
	[OPTION_UNDO] = {"undo", 0, NULL, "Go back to the system as it was before init",
			 OPTION_FLAG, FIELD(request.undo)},
	[OPTION_FINALIZE] = {"finalize", 0, NULL, "Delete the system as it was before init",
			     OPTION_FLAG, FIELD(request.finalize)},
	[OPTION_SIZES] = {"sizes", 0, NULL, "Measure what each generation alone takes (slow)",
			  OPTION_FLAG, FIELD(request.sizes)},
	[OPTION_PACKAGES] = {"packages", 0, NULL, "Only packages", OPTION_FLAG,
			     FIELD(request.packages)},
	[OPTION_CONFIG] = {"config", 0, NULL, "Only configuration, all of it", OPTION_FLAG,
			   FIELD(request.config)},
	[OPTION_FILES] = {"files", 0, NULL, "Only files outside /etc, all of them", OPTION_FLAG,
			  FIELD(request.files)},
	[OPTION_FILE] = {"file", 0, "PATH", "Only this file, line by line", OPTION_STRING,
			 FIELD(request.file)},
	[OPTION_UNCHANGED] = {"unchanged-exit-77", 0, NULL,
			      "Exit with 77 where there was nothing to do", OPTION_FLAG,
			      FIELD(unchanged_exit_77)},
	[OPTION_SYSROOT] = {"sysroot", 0, "DIR",
			    "Another system: a mounted directory, device or disk image",
			    OPTION_STRING, FIELD(sysroot)},
	[OPTION_ESP] = {"esp", 0, "DIR", "Its EFI system partition, where it is not found",
			OPTION_STRING, FIELD(esp)},
	[OPTION_JSON] = {"json", 0, NULL, "Print the result as one JSON document", OPTION_FLAG,
			 FIELD(json)},
	[OPTION_QUIET] = {"quiet", 'q', NULL, "No progress, only the result and errors",
			  OPTION_FLAG, FIELD(quiet)},
	[OPTION_VERBOSE] = {"verbose", 'v', NULL, "All steps, and what programs say meanwhile",
			    OPTION_FLAG, FIELD(verbose)},
	[OPTION_NO_PROGRESS] = {"no-progress", 0, NULL, "Plain lines instead of a progress bar",
				OPTION_FLAG, FIELD(no_progress)},
	[OPTION_PROGRESS_FD] = {"progress-fd", 0, "N",
				"Write progress as JSON lines to this descriptor", OPTION_NUMBER,
				FIELD(progress_fd)},
	[OPTION_VERSION] = {"version", 0, NULL, "Show the version", OPTION_FLAG, FIELD(version)},
	[OPTION_HELP] = {"help", 'h', NULL, "Show help", OPTION_FLAG, FIELD(help)},
};

static const enum option_id exclusive[][2] = {
	{OPTION_REPLACE, OPTION_CONTINUE},
	{OPTION_UNDO, OPTION_FINALIZE},
	/* there is nothing to reboot but the running system */
	{OPTION_REBOOT, OPTION_SYSROOT},
	{OPTION_WHEN, OPTION_SYSROOT},
	{OPTION_WHEN, OPTION_REBOOT},
	{OPTION_QUIET, OPTION_VERBOSE},
	{OPTION_FILE, OPTION_PACKAGES},
	{OPTION_FILE, OPTION_CONFIG},
	{OPTION_FILE, OPTION_FILES},
};

const struct option *option_at(enum option_id id)
{
	return &options[id];
}

/* --- one option --------------------------------------------------------------------------------- */

struct parser {
	struct invocation *invocation;
	int argc, at;
	const char *const *argv;
	uint64_t used; /* OPTION_BIT() of those that were given */
};

static bool help_hint(const struct parser *parser, struct err *err)
{
	const struct command *command = parser->invocation->command;

	return command ? err_try(err, "moult %s --help", command->name)
		       : err_try(err, "moult help");
}

static enum option_id find_long(const char *name, size_t length)
{
	for (enum option_id id = 0; id < OPTION_COUNT; id++)
		if (strlen(options[id].name) == length &&
		    strncmp(options[id].name, name, length) == 0)
			return id;
	return OPTION_COUNT;
}

static enum option_id find_letter(char letter)
{
	for (enum option_id id = 0; id < OPTION_COUNT; id++)
		if (options[id].letter == letter)
			return id;
	return OPTION_COUNT;
}

static bool store_number(int *field, const char *value, const char *name, struct err *err)
{
	unsigned long long number;

	if (!text_to_u64(value, &number) || number > INT_MAX)
		return err_set(err, ERR_USAGE, 0, "--%s wants a number, not %s", name,
			       text_quote(value));
	*field = (int)number;
	return true;
}

static void store_list(struct word_list *list, const char *value)
{
	list->words = xrealloc(list->words, (list->count + 2) * sizeof(const char *));
	list->words[list->count++] = value;
	list->words[list->count] = NULL;
}

static bool store(struct parser *parser, enum option_id id, const char *value, struct err *err)
{
	void *field = (char *)parser->invocation + options[id].field;

	parser->used |= OPTION_BIT(id);
	switch (options[id].kind) {
	case OPTION_FLAG:
		*(bool *)field = true;
		break;
	case OPTION_STRING:
		*(const char **)field = value;
		break;
	case OPTION_NUMBER:
		return store_number(field, value, options[id].name, err);
	case OPTION_LIST:
		store_list(field, value);
		break;
	}
	return true;
}

/* `attached`: what follows "=" or a letter; NULL = nothing. */
static bool take_option(struct parser *parser, enum option_id id, const char *attached,
			struct err *err)
{
	const char *value = attached;

	if (options[id].argument && !value) {
		if (parser->at + 1 >= parser->argc) {
			err_set(err, ERR_USAGE, 0, "--%s wants %s after it", options[id].name,
				options[id].argument);
			return help_hint(parser, err);
		}
		value = parser->argv[++parser->at];
	}
	if (options[id].argument && *value == '\0') {
		err_set(err, ERR_USAGE, 0, "--%s was given nothing as its %s", options[id].name,
			options[id].argument);
		return help_hint(parser, err);
	}
	return store(parser, id, value, err);
}

static bool unknown_long(const struct parser *parser, const char *name, size_t length,
			 struct err *err)
{
	auto_free char *word = xstrndup(name, length);

	err_set(err, ERR_USAGE, 0, "there is no option %s", text_quote(name - 2));
	for (enum option_id id = 0; id < OPTION_COUNT; id++)
		if (edit_is_near(word, options[id].name)) {
			err_set(err, ERR_USAGE, 0, "there is no option %s; did you mean --%s?",
				text_quote(name - 2), options[id].name);
			break;
		}
	return help_hint(parser, err);
}

static bool take_long(struct parser *parser, const char *name, struct err *err)
{
	size_t length = strcspn(name, "=");
	enum option_id id = find_long(name, length);
	const char *value = name[length] ? name + length + 1 : NULL;

	if (id == OPTION_COUNT)
		return unknown_long(parser, name, length, err);
	if (value && !options[id].argument) {
		err_set(err, ERR_USAGE, 0, "--%s takes no value", options[id].name);
		return help_hint(parser, err);
	}
	return take_option(parser, id, value, err);
}

static bool take_letters(struct parser *parser, const char *letters, struct err *err)
{
	for (; *letters; letters++) {
		enum option_id id = find_letter(*letters);
		char word[3] = {'-', *letters, '\0'};

		if (id == OPTION_COUNT) {
			err_set(err, ERR_USAGE, 0, "there is no option %s", text_quote(word));
			return help_hint(parser, err);
		}
		if (!take_option(parser, id, NULL, err))
			return false;
	}
	return true;
}

/* --- words -------------------------------------------------------------------------------------- */

static bool find_command(struct parser *parser, const char *word, struct err *err)
{
	const struct command **command = &parser->invocation->command;
	auto_free char *two = NULL;
	const char *near;

	if (strcmp(word, "internal") == 0 && parser->at + 1 < parser->argc) {
		two = xasprintf("internal %s", parser->argv[++parser->at]);
		word = two;
	}
	*command = command_find(word);
	if (*command)
		return true;
	near = command_nearest(word);
	if (near)
		err_set(err, ERR_USAGE, 0, "there is no command %s; did you mean '%s'?",
			text_quote(word), near);
	else
		err_set(err, ERR_USAGE, 0, "there is no command %s", text_quote(word));
	return err_try(err, "moult help");
}

static bool take_word(struct parser *parser, const char *word, struct err *err)
{
	struct invocation *invocation = parser->invocation;

	if (!invocation->command)
		return find_command(parser, word, err);
	invocation->operands[invocation->operand_count++] = word;
	return true;
}

/* From here on everything is a word; what was an option before stays one. */
static bool take_rest(struct parser *parser, struct err *err)
{
	for (; parser->at < parser->argc; parser->at++)
		if (!take_word(parser, parser->argv[parser->at], err))
			return false;
	return true;
}

static bool take_argument(struct parser *parser, struct err *err)
{
	const struct command *command = parser->invocation->command;
	const char *argument = parser->argv[parser->at];

	if (strcmp(argument, "--") == 0) {
		parser->at++;
		return take_rest(parser, err);
	}
	if (strncmp(argument, "--", 2) == 0)
		return take_long(parser, argument + 2, err);
	if (argument[0] == '-' && argument[1] != '\0')
		return take_letters(parser, argument + 1, err);
	if (command && command->needs & TAKES_REST)
		return take_rest(parser, err);
	return take_word(parser, argument, err);
}

/* --- the whole ---------------------------------------------------------------------------------- */

static bool check_options(const struct parser *parser, struct err *err)
{
	const struct command *command = parser->invocation->command;
	/* who looks before each command need not know which of them only look */
	uint64_t always = OPTION_BIT(OPTION_HELP) |
			  (command->group == GROUP_INTERNAL ? 0 : OPTION_BIT(OPTION_DRY_RUN));
	uint64_t wrong = parser->used & ~(command->options | always);

	for (enum option_id id = 0; id < OPTION_COUNT; id++)
		if (wrong & OPTION_BIT(id)) {
			err_set(err, ERR_USAGE, 0, "moult %s takes no --%s", command->name,
				options[id].name);
			return help_hint(parser, err);
		}
	for (size_t i = 0; i < COUNT(exclusive); i++) {
		uint64_t both = OPTION_BIT(exclusive[i][0]) | OPTION_BIT(exclusive[i][1]);

		if ((parser->used & both) == both) {
			err_set(err, ERR_USAGE, 0, "--%s and --%s exclude each other",
				options[exclusive[i][0]].name, options[exclusive[i][1]].name);
			return help_hint(parser, err);
		}
	}
	return true;
}

static bool is_one_of(const char *word, const char *words)
{
	for (size_t length; *words; words += length + (words[length] == ' ')) {
		length = strcspn(words, " ");
		if (strlen(word) == length && strncmp(word, words, length) == 0)
			return true;
	}
	return false;
}

static bool check_operands(const struct parser *parser, struct err *err)
{
	const struct invocation *invocation = parser->invocation;
	const struct command *command = invocation->command;

	if (invocation->operand_count < command->least) {
		err_set(err, ERR_USAGE, 0, "moult %s wants %s", command->name, command->operands);
		return help_hint(parser, err);
	}
	if (invocation->operand_count > command->most) {
		err_set(err, ERR_USAGE, 0, "moult %s does not take %s", command->name,
			text_quote(invocation->operands[command->most]));
		return help_hint(parser, err);
	}
	if (command->words && !command->open_words && invocation->operand_count > 0 &&
	    !is_one_of(invocation->operands[0], command->words)) {
		err_set(err, ERR_USAGE, 0, "moult %s knows %s, not %s", command->name,
			command->operands, text_quote(invocation->operands[0]));
		return help_hint(parser, err);
	}
	if (command->reading_word && invocation->operand_count > 1 &&
	    strcmp(invocation->operands[0], command->reading_word) != 0) {
		err_set(err, ERR_USAGE, 0, "moult %s %s does not take %s", command->name,
			invocation->operands[0], text_quote(invocation->operands[1]));
		return help_hint(parser, err);
	}
	return true;
}

static void fill_request(struct invocation *invocation)
{
	const struct command *command = invocation->command;
	struct verb_request *request = &invocation->request;

	request->verb = text_starts(command->name, "internal ") ? strchr(command->name, ' ') + 1
								: command->name;
	for (size_t i = 0; i < COUNT(command->fields) && i < invocation->operand_count; i++)
		if (command->fields[i])
			*(const char **)((char *)request + command->fields[i]) =
				invocation->operands[i];
	if (command->rest)
		*(const char *const **)((char *)request + command->rest) =
			invocation->operands + (invocation->operand_count > 0);
	if (command->needs & TAKES_REST)
		request->command = invocation->operands;
	if (command->needs & TAKES_PATHS && invocation->operand_count > 0)
		request->paths = invocation->operands + 1;
	request->accept = invocation->accept.words;
	request->data = invocation->data.words;
	request->terminal = command->needs & USES_TERMINAL;
}

static bool parse(struct invocation *invocation, int argc, const char *const *argv, struct err *err)
{
	struct parser parser = {.invocation = invocation, .argc = argc, .argv = argv};

	for (parser.at = 1; parser.at < argc; parser.at++)
		if (!take_argument(&parser, err))
			return false;
	if (!invocation->command && (invocation->help || invocation->version))
		invocation->command = command_find(invocation->help ? "help" : "version");
	if (!invocation->command) {
		err_set(err, ERR_USAGE, 0, "no command was given");
		return err_try(err, "moult help");
	}
	if (invocation->help)
		return true;
	if (!check_options(&parser, err) || !check_operands(&parser, err))
		return false;
	fill_request(invocation);
	return true;
}

/* A program that asked for JSON gets its usage errors as JSON, too, wherever it asked. */
static bool wants_json(int argc, const char *const *argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--json") == 0)
			return true;
	return false;
}

bool invocation_parse(struct invocation *invocation, int argc, const char *const *argv,
		      struct err *err)
{
	*invocation = (struct invocation){.progress_fd = -1};
	invocation->operands = xcalloc((size_t)argc + 1, sizeof(const char *));
	if (parse(invocation, argc, argv, err))
		return true;
	invocation->json = wants_json(argc, argv);
	return false;
}

void invocation_done(struct invocation *invocation)
{
	free(invocation->accept.words);
	free(invocation->data.words);
	free(invocation->operands);
	*invocation = (struct invocation){.progress_fd = -1};
}
