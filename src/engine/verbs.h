/*
 * verbs - what a person, a timer or a unit can ask of moult; one function each.
 *
 * Reading verbs give a JSON document (caller owns it), which cli/ prints as it is or as text.
 * Changing verbs take the lock, recover first, run a plan, and give a document that ends with what
 * boots next: {verb, outcome: "done"|"nothing"|"planned", sentence, next:{id,why}, generation, steps:[…] …}.
 * With `dry_run` nothing is changed and `steps` shows what would be done. All fail with one
 * sentence and a command that helps, and then nothing is changed before the commit point.
 * The JSON fields are those of docs/design (format_version 1); fields are only ever added.
 */
#pragma once
#include "machine.h"

struct verb_request {
	const char *verb; /* as typed: "upgrade", "run" … */
	const char *which; /* rollback, show, pin …: number, name or "last"; NULL = default */
	const char *name; /* pin N NAME */
	const char *against; /* diff A B: B */
	const char *file; /* diff --file PATH */
	const char *release; /* upgrade --release CODENAME */
	const char *source; /* upgrade --source S; NULL = policy's */
	const char *loader; /* init --loader L; NULL = policy's */
	const char *const *command; /* run -- CMD…, NULL-terminated */
	const char *const *paths; /* restore N PATH…, NULL-terminated */
	const char *const *data; /* rollback --data NAME, NULL-terminated; NULL = none */
	const char *const *arguments; /* kargs add ARGUMENT…, NULL-terminated; NULL = none */
	const char *const *accept; /* --accept CODE, NULL-terminated; NULL = none */
	bool dry_run, replace, continue_pending, base, undo, finalize, sizes, reboot;
	bool packages, config, files; /* diff: only these parts; none = all */
	bool terminal; /* shell */
	const char *when; /* upgrade --when WINDOW: it reboots then */
	/* of a timer, which is asked again before each long step: false, with why, and the upgrade waits */
	bool (*may_go_on)(struct machine *, struct err *);
	const char *reason; /* internal give-up REASON */
};

bool verb_accepts(const struct verb_request *request, const char *code);

/* reading: no lock */
bool verb_status(struct machine *, const struct verb_request *, json_t **ret, struct err *);
bool verb_list(struct machine *, const struct verb_request *, json_t **ret, struct err *);
bool verb_show(struct machine *, const struct verb_request *, json_t **ret, struct err *);
bool verb_diff(struct machine *, const struct verb_request *, json_t **ret,
	       struct err *); /* docs/schema/diff.json */
bool verb_check(
	struct machine *, const struct verb_request *, json_t **ret,
	struct
	err *); /* {findings:[{code, level, object, why, remedy}]}; error findings do not make it fail: cli exits 1 on them */
bool verb_plan(struct machine *, const struct verb_request *, json_t **ret,
	       struct err *); /* which = "upgrade" (default) or "rollback"; name = N of rollback */
bool verb_log(struct machine *, const struct verb_request *, json_t **ret,
	      struct err *); /* {operations:[…], lines:[…]}; which = generation */

/* changing: lock, recover, plan, run */
bool verb_init(struct machine *, const struct verb_request *, json_t **ret,
	       struct err *); /* also undo and finalize */
bool verb_upgrade(struct machine *, const struct verb_request *, json_t **ret,
		  struct err *); /* also run and shell */
bool verb_checkpoint(struct machine *, const struct verb_request *, json_t **ret, struct err *);
bool verb_restore(struct machine *, const struct verb_request *, json_t **ret, struct err *);
/*
 * which = "add", "remove" or "set" with arguments. NULL or "show" only reads: {generation,
 * current:{serial, kernel, options, command_line}, trial: the same or null}
 */
bool verb_kargs(struct machine *, const struct verb_request *, json_t **ret, struct err *);
bool verb_rollback(struct machine *, const struct verb_request *, json_t **ret, struct err *);
bool verb_keep(struct machine *, const struct verb_request *, json_t **ret, struct err *);
bool verb_discard(struct machine *, const struct verb_request *, json_t **ret, struct err *);
bool verb_pin(struct machine *, const struct verb_request *, json_t **ret,
	      struct err *); /* pin and unpin */
bool verb_cleanup(struct machine *, const struct verb_request *, json_t **ret, struct err *);
bool verb_repair(struct machine *, const struct verb_request *, json_t **ret, struct err *);

/* for the package manager's hook: a checkpoint where the owner's settings ask for one */
bool verb_before_packages(struct machine *, const struct verb_request *, json_t **ret,
			  struct err *);

/* for units: moult internal … and moult health */
bool verb_reconcile(struct machine *, const struct verb_request *, json_t **ret, struct err *);
/* the first boot of a system that was adopted while it ran, and what comes before and after that */
bool verb_at_shutdown(struct machine *, const struct verb_request *, json_t **ret, struct err *);
bool verb_carve(struct machine *, const struct verb_request *, json_t **ret, struct err *);
bool verb_prune(struct machine *, const struct verb_request *, json_t **ret, struct err *);
bool verb_first_boot(struct machine *, const struct verb_request *, json_t **ret, struct err *);
bool verb_late_edits(struct machine *, const struct verb_request *, json_t **ret,
		     struct err *); /* before the machine goes down */
bool verb_stale_check(struct machine *, const struct verb_request *, json_t **ret,
		      struct err *); /* after packages were changed live; never waits long */
bool verb_health(
	struct machine *, const struct verb_request *, json_t **ret,
	struct
	err *); /* {healthy, checks:[{name, required, passed, why}]}; fails (ERR_REFUSED) when a required one does */
/* The kernel or initrd of the running generation was changed: it is tried, if that may be done now. */
bool verb_kernel_changed(struct machine *, const struct verb_request *, json_t **ret, struct err *);
bool verb_bless(struct machine *, const struct verb_request *, json_t **ret, struct err *);
/* upgrade, also with --when: then a timer reboots into what is pending in that window */
bool verb_upgrade_when(struct machine *, const struct verb_request *, json_t **ret, struct err *);
/* for timers */
bool verb_timed_upgrade(struct machine *, const struct verb_request *, json_t **ret, struct err *);
bool verb_timed_check(struct machine *, const struct verb_request *, json_t **ret, struct err *);
bool verb_timed_cleanup(struct machine *, const struct verb_request *, json_t **ret, struct err *);
/* of a boot that is no trial, after one was lost: says how it is, and never reboots */
bool verb_report_health(struct machine *, const struct verb_request *, json_t **ret, struct err *);
bool verb_give_up(struct machine *, const struct verb_request *, json_t **ret,
		  struct err *); /* records the reason against the trial, reboots */
