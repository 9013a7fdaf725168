#!/usr/bin/python3
"""The checker of the crash matrix itself: on disks damaged by hand it must find what is wrong.

A checker that sees nothing would find no violation either.
"""

import pathlib
import struct
import sys
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "vm"), str(TOP / "tests/crash")]

import bootview  # noqa: E402
import judge  # noqa: E402
import replay  # noqa: E402
import specimen  # noqa: E402
from damaged import DamagedCase  # noqa: E402
from fatview import FatView, Name, Unreadable  # noqa: E402
from record import MAGIC, SECTOR, epochs  # noqa: E402
from rig import image  # noqa: E402
from rig.command import call  # noqa: E402
from specimen import FIRST, INITRD, ORIGINAL, SECOND, Specimen  # noqa: E402

ENTRIES = "/loader/entries"
KERNEL = specimen.blob(specimen.kernel(), "linux")
RAMDISK = specimen.blob(INITRD, "initrd")


class Damaged(DamagedCase):
    """One damage a case."""

    def test_nothing_is_found_on_a_sound_disk(self):
        self.assert_found()
        self.assertEqual([item.file for item in self.before.items], [ORIGINAL, FIRST, SECOND])
        self.assertEqual([item.file for item in self.before.defaults], [SECOND, SECOND])
        self.assertEqual(self.before.pool.default, "@gens/1/root")

    # What an entry needs on the boot volume

    def test_an_initrd_that_is_missing(self):
        self.disk.remove(RAMDISK)
        self.assert_found(*["initrd is missing"] * 3)

    def test_a_kernel_that_is_missing_takes_the_entries_from_the_menu(self):
        self.disk.remove(KERNEL)
        self.assert_found("252 would boot nothing", "257 would boot nothing", "no uncounted entry")

    def test_a_kernel_with_one_wrong_bit(self):
        self.spoil_file(KERNEL, 8999, b"\1")
        self.assert_found(*["linux has another content"] * 3)

    def test_an_initrd_whose_chain_of_clusters_is_broken(self):
        with self.disk.fat() as fat:
            chain = fat.chain(fat.find(RAMDISK).cluster)
            fat._set_next(chain[1], 0)  # pylint: disable=protected-access
        self.assert_found(*["its chain of clusters is broken"] * 3)

    def test_an_initrd_of_which_only_the_first_half_was_written(self):
        self.spoil_file(RAMDISK, 9000, bytes(9000))
        self.assert_found(*["initrd has another content"] * 3)

    def spoil_file(self, path, at, data):
        """Overwrite a part of a file where it lies."""
        with self.disk.fat() as fat:
            for number, byte in enumerate(data, at):
                cluster = fat.chain(fat.find(path).cluster)[number // fat.cluster_size]
                fat.write(fat.position(cluster) + number % fat.cluster_size, bytes([byte]))

    # Entries

    def test_an_entry_without_its_options(self):
        self.put_entry(SECOND, 2, 2, options=None)
        self.assert_found("its root is None", "it says serial None", "it names no generation",
                          "252 would boot ,", "257 would boot ,")

    def test_an_entry_whose_content_is_that_of_another(self):
        self.put_entry(FIRST, 2, 2)
        self.assert_found(f"{FIRST}: it says serial 2")

    def test_an_entry_without_initrd(self):
        self.put_entry(FIRST, 1, 1, initrd=None)
        self.assert_found(f"{FIRST}: it names no initrd")

    def test_an_entry_of_the_root_of_another_disk(self):
        self.put_entry(FIRST, 1, 1, options="root=UUID=1-2 rootflags=subvol=@gens/1/root "
                                            "moult.gen=1 moult.serial=1")
        self.assert_found(f"{FIRST}: its root is UUID=1-2")

    def test_an_entry_of_a_generation_that_boots_another_root(self):
        self.put_entry(FIRST, 1, 1, options=f"root=UUID={self.disk.uuid} moult.gen=1 "
                                            "rootflags=subvol=@gens/2/root moult.serial=1")
        self.assert_found(f"{FIRST}: its root is @gens/2/root",
                          f"{FIRST}: its command line is neither")

    def test_a_kernel_that_is_not_named_by_its_content(self):
        self.disk.put("/vmlinuz", specimen.kernel())
        self.put_entry(FIRST, 1, 1, linux="/vmlinuz")
        self.assert_found("/vmlinuz does not name", f"{FIRST}: @gens/1/root has no modules")

    def test_an_entry_that_is_switched_off_is_not_judged(self):
        text = specimen.entry(self.disk.uuid, 7, 7).replace(b"\nlinux", b"\n#linux")
        self.disk.put(f"{ENTRIES}/moult-000007+3-0.conf", text)
        self.assert_found()

    # The default

    def test_a_default_that_is_neither_old_nor_new(self):
        self.put_entry("moult-000003.conf", 0, 3)
        self.assert_found("252 would boot @rootfs", "257 would boot @rootfs",
                          "000003.conf: its command line is neither")

    def test_a_default_whose_root_is_gone(self):
        with self.disk.top() as top:
            call("btrfs", "-q", "subvolume", "delete", top / "@gens/2/root")
        self.assert_found("the subvolume @gens/2/root does not exist")

    def test_settings_that_are_gone_are_no_harm_while_the_topmost_is_the_default(self):
        self.disk.remove("/loader/loader.conf")
        self.assert_found()

    def test_settings_that_choose_something_else(self):
        self.disk.put("/loader/loader.conf", f"default {ORIGINAL}\n".encode())
        self.assert_found("252 would boot @rootfs", "257 would boot @rootfs")

    def test_two_entries_that_are_counted(self):
        self.put_entry("moult-000003+3-0.conf", 2, 3)
        self.assert_found("several counted entries are enabled: [2, 3]",
                          "000003+3-0.conf: its command line is neither")

    def test_no_entry_to_come_back_to(self):
        self.disk.remove(f"{ENTRIES}/{FIRST}")
        self.disk.remove(f"{ENTRIES}/{ORIGINAL}")
        self.assert_found("no uncounted entry")

    # The Btrfs

    def test_a_generation_that_nothing_lists(self):
        with self.disk.top() as top:
            (top / "@gens/2").rename(top / "@gens/9.tmp")
        self.assert_found("generation 2 does not exist")

    def test_a_document_that_is_cut_off(self):
        with self.disk.top() as top:
            (top / "@gens/2/state.json").write_text('{"state":')
        self.assert_found("generation 2: state.json")

    def test_a_document_of_another_generation(self):
        with self.disk.top() as top:
            Specimen.documents(top / "@gens/2", 3, "trial")
        self.assert_found("generation.json is of generation 3")

    def test_a_generation_that_is_still_being_made(self):
        with self.disk.top() as top:
            Specimen.documents(top / "@gens/2", 2, "building")
        self.assert_found("generation 2 is building")

    def test_a_root_that_lacks_a_file(self):
        with self.disk.top() as top:
            (top / "@gens/2/root/etc/motd").unlink()
        self.assert_found("@gens/2/root is not complete")
        self.assert_found(written={"@gens/2/root"})

    def test_a_root_with_a_file_that_is_shorter(self):
        with self.disk.top() as top:
            (top / "@gens/1/root/etc/motd").write_text("")
        self.assert_found("@gens/1/root is not complete")

    def test_an_original_that_was_changed(self):
        with self.disk.top() as top:
            (top / "@rootfs/etc/motd").chmod(0o600)
        self.assert_found("@rootfs is not complete")

    def test_a_base_that_is_missing(self):
        with self.disk.top() as top:
            call("btrfs", "-q", "subvolume", "delete", top / "@gens/2/base")
        self.assert_found("@gens/2/base is not complete")

    def test_a_root_without_the_modules_of_its_kernel(self):
        with self.disk.top() as top:
            modules = top / "@gens/2/root/usr/lib/modules"
            (modules / specimen.RELEASE).rename(modules / "5.10")
        self.assert_found("@gens/2/root has no modules of its kernel 6.1.0-test",
                          "@gens/2/root is not complete")

    def test_a_default_subvolume_that_is_neither_old_nor_new(self):
        with self.disk.top() as top:
            call("btrfs", "subvolume", "set-default", top / "@gens/2/root")
        self.assert_found("the default subvolume is @gens/2/root")

    def test_a_default_subvolume_that_was_never_good(self):
        with self.disk.top() as top:
            call("btrfs", "subvolume", "set-default", top / "@gens/2/root")
        self.before, sound = self.disk.look(), self.before
        self.addCleanup(setattr, self, "before", sound)
        self.assert_found("is not of a good generation")

    # Volumes that nobody can read

    def test_a_boot_volume_that_is_none(self):
        self.disk.spoil(image.esp(self.disk.path), 0, bytes(512))
        self.assert_found("the boot volume cannot be read", "252 would boot nothing",
                          "257 would boot nothing", "no uncounted entry")

    def test_a_btrfs_that_does_not_mount(self):
        self.disk.spoil(image.root(self.disk.path), (64 << 10) + 128, b"\xff" * 64)
        self.assert_found("the Btrfs cannot be mounted")

    def test_what_is_written_later_is_read_again(self):
        with judge.Viewer(self.disk.path) as viewer:
            self.assertEqual(judge.violations(viewer.look(), judge.Bounds(self.before,
                                                                          self.before)), [])
            with self.disk.fat() as fat:
                at = fat.offset + fat.position(fat.find(RAMDISK).cluster)
            with open(self.disk.path, "r+b") as file:
                file.seek(at)
                file.write(b"X")
            viewer.written(at, 1)
            found = judge.violations(viewer.look(), judge.Bounds(self.before, self.before))
        self.assertEqual(len(found), 3, found)

    # Names that were cut off while they were changed

    def test_an_entry_of_which_only_the_alias_is_left_is_not_in_the_menu(self):
        with self.disk.fat() as fat:
            fat.leave("alias", f"{ENTRIES}/{SECOND}", f"{ENTRIES}/moult-000002+2-1.conf")
        self.assert_found()
        self.assertEqual([item.file for item in self.disk.look().defaults], [FIRST, FIRST])

    def test_an_entry_that_is_there_twice_boots_the_same(self):
        with self.disk.fat() as fat:
            fat.leave("twice", f"{ENTRIES}/{SECOND}", f"{ENTRIES}/moult-000002+2-1.conf")
        self.assert_found()
        self.assertEqual([item.serial for item in self.disk.look().items], [0, 1, 2, 2])

    def test_a_directory_whose_chain_is_broken_is_empty(self):
        with self.disk.fat() as fat:
            fat._set_next(fat.find(ENTRIES).cluster, 0)  # pylint: disable=protected-access
        self.assert_found("252 would boot nothing", "257 would boot nothing", "no uncounted entry")

    def test_a_directory_that_runs_in_a_circle(self):
        with self.disk.fat() as fat:
            cluster = fat.find(ENTRIES).cluster
            fat._set_next(cluster, cluster)  # pylint: disable=protected-access
        self.assert_found("runs in a circle", "252 would boot nothing", "257 would boot nothing",
                          "no uncounted entry")

    # The log of Btrfs

    def test_a_log_that_is_to_be_replayed_is_and_the_disk_stays_as_it_was(self):
        with self.disk.top() as top:
            (top / "@gens/2/root/etc/synced").write_text("synced\n")
            call("sync", top / "@gens/2/root/etc/synced")
            cut = self.disk.copy(self.folder / "cut.img")
        before = cut.path.read_bytes()
        with judge.Viewer(cut.path) as viewer:
            found = judge.violations(viewer.look(), judge.Bounds(self.before, self.before))
            self.assertEqual(viewer.pool.replayed, 1)
        self.assertEqual(found, [f"{SECOND}: @gens/2/root is not complete"])
        self.assertEqual(before, cut.path.read_bytes())


class Menu(unittest.TestCase):
    """The order of entries, as it was seen on machines with systemd-boot 252 and 257."""

    class View:
        """Files by path."""

        def __init__(self, files):
            self.files = {path: data.encode() for path, data in files.items()}

        def list(self, folder):
            """The names in a directory."""
            return [self.find(path) for path in self.files if path.startswith(folder + "/")]

        def find(self, path):
            """One name."""
            data = self.files.get(path)
            return None if data is None else Name(path.rpartition("/")[2], path.encode(), 0, 5,
                                                  len(data))

        def content(self, name):
            """Its bytes."""
            return self.files[name.short.decode()]

    @staticmethod
    def entry(version=None, sort_key="moult", linux="linux /k"):
        """The text of an entry."""
        lines = [f"sort-key {sort_key}" if sort_key else "",
                 f"version {version}" if version else "", "options x", linux]
        return "\n".join(lines) + "\n"

    def view(self, more=None):
        """The menu of the table in which each rule of the order has an entry of its own."""
        names = {"moult-000009": 9, "moult-000010": 10, "moult-000011+3-0": 11,
                 "moult-000012+0-3": 12}
        files = {f"{ENTRIES}/{name}.conf": self.entry(f"{number:06}")
                 for name, number in names.items()}
        return self.View({
            **files, "/k": "kernel", "/loader/loader.conf": "default moult-[0-9]*\n",
            f"{ENTRIES}/moult-000013+3-0.conf": self.entry("000013", linux="#linux /k"),
            f"{ENTRIES}/debian.conf": self.entry("1", "debian"),
            f"{ENTRIES}/zz-other.conf": self.entry(sort_key=None), **(more or {})})

    def assert_menu(self, view, expected, default):
        """Both versions show these, and choose that one."""
        for version in bootview.VERSIONS:
            shown = [entry.file.removesuffix(".conf") for entry in bootview.menu(view, version)]
            self.assertEqual(shown, expected)
            self.assertEqual(bootview.default(view, version).file, f"{default}.conf")

    def test_exhausted_entries_are_last_and_versions_count_as_numbers(self):
        self.assert_menu(self.view(), ["debian", "moult-000011+3-0", "moult-000010", "moult-000009",
                                       "zz-other", "moult-000012+0-3"], "moult-000011+3-0")

    def test_one_byte_makes_an_entry_the_default(self):
        path = f"{ENTRIES}/moult-000013+3-0.conf"
        self.assert_menu(self.view({path: self.entry("000013", linux=" linux /k")}),
                         ["debian", "moult-000013+3-0", "moult-000011+3-0", "moult-000010",
                          "moult-000009", "zz-other", "moult-000012+0-3"], "moult-000013+3-0")

    def test_an_exhausted_entry_boots_where_nothing_else_matches(self):
        view = self.view()
        for name in ("09", "10", "11+3-0", "13+3-0"):
            del view.files[f"{ENTRIES}/moult-0000{name}.conf"]
        self.assert_menu(view, ["debian", "zz-other", "moult-000012+0-3"], "moult-000012+0-3")

    def test_without_a_pattern_the_topmost_boots(self):
        view = self.view()
        del view.files["/loader/loader.conf"]
        self.assertEqual(bootview.default(view, 252).file, "debian.conf")

    def test_an_entry_whose_kernel_is_not_there_is_dropped(self):
        view = self.view({f"{ENTRIES}/moult-000020.conf": self.entry("000020", linux="linux /no")})
        self.assertNotIn("moult-000020.conf", [entry.file for entry in bootview.entries(view)])

    def test_what_is_cut_off_by_zero_bytes_ends_there(self):
        text = self.entry("000020").replace("linux", "\0linux")
        view = self.view({f"{ENTRIES}/moult-000020.conf": text})
        self.assertNotIn("moult-000020.conf", [entry.file for entry in bootview.entries(view)])

    def test_versions(self):
        for low, high in (("9", "10"), ("000009", "10"), ("1~rc1", "1"), ("1-1", "1.1"),
                          ("1", "1a"), ("1.2", "1.10"), ("a", "b")):
            self.assertLess(bootview.compare_versions(low, high), 0, (low, high))
            self.assertGreater(bootview.compare_versions(high, low), 0, (low, high))
        self.assertEqual(bootview.compare_versions("007", "7"), 0)

    def test_counters(self):
        self.assertEqual(bootview.counted("a+3-0.conf"), (3, 0, "a.conf"))
        self.assertEqual(bootview.counted("a+3.conf"), (3, 0, "a.conf"))
        for name in ("a.conf", "a+3-.conf", "a+x.conf", "a+3-0x.conf", "a+.conf"):
            self.assertIsNone(bootview.counted(name), name)


class Replayed(unittest.TestCase):
    """What the disk is taken through."""

    BASE = bytes(8 << 20)

    def setUp(self):
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.log, self.disk = folder / "log", folder / "disk"
        self.disk.write_bytes(self.BASE)

    def write_log(self, *entries):
        """Entries are (sector, data), data a number of discarded sectors, or None for a flush."""
        out = struct.pack("<QQQI", MAGIC, 1, len(entries), SECTOR).ljust(SECTOR, b"\0")
        for entry in entries:
            sector, data = entry or (0, b"")
            gone = isinstance(data, int)
            count = data if gone else len(data) // SECTOR
            flags = 1 if entry is None else 4 if gone else 0
            out += struct.pack("<QQQQ", sector, count, flags, 0).ljust(SECTOR, b"\0")
            out += b"" if gone else data
        self.log.write_bytes(out)

    def states(self, subsets, pool=1 << 20):
        """[(state, content of the disk)] of a replay."""
        history = replay.Replay(self.disk, self.log, pool)
        self.addCleanup(history.close)
        return [(state, self.disk.read_bytes())
                for state in history.states(history.epochs, subsets, 1)]

    def test_at_each_flush_all_that_was_written_before_is_there(self):
        one, two = b"1" * SECTOR, b"2" * SECTOR * 2
        self.write_log((3, one), None, (10, two), (3, two[:SECTOR]), None, (20, one))
        after = [content for state, content in self.states(0) if not state.subset]
        self.assertEqual(after[0], self.BASE)
        self.assertEqual(after[1], self.with_(self.BASE, 3, one))
        self.assertEqual(after[2], self.with_(self.with_(self.BASE, 10, two), 3, two[:SECTOR]))
        self.assertEqual(after[3], self.with_(after[2], 20, one))
        self.assertEqual(len(epochs(self.log)), 3)

    def test_between_flushes_each_sector_is_the_old_or_one_that_was_written(self):
        old, new, newer = (letter * SECTOR for letter in (b"a", b"b", b"c"))
        self.write_log((0, old * 64), None, (0, new * 64), (0, newer * 8), None)
        parts = [content for state, content in self.states(60) if state.subset]
        self.assertGreater(len(set(parts)), 50)
        seen = {content[at * SECTOR:(at + 1) * SECTOR] for content in parts for at in range(8)}
        self.assertEqual(seen, {bytes(SECTOR), old, new, newer})
        for content in parts:
            self.assertEqual(content[64 * SECTOR:], self.BASE[64 * SECTOR:])

    def test_the_same_seed_tries_the_same(self):
        self.write_log((0, bytes(range(256)) * 64), None)
        first = self.states(20)
        self.disk.write_bytes(self.BASE)
        self.assertEqual(first, self.states(20))

    def test_a_superblock_of_the_pool_is_whole(self):
        at = (1 << 20) + (64 << 10)
        self.write_log((at // SECTOR - 8, b"x" * SECTOR * 24), None)
        for state, content in self.states(40):
            self.assertIn(content[at:at + 4096], (bytes(4096), b"x" * 4096), state)

    def test_what_is_discarded_is_zero(self):
        self.write_log((4, b"x" * SECTOR), None, (4, 1), None)
        self.assertEqual(self.states(0)[-1][1], self.BASE)

    @staticmethod
    def with_(content, sector, data):
        """The content with something written to it."""
        return content[:sector * SECTOR] + data + content[sector * SECTOR + len(data):]


class Slots(unittest.TestCase):
    """Directories in odd states, as firmware reads them."""

    @staticmethod
    def volume(slots):
        """A FAT32 volume of which only the top directory is filled."""
        boot = bytearray(SECTOR)
        struct.pack_into("<HBHBHHBH", boot, 11, 512, 1, 1, 1, 0, 0, 0, 0)
        struct.pack_into("<IIHHI", boot, 32, 70000, 547, 0, 0, 2)
        boot[510:] = b"\x55\xaa"
        data = bytes(boot) + struct.pack("<III", 0, 0, 0x0FFFFFFF).ljust(547 * 512, b"\0")
        data += b"".join(slots).ljust(512, b"\0")
        return lambda offset, length: data[offset:offset + length].ljust(length, b"\0")

    @staticmethod
    def short(name, attributes=0x20):
        """A short entry."""
        return name.ljust(11) + bytes([attributes, 0]) + bytes(19)

    def names(self, *slots):
        """What is listed."""
        return [name.text for name in FatView(self.volume(slots)).names()]

    def test_a_zero_byte_ends_the_directory(self):
        self.assertEqual(self.names(self.short(b"A"), bytes(32), self.short(b"B")), ["A"])

    def test_deleted_slots_and_labels_are_passed_over(self):
        self.assertEqual(self.names(self.short(b"\xe5A"), self.short(b"LABEL", 8),
                                    self.short(b"B       TXT")), ["B.TXT"])

    def test_a_long_name_that_belongs_to_another_entry_is_not_taken(self):
        part = bytes([0x41]) + "a".encode("utf-16-le") + bytes(8) + bytes([0x0F, 0, 0x55]) + \
            bytes(18)
        self.assertEqual(self.names(part, self.short(b"B")), ["B"])

    def test_a_volume_of_another_kind_is_refused(self):
        with self.assertRaises(Unreadable):
            FatView(lambda offset, length: bytes(length))


if __name__ == "__main__":
    unittest.main()
