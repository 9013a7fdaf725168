"""Machines with moult on them: disks that are adopted once, copied for each test, and booted.

    class Fallback(world.Vm):
        def test_bad_initrd(self):
            disk = self.disk()                  # generation 1 is good and current
            disk.moult("run", "--", "true")     # offline, as from a rescue system
            with disk.machine() as machine:
                machine.wait_blessed(2)

What a machine does wrong fails the test; a RigError is the test's error and says nothing about
moult.  The serial log of each test stays in the cache, below logs/.  MOULT_DEB=FILE tests that
package instead of one that is built from this tree.
"""

import contextlib
import functools
import inspect
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

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "vm"), str(TOP / "tests")]

import schemas  # noqa: E402
from recipe import Spec, build  # noqa: E402
from rig import Machine, MachineError, RigError, cache, image  # noqa: E402
from rig.command import call  # noqa: E402
from rig.fat import Fat32  # noqa: E402,F401

BOOT_TIMEOUT = 600
WORK_TIMEOUT = 900
# What moult says where a program that does not ask for the cache's lock has another copy mounted.
MOUNTED_ELSEWHERE = "two copies of one file system"
# What the package is made of; the rest of the tree does not change what is tested here.
PACKAGED = ("src", "units", "debian", "tools/build-deb", "meson.build", "migrations", "schemas")
CMDLINE = re.compile(r"\bmoult\.gen=(\d+) moult\.serial=(\d+)")
ENTRY = re.compile(r"(moult-(?:old-)?)(\d+)(?:\+(\d+)(?:-(\d+))?)?\.conf$")


