"""Disks of real machines that are off, and the shipped moult at work on them.

    class Bad(world.BadDay):
        def test_something(self):
            disk = self.disk("adopted")                  # a private copy
            disk.root("@gens/1/root", {"etc/fstab": "…"})
            self.refused(disk, "run", "--", "true", says=("fstab", "line 3"), tries="sudoedit")

MOULT names the program.  Disks lie in memory where there is enough of it, and are gone at the end.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import uuid

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "vm"), str(TOP / "tests")]

import schemas  # noqa: E402
from recipe import Spec, build  # noqa: E402
from rig import cache, image  # noqa: E402
from rig.command import call, say  # noqa: E402
from rig.fat import Fat32  # noqa: E402

MOULT = os.environ.get("MOULT", "moult")
MIB = 1 << 20
SIZE, ESP_SIZE = 3008 * MIB, 272 * MIB
MEMORY_WANTED = 8 << 30
TIMEOUT = 300
SUBVOLUME_INODE = 256
# What the package is made of; the rest of the tree does not change what is tested here.
PACKAGED = ("src", "units", "debian", "tools/build-deb", "meson.build", "migrations", "schemas")
NAME, OLD, NEW = "bad-day", "1.0", "2.0"
# It has data of its own, so going there has to be meant.
TO_ORIGINAL = ("rollback", "0", "--accept", "ORIGINAL_DATA")


# What is made once


def _scratch():
    """Where disks lie: memory does for a machine that is off, and spares the owner's disk."""
    available = re.search(r"MemAvailable: *(\d+) kB", pathlib.Path("/proc/meminfo").read_text())
    free = int(available[1]) << 10 if available else 0
    shared = pathlib.Path("/dev/shm")
    place = shared if free > MEMORY_WANTED and os.access(shared, os.W_OK) and \
        shutil.disk_usage(shared).free > MEMORY_WANTED else None
    return tempfile.TemporaryDirectory(prefix="moult-bad-days-", dir=place)


def _sources():
    for name in PACKAGED:
        path = TOP / name
        yield from sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else \
            [path] if path.exists() else []


def _build_package(path):
    say("building the package")
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        call(TOP / "tools/build-deb", scratch)
        next(pathlib.Path(scratch).glob("moult_*.deb")).rename(path)


def _make_fresh(path):
    """As Debian's installer leaves a machine, with the package of this tree in it."""
    name = cache.digest("deb", [(str(p.relative_to(TOP)), p.read_bytes()) for p in _sources()])
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch, \
            cache.entry("packages", f"{name}.deb", _build_package) as package:
        deb = pathlib.Path(scratch) / "moult_0_amd64.deb"
        shutil.copyfile(package, deb)
        build(Spec(suite="bookworm", security=False, debs=(deb,), size=SIZE, esp_size=ESP_SIZE,
                   salt=str(uuid.uuid4())), path)


def _make_adopted(path, made):
    cache.copy(made("fresh"), path)
    disk = Disk(path)
    with disk.pool() as top:
        install_repository(top / "@rootfs")
    disk.moult("init").ok()


class Made:
    """The disks that tests copy, each made when it is first asked for; running.py adds a kind."""

    def __init__(self):
        self.scratch = _scratch()
        self.place = pathlib.Path(self.scratch.name)
        self.makers = {"fresh": lambda path, made: _make_fresh(path), "adopted": _make_adopted}

    def __call__(self, kind):
        path = self.place / f"{kind}.img"
        if not path.exists():
            self.makers[kind](path, self)
        return path


made = Made()


def tearDownModule():  # pylint: disable=invalid-name
    """For the modules that import it: nothing is left."""
    made.scratch.cleanup()


# A package, and an archive in the machine itself


def make_deb(folder, version, files=None, **scripts):
    """A package of nothing but files and maintainer scripts; returns its path."""
    with tempfile.TemporaryDirectory() as scratch:
        top = pathlib.Path(scratch)
        top.chmod(0o755)
        (top / "DEBIAN").mkdir(mode=0o755)
        (top / "DEBIAN/control").write_text(
            f"Package: {NAME}\nVersion: {version}\nArchitecture: all\n"
            "Maintainer: T <t@example.org>\n"
            "Description: has bad days\n")
        for name, script in scripts.items():
            path = top / "DEBIAN" / name
            path.write_text(f"#!/bin/sh\n{script}\n")
            path.chmod(0o755)
        for name, text in {f"usr/share/{NAME}/version": f"{version}\n", **(files or {})}.items():
            path = top / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        made_at = pathlib.Path(folder) / f"{NAME}_{version}_all.deb"
        call("dpkg-deb", "--root-owner-group", "-b", top, made_at)
    return made_at


