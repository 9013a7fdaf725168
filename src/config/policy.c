#include "policy.h"
#include <string.h>
#include "text.h"
#include "window.h"
#include "yamldoc.h"

enum key_kind { KEY_VERSION, KEY_NUMBER, KEY_CHOICE, KEY_FLAG, KEY_WINDOW, KEY_KIND_COUNT };

/* One key of the file; the only place that says what is allowed. */
struct key {
	const char *path; /* "section.key" or "key" */
	enum key_kind kind;
	size_t offset; /* in struct policy: an unsigned, a bool, or a char * */
	unsigned min, max, standard; /* KEY_NUMBER; of KEY_FLAG only the default */
	const char
		*choices[4]; /* KEY_CHOICE, KEY_WINDOW; the first is the default, NULL ends them */
	const char *what;
};

#define AT(member) offsetof(struct policy, member)

static const struct key keys[] = {
	{"version", KEY_VERSION, .what = "of this file's form"},
	{"loader", KEY_CHOICE, AT(loader), .choices = {"auto", "systemd-boot"},
	 .what = "the boot loader; auto takes the one that is found"},
	{"source", KEY_CHOICE, AT(source), .choices = {"packages"},
	 .what = "where new content comes from"},
	{"tries", KEY_NUMBER, AT(tries), 1, 9, 3, .what = "boots that a trial is given"},
	{"health.deadline", KEY_NUMBER, AT(deadline_sec), 30, 86400, 600,
	 .what = "seconds until a trial boot must be healthy"},
	{"retention.keep", KEY_NUMBER, AT(keep), 0, 1000, 3,
	 .what = "good generations kept besides current and the last other good one"},
	{"retention.checkpoints", KEY_NUMBER, AT(keep_checkpoints), 0, 1000, 5,
	 .what = "checkpoints made before apt changes the running system that are kept"},
	{"retention.data_days", KEY_NUMBER, AT(keep_data_days), 0, 3650, 7,
	 .what = "days that data is kept as it was before a generation first ran"},
	{"retention.max_days", KEY_NUMBER, AT(max_days), 0, 36500, 0,
	 .what = "days after which a good generation goes all the same; 0 is never"},
	{"retention.min_free_mib", KEY_NUMBER, AT(retention_free_mib), 0, 16777216, 0,
	 .what = "MiB of data space for which older good generations go; 0 is none"},
	{"checkpoint.before_apt", KEY_FLAG, AT(checkpoint_before_packages), .standard = false,
	 .what = "whether a checkpoint is made before apt changes the running system"},
	{"upgrade.automatic", KEY_FLAG, AT(automatic), .standard = true,
	 .what = "a timer makes upgraded generations; false: it only says what is available"},
	{"upgrade.window", KEY_WINDOW, AT(upgrade_window), .choices = {"always"},
	 .what = "when it may"},
	{"upgrade.mains", KEY_FLAG, AT(upgrade_mains), .standard = true, .what = "only on mains"},
	{"upgrade.metered", KEY_CHOICE, AT(upgrade_metered), .choices = {"ask", "always", "never"},
	 .what = "whether the network link costs by the byte, and it waits; ask NetworkManager"},
	{"upgrade.load", KEY_NUMBER, AT(upgrade_load), 0, 10000, 0,
	 .what = "percent of each CPU that may be busy at most; 0 is whatever it is"},
	{"upgrade.users", KEY_FLAG, AT(upgrade_users), .standard = true,
	 .what = "also while somebody is logged in"},
	{"reboot.policy", KEY_CHOICE, AT(reboot_policy), .choices = {"never", "window", "now"},
	 .what = "whether the machine reboots by itself into what is pending"},
	{"reboot.window", KEY_WINDOW, AT(reboot_window), .choices = {"never"},
	 .what = "when it may, where the policy is window"},
	{"reboot.users", KEY_FLAG, AT(reboot_users), .standard = false,
	 .what = "in its window also while somebody is logged in"},
	{"reboot.warning", KEY_NUMBER, AT(reboot_warning_sec), 0, 86400, 300,
	 .what = "seconds from telling those who are logged in to the reboot"},
	{"watchdog", KEY_NUMBER, AT(watchdog_sec), 0, 3600, 0,
	 .what = "seconds after which the hardware watchdog resets a hung trial; 0 is off"},
	{"space.data_mib", KEY_NUMBER, AT(min_free_data_mib), 0, 1048576, 512,
	 .what = "MiB of data space that must stay free"},
	{"space.metadata_mib", KEY_NUMBER, AT(min_free_metadata_mib), 0, 1048576, 64,
	 .what = "MiB of metadata space that must stay free"},
	{"space.boot_mib", KEY_NUMBER, AT(min_free_boot_mib), 0, 1048576, 8,
	 .what = "MiB of the boot partition that must stay free"},
};

