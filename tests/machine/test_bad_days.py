#!/usr/bin/python3
"""What moult refuses, and what it says: wrong disks, broken layouts, no space, bad packages.

On the shipped binary and on disks of real machines that are off; see world.py.
"""

import contextlib
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import unittest

import world
from rig import image
from rig.command import call
from rig.fat import Fat32
from world import MIB, NAME, NEW, tearDownModule  # noqa: F401

NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
LINUX_GPT = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
STATUS = "usr/lib/sysimage/dpkg/status"
# What moult keeps free by itself; see moult.yaml(5).
MARGIN_MIB = 512


class NotAMachine(world.BadDay):
    """Things that are no Btrfs, given as --sysroot."""

    def setUp(self):
        place = tempfile.TemporaryDirectory(dir=world.made.place)
        self.addCleanup(place.cleanup)
        self.place = pathlib.Path(place.name)

    def cannot(self, path, *says, tries=""):
        """Every kind of command says the same of it, and leaves the file alone."""
        path = pathlib.Path(path)
        before = path.read_bytes() if path.is_file() else None
        disk = world.Disk(path)
        for words in (["status"], ["check"], ["init"], ["upgrade"], ["rollback"]):
            with self.subTest(path=path, words=words):
                result = disk.moult(*words)
                self.assert_sentence(result, 1, [path.name, *says], tries)
                self.assertEqual(result.out, "")
        self.assert_free(disk)
        self.assertEqual(path.read_bytes() if path.is_file() else None, before)

    def file(self, name, size_mib):
        """An empty image."""
        path = self.place / name
        with open(path, "wb") as file:
            file.truncate(size_mib * MIB)
        return path

    def test_ext4_image(self):
        path = self.file("ext4.img", 64)
        call("mkfs.ext4", "-q", path)
        self.cannot(path, "ext4", "not Btrfs")

    def test_directory_on_tmpfs(self):
        image.private_mounts()
        path = self.place / "memory"
        path.mkdir()
        call("mount", "-t", "tmpfs", "memory", path)
        self.addCleanup(call, "umount", path)
        self.cannot(path, "tmpfs", "not on Btrfs")

    def test_empty_file(self):
        self.cannot(self.file("nothing.img", 0))
        self.cannot(self.file("zeros.img", 8))

    def test_missing_path(self):
        self.cannot(self.place / "gone.img", "No such file")

    def test_pipe(self):
        path = self.place / "pipe"
        os.mkfifo(path)
        self.cannot(path, "neither a directory nor a block device nor an image file")

    def test_disk_without_btrfs(self):
        path = self.file("disk.img", 64)
        call("sfdisk", "--quiet", path, input=b"label: gpt\nsize=32MiB, type=" +
             image.ESP_TYPE.encode() + b"\ntype=" + LINUX_GPT.encode() + b"\n")
        self.cannot(path, "Btrfs")

    def test_damaged_btrfs(self):
        path = self.file("torn.img", 256)
        call("mkfs.btrfs", "--quiet", path)
        with open(path, "r+b") as file:
            file.seek(0x10000 + 0x50)
            file.write(struct.pack("<Q", 1 << 40))
        self.cannot(path)


class NotRoot(world.BadDay):
    """Nobody may look at disks."""

    def test_not_root(self):
        disk = world.Disk(pathlib.Path("/nonexistent.img"))
        for words in (["list"], ["init"], ["upgrade"], ["run", "--", "true"], ["rollback"]):
            with self.subTest(words=words):
                result = disk.moult(*words, around=NOBODY)
                self.assert_sentence(result, 1, ["root"], f"sudo moult .*{words[0]}")

    def test_not_root_without_snapshot(self):
        result = subprocess.run([*NOBODY, world.MOULT, "upgrade"], text=True, check=False,
                                capture_output=True)
        self.assert_sentence(world.Result(result.returncode, result.stdout, result.stderr), 1,
                             ["root"], "sudo moult upgrade")


