/* What can be wrong with any machine. */
#include <check.h>
#include <string.h>
#include "damage.h"
#include "text.h"

static void break_nothing(struct engine_world *world)
{
	(void)world;
}

static void break_clock(struct engine_world *world)
{
	world->fake->now_sec = 0;
}

static void break_clock_a_little(struct engine_world *world)
{
	world->fake->now_sec = WORLD_NOW - 86400;
}

static void break_esp_gone(struct engine_world *world)
{
	world->fake->boot_uuid = NULL;
}

static void break_esp_read_only(struct engine_world *world)
{
	world->fake->not_writable[VOLUME_BOOT] = -EROFS;
}

static void break_esp_damaged(struct engine_world *world)
{
	world->fake->findings = "0x41: Dirty bit is set. Fs was not properly unmounted\nmore\n";
}

static void break_esp_full(struct engine_world *world)
{
	world->fake->space[VOLUME_BOOT].free_bytes = 1 << 20;
}

static void break_data_full(struct engine_world *world)
{
	world->fake->space[VOLUME_POOL].free_bytes = 100 << 20;
}

static void break_metadata_full(struct engine_world *world)
{
	world->fake->space[VOLUME_POOL].metadata_free_bytes = 1 << 20;
}

static void break_small(struct engine_world *world)
{
	world->fake->space[VOLUME_POOL].total_bytes = 512 << 20;
}

static void break_edits_kept(struct engine_world *world)
{
	fake_host_put(world->fake, VOLUME_POOL, "@moult/left/2/etc/hosts", "mine");
}

static void break_data_aside(struct engine_world *world)
{
	fake_host_put_subvolume(world->fake, "@var.moult-before-20251122T213000Z");
}

const struct damage damages_anywhere[] = {
	{checks_world_debian,
	 break_clock,
	 {CHECK_INIT, "CLOCK", FINDING_ERROR, "the clock says 1970-01-01", "timedatectl"}},
	{checks_world_adopted,
	 break_clock_a_little,
	 {CHECK_UPGRADE, "CLOCK", FINDING_ERROR, "the package database is of 2025-11-22",
	  "timedatectl"}},
	{checks_world_debian,
	 break_esp_gone,
	 {CHECK_INIT, "ESP_MISSING", FINDING_ERROR, "no EFI system partition",
	  "--esp DEVICE init"}},
	{checks_world_adopted,
	 break_esp_gone,
	 {CHECK_ALL, "ESP_MISSING", FINDING_ERROR, "no EFI system partition",
	  "--esp DEVICE check"}},
	{checks_world_adopted,
	 break_esp_read_only,
	 {CHECK_UPGRADE, "ESP_READ_ONLY", FINDING_ERROR, "is read-only", "dmesg"}},
	{checks_world_debian,
	 break_esp_damaged,
	 {CHECK_INIT, "ESP_DAMAGED", FINDING_ERROR, "damaged: 0x41: Dirty bit is set",
	  "fsck.fat -a"}},
	{checks_world_adopted,
	 break_esp_damaged,
	 {CHECK_ALL, "ESP_DAMAGED", FINDING_ERROR, "Dirty bit",
	  "umount /boot/efi; sudo fsck.fat -a DEVICE"}},
	{checks_world_debian,
	 break_esp_full,
	 {CHECK_INIT, "ESP_ROOM", FINDING_ERROR, "kernel and initrd of two generations need",
	  "apt-get"}},
	{checks_world_adopted,
	 break_esp_full,
	 {CHECK_UPGRADE, "ESP_ROOM", FINDING_ERROR, "1 MiB free", "moult cleanup"}},
	{checks_world_adopted,
	 break_esp_full,
	 {CHECK_ALL, "ESP_ROOM", FINDING_WARN, "1 MiB free", "moult cleanup"}},
	{checks_world_debian,
	 break_data_full,
	 {CHECK_INIT, "DATA_SPACE", FINDING_ERROR, "100 MiB left for data", "apt-get clean"}},
	{checks_world_adopted,
	 break_data_full,
	 {CHECK_UPGRADE, "DATA_SPACE", FINDING_ERROR, "and moult wants 512 MiB", "moult cleanup"}},
	{checks_world_adopted,
	 break_metadata_full,
	 {CHECK_ALL, "METADATA_SPACE", FINDING_WARN, "1 MiB left for metadata", "btrfs balance"}},
	{checks_world_adopted,
	 break_small,
	 {CHECK_ALL, "SMALL_POOL", FINDING_NOTE, "an upgrade wants 64 MiB of it free for data",
	  "btrfs filesystem resize"}},
	{checks_world_adopted,
	 break_edits_kept,
	 {CHECK_ALL, "EDITS_KEPT", FINDING_NOTE, "copies of what was edited in generation 2",
	  "rm -r /var/lib/moult/left/2"}},
	{checks_world_adopted,
	 break_data_aside,
	 {CHECK_ALL, "DATA_ASIDE", FINDING_NOTE, "what the data @var was",
	  "btrfs subvolume delete /mnt/@var.moult-before-"}},
	{checks_world_debian,
	 break_nothing,
	 {CHECK_UPGRADE, "NOT_ADOPTED", FINDING_ERROR, "not looked after by moult", "moult init"}},
	{checks_world_adopted,
	 break_nothing,
	 {CHECK_ALL, "NO_WATCHDOG", FINDING_NOTE, "before Linux runs nothing comes back by itself",
	  "watchdog: 60"}},
};
const size_t damages_anywhere_count = COUNT(damages_anywhere);
