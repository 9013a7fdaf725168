#!/usr/bin/python3
"""Small disks: adopted, upgraded, blessed and rolled back, and what `check` says of them.

On the shipped binary and a real Debian root, whose files are compressed where the disk is small;
see world.py and running.py.
"""

import os
import pathlib
import tempfile
import unittest
import uuid

import world
from rig import image
from rig.command import call
from running import Running, boot
from world import MIB, tearDownModule  # noqa: F401


class Small(world.BadDay):
    """Everything that a machine goes through, where there is little room for it."""

    def partition(self, path, esp_mib, pool_mib):
        """An empty disk: an ESP, and a Btrfs as mkfs.btrfs makes it."""
        with open(path, "wb") as file:
            file.truncate((esp_mib + pool_mib + 2) * MIB)
        call("sfdisk", "--quiet", path, input=(
            f"label: gpt\nstart=1MiB, size={esp_mib}MiB, type={image.ESP_TYPE}\n"
            f"size={pool_mib}MiB, type={image.LINUX_TYPE}\n").encode())
        part = image.esp(path)
        call("mkfs.vfat", "-F", "32", "-s", "1", "--offset", str(part.offset // 512), path,
             str(part.size // 1024))
        with image.loop(path, image.root(path)) as device:
            call("mkfs.btrfs", "--quiet", "--nodiscard", "--uuid", str(uuid.uuid4()), device)

    def names(self, path):
        """What its file systems are called: (Btrfs, ESP)."""
        with image.loop(path, image.esp(path), read_only=True) as device:
            esp = call("blkid", "-p", "-o", "value", "-s", "UUID", device).decode().strip()
        return image.btrfs_uuid(path), esp

    def rename(self, folder, files, renamed):
        """In these files each name by the other."""
        for name in files:
            text = (folder / name).read_text()
            for old, new in renamed:
                text = text.replace(old, new)
            (folder / name).write_text(text)

    def made_small(self, pool_mib, esp_mib):
        """The fresh disk's system on a smaller one."""
        large, small = world.made("fresh"), world.made.place / f"{self.id()}.img"
        self.addCleanup(small.unlink, missing_ok=True)
        self.partition(small, esp_mib, pool_mib)
        renamed = list(zip(self.names(large), self.names(small)))
        with tempfile.TemporaryDirectory(dir=world.made.place) as scratch:
            files = pathlib.Path(scratch)
            tar = files.parent / f"{files.name}.tar"
            self.addCleanup(tar.unlink, missing_ok=True)
            with image.mounted(large, read_only=True) as top:
                call("tar", "-C", top / "@rootfs", "--xattrs", "--xattrs-include=*", "-cf", tar,
                     ".")
            drive = f"{large}@@{image.esp(large).offset}"
            call("mcopy", "-i", drive, "-s", "-Q", "::/", files, env=image.MTOOLS)
            self.rename(files, [path.relative_to(files) for path in files.rglob("*.conf")],
                        renamed)
            image.esp_add_tree(small, files)
        with image.mounted(small, "compress-force=zstd") as top:
            root = top / "@rootfs"
            call("btrfs", "-q", "subvolume", "create", root)
            call("tar", "-C", root, "--xattrs", "--xattrs-include=*", "-xf", tar)
            self.rename(root, ("etc/fstab", "etc/kernel/cmdline"), [
                *renamed, (" / btrfs defaults", " / btrfs defaults,compress=zstd")])
            world.install_repository(root)
        return world.Disk(small)

    def newer(self, disk, version):
        """The archive in the machine has another version by now."""
        with disk.pool() as top:
            world.make_deb(top / "@srv/repo", version)
            world.index(top / "@srv/repo")

    def findings(self, disk):
        """Of `check`, by code; no errors are among them."""
        found = disk.moult("--json", "check").ok().json["findings"]
        self.assertEqual([one for one in found if one["level"] == "error"], [])
        return {one["code"]: one for one in found}

    def fill(self, disk):
        """Every byte that data can take."""
        with disk.pool() as top:
            size, number = 256 * MIB, 0
            while size >= 4096:
                fd = os.open(top / f"@srv/fill-{number}", os.O_CREAT | os.O_WRONLY)
                try:
                    os.posix_fallocate(fd, 0, size)
                    number += 1
                except OSError:
                    size //= 4
                finally:
                    os.close(fd)

    def assert_lives(self, disk):
        """Adopted while it runs, upgraded twice, rolled back, cleaned up, and full in the end."""
        with Running(disk, "@rootfs") as system:
            system.moult("init").ok()
        with Running(disk, "@gens/1/root", trial=True) as system:
            system.moult("internal", "carve").ok()
            system.mount_data()
            system.moult("internal", "reconcile").ok()
            system.moult("internal", "bless").ok()
        with Running(disk, "@gens/1/root") as system:
            system.moult("internal", "prune").ok()
        for number, version in ((2, world.NEW), (3, "3.0")):
            self.newer(disk, version)
            disk.moult("upgrade").ok()
            boot(disk, number)
        disk.moult("run", "--", "touch", "/etc/ran").ok()
        disk.moult("rollback", "2").ok()
        disk.moult("checkpoint", "kept").ok()
        disk.moult("cleanup").ok()
        found = self.findings(disk)
        self.fill(disk)
        self.assertIn("DATA_SPACE", self.findings(disk))
        self.assert_sentence(disk.moult("upgrade"), 1, ["MiB left for data"], "sudo ")
        disk.moult("rollback", "kept", around=("unshare", "--net")).ok()
        disk.moult("rollback", "2", around=("unshare", "--net")).ok()
        self.assertEqual(disk.moult("--json", "status").ok().json["next"]["id"], 2)
        with disk.pool() as top:
            for path in (top / "@srv").glob("fill-*"):
                path.unlink()
        disk.moult("repair").ok()
        self.assert_sound(disk)
        return found

    def test_two_gib_are_ample(self):
        found = self.assert_lives(self.made_small(2048, 272))
        for code in ("SMALL_POOL", "DATA_SPACE", "METADATA_SPACE", "ESP_ROOM"):
            self.assertNotIn(code, found)

    def test_half_a_gib_holds_a_machine_and_check_says_what_of_it_holds(self):
        found = self.assert_lives(self.made_small(512, 128))
        self.assertRegex(found["SMALL_POOL"]["why"],
                         r"512 MiB in all: a rollback to a good generation works also when it is "
                         r"full, but an upgrade wants 64 MiB of it free for data "
                         r"\(there are \d+\) and 16 MiB for metadata \(\d+\)")


if __name__ == "__main__":
    unittest.main()
