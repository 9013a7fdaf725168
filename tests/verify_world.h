/*
 * verify_world - generation 3, and a copy of it with a newer kernel and a newer bash, in memory.
 */
#pragma once
#include <check.h>
#include "fake_host.h"
#include "machine.h"
#include "text.h"

#define POOL "11111111-2222-3333-4444-555555555555"
#define COPY "@gens/.4.tmp/root"
#define PARENT "@gens/3/root"
#define OLD "6.1.0-9-amd64"
#define NEW "6.1.0-10-amd64"
#define FSTAB                                                                                      \
	"UUID=" POOL " / btrfs defaults 0 0\nUUID=" POOL " /var btrfs subvol=@var 0 0\n"           \
	"UUID=" POOL " /home btrfs subvol=@home 0 0\n"                                             \
	"UUID=ABCD-EF01 /boot/efi vfat umask=0077,nofail,x-systemd.automount 0 0\n"
#define DPKG "Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n"
#define BASH(version)                                                                              \
	"Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: " version      \
	"\nConffiles:\n /etc/bash.bashrc 900150983cd24fb0d6963f7d28e17f72\n"                       \
	" /etc/bash/edited 900150983cd24fb0d6963f7d28e17f72\n"                                     \
	" /etc/bash/kept 900150983cd24fb0d6963f7d28e17f72\n"                                       \
	" /etc/bash/lost 900150983cd24fb0d6963f7d28e17f72\n"                                       \
	" /usr/share/x 900150983cd24fb0d6963f7d28e17f72\n"                                         \
	" /etc/../x 900150983cd24fb0d6963f7d28e17f72\n"                                            \
	" /etc/old 900150983cd24fb0d6963f7d28e17f72 obsolete\n\n"
/* MD5 of "abc" */
#define ABC "900150983cd24fb0d6963f7d28e17f72"

struct verify_world {
	struct fake_host *fake;
	struct machine machine;
	struct progress progress;
	struct text notes;
};

void verify_world_open(struct verify_world *world);
void verify_world_done(struct verify_world *world);
/* A file of a root; of the copy. */
void verify_world_put(struct verify_world *world, const char *root, const char *path,
		      const char *text);
void put_in_copy(struct verify_world *world, const char *path, const char *text);
void verify_world_mode(struct verify_world *world, const char *path, mode_t mode);
/* A file or tree of the copy goes away. */
void verify_world_drop(struct verify_world *world, const char *path);

DEFINE_AUTO_STRUCT(verify_world, struct verify_world, verify_world_done)
#define auto_verify_world __attribute__((cleanup(auto_verify_world_)))
