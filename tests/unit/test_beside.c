/* A machine that boots by GRUB gets systemd-boot beside it, and goes back to GRUB. */
#include "beside_world.h"

/* --- there and back ----------------------------------------------------------------------------- */

START_TEST(another_systems_disk)
{
	struct engine_world world;
	const char *entry;

	open_world(&world);
	must_run(&world, &beside);
	ck_assert_str_eq(boot_text(&world, LOADER), PROGRAM);
	ck_assert_str_eq(boot_text(&world, FALLBACK), PROGRAM);
	ck_assert_str_eq(boot_text(&world, GRUB), GRUB_PROGRAM);
	ck_assert_str_eq(boot_text(&world, STUB), STUB_TEXT);
	/* the command line is GRUB's, and the copy has no menu that its hooks would write */
	entry = boot_text(&world, "loader/entries/moult-000000.conf");
	ck_assert_msg(entry && strstr(entry, "console=ttyS0 quiet"), "%s", entry);
	ck_assert_ptr_null(
		fake_host_text(world.fake, VOLUME_POOL, "@gens/1/root/boot/grub/grub.cfg"));
	ck_assert_ptr_nonnull(
		fake_host_text(world.fake, VOLUME_POOL, "@rootfs/boot/grub/grub.cfg"));
	ck_assert_ptr_nonnull(fake_host_text(world.fake, VOLUME_POOL,
					     "@gens/1/root/etc/default/grub.d/moult.cfg"));
	/* its firmware is not this machine's */
	assert_order(&world, "debian, UEFI Misc Device");
	ck_assert_str_eq(fallback_boots(&world), "first");
	must_run(&world, &undo);
	assert_as_before(&world, false);
	engine_world_done(&world);
}
END_TEST

START_TEST(a_fallback_that_is_taken_is_exchanged_and_given_back)
{
	struct engine_world world;

	open_with_fallback(&world);
	must_run(&world, &beside);
	ck_assert_str_eq(boot_text(&world, FALLBACK), PROGRAM);
	ck_assert_str_eq(boot_text(&world, "EFI/BOOT/moult-kept.efi"), GRUB_PROGRAM);
	ck_assert_str_eq(fallback_boots(&world), "first");
	must_run(&world, &undo);
	assert_as_before(&world, true);
	engine_world_done(&world);
}
END_TEST

START_TEST(the_firmware_follows_at_the_bless_and_goes_back)
{
	struct engine_world world;

	open_world(&world);
	must_run(&world, &beside);
	boot_first(&world);
	must_run(&world, &bless);
	assert_order(&world, "moult (" LOADER "), moult (" FALLBACK "), debian, UEFI Misc Device");
	ck_assert_str_eq(firmware_boots(&world), "first");
	/* what a package of GRUB writes there when it is upgraded meanwhile */
	fake_host_put(world.fake, VOLUME_BOOT, STUB, "set prefix=($root)'/@gens/1/root'\n");
	must_run(&world, &undo);
	assert_order(&world, "debian, UEFI Misc Device");
	assert_as_before(&world, false);
	ck_assert_str_eq(firmware_boots(&world), "original");
	engine_world_done(&world);
}
END_TEST

/* Undone on another machine: its firmware still has our entries, and what they name stays. */
START_TEST(an_undo_elsewhere_leaves_the_firmwares_part_to_the_machine)
{
	struct engine_world world;
	struct err err = {0};

	open_world(&world);
	must_run(&world, &beside);
	boot_first(&world);
	must_run(&world, &bless);
	world.fake->live = false;
	checks_world_reopen(&world);
	must_run(&world, &undo);
	ck_assert_str_eq(boot_text(&world, LOADER), PROGRAM);
	ck_assert_str_eq(firmware_boots(&world), "original");
	world.fake->live = true;
	checks_world_reopen(&world);
	must(engine_recover(&world.machine, &err));
	assert_order(&world, "debian, UEFI Misc Device");
	assert_as_before(&world, false);
	engine_world_done(&world);
}
END_TEST

/* Somebody removed GRUB meanwhile: then there is nothing to go back to but systemd-boot. */
START_TEST(systemd_boot_stays_where_grub_is_gone)
{
	struct engine_world world;

	open_world(&world);
	must_run(&world, &beside);
	boot_first(&world);
	must_run(&world, &bless);
	world_remove(&world, VOLUME_BOOT, GRUB);
	must_run(&world, &undo);
	ck_assert_str_eq(boot_text(&world, LOADER), PROGRAM);
	ck_assert_str_eq(firmware_boots(&world), "original");
	engine_world_done(&world);
}
END_TEST

