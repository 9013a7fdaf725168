#include "fill_internal.h"
#include <errno.h>
#include <string.h>
#include "dpkg.h"

bool fill_check(int r, const char *verb, const char *path, struct err *err)
{
	return r >= 0 || err_set(err, ERR_SYSTEM, -r, "cannot %s %s", verb, text_quote(path));
}

bool fill_make_directories(struct fill *fill, const char *path, struct err *err)
{
	struct host *host = fill->machine->host;

	for (const char *end = path; *end;) {
		auto_free char *prefix = NULL;
		int r;

		end = strchrnul(end, '/');
		prefix = xstrndup(path, (size_t)(end - path));
		r = host->ops->make_directory(host, VOLUME_POOL, prefix, 0755);
		if (r != -EEXIST && !fill_check(r, "make", prefix, err))
			return false;
		end += strspn(end, "/");
	}
	return true;
}

const char *fill_keep(struct fill *fill, char *string)
{
	*array_add(fill->strings.strings, fill->strings.count) = string;
	return string;
}

void fill_add_mount(struct fill *fill, struct stage_mount mount)
{
	*array_add(fill->mounts, fill->mount_count) = mount;
}

void fill_note(struct fill *fill, const char *format, ...)
{
	struct progress *progress = fill->machine->progress;
	auto_free char *sentence = NULL;
	va_list args;

	va_start(args, format);
	sentence = xvasprintf(format, args);
	va_end(args);
	progress->note(progress, sentence);
}

bool fill_installed(struct fill *fill, struct packages *ret, struct err *err)
{
	struct host *host = fill->machine->host;
	const char *const *path = fill->manager ? fill->manager->status_paths : NULL;

	*ret = (struct packages){0};
	for (; path && *path; path++) {
		auto_host_bytes struct host_bytes bytes = {0};
		int r = host->ops->root_read(host, fill->root, *path, DPKG_STATUS_MAX_BYTES,
					     &bytes);

		if (r == -ENOENT)
			continue;
		return fill_check(r, "read", *path, err) &&
		       fill->manager->installed(*path, bytes.bytes, bytes.length, ret, err);
	}
	return true;
}
