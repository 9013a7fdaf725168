"""debian13.py SUITE…: run ./test's suites inside a Debian 13 root, on a copy of this checkout.

The root comes from this machine's archive with what tools/packages.txt lists, and is kept in the
cache like the roots of the virtual machines.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOP / "vm"))

from rig import archive, cache  # noqa: E402
from rig.command import call, say  # noqa: E402
from rig.image import private_mounts  # noqa: E402

SUITE = "trixie"
LIST = TOP / "tools/packages.txt"
SHARED = ("dev", "proc", "sys")
# Not chroot, below which the kernel tells programs in namespaces of their own paths from outside.
ENTER = 'cd "$0" && pivot_root . . && umount -l . && cd / && exec "$@"'


def packages():
    """What the suites need; machines are not booted in here."""
    lines = LIST.read_text(encoding="utf-8").split("\n[boots]")[0].splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def install(tar):
    """Make the root."""
    say(f"installing a {SUITE} root to build in")
    words = [f"--aptopt={name} \"{value}\"" for name, value in archive.options().items()]
    call("mmdebstrap", "--mode=root", "--variant=minbase", f"--keyring={archive.KEYRING}",
         "--include=" + ",".join(packages()), *words, SUITE, tar,
         *archive.source_lines(SUITE, True), env={"TMPDIR": os.fspath(tar.parent)})


def unpack(top):
    """Unpack the root, made first if need be."""
    name = cache.digest(SUITE, packages(), archive.mirror(), cache.digest_files(__file__))
    with cache.entry("builders", f"{name}.tar", install) as tar:
        call("tar", "-xpf", tar, "-C", top, "--numeric-owner", "--exclude=./dev/*")


def mount(top):
    """What programs expect of a root, and the cache."""
    kept = cache.folder("locks").parent
    for name in SHARED:
        call("mount", "--rbind", f"/{name}", top / name)
        call("mount", "--make-rslave", top / name)
    for name in ("run", "tmp"):
        call("mount", "-t", "tmpfs", "-o", "mode=1777" if name == "tmp" else "mode=755", "tmpfs",
             top / name)
    inside = top / "var/cache/moult-tests"
    inside.mkdir(parents=True)
    call("mount", "--bind", kept, inside)
    call("cp", "--dereference", "/etc/resolv.conf", top / "etc/resolv.conf")


def checkout(top):
    """A copy of this checkout without what was built here; returns its path in the root."""
    place = top / "root/moult"
    place.mkdir()
    call("sh", "-c", 'tar -C "$0" --exclude=./.git --exclude="./build*" --exclude="./*.img*" -c . '
         '| tar -C "$1" -x', TOP, place)
    return "/root/moult"


def main():
    """Run the suites; the status is theirs."""
    private_mounts()
    with tempfile.TemporaryDirectory(prefix="moult-debian13-") as scratch:
        top = pathlib.Path(scratch)
        call("mount", "--bind", top, top)
        try:
            unpack(top)
            mount(top)
            place = checkout(top)
            env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8",
                   **{name: value for name, value in os.environ.items()
                      if name.startswith("MOULT_TEST_") or name.endswith("_proxy")}}
            inside = ["unshare", "--mount", "sh", "-c", ENTER, top]
            call(*inside, "apt-get", "-q", "update", env=env)
            done = subprocess.run([*inside, f"{place}/test", *sys.argv[1:]], env=env, check=False)
        finally:
            call("umount", "--recursive", "--lazy", top)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
