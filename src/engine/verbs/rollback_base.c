#include "rollback_base.h"
#include <string.h>
#include "changes.h"
#include "publish.h"
#include "retire.h"

struct rebuilding {
	const struct generation *from;
	char *base, *record; /* of `from`; record NULL = it has none */
	struct generation generation; /* the new one */
};

static void rebuilding_done(struct rebuilding *rebuilding)
{
	free(rebuilding->base);
	free(rebuilding->record);
	generation_done(&rebuilding->generation);
}
DEFINE_AUTO_STRUCT(rebuilding, struct rebuilding, rebuilding_done)
#define auto_rebuilding __attribute__((cleanup(auto_rebuilding_)))

static bool exists(struct machine *machine, const char *path)
{
	struct host_stat stat;

	return machine->host->ops->stat(machine->host, VOLUME_POOL, path, &stat) == 0;
}

static bool find_sources(struct machine *machine, struct rebuilding *rebuilding, struct err *err)
{
	char directory[GENERATION_PATH_MAX];
	unsigned id = rebuilding->from->id;

	if (rebuilding->from->state != GEN_GOOD) {
		err_set(err, ERR_REFUSED, 0,
			"generation %u (%s) is not good: only a good one needs no trial", id,
			gen_state_name(rebuilding->from->state));
		return err_try(err, "sudo moult rollback %u", id);
	}
	rebuilding->base = xasprintf("%s/base", generation_directory(id, directory));
	rebuilding->record = xasprintf("%s/record", directory);
	if (!exists(machine, rebuilding->base)) {
		err_set(err, ERR_REFUSED, 0, "generation %u has no copy of itself as it was built",
			id);
		return err_try(err, "sudo moult rollback %u", id);
	}
	if (!exists(machine, rebuilding->record))
		free(take(rebuilding->record));
	return true;
}

/* The newest one that can be published from the base: kernels installed live are not in it. */
static const struct publication *find_publication(struct machine *machine,
						  const struct rebuilding *rebuilding)
{
	for (size_t i = rebuilding->from->publication_count; i > 0; i--) {
		const struct publication *pub = &rebuilding->from->publications[i - 1];
		auto_free char *kernel = NULL;

		if (pub->failed || !pub->kernel)
			continue;
		kernel = xasprintf("%s/boot/vmlinuz-%s", rebuilding->base, pub->kernel);
		if (exists(machine, kernel))
			return pub;
	}
	return NULL;
}

static int digest_of(struct machine *machine, const struct rebuilding *rebuilding, const char *file,
		     char ret[65])
{
	auto_free char *path = xasprintf("%s/boot/%s", rebuilding->base, file);
	struct digest digest = {0};
	int r = machine->host->ops->digest(machine->host, VOLUME_POOL, path, DIGEST_SHA256,
					   &digest);

	memcpy(ret, digest.hex, 65);
	return r;
}

/* An initrd made again live has another digest than the base's, so both are taken from there. */
static bool add_publication(struct machine *machine, struct rebuilding *rebuilding, struct err *err)
{
	const struct publication *from = find_publication(machine, rebuilding);
	auto_free char *kernel = NULL, *initrd = NULL;
	struct publication *pub;
	int r;

	if (!from) {
		err_set(err, ERR_CORRUPT, 0,
			"generation %u as it was built has none of the kernels it was booted with",
			rebuilding->from->id);
		return err_try(err, "sudo moult rollback %u", rebuilding->from->id);
	}
	pub = generation_publish(&rebuilding->generation, publish_next_serial(machine), PUB_NONE);
	pub->kernel = xstrdup(from->kernel);
	pub->options = xstrdup_or_null(from->options);
	kernel = xasprintf("vmlinuz-%s", from->kernel);
	initrd = xasprintf("initrd.img-%s", from->kernel);
	r = digest_of(machine, rebuilding, kernel, pub->linux_sha256);
	if (r == 0 && *from->initrd_sha256)
		r = digest_of(machine, rebuilding, initrd, pub->initrd_sha256);
	return r == 0 || err_set(err, ERR_SYSTEM, -r, "cannot read the kernel %s of generation %u",
				 from->kernel, rebuilding->from->id);
}

static bool prepare(struct machine *machine, const struct generation *from,
		    struct rebuilding *rebuilding, struct err *err)
{
	*rebuilding = (struct rebuilding){.from = from};
	if (!find_sources(machine, rebuilding, err))
		return false;
	rebuilding->generation = (struct generation){
		.id = (unsigned)listing_highest_id(&machine->listing) + 1,
		.parent = (int)from->id,
		.source = xstrdup("base"),
		.what = xasprintf("generation %u as it was built", from->id),
		.created = machine->host->ops->clock(machine->host, HOST_CLOCK_REAL_SEC),
		.package_digest = xstrdup_or_null(from->package_digest),
		.state = GEN_GOOD,
	};
	return add_publication(machine, rebuilding, err);
}

static void plan_pool(const struct machine *machine, const struct rebuilding *rebuilding,
		      struct plan *plan)
{
	const struct generation *gen = &rebuilding->generation;
	char making[GENERATION_PATH_MAX];
	auto_free char *record = xasprintf("%s/record", generation_making(gen->id, making));

	plan_reserve(plan, &machine->listing.layout, gen->id, gen->publications[0].serial);
	plan_begin(plan, gen->id, rebuilding->base, NULL);
	if (rebuilding->record)
		plan_snapshot(plan, rebuilding->record, record, true);
	plan_list(plan, gen);
}

bool rollback_base_plan(struct machine *machine, const struct generation *generation,
			struct plan *plan, struct err *err)
{
	auto_rebuilding struct rebuilding rebuilding = {0};

	if (!prepare(machine, generation, &rebuilding, err))
		return false;
	plan_pool(machine, &rebuilding, plan);
	plan_work(plan, "put kernel and initrd on the boot volume", "moult/");
	plan_work(plan, "make it current", "loader/entries/")->commit = true;
	return true;
}

static bool make_and_publish(struct operation *operation, const struct rebuilding *rebuilding,
			     struct err *err)
{
	const struct generation *gen = &rebuilding->generation;
	auto_plan struct plan plan = {0};

	plan_pool(operation->machine, rebuilding, &plan);
	return operation_run(operation, &plan, err) && machine_refresh(operation->machine, err) &&
	       publish_current(operation, gen->id, gen->publications[0].serial, err);
}

bool rollback_base(struct operation *operation, const struct generation *generation,
		   unsigned *ret_id, struct err *err)
{
	auto_rebuilding struct rebuilding rebuilding = {0};
	struct err unused = {0};

	if (!publish_sweep(operation, err) ||
	    !prepare(operation->machine, generation, &rebuilding, err))
		return false;
	*ret_id = rebuilding.generation.id;
	if (make_and_publish(operation, &rebuilding, err))
		return true;
	if (!operation->committed)
		retire_unfinished(operation, *ret_id, &unused);
	return false;
}
