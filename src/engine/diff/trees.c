#include "trees.h"
#include <string.h>
#include "difference.h"
#include "territory.h"
#include "text.h"

struct comparing {
	struct machine *machine;
	const struct tree_end *ends;
	char *trees[2], *bases[2]; /* on the pool; a base is NULL where there is none */
	struct touched_list touched;
	struct tree_changes *changes;
	struct err *err;
};

static void comparing_done(struct comparing *comparing)
{
	for (size_t i = 0; i < 2; i++) {
		free(comparing->trees[i]);
		free(comparing->bases[i]);
	}
	touched_done(&comparing->touched);
}
DEFINE_AUTO_STRUCT(comparing, struct comparing, comparing_done)

static const struct host_ops *ops_of(const struct comparing *comparing)
{
	return comparing->machine->host->ops;
}

static bool fail(const struct comparing *comparing, int r, size_t end)
{
	return err_set(comparing->err, ERR_SYSTEM, -r, "cannot compare generation %u",
		       comparing->ends[end].generation->id);
}

static bool may_go_on(const struct comparing *comparing)
{
	if (!ops_of(comparing)->interrupted(comparing->machine->host))
		return true;
	return err_set(comparing->err, ERR_INTERRUPTED, 0, "interrupted");
}

/* --- which paths ---------------------------------------------------------------------------------- */

static char *base_of(const struct generation *generation)
{
	char directory[GENERATION_PATH_MAX];

	if (generation->id == 0)
		return NULL;
	return xasprintf("%s/base", generation_directory(generation->id, directory));
}

char *tree_path(const struct tree_end *end)
{
	char root[GENERATION_PATH_MAX];

	return end->built ? base_of(end->generation)
			  : xstrdup(generation_root(end->generation, root));
}

bool tree_is_data(const struct machine *machine, const char *path)
{
	const struct listing *listing = &machine->listing;

	for (size_t i = 0; i < data_path_count; i++) {
		size_t length = strlen(data_paths[i].path);

		if (strncmp(path, data_paths[i].path, length) != 0 || path[length] != '/')
			continue;
		for (size_t k = 0; k < listing->subvolume_count; k++)
			if (strcmp(listing->subvolumes[k], data_paths[i].subvolume) == 0)
				return true;
	}
	return false;
}

struct streaming {
	struct send_stream stream;
	struct difference *difference;
	struct err trouble;
};

static int feed(void *userdata, const void *bytes, size_t length)
{
	struct streaming *streaming = userdata;
	const struct send_taker taker = {difference_take, streaming->difference};

	return send_stream_feed(&streaming->stream, &(struct send_bytes){bytes, length}, &taker,
				&streaming->trouble)
		       ? 0
		       : -EBADMSG;
}

/* False without a sentence where the kernel's answer cannot be used. */
static bool add_stream(struct comparing *comparing)
{
	auto_difference struct difference *difference = difference_new();
	struct streaming streaming = {.difference = difference};
	const struct host_sending sending = {
		.from = comparing->bases[0],
		.to = comparing->bases[1],
		.feed = feed,
		.userdata = &streaming,
	};
	int r = ops_of(comparing)->send(comparing->machine->host, &sending);
	bool whole = r == 0 && streaming.stream.ended;

	if (whole)
		difference_list(difference, &comparing->touched);
	send_stream_done(&streaming.stream);
	return whole;
}

/* What one end has otherwise than an older snapshot, which it or what it came of was copied from. */
static bool add_since(struct comparing *comparing, size_t end, const char *ancestor)
{
	struct host *host = comparing->machine->host;
	auto_host_subvolume struct host_subvolume base = {0};
	auto_host_strings struct host_strings found = {0};
	struct host_since since = {comparing->trees[end], ancestor, 0};
	int r = 0;

	if (strcmp(comparing->trees[end], ancestor) == 0)
		return true;
	r = host->ops->subvolume(host, ancestor, &base);
	since.transid = base.made_transid;
	if (r == 0)
		r = host->ops->changed_since(host, &since, &found);
	for (size_t i = 0; i < found.count; i++)
		touched_add(&comparing->touched, &(struct touched){.path = found.strings[i]});
	return r < 0 ? fail(comparing, r, end) : true;
}

static bool find_bases(struct comparing *comparing)
{
	struct host *host = comparing->machine->host;

	for (size_t i = 0; i < 2; i++) {
		auto_host_subvolume struct host_subvolume base = {0};
		auto_free char *path = base_of(comparing->ends[i].generation);
		int r = path ? host->ops->subvolume(host, path, &base) : -ENOENT;

		if (r == 0 && base.read_only)
			comparing->bases[i] = take(path);
		else if (r < 0 && r != -ENOENT && r != -EINVAL)
			return fail(comparing, r, i);
	}
	return true;
}

