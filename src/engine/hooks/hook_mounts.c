#include "hook_mounts.h"
#include <errno.h>
#include <string.h>
#include "text.h"

static bool covers(const char *directory, const char *path)
{
	size_t length = strlen(directory);

	return text_starts(path, directory) && (path[length] == '/' || path[length] == '\0');
}

/* The data that a path lies in; NULL = it is the root's. The last one lies on top. */
static const struct stage_mount *data_of(const struct hook_job *job, const char *path)
{
	for (size_t i = job->data_count; i > 0; i--)
		if (covers(job->data[i - 1].at, path))
			return &job->data[i - 1];
	return NULL;
}

static bool is_declared(const struct hook_job *job, const struct stage_mount *data)
{
	for (size_t i = 0; i < job->hook->header.write_count; i++)
		if (covers(job->hook->header.writes[i], data->at))
			return true;
	return false;
}

static char *place_in(const struct stage_mount *data, const char *top, const char *path)
{
	return xasprintf("%s%s", top, path + strlen(data->at));
}

static char *place_in_root(const struct hook_job *job, const char *path)
{
	return xasprintf("%s/root%s", job->making, path);
}

/* --- mounts ------------------------------------------------------------------------------------- */

static char *keep(struct hook_mounts *mounts, char *string)
{
	*array_add(mounts->strings.strings, mounts->strings.count) = string;
	return string;
}

static void add(struct hook_mounts *mounts, struct stage_mount mount)
{
	*array_add(mounts->mounts, mounts->count) = mount;
}

static int stat_in_data(struct host *host, const struct stage_mount *data, const char *path,
			struct host_stat *ret)
{
	auto_free char *upper = place_in(data, data->upper, path);
	auto_free char *lower = place_in(data, data->lower, path);
	int r = host->ops->stat(host, VOLUME_POOL, upper, ret);

	if (r == 0)
		return ret->whiteout ? -ENOENT : 0;
	return r == -ENOENT ? host->ops->stat(host, VOLUME_POOL, lower, ret) : r;
}

static bool check(const struct hook_job *job, const char *path, struct err *err)
{
	struct host *host = job->machine->host;
	const struct stage_mount *data = data_of(job, path);
	auto_free char *place = place_in_root(job, path);
	struct host_stat stat;
	int r = data ? stat_in_data(host, data, path, &stat)
		     : host->ops->stat(host, VOLUME_POOL, place, &stat);

	if (r < 0)
		return err_set(err, ERR_REFUSED, -r,
			       "the hook %s asks to write %s, which the copy does not have",
			       text_quote(job->hook->name), text_quote(path));
	if (stat.type == HOST_SYMLINK)
		return err_set(err, ERR_REFUSED, 0,
			       "the hook %s asks to write %s, which is a link; it must ask for "
			       "what the link leads to",
			       text_quote(job->hook->name), text_quote(path));
	return true;
}

bool hook_mounts_make(const struct hook_job *job, struct hook_mounts *ret, struct err *err)
{
	const struct hook_header *header = &job->hook->header;

	for (size_t i = 0; i < header->write_count; i++) {
		const char *at = header->writes[i];

		if (!check(job, at, err))
			return false;
		if (!data_of(job, at))
			add(ret, (struct stage_mount){.kind = STAGE_BIND,
						      .at = at,
						      .lower = keep(ret, place_in_root(job, at))});
	}
	/* each before what is mounted in it, also in what was made writable of it */
	for (size_t i = 0; i < job->data_count; i++) {
		struct stage_mount data = job->data[i];

		data.read_only = !is_declared(job, &data);
		add(ret, data);
		for (size_t j = 0; j < header->write_count; j++)
			if (data.read_only && data_of(job, header->writes[j]) == &job->data[i])
				add(ret, (struct stage_mount){.kind = STAGE_WRITABLE,
							      .at = header->writes[j]});
	}
	return true;
}

void hook_mounts_done(struct hook_mounts *mounts)
{
	free(mounts->mounts);
	host_strings_done(&mounts->strings);
	*mounts = (struct hook_mounts){0};
}

/* --- places ------------------------------------------------------------------------------------- */

void hook_mounts_places(const struct hook_job *job, struct host_strings *ret)
{
	for (size_t i = 0; i < job->hook->header.write_count; i++) {
		const char *path = job->hook->header.writes[i];
		const struct stage_mount *data = data_of(job, path);

		*array_add(ret->strings, ret->count) =
			data ? place_in(data, data->upper, path) : place_in_root(job, path);
		for (size_t j = 0; j < job->data_count; j++)
			if (&job->data[j] != data && covers(path, job->data[j].at))
				*array_add(ret->strings, ret->count) = xstrdup(job->data[j].upper);
	}
}
