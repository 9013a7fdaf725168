/*
 * initrd - what an initrd has of what it takes to find a root file system, by the names in it.
 */
#pragma once
#include "host.h"
#include "names.h"

/* Programs that put a root together out of other devices; each has its own hook for initrds. */
enum initrd_tool { TOOL_CRYPTSETUP, TOOL_LVM, TOOL_MDADM, TOOL_COUNT };
extern const char *const initrd_tools[TOOL_COUNT];

struct initrd {
	const char *release; /* borrowed; modules of another release do not count */
	struct names modules; /* that may lead to a disk, "ahci"; - is _ in them */
	bool has_init, has_btrfs, has_crypttab, has_tool[TOOL_COUNT];
};

/* `boot`/initrd.img-RELEASE of a root. 0 or -errno. */
int initrd_read(struct host *host, const char *root, struct initrd *ret);
void initrd_done(struct initrd *initrd);

/* "ahci" of "drivers/ata/ahci.ko.xz"; false: it is no module. */
bool module_add(struct names *names, const char *path);

DEFINE_AUTO_STRUCT(initrd, struct initrd, initrd_done)
#define auto_initrd __attribute__((cleanup(auto_initrd_)))
