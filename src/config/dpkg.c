#include "dpkg.h"
#include <string.h>
#include "text.h"

bool package_is_installed(const struct package *package)
{
	return strcmp(package->state, "installed") == 0;
}

static bool is_native(const struct packages *packages, const struct package *package)
{
	return strcmp(package->architecture, packages->native) == 0 ||
	       strcmp(package->architecture, "all") == 0;
}

/* Index of the first package whose name is not below the given one. */
static size_t lower_bound(const struct packages *packages, const char *name)
{
	size_t from = 0, to = packages->count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (strcmp(packages->all[middle].name, name) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

const struct package *packages_find(const struct packages *packages, const char *name)
{
	const char *colon = strchr(name, ':');
	auto_free char *bare = xstrndup(name, colon ? (size_t)(colon - name) : strlen(name));
	const struct package *found = NULL;

	for (size_t i = lower_bound(packages, bare); i < packages->count; i++) {
		const struct package *package = &packages->all[i];

		if (strcmp(package->name, bare) != 0)
			break;
		if (colon ? strcmp(package->architecture, colon + 1) == 0
			  : is_native(packages, package))
			return package;
		found = package;
	}
	/* without an architecture the only one of that name will do */
	return colon ? NULL : found;
}

char *package_label(const struct packages *packages, const struct package *package)
{
	return is_native(packages, package)
		       ? xstrdup(package->name)
		       : xasprintf("%s:%s", package->name, package->architecture);
}

char *package_info_name(const struct package *package)
{
	return package->co_installable ? xasprintf("%s:%s", package->name, package->architecture)
				       : xstrdup(package->name);
}

void packages_digest(const struct packages *packages, struct digest *ret)
{
	struct digest_stream *stream = digest_start(DIGEST_SHA256);

	for (size_t i = 0; i < packages->count; i++) {
		const struct package *package = &packages->all[i];
		auto_free char *line = xasprintf("%s:%s=%s\n", package->name, package->architecture,
						 package->version);

		if (package_is_installed(package))
			digest_feed(stream, line, strlen(line));
	}
	digest_finish(stream, ret);
}

json_t *packages_json(const struct packages *packages)
{
	json_t *document = json_object(), *array = json_array();

	for (size_t i = 0; i < packages->count; i++) {
		const struct package *package = &packages->all[i];
		json_t *object;

		if (!package_is_installed(package))
			continue;
		object = json_object();
		json_put_string(object, "name", package->name);
		json_put_string(object, "architecture", package->architecture);
		json_put_string(object, "version", package->version);
		if (package->held)
			json_object_set_new(object, "held", json_true());
		json_array_append_new(array, object);
	}
	json_object_set_new(document, "format_version", json_integer(1));
	json_object_set_new(document, "packages", array);
	return document;
}

static bool is_whole(const struct package *package)
{
	static const char *const states[] = {"installed", "config-files", "not-installed"};

	for (size_t i = 0; i < COUNT(states); i++)
		if (strcmp(package->state, states[i]) == 0)
			return !package->broken;
	return false;
}

void packages_audit(const struct packages *packages, struct findings *findings)
{
	for (size_t i = 0; i < packages->count; i++) {
		const struct package *package = &packages->all[i];

		if (is_whole(package))
			continue;
		findings_add(findings,
			     (struct finding){
				     .code = "PACKAGE_STATE",
				     .level = FINDING_REFUSE,
				     .object = package_label(packages, package),
				     .why = xasprintf("the package %s is %s%s", package->name,
						      package->state,
						      package->broken ? " and has to be reinstalled"
								      : ""),
				     .remedy = xstrdup("sudo dpkg --configure -a"),
			     });
	}
}

void package_changes_add(struct package_changes *changes, const char *name, const char *from,
			 const char *to)
{
	*array_add(changes->all, changes->count) = (struct package_change){
		.name = xstrdup(name), .from = xstrdup_or_null(from), .to = xstrdup_or_null(to)};
}

static const char *installed_version(const struct package *package)
{
	return package && package_is_installed(package) ? package->version : NULL;
}

static int order(const struct package *a, const struct package *b)
{
	int names = strcmp(a->name, b->name);

	return names ? names : strcmp(a->architecture, b->architecture);
}

/* The next package of either list: both where they have the same, else NULL for the other one. */
static void next_pair(const struct package *const ends[2], const struct package *cursors[2],
		      const struct package *ret[2])
{
	const struct package *a = cursors[0] < ends[0] ? cursors[0] : NULL;
	const struct package *b = cursors[1] < ends[1] ? cursors[1] : NULL;
	int which = a && b ? order(a, b) : (a ? -1 : 1);

	ret[0] = which <= 0 ? a : NULL;
	ret[1] = which >= 0 ? b : NULL;
	cursors[0] += ret[0] != NULL;
	cursors[1] += ret[1] != NULL;
}

void packages_compare(const struct packages *from, const struct packages *to,
		      struct package_changes *ret)
{
	const struct package *cursors[2] = {from->all, to->all}, *pair[2];
	const struct package *const ends[2] = {from->all + from->count, to->all + to->count};

	*ret = (struct package_changes){0};
	while (cursors[0] < ends[0] || cursors[1] < ends[1]) {
		const char *before, *after;

		next_pair(ends, cursors, pair);
		before = installed_version(pair[0]);
		after = installed_version(pair[1]);
		if (!text_equal(before, after)) {
			auto_free char *label =
				pair[1] ? package_label(to, pair[1]) : package_label(from, pair[0]);

			package_changes_add(ret, label, before, after);
		}
	}
}

static const char *kind_of(const struct package_change *change)
{
	if (!change->from || !change->to)
		return change->to ? "added" : "removed";
	return dpkg_version_compare(change->from, change->to) < 0 ? "upgraded" : "downgraded";
}

json_t *package_changes_json(const struct package_changes *changes)
{
	json_t *array = json_array();

	for (size_t i = 0; i < changes->count; i++) {
		json_t *object = json_object();

		json_put_string(object, "name", changes->all[i].name);
		json_put_string(object, "from", changes->all[i].from);
		json_put_string(object, "to", changes->all[i].to);
		json_put_string(object, "change", kind_of(&changes->all[i]));
		json_array_append_new(array, object);
	}
	return array;
}

void package_changes_done(struct package_changes *changes)
{
	for (size_t i = 0; i < changes->count; i++) {
		free(changes->all[i].name);
		free(changes->all[i].from);
		free(changes->all[i].to);
	}
	free(changes->all);
	*changes = (struct package_changes){0};
}
