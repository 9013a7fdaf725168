#include "grubmenu.h"
#include <stdbool.h>
#include <string.h>
#include "text.h"

#define BLANKS " \t"

/* What is left of a `linux` line, and where it ends. */
struct cursor {
	const char *at, *end;
};

struct word {
	struct text text;
	bool left_out; /* GRUB would put something in, or it is none that a kernel gets */
};

static void word_done(struct word *word)
{
	text_done(&word->text);
}
DEFINE_AUTO_STRUCT(word, struct word, word_done)

static void skip_blanks(struct cursor *cursor)
{
	while (cursor->at < cursor->end && strchr(BLANKS, *cursor->at))
		cursor->at++;
}

/* Up to the quote that ends it; a backslash guards only inside double quotes. */
static void take_quoted(struct cursor *cursor, char quote, struct word *ret)
{
	for (; cursor->at < cursor->end && *cursor->at != quote; cursor->at++) {
		if (quote == '"' && *cursor->at == '\\' && cursor->at + 1 < cursor->end)
			cursor->at++;
		else if (quote == '"' && *cursor->at == '$')
			ret->left_out = true;
		text_add_bytes(&ret->text, cursor->at, 1);
	}
	if (cursor->at < cursor->end)
		cursor->at++;
}

static bool has_control(const struct text *text)
{
	for (size_t i = 0; i < text->length; i++)
		if ((unsigned char)text->bytes[i] < ' ' || text->bytes[i] == 127)
			return true;
	return false;
}

/* False: the command ends here. An empty word, which only quotes make, is one. */
static bool take_word(struct cursor *cursor, struct word *ret)
{
	const char *begin;

	*ret = (struct word){0};
	skip_blanks(cursor);
	if (cursor->at == cursor->end || *cursor->at == '#')
		return false;
	begin = cursor->at;
	while (cursor->at < cursor->end && !strchr(BLANKS ";", *cursor->at)) {
		char byte = *cursor->at++;

		if (byte == '\'' || byte == '"') {
			take_quoted(cursor, byte, ret);
			continue;
		}
		if (byte == '\\' && cursor->at < cursor->end)
			byte = *cursor->at++;
		else if (byte == '$')
			ret->left_out = true;
		text_add_bytes(&ret->text, &byte, 1);
	}
	ret->left_out = ret->left_out || ret->text.length == 0 || has_control(&ret->text);
	/* a command ends here, and its line with it */
	if (cursor->at < cursor->end && *cursor->at == ';')
		cursor->end = cursor->at;
	return cursor->at > begin;
}

/* The kernel knows one kind of quotes: name="value with blanks". */
static void add_word(const struct word *word, struct text *out)
{
	const char *bytes = word->text.bytes, *equals;

	if (word->left_out)
		return;
	equals = strchr(bytes, '=');
	if (out->length > 0)
		text_add(out, " ");
	if (!strpbrk(bytes, BLANKS) || strchr(bytes, '"'))
		text_add(out, bytes);
	else if (equals)
		text_addf(out, "%.*s=\"%s\"", (int)(equals - bytes), bytes, equals + 1);
	else
		text_addf(out, "\"%s\"", bytes);
}

static bool is_linux_line(struct cursor *cursor)
{
	static const char *const commands[] = {"linux", "linuxefi"};
	__attribute__((cleanup(auto_word_))) struct word command = {0};

	if (!take_word(cursor, &command))
		return false;
	for (size_t i = 0; i < COUNT(commands); i++)
		if (text_equal(command.text.bytes, commands[i]))
			return true;
	return false;
}

char *grub_menu_command_line(const char *bytes, size_t length)
{
	const char *cursor = bytes, *line;
	size_t line_length;

	while (text_next_line(&cursor, bytes + length, &line, &line_length)) {
		struct cursor at = {line, line + line_length};
		__attribute__((cleanup(auto_word_))) struct word kernel = {0};
		struct text out = {0};

		if (!is_linux_line(&at) || !take_word(&at, &kernel))
			continue;
		while (true) {
			__attribute__((cleanup(auto_word_))) struct word word = {0};

			if (!take_word(&at, &word))
				break;
			add_word(&word, &out);
		}
		return out.length > 0 ? text_take(&out) : xstrdup("");
	}
	return NULL;
}