class Layout(world.BadDay):
    """Systems that cannot be adopted, or not upgraded, as they are laid out."""

    def nest(self, disk, root, inside, text=None):
        """A subvolume in a root, with or without a file in it."""
        with disk.pool() as top:
            place = top / root / inside
            place.parent.mkdir(parents=True, exist_ok=True)
            if place.exists():
                place.rmdir()
            call("btrfs", "subvolume", "create", place)
            if text is not None:
                (place / "file").write_text(text)

    def test_nested_subvolume_before_adoption(self):
        disk = self.disk("fresh")
        self.nest(disk, "@rootfs", "var/lib/docker", "an image")
        self.refused(disk, "init", says=("/var/lib/docker", "docker", "subvolume inside the root"),
                     tries="sudo btrfs subvolume delete /var/lib/docker")
        self.refused(disk, "init", "--dry-run", says=("/var/lib/docker",), tries="sudo ")

    def test_empty_nested_subvolume_is_no_obstacle(self):
        disk = self.disk("fresh")
        self.nest(disk, "@rootfs", "var/lib/machines")
        disk.moult("init").ok()
        self.assert_sound(disk)
        with disk.pool(read_only=True) as top:
            self.assertTrue((top / "@var/lib/machines").is_dir())

    def test_protected_files_are_no_obstacle(self):
        # where each is in the end: what chattr said of it holds there, and in the original
        protected = {"": "@gens/1/root", "etc/fstab": "@gens/1/root/etc/fstab",
                     "etc/resolv.conf": "@gens/1/root/etc/resolv.conf",
                     "etc/systemd/system": "@gens/1/root/etc/systemd/system",
                     "var/lib/dpkg/info": "@gens/1/root/usr/lib/sysimage/dpkg/info",
                     "home/file": "@home/file", "home/u/file": "@home/u/file",
                     "usr/local/bin/own": "@usr-local/bin/own", "var/empty": "@var/empty",
                     "srv": "@srv"}
        disk = self.disk("fresh")
        disk.write("@rootfs", dict.fromkeys(("etc/resolv.conf", "home/file", "home/u/file",
                                             "usr/local/bin/own"), "mine\n"))
        with disk.pool() as top:
            (top / "@rootfs/var/empty").mkdir(exist_ok=True)
            call("chattr", "+i", *(top / "@rootfs" / name for name in protected))
        disk.moult("init").ok()
        with disk.pool(read_only=True) as top:
            for name, place in protected.items():
                for path in (top / "@rootfs" / name, top / place):
                    self.assertIn("i", call("lsattr", "-d", path).decode().split()[0], path)
            self.assertEqual((top / "@home/u/file").read_text(), "mine\n")
            self.assertIn("@var", (top / "@gens/1/root/etc/fstab").read_text())
            self.assertEqual(list((top / "@gens/1/root/home").iterdir()), [])
        self.assert_sound(disk)
        self.assert_works(disk)

    def test_nested_subvolume_before_upgrade(self):
        disk = self.disk()
        self.nest(disk, "@gens/1/root", "opt/own", "mine")
        self.refused(disk, "upgrade", says=("/opt/own", "missing in every new generation"),
                     tries="sudo btrfs subvolume delete /opt/own")
        self.refused(disk, "run", "--", "true", says=("/opt/own",), tries="sudo ")

    def test_separate_boot(self):
        disk = self.disk("fresh")
        fstab = disk.read("@rootfs/etc/fstab") + "UUID=1234-ABCD /boot ext4 defaults 0 2\n"
        disk.write("@rootfs", {"etc/fstab": fstab})
        self.refused(disk, "init", says=("/boot is a file system of its own",
                                         f"/etc/fstab:{fstab.count(chr(10))}"),
                     tries="sudoedit /etc/fstab")

    def test_subvolume_in_fstab_of_a_generation(self):
        disk = self.disk()
        lines = disk.read("@gens/1/root/etc/fstab").splitlines()
        number = next(i for i, line in enumerate(lines) if line.split()[1:2] == ["/"])
        fields = lines[number].split()
        for option in ("subvol=@rootfs", "subvolid=256"):
            fields[3] = f"defaults,{option}"
            lines[number] = " ".join(fields)
            disk.write("@gens/1/root", {"etc/fstab": "\n".join(lines) + "\n"})
            self.refused(disk, "upgrade", says=(f"/etc/fstab:{number + 1}", option.split("=")[0]),
                         tries="sudoedit /etc/fstab")

    def test_fstab_that_is_no_text(self):
        disk = self.disk("fresh")
        disk.write("@rootfs", {"etc/fstab": os.urandom(3000) + b"\0" * 5000})
        self.refused(disk, "init", says=("/etc/fstab",), tries="sudo")

    def test_no_system(self):
        disk = self.disk("fresh")
        with disk.pool() as top:
            (top / "@rootfs/etc/fstab").unlink()
        self.refused(disk, "init", says=("no root file system",), tries="sudo btrfs subvolume list")

    def test_without_the_package(self):
        disk = self.disk("fresh")
        with disk.pool() as top:
            call("chroot", top / "@rootfs", "dpkg", "--purge", "--force-depends", "moult")
        self.refused(disk, "init", says=("package moult is not installed",),
                     tries="sudo apt-get install")

    def test_before_adoption(self):
        disk = self.disk("fresh")
        for words in (["upgrade"], ["run", "--", "true"], ["rollback"], ["cleanup"], ["pin", "1"],
                      ["repair"], ["init", "--undo"]):
            with self.subTest(words=words):
                self.refused(disk, *words, says=("not looked after by moult",),
                             tries="sudo moult .*init --dry-run")

    def test_adopted_twice(self):
        self.refused(self.disk(), "init", says=("adopted already",), tries="(sudo )?moult .*status")

    def test_no_such_generation(self):
        disk = self.disk()
        for which in ("99", "nosuch", "18446744073709551616", "-1", "1x"):
            with self.subTest(which=which):
                before = disk.facts()
                result = disk.moult("rollback", "--", which)
                self.assert_sentence(result, result.status, [which], "")
                self.assertIn(result.status, (1, 2))
                self.assertEqual(disk.facts(), before)


