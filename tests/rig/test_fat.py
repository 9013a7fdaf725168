"""The rig's own FAT32 writer, judged by fsck.fat and mtools."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "vm"))

from rig.fat import STATES, Fat32  # noqa: E402

ENTRIES = "/loader/entries"
NAMES = ("moult-000001.conf", "moult-000002+3-0.conf", "short.con", "DEBIAN.CON")


def run(*words, stdin=b""):
    """Run a program that must succeed."""
    done = subprocess.run([str(word) for word in words], input=stdin, check=True,
                          stdout=subprocess.PIPE, env={"MTOOLS_SKIP_CHECK": "1",
                                                       "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
    return done.stdout.decode()


class FatTest(unittest.TestCase):
    """Each test has a fresh file system with four boot entries."""

    per_cluster = 1  # the smallest there is: directories grow soonest

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.image = pathlib.Path(folder.name) / "esp"
        run("truncate", "-s", "64M", self.image)
        run("mkfs.vfat", "-F", "32", "-s", self.per_cluster, self.image)
        run("mmd", "-i", self.image, "::/loader", f"::{ENTRIES}")
        for name in NAMES:
            run("mcopy", "-i", self.image, "-", f"::{ENTRIES}/{name}", stdin=self.content(name))
        self.fat = self.enterContext(Fat32(self.image))

    @staticmethod
    def content(name):
        """What is in the entry of that name."""
        return f"title {name}\n".encode() * 100

    def names(self):
        """The names in the directory as we read them."""
        return [entry.name for entry in self.fat.entries(ENTRIES)]

    def names_by_mtools(self):
        """The names in the directory as mtools reads them."""
        lines = run("mdir", "-b", "-i", self.image, f"::{ENTRIES}").split()
        return [line.rpartition("/")[2] for line in lines]

    def check(self):
        """What fsck.fat has to say: (exit status, text)."""
        done = subprocess.run(["fsck.fat", "-n", str(self.image)], check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout.decode(errors="replace")

    def assert_clean(self):
        """fsck.fat finds nothing to correct."""
        status, text = self.check()
        self.assertEqual(status, 0, text)

    def test_reads_what_mtools_wrote(self):
        self.assertEqual(self.names(), list(NAMES))
        for name in NAMES:
            self.assertEqual(self.fat.read_file(f"{ENTRIES}/{name}"), self.content(name))

    def test_rename_appends_and_frees_without_reuse(self):
        before = self.fat.slots(ENTRIES)
        old = self.fat.find(f"{ENTRIES}/{NAMES[1]}")
        end = next(number for number, slot in enumerate(before) if slot[0] == 0)
        self.fat.rename_append(f"{ENTRIES}/{NAMES[1]}", f"{ENTRIES}/moult-000002+2-1.conf")
        new = self.fat.find(f"{ENTRIES}/moult-000002+2-1.conf")
        self.assertEqual(new.slots, (end, end + 1, end + 2))
        after = self.fat.slots(ENTRIES)
        self.assertTrue(all(after[number][0] == 0xE5 for number in old.slots))
        self.assertEqual((new.cluster, new.size), (old.cluster, old.size))
        self.assert_clean()

    def test_sixty_renames_stay_clean_and_readable(self):
        path = f"{ENTRIES}/{NAMES[1]}"
        for number in range(60):
            fresh = f"{ENTRIES}/moult-000002+{number % 10}-{number}.conf"
            self.fat.rename_append(path, fresh)
            path = fresh
        self.assert_clean()
        self.assertEqual(self.names_by_mtools(), self.names())
        self.assertEqual(run("mtype", "-i", self.image, f"::{path}").encode(),
                         self.content(NAMES[1]))
        self.assertGreater(len(self.fat.slots(ENTRIES)), 60 * 3)

    def test_rename_refuses_a_name_that_exists(self):
        with self.assertRaises(FileExistsError):
            self.fat.rename_append(f"{ENTRIES}/{NAMES[1]}", f"{ENTRIES}/{NAMES[0].upper()}")

    def test_missing_leaves_an_orphan(self):
        self.leave("missing")
        self.assertNotIn(NAMES[1], self.names_by_mtools())
        self.assertIn("unused cluster", self.check()[1].lower())

    def test_alias_is_a_short_name_that_no_loader_takes(self):
        alias = self.fat.find(f"{ENTRIES}/{NAMES[1]}").alias
        self.leave("alias")
        self.assertIn(alias, self.names())
        self.assertEqual(self.fat.read_file(f"{ENTRIES}/{alias}"), self.content(NAMES[1]))
        self.assertFalse(alias.lower().endswith(".conf"))

    def test_twice_is_one_cluster_under_two_names(self):
        self.leave("twice")
        found = [entry.cluster for entry in self.fat.entries(ENTRIES) if "000002" in entry.name]
        self.assertEqual(len(found), 2)
        self.assertEqual(len(set(found)), 1)
        self.assertIn("share clusters", self.check()[1].lower())

    def test_intact_changes_nothing(self):
        before = self.image.read_bytes()
        self.leave("intact")
        self.assertEqual(self.image.read_bytes(), before)

    def test_other_states_are_refused(self):
        with self.assertRaises(ValueError):
            self.leave("torn")
        self.assertEqual(len(STATES), 4)

    def leave(self, state):
        """Leave the counted entry in a state."""
        self.fat.leave(state, f"{ENTRIES}/{NAMES[1]}", f"{ENTRIES}/moult-000002+2-1.conf")

    def test_names_of_every_length_are_read_by_mtools(self):
        path = f"{ENTRIES}/{NAMES[0]}"
        for length in range(1, 45):
            fresh = f"{ENTRIES}/{'x' * length}.conf"
            self.fat.rename_append(path, fresh)
            path = fresh
            self.assertIn(path.rpartition("/")[2], self.names_by_mtools())
        self.assert_clean()

    def test_log_replays_to_the_same_image(self):
        before = bytearray(self.image.read_bytes())
        log = []
        with Fat32(self.image, log=log) as fat:
            for number in range(8):
                fat.rename_append(f"{ENTRIES}/{NAMES[1]}", f"{ENTRIES}/{number}-{NAMES[1]}")
                fat.rename_append(f"{ENTRIES}/{number}-{NAMES[1]}", f"{ENTRIES}/{NAMES[1]}")
        for offset, data in log:
            before[offset:offset + len(data)] = data
        self.assertEqual(bytes(before), self.image.read_bytes())

    def test_what_is_not_fat_is_refused(self):
        other = self.image.with_name("zeros")
        other.write_bytes(bytes(4096))
        with self.assertRaises(ValueError):
            Fat32(other)


if __name__ == "__main__":
    unittest.main()
