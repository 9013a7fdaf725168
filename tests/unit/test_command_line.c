/* What stands on a kernel's command line, and whose it is. */
#include <string.h>
#include "loader.h"
#include "text.h"
#include "unit.h"

static const struct {
	const char *line, *own;
} lines[] = {
	{"", ""},
	{"  ", ""},
	{"ro quiet", "ro quiet"},
	{"BOOT_IMAGE=/boot/vmlinuz root=UUID=1 ro quiet\n", "ro quiet"},
	{"initrd=\\debian\\initrd root=/dev/sda2 rootflags=subvol=@rootfs rw splash", "rw splash"},
	{"root=1 rootfstype=btrfs rootwait", "rootfstype=btrfs rootwait"},
	{"a  b\tc", "a b c"},
	{"dyndbg=\"file x +p; file y +p\" ro", "dyndbg=\"file x +p; file y +p\" ro"},
	{"\"root=UUID=1\" \"quiet\" ro", "\"quiet\" ro"},
	{"\"root\"=1 ro", "ro"},
	{"open=\"never closed ro", "open=\"never closed ro"},
	{"ro -- root=kept moult.gen=3", "ro -- root=kept moult.gen=3"},
	{"systemd.machine_id=1 systemd.machine-id=2 ro", "ro"},
	{"systemd-machine_id=1", "systemd-machine_id=1"},
	{"systemd.machine_idx=1", "systemd.machine_idx=1"},
	/* the owner's, for this is no line of moult */
	{"root=1 panic=30 oops=panic noresume systemd.watchdog_sec=60",
	 "panic=30 oops=panic noresume systemd.watchdog_sec=60"},
	/* a good generation's line: noresume is moult's, panic the owner's */
	{"root=1 moult.gen=3 moult.serial=4 noresume panic=30", "panic=30"},
	/* a trial's */
	{"root=1 moult.gen=3 moult.serial=4 moult.trial=1 panic=10 oops=panic noresume "
	 "systemd.watchdog_sec=60 ro quiet",
	 "ro quiet"},
	{"moult.gen moult. moult.x=1 moultx=2", "moultx=2"},
	{"p anic r=1", "p anic r=1"},
};

START_TEST(own_options)
{
	for (size_t i = 0; i < COUNT(lines); i++) {
		auto_free char *own = boot_own_options(lines[i].line);

		ck_assert_msg(strcmp(own, lines[i].own) == 0, "'%s' gives '%s'", lines[i].line,
			      own);
	}
}
END_TEST

static const struct boot_entry entry = {
	.generation = 7,
	.serial = 12,
	.root_uuid = "UU-ID",
	.subvolume = "@gens/7/root",
	.options = "ro quiet",
};
#define FIRST "root=UUID=UU-ID rootflags=subvol=@gens/7/root moult.gen=7 moult.serial=12"

static void expect(struct boot_entry with, enum boot_role role, const char *wanted)
{
	auto_free char *line = boot_command_line(&with, role);

	ck_assert_str_eq(line, wanted);
}

START_TEST(by_role)
{
	struct boot_entry guarded = entry;

	guarded.watchdog_sec = 60;
	expect(entry, BOOT_CURRENT, FIRST " ro quiet");
	expect(entry, BOOT_OLD, FIRST " noresume ro quiet");
	expect(entry, BOOT_TRIAL, FIRST " moult.trial=1 panic=10 oops=panic noresume ro quiet");
	expect(guarded, BOOT_TRIAL,
	       FIRST
	       " moult.trial=1 panic=10 oops=panic noresume systemd.watchdog_sec=60 ro quiet");
	expect(guarded, BOOT_CURRENT, FIRST " ro quiet");
}
END_TEST

/* Written only where it is another than the trial's generator takes by itself. */
START_TEST(a_deadline_of_the_owners_is_that_of_trials)
{
	struct boot_entry hasty = entry;

	hasty.deadline_sec = BOOT_DEADLINE_SEC;
	expect(hasty, BOOT_TRIAL, FIRST " moult.trial=1 panic=10 oops=panic noresume ro quiet");
	hasty.deadline_sec = 90;
	hasty.options = "moult.deadline=5 ro";
	expect(hasty, BOOT_TRIAL,
	       FIRST " moult.trial=1 panic=10 oops=panic moult.deadline=90 noresume ro");
	expect(hasty, BOOT_CURRENT, FIRST " ro");
	expect(hasty, BOOT_OLD, FIRST " noresume ro");
}
END_TEST

/* The last word wins in the kernel, so the owner's must not undo what a trial needs. */
START_TEST(trials_reboot)
{
	struct boot_entry stubborn = entry;

	stubborn.options = "panic=0 oops=0 systemd.watchdog_sec=off noresume root=x moult.gen=1";
	expect(stubborn, BOOT_CURRENT, FIRST " panic=0 oops=0 systemd.watchdog_sec=off noresume");
	expect(stubborn, BOOT_OLD, FIRST " noresume panic=0 oops=0 systemd.watchdog_sec=off");
	expect(stubborn, BOOT_TRIAL,
	       FIRST " moult.trial=1 panic=10 oops=panic noresume systemd.watchdog_sec=off");
	stubborn.watchdog_sec = 30;
	expect(stubborn, BOOT_TRIAL,
	       FIRST " moult.trial=1 panic=10 oops=panic noresume systemd.watchdog_sec=30");
}
END_TEST

START_TEST(nothing_of_its_own)
{
	struct boot_entry bare = entry;

	bare.options = NULL;
	bare.subvolume = "";
	expect(bare, BOOT_CURRENT,
	       "root=UUID=UU-ID rootflags=subvol=/ moult.gen=7 moult.serial=12");
}
END_TEST

/* What is written can be read again: a publication inherits exactly its own part. */
START_TEST(there_and_back)
{
	static const enum boot_role roles[] = {BOOT_TRIAL, BOOT_CURRENT, BOOT_OLD};

	for (size_t i = 0; i < COUNT(roles); i++) {
		auto_free char *line = boot_command_line(&entry, roles[i]);
		auto_free char *own = boot_own_options(line);

		ck_assert_str_eq(own, "ro quiet");
	}
}
END_TEST

UNIT_MAIN("command line", own_options, by_role, a_deadline_of_the_owners_is_that_of_trials,
	  trials_reboot, nothing_of_its_own, there_and_back)