/* A package of GRUB put itself first again; the entry of systemd-boot is there still. */
START_TEST(a_repair_puts_systemd_boot_in_front_again)
{
	static const struct verb_request repair = {.verb = "repair"};
	static const uint16_t order[] = {0, 3, 1, 2};
	auto_findings struct findings findings = {0};
	auto_json json_t *answer = NULL;
	struct engine_world world;
	struct err err = {0};

	open_world(&world);
	must_run(&world, &beside);
	boot_first(&world);
	must_run(&world, &bless);
	world.fake->host.ops->set_boot_order(&world.fake->host, order, COUNT(order));
	engine_runs(&world, 1, 2, false, "boot-2");
	checks_world_reopen(&world);
	must(checks_run(&world.machine, CHECK_ALL, NULL, &findings, &err));
	ck_assert_ptr_nonnull(findings_find(&findings, "BOOT_ORDER"));
	verb_repair(&world.machine, &repair, &answer, &err);
	assert_order(&world, "moult (" LOADER "), moult (" FALLBACK "), debian, UEFI Misc Device");
	/* what was recorded first is still what there was before moult */
	must_run(&world, &undo);
	assert_order(&world, "debian, UEFI Misc Device");
	engine_world_done(&world);
}
END_TEST

/* --- a medium that goes bad ---------------------------------------------------------------------- */

static bool is_on_medium(const struct engine_world *world, const char *path, const char *text)
{
	const struct fake_node *node = fake_disk_find(&world->fake->disk, VOLUME_BOOT, path);

	return node && !node->medium && text_equal(node->bytes, text);
}

/* Whatever is not written as it should be: the firmware never gets to a program that is not whole. */
START_TEST(a_program_that_is_not_whole_on_the_medium_is_told)
{
	bool spoiled = true;

	for (unsigned write = 1; spoiled; write++) {
		struct engine_world world;
		struct err err = {0};

		open_world(&world);
		world.fake->spoil_boot_write = write;
		if (run(&world, &beside, &err)) {
			ck_assert_msg(is_on_medium(&world, LOADER, PROGRAM), "write %u", write);
			ck_assert_msg(is_on_medium(&world, FALLBACK, PROGRAM), "write %u", write);
		}
		spoiled = world.fake->boot_writes >= write;
		engine_world_done(&world);
	}
}
END_TEST

START_TEST(the_former_loaders_settings_are_read_back)
{
	bool spoiled = true;

	for (unsigned write = 1; spoiled; write++) {
		struct engine_world world;
		struct err err = {0};

		open_world(&world);
		must_run(&world, &beside);
		boot_first(&world);
		must_run(&world, &bless);
		fake_host_put(world.fake, VOLUME_BOOT, STUB, "another");
		fake_host_mark(world.fake);
		world.fake->spoil_boot_write = write;
		if (run(&world, &undo, &err) && text_equal(firmware_boots(&world), "original") &&
		    !boot_text(&world, LOADER))
			ck_assert_msg(is_on_medium(&world, STUB, STUB_TEXT), "write %u", write);
		spoiled = world.fake->boot_writes >= write;
		engine_world_done(&world);
	}
}
END_TEST

/* --- refusals ----------------------------------------------------------------------------------- */

static void nothing(struct engine_world *world)
{
	(void)world;
}

static void without_package(struct engine_world *world)
{
	world_remove(world, VOLUME_POOL, PACKAGED);
}

static void bios_disk(struct engine_world *world)
{
	world_remove(world, VOLUME_BOOT, GRUB);
	put(world, "boot/grub/i386-pc/core.img", "GRUB");
}

static void go_live(struct engine_world *world)
{
	world->fake->live = true;
	world->fake->running.root_path = (char *)"@rootfs";
	world->fake->running.command_line = (char *)"quiet";
	world->fake->running.boot_id = (char *)"b";
}

static void secure_boot(struct engine_world *world)
{
	go_live(world);
	world->fake->secure_boot = true;
}

static void signed_under_secure_boot(struct engine_world *world)
{
	secure_boot(world);
	fake_host_put(world->fake, VOLUME_POOL, PACKAGED ".signed", PROGRAM);
}

