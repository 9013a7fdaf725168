"""Runs programs inside a root that is not booted: a chroot with just enough around it."""

import contextlib
import os
import pathlib
import shutil

from rig import archive, cache
from rig.command import call

# Programs that lay out an ESP want it to be a mount point.
MOUNTS = {"proc": "proc", "sys": "sysfs", "dev": "tmpfs", "run": "tmpfs", "boot/efi": "tmpfs"}
DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9),
           "tty": (5, 0)}
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root",
               "DEBIAN_FRONTEND": "noninteractive", "SYSTEMD_OFFLINE": "1",
               "SYSTEMD_ESP_PATH": "/boot/efi", "SYSTEMD_RELAX_ESP_CHECKS": "1"}


class Stage:
    """A root in which programs can be run; made by staged()."""

    def __init__(self, root):
        self.root = root

    def call(self, *argv, **environment):
        """Run a program in the root; see rig.command.call()."""
        return call("chroot", self.root, *argv, env={**ENVIRONMENT, **environment})

    def install(self, spec):
        """Install the packages given as files by apt, with what they depend on."""
        with self._apt(spec) as apt:
            apt("update")
            apt("install", "--yes", "--no-install-recommends",
                *[f"/var/tmp/moult-vm/{path.name}" for path in spec.debs])

    @contextlib.contextmanager
    def _apt(self, spec):
        """apt-get confined to the sources the root was installed from; nothing of it stays."""
        scratch = self.root / "var/tmp/moult-vm"
        scratch.mkdir()
        lines = archive.source_lines(spec.suite, spec.security)
        (scratch / "sources.list").write_text("\n".join(lines) + "\n", encoding="utf-8")
        for path in spec.debs:
            shutil.copyfile(path, scratch / path.name)
        words = ["-o", "APT::Sandbox::User=root", "-o", "Dir::Etc::SourceParts=-",
                 "-o", "Dir::Etc::SourceList=/var/tmp/moult-vm/sources.list",
                 "-o", "APT::Keep-Downloaded-Packages=true"]
        for name, value in archive.options().items():
            words += ["-o", f"{name}={value}"]
        with self._shared_downloads():
            yield lambda *argv: self.call("apt-get", *words, *argv)
        shutil.rmtree(scratch)
        self._forget_lists()

    @contextlib.contextmanager
    def _shared_downloads(self):
        """The packages downloaded by earlier builds, in the root for as long as apt runs."""
        place = self.root / "var/cache/apt/archives"
        with cache.lock("debs"):
            call("mount", "--bind", cache.folder("debs"), place)
            try:
                yield
            finally:
                call("umount", place)

    def _forget_lists(self):
        shutil.rmtree(self.root / "var/lib/apt/lists")
        (self.root / "var/lib/apt/lists/partial").mkdir(parents=True)
        for name in ("pkgcache.bin", "srcpkgcache.bin"):
            (self.root / "var/cache/apt" / name).unlink(missing_ok=True)


@contextlib.contextmanager
def staged(root):
    """Make a root fit to run programs in; to be called in a private mount namespace."""
    with contextlib.ExitStack() as stack:
        _mounts(root, stack)
        _borrow(root / "etc/resolv.conf", pathlib.Path("/etc/resolv.conf").read_bytes(), stack)
        policy = root / "usr/sbin/policy-rc.d"
        _borrow(policy, b"#!/bin/sh\nexit 101\n", stack)
        policy.chmod(0o755)
        yield Stage(root)


def _mounts(root, stack):
    for name, kind in MOUNTS.items():
        mode = ["-o", "ro"] if kind == "sysfs" else []
        call("mount", "-t", kind, *mode, kind, root / name)
        stack.callback(call, "umount", "--recursive", root / name)
    for name, (major, minor) in DEVICES.items():
        os.mknod(root / "dev" / name, 0o20666, os.makedev(major, minor))
        (root / "dev" / name).chmod(0o666)
    for name, target in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1")):
        (root / "dev" / name).symlink_to(target)
    (root / "dev/pts").mkdir()
    call("mount", "-t", "devpts", "-o", "newinstance,ptmxmode=0666", "devpts", root / "dev/pts")
    (root / "dev/ptmx").symlink_to("pts/ptmx")


def _borrow(path, content, stack):
    """Put a file there for as long as the stage stands."""
    before = path.read_bytes() if path.exists() else None
    path.write_bytes(content)
    if before is None:
        stack.callback(path.unlink, missing_ok=True)
    else:
        stack.callback(path.write_bytes, before)
