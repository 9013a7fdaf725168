#include "hook_header.h"
#include <linux/capability.h>
#include <string.h>
#include "text.h"

#define MARK "moult-hook:"

static const struct {
	enum hook_phase phase;
	const char *name;
} phases[] = {
	{HOOK_STAGED, "staged"},
	{HOOK_PUBLISHED, "published"},
	{HOOK_FIRST_BOOT, "first-boot"},
	{HOOK_RETURNED, "returned"},
};

/* What a hook may ask for. Nothing here reaches the kernel's or another system's state. */
static const struct {
	unsigned bit;
	const char *name;
} capabilities[] = {
	{CAP_CHOWN, "CAP_CHOWN"},
	{CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE"},
	{CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH"},
	{CAP_FOWNER, "CAP_FOWNER"},
	{CAP_FSETID, "CAP_FSETID"},
	{CAP_KILL, "CAP_KILL"},
	{CAP_LINUX_IMMUTABLE, "CAP_LINUX_IMMUTABLE"},
	{CAP_NET_BIND_SERVICE, "CAP_NET_BIND_SERVICE"},
	{CAP_SETFCAP, "CAP_SETFCAP"},
	{CAP_SETGID, "CAP_SETGID"},
	{CAP_SETPCAP, "CAP_SETPCAP"},
	{CAP_SETUID, "CAP_SETUID"},
	{CAP_SYS_CHROOT, "CAP_SYS_CHROOT"},
};

const char *hook_phase_name(enum hook_phase phase)
{
	for (size_t i = 0; i < COUNT(phases); i++)
		if (phases[i].phase == phase)
			return phases[i].name;
	return "?";
}

struct reading {
	const char *name; /* of the hook */
	struct hook_header *header;
	unsigned seen; /* keys, by their place in keys[] */
	struct err *err;
};

static bool refuse(const struct reading *reading, const char *what, const char *value)
{
	return err_set(reading->err, ERR_CONFIG, 0, "the hook %s %s %s", text_quote(reading->name),
		       what, text_quote(value));
}

static bool add_phase(struct reading *reading, const char *value)
{
	for (size_t i = 0; i < COUNT(phases); i++) {
		if (strcmp(phases[i].name, value) != 0)
			continue;
		reading->header->phases |= phases[i].phase;
		return true;
	}
	return refuse(reading, "asks for the unknown phase", value);
}

static bool add_capability(struct reading *reading, const char *value)
{
	for (size_t i = 0; i < COUNT(capabilities); i++) {
		if (strcmp(capabilities[i].name, value) != 0)
			continue;
		reading->header->capabilities |= 1ULL << capabilities[i].bit;
		return true;
	}
	return refuse(reading, "asks for a capability that hooks do not get:", value);
}

/* These are the stage's own, or everything. */
static bool is_off_limits(const char *path)
{
	static const char *const tops[] = {"/proc", "/sys", "/dev", "/run", "/tmp"};

	for (size_t i = 0; i < COUNT(tops); i++) {
		size_t length = strlen(tops[i]);

		if (text_starts(path, tops[i]) && (path[length] == '/' || !path[length]))
			return true;
	}
	return path[1] == '\0';
}

/* Absolute, with no empty, "." or ".." component and no slash at the end. */
static bool is_plain(const char *path)
{
	const char *at = path;

	while (*at == '/') {
		size_t length = strcspn(++at, "/");

		if (length == 0 || (length == 1 && at[0] == '.') ||
		    (length == 2 && at[0] == '.' && at[1] == '.'))
			return false;
		at += length;
	}
	return *path == '/' && *at == '\0';
}

static bool add_write(struct reading *reading, const char *value)
{
	struct hook_header *header = reading->header;

	/* "/" alone has an empty component, but deserves the other sentence */
	if (strcmp(value, "/") != 0 && (!is_plain(value) || strlen(value) >= HOOK_PATH_MAX))
		return refuse(reading, "asks to write what is not a plain absolute path:", value);
	if (is_off_limits(value))
		return refuse(reading, "may not ask to write", value);
	if (header->write_count == HOOK_WRITES_MAX)
		return refuse(reading, "asks for too many writable paths, at", value);
	strcpy(header->writes[header->write_count++], value);
	return true;
}

static bool set_network(struct reading *reading, const char *value)
{
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return refuse(reading, "says neither yes nor no to network, but", value);
	reading->header->network = strcmp(value, "yes") == 0;
	return true;
}

static const struct {
	const char *key;
	bool list; /* comma-separated */
	bool (*read)(struct reading *reading, const char *value);
} keys[] = {
	{"phases", true, add_phase},
	{"capabilities", true, add_capability},
	{"writes", true, add_write},
	{"network", false, set_network},
};

static bool take_values(struct reading *reading, size_t key, const char *value)
{
	const char *at = value;

	if (!keys[key].list)
		return keys[key].read(reading, value);
	/* "capabilities=" is an empty list */
	while (*at) {
		size_t length = strcspn(at, ",");
		auto_free char *one = xstrndup(at, length);

		if (!keys[key].read(reading, one))
			return false;
		at += length + (at[length] == ',');
	}
	return true;
}

static bool take_word(struct reading *reading, const char *word)
{
	const char *equals = strchr(word, '=');

	for (size_t i = 0; equals && i < COUNT(keys); i++) {
		if (strlen(keys[i].key) != (size_t)(equals - word) ||
		    !text_starts(word, keys[i].key))
			continue;
		if (reading->seen & (1U << i))
			return refuse(reading, "says twice", word);
		reading->seen |= 1U << i;
		return take_values(reading, i, equals + 1);
	}
	return refuse(reading, "asks for something unknown:", word);
}

static bool take_line(struct reading *reading, const char *line)
{
	static const char blanks[] = " \t\r";
	const char *at = line;

	for (;;) {
		size_t length;
		auto_free char *word = NULL;

		at += strspn(at, blanks);
		length = strcspn(at, blanks);
		if (length == 0)
			return true;
		word = xstrndup(at, length);
		if (!take_word(reading, word))
			return false;
		at += length;
	}
}

/* What follows "# moult-hook:" on this line; caller frees; NULL = it is another comment. */
static char *marked(const char *line, size_t length)
{
	auto_free char *copy = xstrndup(line, length);
	const char *at = copy + strspn(copy, "# \t");

	return text_starts(at, MARK) ? xstrdup(at + strlen(MARK)) : NULL;
}

bool hook_header_parse(const char *name, const char *bytes, size_t length, struct hook_header *ret,
		       struct err *err)
{
	struct reading reading = {.name = name, .header = ret, .err = err};
	const char *cursor = bytes, *line;
	size_t line_length;

	*ret = (struct hook_header){0};
	for (size_t i = 0; text_next_line(&cursor, bytes + length, &line, &line_length); i++) {
		auto_free char *wanted = NULL;

		if (line_length == 0 || line[0] != '#')
			break;
		wanted = marked(line, line_length);
		if (!wanted)
			continue;
		/* further down it would be easy to overlook, and so it is refused */
		if (i >= HOOK_HEADER_MAX_LINES)
			return refuse(&reading, "has its header too far down:", wanted);
		if (!take_line(&reading, wanted))
			return false;
	}
	if (ret->phases == 0)
		ret->phases = HOOK_STAGED;
	return true;
}
