/*
 * moult check and the preflights: on a machine as it should be they find nothing; then one thing at a
 * time is broken, and must be found, with a sentence that stands alone and a command that helps.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "checks.h"
#include "checks_world.h"
#include "fault_host.h"
#include "fstab.h"
#include "hooks.h"
#include "sdboot.h"
#include "sdboot_entry.h"
#include "text.h"
#include "unit.h"
#include "verbs.h"

#define ROOT "@gens/1/root"
#define POOL "UUID=11111111-2222-3333-4444-555555555555"

/* Two that a healthy machine has too: a note on the watchdog, and the owner may keep entries. */
static bool is_expected(const struct finding *finding)
{
	return finding->level == FINDING_NOTE;
}

static void assert_readable(const struct finding *finding)
{
	ck_assert_ptr_nonnull(finding->why);
	ck_assert_msg(!isupper((unsigned char)finding->why[0]) || text_starts(finding->why, "EFI"),
		      "%s", finding->why);
	ck_assert_msg(!text_ends(finding->why, "."), "%s", finding->why);
	ck_assert_msg(strlen(finding->why) > 15, "%s", finding->why);
	ck_assert_msg(!finding->remedy || *finding->remedy, "%s", finding->why);
	for (const char *c = finding->code; *c; c++)
		ck_assert(isupper((unsigned char)*c) || *c == '_');
	ck_assert_ptr_null(strstr(finding->why, "(null)"));
}

static void run(struct engine_world *world, enum check_context context, struct findings *ret)
{
	struct err err = {0};

	checks_world_reopen(world);
	ck_assert_msg(checks_run(&world->machine, context, NULL, ret, &err), "%s", err.text);
	for (size_t i = 0; i < ret->count; i++)
		assert_readable(&ret->all[i]);
}

static void assert_nothing(struct engine_world *world, enum check_context context)
{
	auto_findings struct findings findings = {0};

	run(world, context, &findings);
	for (size_t i = 0; i < findings.count; i++)
		ck_assert_msg(is_expected(&findings.all[i]), "%s: %s", findings.all[i].code,
			      findings.all[i].why);
}

/* What is expected of one finding. */
struct expected {
	enum check_context context;
	const char *code;
	enum finding_level level;
	const char *part, *remedy; /* of the sentence; of the command, NULL = there is none */
};

static void assert_found(struct engine_world *world, const struct expected *expected)
{
	auto_findings struct findings findings = {0};
	const struct finding *finding;

	run(world, expected->context, &findings);
	finding = findings_find(&findings, expected->code);
	ck_assert_msg(finding != NULL, "%s was not found", expected->code);
	ck_assert_msg(strstr(finding->why, expected->part), "%s", finding->why);
	ck_assert_msg(finding->level == expected->level, "%s: %s", expected->code, finding->why);
	if (!expected->remedy)
		ck_assert_ptr_null(finding->remedy);
	else
		ck_assert_msg(finding->remedy && strstr(finding->remedy, expected->remedy),
			      "%s: %s", expected->code, finding->remedy);
}

/* A machine, one thing broken, what is to be found. */
struct damage {
	void (*start)(struct engine_world *world);
	void (*break_it)(struct engine_world *world);
	struct expected expected;
};

static void put(struct engine_world *world, const char *path, const char *text)
{
	fake_host_put(world->fake, VOLUME_POOL, path, text);
}

static void put_boot(struct engine_world *world, const char *path, const char *text)
{
	fake_host_put(world->fake, VOLUME_BOOT, path, text);
}

/* --- what is broken: everywhere ----------------------------------------------------------------- */

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

/* --- what is broken: Debian before the adoption ------------------------------------------------- */

static void break_layout_ubuntu(struct engine_world *world)
{
	struct host *host = &world->fake->host;

	ck_assert_int_eq(host->ops->rename(host, VOLUME_POOL, "@rootfs", "@"), 0);
}

static void break_layout_plain(struct engine_world *world)
{
	struct host *host = &world->fake->host;

	ck_assert_int_eq(host->ops->rename(host, VOLUME_POOL, "@rootfs", "debian"), 0);
}