static const struct generation *parent_of(const struct comparing *comparing,
					  const struct generation *generation)
{
	const struct listing *listing = &comparing->machine->listing;
	const struct generation *parent =
		generation->parent < 0 ? NULL : listing_find(listing, (unsigned)generation->parent);

	/* numbers only grow: a document that says otherwise leads nowhere */
	return parent && !parent->damage && parent->id < generation->id ? parent : NULL;
}

/* The generation that both came of, or one of them of the other; NULL = one between is gone. */
static const struct generation *find_origin(const struct comparing *comparing)
{
	const struct generation *a = comparing->ends[0].generation;
	const struct generation *b = comparing->ends[1].generation;

	while (a && b && a != b) {
		if (a->id > b->id)
			a = parent_of(comparing, a);
		else
			b = parent_of(comparing, b);
	}
	return a == b ? a : NULL;
}

static bool has_base(const struct comparing *comparing, const char *base)
{
	struct host *host = comparing->machine->host;
	auto_host_subvolume struct host_subvolume subvolume = {0};

	return base && host->ops->subvolume(host, base, &subvolume) == 0 && subvolume.read_only;
}

/* By transaction ids: cheapest, where the generation that both came of is still there. */
static bool find_by_origin(struct comparing *comparing, bool *ret_found)
{
	const struct generation *origin = find_origin(comparing);
	auto_free char *base = origin ? base_of(origin) : NULL;

	*ret_found = has_base(comparing, base);
	return !*ret_found || (add_since(comparing, 0, base) && add_since(comparing, 1, base));
}

/* From each to its base, and by a stream from base to base. *ret_slow: why that cannot be done. */
static bool find_by_stream(struct comparing *comparing, const char **ret_slow)
{
	char *const *bases = comparing->bases;

	*ret_slow = NULL;
	if (!find_bases(comparing))
		return false;
	if (!bases[0] || !bases[1])
		*ret_slow = "one of the two was not built by moult";
	else if (!add_stream(comparing))
		*ret_slow = "the kernel did not tell what differs";
	return *ret_slow ||
	       (add_since(comparing, 0, bases[0]) && add_since(comparing, 1, bases[1]));
}

static bool find_touched(struct comparing *comparing)
{
	const char **slow = &comparing->changes->slow;
	bool found;

	if (!find_by_origin(comparing, &found))
		return false;
	if (found)
		return true;
	if (!find_by_stream(comparing, slow))
		return false;
	if (*slow)
		touched_add(&comparing->touched,
			    &(struct touched){.path = (char *)"", .whole = true});
	return true;
}

/* --- everything below a directory ----------------------------------------------------------------- */

/* Names of both, each once where both have it next to each other. */
static int list_both(struct comparing *comparing, const char *path, struct host_names ret[2])
{
	struct host *host = comparing->machine->host;
	int r = 0;

	for (size_t i = 0; r == 0 && i < 2; i++) {
		auto_free char *there =
			xasprintf("%s%s%s", comparing->trees[i], *path ? "/" : "", path);

		r = host->ops->list(host, VOLUME_POOL, there, &ret[i]);
		/* not there, or no directory, on this side */
		if (r == -ENOENT || r == -ENOTDIR || r == -ELOOP || r == -EISDIR)
			r = 0;
	}
	return r;
}

static bool add_below(struct comparing *comparing, const char *path);

static bool add_name(struct comparing *comparing, const char *directory,
		     const struct host_name *name)
{
	auto_free char *path = xasprintf("%s%s%s", directory, *directory ? "/" : "", name->name);

	if (tree_is_data(comparing->machine, path))
		return true;
	touched_add(&comparing->touched, &(struct touched){.path = path});
	return name->type != HOST_DIRECTORY || add_below(comparing, path);
}

static bool add_below(struct comparing *comparing, const char *path)
{
	auto_host_names struct host_names a = {0}, b = {0};
	struct host_names names[2] = {{0}, {0}};
	int r = list_both(comparing, path, names);
	bool fine = r == 0;
	size_t i = 0, k = 0;

	a = names[0];
	b = names[1];
	if (r < 0)
		return err_set(comparing->err, ERR_SYSTEM, -r, "cannot list %s", text_quote(path));
	while (fine && (i < a.count || k < b.count)) {
		int order = i == a.count   ? 1
			    : k == b.count ? -1
					   : strcmp(a.names[i].name, b.names[k].name);
		bool directory = order >= 0 && b.names[k].type == HOST_DIRECTORY;

		/* of a directory and something else in its place the directory leads on */
		fine = may_go_on(comparing) &&
		       add_name(comparing, path,
				order > 0 || directory ? &b.names[k] : &a.names[i]);
		i += order <= 0;
		k += order >= 0;
	}
	return fine;
}

