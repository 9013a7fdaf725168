#include "difference.h"
#include <search.h>
#include <string.h>

/* A name somewhere in the tree as it is between two commands. */
struct spot {
	struct spot *parent; /* NULL = the top */
	char *name;
	char *origin; /* its path in the first tree; NULL = the commands made it */
	bool moved, gone, touched, content;
};

struct difference {
	struct spot **spots; /* all that were ever named, the top first */
	size_t count;
	void *present; /* of struct spot, by parent and name: those that are not gone */
	void *origins; /* of struct spot, by origin: each path of the first tree is met once */
};

/* --- the list ------------------------------------------------------------------------------------ */

void touched_add(struct touched_list *list, const struct touched *touched)
{
	struct touched *added = array_add(list->all, list->count);

	*added = *touched;
	added->path = xstrdup(touched->path);
}

static int by_touched_path(const void *a, const void *b)
{
	const struct touched *left = a, *right = b;

	return strcmp(left->path, right->path);
}

void touched_settle(struct touched_list *list)
{
	size_t kept = 0;

	if (list->count == 0)
		return;
	qsort(list->all, list->count, sizeof(*list->all), by_touched_path);
	for (size_t i = 1; i < list->count; i++) {
		struct touched *last = &list->all[kept];

		if (strcmp(last->path, list->all[i].path) == 0) {
			last->whole |= list->all[i].whole;
			last->content |= list->all[i].content;
			free(list->all[i].path);
		} else {
			list->all[++kept] = list->all[i];
		}
	}
	list->count = kept + 1;
}

void touched_done(struct touched_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->all[i].path);
	free(list->all);
	*list = (struct touched_list){0};
}

/* --- the tree between two commands ---------------------------------------------------------------- */

static int by_place(const void *a, const void *b)
{
	const struct spot *left = a, *right = b;

	if (left->parent != right->parent)
		return (uintptr_t)left->parent < (uintptr_t)right->parent ? -1 : 1;
	return strcmp(left->name, right->name);
}

static int by_origin(const void *a, const void *b)
{
	return strcmp(((const struct spot *)a)->origin, ((const struct spot *)b)->origin);
}

static void *must(void *found)
{
	if (!found)
		abort(); /* no memory */
	return found;
}

/* Copies name and origin. */
static struct spot *add_spot(struct difference *difference, const struct spot *spot)
{
	struct spot *added = xmalloc(sizeof(*added));

	*added = *spot;
	added->name = xstrdup(spot->name);
	added->origin = xstrdup_or_null(spot->origin);
	*array_add(difference->spots, difference->count) = added;
	must(tsearch(added, &difference->present, by_place));
	if (added->origin)
		must(tsearch(added, &difference->origins, by_origin));
	return added;
}

struct difference *difference_new(void)
{
	struct difference *difference = xcalloc(1, sizeof(*difference));

	add_spot(difference, &(struct spot){.name = (char *)"", .origin = (char *)""});
	return difference;
}

static void leave(void *node)
{
	(void)node;
}

void difference_free(struct difference *difference)
{
	if (!difference)
		return;
	tdestroy(difference->present, leave);
	tdestroy(difference->origins, leave);
	for (size_t i = 0; i < difference->count; i++) {
		free(difference->spots[i]->name);
		free(difference->spots[i]->origin);
		free(difference->spots[i]);
	}
	free(difference->spots);
	free(difference);
}

static struct spot *find_present(struct difference *difference, struct spot *parent, char *name)
{
	struct spot key = {.parent = parent, .name = name}, **found;

	found = (struct spot **)tfind(&key, &difference->present, by_place);
	return found ? *found : NULL;
}

static char *join(const char *directory, const char *name)
{
	return *directory ? xasprintf("%s/%s", directory, name) : xstrdup(name);
}

/* What a directory of the first tree had under this name, if nothing became of that so far. */
static struct spot *find_original(struct difference *difference, struct spot *parent, char *name)
{
	auto_free char *origin = parent->origin ? join(parent->origin, name) : NULL;
	struct spot spot = {.parent = parent, .name = name, .origin = origin};

	if (!origin || tfind(&spot, &difference->origins, by_origin))
		return NULL;
	return add_spot(difference, &spot);
}

