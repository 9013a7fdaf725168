"""The power goes at each row of the table in docs/design/layout.md, while moult does that row.

What the guest has not written by then is lost with its memory.  After each cut the machine boots
the old generation or the new one, nothing else, and the next run works: it is the next row's.
"""

import unittest

import freeze
import world

NEW_INITRD = "echo options skin depth=%d >/etc/modprobe.d/skin.conf && update-initramfs -u"
OLD, NEW, EITHER = "the old generation", "the new generation", "one of the two"


def step(name, text=""):
    """A step by its name, and by something in its object or reason."""
    return lambda done: done["name"] == name and text in f"{done['object']} {done.get('why', '')}"


# Of making and publishing: what is done last before the power goes, and what may boot then.
MAKING = (
    ("1: the private copy exists", step("snapshot"), OLD),
    ("1: the copy is verified", step("verify the copy"), OLD),
    ("2: it is complete and listed", step("rename", "@gens/"), OLD),
    ("3: kernel and initrd are on the ESP", step("put-blob", ".initrd"), OLD),
    ("4: its entry is written, disabled", step("write", "loader/entries"), OLD),
    ("5: the commit, not written out", step("set-byte", "the commit point"), EITHER),
    ("6: the state says trial, not written out", step("replace", "it is on trial"), NEW),
)
BLESS_UNIT = "moult-bless.service.d/freeze.conf"
# Of blessing: from its commit on nothing but the new generation is the default.
BLESSING = (
    ("8: the new entry is written, disabled", step("write", "loader/entries/moult-0")),
    ("8: the uncounted entry, not written out", step("set-byte", "the commit point")),
    ("8: the counted one is gone", step("remove", "+")),
    ("8: the default subvolume has moved", step("set-default")),
    ("8: the state says good", step("replace", "state.json")),
    ("8: the former one has an old entry", step("set-byte", "loader/entries/moult-old-")),
)


class Kill(world.Vm):
    """One machine a test; each cut is followed by a boot that is looked at."""

    def boot_after_cut(self, machine, before, expected):
        """Old or new, reconciled, whole; a new one is blessed. Returns what is current then."""
        machine.start()
        machine.wait_shell(world.BOOT_TIMEOUT)
        booted, _, trial = machine.booted()
        world.say(f"  generation {booted} boots{' on trial' if trial else ''}")
        self.assertIn(booted > before, {OLD: (False,), NEW: (True,), EITHER: (False, True)}
                      [expected], f"generation {booted} boots, {before} was current")
        machine.until(lambda: machine.ok("systemctl show -P ActiveState moult-reconcile").strip()
                      == "active", "reconcile")
        if trial:
            machine.until(lambda: machine.run("test -e /run/moult/blessed").rc == 0, "the bless")
        machine.up()
        self.assert_whole(machine, booted)
        return booted

    def assert_whole(self, machine, booted):
        """Nothing is left of what was cut off, and no promise is broken."""
        status = machine.status()
        self.assertEqual(status["current"], {"id": booted}, machine.story())
        self.assertEqual([gen for gen in status["generations"] if gen["state"] == "damaged"], [])
        self.assert_promises_hold(machine.json("check"))
        self.assertEqual(machine.ok("mount --mkdir -o subvolid=5 $(findmnt -nvo SOURCE /) /run/top "
                                    "&& ls -A /run/top/@gens | grep tmp || true; umount /run/top"),
                         "")

    def cut_run(self, machine, before, row):
        """Make a generation inside, take the power away behind a step, boot again."""
        name, wanted, expected = row
        world.say(name)
        command = f"sh -c '{NEW_INITRD % before}'" if ".initrd" in name else "true"
        line = freeze.start(machine, f"moult run --replace -- {command}")
        freeze.until(machine, line, wanted)
        machine.kill()
        return self.boot_after_cut(machine, before, expected)

    def finish(self, machine, disk, before):
        """The same undisturbed: it is made, tried and blessed; the disk is clean."""
        made = machine.json("run --replace -- true")["next"]["id"]
        self.assertGreater(made, before)
        machine.reboot()
        machine.wait_blessed(made)
        machine.poweroff()
        self.assertEqual(disk.counted(), [])
        self.assert_clean_esp(disk)

    def cut_all(self, rows):
        """One machine through some rows."""
        disk = self.disk()
        with disk.machine() as machine:
            machine.wait_shell()
            machine.up()
            current = 1
            for row in rows:
                current = self.cut_run(machine, current, row)
            self.finish(machine, disk, current)

    def test_while_committing(self):
        self.cut_all([row for row in MAKING if row[0].startswith("5")])

    def test_while_making_and_publishing(self):
        self.cut_all(MAKING)

    def test_while_the_loader_counts(self):
        """Row 7: the counter is down and the kernel starts."""
        disk = self.disk()
        disk.moult("run", "--", "true")
        with disk.machine() as machine:
            world.say("7: the loader has counted")
            machine.wait_serial(r"Linux version")
            machine.kill()
            self.assertEqual(len(disk.counted()), 1)
            self.boot_after_cut(machine, 1, NEW)
            attempts = machine.generation(2)["attempts"]
            self.assertEqual([attempt["outcome"] for attempt in attempts], ["unknown", "healthy"])
            self.finish(machine, disk, 2)

    def test_while_blessing(self):
        disk = self.disk()
        disk.moult("run", "--", "true")
        with disk.mounted() as top:
            unit = top / "@gens/2/root/etc/systemd/system" / BLESS_UNIT
            unit.parent.mkdir()
            unit.write_text(freeze.DROP_IN % "/usr/bin/moult internal bless", encoding="ascii")
        with disk.machine() as machine:
            for number, (name, wanted) in enumerate(BLESSING):
                if number:
                    self.next_trial(machine)
                self.cut_bless(machine, name, wanted)
            machine.poweroff()
        self.assertEqual(disk.counted(), [])
        self.assert_clean_esp(disk)

    def cut_bless(self, machine, name, wanted):
        """Freeze the blessing of this trial behind a step, cut, and let the next boot finish it."""
        world.say(name)
        machine.wait_shell(world.BOOT_TIMEOUT)
        line = freeze.lines(machine)
        before, _, trial = machine.booted()
        self.assertTrue(trial)
        freeze.wait_frozen(machine)
        freeze.until(machine, line, lambda done: done["verb"] == "bless" and wanted(done))
        machine.kill()
        machine.start()
        machine.wait_shell(world.BOOT_TIMEOUT)
        booted, _, trial = machine.booted()
        world.say(f"  generation {booted} boots{' on trial' if trial else ''}")
        self.assertEqual(booted, before)
        if trial:
            freeze.wait_frozen(machine)
            freeze.release(machine)
            machine.until(lambda: machine.run("test -e /run/moult/blessed").rc == 0, "the bless")
        machine.up()
        self.assert_whole(machine, booted)

    def next_trial(self, machine):
        """Another generation on trial, booted."""
        machine.ok("moult run --replace -- true", world.WORK_TIMEOUT)
        machine.reboot()
        machine.wait_boot(world.BOOT_TIMEOUT)

    test_while_making_and_publishing.long = test_while_the_loader_counts.long = True
    test_while_blessing.long = True


if __name__ == "__main__":
    unittest.main()