static void break_layout_top(struct engine_world *world)
{
	struct host *host = &world->fake->host;

	put(world, "etc/fstab", POOL " / btrfs defaults 0 0\n");
	put(world, "usr/lib/os-release", "ID=debian\n");
	ck_assert_int_eq(host->ops->delete_subvolume(host, "@rootfs"), 0);
}

static void break_no_root(struct engine_world *world)
{
	world_remove(world, VOLUME_POOL, "@rootfs/etc/fstab");
}

static void break_no_moult(struct engine_world *world)
{
	world_remove(world, VOLUME_POOL, "@rootfs/usr/bin/moult");
}

static void break_no_package(struct engine_world *world)
{
	put(world, "@rootfs/var/lib/dpkg/status",
	    "Package: systemd\nStatus: install ok installed\nArchitecture: amd64\nVersion: "
	    "252.1\n");
}

static void break_old_systemd(struct engine_world *world)
{
	put(world, "@rootfs/var/lib/dpkg/status",
	    "Package: systemd\nStatus: install ok installed\nArchitecture: amd64\nVersion: "
	    "247.3\n");
}

static void break_no_status(struct engine_world *world)
{
	world_remove(world, VOLUME_POOL, "@rootfs/var/lib/dpkg/status");
}

static void break_no_initrd(struct engine_world *world)
{
	world_remove(world, VOLUME_POOL, "@rootfs/boot/initrd.img-6.1.0-50-amd64");
}

static void put_installer_fstab(struct engine_world *world, const char *more)
{
	auto_free char *text = xasprintf(POOL " / btrfs subvol=@rootfs 0 0\n%s\n", more);

	put(world, "@rootfs/etc/fstab", text);
}

static void break_separate_boot(struct engine_world *world)
{
	put_installer_fstab(world, "UUID=aa /boot ext4 defaults 0 2");
}

static void break_fstab_no_root(struct engine_world *world)
{
	put(world, "@rootfs/etc/fstab", "# nothing\n");
}

static void break_fstab_other_root(struct engine_world *world)
{
	put(world, "@rootfs/etc/fstab",
	    "UUID=99999999-2222-3333-4444-555555555555 / btrfs x 0 0\n");
}

static void break_fstab_by_id(struct engine_world *world)
{
	put_installer_fstab(world, POOL " /home btrfs subvolid=258 0 0");
}

static void break_fstab_unreadable(struct engine_world *world)
{
	auto_free char *large = xmalloc(FSTAB_MAX_BYTES + 2);

	memset(large, '#', FSTAB_MAX_BYTES + 1);
	large[FSTAB_MAX_BYTES + 1] = '\0';
	put(world, "@rootfs/etc/fstab", large);
}

static void break_swap(struct engine_world *world)
{
	put_installer_fstab(world, "/swapfile none swap sw 0 0");
}

static void break_nested(struct engine_world *world)
{
	fake_host_put_subvolume(world->fake, "@rootfs/var/lib/docker/btrfs");
	put(world, "@rootfs/var/lib/docker/btrfs/layer", "x");
}

static void break_nested_hostile(struct engine_world *world)
{
	fake_host_put_subvolume(world->fake, "@rootfs/a;reboot");
	put(world, "@rootfs/a;reboot/file", "x");
}

static void break_nested_empty(struct engine_world *world)
{
	fake_host_put_subvolume(world->fake, "@rootfs/var/lib/portables");
}

static void remove_systemd_boot(struct engine_world *world)
{
	world_remove(world, VOLUME_BOOT, "EFI/systemd/systemd-bootx64.efi");
	world_remove(world, VOLUME_BOOT, "EFI/BOOT/BOOTX64.EFI");
}

static void break_grub(struct engine_world *world)
{
	remove_systemd_boot(world);
	put_boot(world, "EFI/debian/grubx64.efi", "GRUB");
	put_boot(world, "EFI/BOOT/BOOTX64.EFI", "shim");
}

static void break_grub_bios(struct engine_world *world)
{
	remove_systemd_boot(world);
	put(world, "@rootfs/boot/grub/grub.cfg", "menuentry");
}

