/*
 * fake_host - a machine in memory behind host.h, for tests.
 *
 * Two volumes that behave like Btrfs and FAT as far as moult can tell; the rest (what runs, clock,
 * units) are plain fields that a test sets. Every effect is recorded, so that a test can cut the
 * power after any of them and look at the disk that is left:
 *
 *	fake_host_mark(fake);           from here on nothing is durable by itself
 *	… operation under test …
 *	for (at = 0; at <= fake->effect_count; at++)
 *		for (more = fake_cut_first(fake, at, &cut); more; more = fake_cut_next(fake, &cut))
 *			after = fake_host_after_cut(fake, &cut);
 */
#pragma once
#include "fake_disk.h"
#include "host.h"

struct fake_host {
	struct host host; /* first: a struct host * of a fake can be cast back */
	struct fake_disk disk, base; /* base: what was durable at the mark */
	struct fake_effect *effects; /* since the mark */
	size_t effect_count;

	/* What a test may set. Strings here are borrowed. */
	const char *pool_uuid, *boot_uuid;
	struct host_space space[VOLUME_COUNT];
	const char *findings; /* of check(); NULL = clean; repair() cures it */
	bool unclean; /* the boot volume's flag; repair() takes it away */
	bool boot_busy; /* somebody else has the boot volume mounted: repair() is -EBUSY */
	int not_writable[VOLUME_COUNT]; /* what writable() says */
	bool no_boot_exchange; /* a kernel whose FAT cannot */
	bool live; /* false: running() and all that needs it is -ENOSYS */
	struct host_running running;
	/* the subvolume that runs, wherever it is moved to; 0 = running.root_path says it */
	uint64_t running_id;
	bool uefi; /* false: firmware() and what changes it are -ENOTSUP */
	bool secure_boot;
	int64_t now_sec, now_usec;
	struct host_strings failed, routes, mounts; /* arrays of the test */
	struct host_surroundings surroundings; /* as from 0: on mains, idle; lists of the test */
	struct host_network network; /* lists of the test */
	bool clock_unsynchronised;
	int utc_offset_sec;
	/* Called whenever somebody sleeps; may be NULL. */
	void (*on_sleep)(struct fake_host *fake);
	struct host_swaps swaps; /* files that are swapped to; array of the test */
	bool interrupt;
	const char *lock_holder; /* somebody else's; NULL = free */
	bool packages_busy;
	/* Called for what run_program() would run; may be NULL. */
	void (*program)(struct fake_host *fake, const struct host_program *program);
	int check_status; /* of run_program() */
	const char *check_output;
	/* Called for what would run in the stage; NULL = -ENOENT. It may change the disk by host calls. */
	int (*source)(struct fake_host *fake, const struct stage *stage,
		      const struct stage_command *command, int *ret_status);
	void *userdata;
	/*
	 * The n-th write to the boot volume since the mark goes wrong on the medium, unnoticed: a file
	 * with a wrong byte in its middle, or a write in place that did not happen. 0 = none.
	 */
	unsigned spoil_boot_write;

	/* What a test may look at. */
	unsigned reboots, boot_writes;
	bool reboot_forced, locked;
	size_t locked_at; /* how many effects there were */
	bool reboot_required, hibernation_masked; /* what was said last */
	unsigned package_locks;
	char *log, *status,
		*firmware; /* all that was logged, published, put into firmware entries */
};

struct fake_host *fake_host_new(void);
void fake_host_free(struct fake_host *fake); /* NULL is accepted */
/* Everything so far is durable; the record starts anew. */
void fake_host_mark(struct fake_host *fake);

/* Helpers that abort on failure: for setting up. Directories on the way are made. */
void fake_host_put(struct fake_host *fake, enum volume volume, const char *path, const char *text);
void fake_host_put_subvolume(struct fake_host *fake, const char *path);
/* An entry of the firmware, last in BootOrder; `path` NULL = not on the boot volume. */
void fake_host_put_boot_option(struct fake_host *fake, uint16_t number, const char *label,
			       const char *path);
/* "debian, moult (EFI/BOOT/BOOTX64.EFI)": labels in BootOrder. Caller frees. */
char *fake_host_boot_order(struct fake_host *fake);
/* Content of a file, borrowed; NULL = there is none. */
const char *fake_host_text(const struct fake_host *fake, enum volume volume, const char *path);

/*
 * Of the effects from this number on, the path of one that a power cut may still take back; NULL = all
 * are durable. Journal and notices (@moult) do not count, nor what the next command would delete. Where an operation logs
 * that it is done and there is one since it took the lock, the process is aborted.
 */
const char *fake_host_pending(const struct fake_host *fake, size_t from);

/* One way in which a power cut can leave the disk. */
#define FAKE_CUT_MAX 64
struct fake_cut {
	size_t at; /* effects that had been issued */
	/* of the pool's effects since its last sync: how many, in order, are on the medium */
	size_t pool_kept, pool_pending;
	bool pool_data_lost; /* and of these files the names, but not what was written to them */
	/* of each of the boot volume's since its last sync: an index into its fates */
	size_t pending[FAKE_CUT_MAX], chosen[FAKE_CUT_MAX], pending_count;
	unsigned listed; /* for fake_cut_some() */
};

/* Always true: there is at least one way. The caller says how many effects had been issued. */
bool fake_cut_first(const struct fake_host *fake, size_t at, struct fake_cut *ret);
bool fake_cut_next(const struct fake_host *fake, struct fake_cut *cut);
/*
 * A few of all ways, those first that differ most: nothing or everything of each volume, then any.
 * False from the number on of which there is none; the same for the same arguments.
 */
bool fake_cut_sample(const struct fake_host *fake, size_t at, unsigned number,
		     struct fake_cut *ret);
/* Those, and then the first `most` of all; *cut is as the former number left it. */
bool fake_cut_some(const struct fake_host *fake, size_t at, unsigned most, unsigned number,
		   struct fake_cut *cut);
/* A machine with the disk that is left, everything on it durable, the fields copied. Caller frees. */
struct fake_host *fake_host_after_cut(const struct fake_host *fake, const struct fake_cut *cut);

DEFINE_AUTO(fake_host, struct fake_host *, fake_host_free)
#define auto_fake_host __attribute__((cleanup(auto_fake_host_)))
