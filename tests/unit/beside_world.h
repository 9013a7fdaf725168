/* beside_world - a machine that boots by GRUB, as a fake, and what its firmware would start. */
#pragma once
#include <stdio.h>
#include <string.h>
#include "checks.h"
#include "checks_world.h"
#include "engine_judge.h"
#include "takeover.h"
#include "text.h"
#include "verbs.h"

#define LOADER "EFI/systemd/systemd-bootx64.efi"
#define FALLBACK "EFI/BOOT/BOOTX64.EFI"
#define GRUB "EFI/debian/grubx64.efi"
#define STUB "EFI/debian/grub.cfg"
#define PROGRAM "MZ LoaderInfo: systemd-boot 252 from the package"
#define GRUB_PROGRAM "MZ GRUB"
#define STUB_TEXT "set prefix=($root)'/@rootfs/boot/grub'\n"
#define RELEASE "6.1.0-50-amd64"
#define PACKAGED "@rootfs/usr/lib/systemd/boot/efi/systemd-bootx64.efi"

static const struct verb_request beside = {.verb = "init", .loader = "systemd-boot"};
static const struct verb_request undo = {.verb = "init", .undo = true};
static const struct verb_request bless = {.verb = "bless"};

/* --- the machine -------------------------------------------------------------------------------- */

static inline void put(struct engine_world *world, const char *path, const char *text)
{
	auto_free char *whole = xasprintf("@rootfs/%s", path);

	fake_host_put(world->fake, VOLUME_POOL, whole, text);
}

/* What a copy must have to become a generation. */
static inline void put_system(struct engine_world *world)
{
	put(world, "etc/shadow", "root:$y$j9T$x:1:0:99999:7:::\n");
	put(world, "etc/passwd", "root:x:0:0:root:/root:/bin/bash\n");
	put(world, "usr/bin/bash", "elf");
	put(world, "bin/bash", "elf");
	put(world, "sbin/init", "elf");
	world_make_executable(world, "@rootfs/sbin/init");
	put(world, "lib/modules/" RELEASE "/modules.dep", "kernel/fs/btrfs/btrfs.ko:\n");
	put(world, "boot/initrd.img-" RELEASE,
	    "init\nusr/lib/modules/" RELEASE "/kernel/fs/btrfs/btrfs.ko\n");
	put(world, "etc/default/grub", "GRUB_DISTRIBUTOR=Debian\n");
	put(world, "boot/grub/grub.cfg",
	    "menuentry 'Debian' {\n\tlinux /@rootfs/boot/vmlinuz-" RELEASE
	    " root=UUID=11111111-2222-3333-4444-555555555555 ro rootflags=subvol=@rootfs "
	    "console=ttyS0 quiet\n}\n");
	fake_host_put(world->fake, VOLUME_POOL, PACKAGED, PROGRAM);
}

static inline void open_world(struct engine_world *world)
{
	checks_world_debian(world);
	world_remove(world, VOLUME_BOOT, LOADER);
	world_remove(world, VOLUME_BOOT, FALLBACK);
	put_system(world);
	fake_host_put(world->fake, VOLUME_BOOT, GRUB, GRUB_PROGRAM);
	fake_host_put(world->fake, VOLUME_BOOT, STUB, STUB_TEXT);
	world->fake->uefi = true;
	fake_host_put_boot_option(world->fake, 0, "debian", GRUB);
	fake_host_put_boot_option(world->fake, 3, "UEFI Misc Device", NULL);
	checks_world_reopen(world);
	fake_host_mark(world->fake);
}

/* The same, where the loader also lies under the name for removable media. */
static inline void open_with_fallback(struct engine_world *world)
{
	open_world(world);
	fake_host_put(world->fake, VOLUME_BOOT, FALLBACK, GRUB_PROGRAM);
	checks_world_reopen(world);
	fake_host_mark(world->fake);
}

static inline bool run(struct engine_world *world, const struct verb_request *request,
		       struct err *err)
{
	auto_json json_t *answer = NULL;

	return request == &bless ? verb_bless(&world->machine, request, &answer, err)
				 : verb_init(&world->machine, request, &answer, err);
}

