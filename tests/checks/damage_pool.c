/* What can be wrong with an adopted machine: its pool, its root, what runs. */
#include <check.h>
#include <string.h>
#include "damage.h"
#include "hooks.h"
#include "text.h"

#define ROOT "@gens/1/root"
#define POOL "UUID=11111111-2222-3333-4444-555555555555"

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

static void break_modules(struct engine_world *world)
{
	world_remove(world, VOLUME_POOL, ROOT "/usr/lib/modules/6.1.0-50-amd64/modules.dep");
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

static void break_active_swap(struct engine_world *world)
{
	static struct host_swap swaps[] = {{(char *)"/var/lib/swap file", (char *)"@var"}};

	world->fake->swaps = (struct host_swaps){swaps, 1};
}

static void break_active_swap_in_root(struct engine_world *world)
{
	static struct host_swap swaps[] = {{(char *)"/swapfile", (char *)ROOT}};

	world->fake->swaps = (struct host_swaps){swaps, 1};
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
	engine_runs(world, 2, 3, true, "boot-2");
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

const struct damage damages_pool[] = {
	{checks_world_adopted,
	 break_modules,
	 {CHECK_ALL, "MODULES_MISSING", FINDING_ERROR,
	  "generation 1 boots the kernel 6.1.0-50-amd64", "linux-image-6.1.0-50-amd64"}},
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
	  "moult show 3"}},
	{checks_world_adopted,
	 break_interrupted,
	 {CHECK_ALL, "INTERRUPTED", FINDING_WARN, "'moult upgrade' has no end", "moult repair"}},
	{checks_world_adopted,
	 break_data_subvolume,
	 {CHECK_UPGRADE, "DATA_MISSING", FINDING_ERROR, "mounts '@var' on '/var'", "sudoedit"}},
	{checks_world_adopted,
	 break_data_swap,
	 {CHECK_UPGRADE, "SWAP_FILE", FINDING_ERROR, "lies in '@var'", "swapoff"}},
	{checks_world_adopted,
	 break_active_swap,
	 {CHECK_UPGRADE, "SWAP_FILE", FINDING_ERROR, "'/var/lib/swap file' lies in '@var'",
	  "sudo swapoff -a"}},
	{checks_world_adopted,
	 break_active_swap_in_root,
	 {CHECK_ALL, "SWAP_FILE", FINDING_ERROR, "'/swapfile' lies in the root",
	  "sudo swapoff /swapfile"}},
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
	 {CHECK_UPGRADE, "SESSION", FINDING_ERROR, "generation 2 is on trial", "moult status"}},
	{checks_world_adopted,
	 break_session_trial,
	 {CHECK_ALL, "SESSION", FINDING_NOTE, "generation 2 is on trial", "moult status"}},
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
};
const size_t damages_pool_count = COUNT(damages_pool);
