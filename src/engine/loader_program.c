#include "loader_program.h"
#include <errno.h>
#include <string.h>

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