/* --- what is broken: an adopted machine --------------------------------------------------------- */

static void break_numbers(struct engine_world *world)
{
	put(world, "@gens/layout.json", "{\"last_id\": 2, \"last_serial\": 9}");
}

static void break_numbers_leftover(struct engine_world *world)
{
	fake_host_put_subvolume(world->fake, "@gens/.9.tmp/root");
}

static void break_current_damaged(struct engine_world *world)
{
	put(world, "@gens/1/state.json", "{");
}

static void break_default_foreign(struct engine_world *world)
{
	struct host *host = &world->fake->host;

	fake_host_put_subvolume(world->fake, "@mine");
	ck_assert_int_eq(host->ops->set_default(host, "@mine"), 0);
}

static void break_default_not_good(struct engine_world *world)
{
	struct host *host = &world->fake->host;

	ck_assert_int_eq(host->ops->set_default(host, "@gens/2/root"), 0);
}

static void break_default_behind(struct engine_world *world)
{
	struct host *host = &world->fake->host;

	ck_assert_int_eq(host->ops->set_default(host, "@rootfs"), 0);
}

static void break_other_generation(struct engine_world *world)
{
	world_remove(world, VOLUME_POOL, "@gens/3/generation.json");
}

static void break_interrupted(struct engine_world *world)
{
	struct operation operation = {0};
	auto_plan struct plan plan = {0};
	struct err err = {0};

	plan_at(&plan, STEP_SYNC, VOLUME_POOL, "");
	ck_assert(operation_begin(&operation, &world->machine, "upgrade", &err));
	ck_assert(operation_run(&operation, &plan, &err));
	operation.journalled = false; /* the power goes here */
	operation_end(&operation, NULL);
}

static void break_data_subvolume(struct engine_world *world)
{
	struct host *host = &world->fake->host;

	ck_assert_int_eq(host->ops->delete_subvolume(host, "@var"), 0);
}

static void break_data_swap(struct engine_world *world)
{
	put(world, ROOT "/etc/fstab",
	    POOL " / btrfs defaults 0 0\n" POOL " /var btrfs subvol=/@var 0 0\n"
		 "/var/swapfile none swap sw 0 0\n");
}

static void break_root_subvolume(struct engine_world *world)
{
	put(world, ROOT "/etc/fstab", POOL " / btrfs subvol=@gens/1/root 0 0\n");
}

static void break_nested_adopted(struct engine_world *world)
{
	fake_host_put_subvolume(world->fake, ROOT "/opt/images");
	put(world, ROOT "/opt/images/one", "x");
}

static void break_nested_adopted_empty(struct engine_world *world)
{
	fake_host_put_subvolume(world->fake, ROOT "/opt/images");
}

static void break_packages(struct engine_world *world)
{
	put(world, ROOT "/usr/lib/sysimage/dpkg/status",
	    "Package: broken\nStatus: install ok half-configured\nArchitecture: amd64\nVersion: "
	    "1\n");
}

static void break_package_lock(struct engine_world *world)
{
	world->fake->packages_busy = true;
}

static void break_hook(struct engine_world *world)
{
	put(world, ROOT "/" HOOKS_DIRECTORY "/10-a", "# moult-hook: capabilities=CAP_SYS_ADMIN\n");
	world_make_executable(world, ROOT "/" HOOKS_DIRECTORY "/10-a");
}

static void break_mask(struct engine_world *world)
{
	world_remove(world, VOLUME_POOL, ROOT "/etc/systemd/system/systemd-boot-update.service");
}

static void break_mask_by_another_link(struct engine_world *world)
{
	break_mask(world);
	world_link(world, "/dev/zero", ROOT "/etc/systemd/system/systemd-boot-update.service");
}

static void break_session_trial(struct engine_world *world)
{
	engine_runs(world, 1, 2, true, "boot-2");
}

static void break_session_temporary(struct engine_world *world)
{
	engine_runs(world, 2, 3, false, "boot-2");
}

static void break_session_foreign(struct engine_world *world)
{
	world->fake->running.root_path = NULL;
}

static void break_session_volatile(struct engine_world *world)
{
	static char lower[] = ROOT;

	world->fake->running.lower_path = lower;
}

