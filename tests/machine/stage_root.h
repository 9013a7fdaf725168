/* stage_root - a small Btrfs image with a root that has a shell and a few programs. */
#pragma once

struct stage_root {
	char *directory; /* temporary; everything is in it */
	char *image;
};

/*
 * On the image: root/ with /bin/sh, "data, with:odd\name"/ with the files kept and gone, shared/,
 * upper/, work/. Aborts where the machine cannot do it.
 */
void stage_root_make(struct stage_root *ret);
void stage_root_remove(struct stage_root *root);
