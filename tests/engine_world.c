#include "engine_world.h"
#include <check.h>
#include <stdio.h>
#include <string.h>
#include "recover.h"

#define RELEASE "6.1.0-50-amd64"

static void quiet_phase(struct progress *progress, const char *name, const char *sentence)
{
	(void)progress;
	(void)name;
	(void)sentence;
}

static void quiet_percent(struct progress *progress, unsigned percent, const char *what)
{
	(void)progress;
	(void)percent;
	(void)what;
}

static void quiet_line(struct progress *progress, const char *line)
{
	(void)progress;
	(void)line;
}

static const struct progress quiet = {quiet_phase, quiet_percent, quiet_line, quiet_line};

static const char *put(struct fake_host *fake, const char *root, const char *file,
		       const char *content, struct digest *digest)
{
	auto_free char *path = xasprintf("%s/%s", root, file);

	fake_host_put(fake, VOLUME_POOL, path, content);
	if (digest)
		digest_bytes(DIGEST_SHA256, content, strlen(content), digest);
	return content;
}

static void put_documents(struct fake_host *fake, const struct generation *gen)
{
	auto_free char *facts = generation_print_facts(gen), *state = generation_print_state(gen);
	char directory[GENERATION_PATH_MAX];
	auto_free char *facts_path =
		xasprintf("%s/generation.json", generation_directory(gen->id, directory));
	auto_free char *state_path = xasprintf("%s/state.json", directory);

	fake_host_put(fake, VOLUME_POOL, facts_path, facts);
	fake_host_put(fake, VOLUME_POOL, state_path, state);
}

static void put_generation(struct fake_host *fake, unsigned id, const char *root,
			   enum gen_state state)
{
	auto_generation struct generation gen = {.id = id, .parent = (int)id - 1, .state = state};
	struct digest linux_digest, initrd_digest;
	auto_free char *kernel = xasprintf("kernel %u", id), *initrd = xasprintf("initrd %u", id);

	fake_host_put_subvolume(fake, root);
	put(fake, root, "etc/os-release", "PRETTY_NAME=\"Debian GNU/Linux 12\"\n", NULL);
	put(fake, root, "boot/vmlinuz-" RELEASE, kernel, &linux_digest);
	put(fake, root, "boot/initrd.img-" RELEASE, initrd, &initrd_digest);
	gen.source = xstrdup(id == 0 ? "init" : "packages");
	if (id == 0) {
		struct publication *pub = generation_publish(&gen, 0, PUB_CURRENT);

		gen.original = xstrdup(root);
		gen.original_default = xstrdup("");
		pub->kernel = xstrdup(RELEASE);
		pub->options = xstrdup("ro quiet");
		memcpy(pub->linux_sha256, linux_digest.hex, sizeof(pub->linux_sha256));
		memcpy(pub->initrd_sha256, initrd_digest.hex, sizeof(pub->initrd_sha256));
	}
	put_documents(fake, &gen);
}

static void put_disk(struct fake_host *fake)
{
	fake_host_put(fake, VOLUME_BOOT, "loader/loader.conf", "timeout 5\n");
	fake_host_put(fake, VOLUME_BOOT, "loader/entries/debian.conf",
		      "title Debian\noptions root=UUID=x ro quiet\nlinux /debian/linux\n");
	fake_host_put(fake, VOLUME_BOOT, "debian/linux", "Debian's kernel");
	fake_host_put_subvolume(fake, "@moult");
	fake_host_put(fake, VOLUME_POOL, "@gens/layout.json",
		      "{\"last_id\": 3, \"last_serial\": 0}");
	put_generation(fake, 0, "@rootfs", GEN_GOOD);
	put_generation(fake, 1, "@gens/1/root", GEN_BUILT);
	put_generation(fake, 2, "@gens/2/root", GEN_BUILT);
	put_generation(fake, 3, "@gens/3/root", GEN_BUILT);
}

static void must(bool done, const struct err *err)
{
	if (done)
		return;
	fprintf(stderr, "engine_world: %s\n", err->text);
	abort();
}

