/*
 * sdboot - systemd-boot: entries on the ESP, one byte of which is the commit point.
 *
 * At every instant at least one uncounted candidate is enabled, and at most one counted one.
 * Rules: docs/design/switch.md; facts about versions 252 and 257: docs/reference/boot.md.
 */
#pragma once
#include "loader.h"

#define SDBOOT_SETTINGS "loader/loader.conf"

extern const struct loader sdboot_loader;

bool sdboot_wants_text(const char *path);
/* Takes whatever is there; never fails. */
bool sdboot_parse(const struct loader_found *found, struct menu *ret, struct err *err);
const char *sdboot_base_name(const char *path);

/* What moult wants in loader.conf, with the owner's own lines kept where they do not get in its way. */
char *sdboot_settings_merge(const char *owners);
/* Whether the loader chooses among moult's candidates with these settings (NULL = none). */
bool sdboot_settings_are_ours(const char *settings);
extern const char sdboot_settings_text[];
