"""Disks with GRUB, as the installer leaves them: systemd-boot beside it, and back, offline."""

import pathlib
import tempfile
import unittest
import uuid

import world
from recipe import Spec, build
from rig import cache, image
from world import tearDownModule  # noqa: F401  pylint: disable=unused-import

LOADER, FALLBACK = "/EFI/systemd/systemd-bootx64.efi", "/EFI/BOOT/BOOTX64.EFI"
PACKAGED = "usr/lib/systemd/boot/efi/systemd-bootx64.efi"


class Grub(world.BadDay):
    """A machine that boots by GRUB; each test has its own disk."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.made = pathlib.Path(cls.enterClassContext(
            tempfile.TemporaryDirectory(dir=cache.folder("scratch")))) / "grub.img"
        name = cache.digest("deb", [(str(p.relative_to(world.TOP)), p.read_bytes())
                                    for p in world._sources()])
        with cache.entry("packages", f"{name}.deb", world._build_package) as package:
            deb = cls.made.with_name("moult_0_amd64.deb")
            deb.write_bytes(package.read_bytes())
            build(Spec(security=False, debs=(deb,), size=world.SIZE, esp_size=world.ESP_SIZE,
                       loader="grub", include=("systemd-boot-efi",), salt=str(uuid.uuid4())),
                  cls.made)

    def grub(self):
        """A private copy of the disk."""
        folder = self.enterContext(tempfile.TemporaryDirectory(dir=self.made.parent))
        path = pathlib.Path(folder) / "disk.img"
        cache.copy(self.made, path)
        return world.Disk(path)

    def test_there_and_back(self):
        disk = self.grub()
        before = world.boot_files(disk.path)
        with disk.pool(read_only=True) as top:
            program = (top / "@rootfs" / PACKAGED).read_bytes()
            original = world.tree(top / "@rootfs")
        self.refused(disk, "init", says=("boots by GRUB", "GRUB is kept"),
                     tries=r"sudo moult --sysroot \S+ init --loader systemd-boot")
        disk.moult("init", "--loader", "systemd-boot").ok()
        self.assertEqual(image.esp_read(disk.path, LOADER), program)
        self.assertEqual(image.esp_read(disk.path, FALLBACK), program)
        after = world.boot_files(disk.path)
        self.assertEqual({name: after.get(name) for name in before}, before)
        for entry in ("moult-000000.conf", "moult-000001+3-0.conf"):
            text = image.esp_read(disk.path, f"/loader/entries/{entry}").decode()
            self.assertIn("console=tty0 console=ttyS0,115200 quiet", text)
        with disk.pool(read_only=True) as top:
            self.assertFalse((top / "@gens/1/root/boot/grub/grub.cfg").exists())
            self.assertTrue((top / "@gens/1/root/etc/default/grub.d/moult.cfg").exists())
            self.assertEqual(world.tree(top / "@rootfs"), original)
        disk.moult("init", "--undo").ok()
        self.assertEqual(world.boot_files(disk.path), before)

    def test_a_fallback_that_cannot_change_places_stays(self):
        disk = self.grub()
        fat = ["mmd", "-i", f"{disk.path}@@{image.esp(disk.path).offset}", "::/EFI/BOOT"]
        world.call(*fat, env=image.MTOOLS)
        image.esp_write(disk.path, FALLBACK, b"MZ shim")
        before = world.boot_files(disk.path)
        result = disk.moult("init", "--loader", "systemd-boot").ok()
        said = " ".join((result.out + result.err).split())
        # with FAT in the kernel they change places, without it the name stays
        if image.esp_read(disk.path, FALLBACK) == b"MZ shim":
            self.assertIn("stays the former loader's", said)
        else:
            kept = image.esp_read(disk.path, "/EFI/BOOT/moult-kept.efi")
            self.assertEqual(kept, b"MZ shim")
        disk.moult("init", "--undo").ok()
        self.assertEqual(world.boot_files(disk.path), before)

    def test_without_its_package(self):
        disk = self.grub()
        disk.write("@rootfs", {PACKAGED: None})
        self.refused(disk, "init", "--loader", "systemd-boot", says=("systemd-boot-efi",),
                     tries="sudo apt install systemd-boot-efi")

    def test_an_upgrade_of_grub_in_the_stage(self):
        """Its scripts run in the copy: nothing of it reaches the ESP, and nothing fails."""
        disk = self.grub()
        disk.moult("init", "--loader", "systemd-boot").ok()
        before = world.boot_files(disk.path)
        disk.moult("--accept", "DATA_CHANGE", "run", "--", "sh", "-c",
                   "dpkg-reconfigure -fnoninteractive grub-efi-amd64 && "
                   "run-parts --arg=6.1 /etc/kernel/postinst.d --regex=grub && "
                   "test ! -e /boot/grub/grub.cfg", timeout=900).ok()
        after = world.boot_files(disk.path)
        grub = {name: digest for name, digest in before.items() if "/EFI/" in name}
        self.assertEqual({name: after.get(name) for name in grub}, grub)


if __name__ == "__main__":
    unittest.main()
