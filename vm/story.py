"""What both stories need: how they are told, moult from this checkout, waiting for a bless."""

import pathlib
import re
import shutil
import subprocess
import sys
import time

from rig import MachineError

TREE = pathlib.Path(__file__).resolve().parent.parent
STARTED = time.monotonic()
BOLD, DIM, PLAIN = ("\033[1m", "\033[2m", "\033[0m") if sys.stdout.isatty() else ("", "", "")
BOOT_TIMEOUT = 900


def say(text):
    """A sentence of the story."""
    passed = int(time.monotonic() - STARTED)
    print(f"\n{BOLD}[{passed // 60}:{passed % 60:02}] {text}{PLAIN}", flush=True)


def run(*words, quiet=False):
    """A command of the host, shown as a user would type it."""
    print(f"{DIM}# {' '.join(str(word) for word in words)}{PLAIN}", flush=True)
    subprocess.run([str(word) for word in words], check=True,
                   stdout=subprocess.DEVNULL if quiet else None)


def show(machine, command, timeout=600, last=None):
    """A command inside the machine, with what it prints, or so many last lines of that."""
    print(f"{DIM}machine# {command}{PLAIN}", flush=True)
    out = machine.ok(command, timeout)
    lines = out.rstrip().splitlines()
    if last and len(lines) > last:
        lines = [f"{DIM}  ... {len(lines) - last} lines more{PLAIN}", *lines[-last:]]
    print("\n".join(lines), flush=True)
    return out


class Binary:
    """moult and its package, built from this checkout; both stay, for looking at the disk later."""

    def __init__(self, work):
        say("Building moult and its Debian package")
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        run(TREE / "tools/build-deb", work, quiet=True)
        self.deb = next(work.glob("moult_*.deb"))
        root = work / "root"
        run("dpkg-deb", "-x", self.deb, root)
        self.path = root / "usr/bin/moult"

    def offline(self, image, *words):
        """moult on the disk image, as a rescue system or a fleet's build machine would run it."""
        print(f"{DIM}# moult --sysroot {image} {' '.join(words)}{PLAIN}", flush=True)
        subprocess.run([self.path, "--sysroot", image, *words], check=True)


def wait_blessed(machine, generation):
    """Watch the trial until the machine says that the generation is good."""
    limit = time.monotonic() + BOOT_TIMEOUT
    while time.monotonic() < limit:
        out = machine.run("moult list 2>/dev/null | cat", 120).out
        if re.search(rf"^\s*[*+\- ]*{generation}\b.*\bgood\b", out, re.M):
            return
        print(f"{DIM}  ... generation {generation} is on trial{PLAIN}", flush=True)
        time.sleep(5)
    raise MachineError(f"generation {generation} was not blessed in {BOOT_TIMEOUT} s\n"
                       + machine.run("moult status; systemctl --failed; journalctl -b -u 'moult*' "
                                     "--no-pager | tail -40").out)
