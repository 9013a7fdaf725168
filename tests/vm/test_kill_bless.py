"""The power goes while a generation is blessed, and while old ones are retired: rows 8 and 9."""

import unittest

import freeze
import world
from cuts import Cuts, step

UNIT = "etc/systemd/system/moult-bless.service.d/freeze.conf"
# From the commit on nothing but the new generation is the default.
BLESSING = (
    ("8: the new entry is written, disabled", step("write", "loader/entries/moult-0")),
    ("8: the uncounted entry, not written out", step("set-byte", "the commit point")),
    ("8: the counted one is gone", step("remove", "+")),
    ("8: the default subvolume has moved", step("set-default")),
    ("8: the state says good", step("replace", "state.json")),
    ("8: the former one has an old entry", step("set-byte", "loader/entries/moult-old-")),
)
RETIRING = (
    ("9: its entry is gone", step("remove", "loader/entries/moult-old-")),
    ("9: its root is gone", step("delete-subvolume", "/root")),
)


class Kill(Cuts):
    """A machine whose blessing starts frozen; what unfreezes it is the test."""

    long = True

    def freeze_and_kill(self, machine, wanted):
        """Let the blessing of this trial go as far as a step, and no further; what was tried."""
        machine.wait_shell(world.BOOT_TIMEOUT)
        line = freeze.lines(machine)
        tried, _, trial = machine.booted()
        self.assertTrue(trial)
        freeze.wait_frozen(machine)
        freeze.until(machine, line, lambda done: done["verb"] == "bless" and wanted(done))
        machine.kill()
        return tried

    def cut_bless(self, machine, wanted):
        """The next boot is of the same generation, and finishes."""
        tried = self.freeze_and_kill(machine, wanted)
        booted, trial = self.boot(machine)
        self.assertEqual(booted, tried)
        if trial:
            freeze.wait_frozen(machine)
            freeze.release(machine)
            self.wait_blessed(machine)
        machine.up()
        self.assert_whole(machine, booted)

    def next_trial(self, machine):
        """Another generation on trial, booted."""
        machine.ok("moult run -- true", world.WORK_TIMEOUT)
        machine.reboot()
        machine.wait_boot(world.BOOT_TIMEOUT)

    def cut_cleanup(self, machine, wanted):
        """Half a generation is retired, none is half there afterwards."""
        current = machine.booted()[0]
        machine.put(b"retention:\n  keep: 0\n", "/etc/moult/moult.d/keep.yaml")
        line = freeze.start(machine, "moult cleanup")
        freeze.until(machine, line, wanted)
        machine.kill()
        self.assertEqual(self.boot(machine), (current, False))
        machine.up()
        self.assert_whole(machine, current)

    def test_while_blessing_and_retiring(self):
        disk = self.disk()
        disk.moult("run", "--", "true")
        with disk.mounted() as top:
            unit = top / "@gens/2/root" / UNIT
            unit.parent.mkdir()
            unit.write_text(freeze.DROP_IN % "/usr/bin/moult internal bless", encoding="ascii")
        with disk.machine() as machine:
            for number, (name, wanted) in enumerate(BLESSING):
                if number:
                    self.next_trial(machine)
                world.say(name)
                self.cut_bless(machine, wanted)
            for name, wanted in RETIRING:
                world.say(name)
                self.cut_cleanup(machine, wanted)
            machine.ok("moult cleanup", world.WORK_TIMEOUT)
            self.assert_whole(machine, machine.booted()[0])
            machine.poweroff()
        self.assertEqual(disk.counted(), [])
        self.assert_clean_esp(disk)


if __name__ == "__main__":
    unittest.main()
