#include "fstab_adopt.h"
#include <string.h>
#include "text.h"

static void adopt_root(struct fstab_line *root)
{
	fstab_remove_option(root, "subvol");
	fstab_remove_option(root, "subvolid");
}

/* The number of a subvolume changes when it is put back; its name is enough. */
static void adopt_numbers(struct fstab_line *line)
{
	auto_free char *name = NULL, *number = NULL;

	if (!line->device || strcmp(line->type, "btrfs") != 0)
		return;
	name = fstab_option(line, "subvol");
	number = fstab_option(line, "subvolid");
	if (name && number)
		fstab_remove_option(line, "subvolid");
}

static void append_line(struct fstab *fstab, const struct fstab_adoption *adoption,
			const struct fstab_data *data)
{
	auto_free char *device = xasprintf("UUID=%s", adoption->pool_uuid);
	auto_free char *options =
		xasprintf("%s,subvol=%s", fstab_find(fstab, "/")->options, data->subvolume);

	fstab_append(fstab, &(struct fstab_line){
				    .device = device,
				    .mount_point = (char *)data->mount_point,
				    .type = (char *)"btrfs",
				    .options = options,
			    });
}

static void adopt_boot(struct fstab_line *line)
{
	static const char *const options[][2] = {
		{"umask", "0077"},
		{"nofail", NULL},
		{"x-systemd.automount", NULL},
		{"x-systemd.idle-timeout", "1min"},
		{"x-systemd.device-timeout", "10s"},
	};

	for (size_t i = 0; i < COUNT(options); i++)
		fstab_set_option(line, options[i][0], options[i][1]);
	/* moult checks it, unmounted; another check could come while moult has it mounted */
	fstab_clear_pass(line);
}

bool fstab_adopt(struct fstab *fstab, const struct fstab_adoption *adoption, struct err *err)
{
	struct fstab_line *root = fstab_find(fstab, "/");

	if (!root)
		return err_set(err, ERR_REFUSED, 0, "fstab has no line for /");
	adopt_root(root);
	for (size_t i = 0; i < adoption->data_count; i++) {
		const struct fstab_data *data = &adoption->data[i];

		if (!fstab_find(fstab, data->mount_point))
			append_line(fstab, adoption, data);
	}
	for (size_t i = 0; i < fstab->count; i++) {
		adopt_numbers(&fstab->lines[i]);
		if (fstab_is_boot(&fstab->lines[i], adoption->boot_uuid))
			adopt_boot(&fstab->lines[i]);
	}
	return true;
}
