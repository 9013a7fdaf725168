"""A disk as the installer leaves it, with GRUB: moved to systemd-boot, and back."""

import pathlib
import tempfile
import unittest

import world
from recipe import Spec, build
from rig import cache, variables

LOADER = "EFI/systemd/systemd-bootx64.efi"
GRUB = ("EFI/debian/grubx64.efi", "EFI/debian/shimx64.efi", "EFI/debian/grub.cfg")


class Grub(world.Vm):
    """One machine; its firmware has one entry, GRUB's."""

    long = True

    def grub_disk(self):
        """Debian with GRUB, the package of this tree, and systemd-boot's program in its package."""
        folder = self.enterContext(tempfile.TemporaryDirectory(dir=cache.folder("scratch")))
        path = pathlib.Path(folder) / "disk.img"
        with cache.entry("packages", f"{world._package_name()}.deb",
                         world._build_package) as package:
            deb = pathlib.Path(folder) / "moult_0_amd64.deb"
            deb.write_bytes(package.read_bytes())
            build(Spec(suite=self.suite, security=False, debs=(deb,), loader="grub",
                       include=("systemd-boot-efi",)), path)
        return world.Disk(path, self.binary, self.log)

    def order(self, disk):
        """The labels of the firmware's boot order, while the machine is off."""
        kept = f"{disk.path}.vars"
        labels = variables.boot_options(kept)
        return [labels[number] for number in variables.boot_order(kept) if number in labels]

    def digests(self, machine):
        """What GRUB has on the ESP."""
        return machine.ok("cd /boot/efi && sha256sum " + " ".join(GRUB))

    def adopt(self, disk):
        """Offline; without the option it is refused, with the command that helps."""
        refused = disk.moult("init", rc=1)
        self.assertEqual(refused, "")
        planned = disk.json("init", "--loader", "systemd-boot", "--dry-run")
        notes = " ".join(planned["notes"])
        self.assertIn("MiB free", notes)
        self.assertIn("GRUB stays as it is", notes)
        disk.moult("init", "--loader", "systemd-boot")
        self.assertEqual(self.order(disk)[0], "debian")

    def move(self, machine):
        """GRUB boots the original still; there the firmware is told."""
        machine.wait_shell(world.BOOT_TIMEOUT)
        machine.up()
        self.assertNotIn("moult.gen", machine.ok("cat /proc/cmdline"))
        self.assertIn("subvol=/@rootfs", machine.ok("findmnt -no OPTIONS /"))
        before = self.digests(machine)
        machine.run("moult repair", world.WORK_TIMEOUT)
        self.assertRegex(machine.ok("efibootmgr"), r"BootOrder: [0-9A-F]{4},")
        machine.reboot()
        machine.wait_blessed(1)
        self.assertIn("console=ttyS0,115200", machine.ok("cat /proc/cmdline"))
        self.assertEqual(machine.ok("systemctl --failed --quiet --no-pager"), "")
        self.assert_promises_hold(machine.json("check"))
        self.assertEqual(self.digests(machine), before)
        return before

    def reinstall_grub(self, machine, before):
        """Its packages leave the ESP and the firmware alone in a generation."""
        order = machine.ok("efibootmgr | grep BootOrder")
        machine.ok("dpkg-reconfigure -fnoninteractive grub-efi-amd64 2>&1", world.WORK_TIMEOUT)
        self.assertEqual(machine.ok("efibootmgr | grep BootOrder"), order)
        self.assertEqual(self.digests(machine), before)
        self.assertNotEqual(machine.run("test -e /boot/grub/grub.cfg").rc, 0)

    def test_there_and_back(self):
        disk = self.grub_disk()
        self.assertEqual(self.order(disk), ["debian"])
        self.adopt(disk)
        with disk.machine() as machine:
            before = self.move(machine)
            self.reinstall_grub(machine, before)
            world.say("back to GRUB")
            answer = machine.json("init --undo")
            self.assertEqual(answer["outcome"], "done")
            self.assertEqual(self.digests(machine), before)
            self.assertNotEqual(machine.run(f"test -e /boot/efi/{LOADER}").rc, 0)
            machine.reboot()
            machine.wait_boot(world.BOOT_TIMEOUT)
            machine.up()
            self.assertNotIn("moult.gen", machine.ok("cat /proc/cmdline"))
            self.assertIn("subvol=/@rootfs", machine.ok("findmnt -no OPTIONS /"))
            self.assertNotIn("moult", machine.ok("efibootmgr"))
            machine.poweroff()
        self.assertEqual(self.order(disk)[0], "debian")
        self.assertEqual(disk.entries(), [])
        self.assert_clean_esp(disk)


class GrubOfDebian13(Grub):
    """The same with the next release's shim, GRUB and systemd-boot."""

    suite = "trixie"


if __name__ == "__main__":
    unittest.main()
