"""What is recorded: chains of operations, each done to the disk that the one before left.

A new operation is a row of a table. Its act does it; what must be prepared for it is done before
the recording of that operation begins, though on the same disk. Each chain starts with a disk of
tests/machine or tests/vm and leaves a Recording.
"""

import dataclasses
import pathlib
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "vm"), str(TOP / "tests"), str(TOP / "tests/crash"),
                str(TOP / "tests/machine")]

import record  # noqa: E402
import world  # noqa: E402
from rig import MachineError, cache  # noqa: E402
from rig.command import say  # noqa: E402

TIMEOUT = 900


@dataclasses.dataclass(frozen=True)
class Operation:
    """A row: act(subject) is recorded, prepare(subject) before it is not."""
    name: str
    act: object
    prepare: object = None


@dataclasses.dataclass(frozen=True)
class Segment:
    """Where an operation lies in the log, in bytes.

    written: the roots that somebody else wrote to meanwhile.
    """
    operation: str
    start: int
    end: int
    written: frozenset = frozenset()


@dataclasses.dataclass(frozen=True)
class Recording:
    """A disk as it was before, and all that was then written to it."""
    start: pathlib.Path
    log: pathlib.Path
    segments: tuple


# Machines that are off


class Off:
    """A disk that moult is told of by --sysroot; around: a program that runs it."""

    def __init__(self, path, around=()):
        self.disk, self.around = world.Disk(path), around

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    @staticmethod
    def roots():
        """The roots that are written to by others than moult."""
        return frozenset()

    def settle(self):
        """All that it wrote has reached the disk."""
        self.disk.released()

    def moult(self, *words):
        """It does it, or this is no recording of it."""
        done = self.disk.moult(*words, around=self.around, timeout=TIMEOUT)
        if done.status != 0:
            raise MachineError(f"moult {' '.join(words)}: exit status {done.status}\n"
                               f"{done.out}{done.err}")


def moult(*words):
    """An act of one command."""
    return lambda subject: subject.moult(*words)


def _put_archive(off):
    """An archive in the system itself, before it is adopted."""
    with off.disk.pool() as top:
        world.install_repository(top / "@rootfs")


def _put_newer(off):
    """A newer package in it."""
    with off.disk.pool() as top:
        folder = top / "@srv/repo"
        world.make_deb(folder, world.NEW)
        world.index(folder)


OFFLINE = (
    Operation("init --sysroot", moult("init"), _put_archive),
    Operation("upgrade --sysroot", moult("upgrade"), _put_newer),
    Operation("rollback --sysroot", moult("rollback", "0", "--accept", "ORIGINAL_DATA")),
    Operation("run --sysroot", moult("run", "--replace", "--", "true")),
    Operation("init --undo --sysroot", moult("init", "--undo")),
)


def chain(folder, operations, subject, kind="fresh"):
    """Record operations on a copy of one of the disks of tests/machine.

    subject(path) is what they are done to; a context manager.
    """
    start, disk, log = folder / "start.img", folder / "recorded.img", folder / "writes.log"
    cache.copy(world.made(kind), start)
    cache.copy(start, disk)
    segments = []
    with record.recorded(disk, log) as shown, subject(shown) as subject_now:
        for operation in operations:
            if operation.prepare:
                operation.prepare(subject_now)
            say(f"recording {operation.name}")
            begin, written = log.stat().st_size, subject_now.roots()
            operation.act(subject_now)
            subject_now.settle()
            segments.append(Segment(operation.name, begin, log.stat().st_size,
                                    written | subject_now.roots()))
    disk.unlink()
    return Recording(start, log, tuple(segments))


def offline(folder, operations=OFFLINE, around=()):
    """Record operations on a disk as Debian's installer leaves it."""
    return chain(folder, operations, lambda path: Off(path, around))