def index(folder):
    """Packages, as apt reads it, of the packages in a directory."""
    text = ""
    for deb in sorted(folder.glob("*.deb")):
        fields = call("dpkg-deb", "-f", deb).decode()
        digest = hashlib.sha256(deb.read_bytes()).hexdigest()
        text += f"{fields}Filename: ./{deb.name}\nSize: {deb.stat().st_size}\nSHA256: {digest}\n\n"
    (folder / "Packages").write_text(text)


def install_repository(root):
    """In a root that is not adopted yet: the package is installed, /srv/repo is all apt knows."""
    folder = root / "srv/repo"
    folder.mkdir()
    make_deb(folder, OLD, postinst=f"mkdir -p /var/lib/{NAME}; echo 1 >/var/lib/{NAME}/db")
    call("chroot", root, "dpkg", "-i", f"/srv/repo/{NAME}_{OLD}_all.deb")
    index(folder)
    shutil.rmtree(root / "etc/apt/sources.list.d", ignore_errors=True)
    (root / "etc/apt/sources.list").write_text("deb [trusted=yes] file:/srv/repo ./\n")


# A machine that is off


@dataclasses.dataclass
class Result:
    """How a run of moult ended."""
    status: int
    out: str
    err: str

    def ok(self):
        """It did what it was asked."""
        if self.status != 0:
            raise AssertionError(f"exit status {self.status}\n{self.out}{self.err}")
        return self

    @property
    def json(self):
        """The document on standard output."""
        return json.loads(self.out)


def digest(data):
    """A short name for some bytes."""
    return hashlib.sha256(data).hexdigest()[:16]


def documents(top):
    """What @gens says, without what lies in subvolumes: {path: digest}."""
    found = {}
    for folder, names, files in os.walk(top / "@gens"):
        path = pathlib.Path(folder)
        for name in list(names):
            if os.lstat(path / name).st_ino == SUBVOLUME_INODE:
                names.remove(name)
                found[str((path / name).relative_to(top))] = "subvolume"
        for name in files:
            found[str((path / name).relative_to(top))] = digest((path / name).read_bytes())
    return found


def tree(top):
    """Everything in a tree that its owner could notice a change of."""
    lines = []
    for folder, names, files in os.walk(top):
        for name in sorted(names + files):
            path = os.path.join(folder, name)
            stat = os.lstat(path)
            size = 0 if os.path.isdir(path) and not os.path.islink(path) else stat.st_size
            lines.append(f"{path.removeprefix(os.fspath(top))} {stat.st_mode} {stat.st_uid} "
                         f"{stat.st_gid} {size} {stat.st_mtime_ns}")
    return digest("\n".join(sorted(lines)).encode("utf-8", "surrogateescape"))


def boot_files(path):
    """Every file on the ESP: {path: digest}."""
    found = {}

    def walk(fat, folder):
        for entry in fat.entries(folder or "/"):
            name = f"{folder}/{entry.name}"
            if entry.is_directory:
                walk(fat, name)
            else:
                found[name] = digest(fat.read_file(name))

    with Fat32(path, image.esp(path).offset) as fat:
        walk(fat, "")
    return found


def default_subvolume(top):
    """Its path; empty is the top level."""
    words = call("btrfs", "subvolume", "get-default", top).decode().strip().split(" path ")
    return words[1] if len(words) > 1 else ""


def loops(path):
    """The loop devices on a file."""
    lines = call("losetup", "--list", "--noheadings", "--output=NAME,BACK-FILE").decode()
    return [line.split()[0] for line in lines.splitlines() if line.split()[1:2] == [str(path)]]