static void break_firmware_default(struct engine_world *world)
{
	static char name[] = "moult-000001.conf";

	world->fake->running.entry_default = name;
}

static void break_copies(struct engine_world *world)
{
	put_boot(world, "EFI/BOOT/BOOTX64.EFI", "#### LoaderInfo: systemd-boot 251 ####");
}

static void break_single_copy(struct engine_world *world)
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

static void break_trial_entry(struct engine_world *world)
{
	struct err err = {0};

	ck_assert_msg(engine_offer(&world->machine, 2, &err), "%s", err.text);
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

static const struct damage damages[] = {
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
	 {CHECK_ALL, "ESP_DAMAGED", FINDING_ERROR, "Dirty bit", "moult repair"}},
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
	 break_nothing,
	 {CHECK_INIT, "ALREADY_ADOPTED", FINDING_ERROR, "already looks after", "moult status"}},
	{checks_world_debian,
	 break_layout_ubuntu,
	 {CHECK_INIT, "LAYOUT_UNSUPPORTED", FINDING_ERROR, "'@' (Ubuntu's layout)", NULL}},
	{checks_world_debian,
	 break_layout_plain,
	 {CHECK_INIT, "LAYOUT_UNSUPPORTED", FINDING_ERROR, "'debian'", NULL}},
	{checks_world_debian,
	 break_layout_top,
	 {CHECK_INIT, "LAYOUT_UNSUPPORTED", FINDING_ERROR, "the top level", NULL}},
	{checks_world_debian,
	 break_no_root,
	 {CHECK_INIT, "NO_ROOT", FINDING_ERROR, "no Debian was found", NULL}},
	{checks_world_debian,
	 break_no_moult,
	 {CHECK_INIT, "MOULT_NOT_INSTALLED", FINDING_ERROR, "is not installed in '@rootfs'",
	  "install ./moult.deb"}},
	{checks_world_debian,
	 break_no_package,
	 {CHECK_INIT, "MOULT_NOT_INSTALLED", FINDING_ERROR, "is not installed",
	  "install ./moult.deb"}},
	{checks_world_debian,
	 break_old_systemd,
	 {CHECK_INIT, "SYSTEMD_VERSION", FINDING_ERROR, "systemd is 247.3", "install systemd"}},
	{checks_world_debian,
	 break_no_status,
	 {CHECK_INIT, "SYSTEMD_VERSION", FINDING_ERROR, "not installed", "install systemd"}},
	{checks_world_debian,
	 break_no_status,
	 {CHECK_INIT, "UNCHECKED", FINDING_ERROR, "cannot check the package database", NULL}},
	{checks_world_debian,
	 break_no_initrd,
	 {CHECK_INIT, "NO_KERNEL", FINDING_ERROR, "no kernel with an initrd", "update-initramfs"}},
	{checks_world_debian,
	 break_separate_boot,
	 {CHECK_INIT, "SEPARATE_BOOT", FINDING_ERROR, "(/etc/fstab:2)", "sudoedit"}},
	{checks_world_debian,
	 break_fstab_no_root,
	 {CHECK_INIT, "FSTAB_NO_ROOT", FINDING_ERROR, "has no line for /", "sudoedit"}},
	{checks_world_debian,
	 break_fstab_other_root,
	 {CHECK_INIT, "FSTAB_ROOT_DEVICE", FINDING_ERROR, "/etc/fstab:1: the line of /",
	  "sudoedit"}},
	{checks_world_debian,
	 break_fstab_by_id,
	 {CHECK_INIT, "FSTAB_DATA_BY_ID", FINDING_ERROR,
	  "/etc/fstab:2: data is mounted by subvolid=", "sudoedit"}},
	{checks_world_debian,
	 break_nothing,
	 {CHECK_INIT, "FSTAB_ROOT_SUBVOLUME", FINDING_NOTE, "names a subvolume", "sudoedit"}},
	{checks_world_debian,
	 break_fstab_unreadable,
	 {CHECK_INIT, "UNCHECKED", FINDING_ERROR, "cannot check /etc/fstab", NULL}},
	{checks_world_debian,
	 break_swap,
	 {CHECK_INIT, "SWAP_FILE", FINDING_ERROR, "'/swapfile' lies in the root", "swapoff"}},
	{checks_world_debian,
	 break_nested,
	 {CHECK_INIT, "NESTED_SUBVOLUME", FINDING_ERROR, "'/var/lib/docker/btrfs', made by docker,",
	  "btrfs subvolume delete /var/lib/docker/btrfs"}},
	{checks_world_debian,
	 break_nested_hostile,
	 {CHECK_INIT, "NESTED_SUBVOLUME", FINDING_ERROR, "'/a;reboot'", NULL}},
	{checks_world_debian,
	 break_nested_empty,
	 {CHECK_INIT, "NESTED_SUBVOLUME", FINDING_NOTE, "has an empty directory there",
	  "btrfs subvolume delete /var/lib/portables"}},
	{checks_world_debian,
	 break_grub,
	 {CHECK_INIT, "LOADER_GRUB", FINDING_ERROR, "boots by GRUB", "bootctl install"}},
	{checks_world_debian,
	 break_grub_bios,
	 {CHECK_INIT, "LOADER_GRUB", FINDING_ERROR, "boots by GRUB", "bootctl install"}},
	{checks_world_debian,
	 remove_systemd_boot,
	 {CHECK_INIT, "LOADER_MISSING", FINDING_ERROR, "no systemd-boot", "bootctl install"}},

	{checks_world_debian,
	 break_nothing,
	 {CHECK_UPGRADE, "NOT_ADOPTED", FINDING_ERROR, "not looked after by moult", "moult init"}},
	{checks_world_adopted,
	 break_numbers,
	 {CHECK_UPGRADE, "LAYOUT_NUMBERS", FINDING_ERROR, "2 was the last generation",
	  "moult repair"}},
	{checks_world_adopted,
	 break_numbers_leftover,
	 {CHECK_ALL, "LAYOUT_NUMBERS", FINDING_ERROR, "there is a generation 9", "moult repair"}},
	{checks_world_adopted,
	 break_numbers_leftover,
	 {CHECK_ALL, "LEFTOVER", FINDING_WARN, "generation 9 was begun", "moult repair"}},
	{checks_world_adopted,
	 break_current_damaged,
	 {CHECK_UPGRADE, "CURRENT_DAMAGED", FINDING_ERROR, "generation 1, which",
	  "moult rollback"}},
	{checks_world_adopted,
	 break_default_foreign,
	 {CHECK_ALL, "DEFAULT_FOREIGN", FINDING_ERROR, "'@mine', which is no generation",
	  "moult repair"}},
	{checks_world_adopted,
	 break_default_not_good,
	 {CHECK_UPGRADE, "DEFAULT_NOT_GOOD", FINDING_ERROR, "generation 2, which is built",
	  "moult repair"}},
	{checks_world_adopted,
	 break_default_behind,
	 {CHECK_ALL, "DEFAULT_BEHIND", FINDING_WARN,
	  "names generation 0, but the boot menu's choice is generation 1", "moult repair"}},
	{checks_world_adopted,
	 break_other_generation,
	 {CHECK_ALL, "GENERATION_DAMAGED", FINDING_ERROR, "generation 3 is damaged",
	  "moult repair"}},
	{checks_world_adopted,
	 break_interrupted,
	 {CHECK_ALL, "INTERRUPTED", FINDING_WARN, "'moult upgrade' has no end", "moult repair"}},
	{checks_world_adopted,
	 break_pending_stale,
	 {CHECK_ALL, "PENDING_STALE", FINDING_NOTE, "generation 3 is out of date",
	  "moult upgrade"}},
	{checks_world_adopted,
	 break_data_subvolume,
	 {CHECK_UPGRADE, "DATA_MISSING", FINDING_ERROR, "mounts '@var' on '/var'", "sudoedit"}},
	{checks_world_adopted,
	 break_data_swap,
	 {CHECK_UPGRADE, "SWAP_FILE", FINDING_ERROR, "lies in '@var'", "swapoff"}},
	{checks_world_adopted,
	 break_root_subvolume,
	 {CHECK_UPGRADE, "FSTAB_ROOT_SUBVOLUME", FINDING_ERROR, "/etc/fstab:1: ", "sudoedit"}},
	{checks_world_adopted,
	 break_nested_adopted,
	 {CHECK_UPGRADE, "NESTED_SUBVOLUME", FINDING_ERROR, "'/opt/images' is a subvolume",
	  "btrfs subvolume delete /opt/images"}},
	{checks_world_adopted,
	 break_nested_adopted_empty,
	 {CHECK_UPGRADE, "NESTED_SUBVOLUME", FINDING_WARN, "'/opt/images' is a subvolume",
	  "btrfs subvolume delete /opt/images"}},
	{checks_world_adopted,
	 break_packages,
	 {CHECK_UPGRADE, "PACKAGE_STATE", FINDING_ERROR, "the package broken is half-configured",
	  "dpkg --configure -a"}},
	{checks_world_adopted,
	 break_package_lock,
	 {CHECK_UPGRADE, "PACKAGE_LOCK", FINDING_ERROR, "another package manager", "fuser"}},
	{checks_world_adopted,
	 break_hook,
	 {CHECK_UPGRADE, "HOOK", FINDING_ERROR, "'CAP_SYS_ADMIN'",
	  "sudoedit /etc/moult/hooks.d/10-a"}},
	{checks_world_adopted,
	 break_mask,
	 {CHECK_ALL, "UNIT_NOT_MASKED", FINDING_ERROR, "systemd-boot-update.service is not masked",
	  "systemctl mask systemd-boot-update.service"}},
	{checks_world_adopted,
	 break_mask_by_another_link,
	 {CHECK_ALL, "UNIT_NOT_MASKED", FINDING_ERROR, "systemd-boot-update.service is not masked",
	  "systemctl mask"}},
	{checks_world_adopted,
	 break_session_trial,
	 {CHECK_UPGRADE, "SESSION", FINDING_ERROR, "generation 1 is on trial", "moult status"}},
	{checks_world_adopted,
	 break_session_trial,
	 {CHECK_ALL, "SESSION", FINDING_NOTE, "generation 1 is on trial", "moult status"}},
	{checks_world_adopted,
	 break_session_temporary,
	 {CHECK_UPGRADE, "SESSION", FINDING_ERROR, "temporary session", "moult keep"}},
	{checks_world_adopted,
	 break_session_foreign,
	 {CHECK_UPGRADE, "SESSION", FINDING_ERROR, "none of moult's generations", "reboot"}},
	{checks_world_adopted,
	 break_session_volatile,
	 {CHECK_UPGRADE, "SESSION", FINDING_ERROR, "forgets everything", "reboot"}},
	{checks_world_adopted,
	 break_firmware_default,
	 {CHECK_UPGRADE, "FIRMWARE_DEFAULT", FINDING_WARN, "'moult-000001.conf'",
	  "bootctl set-default"}},
	{checks_world_adopted,
	 break_firmware_default,
	 {CHECK_ALL, "FIRMWARE_DEFAULT", FINDING_ERROR, "LoaderEntryDefault",
	  "bootctl set-default"}},
	{checks_world_adopted,
	 break_copies,
	 {CHECK_ALL, "LOADER_COPIES", FINDING_WARN, "differ", "bootctl install"}},
	{checks_world_adopted,
	 break_single_copy,
	 {CHECK_ALL, "LOADER_SINGLE", FINDING_WARN, "only one copy", "bootctl install"}},
	{checks_world_adopted,
	 remove_systemd_boot,
	 {CHECK_ALL, "LOADER_MISSING", FINDING_ERROR, "no systemd-boot", "bootctl install"}},
	{checks_world_adopted,
	 break_random_seed,
	 {CHECK_ALL, "RANDOM_SEED", FINDING_WARN, "at every boot", "moult repair"}},
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
	 break_foreign_entry,
	 {CHECK_ALL, "FOREIGN_ENTRIES", FINDING_NOTE, "1 menu entry is not moult's", NULL}},
	{checks_world_adopted,
	 break_blob_missing,
	 {CHECK_ALL, "BLOB_MISSING", FINDING_ERROR, "the initrd of generation 1", "moult repair"}},
	{checks_world_adopted,
	 break_blob_damaged,
	 {CHECK_ALL, "BLOB_DAMAGED", FINDING_ERROR, "the kernel of generation 1", "moult repair"}},
	{checks_world_adopted,
	 break_nothing,
	 {CHECK_ALL, "NO_WATCHDOG", FINDING_NOTE, "before Linux runs nothing comes back by itself",
	  "watchdog: 60"}},
};

