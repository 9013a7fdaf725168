/*
 * checks_world - machines on which no check finds anything, for tests that then break one thing.
 */
#pragma once
#include "engine_world.h"
#include "findings.h"

#define WORLD_NOW 1763847000 /* 2025-11-22 */

/* Generation 1 runs and is current; its fstab, packages, units and loader are as moult leaves them. */
void checks_world_adopted(struct engine_world *world);
/* Debian as its installer leaves it in @rootfs, with systemd-boot and the moult package; not running. */
void checks_world_debian(struct engine_world *world);
/* After the disk was changed. */
void checks_world_reopen(struct engine_world *world);

/* Removes a file or link. */
void world_remove(struct engine_world *world, enum volume volume, const char *path);
void world_link(struct engine_world *world, const char *target, const char *path);
void world_make_executable(struct engine_world *world, const char *path);
