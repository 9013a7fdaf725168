/* The two documents of a generation: read with suspicion, written with what a newer moult put there. */
#include "generation.h"
#include <stdio.h>
#include <string.h>
#include "digest.h"
#include "text.h"

static const char *const state_names[GEN_STATE_COUNT] = {
	[GEN_BUILDING] = "building", [GEN_BUILT] = "built", [GEN_TRIAL] = "trial",
	[GEN_GOOD] = "good",	     [GEN_BAD] = "bad",
};

static const char *const kind_names[PUB_KIND_COUNT] = {
	[PUB_TRIAL] = "trial",
	[PUB_CURRENT] = "current",
	[PUB_OLD] = "old",
	[PUB_NONE] = "none",
};

static const char *const outcome_names[OUTCOME_COUNT] = {
	[OUTCOME_STARTED] = "started",
	[OUTCOME_HEALTHY] = "healthy",
	[OUTCOME_FAILED] = "failed",
	[OUTCOME_UNKNOWN] = "unknown",
};

static const char *const carve_names[CARVE_COUNT] = {
	[CARVE_DONE] = "done",	   [CARVE_SHUTDOWN] = "shutdown", [CARVE_WANTED] = "wanted",
	[CARVE_COPIED] = "copied", [CARVE_PRUNE] = "prune",
};

const char *gen_state_name(enum gen_state state)
{
	return state_names[state];
}

const char *carve_name(enum carve carve)
{
	return carve_names[carve];
}

const char *pub_kind_name(enum pub_kind kind)
{
	return kind_names[kind];
}

const char *outcome_name(enum outcome outcome)
{
	return outcome_names[outcome];
}

