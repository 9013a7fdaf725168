"""Sound disks that a test damages by hand, and what the checker has to say about them."""

import pathlib
import tempfile
import unittest
import uuid

import judge
import specimen
from rig import image
from specimen import Specimen

ENTRIES = "/loader/entries"


class DamagedCase(unittest.TestCase):
    """One damage a case, each on a copy of a sound disk."""

    @classmethod
    def setUpClass(cls):
        image.private_mounts()
        cls.folder = pathlib.Path(cls.enterClassContext(
            tempfile.TemporaryDirectory(prefix="moult-crash-")))
        cls.sound = Specimen.make(cls.folder / "sound.img", str(uuid.uuid4()))
        cls.before = cls.sound.look()

    def setUp(self):
        self.disk = self.sound.copy(self.folder / "copy.img")

    def assert_found(self, *texts, written=frozenset(), after=None):
        """The checker names each of these, and nothing else."""
        bounds = judge.Bounds(self.before, after or self.before, written)
        found = judge.violations(self.disk.look(), bounds)
        self.assertEqual(len(found), len(texts), found)
        for text in texts:
            self.assertTrue(any(text in sentence for sentence in found), f"{text}: {found}")

    def put_entry(self, file, generation, serial, **keys):
        """Write an entry."""
        self.disk.put(f"{ENTRIES}/{file}",
                      specimen.entry(self.disk.uuid, generation, serial, **keys))