static bool is_name(const char *name)
{
	return *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static bool fail(struct err *err, const char *path)
{
	return err_set(err, ERR_SYSTEM, 0,
		       "what the kernel sends of the differences names %s, which is not there",
		       text_quote(path));
}

/* The directory of `path`, and in *ret_name its last component; caller frees that. NULL = none. */
static struct spot *find_parent(struct difference *difference, const char *path, char **ret_name)
{
	struct spot *at = difference->spots[0];

	for (;;) {
		size_t length = strcspn(path, "/");
		auto_free char *name = xstrndup(path, length);
		struct spot *next;

		if (!is_name(name))
			return NULL;
		if (!path[length]) {
			*ret_name = take(name);
			return at;
		}
		next = find_present(difference, at, name);
		if (!next)
			next = find_original(difference, at, name);
		if (!next)
			return NULL;
		at = next;
		path += length + 1;
	}
}

static struct spot *find(struct difference *difference, const char *path, struct err *err)
{
	auto_free char *name = NULL;
	struct spot *parent, *found = NULL;

	if (!*path) /* attributes of the top itself */
		return difference->spots[0];
	parent = find_parent(difference, path, &name);
	if (parent)
		found = find_present(difference, parent, name);
	if (parent && !found)
		found = find_original(difference, parent, name);
	if (!found)
		fail(err, path);
	return found;
}

/* --- the commands --------------------------------------------------------------------------------- */

static bool make(struct difference *difference, const char *path, struct err *err)
{
	auto_free char *name = NULL;
	struct spot *parent = find_parent(difference, path, &name);

	if (!parent || find_present(difference, parent, name))
		return fail(err, path);
	add_spot(difference, &(struct spot){.parent = parent, .name = name});
	return true;
}

static bool is_within(const struct spot *spot, const struct spot *directory)
{
	while (spot && spot != directory)
		spot = spot->parent;
	return spot != NULL;
}

static bool move(struct difference *difference, const struct send_command *command, struct err *err)
{
	auto_free char *name = NULL;
	struct spot *spot = find(difference, command->path, err), *parent;

	if (!spot)
		return false;
	parent = find_parent(difference, command->to, &name);
	if (!parent || is_within(parent, spot) || find_present(difference, parent, name))
		return fail(err, command->to);
	tdelete(spot, &difference->present, by_place);
	free(spot->name);
	spot->name = take(name);
	spot->parent = parent;
	spot->moved = true;
	must(tsearch(spot, &difference->present, by_place));
	return true;
}

static bool drop(struct difference *difference, const char *path, struct err *err)
{
	struct spot *spot = find(difference, path, err);

	if (!spot)
		return false;
	if (!spot->parent)
		return fail(err, path);
	tdelete(spot, &difference->present, by_place);
	spot->gone = true;
	return true;
}

static bool touch(struct difference *difference, const struct send_command *command,
		  struct err *err)
{
	struct spot *spot = find(difference, command->path, err);

	if (!spot)
		return false;
	spot->touched = true;
	spot->content |= command->kind == SEND_CONTENT;
	return true;
}

bool difference_take(void *userdata, const struct send_command *command, struct err *err)
{
	struct difference *difference = userdata;

	switch (command->kind) {
	case SEND_NOTHING:
		return true;
	case SEND_MAKE:
	case SEND_LINK:
		return make(difference, command->path, err);
	case SEND_RENAME:
		return move(difference, command, err);
	case SEND_REMOVE:
		return drop(difference, command->path, err);
	case SEND_CONTENT:
	case SEND_ATTRIBUTE:
		return touch(difference, command, err);
	}
	return false;
}

/* --- what came of it ------------------------------------------------------------------------------ */

static char *path_of(const struct spot *spot)
{
	auto_free char *directory = NULL;

	if (!spot->parent)
		return xstrdup("");
	directory = path_of(spot->parent);
	return join(directory, spot->name);
}

static void list_spot(const struct spot *spot, struct touched_list *list)
{
	auto_free char *path = path_of(spot);
	bool moved = spot->moved && !spot->gone && !text_equal(path, spot->origin);

	if (spot->origin && (spot->gone || moved))
		touched_add(list, &(struct touched){.path = spot->origin, .whole = moved});
	if (spot->gone)
		return;
	if (!spot->origin || moved || spot->touched)
		touched_add(list, &(struct touched){.path = path,
						    .whole = moved && spot->origin,
						    .content = spot->content || !spot->origin});
}

void difference_list(const struct difference *difference, struct touched_list *list)
{
	for (size_t i = 0; i < difference->count; i++)
		list_spot(difference->spots[i], list);
}
