/*
 * publishing - what the parts of publish share; nobody else includes it.
 */
#pragma once
#include "publish.h"

/* A copy of a generation that can be published: one that could not be read just now cannot. */
bool publish_copy_listed(const struct machine *machine, unsigned id, struct generation *ret,
			 struct err *err);
/* Kernel, initrd and options; serial, kind and attempts stay. */
void publish_copy_content(const struct publication *from, struct publication *to);

bool publish_require_boot(const struct machine *machine, struct err *err);
/* Recovery takes back what would be published now. */
bool publish_require_adoption(const struct machine *machine, struct err *err);
/* Refuse before copying when the space will not do. */
bool publish_check_room(struct machine *machine, const struct boot_entry *entry, struct err *err);

/* What became of it before, and why, is over. A good generation stays good. */
void publish_begin_trial(struct generation *gen);
/* `gen` as it will be, `pub` its publication on trial: reserved, offered, written down. */
bool publish_plan_trial(struct machine *machine, const struct generation *gen,
			const struct publication *pub, struct plan *plan, struct err *err);
/* All else that is on trial goes out of the menu, once that and what was planned before is durable. */
struct supersede {
	unsigned id; /* of the generation that comes instead */
	bool wait; /* for the end of its proposal; else what waited is given up, too */
	bool disable; /* their bytes have not gone back yet, and a full Btrfs must not stop it */
};
bool publish_plan_supersede(struct machine *machine, const struct supersede *how, struct plan *plan,
			    struct err *err);
/* What a generation tries is given up for something else: said, not silent. */
void publish_note_given_up(struct operation *operation, const struct publication *unless);
