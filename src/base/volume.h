/*
 * volume - the two file systems that moult writes to.
 *
 * A path on a volume is relative, has no "." or ".." component, and is empty for the top itself.
 */
#pragma once

enum volume {
	VOLUME_POOL, /* the Btrfs top level (subvolume id 5) */
	VOLUME_BOOT, /* what the loader reads: the ESP, or another small file system */
	VOLUME_COUNT,
};
