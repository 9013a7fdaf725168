#include <inttypes.h>
#include <string.h>
#include "command_word.h"
#include "loader.h"
#include "text.h"

/* Which words of a command line are not the publication's own. */
static const struct {
	const char *key; /* "." at the end: all keys that begin so */
	enum command_drop drop;
} words_of_ours[] = {
	{"root", DROP_ALWAYS},
	{"rootflags", DROP_ALWAYS},
	{"moult.", DROP_ALWAYS},
	{"initrd", DROP_ALWAYS},
	{"BOOT_IMAGE", DROP_ALWAYS},
	{"systemd.machine_id", DROP_ALWAYS},
	{"panic", DROP_PANIC},
	{"oops", DROP_PANIC},
	{"systemd.watchdog_sec", DROP_WATCHDOG},
	{"noresume", DROP_NORESUME},
};

/* The kernel's own way to split: blanks, except between double quotes. */
bool command_word_next(const char **cursor, struct command_word *ret)
{
	const char *end;
	bool quoted = false;

	*cursor += strspn(*cursor, " \t\r\n");
	end = *cursor;
	while (*end && (quoted || !strchr(" \t\r\n", *end)))
		if (*end++ == '"')
			quoted = !quoted;
	*ret = (struct command_word){.start = *cursor, .length = (size_t)(end - *cursor)};
	*cursor = end;
	return ret->length > 0;
}

/* The kernel and systemd take "-" and "_" for the same in a key. */
static bool same_key(const char *a, const char *b, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (a[i] != b[i] && !(a[i] == '-' && b[i] == '_'))
			return false;
	return true;
}

bool command_word_has_key(const struct command_word *word, const char *key)
{
	const char *start = word->start;
	size_t length = word->length, key_length = strlen(key);

	if (*start == '"') {
		start++;
		length--;
	}
	if (length < key_length || !same_key(start, key, key_length))
		return false;
	return key[key_length - 1] == '.' || length == key_length || start[key_length] == '=' ||
	       start[key_length] == '"';
}

unsigned command_word_drop(const struct command_word *word)
{
	for (size_t i = 0; i < COUNT(words_of_ours); i++)
		if (command_word_has_key(word, words_of_ours[i].key))
			return words_of_ours[i].drop;
	return 0;
}

static bool has_key(const char *command_line, const char *key)
{
	struct command_word word;

	while (command_word_next(&command_line, &word))
		if (command_word_has_key(&word, key))
			return true;
	return false;
}

static char *without(const char *command_line, unsigned drop)
{
	auto_text struct text out = {0};
	struct command_word word;
	bool for_init = false;

	while (command_word_next(&command_line, &word)) {
		if (!for_init && (command_word_drop(&word) & drop))
			continue;
		if (word.length == 2 && memcmp(word.start, "--", 2) == 0)
			for_init = true;
		if (out.length > 0)
			text_add(&out, " ");
		text_add_bytes(&out, word.start, word.length);
	}
	return text_take(&out);
}

char *boot_own_options(const char *command_line)
{
	unsigned drop = DROP_ALWAYS;

	/* only on a line of moult are these moult's; elsewhere the owner wants them */
	if (has_key(command_line, "moult.gen"))
		drop |= DROP_NORESUME;
	if (has_key(command_line, "moult.trial"))
		drop |= DROP_PANIC | DROP_WATCHDOG;
	return without(command_line, drop);
}

char *boot_root_uuid(const char *command_line)
{
	static const char key[] = "root=UUID=", quoted[] = "root=\"UUID=";
	char *uuid = NULL;
	struct command_word word;

	while (command_word_next(&command_line, &word)) {
		auto_free char *copy = xstrndup(word.start, word.length);
		const char *start = copy + (*copy == '"'), *value = start;

		if (strcmp(copy, "--") == 0)
			break;
		if (!text_starts(start, "root="))
			continue;
		if (text_starts(start, key) || text_starts(start, quoted))
			value += text_starts(start, key) ? strlen(key) : strlen(quoted);
		free(uuid);
		uuid = value > start ? xstrndup(value, strcspn(value, "\"")) : NULL;
	}
	return uuid;
}

static unsigned drop_for(const struct boot_entry *entry, enum boot_role role)
{
	unsigned drop = DROP_ALWAYS;

	if (role != BOOT_CURRENT)
		drop |= DROP_NORESUME;
	if (role == BOOT_TRIAL)
		drop |= DROP_PANIC | (entry->watchdog_sec > 0 ? DROP_WATCHDOG : 0);
	return drop;
}

char *boot_command_line(const struct boot_entry *entry, enum boot_role role)
{
	auto_text struct text line = {0};
	auto_free char *own = without(entry->options ? entry->options : "", drop_for(entry, role));

	text_addf(&line, "root=UUID=%s rootflags=subvol=%s", entry->root_uuid,
		  *entry->subvolume ? entry->subvolume : "/");
	text_addf(&line, " moult.gen=%u moult.serial=%" PRIu64, entry->generation, entry->serial);
	if (role == BOOT_TRIAL)
		text_add(&line, " moult.trial=1 panic=10 oops=panic");
	if (role == BOOT_TRIAL && entry->deadline_sec > 0 &&
	    entry->deadline_sec != BOOT_DEADLINE_SEC)
		text_addf(&line, " moult.deadline=%u", entry->deadline_sec);
	if (role != BOOT_CURRENT)
		text_add(&line, " noresume");
	if (role == BOOT_TRIAL && entry->watchdog_sec > 0)
		text_addf(&line, " systemd.watchdog_sec=%u", entry->watchdog_sec);
	if (*own)
		text_addf(&line, " %s", own);
	return text_take(&line);
}
