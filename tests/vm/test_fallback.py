"""Generations that fail on trial: the machine comes back by itself, and says why."""

import unittest

import damage
import world

TRIES = 3
NEW_INITRD = "echo 'options skin depth=2' >/etc/modprobe.d/skin.conf && update-initramfs -u"


class Fallback(world.Vm):
    """Generation 2 cannot come up; generation 1 was current before and is current after."""

    def pending(self, command="true"):
        """A disk with generation 2 on trial at the next boot."""
        disk = self.disk()
        disk.moult("run", "--", "sh", "-c", command)
        self.assertEqual(disk.json("status")["next"]["id"], 2)
        return disk

    def boot_and_return(self, machine, tries=TRIES):
        """Nobody touches the machine: it tries, gives up, and is back in generation 1."""
        seen = machine.wait_return(1)
        self.assertFalse(seen[-1][2], "generation 1 is on trial")
        self.assertEqual(machine.boots, tries + 1)
        return [boot for boot in seen if boot[0] == 2]

    def assert_told(self, machine, state, reason):
        """status, list, log and the banner say what failed."""
        failed = machine.generation(2)
        self.assertEqual(failed["state"], state)
        self.assertIn(reason, failed["reason"])
        self.assertEqual(machine.status()["current"], {"id": 1})
        self.assertEqual(machine.status()["next"]["id"], 1)
        for command in ("moult status", "run-parts /etc/update-motd.d"):
            said = " ".join(machine.ok(command).split())
            self.assertIn("generation 2 did not come up", said, command)
            self.assertIn(reason, said, command)
        listed = [line.split() for line in machine.ok("moult list").splitlines()]
        self.assertTrue(any("2" in line and state in line for line in listed), listed)
        self.assert_promises_hold(machine.json("check"))

    def assert_useful(self, disk):
        """The machine is as useful as it was: the next change is tried as if nothing had been."""
        self.assertEqual(disk.counted(), [])
        self.assert_clean_esp(disk)
        disk.moult("run", "--", "true")
        with disk.machine() as machine:
            machine.wait_blessed(3)
            machine.poweroff()

    def test_initrd_damaged_after_publication(self):
        disk = self.pending(NEW_INITRD)
        trial, = disk.counted()
        damage.zero_middle(disk, "initrd", damage.digest_of(disk, "initrd", trial))
        with disk.machine() as machine:
            self.assertEqual(self.boot_and_return(machine), [])
            self.assert_told(machine, "built", "without a verdict")
            machine.poweroff()
        self.assertEqual(disk.counted(), [])
        self.assert_clean_esp(disk)

    def test_init_that_exits(self):
        disk = self.pending()
        with disk.mounted() as top:
            init = top / "@gens/2/root/usr/sbin/init"
            init.unlink()
            init.write_text("#!/bin/sh\nexit 1\n", encoding="ascii")
            init.chmod(0o755)
        with disk.machine() as machine:
            self.assertEqual(self.boot_and_return(machine), [])
            self.assert_told(machine, "built", "without a verdict")
            machine.poweroff()
        self.assertEqual(disk.counted(), [])

    def test_unhealthy(self):
        disk = self.pending(damage.MAKE_UNHEALTHY)
        with disk.machine() as machine:
            self.assertEqual(len(self.boot_and_return(machine)), TRIES)
            self.assert_told(machine, "bad", "the pump is off")
            attempts = machine.generation(2)["attempts"]
            self.assertEqual([attempt["outcome"] for attempt in attempts], ["failed"] * TRIES)
            self.assertIn("the pump is off", machine.ok("moult show 2"))
            machine.poweroff()
        self.assert_useful(disk)

    def test_emergency(self):
        disk = self.pending()
        with disk.mounted() as top, open(top / "@gens/2/root/etc/fstab", "a",
                                         encoding="ascii") as fstab:
            fstab.write("none /data tmpfs size=nonsense 0 0\n")
        with disk.machine() as machine:
            self.boot_and_return(machine)
            self.assert_told(machine, "bad", "emergency")
            machine.poweroff()
        self.assertEqual(disk.counted(), [])

    test_initrd_damaged_after_publication.long = test_unhealthy.long = test_emergency.long = True


if __name__ == "__main__":
    unittest.main()
