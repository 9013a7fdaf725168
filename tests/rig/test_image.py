"""Reading a disk that is not booted: partition table, ESP, Btrfs; and the screen of the menu."""

import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "vm"))

from recipe import disk  # noqa: E402
from rig import RigError, archive, cache, image  # noqa: E402
from rig.console import Screen  # noqa: E402

SPEC = disk.Spec(size=384 << 20, esp_size=64 << 20)
IDENTITY = disk.Identity.of("test")


class ImageTest(unittest.TestCase):
    """A disk as the recipe partitions and formats it, without a root."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.enterClassContext(mock.patch.dict(os.environ, MOULT_CACHE=folder.name))
        cls.disk = pathlib.Path(folder.name) / "disk.img"
        disk._partition(cls.disk, SPEC)
        disk._format(cls.disk, IDENTITY)

    def test_partitions_are_where_the_installer_puts_them(self):
        esp, root = image.partitions(self.disk)
        self.assertEqual((esp.offset, esp.size), (1 << 20, 64 << 20))
        self.assertEqual(root.offset, esp.offset + esp.size)
        self.assertEqual((image.esp(self.disk), image.root(self.disk)), (esp, root))

    def test_a_partition_that_is_not_there_is_an_error_of_the_rig(self):
        with self.assertRaises(RigError):
            image.find(self.disk, "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709")

    def test_esp_keeps_what_is_written(self):
        image.esp_write(self.disk, "/entry+3-0.conf", b"one\n")
        image.esp_write(self.disk, "/entry+3-0.conf", b"two\n")
        self.assertEqual(image.esp_list(self.disk), ["entry+3-0.conf"])
        self.assertEqual(image.esp_read(self.disk, "/entry+3-0.conf"), b"two\n")
        image.esp_remove(self.disk, "/entry+3-0.conf")
        self.assertEqual(image.esp_list(self.disk), [])
        self.assertEqual(image.esp_fsck(self.disk)[0], 0)

    def test_trees_are_copied_to_the_esp(self):
        with tempfile.TemporaryDirectory() as folder:
            deep = pathlib.Path(folder) / "loader" / "entries"
            deep.mkdir(parents=True)
            (deep / "a name of some length.conf").write_bytes(b"title\n")
            image.esp_add_tree(self.disk, folder)
        self.assertEqual(image.esp_list(self.disk, "/loader"), ["entries/"])
        self.assertEqual(image.esp_list(self.disk, "/loader/entries"),
                         ["a name of some length.conf"])

    def test_mounted_btrfs_keeps_what_is_written_and_leaves_no_loop_device(self):
        with image.mounted(self.disk) as top:
            (top / "file").write_text("kept")
        with image.mounted(self.disk, read_only=True) as top:
            self.assertEqual((top / "file").read_text(), "kept")
            with self.assertRaises(OSError):
                (top / "file").write_text("changed")
        used = subprocess.run(["losetup", "-j", self.disk], check=True, stdout=subprocess.PIPE)
        self.assertEqual(used.stdout, b"")

    def test_btrfs_has_the_id_of_the_machine(self):
        self.assertEqual(image.btrfs_uuid(self.disk), IDENTITY.btrfs)


class CacheTest(unittest.TestCase):
    """Entries are made once and whole."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.enterContext(mock.patch.dict(os.environ, MOULT_CACHE=folder.name))

    def test_made_once_by_many(self):
        made, read = [], []

        def make(path):
            made.append(path)
            time.sleep(0.1)
            path.write_text("content")

        def use():
            with cache.entry("kind", "name", make) as path:
                read.append(path.read_text())

        threads = [threading.Thread(target=use) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual((len(made), read), (1, ["content"] * 4))

    def test_a_failed_maker_leaves_nothing(self):
        def make(path):
            path.write_text("half")
            raise RigError("no network")

        with self.assertRaises(RigError), cache.entry("kind", "name", make):
            pass
        self.assertEqual(list(cache.folder("kind").iterdir()), [])

    def test_only_the_last_used_are_kept(self):
        for number in range(cache.KEPT_OF_A_KIND + 3):
            with cache.entry("kind", str(number), lambda path: path.write_text("x")) as path:
                pass
            os.utime(path, (number, number))
        names = {path.name for path in cache.folder("kind").iterdir()}
        self.assertEqual(names, {str(n) for n in range(3, cache.KEPT_OF_A_KIND + 3)})

    def test_digests_differ_when_any_input_does(self):
        self.assertNotEqual(cache.digest("a", b"b"), cache.digest("a", b"c"))
        self.assertEqual(cache.digest("a", b"b"), cache.digest("a", b"b"))


class ArchiveTest(unittest.TestCase):
    """The archive is the machine's own."""

    def test_guest_reaches_a_mirror_on_this_host(self):
        self.assertEqual(archive.seen_from_guest("http://localhost:3142/debian"),
                         "http://10.0.2.2:3142/debian")
        self.assertEqual(archive.seen_from_guest("http://mirror.example/debian"),
                         "http://mirror.example/debian")

    def test_security_is_derived_where_apt_does_not_know_it(self):
        with mock.patch.object(archive, "_targets", lambda: [("http://m.example/debian", "sid")]):
            archive.mirror.cache_clear()
            archive.security.cache_clear()
            self.addCleanup(archive.mirror.cache_clear)
            self.addCleanup(archive.security.cache_clear)
            with mock.patch.dict(os.environ):
                os.environ.pop("MOULT_MIRROR", None)
                self.assertEqual(archive.security(), "http://m.example/debian-security")


class ScreenTest(unittest.TestCase):
    """The boot menu as the serial console paints it."""

    MENU = ("\x1b[2J\x1b[01;01H\x1b[0m\x1b[37m\x1b[40m\x1b[10;05H  Old entry  "
            "\x1b[11;05H\x1b[30m\x1b[47m  New entry  \x1b[0m\x1b[37m\x1b[40m")

    def test_finds_the_chosen_entry(self):
        screen = Screen()
        screen.feed(self.MENU)
        self.assertEqual(screen.rows(), {9: "Old entry", 10: "New entry"})
        self.assertEqual(screen.highlighted(), 10)

    def test_reads_the_same_in_any_pieces(self):
        whole, pieces = Screen(), Screen()
        text = whole.feed(self.MENU)
        self.assertEqual("".join(pieces.feed(letter) for letter in self.MENU), text)
        self.assertEqual(pieces.cells, whole.cells)

    def test_plain_lines_pass(self):
        self.assertEqual(Screen().feed("\x1b[0;1;31mFAILED\x1b[0m\r\nnext"), "FAILED\nnext")


if __name__ == "__main__":
    unittest.main()
