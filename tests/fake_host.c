#include "fake_host.h"
#include <string.h>
#include "text.h"

extern const struct host_ops fake_ops;

struct fake_host *fake_host_new(void)
{
	struct fake_host *fake = xcalloc(1, sizeof(*fake));

	fake->host.ops = &fake_ops;
	fake->pool_uuid = "11111111-2222-3333-4444-555555555555";
	fake->boot_uuid = "ABCD-EF01";
	fake->now_sec = 1700000000;
	for (int v = 0; v < VOLUME_COUNT; v++)
		fake->space[v] = (struct host_space){1ULL << 34, 1ULL << 33, 1ULL << 30};
	fake_disk_init(&fake->disk);
	fake_disk_init(&fake->base);
	return fake;
}

static void forget_effects(struct fake_host *fake)
{
	for (size_t i = 0; i < fake->effect_count; i++)
		fake_effect_done(&fake->effects[i]);
	free(fake->effects);
	fake->effects = NULL;
	fake->effect_count = 0;
}

void fake_host_free(struct fake_host *fake)
{
	if (!fake)
		return;
	forget_effects(fake);
	fake_disk_done(&fake->disk);
	fake_disk_done(&fake->base);
	free(fake->log);
	free(fake->status);
	free(fake->firmware);
	free(fake);
}

static void sync_all(struct fake_disk *disk)
{
	for (int v = 0; v < VOLUME_COUNT; v++)
		fake_disk_apply(disk, &(struct fake_effect){.kind = FAKE_SYNC,
							    .volume = (enum volume)v,
							    .path = (char[]){""}});
}

void fake_host_mark(struct fake_host *fake)
{
	forget_effects(fake);
	fake->locked_at = 0;
	sync_all(&fake->disk);
	fake_disk_done(&fake->base);
	fake_disk_copy(&fake->disk, &fake->base);
	fake->boot_writes = 0;
}

static void make_parents(struct fake_host *fake, enum volume volume, const char *path)
{
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		auto_free char *parent = xstrndup(path, (size_t)(slash - path));
		int r = fake->host.ops->make_directory(&fake->host, volume, parent, 0755);

		if (r < 0 && r != -EEXIST)
			abort();
	}
}

void fake_host_put(struct fake_host *fake, enum volume volume, const char *path, const char *text)
{
	make_parents(fake, volume, path);
	if (fake->host.ops->write(&fake->host, volume, path, text, strlen(text)) < 0)
		abort();
}

void fake_host_put_subvolume(struct fake_host *fake, const char *path)
{
	make_parents(fake, VOLUME_POOL, path);
	if (fake->host.ops->create_subvolume(&fake->host, path) < 0)
		abort();
}

const char *fake_host_text(const struct fake_host *fake, enum volume volume, const char *path)
{
	const struct fake_node *node = fake_disk_find(&fake->disk, volume, path);

	return node && node->type == HOST_FILE ? node->bytes : NULL;
}

/* ---- power cuts ---- */

/* The journal is for people; copies that nobody needs any more are deleted by the next command. */
static bool may_be_lost(const struct fake_effect *effect)
{
	static const char *const copies[] = {"/late-", "/ancestor", "/boot/sha256-"};
	bool removes = effect->kind == FAKE_DELETE_SUBVOLUME || effect->kind == FAKE_REMOVE;

	for (size_t i = 0; removes && i < COUNT(copies); i++)
		if (strstr(effect->path, copies[i]))
			return true;
	return effect->volume == VOLUME_POOL && text_starts(effect->path, "@moult/");
}

const char *fake_host_pending(const struct fake_host *fake, size_t from)
{
	bool synced[VOLUME_COUNT] = {false};

	for (size_t i = fake->effect_count; i > from; i--) {
		const struct fake_effect *effect = &fake->effects[i - 1];

		if (effect->volume >= VOLUME_COUNT || synced[effect->volume])
			continue;
		if (effect->kind == FAKE_SYNC)
			synced[effect->volume] = true;
		else if (!may_be_lost(effect))
			return effect->path;
	}
	return NULL;
}

