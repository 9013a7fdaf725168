/*
 * data_back - data put back as it was before a newer generation first ran: `rollback --data`.
 *
 * The snapshot of then becomes the subvolume of that name by one exchange, and the present one is
 * kept beside it under a name that says when (@var.moult-before-20261128T083500Z), for its owner to
 * look into and to delete. What runs goes on in the present one, which it has mounted, until the
 * reboot: nothing that is written meanwhile is lost, and all of it is in what is kept aside.
 *
 * It is done by the rollback itself, before its commit, and not by the next boot: the generation gone
 * back to may have a moult that knows of no such thing. A power cut in between boots the newer
 * generation with the data that it met when it first ran, which it can work with; the other way
 * round the older one would meet what it may not understand.
 */
#pragma once
#include "data_places.h"
#include "operation.h"
#include "verbs.h"

struct data_back {
	char *mount_point, *subvolume;
	char *kept; /* the snapshot */
	char *aside; /* what the present one will be called */
	unsigned before; /* the generation that first ran then */
	unsigned unkept; /* one older than that, which ran and has no snapshot any more; 0 = none */
	int64_t when; /* seconds since 1970; 0 = unknown */
	char *nested; /* a subvolume in it that has content, and that no snapshot has; NULL = none */
	uint64_t transid; /* of the one put back, as it was made */
};

struct data_backs {
	struct data_back *all;
	size_t count;
};

/* For going back to `to`; `request->data` is NULL-terminated, NULL = none, and nothing is found. */
bool data_backs_find(struct machine *machine, const struct generation *to,
		     const struct verb_request *request, struct data_backs *ret, struct err *err);
/* Fails with ERR_NEEDS_ACK, code NESTED_DATA. */
bool data_backs_accepted(const struct data_backs *backs, const struct verb_request *request,
			 struct err *err);
void data_backs_plan(const struct data_backs *backs, struct plan *plan);
/* On failure nothing is put back. */
bool data_backs_run(struct operation *operation, struct data_backs *backs, struct err *err);
/* As it was before data_backs_run(), because the rollback came to nothing. */
void data_backs_undo(struct operation *operation, const struct data_backs *backs);
/* What a person has to know, each a sentence. Caller owns. */
json_t *data_backs_notes(const struct data_backs *backs);
/* [{name, subvolume, before, since, kept_as}]; caller owns. */
json_t *data_backs_json(const struct data_backs *backs);
void data_backs_done(struct data_backs *backs);

/*
 * data_daemons.c: of these changes, [{name, from, to}], those whose package has a service in this
 * root: "name 2 → 1, …"; NULL = none. Caller frees.
 */
char *data_daemons(struct machine *machine, const char *root, const json_t *changes);

DEFINE_AUTO_STRUCT(data_backs, struct data_backs, data_backs_done)
#define auto_data_backs __attribute__((cleanup(auto_data_backs_)))
