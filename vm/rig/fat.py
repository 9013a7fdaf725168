"""A small FAT32 reader and writer for tests: the directories of an ESP, slot by slot.

It renames as the FAT driver of EDK2 firmware does: the old slots are marked free, the new ones are
appended at the end of the directory, and free slots are never used again.  It can also leave a
name in the states in which a power cut during such a rename leaves it.  Every write goes through
write(), in the order in which it is asked for.

Source: Microsoft Extensible Firmware Initiative FAT32 File System Specification 1.03.
"""

import dataclasses
import os
import struct

SLOT = 32
FREE = 0xE5
LONG_NAME = 0x0F
VOLUME = 0x08
DIRECTORY = 0x10
LOWER_BASE, LOWER_EXTENSION = 0x08, 0x10
END_OF_CHAIN = 0x0FFFFFF8
CLUSTER_MASK = 0x0FFFFFFF
LONG_FIELDS = ((1, 11), (14, 26), (28, 32))
CHARACTERS_PER_SLOT = 13
STATES = ("intact", "missing", "alias", "twice")


@dataclasses.dataclass(frozen=True)
class Entry:
    """One name in a directory.

    name is the long name if there is one, else the alias; slots are the numbers of its 32-byte
    slots in the directory, the last of which is the short one, whose bytes are raw.
    """
    name: str
    alias: str
    slots: tuple
    raw: bytes

    @property
    def is_directory(self):
        """Whether it names a directory."""
        return bool(self.raw[11] & DIRECTORY)

    @property
    def cluster(self):
        """The first cluster of the content."""
        high, = struct.unpack_from("<H", self.raw, 20)
        low, = struct.unpack_from("<H", self.raw, 26)
        return high << 16 | low

    @property
    def size(self):
        """Bytes of content; 0 for a directory."""
        return struct.unpack_from("<I", self.raw, 28)[0]


class Fat32:
    """A FAT32 file system at an offset of a file; a context manager.

    With a list as `log`, every write is also noted there as (offset in the file, bytes).
    """

    def __init__(self, path, offset=0, log=None):
        self.file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self.offset = offset
        self.log = log
        self._read_parameters()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.file)

    def _read_parameters(self):
        sector = self.read(0, 512)
        size, per_cluster, reserved, self.fats = struct.unpack_from("<HBHB", sector, 11)
        total, self.fat_sectors = struct.unpack_from("<II", sector, 32)
        self.root, self.info_sector = struct.unpack_from("<IH", sector, 44)
        if sector[510:512] != b"\x55\xaa" or not self.fat_sectors or not size:
            raise ValueError("not a FAT32 file system")
        self.sector_size = size
        self.cluster_size = size * per_cluster
        self.fat_start = reserved * size
        self.data_start = self.fat_start + self.fats * self.fat_sectors * size
        self.clusters = (total * size - self.data_start) // self.cluster_size

    # Bytes

    def read(self, position, length):
        """Bytes at a position of the file system."""
        return os.pread(self.file, length, self.offset + position)

    def write(self, position, data):
        """Put bytes at a position of the file system."""
        if self.log is not None:
            self.log.append((self.offset + position, data))
        os.pwrite(self.file, data, self.offset + position)

    # Clusters

    def position(self, cluster):
        """Where a cluster starts."""
        return self.data_start + (cluster - 2) * self.cluster_size

    def next_cluster(self, cluster):
        """What the first table says about a cluster."""
        return struct.unpack("<I", self.read(self.fat_start + 4 * cluster, 4))[0] & CLUSTER_MASK

    def chain(self, cluster):
        """The clusters of a file or directory in their order."""
        found = []
        while 2 <= cluster < self.clusters + 2 and len(found) <= self.clusters:
            found.append(cluster)
            cluster = self.next_cluster(cluster)
        return found

    def _set_next(self, cluster, value):
        """Write a link to every copy of the table; the top four bits are not ours."""
        for number in range(self.fats):
            place = self.fat_start + number * self.fat_sectors * self.sector_size + 4 * cluster
            kept = struct.unpack("<I", self.read(place, 4))[0] & ~CLUSTER_MASK
            self.write(place, struct.pack("<I", kept | value))

    def _allocate(self):
        """Take a free cluster: count it in FSInfo, mark it as the end of a chain, empty it."""
        for cluster in range(2, self.clusters + 2):
            if self.next_cluster(cluster) == 0:
                break
        else:
            raise OSError("the FAT file system is full")
        info = self.info_sector * self.sector_size
        free, _ = struct.unpack("<II", self.read(info + 488, 8))
        self.write(info + 488, struct.pack("<II", free - 1, cluster))
        self._set_next(cluster, CLUSTER_MASK)
        self.write(self.position(cluster), bytes(self.cluster_size))
        return cluster

    # Directories

    def slots(self, path):
        """The raw 32-byte slots of a directory, free and unused ones included."""
        data = b"".join(self.read(self.position(cluster), self.cluster_size)
                        for cluster in self._directory(path))
        return [data[at:at + SLOT] for at in range(0, len(data), SLOT)]

    def entries(self, path):
        """The names in a directory, in its order; itself and its parent are not among them."""
        return [entry for entry in _decode(self.slots(path)) if entry.alias not in (".", "..")]

    def find(self, path):
        """The entry at a path: by long name or alias, of any case, as firmware finds it."""
        parent, name = os.path.split(path)
        for entry in self.entries(parent):
            if name.lower() in (entry.name.lower(), entry.alias.lower()):
                return entry
        raise FileNotFoundError(path)

    def read_file(self, path):
        """The content of a file."""
        entry = self.find(path)
        data = b"".join(self.read(self.position(cluster), self.cluster_size)
                        for cluster in self.chain(entry.cluster))
        return data[:entry.size]

    def _directory(self, path):
        if path.strip("/") == "":
            return self.chain(self.root)
        return self.chain(self.find(path.rstrip("/")).cluster)

    def _slot_position(self, path, number):
        cluster, within = divmod(number * SLOT, self.cluster_size)
        return self.position(self._directory(path)[cluster]) + within

    def _append(self, path, new):
        """Put slots after the last one ever used; whatever follows them is still zero."""
        slots = self.slots(path)
        end = next((number for number, slot in enumerate(slots) if slot[0] == 0), len(slots))
        while end + len(new) > len(self._directory(path)) * self.cluster_size // SLOT:
            last = self._directory(path)[-1]
            self._set_next(last, self._allocate())
        for number, slot in enumerate(new, end):
            self.write(self._slot_position(path, number), slot)

    def _free(self, path, numbers):
        for number in numbers:
            self.write(self._slot_position(path, number), bytes([FREE]))

    # What a test does to a name

    def rename_append(self, old, new):
        """Rename as firmware does it: the old slots away, then new ones at the end."""
        entry = self.find(old)
        self._refuse_existing(new)
        self._free(os.path.dirname(old), entry.slots)
        self._add_name(new, entry)

    def leave(self, state, old, new):
        """Leave a name as a rename from old to new that was cut off does: one of STATES.

        missing: no name, an orphaned cluster; alias: old's long name gone, the short one left;
        twice: both names on one cluster; intact: nothing happened.
        """
        entry = self.find(old)
        if state == "missing":
            self._free(os.path.dirname(old), entry.slots)
        elif state == "alias":
            self._free(os.path.dirname(old), entry.slots[:-1])
        elif state == "twice":
            self._refuse_existing(new)
            self._add_name(new, entry)
        elif state != "intact":
            raise ValueError(f"{state}: not one of {', '.join(STATES)}")

    def _refuse_existing(self, path):
        try:
            self.find(path)
        except FileNotFoundError:
            return
        raise FileExistsError(path)

    def _add_name(self, path, entry):
        parent, name = os.path.split(path)
        taken = {other.raw[:11] for other in self.entries(parent)}
        self._append(parent, _encode(name, _alias(name, taken), entry.raw))


