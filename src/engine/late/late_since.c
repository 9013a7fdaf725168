/* What the owner of a generation edited in it since it was built, and another one does not have. */
#include <string.h>
#include "late.h"

/* In scope, and different by now from what the other generation has there. */
static bool is_missed(struct machine *machine, const char *root, const char *other,
		      const char *path)
{
	auto_free char *a = xasprintf("%s/%s", root, path), *b = xasprintf("%s/%s", other, path);

	return late_in_scope(path) && machine->host->ops->differ(machine->host, a, b) > 0;
}

/* An edit, and not a file that differs only because both were built from different packages. */
static bool is_edit(struct machine *machine, const char *root, const char *base, const char *path)
{
	auto_free char *a = xasprintf("%s/%s", root, path), *b = xasprintf("%s/%s", base, path);

	return machine->host->ops->differ(machine->host, a, b) > 0;
}

void late_edited_in(struct machine *machine, const struct generation *from,
		    const struct generation *to, struct host_strings *ret)
{
	const struct host_ops *ops = machine->host->ops;
	auto_host_subvolume struct host_subvolume built = {0};
	auto_host_strings struct host_strings paths = {0};
	char root[GENERATION_PATH_MAX], other[GENERATION_PATH_MAX];
	auto_free char *base = xasprintf("@gens/%u/base", from->id);
	struct host_since since = {.subvolume = generation_root(from, root), .ancestor = base};

	*ret = (struct host_strings){0};
	generation_root(to, other);
	if (from->id == 0 || ops->subvolume(machine->host, base, &built) < 0)
		return;
	since.transid = built.made_transid;
	if (ops->changed_since(machine->host, &since, &paths) < 0)
		return;
	for (size_t i = 0; i < paths.count; i++)
		if (is_missed(machine, root, other, paths.strings[i]) &&
		    is_edit(machine, root, base, paths.strings[i]))
			*array_add(ret->strings, ret->count) = xasprintf("/%s", paths.strings[i]);
}

#define NAMED_MAX 3

char *late_edited_text(const struct generation *from, const struct host_strings *edits)
{
	struct text text = {0};

	if (edits->count == 0)
		return NULL;
	text_addf(&text,
		  "%zu file%s edited since generation %u was built stay%s in it: ", edits->count,
		  edits->count == 1 ? "" : "s", from->id, edits->count == 1 ? "s" : "");
	for (size_t i = 0; i < edits->count && i < NAMED_MAX; i++)
		text_addf(&text, "%s%s", i > 0 ? ", " : "", text_quote(edits->strings[i]));
	if (edits->count > NAMED_MAX)
		text_addf(&text, " and %zu more", edits->count - NAMED_MAX);
	return text_take(&text);
}
