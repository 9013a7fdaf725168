#include "listing.h"
#include <string.h>
#include "text.h"

void listing_done(struct listing *listing)
{
	for (size_t i = 0; i < listing->count; i++)
		generation_done(&listing->generations[i]);
	free(listing->generations);
	free(listing->leftovers);
	free(listing->default_root);
	for (size_t i = 0; i < listing->subvolume_count; i++)
		free(listing->subvolumes[i]);
	free(listing->subvolumes);
	free(listing->running.boot_id);
	json_decref(listing->layout.document);
	*listing = (struct listing){0};
}

static int compare_path(const void *path, const void *subvolume)
{
	return strcmp(path, *(char *const *)subvolume);
}

bool listing_has_subvolume(const struct listing *listing, const char *path)
{
	return listing->subvolume_count > 0 &&
	       bsearch(path, listing->subvolumes, listing->subvolume_count,
		       sizeof(*listing->subvolumes), compare_path);
}

bool layout_parse(const char *bytes, struct layout *ret, struct err *err)
{
	ERR_CONTEXT(err, "@gens/layout.json");
	auto_json json_t *document = json_parse_object("layout.json", bytes, strlen(bytes), err);
	uint64_t min_reader, id, serial;

	if (!document || !json_get_u64(document, "min_reader", 1, &min_reader, err) ||
	    !json_get_u64(document, "last_id", 0, &id, err) ||
	    !json_get_u64(document, "last_serial", 0, &serial, err))
		return false;
	if (min_reader > GENERATION_FORMAT)
		return err_set(err, ERR_REFUSED, 0,
			       "it was written by a newer moult and asks for reader %llu",
			       (unsigned long long)min_reader);
	*ret = (struct layout){.last_id = id, .last_serial = serial, .document = take(document)};
	return true;
}

char *layout_print(const struct layout *layout)
{
	auto_json json_t *document =
		layout->document ? json_deep_copy(layout->document) : json_object();

	if (!layout->document) {
		json_object_set_new(document, "format_version", json_integer(GENERATION_FORMAT));
		json_object_set_new(document, "min_reader", json_integer(1));
	}
	json_object_set_new(document, "last_id", json_integer((json_int_t)layout->last_id));
	json_object_set_new(document, "last_serial", json_integer((json_int_t)layout->last_serial));
	return json_print(document);
}

struct generation *listing_find(const struct listing *listing, unsigned id)
{
	for (size_t i = 0; i < listing->count; i++)
		if (listing->generations[i].id == id)
			return &listing->generations[i];
	return NULL;
}

uint64_t listing_highest_id(const struct listing *listing)
{
	uint64_t highest = listing->layout.last_id;

	for (size_t i = 0; i < listing->count; i++)
		if (listing->generations[i].id > highest)
			highest = listing->generations[i].id;
	for (size_t i = 0; i < listing->leftover_count; i++)
		if (listing->leftovers[i] > highest)
			highest = listing->leftovers[i];
	return highest;
}

uint64_t listing_highest_serial(const struct listing *listing)
{
	uint64_t highest = listing->layout.last_serial;

	for (size_t i = 0; i < listing->count; i++) {
		const struct generation *gen = &listing->generations[i];

		if (gen->publication_count > 0 &&
		    gen->publications[gen->publication_count - 1].serial > highest)
			highest = gen->publications[gen->publication_count - 1].serial;
	}
	return highest;
}

bool listing_is_surpassed(const struct listing *listing, const struct generation *gen, int id)
{
	const struct generation *parent = generation_is_checkpoint(gen) && gen->parent > 0
						  ? listing_find(listing, (unsigned)gen->parent)
						  : NULL;

	return parent && parent != gen && !parent->damage && parent->state == GEN_GOOD &&
	       (int)parent->id != id;
}

struct generation *listing_other_good(const struct listing *listing, unsigned id)
{
	for (size_t i = listing->count; i > 0; i--) {
		struct generation *gen = &listing->generations[i - 1];

		if (gen->id != 0 && gen->id != id && !gen->damage && gen->state == GEN_GOOD &&
		    !gen->automatic && !listing_is_surpassed(listing, gen, (int)id))
			return gen;
	}
	return NULL;
}
