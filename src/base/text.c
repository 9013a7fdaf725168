#include "text.h"
#include <stdint.h>
#include <stdio.h>
#include <string.h>

void *xmalloc(size_t size_bytes)
{
	void *pointer = malloc(size_bytes ? size_bytes : 1);

	if (!pointer)
		abort();
	return pointer;
}

void *xcalloc(size_t count, size_t size_bytes)
{
	void *pointer = calloc(count ? count : 1, size_bytes ? size_bytes : 1);

	if (!pointer)
		abort();
	return pointer;
}

void *xrealloc(void *pointer, size_t size_bytes)
{
	void *moved = realloc(pointer, size_bytes ? size_bytes : 1);

	if (!moved)
		abort();
	return moved;
}

char *xstrndup(const char *string, size_t length)
{
	char *copy = xmalloc(length + 1);

	memcpy(copy, string, length);
	copy[length] = '\0';
	return copy;
}

char *xstrdup(const char *string)
{
	return xstrndup(string, strlen(string));
}

char *xstrdup_or_null(const char *string)
{
	return string ? xstrdup(string) : NULL;
}

char *xvasprintf(const char *format, va_list args)
{
	char *string = NULL;

	if (vasprintf(&string, format, args) < 0)
		abort();
	return string;
}

char *xasprintf(const char *format, ...)
{
	va_list args;
	char *string;

	va_start(args, format);
	string = xvasprintf(format, args);
	va_end(args);
	return string;
}

static void text_reserve(struct text *text, size_t more)
{
	size_t wanted = text->length + more + 1;

	if (wanted <= text->capacity)
		return;
	text->capacity = wanted > 2 * text->capacity ? wanted : 2 * text->capacity;
	text->bytes = xrealloc(text->bytes, text->capacity);
}

void text_add_bytes(struct text *text, const void *bytes, size_t length)
{
	text_reserve(text, length);
	if (length > 0)
		memcpy(text->bytes + text->length, bytes, length);
	text->length += length;
	text->bytes[text->length] = '\0';
}

void text_add(struct text *text, const char *string)
{
	text_add_bytes(text, string, strlen(string));
}

void text_addf(struct text *text, const char *format, ...)
{
	va_list args, again;
	int length;

	va_start(args, format);
	va_copy(again, args);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length < 0)
		abort();
	text_reserve(text, (size_t)length);
	vsnprintf(text->bytes + text->length, (size_t)length + 1, format, again);
	va_end(again);
	text->length += (size_t)length;
}

void text_done(struct text *text)
{
	free(text->bytes);
	*text = (struct text){0};
}

char *text_take(struct text *text)
{
	char *bytes = text->bytes ? text->bytes : xstrdup("");

	*text = (struct text){0};
	return bytes;
}

void *array_add_(void **array, size_t *count, size_t element_bytes)
{
	char *element;

	/* a power of two is full: grow to the next one */
	if ((*count & (*count - 1)) == 0)
		*array = xrealloc(*array, (*count ? 2 * *count : 1) * element_bytes);
	element = (char *)*array + *count * element_bytes;
	memset(element, 0, element_bytes);
	(*count)++;
	return element;
}

bool text_equal(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool text_starts(const char *string, const char *prefix)
{
	return strncmp(string, prefix, strlen(prefix)) == 0;
}

bool text_ends(const char *string, const char *suffix)
{
	size_t length = strlen(string), tail = strlen(suffix);

	return length >= tail && strcmp(string + length - tail, suffix) == 0;
}

bool text_to_u64(const char *string, unsigned long long *ret_value)
{
	unsigned long long value = 0;

	if (*string == '\0')
		return false;
	for (; *string; string++) {
		if (*string < '0' || *string > '9')
			return false;
		if (__builtin_mul_overflow(value, 10ULL, &value) ||
		    __builtin_add_overflow(value, (unsigned long long)(*string - '0'), &value))
			return false;
	}
	*ret_value = value;
	return true;
}

bool text_next_line(const char **cursor, const char *end, const char **ret_line, size_t *ret_length)
{
	const char *newline;

	if (*cursor >= end)
		return false;
	newline = memchr(*cursor, '\n', (size_t)(end - *cursor));
	*ret_line = *cursor;
	*ret_length = (size_t)((newline ? newline : end) - *cursor);
	*cursor = newline ? newline + 1 : end;
	return true;
}

const char *text_quote(const char *string)
{
	static char ring[4][300];
	static unsigned turn;
	char *out = ring[turn++ % 4];
	size_t used = 0;

	out[used++] = '\'';
	for (; *string && used + 8 < sizeof(ring[0]); string++) {
		unsigned char c = (unsigned char)*string;

		if (c < 0x20 || c == 0x7f)
			used += (size_t)sprintf(out + used, "\\x%02x", c);
		else
			out[used++] = (char)c;
	}
	if (*string)
		used += (size_t)sprintf(out + used, "...");
	out[used++] = '\'';
	out[used] = '\0';
	return out;
}
