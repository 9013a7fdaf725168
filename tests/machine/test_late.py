#!/usr/bin/python3
"""What was edited after a generation was staged, on real file systems with real packages.

Generation 1 is the one that "runs": the disk is off, so the tests write into its root as its owner
would.  Generation 2 is staged from it and on trial.  See world.py for the rest.
"""

import contextlib
import os
import pathlib
import stat
import struct
import time
import unittest

import world
from rig.command import call
from world import tearDownModule  # noqa: F401

FROM, TO = "@gens/1/root", "@gens/2/root"
# As the kernel keeps it: version 2, user::rw-, user:1000:rw-, group::r--, mask::rw-, other::r--.
ACL = struct.pack("<I", 2) + b"".join(
    struct.pack("<HHI", tag, permission, who) for tag, permission, who in (
        (1, 6, 0xffffffff), (2, 6, 1000), (4, 4, 0xffffffff), (16, 6, 0xffffffff),
        (32, 4, 0xffffffff)))
# cap_net_bind_service+ep, version 2
CAPABILITY = struct.pack("<5I", 0x02000001, 1 << 10, 0, 0, 0)
PROGRAM = "tells when it was run"


def looks(path):
    """All that one could miss of it: of a directory no times, which say when it was put there."""
    at = os.lstat(path)
    content = os.readlink(path) if stat.S_ISLNK(at.st_mode) else \
        path.read_bytes() if stat.S_ISREG(at.st_mode) else None
    names = sorted(os.listxattr(path, follow_symlinks=False))
    return (at.st_mode, at.st_uid, at.st_gid, at.st_rdev,
            0 if stat.S_ISDIR(at.st_mode) else at.st_mtime_ns, content,
            [(name, os.getxattr(path, name, follow_symlinks=False)) for name in names])


@contextlib.contextmanager
def with_data(top):
    """Generation 1 can be entered, with /var as its fstab has it."""
    call("mount", "--bind", top / "@var", top / FROM / "var")
    try:
        yield
    finally:
        call("umount", top / FROM / "var")


class Late(world.BadDay):
    """Generation 2 boots next, and somebody goes on using generation 1."""

    def staged(self):
        """A disk on which that is so."""
        disk = self.disk()
        disk.moult("run", "--", "sh", "-c", "echo new > /etc/of-the-new-one").ok()
        return disk

    def shut_down(self, disk, outcome="done"):
        """As the unit does it; the answer."""
        answer = disk.moult("--json", "internal", "late-edits").ok().json
        self.assertEqual(answer["outcome"], outcome, answer)
        self.assert_free(disk)
        return answer

    def generation(self, disk, number=2):
        """As `moult list` has it."""
        return disk.generations()[number]

    def assert_stale(self, disk, *parts):
        """It left the menu, and says why."""
        gen = self.generation(disk)
        self.assertEqual((gen["state"], gen["stale"]), ("built", True))
        for part in parts:
            self.assertIn(part, gen["stale_why"])
        self.assertNotEqual(disk.moult("--json", "status").ok().json["next"]["id"], 2)


