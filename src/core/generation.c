#include "generation.h"
#include <stdio.h>
#include <string.h>
#include "text.h"

static void publication_done(struct publication *pub)
{
	for (size_t i = 0; i < pub->attempt_count; i++) {
		free(pub->attempts[i].boot_id);
		free(pub->attempts[i].reason);
	}
	free(pub->attempts);
	free(pub->kernel);
	free(pub->options);
	free(pub->reason);
}

void generation_done(struct generation *gen)
{
	for (size_t i = 0; i < gen->publication_count; i++)
		publication_done(&gen->publications[i]);
	free(gen->publications);
	free(gen->source);
	free(gen->what);
	free(gen->package_digest);
	free(gen->original);
	free(gen->original_default);
	free(gen->original_loader_conf);
	free(gen->name);
	free(gen->stale_why);
	free(gen->reason);
	free(gen->damage);
	json_decref(gen->facts);
	json_decref(gen->status);
	*gen = (struct generation){0};
}

void generation_copy(const struct generation *from, struct generation *ret)
{
	auto_free char *facts = generation_print_facts(from);
	auto_free char *status = generation_print_state(from);
	struct err err = {0};

	/* what was just printed can be parsed: anything else is a bug worth a core dump */
	if (!generation_parse(from->id, facts, status, ret, &err))
		abort();
}

bool generation_is_whole(const struct generation *gen)
{
	return gen->carve == CARVE_DONE || gen->carve == CARVE_PRUNE;
}

const char *generation_directory(unsigned id, char buffer[GENERATION_PATH_MAX])
{
	snprintf(buffer, GENERATION_PATH_MAX, "@gens/%u", id);
	return buffer;
}

const char *generation_ancestor(unsigned id, char buffer[GENERATION_PATH_MAX])
{
	snprintf(buffer, GENERATION_PATH_MAX, "@gens/%u/ancestor", id);
	return buffer;
}

const char *generation_making(unsigned id, char buffer[GENERATION_PATH_MAX])
{
	snprintf(buffer, GENERATION_PATH_MAX, "@gens/.%u.tmp", id);
	return buffer;
}

const char *generation_root(const struct generation *gen, char buffer[GENERATION_PATH_MAX])
{
	if (gen->original)
		snprintf(buffer, GENERATION_PATH_MAX, "%s", gen->original);
	else
		snprintf(buffer, GENERATION_PATH_MAX, "@gens/%u/root", gen->id);
	return buffer;
}

char *generation_listed_path(unsigned id, const char *path)
{
	char making[GENERATION_PATH_MAX], directory[GENERATION_PATH_MAX];
	size_t length = strlen(generation_making(id, making));

	if (!path || strncmp(path, making, length) != 0)
		return xstrdup_or_null(path);
	return xasprintf("%s%s", generation_directory(id, directory), path + length);
}

bool generation_is_checkpoint(const struct generation *gen)
{
	return !gen->damage && text_equal(gen->source, "checkpoint");
}

struct publication *generation_publish(struct generation *gen, uint64_t serial, enum pub_kind kind)
{
	struct publication *pub = array_add(gen->publications, gen->publication_count);

	pub->serial = serial;
	pub->kind = kind;
	return pub;
}

struct publication *generation_find_publication(const struct generation *gen, uint64_t serial)
{
	for (size_t i = 0; i < gen->publication_count; i++)
		if (gen->publications[i].serial == serial)
			return &gen->publications[i];
	return NULL;
}

static struct publication *newest_of_kind(const struct generation *gen, enum pub_kind kind)
{
	for (size_t i = gen->publication_count; i > 0; i--)
		if (gen->publications[i - 1].kind == kind)
			return &gen->publications[i - 1];
	return NULL;
}

struct publication *generation_last_publication(const struct generation *gen)
{
	struct publication *proven = NULL;

	/* what a good generation only tries says nothing about it */
	if (gen->state == GEN_GOOD) {
		proven = newest_of_kind(gen, PUB_CURRENT);
		if (!proven)
			proven = newest_of_kind(gen, PUB_OLD);
	}
	for (size_t i = gen->publication_count; !proven && i > 0; i--)
		if (!gen->publications[i - 1].failed)
			proven = &gen->publications[i - 1];
	return proven;
}

struct publication *generation_continued(const struct generation *gen,
					 const struct publication *pub)
{
	/* serials only grow: a document that says otherwise must not lead in a circle */
	return pub->continues > 0 && pub->continues < pub->serial
		       ? generation_find_publication(gen, pub->continues)
		       : NULL;
}

struct attempt *publication_attempt(struct publication *pub, const char *boot_id)
{
	struct attempt *attempt;

	for (size_t i = 0; i < pub->attempt_count; i++)
		if (*boot_id && strcmp(pub->attempts[i].boot_id, boot_id) == 0)
			return &pub->attempts[i];
	attempt = array_add(pub->attempts, pub->attempt_count);
	attempt->boot_id = xstrdup(boot_id);
	return attempt;
}