START_TEST(a_machine_as_it_should_be_has_no_findings)
{
	struct engine_world world;

	checks_world_adopted(&world);
	assert_nothing(&world, CHECK_ALL);
	assert_nothing(&world, CHECK_UPGRADE);
	engine_world_done(&world);
	checks_world_debian(&world);
	assert_nothing(&world, CHECK_INIT);
	engine_world_done(&world);
}
END_TEST

START_TEST(every_damage_is_found)
{
	for (size_t i = 0; i < COUNT(damages); i++) {
		struct engine_world world;

		damages[i].start(&world);
		damages[i].break_it(&world);
		assert_found(&world, &damages[i].expected);
		engine_world_done(&world);
	}
}
END_TEST

/* Looking changes nothing, whatever is broken. */
START_TEST(checks_only_read)
{
	for (size_t i = 0; i < COUNT(damages); i++) {
		auto_findings struct findings findings = {0};
		struct engine_world world;

		damages[i].start(&world);
		damages[i].break_it(&world);
		checks_world_reopen(&world);
		fake_host_mark(world.fake);
		run(&world, damages[i].expected.context, &findings);
		ck_assert_uint_eq(world.fake->effect_count, 0);
		ck_assert_uint_eq(world.fake->package_locks, 0);
		engine_world_done(&world);
	}
}
END_TEST