struct reading {
	const char *name;
	struct yaml yaml;
	struct policy policy;
	struct err *err;
};

/* A member that is being read: its name in its mapping, and its full path. */
struct member {
	const json_t *parent;
	const char *key, *path;
	json_t *value;
};

static void *field(struct policy *policy, const struct key *key)
{
	return (char *)policy + key->offset;
}

static void set_string(struct policy *policy, const struct key *key, const char *value)
{
	char **string = field(policy, key);

	free(*string);
	*string = xstrdup(value);
}

static void set_number(struct policy *policy, const struct key *key, unsigned value)
{
	*(unsigned *)field(policy, key) = value;
}

static void set_flag(struct policy *policy, const struct key *key, bool value)
{
	*(bool *)field(policy, key) = value;
}

void policy_defaults(struct policy *policy)
{
	*policy = (struct policy){0};
	for (const struct key *key = keys; key < keys + COUNT(keys); key++) {
		if (key->kind == KEY_CHOICE || key->kind == KEY_WINDOW)
			set_string(policy, key, key->choices[0]);
		if (key->kind == KEY_NUMBER)
			set_number(policy, key, key->standard);
		if (key->kind == KEY_FLAG)
			set_flag(policy, key, key->standard);
	}
}

void policy_done(struct policy *policy)
{
	for (const struct key *key = keys; key < keys + COUNT(keys); key++)
		if (key->kind == KEY_CHOICE || key->kind == KEY_WINDOW)
			free(*(char **)field(policy, key));
	*policy = (struct policy){0};
}

static void policy_copy(const struct policy *from, struct policy *ret)
{
	*ret = *from;
	for (const struct key *key = keys; key < keys + COUNT(keys); key++) {
		char **string = field(ret, key);

		if (key->kind == KEY_CHOICE || key->kind == KEY_WINDOW)
			*string = xstrdup_or_null(*string);
	}
}

static void allow_version(struct text *text, const struct key *key)
{
	(void)key;
	text_add(text, "1");
}

static void allow_number(struct text *text, const struct key *key)
{
	text_addf(text, "a number from %u to %u", key->min, key->max);
}

static void allow_choice(struct text *text, const struct key *key)
{
	for (size_t i = 0; key->choices[i]; i++)
		text_addf(text, "%s%s", i ? " or " : "", key->choices[i]);
}

static void allow_flag(struct text *text, const struct key *key)
{
	(void)key;
	text_add(text, "true or false");
}

static void allow_window(struct text *text, const struct key *key)
{
	(void)key;
	text_add(text, "a window like 'Mon-Fri 22:00-05:00, Sat 03:00-09:00', always or never");
}

static bool read_version(struct reading *reading, const struct member *member,
			 const struct key *key);
static bool read_number(struct reading *reading, const struct member *member,
			const struct key *key);
static bool read_choice(struct reading *reading, const struct member *member,
			const struct key *key);
static bool read_flag(struct reading *reading, const struct member *member, const struct key *key);
static bool read_window(struct reading *reading, const struct member *member,
			const struct key *key);

