"""A small disk made by hand: what the checker needs to see, and nothing that moult has touched.

Generation 0 is the original, 1 is good and current, 2 is on trial. Damage it, and look at it.
"""

import contextlib
import hashlib
import json
import pathlib
import struct

import judge
from recipe import disk as recipe
from rig import cache, image
from rig.command import call
from rig.fat import Fat32

SPEC = recipe.Spec(size=400 << 20, esp_size=64 << 20)
RELEASE = "6.1.0-test"
LOADER_CONF = b"timeout 3\ndefault moult-[0-9]*\n"
DATA = "@srv"
INITRD = b"initrd" * 3000
ORIGINAL, FIRST, SECOND = "moult-000000.conf", "moult-000001.conf", "moult-000002+3-0.conf"


def kernel():
    """The least of a kernel that tells its release."""
    data = bytearray(9000)
    data[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", data, 0x20E, 0x1000)
    data[0x1200:0x1220] = f"{RELEASE} (somebody)".encode().ljust(32, b"\0")
    return bytes(data)


def blob(data, kind):
    """Where a blob lies."""
    return f"/moult/sha256-{hashlib.sha256(data).hexdigest()}.{kind}"


def entry(uuid, generation, serial, **keys):
    """The text of an entry; keys replace lines, None leaves one out."""
    root = f"@gens/{generation}/root" if generation else "@rootfs"
    words = {
        "title": f"generation {generation}",
        "sort-key": "moult",
        "version": f"{serial:06}",
        "initrd": blob(INITRD, "initrd"),
        "options": f"root=UUID={uuid} rootflags=subvol={root} moult.gen={generation} "
                   f"moult.serial={serial}",
        "linux": blob(kernel(), "linux"),
        **{key.replace("_", "-"): text for key, text in keys.items()},
    }
    return "".join(f"{key} {text}\n" for key, text in words.items() if text is not None).encode()


class Specimen:
    """A disk image, and ways to damage it."""

    def __init__(self, path):
        self.path = pathlib.Path(path)

    @classmethod
    def make(cls, path, salt):
        """A sound one; the same salt has the same ids."""
        # pylint: disable=protected-access
        recipe._partition(path, SPEC)
        recipe._format(path, recipe.Identity.of(salt))
        made = cls(path)
        with made.top() as top:
            call("btrfs", "-q", "subvolume", "create", top / DATA)
            made._root(top / "@rootfs")
            for number, state in ((1, "good"), (2, "trial")):
                made._generation(top, number, state)
            call("btrfs", "subvolume", "set-default", top / "@gens/1/root")
        made._boot()
        return made

    @property
    def uuid(self):
        """Of the Btrfs, as text."""
        return image.btrfs_uuid(self.path)

    def copy(self, path):
        """Another one in the same state; only one of them is looked at at a time."""
        cache.copy(self.path, path)
        return Specimen(path)

    @staticmethod
    def _root(path):
        call("btrfs", "-q", "subvolume", "create", path)
        modules = path / "usr/lib/modules" / RELEASE
        modules.mkdir(parents=True)
        (modules / "modules.dep").write_text("x" * 100)
        (path / "etc").mkdir()
        (path / "etc/motd").write_text("hello\n")
        (path / "etc/fstab").write_text(f"# data\nUUID=x / btrfs defaults 0 0\nUUID=x /srv btrfs "
                                        f"defaults,subvol=/{DATA} 0 0\n")

    def _generation(self, top, number, state):
        folder = top / "@gens" / str(number)
        folder.mkdir(parents=True)
        self._root(folder / "root")
        call("btrfs", "-q", "subvolume", "snapshot", "-r", folder / "root", folder / "base")
        self.documents(folder, number, state)
        if number == 1:
            (top / "@gens/0").mkdir()
            self.documents(top / "@gens/0", 0, "good")

    @staticmethod
    def documents(folder, number, state):
        """What is said of a generation."""
        (folder / "generation.json").write_text(json.dumps({"id": number}))
        (folder / "state.json").write_text(json.dumps({"state": state}))

    def _boot(self):
        for name in ("loader", "loader/entries", "moult"):
            self._mtools("mmd", f"::/{name}")
        self.put(blob(kernel(), "linux"), kernel())
        self.put(blob(INITRD, "initrd"), INITRD)
        self.put("/loader/loader.conf", LOADER_CONF)
        for file, generation in ((ORIGINAL, 0), (FIRST, 1), (SECOND, 2)):
            self.put(f"/loader/entries/{file}", entry(self.uuid, generation, generation))

    def _mtools(self, program, *words):
        call(program, "-i", f"{self.path}@@{image.esp(self.path).offset}", *words,
             env={"MTOOLS_SKIP_CHECK": "1"})

    def put(self, path, data):
        """Write a file on the boot volume."""
        image.esp_write(self.path, path, data)

    def remove(self, path):
        """Remove a file from it."""
        image.esp_remove(self.path, path)

    @contextlib.contextmanager
    def fat(self):
        """The boot volume, slot by slot."""
        with Fat32(self.path, image.esp(self.path).offset) as fat:
            yield fat

    @contextlib.contextmanager
    def top(self):
        """The Btrfs, mounted for writing."""
        with image.mounted(self.path) as top:
            yield top

    def spoil(self, partition, offset, data):
        """Put bytes at a place of a partition."""
        with open(self.path, "r+b") as file:
            file.seek(partition.offset + offset)
            file.write(data)

    def look(self):
        """What the checker sees."""
        with judge.Viewer(self.path) as viewer:
            return viewer.look()