START_TEST(a_swap_file_in_its_own_subvolume_is_right)
{
	struct engine_world world;

	checks_world_debian(&world);
	fake_host_put_subvolume(world.fake, "@swap");
	put_installer_fstab(&world, POOL " /swap btrfs subvol=@swap 0 0\n"
					 "/swap/swapfile none swap sw 0 0");
	assert_nothing(&world, CHECK_INIT);
	engine_world_done(&world);
}
END_TEST

START_TEST(before_the_first_bless_the_original_is_looked_at_as_it_is)
{
	struct engine_world world;
	auto_findings struct findings findings = {0};
	struct host *host;

	checks_world_adopted(&world);
	host = &world.fake->host;
	put(&world, "@rootfs/etc/fstab", POOL " / btrfs subvol=@rootfs 0 0\n");
	put(&world, "@rootfs/var/lib/dpkg/status", "");
	put(&world, "@rootfs/usr/lib/systemd/system/systemd-boot-update.service", "");
	ck_assert_int_eq(host->ops->set_default(host, ""), 0);
	run(&world, CHECK_ALL, &findings);
	ck_assert_ptr_null(findings_find(&findings, "UNIT_NOT_MASKED"));
	ck_assert_ptr_null(findings_find(&findings, "DEFAULT_FOREIGN"));
	ck_assert_int_ne(findings_find(&findings, "FSTAB_ROOT_SUBVOLUME")->level, FINDING_ERROR);
	engine_world_done(&world);
}
END_TEST