class Carried(Late):
    """What only its owner changed gets into the new generation."""

    def edit(self, root):
        """One of each kind of edit; returns the paths that are there and those that are gone."""
        etc = root / "etc"
        (etc / "hosts").write_text("127.0.0.1 here\n")
        (etc / "secret").write_text("x")
        os.chown(etc / "secret", 7, 8)
        os.chmod(etc / "secret", 0o4640)
        (etc / "listed").write_text("acl")
        os.setxattr(etc / "listed", "system.posix_acl_access", ACL)
        (etc / "able").write_bytes(b"elf")
        os.setxattr(etc / "able", "security.capability", CAPABILITY)
        os.setxattr(etc / "able", "user.note", b"mine")
        (etc / "link").symlink_to("/nowhere")
        os.mkdir(etc / "folder.d", 0o2750)
        (etc / "folder.d/part").write_text("part\n")
        os.utime(etc / "folder.d/part", (1, 1))
        (etc / "motd").unlink(missing_ok=True)
        (etc / "cron.daily").rename(etc / "cron.moved")
        (root / "opt/tool").mkdir(parents=True, exist_ok=True)
        (root / "opt/tool/big").write_bytes(os.urandom(3 << 20))
        os.mkfifo(root / "opt/tool/pipe")
        os.chmod(etc / "passwd", 0o600)
        moved = [path for path in (etc / "cron.moved").rglob("*")]
        there = [etc / name for name in ("hosts", "secret", "listed", "able", "link", "folder.d",
                                         "folder.d/part", "cron.moved", "passwd")]
        there += moved + [root / "opt/tool/big", root / "opt/tool/pipe"]
        return ([str(path.relative_to(root)) for path in there],
                ["etc/motd", "etc/cron.daily"])

    def test_every_kind_of_edit(self):
        disk = self.staged()
        with disk.pool() as top:
            there, gone = self.edit(top / FROM)
        status = disk.moult("--json", "status").ok().json
        self.assertGreaterEqual(status["late"]["edits"], len(there))
        self.assertEqual(status["conflicts"], [])
        self.shut_down(disk)
        with disk.pool(read_only=True) as top:
            for path in there:
                with self.subTest(path=path):
                    self.assertEqual(looks(top / TO / path), looks(top / FROM / path))
            for path in gone:
                self.assertFalse(os.path.lexists(top / TO / path), path)
            self.assertEqual((top / TO / "etc/of-the-new-one").read_text(), "new\n")
            names = {path.name for path in (top / "@gens/2").iterdir()}
            self.assertFalse({"late-root", "late-seen"} & names)
        self.shut_down(disk, "nothing")
        self.assertIsNotNone(self.generation(disk)["serial"])
        self.assert_sound(disk)
        self.assert_works(disk)

    def test_a_cut_anywhere_leaves_all_or_nothing(self):
        """Killed at many of its calls: the edits are there, all of them, or none is."""
        calls = ("ioctl", "renameat2", "renameat", "syncfs", "openat", "mkdirat", "unlinkat")
        disk = self.staged()
        with disk.pool() as top:
            self.edit(top / FROM)
        kept = world.made.place / f"{self.id().rpartition('.')[2]}-kept.img"
        world.cache.copy(disk.path, kept)
        self.addCleanup(kept.unlink)
        for name in calls:
            for number in (1, 3, 9, 20, 33, 50) if world.os.environ.get("MOULT_TEST_ALL") \
                    else (2, 9, 33):
                with self.subTest(call=name, number=number):
                    disk.path.unlink()
                    world.cache.copy(kept, disk.path)
                    disk.moult("internal", "late-edits", around=(
                        "strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={name}", "-e",
                        f"inject={name}:signal=KILL:when={number}"))
                    self.assert_free(disk)
                    self.assert_all_or_nothing(disk)
                    disk.moult("repair").ok()
                    self.assert_all_or_nothing(disk)
                    self.assert_sound(disk)

    def assert_all_or_nothing(self, disk):
        """The root that the menu names has every edit, or none."""
        with disk.pool(read_only=True) as top:
            root = top / TO
            found = {(root / "etc/secret").exists(), (root / "etc/cron.moved").exists(),
                     (root / "opt/tool/pipe").exists(), not (root / "etc/cron.daily").exists()}
        self.assertEqual(len(found), 1)

    def test_nothing_edited_costs_nothing(self):
        disk = self.staged()
        before = disk.facts()
        self.shut_down(disk, "nothing")
        self.assertEqual(disk.facts(), before)