static inline void must_run(struct engine_world *world, const struct verb_request *request)
{
	struct err err = {0};

	ck_assert_msg(run(world, request, &err), "%s: %s", request->verb, err.text);
}

/* Generation 1 is up, and its health was found good. */
static inline void boot_first(struct engine_world *world)
{
	struct err err = {0};

	engine_runs(world, 1, 1, true, "boot-1");
	must(engine_world_reopen(world, &world->fake->host, &err));
	fake_host_mark(world->fake);
}

/* --- what the firmware would do ----------------------------------------------------------------- */

static const char *boot_text(const struct engine_world *world, const char *path)
{
	return fake_host_text(world->fake, VOLUME_BOOT, path);
}

/* Whether this program comes to a whole system: "", "original" or "first"; NULL = it hangs. */
static const char *program_boots(const struct engine_world *world, const char *path)
{
	const char *program = boot_text(world, path);
	unsigned generation;

	if (!program)
		return "";
	if (strcmp(program, GRUB_PROGRAM) == 0)
		return text_equal(boot_text(world, STUB), STUB_TEXT) ? "original" : NULL;
	if (strcmp(program, PROGRAM) != 0)
		return NULL;
	generation = default_generation(world->fake);
	return generation == 0 ? "original" : generation == 1 ? "first" : NULL;
}

static const char *fallback_boots(const struct engine_world *world)
{
	return program_boots(world, FALLBACK);
}

static const char *firmware_boots(const struct engine_world *world)
{
	auto_host_firmware struct host_firmware firmware = {0};
	bool live = world->fake->live;

	world->fake->live = true;
	ck_assert_int_eq(world->fake->host.ops->firmware(&world->fake->host, &firmware), 0);
	world->fake->live = live;
	for (size_t i = 0; i < firmware.ordered; i++) {
		const char *path = firmware.options[i].path;
		const char *boots = path ? program_boots(world, path) : fallback_boots(world);

		/* a file that is not there is passed over */
		if (!boots || *boots)
			return boots;
	}
	return NULL;
}

static inline char *boot_order(const struct engine_world *world)
{
	bool live = world->fake->live;
	char *order;

	world->fake->live = true;
	order = fake_host_boot_order(world->fake);
	world->fake->live = live;
	return order;
}

static inline void assert_order(const struct engine_world *world, const char *expected)
{
	auto_free char *order = boot_order(world);

	ck_assert_str_eq(order, expected);
}

/* All files of the boot volume with their content; caller frees. */
static inline char *boot_volume(const struct engine_world *world)
{
	const struct fake_volume *volume = &world->fake->disk.volumes[VOLUME_BOOT];
	struct text text = {0};
	size_t files = 0;

	for (size_t i = 0; i < volume->count; i++)
		if (volume->nodes[i].type == HOST_FILE) {
			text_addf(&text, "%s\n", volume->nodes[i].path);
			files++;
		}
	text_addf(&text, "%zu", files);
	return text_take(&text);
}

static inline void assert_as_before(const struct engine_world *world, bool with_fallback)
{
	static const char *const gone[] = {LOADER,	    "EFI/BOOT/moult-kept.efi",
					   "EFI/moult.new", "loader/loader.conf",
					   "moult/reserve", "startup.nsh"};
	auto_free char *volume = boot_volume(world);

	ck_assert_str_eq(boot_text(world, GRUB), GRUB_PROGRAM);
	ck_assert_str_eq(boot_text(world, STUB), STUB_TEXT);
	if (with_fallback)
		ck_assert_str_eq(boot_text(world, FALLBACK), GRUB_PROGRAM);
	else
		ck_assert_ptr_null(boot_text(world, FALLBACK));
	for (size_t i = 0; i < COUNT(gone); i++)
		ck_assert_msg(!boot_text(world, gone[i]), "%s is left", gone[i]);
	ck_assert_msg(text_ends(volume, with_fallback ? "\n3" : "\n2"), "%s", volume);
	ck_assert_ptr_null(fake_host_text(world->fake, VOLUME_POOL, TAKEOVER_PATH));
}
