#!/usr/bin/python3
"""Calls of the kernel that fail, in the shipped binary: it says so, and the next command works.

strace makes the N-th call of a kind fail, for a sample of kinds and N, in moult and in every
program it runs; see world.py for the rest.
"""

import os
import tempfile
import unittest

import world
from rig import cache
from world import tearDownModule  # noqa: F401

ALL = os.environ.get("MOULT_TEST_ALL") == "1"
# A call, what it fails with, at which of its calls; the last are for --all only.
RUN = (
    ("fsync", "EIO", (1, 5)),
    ("syncfs", "EIO", (1, 2, 4)),
    ("renameat", "ENOSPC", (1, 3)),
    ("write", "ENOSPC", (3, 9)),
    ("pwrite64", "EIO", (1, 2)),
    ("openat", "ENOSPC", (60, 140)),
    ("ioctl", "EIO", (20, 45)),
    ("mkdirat", "ENOSPC", (2, 12)),
    ("mount", "EPERM", (2, 9)),
    ("clone3", "EAGAIN", (1, 4)),
    ("unlinkat", "EIO", (1, 6)),
    ("openat", "EROFS", (80,)),
    ("fsync", "EINTR", (2,)),
    ("syncfs", "SIGKILL", (1, 3)),
    ("renameat", "SIGKILL", (2,)),
    ("pwrite64", "SIGKILL", (1,)),
)
ROLLBACK = (
    ("fsync", "EIO", (1, 6)),
    ("syncfs", "EIO", (1, 3)),
    ("renameat", "ENOSPC", (1, 2)),
    ("write", "ENOSPC", (4, 9)),
    ("pwrite64", "EIO", (1, 2)),
    ("ioctl", "EIO", (12, 30)),
    ("clone3", "EAGAIN", (2,)),
    ("openat", "EROFS", (50,)),
    ("syncfs", "EINTR", (1,)),
    ("syncfs", "SIGKILL", (1, 2, 3)),
    ("pwrite64", "SIGKILL", (1,)),
    ("ioctl", "SIGKILL", (14,)),
)
MORE = (1, 2, 3, 5, 7, 8, 10, 15, 25, 35, 50, 70, 90, 120, 160, 200, 300)


def failing(call, error, number):
    """Run under this, the call of that number fails, once in each process, or ends it."""
    how = "signal" if error.startswith("SIG") else "error"
    return ("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e",
            f"inject={call}:{how}={error}:when={number}")


class Faults(world.BadDay):
    """One failure at a time; the machine is as before, or as asked, and says which."""

    def prepared(self):
        """A disk on which one generation is pending that `run` made."""
        disk = self.disk()
        disk.moult("run", "--", "true").ok()
        path = world.made.place / f"{self.id().rpartition('.')[2]}-prepared.img"
        cache.copy(disk.path, path)
        self.addCleanup(path.unlink)
        return disk, path

    def assert_told(self, result, killed=False):
        """Done, or one sentence with a command; never silence, and no signal but the one sent."""
        if killed and result.status in (-9, 137):
            return
        self.assertIn(result.status, (0, 1, 3, 75), result)
        if result.status:
            self.assert_sentence(result, result.status, (), "")

    def each(self, faults, words, allowed):
        """Every fault of a table on a fresh disk."""
        disk, path = self.prepared()
        for call, error, numbers in faults:
            for number in sorted({*numbers, *(MORE if ALL else ())}):
                with self.subTest(call=call, error=error, number=number):
                    disk.path.unlink()
                    cache.copy(path, disk.path)
                    result = disk.moult(*words, around=failing(call, error, number))
                    self.assert_told(result, error == "SIGKILL")
                    self.assert_free(disk)
                    status = disk.moult("--json", "status").ok().json
                    self.assertIn(status["next"]["id"], allowed[result.status == 0], result)
                    disk.moult("repair").ok()
                    self.assert_sound(disk)
                    self.assert_works(disk)

    def test_run(self):
        self.each(RUN, ("run", "--replace", "--", "true"), {False: (0, 1, 2, 3), True: (3,)})

    def test_rollback(self):
        self.each(ROLLBACK, world.TO_ORIGINAL, {False: (0, 2), True: (0,)})


class Standard(world.BadDay):
    """Streams that go away or are full."""

    def test_full_output(self):
        disk = self.disk()
        for words in (["list"], ["--json", "status"]):
            with open("/dev/full", "w", encoding="ascii") as full, \
                    tempfile.TemporaryFile("w+") as err:
                done = world.subprocess.run(disk.words(*words), stdout=full, stderr=err,
                                            check=False)
            self.assertEqual(done.returncode, 1)

    def test_no_streams(self):
        disk = self.disk()
        command = " ".join(disk.words("run", "--", "true")) + " <&- >&- 2>&-"
        self.assertIn(world.subprocess.run(["sh", "-c", command], check=False).returncode, (0, 1))
        self.assert_sound(disk)
        self.assert_works(disk)

    def test_reader_that_leaves(self):
        disk = self.disk()
        command = " ".join(disk.words("run", "--replace", "-v", "--", "sh", "-c",
                                      "'seq 100000'")) + " 2>&1 | head -n 1"
        world.subprocess.run(["sh", "-c", command], check=True,
                             stdout=world.subprocess.DEVNULL)
        self.assertTrue(disk.released(60))
        self.assertEqual(disk.generations()[2]["state"], "trial")
        self.assert_sound(disk)


if __name__ == "__main__":
    unittest.main(verbosity=2)