static const struct {
	void (*allow)(struct text *text, const struct key *key);
	bool (*read)(struct reading *reading, const struct member *member, const struct key *key);
} kinds[KEY_KIND_COUNT] = {
	[KEY_VERSION] = {allow_version, read_version}, [KEY_NUMBER] = {allow_number, read_number},
	[KEY_CHOICE] = {allow_choice, read_choice},    [KEY_FLAG] = {allow_flag, read_flag},
	[KEY_WINDOW] = {allow_window, read_window},
};

bool policy_set_loader(struct policy *policy, const char *loader)
{
	for (size_t k = 0; k < COUNT(keys); k++)
		for (size_t c = 0; strcmp(keys[k].path, "loader") == 0 && keys[k].choices[c]; c++)
			if (strcmp(keys[k].choices[c], loader) == 0) {
				set_string(policy, &keys[k], loader);
				return true;
			}
	return false;
}

char *policy_describe(void)
{
	auto_text struct text text = {0};

	for (const struct key *key = keys; key < keys + COUNT(keys); key++) {
		text_addf(&text, "%s: ", key->path);
		kinds[key->kind].allow(&text, key);
		if (key->kind == KEY_NUMBER)
			text_addf(&text, ", default %u", key->standard);
		if (key->kind == KEY_FLAG)
			text_addf(&text, ", default %s", key->standard ? "true" : "false");
		if ((key->kind == KEY_CHOICE && key->choices[1]) || key->kind == KEY_WINDOW)
			text_addf(&text, ", default %s", key->choices[0]);
		text_addf(&text, " - %s\n", key->what);
	}
	return text_take(&text);
}

static bool refuse(const struct reading *reading, const struct member *member, const char *why)
{
	return err_set(reading->err, ERR_CONFIG, 0, "%s:%u: %s %s", reading->name,
		       yaml_line(&reading->yaml, member->parent, member->key, 0),
		       text_quote(member->path), why);
}

static bool refuse_value(const struct reading *reading, const struct member *member,
			 const struct key *key)
{
	auto_text struct text why = {0};

	text_add(&why, "has to be ");
	kinds[key->kind].allow(&why, key);
	return refuse(reading, member, why.bytes);
}

/* Whether `path` is in the section of that name; "" are the keys without one. */
static const char *name_in_section(const char *path, const char *section)
{
	size_t length = strlen(section);
	const char *dot = strchr(path, '.');

	if (length == 0)
		return path;
	return dot && (size_t)(dot - path) == length && memcmp(path, section, length) == 0 ? dot + 1
											   : NULL;
}

static bool refuse_key(const struct reading *reading, const struct member *member,
		       const char *section)
{
	auto_text struct text why = {0};
	const char *separator = "";

	text_add(&why, "is not a key that moult knows; allowed there: ");
	for (const struct key *key = keys; key < keys + COUNT(keys); key++) {
		const char *name = name_in_section(key->path, section);

		if (!name)
			continue;
		text_addf(&why, "%s%s", separator, name);
		separator = ", ";
	}
	return refuse(reading, member, why.bytes);
}

static bool read_number(struct reading *reading, const struct member *member, const struct key *key)
{
	json_int_t value =
		json_typeof(member->value) == JSON_INTEGER ? json_integer_value(member->value) : -1;

	if (value < (json_int_t)key->min || value > (json_int_t)key->max)
		return refuse_value(reading, member, key);
	set_number(&reading->policy, key, (unsigned)value);
	return true;
}

static bool read_choice(struct reading *reading, const struct member *member, const struct key *key)
{
	const char *value = json_string_value(member->value);

	for (size_t i = 0; value && key->choices[i]; i++)
		if (strcmp(value, key->choices[i]) == 0) {
			set_string(&reading->policy, key, value);
			return true;
		}
	return refuse_value(reading, member, key);
}

static bool read_flag(struct reading *reading, const struct member *member, const struct key *key)
{
	if (!json_is_boolean(member->value))
		return refuse_value(reading, member, key);
	set_flag(&reading->policy, key, json_is_true(member->value));
	return true;
}

