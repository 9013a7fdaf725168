"""Which QEMU runs the machines.

QEMU before 10 corrupts guests with newer kernels now and then (seen with 7.2 and Linux 6.12: double
faults, crashes at random places).  Where the host's is older, Debian 13's is unpacked into the
cache and run through its own dynamic linker; nothing is installed.  MOULT_QEMU names another.
"""

import functools
import os
import pathlib
import re
import shutil
import subprocess

from . import archive, cache
from .command import RigError, call, say

PROGRAM = "qemu-system-x86_64"
OLDEST = 10
SUITE = "trixie"
LIBRARIES = "usr/lib/x86_64-linux-gnu"


@functools.cache
def found():
    """The words that start QEMU here, and the environment it needs."""
    chosen = os.environ.get("MOULT_QEMU")
    if chosen:
        return [chosen], dict(os.environ)
    if _version() >= OLDEST:
        return [PROGRAM], dict(os.environ)
    root = _unpacked()
    words = [root / "usr/lib64/ld-linux-x86-64.so.2", "--library-path", root / LIBRARIES,
             root / "usr/bin" / PROGRAM, "-L", root / "usr/share/qemu"]
    return ([os.fspath(word) for word in words],
            {**os.environ, "QEMU_MODULE_DIR": os.fspath(root / LIBRARIES / "qemu")})


def _version():
    """The major version of the host's QEMU, 0 if there is none."""
    try:
        text = subprocess.run([PROGRAM, "--version"], check=True, stdout=subprocess.PIPE).stdout
    except (OSError, subprocess.CalledProcessError):
        return 0
    found = re.search(rb"version (\d+)\.", text)
    return int(found[1]) if found else 0


def _unpacked():
    """The root of the unpacked QEMU, made first if it is not there."""
    root = cache.folder("emulator") / SUITE
    with cache.lock("emulator"):
        if not (root / "complete").exists():
            shutil.rmtree(root, ignore_errors=True)
            _unpack(root)
            (root / "complete").touch()
    return root


def _unpack(root):
    say(f"unpacking the QEMU of {SUITE}, the host's is older than {OLDEST}")
    words = [f'--aptopt={name} "{value}"' for name, value in archive.options().items()]
    call("mmdebstrap", "--mode=root", "--variant=extract", f"--keyring={archive.KEYRING}",
         "--include=qemu-system-x86", "--format=directory", *words, SUITE, root,
         *archive.source_lines(SUITE, True))
    if not pathlib.Path(root, "usr/bin", PROGRAM).exists():
        raise RigError(f"no {PROGRAM} in what {SUITE} has")
