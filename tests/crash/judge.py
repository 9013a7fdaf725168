"""Whether a disk, cut off at some moment of an operation, still keeps the promise P2.

    At every instant, with power cut at any write that moult causes: every ordinary menu entry of
    ours boots a complete generation that was verified when it was made, and the default entry is
    the old one or the new one.

A Look is what a loader and a kernel find on a disk. Bounds are what was found before the operation
and after it. violations() compares a Look with the Bounds, and knows nothing of moult but names.
"""

import dataclasses
import hashlib
import os
import re
import struct

import bootview
from fatview import FatView, Memory, Unreadable
from poolview import Pool, PoolView, Unmountable
from rig import image

OURS = re.compile(r"moult-(old-)?(\d+)(?:\+\d+(?:-\d+)?)?\.conf", re.IGNORECASE)
BLOB = re.compile(r"/moult/sha256-([0-9a-f]{64})\.(linux|initrd)")
LISTED = ("built", "trial", "good", "bad")


@dataclasses.dataclass(frozen=True)
class Item:
    """An entry of the menu, and what is wrong with it by itself."""
    file: str
    ours: bool
    candidate: bool
    counted: bool
    serial: int
    generation: int  # None: it says none
    root: str  # the subvolume that becomes the root
    release: str  # of the kernel
    line: tuple = ()  # kernel, initrds, command line
    faults: tuple = ()

    @property
    def system(self):
        """What one gets who boots it."""
        return self.root


@dataclasses.dataclass(frozen=True)
class Look:
    """All that is found on a disk."""
    items: tuple = ()
    defaults: tuple = (None,) * len(bootview.VERSIONS)  # what each version of the loader boots
    pools: tuple = ()  # the Btrfs, once for each way of mounting it
    faults: tuple = ()

    @property
    def pool(self):
        """As it is found when nothing is left to be replayed."""
        return self.pools[-1]


@dataclasses.dataclass(frozen=True)
class Bounds:
    """What was found before an operation and after it.

    written: the roots that the running machine itself writes to meanwhile.
    """
    old: Look
    new: Look
    written: frozenset = frozenset()

    @property
    def lines(self):
        """What an entry of a serial boots, and by what command line."""
        return {(item.serial, item.line) for side in (self.old, self.new) for item in side.items}

    def systems(self, version):
        """What may boot by itself: the new one or the old one.

        Where something was on trial before, the old one is also what the loader comes back to.
        """
        last = max((item for item in self.old.items if item.candidate and not item.counted),
                   key=lambda item: item.serial, default=None)
        found = [self.old.defaults[version], last, self.new.defaults[version]]
        return list(dict.fromkeys(item.system for item in found if item))


class Viewer:
    """Looks at a disk image, again and again while its bytes change."""

    def __init__(self, disk, original="@rootfs"):
        self.disk, self.original = disk, original
        self.esp = image.esp(disk)
        self.pool = PoolView(disk)
        self.memory = Memory()
        self.blobs = {}  # kernels and initrds that were read already
        self.fd = None

    def __enter__(self):
        self.fd = os.open(self.disk, os.O_RDONLY | os.O_CLOEXEC)
        self.pool.__enter__()
        return self

    def __exit__(self, *_):
        self.pool.__exit__()
        os.close(self.fd)

    def _read(self, offset, length):
        if offset + length > self.esp.size:
            raise Unreadable(f"{offset} is beyond the end of the volume")
        return os.pread(self.fd, length, self.esp.offset + offset)

    def look(self):
        """What is there now."""
        faults, items, defaults, pools = [], (), Look().defaults, []
        try:
            items, defaults = menu(FatView(self._read, self.memory), self.pool.uuid,
                                   self.blobs)
        except Unreadable as error:
            faults.append(f"the boot volume cannot be read: {error}")
        try:
            pools = self.pool.look([self.original])
        except Unmountable as error:
            faults.append(f"the Btrfs cannot be mounted: {error}")
        return Look(items, defaults, tuple(pools), tuple(faults))

    def written(self, position, length):
        """Somebody wrote to the disk there: what was read of it may be something else now."""
        start = position - self.esp.offset
        if start < self.esp.size:
            for key, (_, runs) in list(self.blobs.items()):
                if any(at < start + length and start < at + size for at, size in runs):
                    del self.blobs[key]


