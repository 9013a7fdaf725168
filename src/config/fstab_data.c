#include "fstab_data.h"
#include <string.h>
#include "text.h"

static bool has(const struct fstab_line *line, const char *option)
{
	auto_free char *value = fstab_option(line, option);

	return value != NULL;
}

bool fstab_is_mounted(const struct fstab_line *line)
{
	return line->mount_point && line->mount_point[0] == '/' &&
	       !text_equal(line->mount_point, "/") &&
	       (!has(line, "noauto") || has(line, "x-systemd.automount"));
}

bool fstab_may_miss(const struct fstab_line *line)
{
	return has(line, "nofail") || has(line, "noauto");
}

char *fstab_subvolume(const struct fstab *fstab, const struct fstab_line *line, const char *uuid)
{
	auto_free char *option = fstab_option(line, "subvol");
	const char *subvolume = option ? option + strspn(option, "/") : "";

	if (!text_equal(line->type, "btrfs") || *subvolume == '\0' ||
	    (uuid && !fstab_is_on(fstab, line, uuid)))
		return NULL;
	return xstrdup(subvolume);
}

char *fstab_plain_mount_point(const struct fstab_line *line)
{
	size_t length = strlen(line->mount_point);

	while (length > 1 && line->mount_point[length - 1] == '/')
		length--;
	return xstrndup(line->mount_point, length);
}

char *flat_name(const char *path)
{
	char *name = xstrdup(path);

	for (char *c = name; *c; c++)
		*c = *c == '/' ? '!' : *c;
	return name;
}
