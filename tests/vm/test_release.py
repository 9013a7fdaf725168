"""From Debian 12 to Debian 13, in the copy."""

import unittest

import world


class Release(world.Vm):
    """A release upgrade is an upgrade like any other, only larger."""

    long = True

    def test_bookworm_to_trixie(self):
        disk = self.disk()
        answer = disk.json("upgrade", "--release", "trixie")
        self.assertEqual((answer["next"]["id"], answer["next"]["trial"]), (2, True))
        with disk.machine() as machine:
            machine.wait_blessed(2)
            self.assertIn("VERSION_CODENAME=trixie", machine.ok("cat /etc/os-release"))
            self.assertEqual(machine.ok("dpkg --audit"), "")
            self.assertTrue(machine.ok("uname -r").startswith("6.12."))
            self.assertEqual(machine.ok("systemctl --failed --quiet --no-pager"), "")
            self.assert_promises_hold(machine.json("check"))
            self.assertEqual(machine.json("rollback 1")["next"]["id"], 1)
            machine.reboot()
            machine.wait_boot()
            machine.up()
            self.assertEqual(machine.booted()[0::2], (1, False))
            self.assertIn("VERSION_CODENAME=bookworm", machine.ok("cat /etc/os-release"))
            self.assertEqual(machine.ok("systemctl --failed --quiet --no-pager"), "")
            machine.poweroff()
        self.assert_clean_esp(disk)


if __name__ == "__main__":
    unittest.main()