/* What init does at the loader: entry 0, then settings. */
static void publish_zero(struct machine *machine)
{
	const struct generation *zero = listing_find(&machine->listing, 0);
	auto_entry_storage struct entry_storage storage = {0};
	struct boot_entry entry = publish_entry(machine, zero, zero->publications, &storage);
	struct operation operation = {0};
	auto_plan struct plan plan = {0};
	struct err err = {0};

	must(machine->loader->adopt(&machine->menu, &entry, &plan, &err), &err);
	must(machine->loader->settle(&machine->menu, machine->loader->settings(), &plan, &err),
	     &err);
	must(operation_begin(&operation, machine, "init", &err), &err);
	must(operation_run(&operation, &plan, &err), &err);
	operation_end(&operation, NULL);
	must(machine_refresh(machine, &err), &err);
}

bool engine_world_reopen(struct engine_world *world, struct host *host, struct err *err)
{
	machine_done(&world->machine);
	return machine_open(&world->machine, host, &world->progress, err);
}

void engine_world_open(struct engine_world *world)
{
	struct err err = {0};

	*world = (struct engine_world){.fake = fake_host_new(), .progress = quiet};
	put_disk(world->fake);
	must(engine_world_reopen(world, &world->fake->host, &err), &err);
	publish_zero(&world->machine);
	must(engine_offer(&world->machine, 1, &err), &err);
	must(engine_bless(&world->machine, 1, &err), &err);
	fake_host_mark(world->fake);
}

void engine_world_done(struct engine_world *world)
{
	machine_done(&world->machine);
	fake_host_free(world->fake);
	host_running_done(&world->running);
}

/* --- operations --------------------------------------------------------------------------------- */

static bool offer(struct operation *operation, unsigned id, struct err *err)
{
	auto_free char *linux_path = xasprintf("@gens/%u/root/boot/vmlinuz-" RELEASE, id);
	auto_free char *initrd_path = xasprintf("@gens/%u/root/boot/initrd.img-" RELEASE, id);
	struct boot_files files = {RELEASE, linux_path, initrd_path, "ro quiet"};

	return publish_trial(operation, id, &files, err);
}

static bool bless(struct operation *operation, unsigned id, struct err *err)
{
	const struct generation *gen = listing_find(&operation->machine->listing, id);
	const struct publication *pub = generation_last_publication(gen);

	if (!pub)
		return err_set(err, ERR_CORRUPT, 0, "nothing to bless");
	return publish_current(operation, id, pub->serial, err);
}

static bool only_recover(struct operation *operation, unsigned id, struct err *err)
{
	(void)operation;
	(void)id;
	(void)err;
	return true;
}

static bool whole(struct machine *machine, unsigned id,
		  bool (*body)(struct operation *, unsigned, struct err *), struct err *err)
{
	struct operation operation = {0};
	bool done = operation_begin(&operation, machine, "test", err) && recover(&operation, err) &&
		    body(&operation, id, err);

	operation_end(&operation, done ? NULL : err);
	return done && machine_refresh(machine, err);
}

bool engine_offer(struct machine *machine, unsigned id, struct err *err)
{
	return whole(machine, id, offer, err);
}

bool engine_bless(struct machine *machine, unsigned id, struct err *err)
{
	return whole(machine, id, bless, err);
}

bool engine_recover(struct machine *machine, struct err *err)
{
	return whole(machine, 0, only_recover, err);
}

void engine_runs(struct engine_world *world, unsigned id, uint64_t serial, bool trial,
		 const char *boot_id)
{
	struct host_running *running = &world->running;

	host_running_done(running);
	running->root_path = id == 0 ? xstrdup("@rootfs") : xasprintf("@gens/%u/root", id);
	running->boot_id = xstrdup(boot_id);
	running->command_line =
		xasprintf("quiet moult.gen=%u moult.serial=%llu%s\n", id,
			  (unsigned long long)serial, trial ? " moult.trial=1" : "");
	world->fake->live = true;
	world->fake->running = *running;
}

void engine_replace_in(struct engine_world *world, const char *path, const char *from,
		       const char *to)
{
	const char *text = fake_host_text(world->fake, VOLUME_POOL, path);
	const char *at = strstr(text, from);
	auto_free char *changed = NULL;

	ck_assert_ptr_nonnull(at);
	changed = xasprintf("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
	fake_host_put(world->fake, VOLUME_POOL, path, changed);
}