class BootVolume(world.BadDay):
    """An EFI system partition that is not there, read-only, full, damaged, or another loader's."""

    def test_no_esp(self):
        disk = self.disk("fresh")
        call("sfdisk", "--quiet", "--part-type", disk.path, "1", LINUX_GPT)
        result = disk.moult("init")
        self.assert_sentence(result, 1, ["EFI system partition"], "")
        self.assert_free(disk)

    def test_esp_is_no_fat(self):
        disk = self.disk("fresh")
        with open(disk.path, "r+b") as file:
            file.seek(image.esp(disk.path).offset)
            file.write(bytes(MIB))
        result = disk.moult("init")
        self.assert_sentence(result, 1, ["EFI system partition"], "")
        self.assert_free(disk)

    def test_read_only_disk(self):
        disk = self.disk()
        before = disk.facts()
        device = call("losetup", "--find", "--show", "--read-only", disk.path).decode().strip()
        try:
            for words in (["run", "--", "true"], world.TO_ORIGINAL, ["init", "--undo"]):
                with self.subTest(words=words):
                    result = world.Disk(device).moult(*words)
                    self.assert_sentence(result, 1, ["read-only"], "")
            world.Disk(device).moult("list").ok()
        finally:
            call("losetup", "--detach", device)
        self.assertEqual(disk.facts(), before)

    def test_read_only_esp(self):
        disk = self.disk()
        with image.loop(disk.path, image.esp(disk.path), read_only=True) as device:
            for words in (["run", "--", "true"], world.TO_ORIGINAL):
                with self.subTest(words=words):
                    before = disk.facts()
                    result = disk.moult("--esp", device, *words)
                    self.assert_sentence(result, 1, ["read-only"], "")
                    self.assertEqual(disk.facts(), before)

    def test_full_before_adoption(self):
        disk = self.disk("fresh")
        disk.fill_boot(20)
        self.refused(disk, "init", says=("EFI system partition", "MiB free"), tries="sudo ")

    def test_full_before_upgrade(self):
        disk = self.disk()
        disk.fill_boot(1)
        self.refused(disk, "run", "--", "true", says=("EFI system partition", "MiB free"),
                     tries="sudo moult .*cleanup")

    def test_rolling_back_on_a_full_one(self):
        disk = self.disk()
        disk.fill_boot(0)
        disk.moult(*world.TO_ORIGINAL).ok()
        status = disk.moult("--json", "status").ok().json
        self.assertEqual(status["next"]["id"], 0)

    def damage_esp(self, disk):
        """Two files on one chain of clusters."""
        with Fat32(disk.path, image.esp(disk.path).offset) as fat:
            entry = fat.find("/loader/loader.conf")
            other = fat.find("/EFI/BOOT/BOOTX64.EFI")
            fat._set_next(entry.cluster, fat.chain(other.cluster)[1])

    def test_damaged_before_adoption(self):
        disk = self.disk("fresh")
        self.damage_esp(disk)
        self.refused(disk, "init", says=("EFI system partition", "damaged"), tries=".*fsck.fat")

    def test_damaged_before_upgrade(self):
        disk = self.disk()
        self.damage_esp(disk)
        self.refused(disk, "run", "--", "true", says=("EFI system partition", "damaged"),
                     tries=".*fsck.fat")

    def remove_loader(self, disk):
        """No systemd-boot on the ESP any more."""
        for path in ("/EFI/systemd/systemd-bootx64.efi", "/EFI/BOOT/BOOTX64.EFI"):
            image.esp_remove(disk.path, path)

    def test_grub(self):
        disk = self.disk("fresh")
        self.remove_loader(disk)
        call("mmd", "-i", f"{disk.path}@@{image.esp(disk.path).offset}", "::/EFI/debian",
             env=image.MTOOLS)
        image.esp_write(disk.path, "/EFI/debian/grubx64.efi", b"MZ GRUB")
        self.refused(disk, "init", says=("GRUB", "systemd-boot"),
                     tries="sudo moult .*init --loader systemd-boot")

    def test_no_loader(self):
        disk = self.disk("fresh")
        self.remove_loader(disk)
        self.refused(disk, "init", says=("no systemd-boot",), tries="sudo bootctl install")