def _decode(slots):
    """Names from slots; a long name whose checksum does not fit its alias is no name."""
    found, pending = [], []
    for number, slot in enumerate(slots):
        if slot[0] == 0:
            break
        if slot[0] == FREE:
            pending = []
        elif slot[11] == LONG_NAME:
            pending = [*([] if slot[0] & 0x40 else pending), number]
        else:
            if not slot[11] & VOLUME:
                found.append(_entry(slots, pending, number))
            pending = []
    return found


def _entry(slots, pending, number):
    raw = slots[number]
    base, extension = (part.decode("cp437").rstrip() for part in (raw[:8], raw[8:11]))
    base = base.lower() if raw[12] & LOWER_BASE else base
    extension = extension.lower() if raw[12] & LOWER_EXTENSION else extension
    alias = f"{base}.{extension}" if extension else base
    fitting = pending and all(slots[at][13] == _checksum(raw[:11]) for at in pending)
    if not fitting:
        return Entry(alias, alias, (number,), raw)
    units = b"".join(slots[at][a:b] for at in reversed(pending) for a, b in LONG_FIELDS)
    name = units.decode("utf-16-le").partition("\0")[0]
    return Entry(name, alias, (*pending, number), raw)


def _encode(name, short, like):
    """The slots of a name, with date, attributes and content of an existing short slot."""
    short_slot = short + like[11:12] + b"\0" + like[13:]
    if name.encode("cp437", "replace") == _joined(short):
        return [short_slot]
    units = name.encode("utf-16-le")
    count = -(-len(name) // CHARACTERS_PER_SLOT)
    if len(name) % CHARACTERS_PER_SLOT:
        units += b"\0\0"
    units = units.ljust(count * CHARACTERS_PER_SLOT * 2, b"\xff")
    parts = [units[at:at + 26] for at in range(0, len(units), 26)]
    long = [_long_slot(number, part, short) for number, part in enumerate(parts, 1)]
    long[-1] = bytes([long[-1][0] | 0x40]) + long[-1][1:]
    return [*reversed(long), short_slot]


def _long_slot(number, part, short):
    return (bytes([number]) + part[:10] + bytes([LONG_NAME, 0, _checksum(short)]) + part[10:22]
            + b"\0\0" + part[22:])


def _checksum(short):
    total = 0
    for byte in short:
        total = ((total & 1) << 7 | total >> 1) + byte & 0xFF
    return total


def _joined(short):
    base, extension = short[:8].rstrip(), short[8:].rstrip()
    return base + b"." + extension if extension else base


def _alias(name, taken):
    """An 11-byte short name that nothing in the directory has yet."""
    base, _, extension = name.rpartition(".") if "." in name[1:] else (name, "", "")
    plain = _short(base).ljust(8)[:8] + _short(extension).ljust(3)[:3]
    if _joined(plain) == name.encode("cp437", "replace") and plain not in taken:
        return plain
    for number in range(1, 1000000):
        tail = b"~%d" % number
        short = (_short(base)[:8 - len(tail)] + tail).ljust(8) + plain[8:]
        if short not in taken:
            return short
    raise FileExistsError(f"{name}: no alias left")


def _short(text):
    allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789$%'-_@~`!(){}^#&"
    letters = [letter for letter in text.upper() if letter not in " ."]
    return "".join(letter if letter in allowed else "_" for letter in letters).encode("ascii")
