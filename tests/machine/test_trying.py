#!/usr/bin/python3
"""A good generation tries another kernel command line, and an upgrade is made meanwhile.

On the shipped binary and a real Debian root with an archive in it; see world.py and running.py.
"""

import unittest

import running
import world
from world import tearDownModule  # noqa: F401


class Waiting(world.BadDay):
    """One thing is tried at a time, and the rest says so."""

    def newer(self, disk, version):
        """The archive in the machine has another version by now."""
        with disk.pool() as top:
            world.make_deb(top / "@srv/repo", version)
            world.index(top / "@srv/repo")

    def proposing(self):
        """Generation 1 tries another command line, and generation 2 is an upgrade."""
        disk = self.disk("blessed")
        self.newer(disk, world.NEW)
        disk.moult("kargs", "add", "nosmt").ok()
        said = disk.moult("upgrade").ok().out
        self.assertIn("it is tried once the new kernel command line of generation 1 is found good "
                      "or bad", " ".join(said.split()))
        return disk

    def test_an_upgrade_that_waits_is_not_made_twice(self):
        disk = self.proposing()
        before = disk.numbers()
        said = disk.moult("upgrade").ok().out
        self.assertIn("eneration 2 is pending already, and the source has nothing newer",
                      " ".join(said.split()))
        self.assertEqual(set(disk.generations()), {0, 1, 2})
        self.assertEqual(disk.numbers()[1], before[1])
        self.newer(disk, "3.0")
        disk.moult("upgrade").ok()
        newest = max(disk.generations().values(), key=lambda gen: gen["id"])
        self.assertTrue(newest["waiting"])
        self.assertNotIn("tried at the next boot", disk.moult("status").ok().out)
        self.assert_sound(disk)

    def test_people_read_what_waits_and_what_came_to_nothing(self):
        disk = self.proposing()
        self.assertIn("waiting     generation 2 is tried once", disk.moult("status").ok().out)
        self.assertRegex(disk.moult("show", "2").ok().out, "state +waiting")
        with running.Running(disk, "@gens/1/root", trial=True) as system:
            system.mount_data()
            system.moult("internal", "reconcile").ok()
            system.moult("internal", "give-up", "sshd is gone").ok()
        with running.Running(disk, "@gens/1/root") as system:
            system.mount_data()
            system.moult("internal", "reconcile").ok()
        self.assertIn("sshd is gone", disk.moult("show", "1").ok().out)

    def test_it_comes_when_that_was_found_good(self):
        disk = self.proposing()
        running.boot(disk, 1)
        gen = disk.generations()[2]
        self.assertEqual((gen["state"], gen["waiting"], gen["next"]), ("trial", False, True))
        self.assert_sound(disk)


if __name__ == "__main__":
    unittest.main()