def say(text):
    """What a test does at the moment, for whoever waits for it."""
    print(f"# [{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


# What is made once


def _sources():
    for name in PACKAGED:
        path = TOP / name
        yield from sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else \
            [path] if path.exists() else []


@functools.cache
def _package_name():
    given = os.environ.get("MOULT_DEB")
    if given:
        return cache.digest("given", pathlib.Path(given).read_bytes())
    return cache.digest("deb", [(str(path.relative_to(TOP)), path.read_bytes())
                                for path in _sources()])


def _build_package(path):
    if os.environ.get("MOULT_DEB"):
        shutil.copyfile(os.environ["MOULT_DEB"], path)
        return
    say("building the package")
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        call(TOP / "tools/build-deb", scratch)
        next(pathlib.Path(scratch).glob("moult_*.deb")).rename(path)


def _fresh(path, name, suite):
    """A disk as the installer leaves it, with the package of this tree in it."""
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch, \
            cache.entry("packages", f"{name}.deb", _build_package) as package:
        deb = pathlib.Path(scratch) / "moult_0_amd64.deb"
        deb.write_bytes(package.read_bytes())
        image.private_mounts()
        build(Spec(suite=suite, security=False, debs=(deb,)), path)


@contextlib.contextmanager
def binary():
    """moult for the host's side: out of the very package that the machine has."""
    with cache.entry("packages", f"{_package_name()}.deb", _build_package) as package, \
            tempfile.TemporaryDirectory(prefix="moult-vm-") as scratch:
        call("dpkg-deb", "-x", package, scratch)
        yield pathlib.Path(scratch) / "usr/bin/moult"


def _adopt(path, moult, suite):
    _fresh(path, _package_name(), suite)
    say(f"adopting a {suite} disk")
    Disk(path, moult).moult("init")


def _settle(path, moult, suite):
    """The first generation, booted and blessed: what an owner has on the second day."""
    with _adopted(moult, suite) as adopted:
        cache.copy(adopted, path)
    log = cache.folder("logs") / f"settle-{suite}.log"
    log.unlink(missing_ok=True)
    with Disk(path, moult, log).machine() as machine:
        say("booting the adopted disk until its first generation is blessed")
        machine.wait_blessed(1)
        machine.poweroff()


def _adopted(moult, suite):
    name = cache.digest("adopted", _package_name(), suite, _recipe())
    return cache.entry("adopted", f"{name}.img", lambda path: _adopt(path, moult, suite))


def _settled(moult, suite):
    name = cache.digest("settled", _package_name(), suite, _recipe())
    return cache.entry("adopted", f"{name}.img", lambda path: _settle(path, moult, suite))


def _recipe():
    """The text of everything that has a part in making a disk, and nothing else of this file."""
    ours = [inspect.getsource(part) for part in (_fresh, _adopt, _settle)]
    return cache.digest(ours, cache.digest_files(*sorted((TOP / "vm").rglob("*.py"))))


def _installed(moult, suite):
    """A disk that nobody has adopted yet."""
    del moult
    name = cache.digest("installed", _package_name(), suite, _recipe())
    return cache.entry("adopted", f"{name}.img",
                       lambda path: _fresh(path, _package_name(), suite))


KINDS = {"installed": _installed, "adopted": _adopted, "settled": _settled}


# Machines


class Guest(Machine):
    """A machine that knows what moult is."""

    def booted(self):
        """(generation, serial, whether on trial) from the command line of this boot."""
        line = self.ok("cat /proc/cmdline", BOOT_TIMEOUT)
        found = CMDLINE.search(line)
        if not found:
            raise MachineError(f"this boot names no generation: {line}")
        return int(found[1]), int(found[2]), "moult.trial=1" in line.split()

    def json(self, command, timeout=WORK_TIMEOUT):
        """The document that a command of moult prints."""
        said = "/run/moult-said"
        out = self.ok(f"moult --json {command} 2>{said} || {{ cat {said}; false; }}", timeout)
        return schemas.check(command.split(), json.loads(out))

    def status(self):
        """What `moult status` says."""
        return self.json("status")

    def generation(self, number):
        """What moult says of one generation."""
        return next(gen for gen in self.status()["generations"] if gen["id"] == number)

    def until(self, ready, what, timeout=BOOT_TIMEOUT):
        """Ask until the answer is true; returns it."""
        limit = time.monotonic() + timeout
        while time.monotonic() < limit:
            found = ready()
            if found:
                return found
            time.sleep(2)
        raise MachineError(f"waited {timeout} s for {what}\n{self.story()}")

    def story(self):
        """What a person would look at when something went wrong."""
        return self.run("moult status; moult list; systemctl --failed --no-pager; "
                        "journalctl -b --no-pager -u 'moult*' | tail -60", 120).out

    def up(self):
        """Wait until everything has been started."""
        self.until(lambda: self.run("systemctl is-system-running", 60).out.strip()
                   in ("running", "degraded"), "the boot to end")

    def wait_blessed(self, number):
        """Wait for the trial of a generation to end well, and until its units are done."""
        self.wait_boot(BOOT_TIMEOUT)
        if self.booted()[0] != number:
            raise MachineError(f"generation {self.booted()[0]} booted, not {number}\n"
                               f"{self.story()}")
        self.until(lambda: self.run("test -e /run/moult/blessed", 60).rc == 0,
                   f"generation {number} to be blessed")
        self.up()
        status = self.status()
        if status["current"] != {"id": number} or self.generation(number)["state"] != "good":
            raise MachineError(f"generation {number} is not current: {self.story()}")

    def wait_return(self, number, timeout=3 * BOOT_TIMEOUT):
        """Wait through boots that fail until this generation is up and reconciled.

        Returns (generation, serial, trial) of each boot that was seen on the way: one that never
        gets as far as running commands is not.
        """
        seen, limit = [], time.monotonic() + timeout
        while time.monotonic() < limit:
            try:
                self.wait_boot(limit - time.monotonic())
                seen.append(self.booted())
            except MachineError as error:
                if not self.power.on or "waited" in str(error):
                    raise
                continue
            say(f"  generation {seen[-1][0]} is up" + (" on trial" if seen[-1][2] else ""))
            if seen[-1][0] == number:
                self.up()
                return seen
        raise MachineError(f"generation {number} did not come back in {timeout} s")

    def reboot(self):
        """Ask for a reboot; the next wait_ is for the boot after it."""
        self.power.shell.request("systemctl reboot", 60)


class Disk:
    """A disk image and what is done to it while its machine is off."""

    def __init__(self, path, moult, log=None):
        self.path, self.binary, self.log = pathlib.Path(path), moult, log

    def machine(self, **how):
        """The machine, to be switched on by `with`; one at a time on this host."""
        return _alone(Guest(self.path, log=self.log, **how))

    def moult(self, *words, rc=0):
        """Run moult on the image and return what it printed; rc None takes any exit status."""
        say(f"moult --sysroot DISK {' '.join(words)}")
        limit = time.monotonic() + WORK_TIMEOUT
        with cache.lock(f"btrfs-{image.btrfs_uuid(self.path)}"):
            while True:
                done = subprocess.run([self.binary, "--sysroot", self.path, *words], check=False,
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, text=True)
                if MOUNTED_ELSEWHERE not in done.stdout + done.stderr:
                    break
                if time.monotonic() > limit:
                    raise RigError(f"somebody holds another copy of the disk: {done.stderr}")
                time.sleep(3)
        if rc is not None and done.returncode != rc:
            raise MachineError(f"moult {' '.join(words)}: exit status {done.returncode}, not "
                               f"{rc}\n{done.stdout}{done.stderr}")
        return done.stdout

    def json(self, *words, rc=0):
        """The document that moult prints about the image."""
        return schemas.check(words, json.loads(self.moult(*words, "--json", rc=rc)))

    def generation(self, number):
        """What moult says of one generation."""
        return next(gen for gen in self.json("status")["generations"] if gen["id"] == number)

    def entries(self):
        """The file names of moult's boot entries."""
        return [name for name in image.esp_list(self.path, "/loader/entries")
                if ENTRY.fullmatch(name)]

    def counted(self):
        """The names of the entries that the loader counts."""
        return [name for name in self.entries() if "+" in name]

    def entry(self, name):
        """The keys of a boot entry; a kernel that is switched off has none."""
        text = image.esp_read(self.path, f"/loader/entries/{name}").decode()
        return dict(line.split(None, 1) for line in text.splitlines()
                    if line.strip() and not line.startswith("#"))

    def mounted(self, **how):
        """The Btrfs of the image, all of it."""
        return image.mounted(self.path, **how)


@contextlib.contextmanager
def _alone(machine):
    with cache.lock("machine"), machine:
        yield machine


class Vm(unittest.TestCase):
    """A test with machines; the disks it asks for are its own."""

    suite = "bookworm"
    start = "settled"

    @classmethod
    def setUpClass(cls):
        image.private_mounts()
        cls.binary = cls.enterClassContext(binary())

    def setUp(self):
        self.log = cache.folder("logs") / f"{self.id().split('.', 1)[-1]}.log"
        self.log.unlink(missing_ok=True)
        say(self.id())

    def disk(self, start=None):
        """A copy of an adopted disk: "settled", generation 1 is current; "adopted", never booted;
        "installed", not adopted either.

        It goes when the test is over.
        """
        folder = self.enterContext(tempfile.TemporaryDirectory(dir=cache.folder("scratch")))
        path = pathlib.Path(folder) / "disk.img"
        with KINDS[start or self.start](self.binary, self.suite) as made:
            cache.copy(made, path)
        return Disk(path, self.binary, self.log)

    def _callTestMethod(self, method):
        try:
            method()
        except MachineError as error:
            raise self.failureException(f"{error}\nserial log: {self.log}") from error
        except RigError as error:
            raise RigError(f"the rig is broken, this says nothing about moult: {error}") from error

    def assert_promises_hold(self, findings):
        """`moult check` found no error."""
        errors = [finding for finding in findings["findings"] if finding["level"] == "error"]
        self.assertEqual(errors, [])

    def assert_clean_esp(self, disk):
        """fsck.fat has nothing to say about the ESP of a machine that is off."""
        status, said = image.esp_fsck(disk.path)
        self.assertEqual(status, 0, said)
