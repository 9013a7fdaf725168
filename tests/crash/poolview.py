"""The Btrfs of a disk as the kernel finds it after a power cut: mounted read-only, log replayed.

Mounting read-only writes nothing where nothing was left in the file system's log, and the device is
read-only so that this is certain. Where something was left, the kernel writes when it replays it.
Then the promise has to hold for what was committed before, which is looked at every time, without
the log; and for what the replay makes of it, which is looked at in each fifth of these states, on a
layer above the disk that is thrown away. Of one file system never more than one state is mounted at
a time.
"""

import contextlib
import ctypes
import dataclasses
import fcntl
import hashlib
import json
import os
import pathlib
import struct
import tempfile

from record import exported
from rig import RigError, image
from rig.command import call

SUPERBLOCK = 64 << 10
TRANSACTION, LOG_ROOT = 0x48, 0x60
MS_RDONLY = 1
TOP_INODE = 256
TOP_ID = 5
GET_SUBVOLUME, FORGET_DEVICE, SEARCH_TREE = 0x81F8943C, 0x50009405, 0xD0009411
ROOT_TREE, ROOT_TREE_FOLDER, FOLDER_ITEM = 1, 6, 84
REPLAYED_EACH = 5


class Unmountable(Exception):
    """The kernel does not mount it; says what it answered."""


@dataclasses.dataclass(frozen=True)
class Generation:
    """What a directory of @gens says; broken: why its documents cannot be believed."""
    state: str = ""
    broken: str = ""


@dataclasses.dataclass(frozen=True)
class Pool:
    """What is on the Btrfs: trees by path of the subvolume, each with a digest of all its names."""
    default: str
    generations: dict
    trees: dict
    modules: dict  # path of the subvolume → kernel releases it has modules of
    data: dict  # path of the subvolume → what its fstab mounts, and whether that is there
    volumes: dict  # path of each subvolume → its id, which goes with it when it is renamed

    def missing(self, path):
        """The subvolumes that a root mounts and that are not there."""
        return [name for name, there in self.data.get(path, ()) if not there]


class PoolView:
    """Looks at the Btrfs of a disk, again and again while its bytes change."""

    def __init__(self, disk):
        self.disk = pathlib.Path(disk)
        self.part = image.root(disk)
        self.uuid = image.btrfs_uuid(disk)
        self.known = {}
        self.transaction = 0
        self.logs = self.replayed = 0

    def __enter__(self):
        image.private_mounts()
        self.stack = contextlib.ExitStack()
        self.device = self.stack.enter_context(image.loop(self.disk, self.part, read_only=True))
        self.place = self.stack.enter_context(tempfile.TemporaryDirectory(prefix="moult-crash-"))
        return self

    def __exit__(self, *_):
        self.stack.close()

    def look(self, originals=()):
        """What is there now, one Pool for each way of mounting; Unmountable.

        originals: subvolumes outside of @gens that matter.
        """
        if not self._has_log():
            return [self._look(self.device, "", originals)]
        found = [self._look(self.device, "rescue=nologreplay,", originals)]
        self.logs += 1
        if self.logs % REPLAYED_EACH == 1:
            self.replayed += 1
            with self._layer() as device:
                found.append(self._look(device, "", originals))
        return found

    def _look(self, device, options, originals):
        with self._mounted(device, options):
            return self._read(pathlib.Path(self.place), originals)

    def _has_log(self):
        with open(self.disk, "rb") as file:
            file.seek(self.part.offset + SUPERBLOCK)
            block = file.read(4096)
        self.transaction, = struct.unpack_from("<Q", block, TRANSACTION)
        return struct.unpack_from("<Q", block, LOG_ROOT)[0] != 0

    @contextlib.contextmanager
    def _layer(self):
        with tempfile.TemporaryDirectory(prefix="moult-crash-", dir=self.disk.parent) as folder:
            layer = os.path.join(folder, "layer.qcow2")
            call("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", self.disk.resolve(),
                 layer)
            node = {"driver": "qcow2", "file": {"driver": "file", "filename": layer}}
            with exported(node, folder) as shown, image.loop(shown, self.part) as device:
                yield device

    @contextlib.contextmanager
    def _mounted(self, device, options):
        libc = ctypes.CDLL(None, use_errno=True)
        _forget(device)
        if libc.mount(device.encode(), self.place.encode(), b"btrfs", MS_RDONLY,
                      f"{options}subvolid={TOP_ID}".encode()):
            raise Unmountable(os.strerror(ctypes.get_errno()))
        try:
            yield
        finally:
            if libc.umount2(self.place.encode(), 0):
                raise RigError(f"cannot unmount {self.place}: {os.strerror(ctypes.get_errno())}")

    def _read(self, top, originals):
        generations, trees, modules, data, ids = {}, {}, {}, {}, {TOP_ID: ""}
        gens = top / "@gens"
        names = sorted(name for name in os.listdir(gens) if name.isdigit()) if gens.is_dir() else []
        paths = list(originals)
        for name in names:
            generations[int(name)] = _generation(gens / name, int(name))
            paths += [f"@gens/{name}/root", f"@gens/{name}/base"]
        for path in paths:
            if _is_subvolume(top / path):
                trees[path], modules[path], mounts = self._tree(top / path)
                data[path] = [(name, _is_subvolume(top / name)) for name in mounts]
                ids[_version(top / path)[0]] = path
        default = _default(top)
        return Pool(ids.get(default, f"subvolume {default}"), generations, trees, modules, data,
                    _volumes(top, trees))

    def _tree(self, path):
        """A subvolume that was not written to since it was last looked at need not be read again.

        What a replay of the log changed is of a transaction that the disk has not seen.
        """
        key = _version(path)
        if key in self.known:
            return self.known[key]
        try:
            releases = frozenset(os.listdir(path / "usr/lib/modules"))
        except OSError:
            releases = frozenset()
        found = _digest(path), releases, _mounts(path / "etc/fstab")
        if key[2] <= self.transaction:
            self.known[key] = found
        return found


