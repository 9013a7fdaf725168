"""Boots a real Debian root with the units of this tree in a container, its own systemd as PID 1.

What the units call is a recorder in the place of moult, which does what a scenario tells it: the
units are under test here, moult itself is elsewhere.  A reboot ends the container and is told
apart from a poweroff.  systemd takes SYSTEMD_PROC_CMDLINE for the kernel command line.
"""

import contextlib
import dataclasses
import os
import pathlib
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "vm"))

from recipe import root  # noqa: E402
from recipe.disk import Spec  # noqa: E402
from rig.command import call  # noqa: E402
from rig.image import private_mounts  # noqa: E402

SUITE = os.environ.get("MOULT_SUITE", "bookworm")
REBOOT_STATUS = 133
TRIAL = "moult.gen=7 moult.serial=12 moult.trial=1"

RECORDER = """#!/bin/sh
echo "$*" >>/calls
%s
case "$*" in
*give-up*) exec systemctl --force reboot ;;
esac
"""

# Timers come when it suits them; a scenario that is about something else would hear of it.
QUIET = "[Timer]\nOnCalendar=\nOnCalendar=2099-01-01\nRandomizedDelaySec=0\n"
TIMERS = ("moult-check.timer", "moult-cleanup.timer", "moult-upgrade.timer")

# Ends a container that is up, once everything else that was to happen has happened.
PROBE = """[Unit]
After=multi-user.target moult-bless.service moult-reconcile.service
DefaultDependencies=no
[Service]
Type=oneshot
ExecStart=-/bin/sh -c '%s'
ExecStart=/bin/systemctl --no-block poweroff
"""


@dataclasses.dataclass
class Outcome:
    """How a boot ended: "reboot", "poweroff" or "hung"; what was called; what the probe printed."""
    end: str
    calls: list
    probe: str
    console: str


def tree():
    """Where the units are installed: meson install --destdir, see ./test."""
    place = os.environ.get("MOULT_TREE")
    if not place:
        raise RuntimeError("MOULT_TREE does not name a tree made by meson install --destdir")
    return pathlib.Path(place)


@contextlib.contextmanager
def debian(suite, with_units=True):
    """A Debian root, with the units in it, unpacked."""
    private_mounts()
    spec = Spec(suite=suite)
    with tempfile.TemporaryDirectory(prefix="moult-units-") as scratch:
        with root.obtain(spec, root.named(spec)) as archived:
            call("tar", "-xpf", archived, "-C", scratch, "--numeric-owner",
                 "--exclude=./boot/*", "--exclude=./usr/lib/modules/*")
        if with_units:
            call("cp", "-a", f"{tree()}/.", scratch)
        yield pathlib.Path(scratch)


@contextlib.contextmanager
def overlaid(lower):
    """A copy of a root that is dropped again; yields its top."""
    with tempfile.TemporaryDirectory(prefix="moult-units-") as scratch:
        call("mount", "-t", "tmpfs", "tmpfs", scratch)
        try:
            upper, work, top = (pathlib.Path(scratch) / name for name in ("upper", "work", "top"))
            for place in (upper, work, top):
                place.mkdir()
            call("mount", "-t", "overlay", "-o",
                 f"lowerdir={lower},upperdir={upper},workdir={work}", "overlay", top)
            try:
                yield top
            finally:
                call("umount", top)
        finally:
            call("umount", scratch)


def write(top, path, text, mode=0o644):
    """Write a file of the container."""
    file = top / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)


def boot(lower, command_line=TRIAL, files=None, script="", probe="true", seconds=120):
    """Boot the root once.  `script` is what the recorder does; files: {path: text or None}."""
    with overlaid(lower) as top:
        write(top, "usr/bin/moult", RECORDER % script, 0o755)
        write(top, "etc/systemd/system/probe.service", PROBE % probe)
        wants = top / "etc/systemd/system/multi-user.target.wants"
        (wants / "probe.service").symlink_to("../probe.service")
        for timer in TIMERS:
            write(top, f"etc/systemd/system/{timer}.d/quiet.conf", QUIET)
        for path, text in (files or {}).items():
            if text is None:
                (top / path).unlink()
            else:
                write(top, path, text)
        end, console = _run(top, command_line, seconds)
        return Outcome(end, _lines(top / "calls"), "\n".join(_lines(top / "probe")), console)


def _lines(file):
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def _run(top, command_line, seconds):
    words = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network",
             "--console=read-only", f"--machine=moult-{os.getpid()}", f"--directory={top}",
             f"--setenv=SYSTEMD_PROC_CMDLINE={command_line}", "--boot"]
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace") as running:
        try:
            console, _ = running.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            running.terminate()
            console, _ = running.communicate()
            return "hung", console
    ends = {0: "poweroff", REBOOT_STATUS: "reboot"}
    return ends.get(running.returncode, f"status {running.returncode}"), console
