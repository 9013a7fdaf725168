/*
 * switch_judge - whether a boot volume keeps promise P2, whatever happened to it.
 *
 * Looks with the loader's eyes (loader_model): every entry of ours in the menu is one that was
 * written and boots whole blobs; an uncounted candidate is enabled, and at most one counted one;
 * what boots by default is the old or the new system.
 */
#pragma once
#include "fake_host.h"
#include "menu.h"
#include "plan.h"

struct judge {
	/* texts that an entry may have, as "path\ntext" with its switch on */
	char **texts;
	size_t text_count;
	char *before, *truth, *after; /* roots that may boot by default; the caller sets `after` */
	bool needs_uncounted;
};

/* From a machine and its menu before the plan is run. *judge is zeroed by the caller. */
void judge_prepare(struct judge *judge, const struct fake_host *fake, const struct menu *menu,
		   const struct plan *plan);
void judge_done(struct judge *judge);
/* NULL, or what is wrong with a disk on which the power may have been cut. */
const char *judge_disk(const struct judge *judge, const struct fake_disk *disk);
/* The root that boots by default. Caller frees. */
char *judge_default_root(const struct fake_disk *disk);
bool judge_frees_enabled_entry(const struct fake_disk *disk);

DEFINE_AUTO_STRUCT(judge, struct judge, judge_done)
#define auto_judge __attribute__((cleanup(auto_judge_)))
