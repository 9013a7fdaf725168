#include <ctype.h>
#include <string.h>
#include "sdboot.h"
#include "text.h"

#define READ_MAX_BYTES 16384

const char sdboot_settings_text[] = "# Written by moult, which needs the default line as it is.\n"
				    "default moult-[0-9]*\n"
				    "timeout 3\n"
				    "console-mode keep\n"
				    "editor yes\n";

/* Without a menu nobody can roll back at the keyboard. */
static bool shows_menu(const char *value)
{
	unsigned long long seconds;

	return text_equal(value, "menu-force") || (text_to_u64(value, &seconds) && seconds > 0);
}

static bool any_value(const char *value)
{
	return *value != '\0';
}

/* The settings of an owner that stay. What is not here (default, preferred, …) is decided by moult. */
static const struct {
	const char *key;
	bool (*accepts)(const char *value);
} keys_of_owner[] = {
	{"timeout", shows_menu},
	{"console-mode", any_value},
	{"editor", any_value},
	{"beep", any_value},
	{"auto-entries", any_value},
	{"auto-firmware", any_value},
	{"auto-reboot", any_value},
	{"auto-poweroff", any_value},
	{"secure-boot-enroll", any_value},
	{"reboot-for-bitlocker", any_value},
	{"random-seed-mode", any_value},
};

struct setting {
	char key[64], value[128];
};

/* The next "key value" of a text; comments and lines too long to be one are left out. */
static bool next_setting(const char **cursor, const char *end, struct setting *ret)
{
	const char *line;
	size_t length;

	while (text_next_line(cursor, end, &line, &length)) {
		const char *carriage_return = memchr(line, '\r', length);
		char copy[160] = "";

		/* ends a line for the loader too */
		if (carriage_return) {
			length = (size_t)(carriage_return - line);
			*cursor = carriage_return + 1;
		}
		if (length >= sizeof(copy))
			continue;
		memcpy(copy, line, length);
		for (; length > 0 && isspace((unsigned char)copy[length - 1]); length--)
			copy[length - 1] = '\0';
		if (sscanf(copy, " %63[^ \t#] %127[^\n]", ret->key, ret->value) == 2)
			return true;
	}
	return false;
}

/* The last line with this key is what the loader goes by. */
static bool find_setting(const char *text, const char *key, struct setting *ret)
{
	const char *cursor = text, *end = text + strnlen(text, READ_MAX_BYTES);
	struct setting setting;
	bool found = false;

	while (next_setting(&cursor, end, &setting)) {
		if (!text_equal(setting.key, key))
			continue;
		*ret = setting;
		found = true;
	}
	return found;
}

static bool owner_decides(const char *owners, const char *key, struct setting *ret)
{
	for (size_t i = 0; i < COUNT(keys_of_owner); i++)
		if (text_equal(keys_of_owner[i].key, key))
			return find_setting(owners, key, ret) &&
			       keys_of_owner[i].accepts(ret->value);
	return false;
}

static void add_ours(struct text *out, const char *owners)
{
	const char *cursor = sdboot_settings_text, *end = cursor + strlen(cursor), *line;
	size_t length;

	while (text_next_line(&cursor, end, &line, &length)) {
		auto_free char *key = xstrndup(line, strcspn(line, " "));
		struct setting setting;

		if (owner_decides(owners, key, &setting))
			text_addf(out, "%s %s\n", key, setting.value);
		else
			text_addf(out, "%.*s\n", (int)length, line);
	}
}

char *sdboot_settings_merge(const char *owners)
{
	auto_text struct text out = {0};
	struct setting setting;

	add_ours(&out, owners ? owners : "");
	for (size_t i = 0; owners && i < COUNT(keys_of_owner); i++) {
		const char *key = keys_of_owner[i].key;

		if (!find_setting(sdboot_settings_text, key, &setting) &&
		    owner_decides(owners, key, &setting))
			text_addf(&out, "%s %s\n", key, setting.value);
	}
	return text_take(&out);
}

bool sdboot_settings_are_ours(const char *settings)
{
	struct setting setting;

	return settings && find_setting(settings, "default", &setting) &&
	       text_equal(setting.value, "moult-[0-9]*");
}
