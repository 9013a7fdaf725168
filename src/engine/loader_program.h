/*
 * loader_program - systemd-boot's own program on the boot volume, and its second copy.
 *
 * All entries share the program, and firmware may know either copy, so neither is written to in
 * place. Source: the UEFI specification's names for removable media; `bootctl install`.
 */
#pragma once
#include "host.h"

/* Where systemd-boot, its second copy and Debian's GRUB lie, per kind of machine. */
struct loader_program {
	const char *systemd_boot, *fallback, *grub;
};

extern const struct loader_program loader_programs[];
extern const size_t loader_program_count;

/* 1 = it is systemd-boot, 0 = it is not there or something else, or -errno. */
int loader_program_is(struct host *host, const char *path);
/* The row of what is there; NULL = neither copy of any, or what is there cannot be told. */
const struct loader_program *loader_program_find(struct host *host);
/*
 * GRUB's program on the boot volume, whoever's it is ("EFI/debian/grubx64.efi"); NULL = there is none.
 * Caller frees.
 */
char *loader_program_grub(struct host *host);

/* systemd-boot as a package of a root brings it. */
struct loader_package {
	const struct loader_program *program; /* NULL = the root has none */
	char path[64]; /* in the root */
	bool is_signed; /* the same, signed by the distribution, lies beside it */
};
struct loader_package loader_program_packaged(struct host *host, const char *root);
