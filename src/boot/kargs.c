#include "kargs.h"
#include <string.h>
#include "command_word.h"
#include "text.h"

/* --- what a person wrote ------------------------------------------------------------------------ */

/* The loader reads lines, and hands the kernel what it makes of them: plain characters only. */
static bool check_characters(const char *argument, struct err *err)
{
	unsigned quotes = 0;

	for (const char *c = argument; *c; c++) {
		quotes += *c == '"';
		if ((*c < ' ' && *c != '\t') || *c > '~')
			return err_set(err, ERR_USAGE, 0,
				       "%s has a character that cannot be on a kernel command line",
				       text_quote(argument));
	}
	if (quotes % 2 == 0)
		return true;
	err_set(err, ERR_USAGE, 0, "%s has a double quote that is not closed",
		text_quote(argument));
	return err_try(err, "sudo moult kargs add 'name=\"two words\"'");
}

static bool is_separator(const struct command_word *word)
{
	return word->length == 2 && memcmp(word->start, "--", 2) == 0;
}

static bool refuse_separator(const char *verb, struct err *err)
{
	err_set(err, ERR_USAGE, 0,
		"what follows \"--\" is for init: it can only be set with the whole line, not with "
		"'%s'",
		verb);
	return err_try(err, "moult kargs show");
}

static bool check_owner(const struct command_word *word, struct err *err)
{
	auto_free char *copy = xstrndup(word->start, word->length);

	if (!(command_word_drop(word) & DROP_ALWAYS))
		return true;
	err_set(err, ERR_REFUSED, 0, "%s is moult's own to say, for each generation anew",
		text_quote(copy));
	return err_try(err, "moult kargs show");
}

static bool check_words(const char *line, const char *verb, struct err *err)
{
	struct command_word word;

	while (command_word_next(&line, &word)) {
		if (is_separator(&word))
			return text_equal(verb, "set") || refuse_separator(verb, err);
		if (!check_owner(&word, err))
			return false;
	}
	return true;
}

/* All arguments in one line. */
static bool read_arguments(const struct kargs_change *change, char **ret, struct err *err)
{
	auto_text struct text line = {0};
	const char *const *argument = change->arguments;
	const char *cursor;
	struct command_word word;

	for (; argument && *argument; argument++) {
		if (!check_characters(*argument, err))
			return false;
		text_addf(&line, "%s%s", line.length > 0 ? " " : "", *argument);
	}
	cursor = line.bytes ? line.bytes : "";
	if (!check_words(cursor, change->verb, err))
		return false;
	/* an empty word says that the line is to be empty */
	if (!command_word_next(&cursor, &word) &&
	    !(text_equal(change->verb, "set") && change->arguments && *change->arguments)) {
		err_set(err, ERR_USAGE, 0, "there is nothing to %s", change->verb);
		return err_try(err, "sudo moult kargs %s quiet", change->verb);
	}
	*ret = xstrdup(line.bytes ? line.bytes : "");
	return true;
}

/* --- the line ----------------------------------------------------------------------------------- */

static void add_word(struct text *line, const struct command_word *word)
{
	if (line->length > 0)
		text_add(line, " ");
	text_add_bytes(line, word->start, word->length);
}

/* The kernel takes the quotes off wherever they stand. */
static char *unquoted(const struct command_word *word)
{
	char *copy = xstrndup(word->start, word->length), *to = copy;

	for (const char *from = copy; *from; from++)
		if (*from != '"')
			*to++ = *from;
	*to = '\0';
	return copy;
}

static bool is_same(const struct command_word *a, const struct command_word *b)
{
	auto_free char *left = unquoted(a), *right = unquoted(b);

	return strcmp(left, right) == 0;
}

/* `wanted` without a value stands for the argument with any. */
static bool is_meant(const struct command_word *word, const struct command_word *wanted)
{
	auto_free char *key = unquoted(wanted);

	return is_same(word, wanted) ||
	       (!strchr(key, '=') && !text_ends(key, ".") && command_word_has_key(word, key));
}

typedef bool word_matches(const struct command_word *word, const struct command_word *wanted);

static bool has_word(const char *line, const struct command_word *wanted, word_matches *matches)
{
	struct command_word word;

	while (command_word_next(&line, &word) && !is_separator(&word))
		if (matches(&word, wanted))
			return true;
	return false;
}

static void add_missing(const char *options, const char *added, struct text *out)
{
	struct command_word word;

	while (command_word_next(&added, &word))
		if (!has_word(options, &word, is_same) &&
		    !has_word(out->bytes ? out->bytes : "", &word, is_same))
			add_word(out, &word);
}

static char *with(const char *options, const char *added)
{
	struct text out = {0};
	struct command_word word;
	bool for_init = false;

	for (const char *cursor = options; command_word_next(&cursor, &word);) {
		if (!for_init && is_separator(&word)) {
			for_init = true;
			add_missing(options, added, &out);
		}
		add_word(&out, &word);
	}
	if (!for_init)
		add_missing(options, added, &out);
	return text_take(&out);
}

static char *without(const char *options, const char *removed)
{
	struct text out = {0};
	struct command_word word;
	bool for_init = false;

	while (command_word_next(&options, &word)) {
		const char *cursor = removed;
		struct command_word wanted;
		bool meant = false;

		for_init = for_init || is_separator(&word);
		while (!for_init && !meant && command_word_next(&cursor, &wanted))
			meant = is_meant(&word, &wanted);
		if (!meant)
			add_word(&out, &word);
	}
	return text_take(&out);
}

static char *as_written(const char *line)
{
	struct text out = {0};
	struct command_word word;

	while (command_word_next(&line, &word))
		add_word(&out, &word);
	return text_take(&out);
}

static bool check_there(const char *options, const char *removed, struct err *err)
{
	struct command_word wanted;

	while (command_word_next(&removed, &wanted)) {
		auto_free char *copy = xstrndup(wanted.start, wanted.length);

		if (has_word(options, &wanted, is_meant))
			continue;
		err_set(err, ERR_REFUSED, 0, "%s is not on the kernel command line",
			text_quote(copy));
		return err_try(err, "moult kargs show");
	}
	return true;
}

bool kargs_apply(const char *options, const struct kargs_change *change, char **ret,
		 struct err *err)
{
	auto_free char *line = NULL;

	if (!read_arguments(change, &line, err))
		return false;
	if (text_equal(change->verb, "add"))
		*ret = with(options, line);
	else if (text_equal(change->verb, "set"))
		*ret = as_written(line);
	else if (!check_there(options, line, err))
		return false;
	else
		*ret = without(options, line);
	return true;
}

char *kargs_note(const char *options)
{
	auto_text struct text words = {0};
	struct command_word word;

	while (command_word_next(&options, &word) && !is_separator(&word))
		if (command_word_drop(&word) & (DROP_PANIC | DROP_WATCHDOG | DROP_NORESUME))
			add_word(&words, &word);
	if (words.length == 0)
		return NULL;
	return xasprintf("on a trial moult's own words hold instead of %s", words.bytes);
}
