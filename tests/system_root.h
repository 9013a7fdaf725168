/*
 * system_root - what a root file system in memory needs to be a system that can be verified.
 */
#pragma once
#include "fake_host.h"

#define SYSTEM_RELEASE "6.1.0-50-amd64"
#define SYSTEM_INITRD                                                                              \
	"init\nusr/lib/modules/" SYSTEM_RELEASE "/kernel/fs/btrfs/btrfs.ko\n"                      \
	"usr/lib/modules/" SYSTEM_RELEASE "/kernel/drivers/ata/ahci.ko\n"
#define SYSTEM_POOL "11111111-2222-3333-4444-555555555555"

/* init, accounts, a kernel with initrd and modules. The kernel itself must be there. */
void system_root_put(struct fake_host *fake, const char *root);
/* fstab and package state too, as in a generation; @var is there. */
void system_root_put_adopted(struct fake_host *fake, const char *root);
