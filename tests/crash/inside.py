"""A generation of a disk as the system that runs, without a machine: moult at home in a chroot.

The root of the generation, its data, a /proc/cmdline as its boot entry has it, and a message bus
on which nothing has failed. What moult does there it does as on a running machine; the boot volume
is reached through mtools where the kernel has no vfat.
"""

import contextlib
import pathlib
import re
import socket
import struct
import subprocess
import tempfile
import threading

from operations import Operation, chain, moult
from rig import MachineError, image
from rig.command import call
from rig.fat import Fat32

NODES = ("null", "zero", "full", "random", "urandom", "tty", "loop-control", "btrfs-control")
MTOOLS = ("mattrib", "mcopy", "mdel", "mdeltree", "mmd", "mmove", "mrd", "mren", "mtype")
ENTRY = re.compile(r"moult-(\d+)\+(\d+)-(\d+)\.conf")
TIMEOUT = 900
UNITS = b"a(ssssssouso)"
HELLO, LIST = b"Hello", b"ListUnitsFiltered"


def count(shown):
    """What the loader does to the name of the entry that it tries; returns the entry's options."""
    with Fat32(shown, image.esp(shown).offset) as fat:
        names = [entry.name for entry in fat.entries("/loader/entries")]
        tried = max(filter(ENTRY.fullmatch, names), key=lambda name: int(ENTRY.fullmatch(name)[1]))
        serial, left, done = ENTRY.fullmatch(tried).groups()
        new = f"/loader/entries/moult-{serial}+{int(left) - 1}-{int(done) + 1}.conf"
        fat.rename_append(f"/loader/entries/{tried}", new)
        text = fat.read_file(new).decode()
    return next(line.partition(" ")[2] for line in text.splitlines() if line.startswith("options"))


