/*
 * order - how systemd-boot sorts its menu, which decides what it boots.
 *
 * Source: the Boot Loader Specification, the UAPI version format, and what versions 252 and 257
 * were seen to do (docs/design/switch.md).
 */
#pragma once
#include "menu.h"

/* As strcmp: numbers count as numbers, "~" is below the end, the end below everything else. */
int order_versions(const char *a, const char *b);
/* Negative: `a` stands above `b` in the menu. */
int order_entries(const struct menu_entry *a, const struct menu_entry *b);
