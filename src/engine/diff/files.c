/* Files of two roots, as documents: all that differ, and one of them line by line. */
#include <string.h>
#include "differing.h"
#include "text.h"

#define TEXT_MAX_BYTES (1024 * 1024)
#define DIFFERENCE_MAX_BYTES (4 * 1024 * 1024)
#define CONFIGURATION "etc"

char *tree_name(const struct tree_end *end)
{
	return xasprintf("generation %u%s", end->generation->id,
			 end->built ? " as it was built" : "");
}

static bool is_configuration(const char *path)
{
	return text_starts(path, CONFIGURATION "/") || strcmp(path, CONFIGURATION) == 0;
}

static const char *change_of(const struct host_comparison *how)
{
	if (how->there[0] != how->there[1])
		return how->there[1] ? "created" : "removed";
	return how->type || how->content ? "changed" : "attributes";
}

static const char *type_name(enum host_type type)
{
	static const char *const names[] = {
		[HOST_FILE] = "file",
		[HOST_DIRECTORY] = "directory",
		[HOST_SYMLINK] = "symlink",
		[HOST_OTHER] = "other",
	};

	return names[type];
}

static json_t *change_json(const struct tree_change *change)
{
	auto_free char *path = xasprintf("/%s", change->path);
	const struct host_comparison *how = &change->how;
	json_t *object = json_object();
	char marks[TREE_MARKS + 1];

	tree_marks(how, marks);
	json_object_set_new(object, "path", json_text(path));
	json_put_string(object, "change", change_of(how));
	json_put_string(object, "marks", marks);
	json_put_string(object, "type", type_name(how->types[how->there[1]]));
	if (how->type)
		json_put_string(object, "from_type", type_name(how->types[0]));
	return object;
}

json_t *differing_files(const struct tree_changes *changes, enum differing_part part)
{
	json_t *array = json_array();

	for (size_t i = 0; i < changes->count; i++)
		if (is_configuration(changes->all[i].path) == (part == DIFFERING_CONFIG))
			json_array_append_new(array, change_json(&changes->all[i]));
	return array;
}

/* --- for a plan ----------------------------------------------------------------------------------- */

static char *sentence_of(const struct tree_change *change, const struct tree_end ends[2])
{
	unsigned from = ends[0].generation->id, to = ends[1].generation->id;
	const struct host_comparison *how = &change->how;

	if (how->there[0] != how->there[1])
		return xasprintf("only generation %u has it", how->there[0] ? from : to);
	return xasprintf("generation %u has %s", to,
			 how->type	? "something of another kind there"
			 : how->content ? "another content"
					: "other permissions, owner or attributes");
}

static json_t *finding_of(const struct tree_change *change, const struct tree_end ends[2])
{
	static const char *const codes[] = {"CONFIG_REMOVED", "CONFIG_CREATED", "CONFIG_CHANGED"};
	const bool *there = change->how.there;
	auto_free char *file = xasprintf("/%s", change->path);
	auto_free char *why = sentence_of(change, ends);
	json_t *object = json_object();

	json_put_string(object, "code", codes[there[0] && there[1] ? 2 : there[1]]);
	json_put_string(object, "level", "note");
	json_object_set_new(object, "file", json_text(file));
	json_object_set_new(object, "line", json_null());
	json_put_string(object, "why", why);
	json_object_set_new(object, "remedy", json_null());
	return object;
}

json_t *differing_findings(const struct tree_changes *changes, const struct tree_end ends[2])
{
	json_t *array = json_array();

	for (size_t i = 0; i < changes->count; i++) {
		const struct tree_change *change = &changes->all[i];

		/* a folder comes and goes with what is in it */
		if (is_configuration(change->path) &&
		    change->how.types[change->how.there[1]] != HOST_DIRECTORY)
			json_array_append_new(array, finding_of(change, ends));
	}
	return array;
}

/* --- one file ------------------------------------------------------------------------------------- */

/* "/etc/hosts" → "etc/hosts"; false: it names no place in a root. */
static bool bare_path(const char *path, char **ret)
{
	const char *bare = path + strspn(path, "/");
	size_t length = strlen(bare);

	while (length > 0 && bare[length - 1] == '/')
		length--;
	*ret = xstrndup(bare, length);
	if (length == 0 || strstr(*ret, "//"))
		return false;
	for (const char *at = *ret;; at++) {
		size_t part = strcspn(at, "/");

		if ((part == 1 && at[0] == '.') || (part == 2 && at[0] == '.' && at[1] == '.'))
			return false;
		at += part;
		if (!*at)
			return true;
	}
}

static bool is_binary(const struct host_bytes *bytes)
{
	return bytes->length > 0 && memchr(bytes->bytes, 0, bytes->length);
}