START_TEST(blobs_that_only_a_publication_names_are_missed_too)
{
	struct engine_world world;
	struct expected expected = {CHECK_ALL, "BLOB_MISSING", FINDING_WARN,
				    "the kernel of generation 1", "moult repair"};
	char path[128];

	checks_world_adopted(&world);
	blob_of(&world, path);
	world_remove(&world, VOLUME_BOOT, current_entry(&world)->path);
	world_remove(&world, VOLUME_BOOT, path);
	assert_found(&world, &expected);
	engine_world_done(&world);
}
END_TEST

START_TEST(all_refusals_come_in_one_list)
{
	auto_findings struct findings findings = {0};
	struct engine_world world;
	struct err err = {0};

	checks_world_debian(&world);
	break_clock(&world);
	break_no_moult(&world);
	break_separate_boot(&world);
	run(&world, CHECK_INIT, &findings);
	ck_assert(!findings_refuse(&findings, "this system cannot be adopted", &err));
	ck_assert(
		text_starts(err.text, "this system cannot be adopted: the clock says 1970-01-01"));
	ck_assert_ptr_nonnull(strstr(err.text, "; the package moult is not installed"));
	ck_assert_ptr_nonnull(strstr(err.text, "; /boot is a file system of its own"));
	ck_assert_str_eq(err.hint, "sudo timedatectl set-ntp true");
	engine_world_done(&world);
}
END_TEST

