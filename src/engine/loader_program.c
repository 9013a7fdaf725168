#include "loader_program.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "text.h"

#define PROGRAM_MAX_BYTES (8 * 1024 * 1024)

const struct loader_program loader_programs[] = {
	{"EFI/systemd/systemd-bootx64.efi", "EFI/BOOT/BOOTX64.EFI", "EFI/debian/grubx64.efi"},
	{"EFI/systemd/systemd-bootaa64.efi", "EFI/BOOT/BOOTAA64.EFI", "EFI/debian/grubaa64.efi"},
	{"EFI/systemd/systemd-bootia32.efi", "EFI/BOOT/BOOTIA32.EFI", "EFI/debian/grubia32.efi"},
	{"EFI/systemd/systemd-bootarm.efi", "EFI/BOOT/BOOTARM.EFI", "EFI/debian/grubarm.efi"},
	{"EFI/systemd/systemd-bootriscv64.efi", "EFI/BOOT/BOOTRISCV64.EFI",
	 "EFI/debian/grubriscv64.efi"},
};
const size_t loader_program_count = COUNT(loader_programs);

/* The fallback's name says nothing of what it is; systemd-boot carries this in a section of its own. */
int loader_program_is(struct host *host, const char *path)
{
	static const char mark[] = "LoaderInfo: systemd-boot";
	auto_host_bytes struct host_bytes bytes = {0};
	int r = host->ops->read(host, VOLUME_BOOT, path, PROGRAM_MAX_BYTES, &bytes);

	/* so large a program is not systemd-boot */
	if (r == -ENOENT || r == -ENOTDIR || r == -EISDIR || r == -EFBIG)
		return 0;
	return r < 0 ? r : memmem(bytes.bytes, bytes.length, mark, strlen(mark)) != NULL;
}

const struct loader_program *loader_program_find(struct host *host)
{
	struct host_stat stat;

	for (size_t i = 0; i < loader_program_count; i++)
		if ((host->ops->stat(host, VOLUME_BOOT, loader_programs[i].systemd_boot, &stat) ==
			     0 &&
		     stat.type == HOST_FILE) ||
		    loader_program_is(host, loader_programs[i].fallback) > 0)
			return &loader_programs[i];
	return NULL;
}

static bool has_file(struct host *host, const char *path)
{
	struct host_stat stat;

	return host->ops->stat(host, VOLUME_BOOT, path, &stat) == 0 && stat.type == HOST_FILE;
}

char *loader_program_grub(struct host *host)
{
	auto_host_names struct host_names vendors = {0};

	/* Debian's own place first: another system's GRUB may lie beside it */
	for (size_t i = 0; i < loader_program_count; i++)
		if (has_file(host, loader_programs[i].grub))
			return xstrdup(loader_programs[i].grub);
	if (host->ops->list(host, VOLUME_BOOT, "EFI", &vendors) < 0)
		return NULL;
	for (size_t v = 0; v < vendors.count; v++)
		for (size_t i = 0; i < loader_program_count; i++) {
			const char *name = strrchr(loader_programs[i].grub, '/');
			auto_free char *path = xasprintf("EFI/%s%s", vendors.names[v].name, name);

			if (strcasecmp(vendors.names[v].name, "BOOT") != 0 && has_file(host, path))
				return take(path);
		}
	return NULL;
}

struct loader_package loader_program_packaged(struct host *host, const char *root)
{
	struct loader_package found = {0};
	struct host_stat stat;

	for (size_t i = 0; !found.program && i < loader_program_count; i++) {
		const char *name = strrchr(loader_programs[i].systemd_boot, '/');
		auto_free char *path = xasprintf("usr/lib/systemd/boot/efi%s", name);
		auto_free char *with_signature = xasprintf("%s.signed", path);

		if (host->ops->root_stat(host, root, path, &stat) < 0 || stat.type != HOST_FILE)
			continue;
		found.program = &loader_programs[i];
		snprintf(found.path, sizeof(found.path), "%s", path);
		found.is_signed = host->ops->root_stat(host, root, with_signature, &stat) == 0;
	}
	return found;
}