static void bios_machine(struct engine_world *world)
{
	go_live(world);
	world->fake->uefi = false;
}

static const struct {
	void (*prepare)(struct engine_world *);
	const char *loader;
	const char *code, *hint;
} refusals[] = {
	{nothing, "auto", "LOADER_GRUB", "sudo moult init --loader systemd-boot"},
	{without_package, "systemd-boot", "LOADER_PACKAGE", "sudo apt install systemd-boot-efi"},
	{bios_disk, "systemd-boot", "LOADER_BIOS", "ls /sys/firmware/efi/efivars"},
	{bios_machine, "systemd-boot", "LOADER_BIOS", "ls /sys/firmware/efi/efivars"},
	{bios_machine, "auto", "LOADER_BIOS", "ls /sys/firmware/efi/efivars"},
	{secure_boot, "systemd-boot", "LOADER_UNSIGNED", "sudo systemctl reboot --firmware-setup"},
	{signed_under_secure_boot, "systemd-boot", "LOADER_UNSIGNED",
	 "sudo systemctl reboot --firmware-setup"},
};

START_TEST(what_would_not_boot_is_refused)
{
	for (size_t i = 0; i < COUNT(refusals); i++) {
		auto_findings struct findings findings = {0};
		const struct finding *finding;
		struct engine_world world;
		struct err err = {0};

		open_world(&world);
		refusals[i].prepare(&world);
		checks_world_reopen(&world);
		ck_assert(policy_set_loader(&world.machine.policy, refusals[i].loader));
		must(checks_run(&world.machine, CHECK_INIT, "@rootfs", &findings, &err));
		finding = findings_find(&findings, refusals[i].code);
		ck_assert_msg(finding && finding->level == FINDING_ERROR, "%s was not found",
			      refusals[i].code);
		ck_assert_str_eq(finding->remedy, refusals[i].hint);
		engine_world_done(&world);
	}
}
END_TEST

START_TEST(a_loader_that_moult_does_not_know_is_refused)
{
	static const struct verb_request request = {.verb = "init", .loader = "lilo"};
	struct engine_world world;
	struct err err = {0};

	open_world(&world);
	ck_assert(!run(&world, &request, &err));
	ck_assert_int_eq(err.kind, ERR_USAGE);
	ck_assert_uint_eq(world.fake->effect_count, 0);
	engine_world_done(&world);
}
END_TEST

START_TEST(the_owners_file_may_ask_for_it)
{
	struct engine_world world;
	static const struct verb_request request = {.verb = "init"};

	open_world(&world);
	put(&world, "etc/moult/moult.yaml", "version: 1\nloader: systemd-boot\n");
	checks_world_reopen(&world);
	must_run(&world, &request);
	ck_assert_str_eq(boot_text(&world, LOADER), PROGRAM);
	engine_world_done(&world);
}
END_TEST

START_TEST(it_is_shown_before)
{
	static const struct verb_request request = {
		.verb = "init", .loader = "systemd-boot", .dry_run = true};
	auto_free char *printed = NULL;
	struct engine_world world;
	struct err err = {0};
	auto_json json_t *answer = NULL;

	open_world(&world);
	must(verb_init(&world.machine, &request, &answer, &err));
	ck_assert_uint_eq(world.fake->effect_count, 0);
	printed = json_dumps(answer, 0);
	ck_assert_msg(strstr(printed, "MiB free"), "%s", printed);
	ck_assert_msg(strstr(printed, "the firmware of the machine is out of reach"), "%s",
		      printed);
	ck_assert_msg(strstr(printed, "GRUB stays as it is (" GRUB ")"), "%s", printed);
	ck_assert_msg(strstr(printed, LOADER), "%s", printed);
	engine_world_done(&world);
}
END_TEST

UNIT_MAIN("beside", a_program_that_is_not_whole_on_the_medium_is_told,
	  the_former_loaders_settings_are_read_back, another_systems_disk,
	  a_fallback_that_is_taken_is_exchanged_and_given_back,
	  the_firmware_follows_at_the_bless_and_goes_back,
	  an_undo_elsewhere_leaves_the_firmwares_part_to_the_machine,
	  systemd_boot_stays_where_grub_is_gone, a_repair_puts_systemd_boot_in_front_again,
	  what_would_not_boot_is_refused, a_loader_that_moult_does_not_know_is_refused,
	  the_owners_file_may_ask_for_it, it_is_shown_before)
