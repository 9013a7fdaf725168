/*
 * engine_world - an adopted machine in memory, with the engine opened on it.
 *
 * Generation 0 is the original @rootfs, 1 is good and current, 2 and 3 are built and in no menu.
 */
#pragma once
#include "fake_host.h"
#include "operation.h"
#include "publish.h"

struct engine_world {
	struct fake_host *fake;
	struct progress progress;
	struct machine machine;
	struct host_running running; /* owns what the fake borrows */
};

void engine_world_open(struct engine_world *world);
/* The machine of another host (a fault_host, a disk after a cut), opened; false: *err says why. */
bool engine_world_reopen(struct engine_world *world, struct host *host, struct err *err);
void engine_world_done(struct engine_world *world);

/* Each is one whole operation with its lock. */
bool engine_offer(struct machine *machine, unsigned id, struct err *err);
/* Blesses the trial of `id`. */
bool engine_bless(struct machine *machine, unsigned id, struct err *err);
bool engine_recover(struct machine *machine, struct err *err);
/* The system that runs is now generation `id`, booted by publication `serial`. */
void engine_runs(struct engine_world *world, unsigned id, uint64_t serial, bool trial,
		 const char *boot_id);
/* One place in a document on the pool, as somebody else might have left it; `from` must be there. */
void engine_replace_in(struct engine_world *world, const char *path, const char *from,
		       const char *to);