# The boot volume


def menu(view, uuid, blobs):
    """(the items of the menu, the default of each version) of a boot volume."""
    found = [(entry, _item(view, entry, uuid, blobs)) for entry in bootview.entries(view)]
    chosen = [bootview.default(view, version) for version in bootview.VERSIONS]
    return (tuple(item for _, item in found),
            tuple(next((item for entry, item in found if entry == default), None)
                  for default in chosen))


def _item(view, entry, uuid, blobs):
    words = dict(word.split("=", 1) for word in entry.options.split() if "=" in word)
    named = OURS.fullmatch(entry.file)
    flags = dict(flag.split("=", 1) for flag in words.get("rootflags", "").split(",")
                 if "=" in flag)
    faults, release = [], ""
    if named:
        release = _check_blobs(view, entry, blobs, faults)
        if words.get("root") != f"UUID={uuid}":
            faults.append(f"its root is {words.get('root')}")
        if words.get("moult.serial") != str(int(named[2])):
            faults.append(f"it says serial {words.get('moult.serial')}")
        if not words.get("moult.gen", "").isdigit():
            faults.append("it names no generation")
    number = words.get("moult.gen", "")
    return Item(entry.file, bool(named), bool(named) and not named[1], entry.left is not None,
                int(named[2]) if named else 0, int(number) if number.isdigit() else None,
                flags.get("subvol", "").lstrip("/"), release,
                (entry.kernel, entry.initrds, entry.options), tuple(faults))


def _check_blobs(view, entry, blobs, faults):
    """Kernel and initrd must be what their names promise; returns the kernel's release."""
    release = ""
    if not entry.initrds:
        faults.append("it names no initrd")
    for path, kind in [(entry.kernel, "linux"), *((path, "initrd") for path in entry.initrds)]:
        named = BLOB.fullmatch(path)
        if not named or named[2] != kind:
            faults.append(f"{path} does not name a {kind} by its content")
            continue
        found, version = _blob(view, path, blobs)
        if found != named[1]:
            faults.append(f"{path[:24]}….{kind} {found}")
        if kind == "linux":
            release = version
    return release


def _blob(view, path, known):
    """(its digest or what is wrong with it, release of the kernel it is)."""
    name = view.find(path)
    if not name or name.is_folder:
        return "is missing", ""
    try:
        runs = view.places(name)
        key = path, name.size, tuple(runs)
        if key not in known:
            data = view.content(name)
            digest = hashlib.sha256(data).hexdigest()
            is_it = BLOB.fullmatch(path)[1] == digest
            known[key] = (digest if is_it else "has another content", _release(data)), runs
        return known[key][0]
    except Unreadable as error:
        return str(error), ""


def _release(kernel):
    """The version in the header of an x86 kernel."""
    if kernel[0x202:0x206] != b"HdrS":
        return ""
    at, = struct.unpack_from("<H", kernel, 0x20E)
    return kernel[at + 0x200:at + 0x280].partition(b"\0")[0].decode("latin-1").partition(" ")[0]


# What must hold


def violations(look, bounds):
    """Sentences; none where the promise is kept."""
    found = list(look.faults)
    for item in look.items:
        if item.ours:
            found += [f"{item.file}: {fault}" for fault in item.faults]
            if not item.faults and (item.serial, item.line) not in bounds.lines:
                found.append(f"{item.file}: its command line is neither an old nor a new one: "
                             f"{item.line[-1]}")
    for pool in look.pools:
        for item in look.items:
            if item.ours:
                found += [f"{item.file}: {fault}" for fault in _system_faults(item, pool, bounds)]
        found += _default_subvolume(pool, bounds) + _volumes(pool, bounds)
    return found + _default_entry(look, bounds) + _candidates(look, bounds)


