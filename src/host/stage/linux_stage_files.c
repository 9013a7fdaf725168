/* linux_stage_files - files that the root lacks, and that a stage must not leave there. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include "linux_stage.h"

#define RESOLV_CONF "/etc/resolv.conf"

/* The directory that the last component of `path` is in, links followed inside the root. */
static int open_directory_of(struct host *host, const char *root, const char *path)
{
	const char *slash = strrchr(path, '/');
	auto_free char *directory = slash ? xstrndup(path, (size_t)(slash - path)) : xstrdup(".");

	return open_root_path(host, &(struct root_path){root, *directory ? directory : "."},
			      O_PATH | O_DIRECTORY);
}

static const char *last_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* A dangling link counts as there: what it leads to is made on a tmpfs. */
static int note_missing(struct host *host, const struct stage *stage, const char *path,
			struct placeholders *ret)
{
	auto_close int directory = open_directory_of(host, stage->root, path);
	struct stat st;

	if (directory < 0)
		return directory == -ENOENT ? 0 : directory;
	if (fstatat(directory, last_name(path), &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if (errno != ENOENT)
		return -errno;
	*array_add(ret->paths, ret->count) = path;
	return 0;
}

int placeholders_find(struct host *host, const struct stage *stage, struct placeholders *ret)
{
	int r = stage->network ? note_missing(host, stage, RESOLV_CONF, ret) : 0;

	for (size_t i = 0; r == 0 && i < stage->mount_count; i++)
		if (stage->mounts[i].kind == STAGE_FILE)
			r = note_missing(host, stage, stage->mounts[i].at, ret);
	return r;
}

void placeholders_remove(struct host *host, const struct stage *stage,
			 const struct placeholders *placeholders)
{
	for (size_t i = 0; i < placeholders->count; i++) {
		const char *path = placeholders->paths[i];
		auto_close int directory = open_directory_of(host, stage->root, path);
		struct stat st;

		if (directory >= 0 &&
		    fstatat(directory, last_name(path), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode) && st.st_size == 0)
			unlinkat(directory, last_name(path), 0);
	}
}

void placeholders_done(struct placeholders *placeholders)
{
	free(placeholders->paths);
	*placeholders = (struct placeholders){0};
}
