"""Notes every write and flush that a program causes on a disk image.

    with recorded(image, log) as path:
        subprocess.run(["moult", "--sysroot", path, "init"])

QEMU's storage daemon shows the image as a file, through FUSE, and its blklogwrites driver notes
what arrives. Writes go through the loop devices that the program puts on that file, so a flush is
noted when the kernel asked for one to be done, as a drive would see it. A machine in QEMU is
recorded by the rig itself (Machine(write_log=…)), in the same format: that of dm-log-writes.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import struct
import subprocess
import tempfile
import time

from rig import RigError

SECTOR = 512
MAGIC = 0x6A736677736872
FLUSH, DISCARD = 1, 4
KNOWN = 1 | 2 | 4
START_SECONDS = 20


@contextlib.contextmanager
def exported(node, parent):
    """A block node of QEMU's, as JSON, shown as a file in a directory."""
    with tempfile.TemporaryDirectory(prefix="moult-crash-", dir=parent) as folder:
        shown = pathlib.Path(folder) / "disk.img"
        shown.touch()
        with subprocess.Popen(
                ["qemu-storage-daemon", "--blockdev", json.dumps({**node, "node-name": "disk"}),
                 "--export", f"type=fuse,id=file,node-name=disk,mountpoint={shown},writable=on"],
                stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as daemon:
            try:
                _wait_shown(shown, daemon)
                yield shown
            finally:
                daemon.terminate()
                said = daemon.communicate()[1]
        if daemon.returncode != 0:
            raise RigError(f"qemu-storage-daemon: {said.decode(errors='replace')}")


def _wait_shown(shown, daemon):
    limit = time.monotonic() + START_SECONDS
    while shown.stat().st_size == 0:
        if daemon.poll() is not None or time.monotonic() > limit:
            raise RigError("qemu-storage-daemon does not show the disk; see above")
        time.sleep(0.02)


@contextlib.contextmanager
def recorded(image, log):
    """The image under another name, as long as this lasts; what is written there goes into log."""
    pathlib.Path(log).write_bytes(b"")
    file = {"driver": "file", "filename": os.path.abspath(image)}
    node = {"driver": "blklogwrites", "log-sector-size": SECTOR,
            "file": {"driver": "raw", "file": file},
            "log": {"driver": "file", "filename": os.path.abspath(log)}}
    with exported(node, pathlib.Path(image).parent) as shown:
        yield shown


@dataclasses.dataclass(frozen=True)
class Write:
    """Some sectors of the disk; data None: discarded. at: where the data lies in the log."""
    sector: int
    count: int
    at: int


@dataclasses.dataclass(frozen=True)
class Epoch:
    """The writes between two flushes: after a power cut, each of their sectors may be there."""
    writes: tuple
    end: int  # where the log goes on


def epochs(log):
    """What a log holds, flush by flush; what no flush followed is the last."""
    found, writes = [], []
    with open(log, "rb") as file:
        _check_header(file, log)
        end = file.seek(0, os.SEEK_END)
        at = SECTOR
        while at + SECTOR <= end:
            file.seek(at)
            sector, count, flags, _ = struct.unpack("<QQQQ", file.read(32))
            if flags & ~KNOWN:
                raise RigError(f"{log}: an entry of an unknown kind at {at}")
            at += SECTOR
            if count:
                writes.append(Write(sector, count, 0 if flags & DISCARD else at))
                at += 0 if flags & DISCARD else count * SECTOR
            if flags & FLUSH and writes:
                found.append(Epoch(tuple(writes), at))
                writes = []
    if writes:
        found.append(Epoch(tuple(writes), at))
    return found


def _check_header(file, log):
    magic, version, _, size = struct.unpack("<QQQI", file.read(28))
    if (magic, version, size) != (MAGIC, 1, SECTOR):
        raise RigError(f"{log}: not a log of writes")
