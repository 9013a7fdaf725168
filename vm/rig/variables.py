"""The firmware variables of a machine that is off: OVMF's store, read and written as a file.

    add_boot_option("disk.img.vars", "debian", image.esp("disk.img"), r"\\EFI\\debian\\shimx64.efi")
    boot_order("disk.img.vars")                      # [0]

The format is edk2's authenticated variable store (VariableFormat.h); load options and device paths
are those of the UEFI specification.  A change appends a record and marks the old one deleted, as
the firmware itself does.
"""

import pathlib
import struct
import uuid

GLOBAL = uuid.UUID("8be4df61-93ca-11d2-aa0d-00e098032b8c")
STORE = uuid.UUID("aaf32c78-947b-439a-a180-2e144ec37792")
STORE_HEADER = struct.Struct("<16sIBBHI")
RECORD = struct.Struct("<HBBIQ16sIII16s")
STARTS, ADDED, DELETED = 0x55AA, 0x3F, 0xFD
NON_VOLATILE_BOOT_RUNTIME = 7
ACTIVE = 1


class _Store:
    """The bytes of a variable file, and where its records are."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.bytes = bytearray(self.path.read_bytes())
        header_length, = struct.unpack_from("<H", self.bytes, 0x30)
        guid, size, *_ = STORE_HEADER.unpack_from(self.bytes, header_length)
        if self.bytes[0x28:0x2C] != b"_FVH" or uuid.UUID(bytes_le=guid) != STORE:
            raise ValueError(f"{path} holds no firmware variables")
        self.start = header_length + STORE_HEADER.size
        self.end = header_length + size

    def records(self):
        """(place, state, owner, name, value) of each record, deleted ones included."""
        place = self.start
        while place + RECORD.size <= self.end:
            fields = RECORD.unpack_from(self.bytes, place)
            if fields[0] != STARTS:
                break
            name_at = place + RECORD.size
            value_at = name_at + fields[7]
            name = self.bytes[name_at:value_at].decode("utf-16-le").rstrip("\0")
            yield (place, fields[1], uuid.UUID(bytes_le=fields[9]), name,
                   bytes(self.bytes[value_at:value_at + fields[8]]))
            place = (value_at + fields[8] + 3) & ~3
        self.free = place

    def read(self, name):
        """The value of one of the specification's own variables; None where there is none."""
        for _, state, owner, found, value in self.records():
            if (state, owner, found) == (ADDED, GLOBAL, name):
                return value
        return None

    def write(self, name, value):
        """Give such a variable a value."""
        for place, state, owner, found, _ in self.records():
            if (state, owner, found) == (ADDED, GLOBAL, name):
                self.bytes[place + 2] &= DELETED
        raw = (name + "\0").encode("utf-16-le")
        record = RECORD.pack(STARTS, ADDED, 0, NON_VOLATILE_BOOT_RUNTIME, 0, bytes(16), 0,
                             len(raw), len(value), GLOBAL.bytes_le) + raw + value
        if self.free + len(record) > self.end:
            raise ValueError(f"{self.path} is full")
        self.bytes[self.free:self.free + len(record)] = record
        self.path.write_bytes(self.bytes)


def boot_order(path):
    """The numbers of BootOrder."""
    raw = _Store(path).read("BootOrder") or b""
    return list(struct.unpack(f"<{len(raw) // 2}H", raw))


def boot_options(path):
    """{number: label} of the boot entries there are."""
    found = {}
    for _, state, owner, name, value in _Store(path).records():
        if (state, owner) == (ADDED, GLOBAL) and name.startswith("Boot") and len(name) == 8 \
                and all(digit in "0123456789ABCDEF" for digit in name[4:]):
            found[int(name[4:], 16)] = value[6:].decode("utf-16-le", "replace").split("\0")[0]
    return found


def add_boot_option(path, label, partition, loader):
    """A boot entry for a file on a GPT partition, in front of the others; its number."""
    store = _Store(path)
    number = next(n for n in range(0x10000) if n not in boot_options(path))
    drive = struct.pack("<BBHIQQ16sBB", 4, 1, 42, partition.number, partition.offset // 512,
                        partition.size // 512, uuid.UUID(partition.uuid).bytes_le, 2, 2)
    file = (loader + "\0").encode("utf-16-le")
    target = drive + struct.pack("<BBH", 4, 4, 4 + len(file)) + file + b"\x7f\xff\x04\x00"
    store.write(f"Boot{number:04X}", struct.pack("<IH", ACTIVE, len(target)) +
                (label + "\0").encode("utf-16-le") + target)
    order = [number, *boot_order(path)]
    store.write("BootOrder", struct.pack(f"<{len(order)}H", *order))
    return number
