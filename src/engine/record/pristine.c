#include "pristine.h"
#include <errno.h>
#include <string.h>
#include "text.h"

struct collecting {
	const struct pristine *pristine;
	json_t *unknown;
	char *directory; /* the last one made, so that most files need no call */
	struct err *err;
};

static bool fail(const struct collecting *collecting, int r, const char *path)
{
	return err_set(collecting->err, ERR_SYSTEM, -r, "cannot write %s", path);
}

/* Makes the folders that lead to `path`, below the record. */
static bool make_way(struct collecting *collecting, const char *path)
{
	struct host *host = collecting->pristine->host;
	size_t top = strlen(collecting->pristine->record);
	auto_free char *directory = xstrndup(path, (size_t)(strrchr(path, '/') - path));

	if (text_equal(directory, collecting->directory))
		return true;
	for (char *c = directory + top + 1, *end = directory + strlen(directory); c <= end; c++) {
		char kept = *c;
		int r;

		if (kept != '/' && c != end)
			continue;
		*c = '\0';
		r = host->ops->make_directory(host, VOLUME_POOL, directory, 0755);
		if (r < 0 && r != -EEXIST)
			return fail(collecting, r, directory);
		*c = kept;
	}
	free(collecting->directory);
	collecting->directory = take(directory);
	return true;
}

static bool is_default(const struct collecting *collecting, const char *path, const char *md5)
{
	struct host *host = collecting->pristine->host;
	struct digest digest = {0};

	return host->ops->digest(host, VOLUME_POOL, path, DIGEST_MD5, &digest) == 0 &&
	       strncmp(digest.hex, md5, 32) == 0;
}

/* `below` is the path below /etc. Gives where a copy of the default is, or NULL. */
static char *find_default(const struct collecting *collecting, const char *below, const char *md5)
{
	const struct pristine *pristine = collecting->pristine;
	char *candidates[3] = {
		xasprintf("%s/etc/%s", pristine->root, below),
		xasprintf("%s/etc/%s", pristine->fresh, below),
		pristine->parent_record
			? xasprintf("%s/etc.base/%s", pristine->parent_record, below)
			: NULL,
	};
	char *found = NULL;

	for (size_t i = 0; i < COUNT(candidates); i++) {
		if (candidates[i] && !found && is_default(collecting, candidates[i], md5))
			found = take(candidates[i]);
		free(candidates[i]);
	}
	return found;
}

/* No component that leads elsewhere. */
static bool is_plain(const char *path)
{
	return !strstr(path, "//") && !strstr(path, "/./") && !strstr(path, "/../") &&
	       !text_ends(path, "/..") && !text_ends(path, "/.") && !text_ends(path, "/");
}

static bool collect(struct collecting *collecting, const struct conffile *conffile)
{
	struct host *host = collecting->pristine->host;
	auto_free char *from = NULL, *to = NULL;
	const char *below = conffile->path + strlen("/etc/");
	int r;

	/* a few packages have one elsewhere: it is not configuration that is merged */
	if (!text_starts(conffile->path, "/etc/") || conffile->obsolete ||
	    !is_plain(conffile->path))
		return true;
	from = find_default(collecting, below, conffile->md5);
	if (!from) {
		json_array_append_new(collecting->unknown, json_text(conffile->path));
		return true;
	}
	to = xasprintf("%s/etc.base/%s", collecting->pristine->record, below);
	if (!make_way(collecting, to))
		return false;
	r = host->ops->copy(host, VOLUME_POOL, from, VOLUME_POOL, to);
	return r < 0 && r != -EEXIST ? fail(collecting, r, to) : true;
}

static bool collect_all(struct collecting *collecting, const struct packages *packages)
{
	auto_free char *top = xasprintf("%s/etc.base", collecting->pristine->record);
	struct host *host = collecting->pristine->host;
	int r = host->ops->make_directory(host, VOLUME_POOL, top, 0755);

	if (r < 0)
		return fail(collecting, r, top);
	for (size_t i = 0; i < packages->count; i++) {
		const struct package *package = &packages->all[i];

		if (!package_is_installed(package))
			continue;
		for (size_t k = 0; k < package->conffile_count; k++)
			if (!collect(collecting, &package->conffiles[k]))
				return false;
	}
	return true;
}

bool pristine_collect(const struct pristine *pristine, const struct packages *packages,
		      json_t **ret_unknown, struct err *err)
{
	struct collecting collecting = {.pristine = pristine, .unknown = json_array(), .err = err};
	bool fine = collect_all(&collecting, packages);

	free(collecting.directory);
	*ret_unknown = collecting.unknown;
	return fine;
}