/* How many of the first `at` effects of a volume are durable: up to its last sync. */
static size_t synced_until(const struct fake_host *fake, enum volume volume, size_t at)
{
	while (at > 0 &&
	       !(fake->effects[at - 1].kind == FAKE_SYNC && fake->effects[at - 1].volume == volume))
		at--;
	return at;
}

bool fake_cut_first(const struct fake_host *fake, size_t at, struct fake_cut *ret)
{
	size_t pool = synced_until(fake, VOLUME_POOL, at);
	size_t boot = synced_until(fake, VOLUME_BOOT, at);

	*ret = (struct fake_cut){.at = at};
	for (size_t i = pool; i < at; i++)
		ret->pool_pending += fake->effects[i].volume == VOLUME_POOL;
	for (size_t i = boot; i < at; i++) {
		if (fake->effects[i].volume != VOLUME_BOOT)
			continue;
		if (ret->pending_count == FAKE_CUT_MAX)
			abort();
		ret->pending[ret->pending_count++] = i;
	}
	return true;
}

bool fake_cut_next(const struct fake_host *fake, struct fake_cut *cut)
{
	enum fake_fate fates[6];

	for (size_t i = 0; i < cut->pending_count; i++) {
		const struct fake_effect *effect = &fake->effects[cut->pending[i]];

		if (++cut->chosen[i] < fake_effect_fates(effect, fates))
			return true;
		cut->chosen[i] = 0;
	}
	return ++cut->pool_kept <= cut->pool_pending;
}

/* How much of the pool's effects, whether without data, fates on the boot volume. */
static const struct sample {
	enum { NONE, ALL, ANY } pool, boot;
	bool lost;
} samples[] = {{NONE, NONE, false}, {NONE, ALL, false}, {ALL, ALL, true}, {ALL, NONE, false},
	       {ALL, ALL, false},   {ANY, ANY, true},	{ANY, ANY, false}};

/* Of a volume on which nothing is pending nothing can be lost. */
static struct sample sample_of(const struct fake_cut *cut, size_t i)
{
	struct sample sample = samples[i];

	if (cut->pool_pending == 0)
		sample.pool = NONE;
	sample.lost = sample.lost && sample.pool != NONE;
	if (cut->pending_count == 0)
		sample.boot = NONE;
	return sample;
}

static bool is_another(const struct fake_cut *cut, size_t i)
{
	struct sample this = sample_of(cut, i);

	for (size_t j = 0; j < i; j++) {
		struct sample other = sample_of(cut, j);

		if (this.pool == other.pool && this.boot == other.boot && this.lost == other.lost)
			return false;
	}
	return true;
}

static size_t choose(unsigned *state, int how_many, size_t all, size_t end)
{
	*state = *state * 1103515245 + 12345;
	return how_many == ANY ? (*state >> 16) % end : how_many == ALL ? all : 0;
}

bool fake_cut_sample(const struct fake_host *fake, size_t at, unsigned number, struct fake_cut *ret)
{
	unsigned state = (unsigned)at * 31 + number;
	struct sample sample;
	size_t i = 0;

	fake_cut_first(fake, at, ret);
	for (unsigned found = 0; i < COUNT(samples); i++)
		if (is_another(ret, i) && found++ == number)
			break;
	if (i == COUNT(samples))
		return false;
	sample = sample_of(ret, i);
	ret->pool_data_lost = sample.lost;
	ret->pool_kept = choose(&state, (int)sample.pool, ret->pool_pending, ret->pool_pending + 1);
	for (size_t e = 0; e < ret->pending_count; e++) {
		enum fake_fate fates[6];
		size_t count = fake_effect_fates(&fake->effects[ret->pending[e]], fates);

		ret->chosen[e] = choose(&state, (int)sample.boot, 1, count);
	}
	return true;
}

