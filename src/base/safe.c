#include "safe.h"
#include <locale.h>
#include <stdint.h>
#include <string.h>
#include <wchar.h>

/* Length of the UTF-8 character at `bytes` and its number, or 0 where there is none. */
static size_t decode(const unsigned char *bytes, uint32_t *ret)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t length = bytes[0] < 0x80	   ? 1
			: bytes[0] >= 0xf0 ? 4
			: bytes[0] >= 0xe0 ? 3
			: bytes[0] >= 0xc2 ? 2
					   : 0;
	uint32_t number = bytes[0];

	if (length == 0 || bytes[0] > 0xf4)
		return 0;
	if (length > 1)
		number &= 0x7fU >> length;
	for (size_t i = 1; i < length; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		number = number << 6 | (bytes[i] & 0x3f);
	}
	*ret = number;
	return number >= least[length] && number <= 0x10ffff && (number & 0xfffff800) != 0xd800
		       ? length
		       : 0;
}

/* Characters that do something to a terminal or to the text beside them. */
static bool is_active(uint32_t number)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{0x00, 0x1f},	  {0x7f, 0x9f},	    {0x61c, 0x61c},   {0x200b, 0x200f},
		{0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb},
	};

	for (size_t i = 0; i < COUNT(ranges); i++)
		if (number >= ranges[i].first && number <= ranges[i].last)
			return true;
	return false;
}

void text_add_safe(struct text *out, const char *string)
{
	const unsigned char *at = (const unsigned char *)string;
	uint32_t number = 0;

	while (*at) {
		size_t length = decode(at, &number);

		if (length == 0 || (is_active(number) && number < 0x80))
			text_addf(out, "\\x%02x", *at);
		else if (is_active(number))
			text_addf(out, "\\u{%04x}", number);
		else
			text_add_bytes(out, at, length);
		at += length ? length : 1;
	}
}

void text_add_safe_lines(struct text *out, const char *string)
{
	const char *cursor = string, *end = string + strlen(string), *line;
	bool first = true;
	size_t length;

	while (text_next_line(&cursor, end, &line, &length)) {
		auto_free char *copy = xstrndup(line, length);

		if (!first)
			text_add(out, "\n  ");
		text_add_safe(out, copy);
		first = false;
	}
}

/* --- columns -------------------------------------------------------------------------------------- */

/*
 * What is written is UTF-8 wherever it goes, so widths are not those of the locale one happens to
 * have. Loaded once, and only for who writes something else than ASCII.
 */
static locale_t utf8(void)
{
	static locale_t loaded;

	if (!loaded)
		loaded = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	return loaded;
}

static int width_of(uint32_t number)
{
	locale_t widths = utf8(), former = widths ? uselocale(widths) : (locale_t)0;
	int width = wcwidth((wchar_t)number);

	if (widths)
		uselocale(former);
	return width;
}

/* Of the character at `at`, whose bytes are counted; 1 where nothing better is known. */
static size_t width_at(const unsigned char *at, size_t *ret_length)
{
	uint32_t number = 0;
	size_t length = decode(at, &number);
	int width = length > 1 ? width_of(number) : 1;

	*ret_length = length ? length : 1;
	return width < 0 ? 1 : (size_t)width;
}

static size_t measure(const char *string, size_t columns, size_t *ret_columns)
{
	const unsigned char *at = (const unsigned char *)string;
	size_t used = 0, length, width;

	for (; *at; at += length, used += width) {
		width = width_at(at, &length);
		if (used + width > columns)
			break;
	}
	*ret_columns = used;
	return (size_t)((const char *)at - string);
}

size_t text_columns(const char *string)
{
	size_t columns;

	measure(string, SIZE_MAX, &columns);
	return columns;
}

size_t text_fit(const char *string, size_t columns)
{
	size_t used;

	return measure(string, columns, &used);
}
