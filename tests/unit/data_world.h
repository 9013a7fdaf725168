/*
 * data_world - a machine in memory whose second generation ran, and whose daemon migrated the data.
 */
#pragma once
#include <errno.h>
#include <stdio.h>
#include "engine_judge.h"
#include "text.h"
#include "verbs.h"

#define POOL "11111111-2222-3333-4444-555555555555"
#define FSTAB                                                                                      \
	"UUID=" POOL " / btrfs defaults 0 0\nUUID=" POOL " /var btrfs subvol=@var 0 0\n"           \
	"UUID=" POOL " /home btrfs subvol=@home 0 0\n"                                             \
	"UUID=" POOL " /swap btrfs subvol=@swap 0 0\n"                                             \
	"UUID=" POOL " /var/lib/moult btrfs subvol=@moult 0 0\n"
#define NOW 1763847000 /* 2025-11-22T21:30:00Z */
#define ASIDE "@var.moult-before-20251122T213000Z"

static const struct verb_request first_boot = {.verb = "first-boot"};

static inline const char *pool_text(const struct engine_world *world, const char *path)
{
	return fake_host_text(world->fake, VOLUME_POOL, path);
}

static inline void put(struct engine_world *world, const char *path, const char *text)
{
	fake_host_put(world->fake, VOLUME_POOL, path, text);
}

static inline void first_boot_of(struct engine_world *world, unsigned id, const char *boot_id)
{
	const struct menu_entry *entry = entry_of(world, id);
	struct err err = {0};
	json_t *answer = NULL;

	engine_runs(world, id, entry->serial, true, boot_id);
	must(engine_world_reopen(world, &world->fake->host, &err));
	must(verb_first_boot(&world->machine, &first_boot, &answer, &err));
	json_decref(answer);
}

/* Generation 2 was booted, its daemon migrated the database, and it is good and current. */
static inline void open_world(struct engine_world *world)
{
	struct err err = {0};

	engine_world_open(world);
	world->fake->now_sec = NOW;
	fake_host_put_subvolume(world->fake, "@var");
	fake_host_put_subvolume(world->fake, "@home");
	fake_host_put_subvolume(world->fake, "@swap");
	put(world, "@var/lib/db", "schema 1");
	put(world, "@home/me", "mine");
	put(world, "@gens/1/root/etc/fstab", FSTAB);
	put(world, "@gens/2/root/etc/fstab", FSTAB);
	must(engine_offer(&world->machine, 2, &err));
	first_boot_of(world, 2, "b2");
	put(world, "@var/lib/db", "schema 2");
	must(engine_bless(&world->machine, 2, &err));
	put(world, "@var/lib/db", "schema 2, and more");
	fake_host_mark(world->fake);
	must(engine_world_reopen(world, &world->fake->host, &err));
}
