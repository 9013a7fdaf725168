/* What may become of an effect that was not synced. */
#include <string.h>
#include "fake_disk.h"
#include "text.h"

void fake_effect_done(struct fake_effect *effect)
{
	free(effect->path);
	free(effect->from);
	free(effect->bytes);
	*effect = (struct fake_effect){0};
}

void fake_effect_copy(const struct fake_effect *from, struct fake_effect *ret)
{
	*ret = *from;
	ret->path = xstrdup_or_null(from->path);
	ret->from = xstrdup_or_null(from->from);
	ret->bytes = from->bytes ? xstrndup(from->bytes, from->length) : NULL;
}

size_t fake_effect_fates(const struct fake_effect *effect, enum fake_fate fates[6])
{
	static const enum fake_fate of_write[] = {FATE_LOST, FATE_DONE,	 FATE_EMPTY,
						  FATE_HALF, FATE_SHORT, FATE_STALE};
	static const enum fake_fate of_rename[] = {FATE_LOST, FATE_DONE, FATE_NO_TARGET,
						   FATE_NO_NAME};
	static const enum fake_fate of_append[] = {FATE_LOST, FATE_DONE, FATE_HALF, FATE_SHORT};
	static const enum fake_fate of_others[] = {FATE_LOST, FATE_DONE};
	static const struct {
		const enum fake_fate *fates;
		size_t count;
	} table[FAKE_KIND_COUNT] = {
		[FAKE_WRITE] = {of_write, COUNT(of_write)},
		[FAKE_APPEND] = {of_append, COUNT(of_append)},
		[FAKE_RENAME] = {of_rename, COUNT(of_rename)},
	};
	size_t count = table[effect->kind].fates ? table[effect->kind].count : COUNT(of_others);

	memcpy(fates, table[effect->kind].fates ? table[effect->kind].fates : of_others,
	       count * sizeof(*fates));
	return count;
}

/* A file of the right size whose cluster still holds what was there before. */
static void make_stale(struct fake_disk *disk, struct fake_effect *effect)
{
	const struct fake_volume *v = &disk->volumes[effect->volume];

	for (size_t i = 0; i < effect->length; i++)
		effect->bytes[i] = i < v->freed_length ? v->freed[i] : '\0';
}

static void apply_removed(struct fake_disk *disk, const struct fake_effect *effect,
			  const char *path)
{
	struct fake_effect remove = {
		.kind = FAKE_REMOVE, .volume = effect->volume, .path = (char *)path};

	fake_disk_apply(disk, &remove);
}

void fake_disk_apply_fate(struct fake_disk *disk, const struct fake_effect *effect,
			  enum fake_fate fate)
{
	struct fake_effect part;

	fake_effect_copy(effect, &part);
	if (fate == FATE_EMPTY)
		part.length = 0;
	if (fate == FATE_HALF)
		part.length /= 2;
	if (fate == FATE_SHORT)
		part.length -= part.length > 0;
	if (fate == FATE_STALE)
		make_stale(disk, &part);
	if (fate == FATE_NO_NAME)
		apply_removed(disk, effect, effect->from);
	if (fate == FATE_NO_NAME || fate == FATE_NO_TARGET)
		apply_removed(disk, effect, effect->path);
	else if (fate != FATE_LOST)
		fake_disk_apply(disk, &part);
	fake_effect_done(&part);
}
