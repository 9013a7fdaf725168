"""An EFI system partition as the FAT driver of EDK2 firmware sees it, whatever state it is in.

Read only, and written from that driver's behaviour, not from anything of moult's:

- only the first table counts, and only the tables: the dirty mark, FSInfo and the second table
  are not looked at;
- a directory whose chain of clusters is broken is an empty one; a directory ends at the first slot
  that starts with a zero byte and is not a volume label or part of a long name;
- the parts of a long name are sought backwards from the short entry, and if one of them does not
  fit (order, checksum, type) the short name is the name;
- a name is found by its long or its short form, of either case, the first one in the directory;
- a file whose chain ends before its size cannot be read at all.

A chain that runs in a circle would hang the firmware: Unreadable, like a volume it does not take.
"""

import dataclasses
import struct

SLOT = 32
DELETED, END = 0xE5, 0x00
LABEL_BIT, FOLDER_BIT, LONG_NAME = 0x08, 0x10, 0x0F
LAST_PART = 0x40
MOST_PARTS = 20
LOWER_NAME, LOWER_SUFFIX = 0x08, 0x10
FIRST_CLUSTER = 2
MOST_CLUSTERS_16 = 65525


class Unreadable(Exception):
    """The firmware cannot read this; it says what and why."""


@dataclasses.dataclass(frozen=True)
class Name:
    """A file or directory as a directory lists it."""
    text: str
    short: bytes
    attributes: int
    cluster: int
    size: int

    @property
    def is_folder(self):
        """Whether it is a directory."""
        return bool(self.attributes & FOLDER_BIT)


class Memory:
    """What was found out about a table, for the next look at a volume that has the same."""

    def __init__(self):
        self.table, self.places = b"", {}


