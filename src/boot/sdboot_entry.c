#include "sdboot_entry.h"
#include <ctype.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include "digest.h"
#include "text.h"

/* What is read of an entry, whoever wrote it. */
#define READ_MAX_BYTES 8192
/* Larger serials than this were never given out. */
#define SERIAL_MAX 999999999999ULL
/* Enough to tell two entries of a menu apart. */
#define TITLE_MIN_BYTES 16

static const struct {
	const char *prefix, *sort_key;
} roles[] = {
	[MENU_CANDIDATE] = {"moult-", "moult"},
	[MENU_OLD] = {"moult-old-", "moult-z"},
};

/* ---- the name ---- */

static char *lower(const char *string)
{
	char *copy = xstrdup(string);

	for (char *c = copy; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return copy;
}

/* Digits at *cursor, which moves past them. False: none, or beyond `max`. */
static bool parse_number(const char **cursor, uint64_t max, uint64_t *ret)
{
	char digits[24];
	unsigned long long value;
	size_t length = strspn(*cursor, "0123456789");

	if (length == 0 || length >= sizeof(digits))
		return false;
	memcpy(digits, *cursor, length);
	digits[length] = '\0';
	*cursor += length;
	if (!text_to_u64(digits, &value) || value > max)
		return false;
	*ret = value;
	return true;
}

/* "+3-0.conf" or "+3.conf", as the loader takes it; `cursor` is at the "+". */
static bool parse_counter(const char *cursor, struct menu_entry *ret)
{
	uint64_t left, done = 0;

	cursor++;
	if (!parse_number(&cursor, INT_MAX, &left))
		return false;
	if (*cursor == '-') {
		cursor++;
		if (!parse_number(&cursor, INT_MAX, &done))
			return false;
	}
	if (strcmp(cursor, ".conf") != 0)
		return false;
	ret->counted = true;
	ret->tries_left = (unsigned)left;
	ret->tries_done = (unsigned)done;
	return true;
}

/* The serial exactly as moult writes it: six digits, more only where it has more. */
static bool parse_serial(const char **cursor, uint64_t *ret)
{
	const char *start = *cursor;

	if (!parse_number(cursor, SERIAL_MAX, ret))
		return false;
	return *cursor - start == snprintf(NULL, 0, "%06" PRIu64, *ret);
}

static bool is_alias(const char *name)
{
	const char *tilde = strchr(name, '~');

	return text_starts(name, "mo") && tilde && text_ends(name, ".con") &&
	       tilde[1 + strspn(tilde + 1, "0123456789")] == '.';
}

enum sdboot_name sdboot_name_parse(const char *name, struct menu_entry *ret)
{
	auto_free char *id = lower(name);
	const char *cursor = id, *plus = strrchr(id, '+');
	bool serial_fits;

	if (is_alias(id))
		return SDBOOT_ALIAS;
	if (!text_ends(id, ".conf"))
		return SDBOOT_FOREIGN;
	ret->role = text_starts(id, roles[MENU_OLD].prefix) ? MENU_OLD : MENU_CANDIDATE;
	if (!text_starts(id, roles[ret->role].prefix))
		return SDBOOT_FOREIGN;
	cursor += strlen(roles[ret->role].prefix);
	if (!isdigit((unsigned char)*cursor))
		return SDBOOT_FOREIGN;
	serial_fits = parse_serial(&cursor, &ret->serial);
	/* the loader counts whatever ends like a counter */
	if (plus && parse_counter(plus, ret))
		return serial_fits && plus == cursor && ret->role == MENU_CANDIDATE
			       ? SDBOOT_OURS
			       : SDBOOT_STRANGE;
	return serial_fits && strcmp(cursor, ".conf") == 0 ? SDBOOT_OURS : SDBOOT_STRANGE;
}

char *sdboot_entry_path(enum menu_role role, uint64_t serial, unsigned tries)
{
	auto_text struct text path = {0};

	text_addf(&path, SDBOOT_ENTRIES "/%s%06" PRIu64, roles[role].prefix, serial);
	/* the done part from the start: each later name is as long as this one */
	if (tries > 0)
		text_addf(&path, "+%u-0", tries);
	text_add(&path, ".conf");
	return text_take(&path);
}

/* ---- the text, written ---- */

size_t sdboot_switch_offset(const char *text)
{
	const char *before = memrchr(text, '\n', strlen(text) - 1);

	return (size_t)(before + 1 - text);
}

static bool is_plain(const char *string, const char *forbidden)
{
	for (; *string; string++)
		if (iscntrl((unsigned char)*string) || strchr(forbidden, *string))
			return false;
	return true;
}

/* The loader draws ASCII on every firmware, and a title is a single line. */
static char *plain_title(const struct boot_entry *entry)
{
	char *title = entry->title && *entry->title ? xstrdup(entry->title)
						    : xasprintf("generation %u", entry->generation);

	for (char *c = title; *c; c++)
		if (!isascii((unsigned char)*c) || iscntrl((unsigned char)*c))
			*c = '?';
	return title;
}

static bool check_values(const struct boot_entry *entry, struct err *err)
{
	if (!entry->root_uuid || !*entry->root_uuid || !is_plain(entry->root_uuid, " \","))
		return err_set(err, ERR_CORRUPT, 0, "the pool's UUID cannot stand in a boot entry");
	if (!is_plain(entry->subvolume, " \","))
		return err_set(err, ERR_REFUSED, 0,
			       "the subvolume %s has a name that cannot stand in a boot entry",
			       text_quote(entry->subvolume));
	if (entry->options && !is_plain(entry->options, ""))
		return err_set(err, ERR_REFUSED, 0,
			       "the command line %s has a control character in it",
			       text_quote(entry->options));
	return true;
}

static char *print_rest(const struct boot_entry *entry, enum boot_role role)
{
	auto_text struct text rest = {0};
	auto_free char *options = boot_command_line(entry, role);

	text_addf(&rest, "sort-key %s\nversion %06" PRIu64 "\noptions %s\n",
		  roles[role == BOOT_OLD ? MENU_OLD : MENU_CANDIDATE].sort_key, entry->serial,
		  options);
	if (entry->initrd_sha256 && *entry->initrd_sha256)
		text_addf(&rest, "initrd /" SDBOOT_BLOBS "/sha256-%s.initrd\n",
			  entry->initrd_sha256);
	text_addf(&rest, "#linux /" SDBOOT_BLOBS "/sha256-%s.linux\n", entry->linux_sha256);
	return text_take(&rest);
}

bool sdboot_entry_print(const struct boot_entry *entry, enum boot_role role, char **ret_text,
			struct err *err)
{
	static const char form[] = "title %s\n%s";
	auto_free char *title = plain_title(entry), *rest = NULL;
	size_t length, over;

	if (!check_values(entry, err))
		return false;
	rest = print_rest(entry, role);
	length = strlen("title \n") + strlen(title) + strlen(rest);
	over = length > SDBOOT_ENTRY_MAX_BYTES ? length - SDBOOT_ENTRY_MAX_BYTES : 0;
	if (over > 0 && strlen(title) < over + TITLE_MIN_BYTES) {
		err_set(err, ERR_REFUSED, 0,
			"the command line of generation %u is %zu bytes too long: a boot entry "
			"has to fit into %d bytes",
			entry->generation, over + TITLE_MIN_BYTES - strlen(title),
			SDBOOT_ENTRY_MAX_BYTES);
		return err_try(err, "moult kargs show");
	}
	title[strlen(title) - over] = '\0';
	*ret_text = xasprintf(form, title, rest);
	return true;
}

/* ---- the text, read ---- */

struct line {
	const char *start; /* of the line, blanks before the key included */
	char *key, *value;
};

/* The next line that is not empty, key and value apart; both point into `line->key`'s memory. */
static bool next_line(const char **cursor, const char *end, struct line *line)
{
	size_t length;

	free(line->key);
	*line = (struct line){0};
	while (text_next_line(cursor, end, &line->start, &length)) {
		const char *key = line->start;

		while (length > 0 && isspace((unsigned char)key[length - 1]))
			length--;
		while (length > 0 && isspace((unsigned char)*key)) {
			key++;
			length--;
		}
		if (length == 0)
			continue;
		line->key = xstrndup(key, length);
		line->value = line->key + strcspn(line->key, " \t");
		if (*line->value)
			*line->value++ = '\0';
		line->value += strspn(line->value, " \t");
		return true;
	}
	return false;
}

struct reading {
	struct menu_entry *entry;
	const char *start; /* of the text that is read */
	unsigned kernels, initrds; /* lines that name one; a kernel's line may be switched off */
	bool enabled_kernel, other_kernel, last_is_kernel;
	uint64_t serial;
};

/* "/moult/sha256-….linux" → its digest */
static void read_blob(const char *value, const char *suffix, char digest[65])
{
	static const char prefix[] = "/" SDBOOT_BLOBS "/sha256-";
	size_t before = strlen(prefix);

	digest[0] = '\0';
	if (strlen(value) != before + DIGEST_HEX_LENGTH + strlen(suffix) ||
	    !text_starts(value, prefix) || !text_ends(value, suffix))
		return;
	memcpy(digest, value + before, DIGEST_HEX_LENGTH);
	digest[DIGEST_HEX_LENGTH] = '\0';
	if (!digest_is_sha256(digest))
		digest[0] = '\0';
}

static void read_options(struct reading *reading, const char *value)
{
	struct menu_entry *entry = reading->entry;
	char *both;

	both = entry->options ? xasprintf("%s %s", entry->options, value) : xstrdup(value);
	free(entry->options);
	entry->options = both;
}

static void replace(char **slot, const char *value)
{
	free(*slot);
	*slot = xstrdup(value);
}

static void read_kernel(struct reading *reading, const struct line *line)
{
	struct menu_entry *entry = reading->entry;
	bool enabled = *line->key != '#';

	reading->kernels++;
	reading->last_is_kernel = true;
	entry->switch_offset = (size_t)(line->start - reading->start);
	read_blob(line->value, ".linux", entry->linux_sha256);
	if (enabled || !reading->enabled_kernel)
		replace(&entry->kernel, line->value + strspn(line->value, "/"));
	reading->enabled_kernel = reading->enabled_kernel || enabled;
}

static void read_line(struct reading *reading, const struct line *line)
{
	struct menu_entry *entry = reading->entry;
	const char *key = line->key;

	reading->last_is_kernel = false;
	if (text_equal(key, "linux") || text_equal(key, "#linux"))
		read_kernel(reading, line);
	else if (text_equal(key, "efi") || text_equal(key, "uki"))
		reading->other_kernel = true;
	else if (text_equal(key, "sort-key"))
		replace(&entry->sort_key, line->value);
	else if (text_equal(key, "version"))
		replace(&entry->version, line->value);
	else if (text_equal(key, "machine-id"))
		replace(&entry->machine_id, line->value);
	else if (text_equal(key, "options"))
		read_options(reading, line->value);
	else if (text_equal(key, "initrd")) {
		reading->initrds++;
		read_blob(line->value, ".initrd", entry->initrd_sha256);
	}
}

/* The number that "key=" in the options gives; false: not there, or no number. */
static bool option_number(const char *options, const char *key, uint64_t max, uint64_t *ret)
{
	const char *found = options;
	size_t length = strlen(key);

	while ((found = strstr(found, key))) {
		if (found == options || found[-1] == ' ')
			break;
		found += length;
	}
	if (!found)
		return false;
	found += length;
	return parse_number(&found, max, ret) && (*found == '\0' || *found == ' ');
}

static bool has_root(const char *options)
{
	return text_starts(options, "root=UUID=") && strstr(options, " rootflags=subvol=");
}

/* Whether this is something that moult writes; fills the generation on the way. */
static bool is_whole(const struct reading *reading)
{
	struct menu_entry *entry = reading->entry;
	const char *options = entry->options ? entry->options : "";
	const char *line = entry->text + entry->switch_offset;
	uint64_t generation = 0, serial, version;
	const char *number = entry->version ? entry->version : "";

	if (!option_number(options, "moult.gen=", UINT_MAX, &generation))
		return false;
	entry->generation = (unsigned)generation;
	return has_root(options) && option_number(options, "moult.serial=", SERIAL_MAX, &serial) &&
	       serial == entry->serial && parse_serial(&number, &version) && *number == '\0' &&
	       version == serial && text_equal(entry->sort_key, roles[entry->role].sort_key) &&
	       !entry->machine_id && reading->kernels == 1 && reading->last_is_kernel &&
	       !reading->other_kernel && *entry->linux_sha256 && reading->initrds <= 1 &&
	       (reading->initrds == 0 || *entry->initrd_sha256) &&
	       text_starts(line + 1, "linux ") && (*line == ' ' || *line == '#');
}

/* A copy with the same offsets, in which every line ends as the loader ends it. Caller frees. */
static char *copy_lines(const char *text)
{
	char *copy = xstrndup(text, strnlen(text, READ_MAX_BYTES));

	for (char *c = copy; (c = strchr(c, '\r'));)
		*c = '\n';
	return copy;
}

void sdboot_entry_parse(const char *text, struct menu_entry *entry)
{
	auto_free char *lines = NULL;
	struct reading reading = {.entry = entry};
	struct line line = {0};
	const char *cursor;

	if (!text)
		return;
	entry->text = xstrndup(text, strnlen(text, READ_MAX_BYTES));
	lines = copy_lines(text);
	cursor = reading.start = lines;
	while (next_line(&cursor, lines + strlen(lines), &line))
		read_line(&reading, &line);
	entry->enabled = reading.enabled_kernel || reading.other_kernel;
	entry->root_uuid = entry->options ? boot_root_uuid(entry->options) : NULL;
	entry->whole = is_whole(&reading);
	/* with several kernels in it, no single byte hides the entry */
	if (reading.kernels > 1 || reading.other_kernel)
		entry->switch_offset = 0;
}

void sdboot_entry_paths(const char *text, void (*on_path)(void *userdata, const char *path),
			void *userdata)
{
	auto_free char *lines = copy_lines(text);
	struct line line = {0};
	const char *cursor = lines;

	while (next_line(&cursor, lines + strlen(lines), &line)) {
		const char *key = line.key + (*line.key == '#');

		if (text_equal(key, "linux") || text_equal(key, "initrd") || text_equal(key, "efi"))
			on_path(userdata, line.value + strspn(line.value, "/"));
	}
}
