/*
 * rollback_plan - what a rollback comes to, and what it would not bring back: said before, not
 * after.
 */
#pragma once
#include "data_back.h"
#include "machine.h"
#include "verbs.h"

enum rollback_way {
	ROLLBACK_NOTHING, /* it is current already, and boots next */
	ROLLBACK_CURRENT,
	ROLLBACK_TRIAL, /* not good yet, or bad: it has to come up first */
	ROLLBACK_BASE, /* a new generation, as this one was built */
};

struct rollback {
	enum rollback_way way;
	const struct generation *to; /* of the listing */
	const struct publication
		*from; /* whose kernel and options it boots; NULL with ROLLBACK_BASE */
	const char *needs; /* the code of --accept that it wants; NULL = none */
};

/* What `rollback` (which, base) would do on this machine as it is; the acknowledgement apart. */
bool rollback_find(struct machine *machine, const struct verb_request *request,
		   struct rollback *ret, struct err *err);
/* The same for a good generation that is known: `keep`. */
bool rollback_to_good(const struct generation *generation, struct rollback *ret, struct err *err);
/* Fails with ERR_NEEDS_ACK where the request does not accept what the rollback wants. */
bool rollback_accepted(const struct rollback *rollback, const struct verb_request *request,
		       struct err *err);
/*
 * Fails where the boot volume takes no writes: which generation boots is said there and nowhere else.
 * Asked before anything is changed; what can be done all the same is in the sentence.
 */
bool rollback_writable(struct machine *machine, const struct rollback *rollback, struct err *err);
/* Its steps, for --dry-run and plans. */
bool rollback_steps(struct machine *machine, const struct rollback *rollback, struct plan *plan,
		    struct err *err);
/* What a person has to know of it, in one sentence: data, or that it is tried first. Caller frees. */
char *rollback_note(const struct machine *machine, const struct rollback *rollback);

/* The data that the request names, acknowledgements asked for; a generation is tried with what there is. */
bool rollback_data(struct machine *machine, const struct rollback *rollback,
		   const struct verb_request *request, struct data_backs *ret, struct err *err);

/* `name` as in listing_select(), `data`. Document: from, to, steps, packages, data, not_rolled_back, config. */
bool plan_rollback(struct machine *machine, const struct verb_request *request, json_t **ret,
		   struct err *err);
/* The paths of data, which stay as they are: ["/var", …]. Caller owns. */
json_t *plan_data_names(void);