class FatView:
    """A FAT16 or FAT32 volume; read(offset, length) gives its bytes."""

    def __init__(self, read, memory=None):
        self.read = read
        boot = read(0, 512)
        (sector, per_cluster, reserved, tables, slots, sectors16, _, table16) = \
            struct.unpack_from("<HBHBHHBH", boot, 11)
        sectors32, table32, flags, _, top = struct.unpack_from("<IIHHI", boot, 32)
        if boot[510:512] != b"\x55\xaa" or sector not in (512, 1024, 2048, 4096) or \
                per_cluster == 0 or per_cluster & (per_cluster - 1) or tables == 0:
            raise Unreadable("the boot sector is not that of a FAT volume")
        table = (table16 or table32) * sector
        fixed = reserved * sector + tables * table
        data = fixed + (slots * SLOT + sector - 1) // sector * sector
        self.cluster_size = sector * per_cluster
        self.data = data
        self.count = ((sectors16 or sectors32) * sector - data) // self.cluster_size
        self.wide = table16 == 0
        if not self.wide and self.count < 4085:
            raise Unreadable("FAT12 volumes are not read here")
        active = flags & 0x0F if self.wide and flags & 0x80 else 0
        self.table = read(reserved * sector + active * table, table)
        self.top = top if self.wide else (fixed, slots * SLOT)
        self.memory = memory or Memory()
        if self.memory.table != self.table:
            self.memory.table, self.memory.places = self.table, {}

    def link(self, cluster):
        """What the table says about a cluster; None at the end of a chain."""
        if not FIRST_CLUSTER <= cluster < self.count + FIRST_CLUSTER:
            raise Unreadable(f"cluster {cluster} is not one of the volume's")
        if self.wide:
            value = struct.unpack_from("<I", self.table, 4 * cluster)[0] & 0x0FFFFFFF
            return None if value >= 0x0FFFFFF8 else value
        value, = struct.unpack_from("<H", self.table, 2 * cluster)
        return None if value >= 0xFFF8 else value

    def chain(self, cluster):
        """The clusters from this one on; Unreadable if it is broken or never ends."""
        found, seen = [], set()
        while cluster is not None:
            if cluster in seen:
                raise Unreadable("a chain of clusters runs in a circle")
            seen.add(cluster)
            found.append(cluster)
            cluster = self.link(cluster)
        return found

    def runs(self, clusters):
        """Clusters as (offset, length) of bytes, neighbours joined."""
        joined = []
        for cluster in clusters:
            at = self.data + (cluster - FIRST_CLUSTER) * self.cluster_size
            if joined and sum(joined[-1]) == at:
                joined[-1] = joined[-1][0], joined[-1][1] + self.cluster_size
            else:
                joined.append((at, self.cluster_size))
        return joined

    def _bytes(self, clusters):
        return b"".join(self.read(*run) for run in self.runs(clusters))

    def _folder_bytes(self, folder):
        if folder is None and not self.wide:
            return self.read(*self.top)
        start = self.top if folder is None else folder.cluster
        try:
            return self._bytes(self.chain(start))
        except Unreadable as error:
            if "circle" in str(error):
                raise
            return b""

    def names(self, folder=None):
        """What a directory lists, in its order; None is the top."""
        data = self._folder_bytes(folder)
        slots = [data[at:at + SLOT] for at in range(0, len(data), SLOT)]
        found = []
        for number, slot in enumerate(slots):
            if slot[0] == DELETED or slot[11] & LABEL_BIT:
                continue
            if slot[0] == END:
                break
            high, low = struct.unpack_from("<H4xH", slot, 20)
            if not self.wide:
                high = 0
            size, = struct.unpack_from("<I", slot, 28)
            found.append(Name(_long(slots, number) or _short(slot), slot[:11], slot[11],
                              high << 16 | low, size))
        return found

    def find(self, path):
        """The name at a path, or None."""
        folder = None
        parts = [part for part in path.replace("\\", "/").split("/") if part]
        for number, part in enumerate(parts):
            found = next((name for name in self.names(folder) if _is_called(name, part)), None)
            if not found or (number + 1 < len(parts) and not found.is_folder):
                return None
            folder = found
        return folder

    def list(self, path):
        """What the directory at a path lists; nothing if there is none."""
        folder = self.find(path)
        if not folder or not folder.is_folder:
            return []
        return [name for name in self.names(folder) if name.text not in (".", "..")]

    def places(self, name):
        """Where a file's bytes lie, as (offset, length); Unreadable if its chain is too short."""
        if not name.size:
            return []
        key, known = (name.cluster, name.size), self.memory.places
        if key not in known:
            known[key] = self.runs(self._exactly(name))
        return known[key]

    def content(self, name):
        """The bytes of a file, as many as its entry says; Unreadable if the chain is shorter."""
        return b"".join(self.read(*place) for place in self.places(name))[:name.size]

    def _exactly(self, name):
        wanted = -(-name.size // self.cluster_size)
        clusters, cluster = [], name.cluster
        while len(clusters) < wanted:
            if cluster is None or not FIRST_CLUSTER <= cluster < self.count + FIRST_CLUSTER:
                raise Unreadable(f"{name.text}: its chain of clusters is broken")
            clusters.append(cluster)
            # the last one's link is not needed, so nobody looks at it
            cluster = self.link(cluster) if len(clusters) < wanted else None
        return clusters


def _checksum(short):
    total = 0
    for byte in short:
        total = ((total >> 1) + ((total & 1) << 7) + byte) & 0xFF
    return total


def _long(slots, number):
    """The long name of the short entry in a slot; None if what precedes it does not fit."""
    expected, part, units = _checksum(slots[number][:11]), 1, b""
    while True:
        number -= 1
        slot = slots[number] if number >= 0 else None
        if slot is None or slot[11] != LONG_NAME or slot[26:28] != b"\0\0" or \
                slot[13] != expected or slot[0] & ~LAST_PART != part or part > MOST_PARTS:
            return None
        units += slot[1:11] + slot[14:26] + slot[28:32]
        if slot[0] & LAST_PART:
            break
        part += 1
    return units.decode("utf-16-le", "replace").partition("\0")[0]


def _short(slot):
    name, suffix = slot[:8].decode("latin-1").rstrip(), slot[8:11].decode("latin-1").rstrip()
    if slot[12] & LOWER_NAME:
        name = name.lower()
    if slot[12] & LOWER_SUFFIX:
        suffix = suffix.lower()
    return f"{name}.{suffix}" if suffix else name


def _is_called(name, wanted):
    if name.text.lower() == wanted.lower():
        return True
    base, dot, suffix = wanted.upper().partition(".")
    if not base or len(base) > 8 or len(suffix) > 3 or "." in suffix:
        return False
    return name.short == (base.ljust(8) + suffix.ljust(3)).encode("latin-1", "replace") and \
        (bool(dot) == bool(suffix))
