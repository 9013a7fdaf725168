#!/usr/bin/python3
"""Systems that are adopted while they run, in each place where installers put a root.

On the shipped binary and a real Debian root; what runs is imitated, see running.py.
"""

import unittest

import world
from layouts import relayout
from rig import cache, image
from rig.command import call
from running import Running
from world import tearDownModule  # noqa: F401

LAYOUTS = {"Debian's installer": "@rootfs", "Ubuntu": "@", "a subvolume": "debian", "the top": ""}
WRITTEN = ("/etc/written", "/home/written", "/var/lib/written", "/root/written", "/srv/written")


FIRST_MOUNTS = "usr/lib/sysimage/moult-first-mounts"


def killed_at(call_name, number):
    """Run under this, it dies before its call of that number."""
    return ("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call_name}",
            "-e", f"inject={call_name}:signal=SIGKILL:when={number}")


def write(system, line):
    """One line in each place where people and services write, on the disk when it returns."""
    system.sh(f"for f in {' '.join(WRITTEN)}; do echo {line} >>$f; done; sync -f /")


def lines(system):
    """The lines of each of these files."""
    return {name: system.sh(f"cat {name}").split() for name in WRITTEN}


class Live(world.BadDay):
    """Adopted, carved at the next boot, given up or gone back from."""

    def system(self, layout="@rootfs"):
        """A disk that is not adopted."""
        disk = self.disk("fresh")
        if layout != "@rootfs":
            relayout(disk.path, layout)
        return disk

    def adopt(self, disk, layout):
        """Adopted while it runs, and written to before, between and after."""
        with Running(disk, layout) as system:
            system.mount_data()
            write(system, "before")
            result = system.moult("init").ok()
            write(system, "after")
        return result

    def assert_written(self, system, *expected):
        """Each of these lines is in each of the files, in order."""
        for name, found in lines(system).items():
            self.assertEqual(found, list(expected), name)

    def first_boot(self, disk):
        """Its data is parted in a boot that is blessed."""
        with Running(disk, "@gens/1/root", trial=True) as system:
            system.moult("internal", "carve").ok()
            system.mount_data()
            write(system, "trial")
            system.sh("test -z \"$(dpkg --audit)\" && apt-get check -qq")
            system.moult("internal", "bless").ok()

    def test_no_write_is_lost(self):
        for name, layout in LAYOUTS.items():
            with self.subTest(layout=name):
                disk = self.system(layout)
                self.adopt(disk, layout)
                if not layout:
                    self.shut_down(disk)
                self.first_boot(disk)
                with Running(disk, "@gens/1/root") as system:
                    system.moult("internal", "prune").ok()
                    system.mount_data()
                    self.assert_written(system, "before", "after", "trial")
                    self.assert_cleared(system)
                self.assert_original(disk, layout)
                self.assert_sound(disk)
                self.assert_works(disk)

    def shut_down(self, disk):
        """The very end of a shutdown: the root is read-only, and nothing runs but this."""
        with Running(disk, "") as system:
            self.assertTrue((system.pool / "@gens/1/root/usr").is_dir())
            system.sh("mount -o remount,ro /")
            said = system.moult("internal", "at-shutdown").ok()
            self.assertIn("tried at the next boot", said.out)

    def assert_cleared(self, system):
        """Nothing lies in the root beneath the data, and no leftover in it."""
        for folder in ("", "@var", "@home", "@gens/1/root"):
            self.assertFalse((system.pool / folder / ".moult-rest").exists(), folder)
        for folder in ("var", "root", "srv"):
            self.assertEqual(list((system.pool / "@gens/1/root" / folder).iterdir()), [], folder)
        self.assertTrue((system.pool / "@gens/1/base/usr").is_dir())
        self.assertFalse((system.pool / "@gens/1/root" / FIRST_MOUNTS).exists())
        self.assertTrue((system.pool / "@var/lib/dpkg").is_symlink())

    def assert_original(self, disk, layout):
        """It is as it was when it was copied, and boots."""
        with disk.pool(read_only=True) as top:
            root = top / layout
            self.assertFalse((root / FIRST_MOUNTS).exists())
            self.assertIn("before", (root / "var/lib/written").read_text())
            self.assertNotIn("trial", (root / "var/lib/written").read_text())
            self.assertTrue((root / "var/lib/dpkg/status").is_file())

    def test_undone_before_the_reboot_nothing_is_left(self):
        for name, layout in LAYOUTS.items():
            with self.subTest(layout=name):
                disk = self.system(layout)
                before = disk.facts()
                self.adopt(disk, layout)
                with Running(disk, layout and "@gens/1/root") as system:
                    system.mount_data()
                    said = system.moult("init", "--undo").ok()
                    self.assertNotIn("files were written", said.out + said.err)
                    write(system, "undone")
                self.assert_as_before(disk, before)
                with Running(disk, layout) as system:
                    system.mount_data()
                    self.assert_written(system, "before", "after", "undone")
                    self.assertFalse((system.top / FIRST_MOUNTS).exists())
                    # and again
                    system.moult("init").ok()
                if not layout:
                    self.shut_down(disk)
                self.first_boot(disk)
                self.assert_sound(disk)

    def assert_as_before(self, disk, before):
        """What boots by itself, the default subvolume, and no subvolume but moult's own."""
        after = disk.facts()
        self.assertEqual(after["default"], before["default"])
        self.assertEqual(set(after["subvolumes"]) - set(before["subvolumes"]), {"@moult"})
        self.assertEqual([name for name in image.esp_list(disk.path, "/loader/entries")
                          if name.startswith("moult-")], ["moult-000000.conf"])
        conf = image.esp_read(disk.path, "/loader/loader.conf").decode()
        self.assertNotIn("moult", conf)

    def test_undone_from_another_system_nothing_is_lost(self):
        disk = self.system()
        before = disk.facts()
        self.adopt(disk, "@rootfs")
        disk.moult("init", "--undo").ok()
        self.assert_as_before(disk, before)
        with Running(disk, "@rootfs") as system:
            self.assert_written(system, "before", "after")

    def test_undone_later_what_was_written_since_is_listed(self):
        disk = self.system()
        self.adopt(disk, "@rootfs")
        self.first_boot(disk)
        with Running(disk, "@gens/1/root") as system:
            system.mount_data()
            said = system.moult("init", "--undo").ok()
            told = " ".join((said.out + said.err).split())
            for name in ("@var/lib/written", "@home/written", "@gens/1/root/etc/written"):
                self.assertIn(name, told)
            self.assertNotIn("etc/fstab", told)
        with Running(disk, "@rootfs") as system:
            self.assert_written(system, "before")
            write(system, "in the original")
            again = system.moult("init")
            self.assert_sentence(again, 3, ["OLD_COPY"], "sudo moult init --accept OLD_COPY")
            system.moult("init", "--accept", "OLD_COPY").ok()
        self.assert_sound(disk)

    def test_the_original_is_given_up(self):
        for name, layout in LAYOUTS.items():
            with self.subTest(layout=name):
                disk = self.system(layout)
                self.adopt(disk, layout)
                if not layout:
                    self.shut_down(disk)
                self.assert_sentence(disk.moult("init", "--finalize"), 1,
                                     ["found good yet"], "moult status")
                self.first_boot(disk)
                self.assert_sentence(disk.moult("init", "--finalize"), 3,
                                     [layout or "top of the Btrfs", "ORIGINAL_GONE"],
                                     "sudo moult init --finalize --accept ORIGINAL_GONE")
                disk.moult("init", "--finalize", "--accept", "ORIGINAL_GONE").ok()
                with disk.pool(read_only=True) as top:
                    self.assertFalse((top / (layout or "usr")).exists())
                    self.assertFalse((top / "@gens/0").exists())
                self.assertNotIn("moult-000000.conf",
                                 image.esp_list(disk.path, "/loader/entries"))
                self.assertIn("already", disk.moult("init", "--finalize").ok().out)
                self.assert_sentence(disk.moult("init"), 1, ["adopted already"], "moult status")
                with Running(disk, "@gens/1/root") as system:
                    system.moult("internal", "prune").ok()
                self.assert_sound(disk)
                self.assert_works(disk)

    def test_subvolumes_in_its_data_go_with_the_data(self):
        disk = self.system()
        with disk.pool() as top:
            for path in ("var/lib/portables", "home/.snapshots"):
                call("btrfs", "-q", "subvolume", "create", top / "@rootfs" / path)
        self.adopt(disk, "@rootfs")
        with Running(disk, "@gens/1/root") as system:
            (system.top / "var/lib/portables/image").write_text("a machine\n")
        self.first_boot(disk)
        with Running(disk, "@gens/1/root") as system:
            system.moult("internal", "prune").ok()
            system.mount_data()
            self.assertEqual(system.sh("cat /var/lib/portables/image"), "a machine\n")
            self.assertEqual((system.pool / "@var/lib/portables").stat().st_ino, 256)
        self.assert_works(disk)

    def test_files_that_are_not_copied_on_write_stay_so(self):
        disk = self.system()
        with disk.pool() as top:
            place = top / "@rootfs/var/lib/database"
            place.mkdir()
            call("chattr", "+C", place)
            (place / "data").write_bytes(b"x" * 100000)
        self.adopt(disk, "@rootfs")
        self.first_boot(disk)
        with disk.pool(read_only=True) as top:
            flags = call("lsattr", "-d", top / "@var/lib/database/data").decode().split()[0]
            self.assertIn("C", flags)

    def test_the_default_subvolume_still_names_the_original(self):
        disk = self.system()
        with disk.pool() as top:
            call("btrfs", "subvolume", "set-default", top / "@rootfs")
        self.adopt(disk, "@rootfs")
        self.assertEqual(disk.facts()["default"], "@rootfs")
        disk.moult("init", "--undo").ok()
        self.assertEqual(disk.facts()["default"], "@rootfs")
        with Running(disk, "@rootfs") as system:
            self.assert_written(system, "before", "after")

    def exchanged_and_cut(self):
        """What ran is generation 1 by now, and moult died before it could say so to the loader."""
        with Running(self.system(), "@rootfs") as system:
            said = system.moult("init", around=("strace", "-f", "-qq", "-e",
                                                "trace=renameat2,syncfs")).ok().err
        calls = [line for line in said.splitlines() if "renameat2(" in line or "syncfs(" in line]
        at = next(n for n, line in enumerate(calls) if "RENAME_EXCHANGE" in line)
        before = sum("syncfs(" in line for line in calls[:at])
        disk = self.system()
        with Running(disk, "@rootfs") as system:
            write(system, "before")
            cut = system.moult("init", around=killed_at("syncfs", before + 1))
            self.assertNotEqual(cut.status, 0)
        return disk

    def test_cut_off_between_the_exchange_and_the_commit(self):
        disk = self.exchanged_and_cut()
        # it boots what it always did, which is the copy by now: nothing was said of generation 1
        with disk.pool(read_only=True) as top:
            self.assertTrue((top / "@gens/1/root" / FIRST_MOUNTS).exists())
            self.assertFalse((top / "@rootfs" / FIRST_MOUNTS).exists())
        with Running(disk, "@rootfs") as system:
            self.assert_written(system, "before")
            write(system, "meanwhile")
            told = system.moult("internal", "reconcile").ok()
            self.assertIn("generation 1 holds what the system wrote", told.out + told.err)
            self.assert_sentence(system.moult("init"), 3, ["OLD_COPY"],
                                 "sudo moult init --accept OLD_COPY")
            system.moult("init", "--accept", "OLD_COPY").ok()
        self.first_boot(disk)
        self.assert_sound(disk)

    def test_the_carve_may_be_cut_off_anywhere(self):
        adopted = self.system()
        self.adopt(adopted, "@rootfs")
        for call_name in ("renameat2", "renameat", "symlinkat", "ioctl", "syncfs", "unlinkat"):
            for number in (1, 2, 5, 9, 20, 40, 70):
                with self.subTest(call=call_name, number=number):
                    disk = self.copy_of(adopted)
                    with Running(disk, "@gens/1/root", trial=True) as system:
                        system.moult("internal", "carve", around=killed_at(call_name, number))
                    with Running(disk, "@gens/1/root", trial=True) as system:
                        system.moult("internal", "carve").ok()
                        system.mount_data()
                        self.assert_written(system, "before", "after")
                        system.sh("test -z \"$(dpkg --audit)\" && apt-get check -qq")

    test_the_carve_may_be_cut_off_anywhere.long = True

    def copy_of(self, disk):
        """Another copy of a disk; only one of the two is used at a time."""
        path = world.made.place / f"{self.id().rpartition('.')[2]}-copy.img"
        path.unlink(missing_ok=True)
        cache.copy(disk.path, path)
        self.addCleanup(path.unlink, missing_ok=True)
        return world.Disk(path)


if __name__ == "__main__":
    unittest.main()