def _is_subvolume(path):
    try:
        return os.lstat(path).st_ino == TOP_INODE and path.is_dir()
    except OSError:
        return False


def _volumes(top, paths):
    """The id of each of these subvolumes, and of all at the top."""
    names = [name for name in os.listdir(top) if _is_subvolume(top / name)]
    return {path: _version(top / path)[1] for path in (*names, *paths)}


def _mounts(fstab):
    """The subvolumes that a file system table mounts beside the root."""
    try:
        lines = fstab.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ()
    fields = [line.split() for line in lines if not line.lstrip().startswith("#")]
    options = [words[3].split(",") for words in fields
               if words[2:3] == ["btrfs"] and len(words) > 3 and words[1] != "/"]
    return tuple(word.partition("=")[2].lstrip("/") for words in options for word in words
                 if word.startswith("subvol=") and "nofail" not in words)


def _asked(path, request, data):
    """The answer of the kernel to an ioctl on a path."""
    fd = os.open(path, os.O_RDONLY)
    try:
        fcntl.ioctl(fd, request, data)
    finally:
        os.close(fd)
    return data


def _forget(device):
    """What the kernel remembers of a device from another state of it."""
    data = bytearray(4096)
    data[8:8 + len(device)] = device.encode()
    with contextlib.suppress(FileNotFoundError):
        _asked("/dev/btrfs-control", FORGET_DEVICE, data)


def _version(path):
    """(its number, its id, the transactions of its last change) of a subvolume."""
    info = _asked(path, GET_SUBVOLUME, bytearray(504))
    number, = struct.unpack_from("<Q", info)
    generation, _, uuid = struct.unpack_from("<QQ16s", info, 8 + 256 + 16)
    changed, = struct.unpack_from("<Q", info, 8 + 256 + 32 + 48)
    return number, uuid, generation, changed


def _default(top):
    """The number of the default subvolume: the entry of that name in the tree of roots."""
    everything = 2 ** 64 - 1
    key = struct.pack("<7Q4I4Q", ROOT_TREE, ROOT_TREE_FOLDER, ROOT_TREE_FOLDER, 0, everything, 0,
                      everything, FOLDER_ITEM, FOLDER_ITEM, 1, 0, 0, 0, 0, 0)
    found = _asked(top, SEARCH_TREE, bytearray(key.ljust(4096, b"\0")))
    if struct.unpack_from("<I", found, 64)[0] == 0:
        return TOP_ID
    return struct.unpack_from("<Q", found, len(key) + 32)[0]


def _digest(top):
    """Of every name in a subvolume: kind, owner, size and time; it does not enter others."""
    total = hashlib.sha256()
    folders = [os.fspath(top)]
    while folders:
        folder = folders.pop()
        with os.scandir(folder) as items:
            for item in sorted(items, key=lambda item: item.name):
                stat = item.stat(follow_symlinks=False)
                inside = item.is_dir(follow_symlinks=False)
                total.update(f"{item.path[len(os.fspath(top)):]}\0{stat.st_mode} {stat.st_uid} "
                             f"{stat.st_gid} {0 if inside else stat.st_size} {stat.st_mtime_ns}\0"
                             .encode("utf-8", "surrogateescape"))
                if inside and stat.st_ino != TOP_INODE:
                    folders.append(item.path)
    return total.hexdigest()


def _document(path):
    document = json.loads(path.read_bytes())
    if not isinstance(document, dict):
        raise ValueError("it is no object")
    return document


def _generation(folder, number):
    for name in ("generation.json", "state.json"):
        try:
            document = _document(folder / name)
        except (OSError, ValueError) as error:
            return Generation(broken=f"{name}: {error}")
        if name == "generation.json" and document.get("id") != number:
            return Generation(broken=f"{name} is of generation {document.get('id')}")
    return Generation(state=str(document.get("state")))
