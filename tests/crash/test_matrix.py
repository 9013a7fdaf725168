#!/usr/bin/python3
"""Power cuts at every flush, and between them: no state of the disk may break promise P2.

In the short run a sample of a few operations; in the long one all of them, from which the published
matrix is written.
"""

import contextlib
import functools
import os
import pathlib
import sys
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "vm"), str(TOP / "tests/crash")]

import home  # noqa: E402
import live  # noqa: E402
import matrix  # noqa: E402
import operations  # noqa: E402
import world  # noqa: E402
from rig import cache, image  # noqa: E402
from world import tearDownModule  # noqa: E402,F401

SHORT = (operations.OFFLINE[0], operations.OFFLINE[1])
# the command line is tried before what is pending
SHORT_OWNERS = (0, 1, 4)
WANTED_SUBSETS = 200
# How many states of each operation are booted; MOULT_CRASH_BOOTS says another number:
# 0.3, one of each third operation.
EFFORT = matrix.Effort(subsets=250, samples=float(os.environ.get("MOULT_CRASH_BOOTS", "1")))
CHAINS = [operations.OFFLINE, *(rows for rows, _ in home.CHAINS.values()), live.LIVE]
ORDER = [operation.name for rows in CHAINS for operation in rows]


class Matrix(unittest.TestCase):
    """The operations, cut off."""

    @classmethod
    def setUpClass(cls):
        image.private_mounts()

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(
            tempfile.TemporaryDirectory(prefix="crash-", dir=world.made.place)))

    def assert_kept(self, recording, flushes):
        """In no state of it the promise is broken."""
        rows = matrix.Trial(recording, self.folder, matrix.Effort(subsets=20)).rows()
        for row in rows:
            self.assertEqual((row.said, row.violations), ([], 0))
            self.assertGreater(row.flush_points, flushes, row.operation)
            self.assertGreaterEqual(row.subsets, 20, row.operation)

    def test_a_sample_of_adopting_and_upgrading(self):
        self.assert_kept(operations.offline(self.folder, SHORT), 10)

    def test_a_sample_of_a_new_command_line_and_of_late_edits(self):
        self.assert_kept(home.at_home("owners", self.folder, SHORT_OWNERS), 5)

    def test_a_moult_that_makes_nothing_durable_is_noticed(self):
        calls = "syncfs,fsync,fdatasync,sync"
        recording = operations.offline(self.folder, SHORT[:1], around=(
            "strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}",
            "-e", f"inject={calls}:retval=0"))
        row, = matrix.Trial(recording, self.folder, matrix.Effort(subsets=60)).rows()
        self.assertGreater(row.violations, 0)

    def test_the_published_matrix_is_whole_and_has_no_violation(self):
        published = matrix.published()
        self.assertEqual((matrix.DOCS / "crash-matrix.md").read_text(encoding="utf-8"),
                         matrix.text(published))
        for row in published["rows"]:
            self.assertEqual(row["violations"], 0, row)
            self.assertGreaterEqual(row["subsets"], WANTED_SUBSETS, row)
            self.assertEqual(row["images"], row["flush_points"] + row["subsets"], row)
        self.assertEqual([row["operation"] for row in published["rows"]], ORDER)
        self.assertGreater(sum(row["booted"] for row in published["rows"]), 0)


class Everything(unittest.TestCase):
    """All operations, as they are published; some states of each are booted."""

    long = True

    @classmethod
    def setUpClass(cls):
        image.private_mounts()

    def judge(self, record, effort=EFFORT):
        """Judge and publish one recording."""
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(
            prefix="crash-", dir=cache.folder("scratch"))))
        binary = self.enterContext(live.vm_world.binary())
        rows = matrix.Trial(record(folder), folder, effort).rows()
        for row in rows:
            for sample in row.samples:
                row.booted += 1
                if wrong := live.boot(sample, binary):
                    row.blame(sample.state, [wrong])
                sample.disk.unlink()
        matrix.publish(rows, effort, ORDER)
        self.assertEqual([sentence for row in rows for sentence in row.said], [])
        self.assertEqual([row.violations for row in rows], [0] * len(rows))
        self.assertEqual([row.operation for row in rows if row.subsets < WANTED_SUBSETS], [])

    def test_operations_on_a_disk_that_is_off(self):
        self.judge(operations.offline)

    def test_generations_that_run(self):
        self.judge(functools.partial(home.at_home, "generations"))

    def test_what_owners_do_to_a_system_that_runs(self):
        self.judge(functools.partial(home.at_home, "owners"))

    def test_adopting_a_system_that_runs(self):
        self.judge(functools.partial(home.at_home, "adoption"))

    def test_operations_in_a_machine_that_runs(self):
        self.judge(live.live)


if __name__ == "__main__":
    unittest.main()
