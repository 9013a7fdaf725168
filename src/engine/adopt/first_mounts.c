#include "first_mounts.h"
#include <string.h>
#include "fstab.h"
#include "text.h"

#define MAKING "@gens/.1.tmp/first-mounts"
#define KEPT "@gens/1/first-mounts"
#define UNIT_MAX_BYTES 4096

static bool failed(int r, const char *path, struct err *err)
{
	return r >= 0 ||
	       err_set(err, ERR_SYSTEM, -r, "cannot keep how data is mounted, in %s", path);
}

static char *inside(const char *root, const char *path)
{
	return *root ? xasprintf("%s/%s", root, path) : xstrdup(path);
}

static bool read_fstab(struct host *host, const char *root, struct fstab *ret, struct err *err)
{
	auto_host_bytes struct host_bytes bytes = {0};
	int r = host->ops->root_read(host, root, "etc/fstab", FSTAB_MAX_BYTES, &bytes);

	return r < 0 ? err_set(err, ERR_SYSTEM, -r, "cannot read /etc/fstab")
		     : fstab_parse("/etc/fstab", bytes.bytes, bytes.length, ret, err);
}

/* "/usr/local" → "usr-local.mount", as systemd wants it; moult's own mount points need no more. */
static char *unit_name(const char *mount_point)
{
	char *name = xasprintf("%s.mount", mount_point + strspn(mount_point, "/"));

	for (char *c = name; (c = strchr(c, '/'));)
		*c = '-';
	return name;
}

/* A unit would take what follows a percent sign for a specifier. */
static void add_plain(struct text *text, const char *key, const char *value)
{
	text_add(text, key);
	for (; *value; value++)
		text_add_bytes(text, *value == '%' ? "%%" : value, *value == '%' ? 2 : 1);
	text_add(text, "\n");
}

static char *unit_text(const struct machine *machine, const struct fstab_line *line)
{
	struct text text = {0};

	text_add(&text, "# Made by moult init, for the one boot that parts data from the system.\n"
			"[Unit]\n"
			"Requires=moult-carve.service\n"
			"After=moult-carve.service\n"
			"Before=local-fs.target\n"
			"[Mount]\n");
	text_addf(&text, "What=/dev/disk/by-uuid/%s\n", machine->identity.pool_uuid);
	add_plain(&text, "Where=", line->mount_point);
	add_plain(&text, "Type=", line->type);
	add_plain(&text, "Options=", line->options);
	return text_take(&text);
}

bool first_mounts_keep(struct machine *machine, const char *adapted, const char *original,
		       struct err *err)
{
	struct host *host = machine->host;
	auto_fstab struct fstab after = {0}, before = {0};
	int r = host->ops->make_directory(host, VOLUME_POOL, MAKING, 0755);

	if ((r != -EEXIST && !failed(r, MAKING, err)) || !read_fstab(host, adapted, &after, err) ||
	    !read_fstab(host, original, &before, err))
		return false;
	for (size_t i = 0; i < after.count; i++) {
		const struct fstab_line *line = &after.lines[i];
		auto_free char *name = NULL, *path = NULL, *unit = NULL;

		if (!line->mount_point || fstab_find(&before, line->mount_point))
			continue;
		name = unit_name(line->mount_point);
		path = xasprintf(MAKING "/%s", name);
		unit = unit_text(machine, line);
		r = host->ops->write(host, VOLUME_POOL, path, unit, strlen(unit));
		if (!failed(r, path, err))
			return false;
	}
	return true;
}

static int make_directories(struct host *host, const char *root)
{
	static const char *const directories[] = {"usr/lib/sysimage", FIRST_MOUNTS};
	int r = 0;

	for (size_t i = 0; i < COUNT(directories) && r == 0; i++) {
		auto_free char *path = inside(root, directories[i]);

		r = host->ops->make_directory(host, VOLUME_POOL, path, 0755);
		r = r == -EEXIST ? 0 : r;
	}
	return r;
}

static int put_one(struct host *host, const char *root, const char *name)
{
	auto_free char *from = xasprintf(KEPT "/%s", name);
	auto_free char *below = xasprintf(FIRST_MOUNTS "/%s", name);
	auto_free char *to = inside(root, below);
	auto_host_bytes struct host_bytes bytes = {0};
	int r = host->ops->read(host, VOLUME_POOL, from, UNIT_MAX_BYTES, &bytes);

	return r < 0 ? r : host->ops->write(host, VOLUME_POOL, to, bytes.bytes, bytes.length);
}

bool first_mounts_put(struct host *host, const char *root, struct err *err)
{
	auto_host_names struct host_names names = {0};
	int r = host->ops->list(host, VOLUME_POOL, KEPT, &names);

	if (r == 0)
		r = make_directories(host, root);
	for (size_t i = 0; i < names.count && r == 0; i++)
		r = put_one(host, root, names.names[i].name);
	return failed(r, FIRST_MOUNTS, err);
}

bool first_mounts_take(struct host *host, const char *root, struct err *err)
{
	auto_free char *path = inside(root, FIRST_MOUNTS);
	int r = host->ops->remove_tree(host, VOLUME_POOL, path);

	return r == -ENOENT || failed(r, FIRST_MOUNTS, err);
}
