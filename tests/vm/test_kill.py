"""The power goes at each row of the table in docs/design/layout.md, while moult does that row.

What the guest has not written by then is lost with its memory.  After each cut the machine boots
the old generation or the new one, nothing else, and the next run works: it is the next row's.
Rows 8 and 9 are in test_kill_bless.py.
"""

import unittest

import freeze
import world
from cuts import EITHER, NEW, OLD, Cuts, step

NEW_INITRD = "echo options skin depth=%d >/etc/modprobe.d/skin.conf && update-initramfs -u"
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


class Kill(Cuts):
    """From the private copy to the counted boot."""

    def cut_run(self, machine, before, row):
        """Make a generation inside, take the power away behind a step, boot again."""
        name, wanted, expected = row
        world.say(name)
        command = f"sh -c '{NEW_INITRD % before}'" if name.startswith("3") else "true"
        line = freeze.start(machine, f"moult run --replace -- {command}")
        freeze.until(machine, line, wanted)
        machine.kill()
        return self.boot_after_cut(machine, before, expected)

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

    test_while_making_and_publishing.long = test_while_the_loader_counts.long = True


if __name__ == "__main__":
    unittest.main()