class Space(world.BadDay):
    """A Btrfs without room. Going back works all the same."""

    def fill_data(self, disk, left_mib):
        """Real data, of which so much stays free."""
        with disk.pool() as top:
            free = shutil.disk_usage(top).free
            with open("/dev/urandom", "rb") as random, open(top / "@srv/ballast", "wb") as ballast:
                block = random.read(MIB)
                for number in range(max(free // MIB - left_mib, 0)):
                    try:
                        ballast.write(number.to_bytes(8, "big") + block[8:])
                    except OSError:
                        break
                with contextlib.suppress(OSError):
                    os.fsync(ballast.fileno())

    def fill_metadata(self, disk):
        """Nothing unallocated, then small files that live in the metadata until none fits."""
        self.fill_data(disk, 0)
        with disk.pool() as top:
            (top / "@srv/small").mkdir()
            try:
                for number in range(2_000_000):
                    (top / f"@srv/small/{number:x}").write_bytes(b"x" * 1900)
            except OSError:
                pass

    def assert_returns(self, disk):
        """Rolling back needs no space, twice, and holds when there is space again."""
        for again in (world.TO_ORIGINAL, world.TO_ORIGINAL):
            disk.moult(*again).ok()
            self.assert_boots(disk, 0)
        with disk.pool() as top:
            shutil.rmtree(top / "@srv/small", ignore_errors=True)
            (top / "@srv/ballast").unlink()
        disk.moult("repair").ok()
        self.assert_boots(disk, 0)
        self.assertEqual(disk.generations()[1]["state"], "built")
        self.assert_works(disk)

    def assert_boots(self, disk, number):
        """It is current, and next."""
        status = disk.moult("--json", "status").ok().json
        self.assertEqual((status["current"]["id"], status["next"]["id"]), (number, number))
        self.assert_free(disk)

    def test_no_data(self):
        disk = self.disk()
        self.fill_data(disk, MARGIN_MIB // 4)
        for words in (["upgrade"], ["run", "--", "true"]):
            self.refused(disk, *words, says=("MiB left for data", "wants 512 MiB"), tries="sudo ")
        self.assert_returns(disk)

    def test_no_data_at_all(self):
        disk = self.disk()
        self.fill_data(disk, 0)
        self.refused(disk, "upgrade", says=("MiB left for data",), tries="sudo ")
        self.assert_returns(disk)

    def test_no_metadata(self):
        disk = self.disk()
        self.fill_metadata(disk)
        self.refused(disk, "run", "--", "true", says=("MiB left for metadata",), tries="sudo ")
        self.assert_returns(disk)

    def test_filled_by_the_command(self):
        disk = self.disk()
        result = self.failed(disk, "run", "--", "dd", "if=/dev/urandom", "of=/opt/ballast", "bs=1M",
                             says=("dd", "status 1"))
        self.assertIn("No space left on device", result.err)
        self.assert_works(disk)

    def test_no_data_before_adoption(self):
        disk = self.disk("fresh")
        with disk.pool() as top:
            call("btrfs", "subvolume", "create", top / "@srv")
        self.fill_data(disk, MARGIN_MIB // 4)
        self.refused(disk, "init", says=("MiB left for data",), tries="sudo ")


if __name__ == "__main__":
    unittest.main(verbosity=2)
