/* What can be wrong with the loader and its menu. */
#include <check.h>
#include <string.h>
#include "damage.h"
#include "publish.h"
#include "sdboot.h"
#include "sdboot_entry.h"
#include "text.h"

static void break_copies(struct engine_world *world)
{
	put_boot(world, "EFI/BOOT/BOOTX64.EFI", "#### LoaderInfo: systemd-boot 251 ####");
}

static void break_single_copy(struct engine_world *world)
{
	world_remove(world, VOLUME_BOOT, "EFI/BOOT/BOOTX64.EFI");
}

static void break_other_fallback(struct engine_world *world)
{
	put_boot(world, "EFI/BOOT/BOOTX64.EFI", "shim");
}

static void break_random_seed(struct engine_world *world)
{
	put_boot(world, "loader/random-seed", "12345678");
}

static void break_settings(struct engine_world *world)
{
	put_boot(world, SDBOOT_SETTINGS, "default debian*\n");
}

/* The entry of generation 1 that is current. */
static const struct menu_entry *current_entry(struct engine_world *world)
{
	const struct menu_entry *entry = menu_truth(&world->machine.menu);

	ck_assert(entry && entry->generation == 1);
	return entry;
}

static void break_entry_gone(struct engine_world *world)
{
	world_remove(world, VOLUME_BOOT, current_entry(world)->path);
}

static void break_all_candidates(struct engine_world *world)
{
	break_entry_gone(world);
	checks_world_reopen(world);
	world_remove(world, VOLUME_BOOT, menu_truth(&world->machine.menu)->path);
}

static void break_entry_text(struct engine_world *world)
{
	put_boot(world, current_entry(world)->path,
		 "title x\noptions root=/dev/sda1\nlinux /moult/other.linux\n");
}

static void break_entry_orphan(struct engine_world *world)
{
	auto_free char *path = xasprintf("@gens/%u", 1u), *aside = xasprintf("@gens/%u.aside", 1u);
	struct host *host = &world->fake->host;

	ck_assert_int_eq(host->ops->rename(host, VOLUME_POOL, path, aside), 0);
}

static void break_entry_of_damaged(struct engine_world *world)
{
	put(world, "@gens/1/state.json", "{");
}

static void break_entry_torn(struct engine_world *world)
{
	put_boot(world, SDBOOT_ENTRIES "/moult-000009+2-1.conf", current_entry(world)->text);
	put_boot(world, SDBOOT_ENTRIES "/moult-000009+3-0.conf", current_entry(world)->text);
}

static void break_foreign_entry(struct engine_world *world)
{
	put_boot(world, SDBOOT_ENTRIES "/windows.conf", "title Windows\nefi /EFI/x.efi\n");
}

static void blob_of(struct engine_world *world, char path[128])
{
	sdboot_loader.blob_path("linux", current_entry(world)->linux_sha256, path, 128);
}

static void break_blob_missing(struct engine_world *world)
{
	char path[128];

	sdboot_loader.blob_path("initrd", current_entry(world)->initrd_sha256, path, 128);
	world_remove(world, VOLUME_BOOT, path);
}

static void break_blob_damaged(struct engine_world *world)
{
	char path[128];

	blob_of(world, path);
	put_boot(world, path, "not the kernel");
}

/* The cache has it still. */
static void break_medium_of_blob(struct engine_world *world)
{
	struct fake_node *node;
	char path[128];

	blob_of(world, path);
	node = fake_disk_find(&world->fake->disk, VOLUME_BOOT, path);
	ck_assert_ptr_nonnull(node);
	node->medium = xstrndup(node->bytes, node->length);
	node->medium[0] ^= 1;
}

static void break_trial_entry(struct engine_world *world)
{
	struct err err = {0};

	ck_assert_msg(engine_offer(&world->machine, 2, &err), "%s", err.text);
	world_remove(world, VOLUME_BOOT, menu_trial(&world->machine.menu)->path);
}

/* Generation 1 tries another command line, and the entry for that is gone. */
static void break_proposal_entry(struct engine_world *world)
{
	struct operation operation = {0};
	struct publication wanted;
	struct err err = {0};

	ck_assert(operation_begin(&operation, &world->machine, "kargs", &err));
	wanted = *generation_last_publication(listing_find(&world->machine.listing, 1));
	wanted.options = (char *)"ro quiet nosmt";
	ck_assert_msg(publish_proposal(&operation, 1, &wanted, &err), "%s", err.text);
	operation_end(&operation, NULL);
	checks_world_reopen(world);
	world_remove(world, VOLUME_BOOT, menu_trial(&world->machine.menu)->path);
}

static void break_two_trials(struct engine_world *world)
{
	struct err err = {0};

	ck_assert_msg(engine_offer(&world->machine, 2, &err), "%s", err.text);
	put_boot(world, SDBOOT_ENTRIES "/moult-000099+3-0.conf",
		 menu_trial(&world->machine.menu)->text);
}