bool fake_cut_some(const struct fake_host *fake, size_t at, unsigned most, unsigned number,
		   struct fake_cut *cut)
{
	struct fake_cut sample;
	unsigned listed;

	if (fake_cut_sample(fake, at, number, &sample)) {
		*cut = sample;
		return true;
	}
	listed = cut->listed;
	if (listed == most)
		return false;
	if (listed > 0 && !fake_cut_next(fake, cut))
		return false;
	if (listed == 0)
		fake_cut_first(fake, at, cut);
	cut->listed = listed + 1;
	return true;
}

static void replay_pool(const struct fake_host *fake, const struct fake_cut *cut,
			struct fake_disk *disk)
{
	size_t synced = synced_until(fake, VOLUME_POOL, cut->at), kept = 0;

	for (size_t i = 0; i < cut->at; i++) {
		if (fake->effects[i].volume != VOLUME_POOL)
			continue;
		if (i >= synced && kept++ >= cut->pool_kept)
			return;
		fake_disk_apply(disk, &fake->effects[i]);
	}
}

static void replay_boot(const struct fake_host *fake, const struct fake_cut *cut,
			struct fake_disk *disk)
{
	size_t synced = synced_until(fake, VOLUME_BOOT, cut->at);
	enum fake_fate fates[6];

	for (size_t i = 0; i < synced; i++)
		if (fake->effects[i].volume == VOLUME_BOOT)
			fake_disk_apply(disk, &fake->effects[i]);
	for (size_t i = 0; i < cut->pending_count; i++) {
		const struct fake_effect *effect = &fake->effects[cut->pending[i]];

		fake_effect_fates(effect, fates);
		fake_disk_apply_fate(disk, effect, fates[cut->chosen[i]]);
	}
}

/* A variable is written at once, or not at all. */
static void replay_firmware(const struct fake_host *fake, const struct fake_cut *cut,
			    struct fake_disk *disk)
{
	for (size_t i = 0; i < cut->at; i++)
		if (fake->effects[i].kind == FAKE_FIRMWARE)
			fake_disk_apply(disk, &fake->effects[i]);
}

/* A commit of the Btrfs that nobody asked for takes names along, and sizes only of what is written. */
static void forget_data(struct fake_disk *disk)
{
	struct fake_volume *v = &disk->volumes[VOLUME_POOL];

	for (size_t i = 0; i < v->count; i++) {
		struct fake_node *node = &v->nodes[i];

		if (!node->dirty || node->type != HOST_FILE)
			continue;
		free(node->bytes);
		node->length = node->before ? node->before_length : 0;
		node->bytes = node->before ? take(node->before) : xstrdup("");
	}
}

/* After a power cut, what the medium holds is all there is. */
static void forget_cache(struct fake_disk *disk)
{
	struct fake_volume *v = &disk->volumes[VOLUME_BOOT];

	for (size_t i = 0; i < v->count; i++) {
		if (!v->nodes[i].medium)
			continue;
		free(v->nodes[i].bytes);
		v->nodes[i].bytes = take(v->nodes[i].medium);
	}
}

struct fake_host *fake_host_after_cut(const struct fake_host *fake, const struct fake_cut *cut)
{
	struct fake_host *after = xmalloc(sizeof(*after));

	*after = *fake;
	after->effects = NULL;
	after->effect_count = after->spoil_boot_write = after->boot_writes = 0;
	after->log = after->status = after->firmware = NULL;
	after->locked = after->interrupt = false;
	after->package_locks = 0;
	after->locked_at = 0;
	fake_disk_copy(&fake->base, &after->disk);
	replay_pool(fake, cut, &after->disk);
	if (cut->pool_data_lost)
		forget_data(&after->disk);
	replay_boot(fake, cut, &after->disk);
	replay_firmware(fake, cut, &after->disk);
	forget_cache(&after->disk);
	sync_all(&after->disk);
	fake_disk_copy(&after->disk, &after->base);
	return after;
}
