#include "osrelease.h"
#include <string.h>
#include "text.h"

#define VALUE_MAX 200

/* A shell word as os-release(5) allows it: bare, '…', or "…" with backslashes. */
static char *unquote(const char *word, size_t length)
{
	char quote = length > 0 && (*word == '"' || *word == '\'') ? *word : '\0';
	auto_text struct text value = {0};
	size_t i = quote != '\0';

	for (; i < length && word[i] != quote && value.length < VALUE_MAX; i++) {
		if (!quote && (word[i] == ' ' || word[i] == '\t'))
			break;
		if (word[i] == '\\' && quote != '\'' && i + 1 < length)
			i++;
		if ((unsigned char)word[i] >= 0x20 && word[i] != 0x7f)
			text_add_bytes(&value, word + i, 1);
	}
	return text_take(&value);
}

char *osrelease_value(const char *bytes, size_t length, const char *key)
{
	const char *cursor = bytes, *line;
	size_t line_length, key_length = strlen(key);
	auto_free char *value = NULL;

	if (length > OSRELEASE_MAX_BYTES)
		return NULL;
	/* as in a shell, the last assignment counts */
	while (text_next_line(&cursor, bytes + length, &line, &line_length)) {
		if (line_length <= key_length || memcmp(line, key, key_length) != 0 ||
		    line[key_length] != '=')
			continue;
		free(value);
		value = unquote(line + key_length + 1, line_length - key_length - 1);
	}
	return take(value);
}
