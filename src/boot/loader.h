/*
 * loader - one interface for every boot loader.
 *
 * Pure: functions turn (menu as found, publication wanted) into steps on VOLUME_BOOT, in an order
 * in which each prefix is harmless. Each ends synced and read back. Exactly one step of `offer` and
 * of `adopt` is the commit point. The next loader is one more struct in loaders[] (loader.c).
 *
 * Steps already in the plan count: every function works on the menu as it will be after them
 * (loader_after), so that a whole operation can be planned from the menu as it was found. On
 * failure the plan is to be thrown away.
 */
#pragma once
#include "err.h"
#include "generation.h"
#include "menu.h"
#include "plan.h"

struct loader_file {
	const char *path; /* on the boot volume */
	const char *text; /* NULL for blobs: only the name counts */
};

/* What units/moult-generator.c takes where the command line does not say: not written then. */
#define BOOT_DEADLINE_SEC 600

/* What is on a boot volume, which several systems may share. Strings are borrowed. */
struct loader_found {
	const struct loader_file *files;
	size_t count;
	const char *root_uuid; /* of the pool whose entries are ours; NULL = all are */
};

/* Everything an entry is made of. Strings are borrowed. */
struct boot_entry {
	unsigned generation;
	uint64_t serial;
	const char *title; /* what the menu shows */
	const char *root_uuid; /* of the Btrfs file system */
	const char *subvolume; /* "@gens/7/root" */
	const char *options; /* the publication's own part of the command line */
	const char *linux_sha256, *initrd_sha256; /* initrd NULL or "" = none */
	const char *linux_from,
		*initrd_from; /* paths on the pool the blobs are copied from; NULL = they must be there */
	unsigned tries; /* counted candidates */
	unsigned watchdog_sec; /* trials: systemd.watchdog_sec=; 0 = none */
	unsigned deadline_sec; /* trials: moult.deadline=; 0 = the generator's own */
};

struct loader {
	const char *name;
	/* Directories on the boot volume whose files `parse` wants to see, NULL-terminated. */
	const char *const *directories;
	/* Whether the contents of a file in them is wanted, or just its name. */
	bool (*wants_text)(const char *path);
	bool (*parse)(const struct loader_found *found, struct menu *ret, struct err *err);

	/*
	 * Blobs and a counted candidate; another counted one is taken back first. Refused, as `adopt`
	 * is, where the loader could choose an entry of another system instead.
	 */
	bool (*offer)(const struct menu *menu, const struct boot_entry *entry, struct plan *plan,
		      struct err *err);
	/* Blobs and an uncounted candidate: from its commit on, this is what boots by default. */
	bool (*adopt)(const struct menu *menu, const struct boot_entry *entry, struct plan *plan,
		      struct err *err);
	/* Makes an entry that only a person chooses. */
	bool (*keep_old)(const struct menu *menu, const struct boot_entry *entry, struct plan *plan,
			 struct err *err);
	/* The entry is ignored by the loader from now on; its file stays. */
	bool (*disable)(const struct menu *menu, const struct menu_entry *entry, struct plan *plan,
			struct err *err);
	bool (*enable)(const struct menu *menu, const struct menu_entry *entry, struct plan *plan,
		       struct err *err);
	bool (*remove)(const struct menu *menu, const struct menu_entry *entry, struct plan *plan,
		       struct err *err);
	/*
	 * After a repair of the file system, which leaves no two names on one cluster: torn names that
	 * are no entries go, for nothing is lost by unlinking them any more.
	 */
	bool (*tidy)(const struct menu *menu, struct plan *plan, struct err *err);
	/*
	 * The loader's own settings: what settings() says merged into the owner's, or with the text of
	 * the original (NULL = it had none) that text exactly. No step if nothing is to be changed.
	 */
	bool (*settle)(const struct menu *menu, const char *settings, struct plan *plan,
		       struct err *err);
	const char *(*settings)(void); /* what moult writes there where its owner wrote nothing */
	/* Whether with the settings as found the loader chooses among moult's candidates. */
	bool (*follows)(const struct menu *menu);
	const char *settings_path;
	/* Path of the blob with this digest ("linux" or "initrd"). */
	void (*blob_path)(const char *kind, const char *sha256, char *buffer, size_t size_bytes);
};

extern const struct loader *const loaders[];
extern const size_t loader_count;
const struct loader *loader_find(const char *name);

/* The menu as it will be once the plan has been carried out. *ret is zeroed first. */
bool loader_after(const struct loader *loader, const struct menu *menu, const struct plan *plan,
		  struct menu *ret, struct err *err);

/*
 * Removes blobs that nothing names: no entry (disabled ones and those of others included), no
 * publication in a menu of a listed generation that is not bad, no blob put earlier in the plan.
 */
void loader_sweep(const struct loader *loader, const struct menu *menu,
		  const struct generation *generations, size_t count, struct plan *plan);
/* The whole command line of an entry, as rule 1 of the switch has it. Caller frees. */
enum boot_role { BOOT_TRIAL, BOOT_CURRENT, BOOT_OLD };
char *boot_command_line(const struct boot_entry *entry, enum boot_role role);
/*
 * What remains of a command line without what moult and the loader add: a publication's own part.
 * Order and quotes are kept, what follows "--" too. Caller frees.
 */
char *boot_own_options(const char *command_line);
/* The UUID of the last "root=UUID=", which is what the kernel goes by; NULL = none. Caller frees. */
char *boot_root_uuid(const char *command_line);
