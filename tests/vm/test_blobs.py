"""A kernel on the ESP that rots: found, repaired, and never used again as it is."""

import unittest

import damage
import world


class Blobs(world.Vm):
    """The kernel of the only generation is damaged in place."""

    long = True

    def damaged(self):
        """A disk whose current kernel has 64 KiB of zeros within, and the kernel's digest."""
        disk = self.disk()
        name = max(entry for entry in disk.entries() if "old" not in entry)
        digest = damage.digest_of(disk, "linux", name)
        damage.zero_middle(disk, "linux", digest)
        return disk, digest

    def assert_found(self, findings, digest):
        """check names the blob, as an error, with a remedy."""
        found = [finding for finding in findings["findings"]
                 if finding["level"] == "error" and digest in str(finding)]
        self.assertTrue(found, findings)
        self.assertRegex(found[0]["remedy"], r"moult (--sysroot \S+ )?repair$")

    def test_check_and_repair_offline(self):
        disk, digest = self.damaged()
        self.assert_found(disk.json("check", rc=1), digest)
        disk.moult("repair")
        self.assert_promises_hold(disk.json("check"))
        self.assert_clean_esp(disk)
        with disk.machine() as machine:
            machine.wait_shell()
            self.assertEqual(machine.booted()[0], 1)
            machine.poweroff()

    def test_publication_does_not_use_it(self):
        disk, _ = self.damaged()
        disk.moult("run", "--", "true")
        self.assert_promises_hold(disk.json("check"))
        with disk.machine() as machine:
            machine.wait_blessed(2)
            machine.poweroff()

    def test_check_and_repair_inside(self):
        disk = self.disk()
        with disk.machine() as machine:
            machine.wait_shell()
            machine.up()
            kernel = machine.ok("ls /boot/efi/moult/*.linux").split()[0]
            machine.ok(f"dd if=/dev/zero of={kernel} bs=64k seek=40 count=1 conv=notrunc && sync")
            result = machine.run("moult --json check 2>/dev/null", world.WORK_TIMEOUT)
            self.assertEqual(result.rc, 1, result.out)
            self.assertIn(kernel.rpartition("sha256-")[2].partition(".")[0], result.out)
            machine.ok("moult repair", world.WORK_TIMEOUT)
            self.assert_promises_hold(machine.json("check"))
            machine.reboot()
            machine.wait_boot()
            self.assertEqual(machine.booted()[0::2], (1, False))
            machine.poweroff()
        self.assert_clean_esp(disk)


if __name__ == "__main__":
    unittest.main()