class Stale(Late):
    """What the new generation contradicts takes it out of the menu."""

    def test_a_conflict(self):
        disk = self.staged()
        disk.write(FROM, {"etc/of-the-new-one": "mine\n"})
        status = disk.moult("--json", "status").ok().json
        self.assertIn("'/etc/of-the-new-one' was edited", status["conflicts"][0])
        self.assertTrue(status["pending"]["stale"])
        self.shut_down(disk)
        self.assert_stale(disk, "'/etc/of-the-new-one' was edited since it was staged")
        self.assert_sound(disk)

    def test_what_the_initrd_was_made_from(self):
        disk = self.staged()
        disk.write(FROM, {"etc/modprobe.d/mine.conf": "blacklist pcspkr\n"})
        self.shut_down(disk)
        self.assert_stale(disk, "/etc/modprobe.d", "loads drivers by it")

    def test_an_fstab_that_would_stop_it(self):
        disk = self.staged()
        with disk.pool() as top:
            path = top / FROM / "etc/fstab"
            path.write_text(path.read_text() + "/dev/sdx9 /mnt/x ext4 defaults,subvolid=7 0 2\n"
                            "UUID=00000000-0000-4000-8000-000000000000 /usr/share btrfs "
                            "subvolid=300 0 0\n" + path.read_text().replace(" / ", " /x ", 1))
        answer = disk.moult("--json", "internal", "late-edits").ok().json
        self.assertIn(answer["outcome"], ("done", "nothing"))
        self.assert_sound(disk)

    def test_packages_installed_live(self):
        """dpkg alone, so no hook of apt's: found by the check, built again by the next upgrade."""
        disk = self.staged()
        with disk.pool() as top, with_data(top):
            deb = world.make_deb(top / FROM / "tmp", world.NEW)
            call("chroot", top / FROM, "env", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "dpkg", "-i",
                 f"/tmp/{deb.name}")
        answer = disk.moult("--json", "internal", "stale-check").ok().json
        self.assertEqual(answer["outcome"], "done")
        self.assert_stale(disk, "packages were changed since it was staged", world.NAME)
        said = disk.moult("status").ok().out
        self.assertIn("is stale and will not be booted", " ".join(said.split()))
        # it came from a command, which nobody can repeat but a person
        self.assertIn("run --replace -- COMMAND", said)
        self.assertEqual(disk.moult("run", "--continue", "--", "true").status, 1)
        self.assert_sound(disk)


class AptHook(Late):
    """The shipped hook, in the real apt: run after each change, and never in its way."""

    def apt(self, top, moult, live=True):
        """Update the package with apt in generation 1, where moult is this script; its log."""
        root = top / FROM
        program = root / "usr/bin/moult"
        program.unlink(missing_ok=True)
        if moult is not None:
            program.write_text(f"#!/bin/sh\necho {PROGRAM} $* >>/tmp/said\n{moult}\n")
            program.chmod(0o755)
        (root / "run/systemd/system").mkdir(parents=True, exist_ok=True) if live else None
        repository = root / "srv/repo"
        if not repository.exists():
            repository.mkdir(parents=True)
        world.make_deb(repository, world.NEW)
        world.index(repository)
        variables = root / "usr/lib/sysimage"
        self.assertTrue(variables.exists())
        chroot = ["chroot", root, "env", "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                  "DEBIAN_FRONTEND=noninteractive"]
        call(*chroot, "apt-get", "update")
        call(*chroot, "apt-get", "install", "-y", "--allow-downgrades", "--reinstall",
             f"{world.NAME}={world.NEW}")
        said = root / "tmp/said"
        return said.read_text() if said.exists() else ""

    def chrooted(self):
        """A disk, mounted, whose generation 1 can be entered with /var as its fstab has it."""
        disk = self.staged()
        context = disk.pool()
        top = context.__enter__()  # pylint: disable=unnecessary-dunder-call
        self.addCleanup(context.__exit__, None, None, None)
        data = with_data(top)
        data.__enter__()  # pylint: disable=unnecessary-dunder-call
        self.addCleanup(data.__exit__, None, None, None)
        return top

    def test_it_is_run_after_a_change(self):
        said = self.apt(self.chrooted(), "exit 0")
        self.assertIn(f"{PROGRAM} --quiet internal stale-check", said)

    def test_a_moult_that_fails_does_not_stop_apt(self):
        self.assertIn("stale-check", self.apt(self.chrooted(), "exit 1"))

    def test_without_moult(self):
        self.assertEqual(self.apt(self.chrooted(), None), "")

    def test_not_where_nothing_runs(self):
        self.assertEqual(self.apt(self.chrooted(), "exit 0", live=False), "")


class Cost(Late):
    """It follows what was edited, not what there is."""

    def test_a_hundred_thousand_files(self):
        disk = self.staged()
        with disk.pool() as top:
            for folder in range(20):
                place = top / FROM / f"opt/many/{folder}"
                place.mkdir(parents=True)
                for number in range(500):
                    (place / str(number)).write_text("x")
        before = time.monotonic()
        self.shut_down(disk)
        self.assertLess(time.monotonic() - before, 60)
        disk.moult("internal", "late-edits").ok()
        with disk.pool(read_only=True) as top:
            self.assertEqual(len(list((pathlib.Path(top) / TO / "opt/many").rglob("*"))),
                             20 + 20 * 500)


if __name__ == "__main__":
    unittest.main()