static bool read_window(struct reading *reading, const struct member *member, const struct key *key)
{
	const char *value = json_string_value(member->value);
	struct window window;
	struct err unused = {0};

	if (!value || !window_parse(value, &window, &unused))
		return refuse_value(reading, member, key);
	set_string(&reading->policy, key, value);
	return true;
}

static bool read_version(struct reading *reading, const struct member *member,
			 const struct key *key)
{
	if (json_typeof(member->value) != JSON_INTEGER || json_integer_value(member->value) != 1)
		return refuse_value(reading, member, key);
	return true;
}

static bool read_key(struct reading *reading, const struct member *member, const struct key *key)
{
	return kinds[key->kind].read(reading, member, key);
}

static const struct key *find_key(const char *path)
{
	for (const struct key *key = keys; key < keys + COUNT(keys); key++)
		if (strcmp(key->path, path) == 0)
			return key;
	return NULL;
}

static bool is_section(const char *name)
{
	for (const struct key *key = keys; key < keys + COUNT(keys); key++)
		if (name_in_section(key->path, name))
			return true;
	return false;
}

static bool read_section(struct reading *reading, const struct member *section)
{
	json_t *object = section->value;

	if (json_typeof(object) != JSON_OBJECT)
		return refuse(reading, section, "has to be a section with keys of its own");
	for (void *at = json_object_iter(object); at; at = json_object_iter_next(object, at)) {
		const char *name = json_object_iter_key(at);
		auto_free char *path = xasprintf("%s.%s", section->key, name);
		const struct member member = {object, name, path, json_object_iter_value(at)};
		const struct key *key = find_key(path);

		if (!(key ? read_key(reading, &member, key)
			  : refuse_key(reading, &member, section->key)))
			return false;
	}
	return true;
}

static bool read_member(struct reading *reading, const struct member *member)
{
	const struct key *key = strchr(member->key, '.') ? NULL : find_key(member->key);

	if (key)
		return read_key(reading, member, key);
	if (*member->key && is_section(member->key))
		return read_section(reading, member);
	return refuse_key(reading, member, "");
}

static bool read_document(struct reading *reading)
{
	json_t *root = reading->yaml.root;

	if (json_typeof(root) != JSON_OBJECT)
		return err_set(reading->err, ERR_CONFIG, 0, "%s: has to be keys with values",
			       reading->name);
	for (void *at = json_object_iter(root); at; at = json_object_iter_next(root, at)) {
		const char *name = json_object_iter_key(at);
		const struct member member = {root, name, name, json_object_iter_value(at)};

		if (!read_member(reading, &member))
			return false;
	}
	return true;
}

bool policy_apply(struct policy *policy, const char *name, const char *bytes, size_t length,
		  struct err *err)
{
	struct reading reading = {.name = name, .err = err};
	bool fine;

	if (!yaml_parse(name, bytes, length, &reading.yaml, err))
		return false;
	policy_copy(policy, &reading.policy);
	fine = read_document(&reading);
	yaml_done(&reading.yaml);
	if (fine) {
		struct policy former = *policy;

		*policy = reading.policy;
		reading.policy = former;
	}
	policy_done(&reading.policy);
	return fine;
}

static unsigned at_most(unsigned wanted_mib, uint64_t total_bytes, unsigned part)
{
	uint64_t most = (total_bytes >> 20) / part;

	if (total_bytes == 0 || total_bytes >= POLICY_AMPLE_BYTES)
		return wanted_mib;
	return wanted_mib > most ? (unsigned)most : wanted_mib;
}

unsigned policy_data_mib(const struct policy *policy, uint64_t total_bytes)
{
	return at_most(policy->min_free_data_mib, total_bytes, 8);
}

unsigned policy_metadata_mib(const struct policy *policy, uint64_t total_bytes)
{
	return at_most(policy->min_free_metadata_mib, total_bytes, 32);
}