static void change_state(struct engine_world *world, unsigned id, const char *from, const char *to)
{
	auto_free char *path = xasprintf("@gens/%u/state.json", id);
	const char *text = fake_host_text(world->fake, VOLUME_POOL, path);
	const char *at = strstr(text, from);
	auto_free char *changed = NULL;

	ck_assert_ptr_nonnull(at);
	changed = xasprintf("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
	put(world, path, changed);
}

static void break_entry_bad(struct engine_world *world)
{
	struct err err = {0};

	ck_assert_msg(engine_offer(&world->machine, 2, &err), "%s", err.text);
	change_state(world, 2, "\"state\": \"trial\"", "\"state\": \"bad\"");
}

static void break_pending_stale(struct engine_world *world)
{
	change_state(world, 3, "\"stale\": false", "\"stale\": true");
}

const struct damage damages_menu[] = {
	{checks_world_adopted,
	 break_pending_stale,
	 {CHECK_ALL, "PENDING_STALE", FINDING_NOTE, "generation 3 is out of date",
	  "moult upgrade"}},
	{checks_world_adopted,
	 break_copies,
	 {CHECK_ALL, "LOADER_COPIES", FINDING_WARN, "differ", "bootctl install"}},
	{checks_world_adopted,
	 break_single_copy,
	 {CHECK_ALL, "LOADER_SINGLE", FINDING_WARN, "only one copy", "bootctl install"}},
	/* what lies there may be what another loader boots by: nothing that writes over it is advised */
	{checks_world_adopted,
	 break_other_fallback,
	 {CHECK_ALL, "LOADER_SINGLE", FINDING_WARN, "only one copy", NULL}},
	{checks_world_adopted,
	 break_random_seed,
	 {CHECK_ALL, "RANDOM_SEED", FINDING_WARN, "at every boot",
	  "rm /boot/efi/loader/random-seed"}},
	{checks_world_adopted,
	 break_settings,
	 {CHECK_ALL, "LOADER_SETTINGS", FINDING_ERROR, "loader/loader.conf is not",
	  "moult repair"}},
	{checks_world_adopted,
	 break_entry_gone,
	 {CHECK_ALL, "ENTRY_MISSING", FINDING_ERROR, "good generation 1 has no entry",
	  "moult repair"}},
	{checks_world_adopted,
	 break_all_candidates,
	 {CHECK_ALL, "NO_CANDIDATE", FINDING_ERROR, "no entry of a good generation",
	  "moult repair"}},
	{checks_world_adopted,
	 break_entry_text,
	 {CHECK_ALL, "ENTRY_DAMAGED", FINDING_ERROR, "it may boot anything", "moult repair"}},
	{checks_world_adopted,
	 break_entry_orphan,
	 {CHECK_ALL, "ENTRY_ORPHAN", FINDING_ERROR, "(generation 1) names", "moult repair"}},
	{checks_world_adopted,
	 break_entry_of_damaged,
	 {CHECK_ALL, "ENTRY_ORPHAN", FINDING_ERROR,
	  "(generation 1) names a generation that is damaged", "moult show 1"}},
	{checks_world_adopted,
	 break_entry_torn,
	 {CHECK_ALL, "ENTRY_TORN", FINDING_ERROR, "is torn", "moult repair"}},
	{checks_world_adopted,
	 break_entry_bad,
	 {CHECK_ALL, "ENTRY_BAD", FINDING_WARN, "(generation 2) belongs", "moult repair"}},
	{checks_world_adopted,
	 break_two_trials,
	 {CHECK_ALL, "TWO_TRIALS", FINDING_ERROR, "more than one entry on trial", "moult repair"}},
	{checks_world_adopted,
	 break_trial_entry,
	 {CHECK_ALL, "ENTRY_MISSING", FINDING_WARN, "the trial of generation 2", "moult repair"}},
	{checks_world_adopted,
	 break_proposal_entry,
	 {CHECK_ALL, "ENTRY_MISSING", FINDING_WARN, "the new kernel command line of generation 1",
	  "moult repair"}},
	{checks_world_adopted,
	 break_foreign_entry,
	 {CHECK_ALL, "FOREIGN_ENTRIES", FINDING_NOTE, "1 menu entry is not moult's", NULL}},
	{checks_world_adopted,
	 break_blob_missing,
	 {CHECK_ALL, "BLOB_MISSING", FINDING_ERROR, "the initrd of generation 1", "moult repair"}},
	{checks_world_adopted,
	 break_blob_damaged,
	 {CHECK_ALL, "BLOB_DAMAGED", FINDING_ERROR, "the kernel of generation 1", "moult repair"}},
	{checks_world_adopted,
	 break_medium_of_blob,
	 {CHECK_ALL, "BLOB_DAMAGED", FINDING_ERROR, "the kernel of generation 1", "moult repair"}},
};
const size_t damages_menu_count = COUNT(damages_menu);
