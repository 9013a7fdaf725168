#include "late_left.h"
#include <errno.h>
#include <string.h>
#include "changes.h"
#include "late_apply.h"

/* Nobody waits for copies: not whoever rolls back, and not a boot. */
#define KEEP_USEC 2000000

void late_left_done(struct late_left *left)
{
	host_strings_done(&left->edits);
}

void late_left_find(struct machine *machine, const struct generation *from,
		    const struct generation *to, struct late_left *ret)
{
	*ret = (struct late_left){0};
	if (!from || from->damage || from == to)
		return;
	ret->id = from->id;
	generation_root(from, ret->root);
	late_edited_in(machine, from, to, &ret->edits);
}

static bool make_place(struct host *host, const char *place, struct err *err)
{
	int r = host->ops->make_directory(host, VOLUME_POOL, LEFT_DIRECTORY, 0700);

	if (r == 0 || r == -EEXIST)
		r = host->ops->make_directory(host, VOLUME_POOL, place, 0700);
	return r == 0 || r == -EEXIST || err_set(err, ERR_SYSTEM, -r, "cannot make %s", place);
}

static bool keep(struct machine *machine, const struct late_left *left, struct err *err)
{
	struct host *host = machine->host;
	auto_free char *place = xasprintf(LEFT_DIRECTORY "/%u", left->id);
	struct late_apply apply = {
		.machine = machine,
		.from = left->root,
		.to = place,
		.until_usec = host->ops->clock(host, HOST_CLOCK_MONOTONIC_USEC) + KEEP_USEC,
	};

	if (!make_place(host, place, err))
		return false;
	for (size_t i = 0; i < left->edits.count; i++)
		if (!late_park(&apply, left->edits.strings[i] + 1, err))
			return false;
	return true;
}

/* Who may log in, and from where: what was changed of that holds no more. */
static void note_identity(struct operation *operation, const struct late_left *left)
{
	auto_text struct text named = {0};
	const char *first = NULL;

	for (size_t i = 0; i < left->edits.count; i++) {
		if (!late_is_identity(left->edits.strings[i] + 1))
			continue;
		first = first ? first : left->edits.strings[i];
		text_addf(&named, "%s%s", named.length > 0 ? ", " : "",
			  text_quote(left->edits.strings[i]));
	}
	if (first)
		operation_note(
			operation,
			"accounts, keys or networks were changed in generation %u, and are as "
			"before: %s; to bring one over: sudo moult restore %u %s",
			left->id, named.bytes, left->id, first);
}

void late_left_keep(struct operation *operation, const struct late_left *left)
{
	const struct generation from = {.id = left->id};
	auto_free char *sentence = late_edited_text(&from, &left->edits);
	struct err err = {0};

	if (!sentence)
		return;
	if (keep(operation->machine, left, &err))
		operation_note(operation, "%s; copies are kept in /var/lib/moult/left/%u", sentence,
			       left->id);
	else
		operation_note(operation, "%s; not all of them could be copied: %s", sentence,
			       err.text);
	note_identity(operation, left);
}