class Inside:
    """A generation that runs; a context manager. options: the command line of its boot."""

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
        self.top = pathlib.Path(self.stack.enter_context(
            tempfile.TemporaryDirectory(prefix="moult-inside-")))
        self.pool = self.stack.enter_context(image.loop(self.shown, image.root(self.shown)))
        self.esp = self.stack.enter_context(image.loop(self.shown, image.esp(self.shown)))
        subvolume = re.search(r"rootflags=\S*subvol=([^\s,]+)", self.options)[1]
        self._mount(self.pool, "", "-t", "btrfs", "-o", f"subvol={subvolume}")
        for line in (self.top / "etc/fstab").read_text().splitlines():
            words = line.split()
            if words[2:3] == ["btrfs"] and words[1] != "/":
                self._mount(self.pool, words[1], "-t", "btrfs", "-o", words[3])
        for kind, place in (("proc", "proc"), ("sysfs", "sys"), ("tmpfs", "run"), ("tmpfs", "tmp"),
                            ("tmpfs", "dev"), ("tmpfs", "usr/local/bin")):
            self._mount(kind, place, "-t", kind)
        self._devices()
        for tool in MTOOLS:
            call("cp", "-L", f"/usr/bin/{tool}", self.top / "usr/local/bin")
        line = self.top / "run/cmdline"
        line.write_text(self.options + "\n")
        self._mount(line, "proc/cmdline", "--bind")
        self._bus()

    def _mount(self, what, where, *how):
        place = self.top / str(where).lstrip("/")
        call("mount", *how, what, place)
        self.stack.callback(call, "umount", place)

    def _devices(self):
        for name in (*NODES, self.pool.rpartition("/")[2], self.esp.rpartition("/")[2]):
            call("cp", "-a", f"/dev/{name}", self.top / "dev")
        # as udev would name it
        uuid = call("blkid", "-o", "value", "-s", "UUID", self.esp).decode().strip()
        links = self.top / "dev/disk/by-uuid"
        links.mkdir(parents=True)
        (links / uuid).symlink_to(f"../../{self.esp.rpartition('/')[2]}")
        (self.top / "dev/shm").mkdir()

    def _bus(self):
        folder = self.top / "run/dbus"
        folder.mkdir()
        listener = self.stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(str(folder / "system_bus_socket"))
        listener.listen()
        threading.Thread(target=_serve, args=(listener,), daemon=True).start()
        self.stack.callback(listener.shutdown, socket.SHUT_RDWR)

    def moult(self, *words):
        """It does it, or this is no recording of it."""
        done = subprocess.run(["chroot", self.top, "moult", *words], check=False, timeout=TIMEOUT,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace")
        if done.returncode != 0:
            raise MachineError(f"moult {' '.join(words)}: exit status {done.returncode}\n"
                               f"{done.stdout}")


# What is recorded


class Home:
    """A disk of which one generation after the other runs; a context manager."""

    def __init__(self, shown):
        self.shown, self.inside = shown, None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.inside:
            self.inside.__exit__()
            self.inside = None

    def boot(self):
        """The loader tries the newest generation, and that runs from here on."""
        self.__exit__()
        self.inside = Inside(self.shown, count(self.shown)).__enter__()

    def moult(self, *words):
        """Run it in the generation that runs."""
        self.inside.moult(*words)

    def settle(self):
        """All that was written has reached the disk."""
        call("sync", "--file-system", self.inside.top)


def _boot_and_bless(home):
    home.boot()
    home.moult("internal", "first-boot")
    home.moult("internal", "bless")


def _fourth(home):
    home.moult("run", "--", "true")
    _boot_and_bless(home)
    path = home.inside.top / "etc/moult/moult.d/keep.yaml"
    path.write_text("retention:\n  keep: 0\n", encoding="ascii")


# Bytes of no meaning after an initrd make it another one, that boots like the first.
OTHER_INITRD = "for i in /boot/initrd.img-*; do head -c 8192 /dev/zero >>$i; done"

HOME = (
    Operation("count, first boot, bless", _boot_and_bless),
    Operation("run, with another initrd", moult("run", "--", "sh", "-c", OTHER_INITRD)),
    Operation("count, boot, bless", _boot_and_bless),
    Operation("rollback", moult("rollback", "1")),
    Operation("rollback, forward again", moult("rollback", "2")),
    Operation("run", moult("run", "--", "true")),
    Operation("count, boot, bless again", _boot_and_bless),
    # 1 is never retired before init --finalize, nor is the last other good one
    Operation("cleanup, which retires", moult("cleanup"), _fourth),
)


def at_home(folder, operations=HOME):
    """Record operations of generations that run, on a disk that was just adopted."""
    return chain(folder, operations, Home, "adopted", live=True)


# The message bus: one client at a time, which is greeted and told that no unit has failed


def _serve(listener):
    with contextlib.suppress(OSError):
        while True:
            with listener.accept()[0] as client, client.makefile("rb") as lines:
                with contextlib.suppress(OSError, EOFError, struct.error):
                    _answer(client, lines)


def _answer(client, lines):
    lines.read(1)
    while (line := lines.readline()) != b"BEGIN\r\n":
        if not line:
            return
        said = {b"AUTH": b"DATA", b"DATA": b"OK " + b"1" * 32, b"NEGO": b"AGREE_UNIX_FD"}
        client.sendall(said.get(line[:4], b"ERROR") + b"\r\n")
    while head := lines.read(16):
        length, serial, fields = struct.unpack_from("<III", head, 4)
        names = lines.read(-(-fields // 8) * 8)
        lines.read(length)
        if HELLO + b"\0" in names:
            client.sendall(_reply(serial, b"s", struct.pack("<I", 4) + b":1.1\0"))
        elif LIST + b"\0" in names:
            client.sendall(_reply(serial, UNITS, bytes(8)))


def _reply(serial, signature, body):
    fields = struct.pack("<BBBBI", 5, 1, ord("u"), 0, serial) + \
        struct.pack("<BBBB", 8, 1, ord("g"), 0) + bytes([len(signature)]) + signature + b"\0"
    head = struct.pack("<cBBBIII", b"l", 2, 1, 1, len(body), 1, len(fields)) + fields
    return head + bytes(-len(head) % 8) + body