START_TEST(the_verb_gives_a_document)
{
	static const struct verb_request request = {.verb = "check"};
	struct engine_world world;
	struct err err = {0};
	auto_json json_t *adopted = NULL, *before = NULL;
	const json_t *first;

	checks_world_adopted(&world);
	break_blob_missing(&world);
	checks_world_reopen(&world);
	ck_assert(verb_check(&world.machine, &request, &adopted, &err));
	ck_assert_int_eq(json_integer_value(json_object_get(adopted, "format_version")), 1);
	first = json_array_get(json_object_get(adopted, "findings"), 0);
	ck_assert_str_eq(json_string_value(json_object_get(first, "level")), "error");
	ck_assert_str_eq(json_string_value(json_object_get(first, "code")), "BLOB_MISSING");
	engine_world_done(&world);

	checks_world_debian(&world);
	ck_assert(verb_check(&world.machine, &request, &before, &err));
	ck_assert(json_is_false(json_object_get(before, "adopted")));
	engine_world_done(&world);
}
END_TEST

START_TEST(an_interrupt_stops_the_checks)
{
	auto_findings struct findings findings = {0};
	struct engine_world world;
	struct err err = {0};

	checks_world_adopted(&world);
	world.fake->interrupt = true;
	ck_assert(!checks_run(&world.machine, CHECK_ALL, NULL, &findings, &err));
	ck_assert_int_eq(err.kind, ERR_INTERRUPTED);
	engine_world_done(&world);
}
END_TEST

/* A host that cannot answer is never taken for one that says all is well. */
static void assert_failure_is_told(void (*start)(struct engine_world *world),
				   enum check_context context, const char *root)
{
	struct engine_world world;
	struct fault_host fault;
	unsigned calls;

	start(&world);
	fault_host_init(&fault, &world.fake->host);
	fault.errnum = EIO;
	world.machine.host = &fault.host;
	for (calls = 0, fault.fail_at = 1; fault.fail_at == 1 || fault.failed; fault.fail_at++) {
		auto_findings struct findings findings = {0};
		struct err err = {0};

		fault.calls = 0;
		fault.failed = NULL;
		ck_assert_msg(checks_run(&world.machine, context, root, &findings, &err), "%s: %s",
			      fault.failed, err.text);
		if (!fault.failed)
			break;
		calls++;
		ck_assert_msg(findings_count(&findings, FINDING_WARN) +
					      findings_count(&findings, FINDING_ERROR) >
				      0,
			      "call %u (%s) failed, and nobody was told", fault.fail_at,
			      fault.failed);
	}
	ck_assert_uint_gt(calls, 10);
	engine_world_done(&world);
}

START_TEST(what_cannot_be_checked_is_told)
{
	assert_failure_is_told(checks_world_debian, CHECK_INIT, "@rootfs");
	assert_failure_is_told(checks_world_adopted, CHECK_UPGRADE, ROOT);
	assert_failure_is_told(checks_world_adopted, CHECK_ALL, NULL);
}
END_TEST

UNIT_MAIN("checks", what_cannot_be_checked_is_told, a_machine_as_it_should_be_has_no_findings,
	  every_damage_is_found, checks_only_read, a_swap_file_in_its_own_subvolume_is_right,
	  before_the_first_bless_the_original_is_looked_at_as_it_is,
	  blobs_that_only_a_publication_names_are_missed_too, all_refusals_come_in_one_list,
	  the_verb_gives_a_document, an_interrupt_stops_the_checks)
