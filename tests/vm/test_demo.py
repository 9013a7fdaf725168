"""What ./demo shows is true: it ends well only if every step of its story did."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

import world
from rig import cache


class Story(unittest.TestCase):
    """Both stories, as somebody with a checkout would have them told."""

    long = True

    def told(self, *options):
        """All that it says."""
        with tempfile.TemporaryDirectory(dir=cache.folder("scratch")) as folder, \
                cache.lock("machine"):
            done = subprocess.run(
                [sys.executable, world.TOP / "vm/demo.py", *options,
                 pathlib.Path(folder) / "disk.img"], check=False, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def test_a_disk(self):
        self.assertIn("generation 2", self.told())

    def test_a_machine_that_runs(self):
        said = self.told("--live")
        self.assertEqual(said.count("none lost"), 4, said)
        self.assertIn("is stale", said)


if __name__ == "__main__":
    unittest.main()
