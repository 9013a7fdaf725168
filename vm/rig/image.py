"""Reaches into a disk image whose machine is off.

The ESP is reached by mtools at its offset, since the host need not know vfat; the Btrfs by a loop
device, since the host need not scan partitions either.  Mounts live in a private mount namespace
that ends with the process.  Copies of one image share their Btrfs id: never hold two of them
mounted at once (a lock of the cache enforces it among the rig's own users).
"""

import contextlib
import ctypes
import dataclasses
import json
import os
import pathlib
import subprocess
import tempfile

from . import cache
from .command import RigError, call

ESP_TYPE = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
LINUX_TYPE = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
CLONE_NEWNS = 0x00020000
MTOOLS = {"MTOOLS_SKIP_CHECK": "1"}


@dataclasses.dataclass(frozen=True)
class Partition:
    """One partition; offset and size in bytes."""
    number: int
    offset: int
    size: int
    type: str
    uuid: str


def partitions(image):
    """The partition table of an image, in the order of the disk."""
    table = json.loads(call("sfdisk", "--json", image))["partitiontable"]
    sector = int(table.get("sectorsize", 512))
    return [Partition(number, part["start"] * sector, part["size"] * sector,
                      part["type"].upper(), part.get("uuid", ""))
            for number, part in enumerate(table.get("partitions", []), 1)]


def find(image, type_guid):
    """The first partition of a type."""
    for part in partitions(image):
        if part.type == type_guid:
            return part
    raise RigError(f"{image}: no partition of type {type_guid}")


def esp(image):
    """The EFI system partition."""
    return find(image, ESP_TYPE)


def root(image):
    """The partition that holds the Btrfs."""
    return find(image, LINUX_TYPE)


def _mtools(program, image, *words, input=None):
    drive = f"{os.fspath(image)}@@{esp(image).offset}"
    return call(program, "-i", drive, *words, input=input, env=MTOOLS)


def esp_list(image, folder="/"):
    """The names in a directory of the ESP; directories end with a slash."""
    lines = _mtools("mdir", image, "-a", "-b", f"::{folder}").decode().splitlines()
    prefix = "::" + folder.rstrip("/") + "/"
    return sorted(line[len(prefix):] for line in lines if line.startswith(prefix))


def esp_read(image, path):
    """The bytes of a file on the ESP."""
    return _mtools("mtype", image, f"::{path}")


def esp_write(image, path, data):
    """Write a file on the ESP, replacing one that is there; its directory must exist."""
    _mtools("mcopy", image, "-o", "-", f"::{path}", input=data)


def esp_remove(image, path):
    """Remove a file from the ESP."""
    _mtools("mdel", image, f"::{path}")


def esp_add_tree(image, source):
    """Copy everything in a directory of the host to the top of the ESP."""
    names = sorted(pathlib.Path(source).iterdir())
    if names:
        _mtools("mcopy", image, "-s", "-o", "-Q", *names, "::/")


def esp_fsck(image):
    """Check the ESP without changing it: (exit status, what the checker said)."""
    with loop(image, esp(image), read_only=True) as device:
        done = subprocess.run(["fsck.fat", "-n", device], check=False, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout


@contextlib.contextmanager
def loop(image, part, read_only=False):
    """A loop device for one partition."""
    words = ["--read-only"] if read_only else []
    device = call("losetup", "--find", "--show", f"--offset={part.offset}",
                  f"--sizelimit={part.size}", *words, image).decode().strip()
    try:
        yield device
    finally:
        call("losetup", "--detach", device)


def btrfs_uuid(image):
    """The id of the file system, read from its first superblock."""
    with open(image, "rb") as file:
        file.seek(root(image).offset + 0x10000)
        block = file.read(0x48)
    if block[0x40:0x48] != b"_BHRfS_M":
        raise RigError(f"{image}: no Btrfs on its Linux partition")
    text = block[0x20:0x30].hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


@contextlib.contextmanager
def mounted(image, options="subvolid=5", read_only=False):
    """Mount the Btrfs of an image and yield where: every subvolume, unless options say else."""
    private_mounts()
    mode = "ro" if read_only else "rw"
    with contextlib.ExitStack() as stack:
        stack.enter_context(cache.lock(f"btrfs-{btrfs_uuid(image)}"))
        place = stack.enter_context(tempfile.TemporaryDirectory(prefix="moult-vm-"))
        device = stack.enter_context(loop(image, root(image), read_only))
        call("mount", "-t", "btrfs", "-o", f"{mode},{options}", device, place)
        stack.callback(call, "umount", "--recursive", place)
        yield pathlib.Path(place)


def private_mounts():
    """Give this process a mount namespace of its own, once: its mounts die with it.

    Called by mounted(); a process with threads calls it before it starts them, since a namespace
    is left by one thread at a time.
    """
    if private_mounts.done:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        raise RigError(f"no mount namespace of our own: {os.strerror(ctypes.get_errno())}")
    call("mount", "--make-rprivate", "/")
    private_mounts.done = True


private_mounts.done = False
