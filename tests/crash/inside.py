"""A generation of a disk as the system that runs, without a machine: moult at home in a chroot.

Its root, its data, a /proc/cmdline as its boot entry has it, an id of this boot, and a message bus
on which nothing has failed. What moult does there it does as on a running machine; the boot volume
is reached through mtools where the kernel has no vfat.
"""

import contextlib
import pathlib
import re
import subprocess
import tempfile
import uuid

from quiet_bus import QuietBus
from rig import MachineError, image
from rig.command import call
from rig.fat import Fat32

NODES = ("null", "zero", "full", "random", "urandom", "tty", "loop-control", "btrfs-control")
MTOOLS = ("mattrib", "mcopy", "mdel", "mdeltree", "mmd", "mmove", "mrd", "mren", "mtype")
ENTRIES = "/loader/entries"
CANDIDATE = re.compile(r"moult-(\d+)(?:\+(\d+)-(\d+))?\.conf")
ENABLED = re.compile(r"(?m)^[ \t]*linux[ \t]")
TIMEOUT = 900


def _options(text):
    return next(line.partition(" ")[2] for line in text.splitlines() if line.startswith("options"))


def boot(shown):
    """What the loader does: it takes the newest entry, and counts; returns the entry's options."""
    with Fat32(shown, image.esp(shown).offset) as fat:
        texts = {entry.name: fat.read_file(f"{ENTRIES}/{entry.name}").decode()
                 for entry in fat.entries(ENTRIES) if CANDIDATE.fullmatch(entry.name)}
        taken = max((name for name, text in texts.items() if ENABLED.search(text)),
                    key=lambda name: int(CANDIDATE.fullmatch(name)[1]))
        serial, left, done = CANDIDATE.fullmatch(taken).groups()
        if left:
            fat.rename_append(f"{ENTRIES}/{taken}",
                              f"{ENTRIES}/moult-{serial}+{int(left) - 1}-{int(done) + 1}.conf")
        return _options(texts[taken])


def installed(shown):
    """The options of the entry that the distribution's installer made."""
    with Fat32(shown, image.esp(shown).offset) as fat:
        name = next(entry.name for entry in fat.entries(ENTRIES)
                    if entry.name.endswith(".conf") and not entry.name.startswith("moult-"))
        return _options(fat.read_file(f"{ENTRIES}/{name}").decode())


class Inside:
    """A system that runs; a context manager. options: the command line of its boot."""

    def __init__(self, shown, options):
        self.shown, self.options = shown, options
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        with self.stack:
            self._enter()
            self.stack = self.stack.pop_all()
        return self

    def __exit__(self, *_):
        self.stack.close()

    def _enter(self):
        self.scratch = pathlib.Path(self.stack.enter_context(
            tempfile.TemporaryDirectory(prefix="moult-inside-")))
        self.top = self.scratch / "root"
        self.top.mkdir()
        self.pool = self.stack.enter_context(image.loop(self.shown, image.root(self.shown)))
        self.esp = self.stack.enter_context(image.loop(self.shown, image.esp(self.shown)))
        subvolume = re.search(r"rootflags=\S*subvol=([^\s,]+)", self.options)[1]
        self._mount(self.pool, "", "-t", "btrfs", "-o", f"subvol={subvolume}")
        for kind, place in (("proc", "proc"), ("sysfs", "sys"), ("tmpfs", "run"), ("tmpfs", "tmp"),
                            ("tmpfs", "dev")):
            self._mount(kind, place, "-t", kind)
        self._devices()
        self._replace("proc/cmdline", self.options)
        self._replace("proc/sys/kernel/random/boot_id", str(uuid.uuid4()))
        # apt's hooks ask for it
        (self.top / "run/systemd/system").mkdir(parents=True)
        self.stack.enter_context(QuietBus(self.top / "run/dbus/system_bus_socket"))
        self._lend_mtools()

    def _mount(self, what, where, *how):
        place = self.top / str(where).lstrip("/")
        call("mount", *how, what, place)
        self.stack.callback(call, "umount", place)

    def _replace(self, name, text):
        path = self.scratch / name.replace("/", "-")
        path.write_text(text + "\n")
        self._mount(path, name, "--bind")

    def _lend_mtools(self):
        """In front of its own programs, without a write to its disk."""
        lent = self.scratch / "lent"
        lent.mkdir()
        for tool in MTOOLS:
            call("cp", "-L", f"/usr/bin/{tool}", lent)
        programs = self.top / "usr/bin"
        self._mount("overlay", "usr/bin", "-t", "overlay", "-o", f"lowerdir={lent}:{programs}")

    def _devices(self):
        for name in (*NODES, self.pool.rpartition("/")[2], self.esp.rpartition("/")[2]):
            call("cp", "-a", f"/dev/{name}", self.top / "dev")
        # as udev would name it
        uuid_text = call("blkid", "-o", "value", "-s", "UUID", self.esp).decode().strip()
        links = self.top / "dev/disk/by-uuid"
        links.mkdir(parents=True)
        (links / uuid_text).symlink_to(f"../../{self.esp.rpartition('/')[2]}")
        (self.top / "dev/shm").mkdir()

    def mount_data(self):
        """What fstab mounts from the disk itself."""
        for line in (self.top / "etc/fstab").read_text().splitlines():
            words = line.split()
            if words[2:3] == ["btrfs"] and words[1] != "/":
                self._mount(self.pool, words[1], "-t", "btrfs", "-o", words[3])

    def root(self):
        """The subvolume that is its root, by the name that it has now."""
        return call("findmnt", "-no", "FSROOT", self.top).decode().strip().lstrip("/")

    def call(self, *words):
        """A program in it that must succeed."""
        done = subprocess.run(["chroot", self.top, *words], check=False, timeout=TIMEOUT,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace")
        if done.returncode != 0:
            raise MachineError(f"{' '.join(words)}: exit status {done.returncode}\n{done.stdout}")
        return done.stdout

    def moult(self, *words):
        """It does it, or this is no recording of it."""
        return self.call("moult", *words)
