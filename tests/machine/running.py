"""A disk's system as if it ran: its root is /, its command line is what it was booted with.

    with Running(disk, "@rootfs") as system:
        system.moult("init").ok()
        system.sh("echo written >/home/file")
    with Running(disk, "@gens/1/root", trial=True) as system:      # "the next boot"
        system.moult("internal", "carve").ok()
        system.mount_data()

A test that imports it may ask for a disk that is "blessed": generation 1 ran, is good and current.

It is a chroot in a mount namespace: the kernel, the devices and /proc are the host's, so nothing of
systemd's is in it. What a boot makes of it all is for tests/vm.
"""

import contextlib
import pathlib
import shutil
import subprocess
import tempfile
import uuid

import world
from quiet_bus import QuietBus
from rig import image
from rig.command import call


class Running:
    """One boot of it."""

    def __init__(self, disk, root, trial=False):
        self.disk, self.root, self.trial = disk, root, trial
        self.stack = contextlib.ExitStack()
        self.top = self.pool = None

    def __enter__(self):
        with self.stack:
            self._mount()
            self.stack = self.stack.pop_all()
        return self

    def __exit__(self, *exception):
        self.stack.close()

    def _umount(self, path):
        subprocess.run(["umount", "--recursive", "--lazy", path], check=False,
                       stderr=subprocess.DEVNULL)

    def _bind(self, source, target):
        call("mount", "--bind", source, target)

    def _mount(self):
        image.private_mounts()
        scratch = pathlib.Path(self.stack.enter_context(
            tempfile.TemporaryDirectory(prefix="moult-running-")))
        part = image.root(self.disk.path)
        device = self.stack.enter_context(image.loop(self.disk.path, part))
        self.stack.enter_context(image.loop(self.disk.path, image.esp(self.disk.path)))
        self.top, self.pool = scratch / "root", scratch / "pool"
        for folder in (self.top, self.pool):
            folder.mkdir()
            self.stack.callback(self._umount, folder)
        call("mount", "-o", "subvolid=5", device, self.pool)
        self.device = device
        call("mount", "-o", f"subvol=/{self.root}", device, self.top)
        for name in ("dev", "proc", "sys"):
            call("mount", "--rbind", f"/{name}", self.top / name)
        call("mount", "-t", "tmpfs", "run", self.top / "run")
        self.stack.enter_context(QuietBus(self.top / "run/dbus/system_bus_socket"))
        self._replace(scratch, "proc/cmdline", self.command_line())
        self._replace(scratch, "proc/sys/kernel/random/boot_id", str(uuid.uuid4()))
        self._bind(world.MOULT, self.top / "usr/bin/moult")
        if not _kernel_has_fat():
            _lend_mtools(self.top)

    def _replace(self, scratch, name, text):
        path = scratch / name.replace("/", "-")
        path.write_text(text + "\n")
        self._bind(path, self.top / name)

    def command_line(self):
        """What the entry that boots this root says; of a system that is not adopted, nothing."""
        for name in sorted(image.esp_list(self.disk.path, "/loader/entries"), reverse=True):
            text = image.esp_read(self.disk.path, f"/loader/entries/{name}").decode()
            options = next((line.split(None, 1)[1] for line in text.splitlines()
                            if line.startswith("options ")), "")
            words = options.split()
            named = f"rootflags=subvol={self.root or '/'}" in words and any(
                word.startswith("moult.gen=") for word in words)
            if named and ("moult.trial=1" in words) == self.trial:
                return options
        return "quiet"

    def start(self, *words, around=(), **how):
        """Start a program in it."""
        return subprocess.Popen(["chroot", self.top, *map(str, around), *map(str, words)],
                                text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, errors="replace", **how)

    def moult(self, *words, around=()):
        """Run moult in it."""
        out, err = (process := self.start("moult", *words, around=around)).communicate(
            timeout=world.TIMEOUT)
        return world.Result(process.returncode, out, err)

    def sh(self, script):
        """Run a script in it; what it prints."""
        return call("chroot", self.top, "sh", "-ec", script).decode()

    def mount_data(self):
        """What fstab mounts from the disk itself."""
        for line in (self.top / "etc/fstab").read_text().splitlines():
            fields = line.split()
            if len(fields) < 4 or fields[2] != "btrfs" or fields[1] == "/":
                continue
            subvolume = next(option for option in fields[3].split(",")
                             if option.startswith("subvol="))
            call("mount", "-o", subvolume, self.device, self.top / fields[1].lstrip("/"))


def _kernel_has_fat():
    return "vfat" in pathlib.Path("/proc/filesystems").read_text()


def _lend_mtools(top):
    """Where the host's kernel cannot mount the ESP; the system by itself would need none."""
    real = pathlib.Path(shutil.which("mtools")).resolve()
    if not (top / "usr/bin/mtools").exists():
        shutil.copy(real, top / "usr/bin/mtools")
    for name in ("mcopy", "mdel", "mdeltree", "mdir", "minfo", "mmd", "mmove", "mrd", "mren",
                 "mtype"):
        if not (top / "usr/bin" / name).exists():
            (top / "usr/bin" / name).symlink_to("mtools")


def _make_blessed(path, made):
    """The adopted one after its first boot."""
    world.cache.copy(made("adopted"), path)
    boot(world.Disk(path), 1)


def boot(disk, number):
    """The next boot: this generation is tried, healthy, and blessed."""
    with Running(disk, f"@gens/{number}/root", trial=True) as system:
        system.mount_data()
        system.moult("internal", "reconcile").ok()
        system.moult("internal", "bless").ok()


world.made.makers["blessed"] = _make_blessed