static bool expand(struct comparing *comparing)
{
	touched_settle(&comparing->touched);
	/* the list grows meanwhile; what is added is whole by itself */
	for (size_t i = 0, count = comparing->touched.count; i < count; i++) {
		auto_free char *path = xstrdup(comparing->touched.all[i].path);

		if (comparing->touched.all[i].whole && !add_below(comparing, path))
			return false;
	}
	touched_settle(&comparing->touched);
	return true;
}

/* --- what differs there --------------------------------------------------------------------------- */

static bool differs(const struct host_comparison *how)
{
	return how->there[0] != how->there[1] || how->type || how->content || how->mode ||
	       how->owner || how->group || how->attributes || how->acl;
}

static bool compare_at(struct comparing *comparing, const struct touched *touched)
{
	struct host *host = comparing->machine->host;
	const char *slash = *touched->path ? "/" : "";
	auto_free char *a = xasprintf("%s%s%s", comparing->trees[0], slash, touched->path);
	auto_free char *b = xasprintf("%s%s%s", comparing->trees[1], slash, touched->path);
	const struct host_pair pair = {.a = a, .b = b, .content = touched->content};
	struct host_comparison how = {0};
	int r = host->ops->compare(host, &pair, &how);

	if (r < 0)
		return err_set(comparing->err, ERR_SYSTEM, -r, "cannot compare %s",
			       text_quote(touched->path));
	if (differs(&how))
		*array_add(comparing->changes->all, comparing->changes->count) =
			(struct tree_change){.path = xstrdup(touched->path), .how = how};
	return may_go_on(comparing);
}

static bool compare_all(struct comparing *comparing, const struct touched_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (!tree_is_data(comparing->machine, list->all[i].path) &&
		    !compare_at(comparing, &list->all[i]))
			return false;
	return true;
}

static int by_touched(const void *key, const void *element)
{
	return strcmp(key, ((const struct touched *)element)->path);
}

static bool is_known(const struct comparing *comparing, const char *path)
{
	return bsearch(path, comparing->touched.all, comparing->touched.count,
		       sizeof(*comparing->touched.all), by_touched);
}

/* A stream tells of a file by one of its names; the others changed with it. */
static bool add_links(struct comparing *comparing, const char *path, struct touched_list *list)
{
	struct host *host = comparing->machine->host;
	auto_host_strings struct host_strings names = {0};
	int r = host->ops->links(host, comparing->trees[1], path, &names);

	/* gone meanwhile from a root that is in use */
	if (r < 0 && r != -ENOENT)
		return err_set(comparing->err, ERR_SYSTEM, -r, "cannot find the names of %s",
			       text_quote(path));
	for (size_t i = 0; i < names.count; i++)
		if (!is_known(comparing, names.strings[i]))
			touched_add(list,
				    &(struct touched){.path = names.strings[i], .content = true});
	return true;
}

static bool compare_links(struct comparing *comparing)
{
	auto_touched_list struct touched_list list = {0};
	const struct tree_changes *changes = comparing->changes;

	for (size_t i = 0; i < changes->count; i++) {
		const struct host_comparison *how = &changes->all[i].how;

		if (how->linked && !add_links(comparing, changes->all[i].path, &list))
			return false;
	}
	touched_settle(&list);
	return compare_all(comparing, &list);
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct tree_change *)a)->path, ((const struct tree_change *)b)->path);
}

bool trees_compare(struct machine *machine, const struct tree_end ends[2], struct tree_changes *ret,
		   struct err *err)
{
	__attribute__((cleanup(auto_comparing_))) struct comparing comparing = {
		.machine = machine,
		.ends = ends,
		.trees = {tree_path(&ends[0]), tree_path(&ends[1])},
		.changes = ret,
		.err = err,
	};

	*ret = (struct tree_changes){0};
	if (find_touched(&comparing) && expand(&comparing) &&
	    compare_all(&comparing, &comparing.touched) && compare_links(&comparing)) {
		if (ret->count > 1)
			qsort(ret->all, ret->count, sizeof(*ret->all), by_path);
		return true;
	}
	tree_changes_done(ret);
	return false;
}

void tree_changes_done(struct tree_changes *changes)
{
	for (size_t i = 0; i < changes->count; i++)
		free(changes->all[i].path);
	free(changes->all);
	*changes = (struct tree_changes){0};
}

void tree_marks(const struct host_comparison *how, char ret[TREE_MARKS + 1])
{
	memset(ret, '.', TREE_MARKS);
	ret[TREE_MARKS] = '\0';
	if (how->there[0] != how->there[1])
		ret[0] = how->there[1] ? '+' : '-';
	else if (how->type || how->content)
		ret[0] = how->type ? 't' : 'c';
	if (how->mode)
		ret[1] = 'p';
	if (how->owner)
		ret[2] = 'u';
	if (how->group)
		ret[3] = 'g';
	if (how->attributes)
		ret[4] = 'x';
	if (how->acl)
		ret[5] = 'a';
}
