/*
 * beside - systemd-boot put beside the loader that a machine boots by (`init --loader systemd-boot`).
 *
 * Nothing of the other loader is changed: its programs, its menu, its entry in the firmware stay, and
 * `init --undo` goes back to it. What is done is written down first (boot/takeover.h).
 */
#pragma once
#include "loader_program.h"
#include "operation.h"
#include "takeover.h"

struct beside {
	bool wanted; /* false: systemd-boot is there, and the rest is empty */
	struct loader_package package;
	char *source; /* the program, on the pool */
	struct digest digest;
	bool exchange; /* the fallback's name is taken, and no firmware of ours could start another */
	struct takeover takeover;
};

/* `root`: on the pool, that is adopted. What would keep it from being done was refused by the checks. */
bool beside_examine(struct machine *machine, const char *root, struct beside *ret, struct err *err);
/* The steps on the boot volume. */
void beside_plan(const struct beside *beside, struct plan *plan);
/* The same for --dry-run, with what no step does; none where nothing is wanted. */
void beside_foretell(const struct beside *beside, struct plan *plan);
/* Everything on the boot volume; the original's entry must be committed before. */
bool beside_place(struct operation *operation, const struct beside *beside, struct err *err);
/* Whether all its copies are there, once the boot volume is furnished. */
bool beside_is_placed(struct operation *operation, const struct beside *beside, struct err *err);
/* Space and BootOrder before and after: sentences, caller owns. */
json_t *beside_tell(struct machine *machine, const char *root, const struct beside *beside);
void beside_done(struct beside *beside);
