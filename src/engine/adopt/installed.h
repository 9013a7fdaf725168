/* installed - with which kernel command line the system boots that is about to be adopted. */
#pragma once
#include "machine.h"

/*
 * Of the boot menu's entries that are this very system's the one that stands highest, else what GRUB's
 * own menu in it says, else what kernel-install would write; moult's own words are left out. Never another system's. Caller frees.
 */
char *installed_options(struct machine *machine, const char *root);