struct reading {
	struct machine *machine;
	const struct tree_end *ends;
	const char *path;
	struct host_bytes sides[2];
};

static void reading_done(struct reading *reading)
{
	host_bytes_done(&reading->sides[0]);
	host_bytes_done(&reading->sides[1]);
}
DEFINE_AUTO_STRUCT(reading, struct reading, reading_done)

/* A side that is not there is empty. *ret_why: why there is no text to show, or NULL. */
static int read_sides(struct reading *reading, const struct host_comparison *how,
		      const char **ret_why)
{
	struct host *host = reading->machine->host;

	for (size_t i = 0; i < 2; i++) {
		auto_free char *tree = tree_path(&reading->ends[i]);
		auto_free char *path = xasprintf("%s/%s", tree, reading->path);
		int r;

		if (!how->there[i])
			continue;
		if (how->types[i] != HOST_FILE) {
			*ret_why = "not a regular file";
			return 0;
		}
		r = host->ops->read(host, VOLUME_POOL, path, TEXT_MAX_BYTES, &reading->sides[i]);
		if (r == -EFBIG)
			*ret_why = "too large to be shown line by line";
		else if (r == 0 && is_binary(&reading->sides[i]))
			*ret_why = "binary";
		else if (r < 0)
			return r;
	}
	return 0;
}

static int text_of(struct reading *reading, struct host_bytes *ret)
{
	struct host *host = reading->machine->host;
	auto_free char *from = tree_name(&reading->ends[0]), *to = tree_name(&reading->ends[1]);
	auto_free char *from_label = xasprintf("/%s (%s)", reading->path, from);
	auto_free char *to_label = xasprintf("/%s (%s)", reading->path, to);
	const struct host_text_side sides[2] = {
		{from_label, reading->sides[0].bytes, reading->sides[0].length},
		{to_label, reading->sides[1].bytes, reading->sides[1].length},
	};

	return host->ops->text_difference(host, sides, DIFFERENCE_MAX_BYTES, ret);
}

static bool add_text(struct reading *reading, const struct host_comparison *how, json_t *object,
		     struct err *err)
{
	auto_host_bytes struct host_bytes text = {0};
	const char *why = NULL;
	int r = read_sides(reading, how, &why);

	if (r < 0)
		return err_set(err, ERR_SYSTEM, -r, "cannot read %s", text_quote(reading->path));
	r = why ? 0 : text_of(reading, &text);
	if (r == -ENOENT) {
		err_set(err, ERR_SYSTEM, 0, "the program diff is missing");
		return err_try(err, "sudo apt-get install diffutils");
	}
	if (r < 0)
		return err_set(err, ERR_SYSTEM, -r, "cannot compare %s line by line",
			       text_quote(reading->path));
	json_object_set_new(object, "text", why ? json_null() : json_text(text.bytes));
	json_put_string(object, "why", why);
	return true;
}

static bool compare_one(struct reading *reading, struct host_comparison *ret, struct err *err)
{
	struct host *host = reading->machine->host;
	auto_free char *a = tree_path(&reading->ends[0]), *b = tree_path(&reading->ends[1]);
	auto_free char *from = xasprintf("%s/%s", a, reading->path);
	auto_free char *to = xasprintf("%s/%s", b, reading->path);
	int r = host->ops->compare(host, &(struct host_pair){from, to, .content = true}, ret);

	if (r < 0)
		return err_set(err, ERR_SYSTEM, -r, "cannot compare %s", text_quote(reading->path));
	if (ret->there[0] || ret->there[1])
		return true;
	return err_set(err, ERR_REFUSED, 0, "neither generation %u nor generation %u has %s",
		       reading->ends[0].generation->id, reading->ends[1].generation->id,
		       text_quote(reading->path));
}

bool differing_file(struct machine *machine, const struct tree_end ends[2], const char *path,
		    json_t **ret, struct err *err)
{
	auto_free char *bare = NULL;
	auto_json json_t *object = NULL;
	struct tree_change change = {0};
	__attribute__((cleanup(auto_reading_))) struct reading reading = {
		machine, ends, NULL, {{0}, {0}}};

	if (!bare_path(path, &bare))
		return err_set(err, ERR_USAGE, 0, "--file wants the path of a file, not %s",
			       text_quote(path));
	if (tree_is_data(machine, bare))
		return err_set(err, ERR_REFUSED, 0, "%s is data: all generations have the same",
			       text_quote(path));
	reading.path = bare;
	if (!compare_one(&reading, &change.how, err))
		return false;
	change.path = bare;
	object = change_json(&change);
	if (!add_text(&reading, &change.how, object, err))
		return false;
	*ret = take(object);
	return true;
}