class Disk:
    """A disk image; whoever copies it owns it."""

    def __init__(self, path):
        self.path = path

    def words(self, *words):
        """The command line of moult for this disk."""
        return [MOULT, "--sysroot", str(self.path), *map(str, words)]

    def moult(self, *words, around=(), **how):
        """Run moult to its end; around: a program that runs it."""
        how.setdefault("timeout", TIMEOUT)
        done = subprocess.run([*map(str, around), *self.words(*words)], text=True, check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, errors="replace", **how)
        if "--json" in words and done.stdout:
            schemas.check(words, json.loads(done.stdout))
        return Result(done.returncode, done.stdout, done.stderr)

    def start(self, *words, **how):
        """Start moult, with its progress as JSON lines on its standard output's side: (process,
        file of the lines)."""
        ours, theirs = os.pipe()
        process = subprocess.Popen(self.words("--progress-fd", theirs, *words), text=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, pass_fds=(theirs,), **how)
        os.close(theirs)
        return process, os.fdopen(ours)

    @contextlib.contextmanager
    def pool(self, read_only=False):
        """The whole Btrfs, mounted."""
        with image.mounted(self.path, read_only=read_only) as top:
            yield top

    def write(self, root, files):
        """Put files into a root; None removes one."""
        with self.pool() as top:
            for name, text in files.items():
                path = top / root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                if text is None:
                    path.unlink()
                elif isinstance(text, bytes):
                    path.write_bytes(text)
                else:
                    path.write_text(text)

    def fill_boot(self, left_mib):
        """Leave so much of the ESP free; the file is called /ballast."""
        drive = f"{self.path}@@{image.esp(self.path).offset}"
        said = call("mdir", "-i", drive, "::/", env=image.MTOOLS).decode()
        free = int(re.search(r"([\d ]+) bytes free", said)[1].replace(" ", ""))
        with tempfile.NamedTemporaryFile(dir=made.place) as ballast:
            ballast.truncate(free - left_mib * MIB)
            call("mcopy", "-i", drive, ballast.name, "::/ballast", env=image.MTOOLS)

    def read(self, path):
        """A file of the pool."""
        with self.pool(read_only=True) as top:
            return (top / path).read_text()

    def facts(self):
        """What a command that refuses must not change."""
        with self.pool(read_only=True) as top:
            subvolumes = call("btrfs", "subvolume", "list", top).decode().splitlines()
            return {
                "documents": documents(top),
                "default": default_subvolume(top),
                "subvolumes": sorted(line.split(" path ")[1] for line in subvolumes),
                "boot": boot_files(self.path),
            }

    def numbers(self):
        """(last id, last serial) as kept."""
        layout = json.loads(self.read("@gens/layout.json"))
        return layout["last_id"], layout["last_serial"]

    def generations(self):
        """By number, as `moult list` has them."""
        listed = self.moult("--json", "list").ok().json["generations"]
        return {gen["id"]: gen for gen in listed}

    def released(self, seconds=20):
        """Whether nobody uses it, at the latest after a while: what was killed takes a moment."""
        until = time.monotonic() + seconds
        while loops(self.path):
            if time.monotonic() > until:
                return False
            time.sleep(0.05)
        return True


class BadDay(unittest.TestCase):
    """What always holds: the words, the status, and that nothing was changed or left."""

    maxDiff = None

    def disk(self, kind="adopted"):
        """A copy of a disk, for this test alone."""
        path = made.place / f"{self.id().rpartition('.')[2]}.img"
        path.unlink(missing_ok=True)
        cache.copy(made(kind), path)
        self.addCleanup(path.unlink, missing_ok=True)
        return Disk(path)

    def assert_sentence(self, result, status, says, tries):
        """One sentence that names object and cause, and the command that helps."""
        self.assertEqual(result.status, status, result)
        for text in says:
            self.assertIn(text, " ".join(result.err.split()), result)
        sentence = [line for line in result.err.splitlines() if line.startswith("moult: ")]
        self.assertEqual(len(sentence), 1, result)
        self.assertRegex(result.err, r"(?m)^ *try(?: \(in that system\))?: " + tries)
        self.assertNotIn("errno", result.err.lower())
        self.assertEqual(result.err[-1], "\n")

    def refused(self, disk, *words, says=(), tries="", status=1, **how):
        """It is refused, and nothing at all is changed."""
        before = disk.facts()
        result = disk.moult(*words, **how)
        self.assert_sentence(result, status, says, tries)
        self.assert_free(disk)
        self.assertEqual(disk.facts(), before)
        return result

    def failed(self, disk, *words, says=(), tries="", status=1, **how):
        """It was begun and failed: only the numbers have moved on."""
        before, numbers = disk.facts(), disk.numbers()
        result = disk.moult(*words, **how)
        self.assert_sentence(result, status, says, tries)
        self.assert_unchanged(disk, before, numbers)
        return result

    def assert_unchanged(self, disk, before, numbers):
        """The same generations and menu; numbers may have grown, never shrunk."""
        self.assert_free(disk)
        after = disk.facts()
        for facts in (before, after):
            facts["documents"].pop("@gens/layout.json", None)
        self.assertEqual(after, before)
        for now, then in zip(disk.numbers(), numbers):
            self.assertGreaterEqual(now, then)

    def assert_free(self, disk):
        """No loop device, mount or process of moult's holds the disk."""
        self.assertTrue(disk.released(), "loop devices are left: " + ", ".join(loops(disk.path)))

    def assert_sound(self, disk):
        """moult's own judgement, and that of the file systems' checkers."""
        self.assert_free(disk)
        document = disk.moult("--json", "check").json
        errors = [finding for finding in document["findings"] if finding["level"] == "error"]
        self.assertEqual(errors, [])
        status, said = image.esp_fsck(disk.path)
        self.assertEqual(status, 0, said)

    def assert_works(self, disk):
        """The next generation can be made, under a number never used before, and returned from."""
        last_id, last_serial = disk.numbers()
        disk.moult("run", "--replace", "--", "true").ok()
        newest = max(disk.generations().values(), key=lambda gen: gen["id"])
        self.assertGreater(newest["id"], last_id)
        self.assertGreater(newest["serial"], last_serial)
        self.assertEqual(newest["state"], "trial")
        self.assert_sound(disk)
