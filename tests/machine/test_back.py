#!/usr/bin/python3
"""Going back: a migrated database, single files, checkpoints, and a disk on which nothing fits.

On the shipped binary and on disks of real machines that are off; see world.py.
"""

import contextlib
import json
import os
import sqlite3
import unittest

import running  # noqa: F401
import world
from rig import image
from rig.command import call
from world import tearDownModule  # noqa: F401

MIB = 1 << 20
ACL = "system.posix_acl_access"
# version 2; user::rw-, user:7:r--, group::r--, mask::r--, other::---
ACL_VALUE = bytes.fromhex("02000000" "0100060000000000" "0200040007000000" "0400040000000000"
                          "1000040000000000" "2000000000000000")
ASIDE = ".moult-before-"


def database(path, *statements):
    """Run statements on a database that keeps a write-ahead log, as daemons do; its version."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        for statement in statements:
            connection.execute(statement)
        connection.commit()
        return connection.execute("PRAGMA user_version").fetchone()[0]


def beside(path):
    """What was kept aside of a path."""
    return [child for child in path.parent.iterdir() if child.name.startswith(path.name + ASIDE)]


class Data(world.BadDay):
    """Data that goes back."""

    def test_a_migrated_database_is_brought_back_and_the_migrated_one_kept(self):
        disk = self.disk("blessed")
        with disk.pool() as top:
            (top / "@var/lib/app").mkdir()
            database(top / "@var/lib/app/db", "CREATE TABLE letter (text)",
                     "INSERT INTO letter VALUES ('first')", "PRAGMA user_version=1")
        disk.moult("run", "--", "true").ok()
        with disk.pool() as top:
            # the first boot does this, before services
            (top / "@gens/2/data").mkdir()
            call("btrfs", "-q", "subvolume", "snapshot", "-r", top / "@var",
                 top / "@gens/2/data/@var")
            (top / "@gens/2/data/taken.json").write_text(json.dumps({"when": 1763847000}))
            # and its daemon this
            database(top / "@var/lib/app/db", "ALTER TABLE letter ADD COLUMN stamp",
                     "INSERT INTO letter VALUES ('second', 'now')", "PRAGMA user_version=2")
        planned = disk.moult("--json", "plan", "rollback", "1", "--data", "var").ok().json
        self.assertEqual(planned["data"][0]["since"], "2025-11-22T21:30:00Z")
        self.assertNotIn("/var", planned["not_rolled_back"])
        done = disk.moult("--json", "rollback", "1", "--data", "var").ok().json
        kept = done["data"][0]["kept_as"]
        with disk.pool() as top:
            self.assertEqual(database(top / "@var/lib/app/db",
                                      "INSERT INTO letter VALUES ('third')"), 1)
            self.assertEqual(database(top / kept / "lib/app/db",
                                      "INSERT INTO letter VALUES ('fourth', 'later')"), 2)
        checked = disk.moult("--json", "check").json["findings"]
        self.assertIn(("DATA_ASIDE", kept),
                      [(finding["code"], finding["object"]) for finding in checked])
        disk.moult("cleanup").ok()
        self.assertIn(kept, " ".join(disk.facts()["subvolumes"]))
        self.assert_sound(disk)

    def test_single_files_come_back_with_all_that_belongs_to_them(self):
        disk = self.disk("blessed")
        disk.moult("checkpoint", "before").ok()
        with disk.pool() as top:
            etc = top / "@gens/1/root/etc"
            (etc / "thing").mkdir()
            secret = etc / "thing/secret"
            secret.write_text("old\n")
            os.chown(secret, 7, 8)
            secret.chmod(0o640)
            os.setxattr(secret, ACL, ACL_VALUE)
            rights = os.getxattr(secret, ACL)
            os.setxattr(secret, "user.note", b"kept")
            os.symlink("/nowhere", etc / "thing/link")
        disk.moult("checkpoint", "with-thing").ok()
        with disk.pool() as top:
            thing = top / "@gens/1/root/etc/thing"
            (thing / "secret").unlink()
            (thing / "secret").write_text("new\n")
            (thing / "link").unlink()
            (top / "@gens/1/root/etc/way").symlink_to("/home")
            (top / "@gens/3/root/etc/way").mkdir()
            (top / "@gens/3/root/etc/way/me").write_text("would land in /home\n")
        for path in ("/etc/way/me", "/etc/../etc/thing", "etc/thing", "/var", "/proc/self",
                     "/usr/lib/sysimage/dpkg/status", "/etc/nothing"):
            with self.subTest(path):
                self.refused(disk, "restore", "with-thing", path, tries="",
                             status=2 if "../" in path or path[0] != "/" else 1)
        disk.moult("restore", "with-thing", "/etc/thing").ok()
        with disk.pool() as top:
            thing = top / "@gens/1/root/etc/thing"
            secret = thing / "secret"
            stat = secret.stat()
            self.assertEqual((secret.read_text(), stat.st_uid, stat.st_gid), ("old\n", 7, 8))
            self.assertEqual(os.getxattr(secret, ACL), rights)
            self.assertEqual(os.getxattr(secret, "user.note"), b"kept")
            self.assertEqual(os.readlink(thing / "link"), "/nowhere")
            [kept] = beside(thing)
            self.assertEqual((kept / "secret").read_text(), "new\n")
        self.assert_sound(disk)


class Full(world.BadDay):
    """A rollback that needs nothing."""

    def fill_data(self, top):
        """Until no byte of data is left, and nothing is unallocated."""
        size, number = 1 << 30, 0
        while size >= 4096:
            path = top / f"fill-{number}"
            fd = os.open(path, os.O_CREAT | os.O_WRONLY)
            try:
                os.posix_fallocate(fd, 0, size)
                number += 1
            except OSError:
                path.unlink()
                size //= 4
            finally:
                os.close(fd)

    def fill_metadata(self, top):
        """Until not even a name can be added, several times over."""
        (top / "small").mkdir()
        refused = number = 0
        while refused < 10:
            try:
                path = top / f"small/{number}"
                path.touch()
                os.setxattr(path, "user.x", b"x" * 3800)
                number += 1
            except OSError:
                refused += 1
                os.sync()
        self.assertGreater(number, 1000)

    def assert_goes_back(self, disk):
        """Without network, and completed once there is room."""
        disk.moult("rollback", "kept", around=("unshare", "--net")).ok()
        generations = disk.generations()
        self.assertEqual([gen["id"] for gen in generations.values() if gen["next"]], [2])
        with disk.pool() as top:
            self.assertEqual(world.default_subvolume(top), "@gens/2/root")
            for path in top.glob("fill-*"):
                path.unlink()
            if (top / "small").exists():
                call("rm", "-r", top / "small")
        if "ballast" in image.esp_list(disk.path):
            self.assertNotIn("reserve", image.esp_list(disk.path, "/moult"))
            image.esp_remove(disk.path, "/ballast")
        disk.moult("repair").ok()
        self.assertIn("reserve", image.esp_list(disk.path, "/moult"))
        self.assertEqual(disk.generations()[2]["state"], "good")
        self.assert_sound(disk)

    def test_with_no_room_for_data(self):
        disk = self.disk("blessed")
        disk.moult("checkpoint", "kept").ok()
        with disk.pool() as top:
            self.fill_data(top)
        self.assert_goes_back(disk)

    def test_with_no_room_on_the_boot_volume(self):
        disk = self.disk("blessed")
        disk.moult("checkpoint", "kept").ok()
        disk.fill_boot(0)
        self.assert_goes_back(disk)

    def test_to_and_fro_with_no_room_on_the_boot_volume(self):
        """What the reserve gave room to is taken away again each time: it is never used up."""
        disk = self.disk("blessed")
        disk.moult("checkpoint", "kept").ok()
        disk.fill_boot(0)
        for number in (2, 1) * 6:
            disk.moult("rollback", number).ok()
            self.assertEqual(disk.moult("--json", "status").ok().json["next"]["id"], number)
        self.assert_goes_back(disk)

    def test_with_no_room_anywhere(self):
        disk = self.disk("blessed")
        disk.moult("checkpoint", "kept").ok()
        disk.fill_boot(0)
        with disk.pool() as top:
            self.fill_data(top)
            self.fill_metadata(top)
        self.assert_goes_back(disk)

    def test_without_the_reserve_it_is_refused_and_nothing_changed(self):
        disk = self.disk("blessed")
        disk.moult("checkpoint", "kept").ok()
        image.esp_remove(disk.path, "/moult/reserve")
        disk.fill_boot(0)
        before = disk.moult("--json", "status").ok().json
        self.assert_sentence(disk.moult("rollback", "kept"), 1, ["is full"], "sudo moult .*cleanup")
        self.assertEqual(disk.moult("--json", "status").ok().json["next"], before["next"])
        with disk.pool(read_only=True) as top:
            self.assertEqual(world.default_subvolume(top), "@gens/1/root")
        image.esp_remove(disk.path, "/ballast")
        disk.moult("rollback", "kept").ok()
        self.assert_sound(disk)

    def test_with_no_room_for_metadata_either(self):
        disk = self.disk("blessed")
        disk.moult("checkpoint", "kept").ok()
        with disk.pool() as top:
            self.fill_data(top)
            self.fill_metadata(top)
        self.assert_goes_back(disk)


class ReadOnly(world.BadDay):
    """A boot volume that takes no writes: nothing by halves, and what can be done is said."""

    def kept(self):
        """A disk with a generation to go back to, and where its ESP is read-only."""
        disk = self.disk("blessed")
        disk.moult("checkpoint", "kept").ok()
        return disk

    def test_the_medium_is_write_protected(self):
        disk = self.kept()
        with image.loop(disk.path, image.esp(disk.path), read_only=True) as device:
            for words in (["rollback", "kept"], ["rollback", "kept", "-n"]):
                before = disk.facts()
                result = disk.moult("--esp", device, *words)
                self.assert_sentence(result, 1, [
                    device, "read-only", "the boot menu starts generation 2 all the same"],
                    "sudo systemctl reboot --boot-loader-menu=60")
                self.assertEqual(disk.facts(), before)
            self.assert_sentence(disk.moult("--esp", device, "run", "--", "true"), 1,
                                 ["read-only"], "")
            found = disk.moult("--esp", device, "--json", "check").json["findings"]
            self.assertIn("ESP_READ_ONLY", {one["code"] for one in found})
            self.assertEqual(disk.moult("--esp", device, "--json", "status").ok().json[
                "next"]["id"], 1)
        # what it says can be done: an entry that the loader need not write to
        self.assertTrue([name for name in image.esp_list(disk.path, "/loader/entries")
                         if name.startswith("moult-old-")])
        disk.moult("rollback", "kept").ok()
        self.assert_sound(disk)

    def test_files_that_call_themselves_read_only(self):
        disk = self.kept()
        drive = f"{disk.path}@@{image.esp(disk.path).offset}"
        for folder in ("/loader", "/loader/entries", "/moult"):
            for name in image.esp_list(disk.path, folder):
                if not name.endswith("/"):
                    call("mattrib", "-i", drive, "+r", f"::{folder}/{name}", env=image.MTOOLS)
        disk.moult("rollback", "kept").ok()
        self.assertEqual(disk.moult("--json", "status").ok().json["next"]["id"], 2)
        disk.moult("repair").ok()
        self.assert_sound(disk)
        self.assert_works(disk)


if __name__ == "__main__":
    unittest.main()