def _system_faults(item, pool, bounds):
    """What an entry boots must be there, complete, and listed."""
    if item.generation is None:
        return []
    listed = pool.generations.get(item.generation)
    if not listed:
        return [f"generation {item.generation} does not exist"]
    if listed.broken:
        return [f"generation {item.generation}: {listed.broken}"]
    if listed.state not in LISTED:
        return [f"generation {item.generation} is {listed.state}"]
    if item.generation > 0 and item.root != f"@gens/{item.generation}/root":
        return [f"its root is {item.root}"]
    if item.root not in pool.trees:
        return [f"the subvolume {item.root} does not exist"]
    found = []
    if item.release not in pool.modules[item.root]:
        found.append(f"{item.root} has no modules of its kernel {item.release or '(unknown)'}")
    found += [f"its data {path} does not exist" for path in pool.missing(item.root)]
    trees = [] if item.root in bounds.written else [item.root]
    if item.generation > 0:
        trees.append(f"@gens/{item.generation}/base")
    return found + [f"{path} is not complete" for path in trees
                    if not _is_known(path, pool, bounds)]


def _is_known(path, pool, bounds):
    """Whether a tree is as it was before the operation, or as it is after it.

    One that is not there is known where its generation was listed without it: a system that was
    adopted while it ran is the base itself until its data was parted from it.
    """
    number = re.match(r"@gens/(\d+)/", path)
    known = [side.pool.trees.get(path) for side in (bounds.old, bounds.new)
             if path in side.pool.trees or
             (number and path.endswith("/base") and int(number[1]) in side.pool.generations)]
    return pool.trees.get(path) in known


def _volumes(pool, bounds):
    """Of what lies at the top, each is the old subvolume or the new one, and none that stays, under
    whatever name, is ever gone."""
    old, new, now = (found.volumes for found in (bounds.old.pool, bounds.new.pool, pool))
    found = [f"{path} is neither the old subvolume nor the new one"
             for path in old.keys() & new.keys()
             if "/" not in path and now.get(path) not in (old[path], new[path])]
    return found + [f"the subvolume that was {path} is gone" for path, identity in old.items()
                    if "/" not in path and identity in new.values()
                    and identity not in now.values()]


def _default_subvolume(pool, bounds):
    """What boots where nothing names a subvolume: the old or the new, and good when all is done."""
    path = pool.default
    if path not in (bounds.old.pool.default, bounds.new.pool.default):
        return [f"the default subvolume is {path or 'the top'}"]
    number = re.fullmatch(r"@gens/(\d+)/root", path)
    if not number:
        return []
    if path not in pool.trees:
        return [f"the default subvolume {path} does not exist"]
    states = [side.pool.generations.get(int(number[1])) for side in (bounds.old, bounds.new)]
    if not any(state and state.state == "good" for state in states):
        return [f"the default subvolume {path} is not of a good generation"]
    return []


def _default_entry(look, bounds):
    found = []
    for number, (version, item) in enumerate(zip(bootview.VERSIONS, look.defaults)):
        wanted = bounds.systems(number)
        if not item or item.system not in wanted:
            found.append(f"systemd-boot {version} would boot {item.system if item else 'nothing'}, "
                         f"not one of {', '.join(wanted)}")
    return found


def _candidates(look, bounds):
    """Always one that the loader does not count, where there was and will be one; never two that
    it does."""
    ours = [item for item in look.items if item.candidate]
    found = []
    if all(any(item.candidate and not item.counted for item in side.items)
           for side in (bounds.old, bounds.new)) and all(item.counted for item in ours):
        found.append("no uncounted entry is left to come back to")
    serials = {item.serial for item in ours if item.counted}
    if len(serials) > 1:
        found.append(f"several counted entries are enabled: {sorted(serials)}")
    return found
