#include "delivered.h"
#include <fnmatch.h>
#include <string.h>
#include "dpkgroot.h"

#define INFO_MAX_BYTES (16 * 1024 * 1024)
#define CONFIG_MAX_BYTES (256 * 1024)

/* --- diversions and exclusions --------------------------------------------------------------------- */

static void read_diversions(struct host *host, const char *root, struct delivery *ret)
{
	auto_free char *path = dpkgroot_path(host, root, "diversions");
	auto_host_bytes struct host_bytes bytes = {0};
	const char *cursor, *end, *lines[3];
	size_t lengths[3];

	if (host->ops->root_read(host, root, path, INFO_MAX_BYTES, &bytes) < 0)
		return;
	cursor = bytes.bytes;
	end = bytes.bytes + bytes.length;
	while (text_next_line(&cursor, end, &lines[0], &lengths[0]) &&
	       text_next_line(&cursor, end, &lines[1], &lengths[1]) &&
	       text_next_line(&cursor, end, &lines[2], &lengths[2])) {
		struct diversion *diversion;

		if (lengths[0] == 0 || *lines[0] != '/' || lengths[1] == 0 || *lines[1] != '/')
			continue;
		diversion = array_add(ret->diversions, ret->diversion_count);
		*diversion = (struct diversion){xstrndup(lines[0], lengths[0]),
						xstrndup(lines[1], lengths[1]),
						xstrndup(lines[2], lengths[2])};
	}
}

static void read_patterns(struct host *host, const char *root, const char *path,
			  struct delivery *ret)
{
	static const char *const keys[] = {"path-exclude=", "path-include="};
	auto_host_bytes struct host_bytes bytes = {0};
	const char *cursor, *line;
	size_t length;

	if (host->ops->root_read(host, root, path, CONFIG_MAX_BYTES, &bytes) < 0)
		return;
	cursor = bytes.bytes;
	while (text_next_line(&cursor, bytes.bytes + bytes.length, &line, &length)) {
		auto_free char *text = xstrndup(line, length);

		for (size_t i = 0; i < COUNT(keys); i++)
			if (text_starts(text, keys[i]))
				*array_add(ret->patterns, ret->pattern_count) =
					(struct pattern){xstrdup(text + strlen(keys[i])), i == 1};
	}
}

void delivery_read(struct host *host, const char *root, struct delivery *ret)
{
	auto_host_names struct host_names names = {0};

	*ret = (struct delivery){0};
	read_diversions(host, root, ret);
	/* dpkg reads the folder first, in the order of names */
	if (host->ops->root_list(host, root, "etc/dpkg/dpkg.cfg.d", &names) == 0)
		for (size_t i = 0; i < names.count; i++) {
			auto_free char *path =
				xasprintf("etc/dpkg/dpkg.cfg.d/%s", names.names[i].name);

			read_patterns(host, root, path, ret);
		}
	read_patterns(host, root, "etc/dpkg/dpkg.cfg", ret);
}

void delivery_done(struct delivery *delivery)
{
	for (size_t i = 0; i < delivery->diversion_count; i++) {
		free(delivery->diversions[i].from);
		free(delivery->diversions[i].to);
		free(delivery->diversions[i].package);
	}
	for (size_t i = 0; i < delivery->pattern_count; i++)
		free(delivery->patterns[i].glob);
	free(delivery->diversions);
	free(delivery->patterns);
	*delivery = (struct delivery){0};
}

/* /usr/bin and /bin are one folder, and packages name it either way. */
static const char *without_usr(const char *path)
{
	static const char *const folders[] = {"/usr/bin/", "/usr/sbin/", "/usr/lib"};

	for (size_t i = 0; i < COUNT(folders); i++)
		if (text_starts(path, folders[i]))
			return path + strlen("/usr");
	return path;
}

static bool same_file(const char *a, const char *b)
{
	return strcmp(without_usr(a), without_usr(b)) == 0;
}

const char *delivery_diverted(const struct delivery *delivery, const struct package *package,
			      const char *path)
{
	for (size_t i = 0; i < delivery->diversion_count; i++) {
		const struct diversion *diversion = &delivery->diversions[i];

		if (same_file(diversion->from, path) &&
		    strcmp(diversion->package, package->name) != 0)
			return diversion->to;
	}
	return path;
}

bool delivery_excluded(const struct delivery *delivery, const char *path)
{
	bool excluded = false;

	for (size_t i = 0; i < delivery->pattern_count; i++)
		if (fnmatch(delivery->patterns[i].glob, path, 0) == 0)
			excluded = !delivery->patterns[i].include;
	return excluded;
}

bool package_conffile(const struct package *package, const char *path)
{
	for (size_t i = 0; i < package->conffile_count; i++)
		if (same_file(package->conffiles[i].path, path))
			return true;
	return false;
}

/* --- files of one package -------------------------------------------------------------------------- */

static int read_info(struct host *host, const char *root, const struct package *package,
		     const char *kind, struct host_bytes *ret)
{
	auto_free char *name = package_info_name(package);
	auto_free char *file = xasprintf("info/%s.%s", name, kind);
	auto_free char *path = dpkgroot_path(host, root, file);

	return host->ops->root_read(host, root, path, INFO_MAX_BYTES, ret);
}

int delivered_open(struct host *host, const char *root, const struct package *package,
		   struct delivered_files *ret)
{
	int r;

	*ret = (struct delivered_files){0};
	r = read_info(host, root, package, "md5sums", &ret->bytes);
	ret->cursor = ret->bytes.bytes;
	return r;
}

bool delivered_next(struct delivered_files *files, struct delivered_file *ret)
{
	const char *end = files->bytes.bytes + files->bytes.length, *line;
	size_t length;

	while (files->cursor && text_next_line(&files->cursor, end, &line, &length)) {
		/* 32 digits, two blanks, a path without a slash before it */
		if (length < 35 || strspn(line, "0123456789abcdef") != 32 || line[32] != ' ' ||
		    line[33] != ' ' || line[34] == '/')
			continue;
		memcpy(ret->md5, line, 32);
		ret->md5[32] = '\0';
		text_done(&files->path);
		text_add(&files->path, "/");
		text_add_bytes(&files->path, line + 34, length - 34);
		ret->path = files->path.bytes;
		return true;
	}
	return false;
}

void delivered_close(struct delivered_files *files)
{
	host_bytes_done(&files->bytes);
	text_done(&files->path);
}

void delivered_read_list(struct host *host, const char *root, const struct package *package,
			 struct delivered_list *ret)
{
	*ret = (struct delivered_list){0};
	if (read_info(host, root, package, "list", &ret->bytes) < 0)
		ret->bytes = (struct host_bytes){0};
}

bool delivered_lists(const struct delivered_list *list, const char *path)
{
	const char *cursor = list->bytes.bytes, *line;
	size_t length;

	if (!cursor)
		return true;
	while (text_next_line(&cursor, list->bytes.bytes + list->bytes.length, &line, &length))
		if (length == strlen(path) && memcmp(line, path, length) == 0)
			return true;
	return false;
}

void delivered_list_done(struct delivered_list *list)
{
	host_bytes_done(&list->bytes);
}