/* The index of `name` in names, or -1. */
static int find_name(const char *const *names, int count, const char *name)
{
	for (int i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

static bool get_copy(const json_t *object, const char *key, char **ret, struct err *err)
{
	const char *value;

	if (!json_get_string(object, key, NULL, &value, err))
		return false;
	*ret = xstrdup_or_null(value);
	return true;
}

static bool get_name(const json_t *object, const char *key, const char *const *names, int count,
		     int *ret, struct err *err)
{
	const char *value;
	int found;

	if (!json_get_string(object, key, "", &value, err))
		return false;
	found = find_name(names, count, value);
	if (found < 0)
		return err_set(err, ERR_CORRUPT, 0, "'%s' is %s, which this moult does not know",
			       key, text_quote(value));
	*ret = found;
	return true;
}

static bool get_digest(const json_t *object, const char *key, char hex[65], struct err *err)
{
	const char *value;

	if (!json_get_string(object, key, "", &value, err))
		return false;
	if (*value && !digest_is_sha256(value))
		return err_set(err, ERR_CORRUPT, 0, "'%s' is not a SHA-256 digest", key);
	snprintf(hex, 65, "%s", value);
	return true;
}

static bool check_reader(const json_t *document, const char *name, struct err *err)
{
	uint64_t min_reader;

	if (!json_get_u64(document, "min_reader", 1, &min_reader, err))
		return false;
	if (min_reader > GENERATION_FORMAT)
		return err_set(err, ERR_CORRUPT, 0,
			       "%s was written by a newer moult and asks for reader %llu", name,
			       (unsigned long long)min_reader);
	return true;
}

static bool parse_attempt(const json_t *object, struct attempt *attempt, struct err *err)
{
	const char *boot_id;
	uint64_t when;
	int outcome;

	if (!json_get_string(object, "boot_id", "", &boot_id, err) ||
	    !json_get_u64(object, "when", 0, &when, err) ||
	    !get_name(object, "outcome", outcome_names, OUTCOME_COUNT, &outcome, err) ||
	    !get_copy(object, "reason", &attempt->reason, err))
		return false;
	attempt->boot_id = xstrdup(boot_id);
	attempt->when = (int64_t)when;
	attempt->outcome = (enum outcome)outcome;
	return true;
}

static bool parse_publication(const json_t *object, struct publication *pub, struct err *err)
{
	json_t *attempts, *item;
	uint64_t tries;
	size_t i;
	int kind;

	if (!json_get_u64(object, "serial", 0, &pub->serial, err) ||
	    !get_name(object, "kind", kind_names, PUB_KIND_COUNT, &kind, err) ||
	    !get_copy(object, "kernel", &pub->kernel, err) ||
	    !get_copy(object, "options", &pub->options, err) ||
	    !get_digest(object, "linux_sha256", pub->linux_sha256, err) ||
	    !get_digest(object, "initrd_sha256", pub->initrd_sha256, err) ||
	    !json_get_u64(object, "tries", 0, &tries, err) ||
	    !json_get_bool(object, "failed", false, &pub->failed, err) ||
	    !get_copy(object, "reason", &pub->reason, err) ||
	    !json_get_u64(object, "continues", 0, &pub->continues, err) ||
	    !json_get_array(object, "attempts", &attempts, err))
		return false;
	pub->kind = (enum pub_kind)kind;
	pub->tries = (unsigned)tries;
	json_array_foreach(attempts, i, item)
	{
		if (!parse_attempt(item, array_add(pub->attempts, pub->attempt_count), err))
			return false;
	}
	return true;
}

static int by_serial(const void *a, const void *b)
{
	const struct publication *left = a, *right = b;

	return (left->serial > right->serial) - (left->serial < right->serial);
}

static bool parse_facts(struct generation *gen, struct err *err)
{
	uint64_t id, parent, created;

	if (!check_reader(gen->facts, "generation.json", err) ||
	    !json_get_u64(gen->facts, "id", UINT64_MAX, &id, err) ||
	    !json_get_u64(gen->facts, "parent", UINT32_MAX, &parent, err) ||
	    !json_get_u64(gen->facts, "created", 0, &created, err) ||
	    !get_copy(gen->facts, "source", &gen->source, err) ||
	    !get_copy(gen->facts, "what", &gen->what, err) ||
	    !get_copy(gen->facts, "package_digest", &gen->package_digest, err) ||
	    !json_get_bool(gen->facts, "automatic", false, &gen->automatic, err) ||
	    !get_copy(gen->facts, "original", &gen->original, err) ||
	    !get_copy(gen->facts, "original_default", &gen->original_default, err) ||
	    !get_copy(gen->facts, "original_loader_conf", &gen->original_loader_conf, err) ||
	    !json_get_u64(gen->facts, "original_transid", 0, &gen->original_transid, err))
		return false;
	if (id != gen->id)
		return err_set(err, ERR_CORRUPT, 0, "generation.json says it is generation %lld",
			       (long long)id);
	if (gen->id == 0 && !gen->original)
		return err_set(err, ERR_CORRUPT, 0, "generation.json does not name the original");
	gen->parent = parent == UINT32_MAX ? -1 : (int)parent;
	gen->created = (int64_t)created;
	return true;
}

/* Absent is done: most generations never had anything to part. */
static bool get_carve(const json_t *object, enum carve *ret, struct err *err)
{
	int carve = CARVE_DONE;

	if (json_object_get(object, "carve") &&
	    !get_name(object, "carve", carve_names, CARVE_COUNT, &carve, err))
		return false;
	*ret = (enum carve)carve;
	return true;
}

static bool parse_status(struct generation *gen, struct err *err)
{
	json_t *publications, *item;
	uint64_t origin;
	size_t i;
	int state;

	if (!check_reader(gen->status, "state.json", err) ||
	    !get_name(gen->status, "state", state_names, GEN_STATE_COUNT, &state, err) ||
	    !json_get_bool(gen->status, "pinned", false, &gen->pinned, err) ||
	    !json_get_bool(gen->status, "stale", false, &gen->stale, err) ||
	    !json_get_bool(gen->status, "waiting", false, &gen->waiting, err) ||
	    !json_get_bool(gen->status, "undone", false, &gen->undone, err) ||
	    !json_get_u64(gen->status, "late_transid", 0, &gen->late_transid, err) ||
	    !json_get_u64(gen->status, "late_origin", 0, &origin, err) ||
	    !get_carve(gen->status, &gen->carve, err) ||
	    !get_copy(gen->status, "stale_why", &gen->stale_why, err) ||
	    !get_copy(gen->status, "name", &gen->name, err) ||
	    !get_copy(gen->status, "reason", &gen->reason, err) ||
	    !json_get_array(gen->status, "publications", &publications, err))
		return false;
	gen->state = (enum gen_state)state;
	gen->late_origin = origin <= UINT32_MAX ? (unsigned)origin : UINT32_MAX;
	json_array_foreach(publications, i, item)
	{
		if (!parse_publication(item, array_add(gen->publications, gen->publication_count),
				       err))
			return false;
	}
	if (gen->publication_count > 1)
		qsort(gen->publications, gen->publication_count, sizeof(*gen->publications),
		      by_serial);
	return true;
}

bool generation_parse(unsigned id, const char *facts, const char *status,
		      struct generation *generation, struct err *err)
{
	*generation = (struct generation){.id = id, .parent = -1};
	generation->facts = json_parse_object("generation.json", facts, strlen(facts), err);
	if (!generation->facts || !parse_facts(generation, err))
		return false;
	generation->status = json_parse_object("state.json", status, strlen(status), err);
	return generation->status && parse_status(generation, err);
}

static json_t *document_of(const json_t *read)
{
	json_t *document = read ? json_deep_copy(read) : json_object();

	if (!json_object_get(document, "format_version"))
		json_object_set_new(document, "format_version", json_integer(GENERATION_FORMAT));
	if (!json_object_get(document, "min_reader"))
		json_object_set_new(document, "min_reader", json_integer(1));
	return document;
}

/* Absent stays absent: null would only be noise. */
static void put_optional(json_t *object, const char *key, const char *value)
{
	if (value)
		json_put_string(object, key, value);
	else
		json_object_del(object, key);
}

static void put_flag(json_t *object, const char *key, bool value)
{
	json_object_set_new(object, key, json_boolean(value));
}

char *generation_print_facts(const struct generation *gen)
{
	auto_json json_t *document = document_of(gen->facts);

	json_object_set_new(document, "id", json_integer(gen->id));
	json_object_set_new(document, "created", json_integer(gen->created));
	if (gen->parent >= 0)
		json_object_set_new(document, "parent", json_integer(gen->parent));
	put_optional(document, "source", gen->source);
	put_optional(document, "what", gen->what);
	put_optional(document, "package_digest", gen->package_digest);
	if (gen->automatic)
		put_flag(document, "automatic", true);
	put_optional(document, "original", gen->original);
	put_optional(document, "original_default", gen->original_default);
	put_optional(document, "original_loader_conf", gen->original_loader_conf);
	if (gen->original_transid > 0)
		json_object_set_new(document, "original_transid",
				    json_integer((json_int_t)gen->original_transid));
	return json_print(document);
}

static json_t *print_attempt(const struct attempt *attempt)
{
	json_t *object = json_object();

	json_put_string(object, "boot_id", attempt->boot_id);
	json_object_set_new(object, "when", json_integer(attempt->when));
	json_put_string(object, "outcome", outcome_names[attempt->outcome]);
	put_optional(object, "reason", attempt->reason);
	return object;
}

/* The object of this serial as it was read, so that fields of a newer moult survive; else a new one. */
static json_t *publication_document(const json_t *status, uint64_t serial)
{
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(status, "publications"), i, item)
	{
		if ((uint64_t)json_integer_value(json_object_get(item, "serial")) == serial)
			return json_deep_copy(item);
	}
	return json_object();
}

static json_t *print_publication(const struct generation *gen, const struct publication *pub)
{
	json_t *object = publication_document(gen->status, pub->serial);
	json_t *attempts = json_array();

	for (size_t i = 0; i < pub->attempt_count; i++)
		json_array_append_new(attempts, print_attempt(&pub->attempts[i]));
	json_object_set_new(object, "serial", json_integer((json_int_t)pub->serial));
	json_put_string(object, "kind", kind_names[pub->kind]);
	put_optional(object, "kernel", pub->kernel);
	put_optional(object, "options", pub->options);
	json_put_string(object, "linux_sha256", pub->linux_sha256);
	json_put_string(object, "initrd_sha256", pub->initrd_sha256);
	json_object_set_new(object, "tries", json_integer(pub->tries));
	put_flag(object, "failed", pub->failed);
	put_optional(object, "reason", pub->reason);
	if (pub->continues > 0)
		json_object_set_new(object, "continues", json_integer((json_int_t)pub->continues));
	json_object_set_new(object, "attempts", attempts);
	return object;
}

char *generation_print_state(const struct generation *gen)
{
	auto_json json_t *document = document_of(gen->status);
	json_t *publications = json_array();

	for (size_t i = 0; i < gen->publication_count; i++)
		json_array_append_new(publications, print_publication(gen, &gen->publications[i]));
	json_put_string(document, "state", state_names[gen->state]);
	put_flag(document, "pinned", gen->pinned);
	put_flag(document, "stale", gen->stale);
	put_flag(document, "waiting", gen->waiting);
	put_flag(document, "undone", gen->undone);
	json_object_set_new(document, "late_transid", json_integer((json_int_t)gen->late_transid));
	json_object_set_new(document, "late_origin", json_integer(gen->late_origin));
	put_optional(document, "carve", gen->carve == CARVE_DONE ? NULL : carve_names[gen->carve]);
	put_optional(document, "stale_why", gen->stale_why);
	put_optional(document, "name", gen->name);
	put_optional(document, "reason", gen->reason);
	json_object_set_new(document, "publications", publications);
	return json_print(document);
}
