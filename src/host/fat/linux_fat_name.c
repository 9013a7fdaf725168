/* linux_fat_name - what a file is called on FAT: a long name in pieces, or the 8.3 alias. */
#include "linux_fat_name.h"
#include <stdbool.h>
#include <string.h>
#include "text.h"

void long_name_add(struct long_name *name, const uint8_t *entry)
{
	static const uint8_t places[LONG_PART_UNITS] = {1,  3,	5,  7,	9,  14, 16,
							18, 20, 22, 24, 28, 30};
	unsigned number = entry[0] & 0x3f;

	if (entry[0] & 0x40 && number >= 1 && number <= LONG_PARTS_MAX)
		*name = (struct long_name){
			.parts = number, .missing = number, .checksum = entry[13]};
	if (number == 0 || number != name->missing || entry[13] != name->checksum) {
		name->parts = 0;
		return;
	}
	name->missing--;
	for (int i = 0; i < LONG_PART_UNITS; i++)
		name->units[name->missing * LONG_PART_UNITS + (unsigned)i] =
			le16(entry + places[i]);
}

static void utf8_add(struct text *text, uint32_t code)
{
	char bytes[4];
	size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	static const uint8_t marks[] = {0, 0, 0xc0, 0xe0, 0xf0};

	for (size_t i = length; i-- > 1; code >>= 6)
		bytes[i] = (char)(0x80 | (code & 0x3f));
	bytes[0] = (char)(marks[length] | code);
	text_add_bytes(text, bytes, length);
}

static char *long_name_text(const struct long_name *name)
{
	auto_text struct text text = {0};
	unsigned count = name->parts * LONG_PART_UNITS;

	for (unsigned i = 0; i < count && name->units[i] != 0; i++) {
		uint32_t code = name->units[i];

		if ((code & 0xfc00) == 0xd800 && i + 1 < count &&
		    (name->units[i + 1] & 0xfc00) == 0xdc00)
			code = 0x10000 + ((code & 0x3ff) << 10) + (name->units[++i] & 0x3ff);
		else if ((code & 0xf800) == 0xd800)
			code = '?';
		utf8_add(&text, code);
	}
	return text_take(&text);
}

static uint8_t short_checksum(const uint8_t *entry)
{
	uint8_t sum = 0;

	for (int i = 0; i < 11; i++)
		sum = (uint8_t)((sum << 7 | sum >> 1) + entry[i]);
	return sum;
}

static void short_part_add(struct text *text, const uint8_t *bytes, size_t length, bool lower)
{
	while (length > 0 && bytes[length - 1] == ' ')
		length--;
	for (size_t i = 0; i < length; i++) {
		char byte = (char)bytes[i];

		if (lower && byte >= 'A' && byte <= 'Z')
			byte = (char)(byte + 'a' - 'A');
		text_add_bytes(text, &byte, 1);
	}
}

static char *short_name(const uint8_t *entry)
{
	auto_text struct text text = {0};
	uint8_t base[8];

	memcpy(base, entry, sizeof(base));
	if (base[0] == 0x05)
		base[0] = 0xe5; /* as 0xe5 means removed */
	short_part_add(&text, base, 8, entry[12] & 0x08);
	if (entry[8] != ' ')
		text_add(&text, ".");
	short_part_add(&text, entry + 8, 3, entry[12] & 0x10);
	return text_take(&text);
}

char *entry_name(const struct long_name *name, const uint8_t *entry)
{
	bool whole =
		name->parts > 0 && name->missing == 0 && name->checksum == short_checksum(entry);

	return whole ? long_name_text(name) : short_name(entry);
}
