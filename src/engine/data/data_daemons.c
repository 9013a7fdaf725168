/* Which packages bring a service: their daemons may have made of the data what others cannot read. */
#include <string.h>
#include "data_back.h"
#include "dpkgroot.h"

#define LIST_MAX_BYTES (8 * 1024 * 1024)

static bool has_service(struct host *host, const char *root, const struct package *package)
{
	auto_free char *name = package_info_name(package);
	auto_free char *file = xasprintf("info/%s.list", name);
	auto_free char *path = dpkgroot_path(host, root, file);
	auto_host_bytes struct host_bytes bytes = {0};
	const char *cursor, *line;
	size_t length;

	if (!path || host->ops->root_read(host, root, path, LIST_MAX_BYTES, &bytes) < 0)
		return false;
	cursor = bytes.bytes;
	while (text_next_line(&cursor, bytes.bytes + bytes.length, &line, &length)) {
		auto_free char *copy = xstrndup(line, length);

		if (strstr(copy, "/systemd/system/") && text_ends(copy, ".service"))
			return true;
	}
	return false;
}

static const char *words(const json_t *change, const char *key)
{
	return json_string_value(json_object_get(change, key));
}

char *data_daemons(struct machine *machine, const char *root, const json_t *changes)
{
	auto_packages struct packages packages = {0};
	struct err unused = {0};
	struct text text = {0};
	const json_t *change;
	size_t i;

	if (!dpkgroot_read(machine->host, root, &packages, &unused))
		return NULL;
	json_array_foreach(changes, i, change)
	{
		const char *name = words(change, "name"), *from = words(change, "from");
		const char *to = words(change, "to");
		const struct package *package =
			name && from ? packages_find(&packages, name) : NULL;

		if (package && has_service(machine->host, root, package))
			text_addf(&text, "%s%s %s → %s", text.length ? ", " : "", name, from,
				  to ? to : "none");
	}
	return text.length > 0 ? text_take(&text) : NULL;
}
