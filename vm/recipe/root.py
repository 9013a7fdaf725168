"""The root of a Debian release as a tar, installed by mmdebstrap from this machine's archive."""

import os
import shlex

from rig import archive, cache
from rig.command import RigError, call, say

from . import grub

# Beside what has priority "important": what a small server has, and what a disk needs to boot.
PACKAGES = ("systemd-sysv", "btrfs-progs", "initramfs-tools", "openssh-server", "dbus", "zstd",
            "ca-certificates", "less", "vim-tiny", "iproute2", "libpam-systemd", "strace")
KERNELS = {"cloud": "linux-image-cloud-amd64", "generic": "linux-image-amd64"}
LOADERS = {"systemd-boot": ("systemd-boot",), "grub": grub.PACKAGES, "none": ()}


def packages(spec):
    """What is installed besides Debian's own base."""
    wanted = {*PACKAGES, KERNELS[spec.kernel], *LOADERS[spec.loader], *spec.include}
    return sorted(wanted)


def named(spec):
    """The name of the root in the cache: its inputs, and the state of the archive."""
    inputs = cache.digest(spec.suite, spec.security, packages(spec), archive.mirror(),
                          cache.digest_files(__file__))
    try:
        return f"{inputs}-{archive.state(spec.suite, spec.security)}.tar"
    except RigError as offline:
        return _newest(inputs, offline)


def _newest(inputs, offline):
    """Without the archive: the last root made from these inputs, if there is one."""
    made = sorted(cache.folder("roots").glob(f"{inputs}-*.tar"), key=lambda p: p.stat().st_mtime)
    if not made:
        raise offline
    say(f"the archive does not answer, using the root made before: {offline}")
    return made[-1].name


def obtain(spec, name):
    """The tar, as a context: see cache.entry()."""
    return cache.entry("roots", name, lambda path: _install(spec, path))


def _install(spec, tar):
    say(f"installing a {spec.suite} root")
    words = ["--mode=root", "--variant=important", f"--keyring={archive.KEYRING}",
             "--include=" + ",".join(packages(spec)), *_keep_downloads()]
    words += [f'--aptopt={name} "{value}"' for name, value in archive.options().items()]
    call("mmdebstrap", *words, spec.suite, tar,
         *archive.source_lines(spec.suite, spec.security),
         env={"TMPDIR": os.fspath(tar.parent)})


def _keep_downloads():
    """Options that give mmdebstrap the packages of earlier runs and keep those of this one.

    Linked, not copied: its scratch directory lies in the cache.  Names carry versions.
    """
    kept = shlex.quote(os.fspath(cache.folder("debs")))
    into = ('mkdir -p "$1/var/cache/apt/archives/partial" && '
            f'find {kept} -name "*.deb" -exec cp --link -t "$1/var/cache/apt/archives" {{}} +')
    out = ('find "$1/var/cache/apt/archives" -maxdepth 1 -name "*.deb" '
           f'-exec cp --link --no-clobber -t {kept} {{}} +')
    return ["--skip=download/empty,essential/unlink", f"--setup-hook={into}",
            f"--customize-hook={out}"]
