"""Area living: verbs on a system that runs, with 50 generations, against snapper's on the same file
system with as many snapshots.

The generation runs in a chroot, as in area boot. Both programs are started by this one.
"""

import json
import os
import subprocess
import time

import boot
import measure
import snapper
import world
from rig import image

GENERATIONS = 50
SNAPSHOT = "checkpoint until its snapshot exists"


def _enter(top):
    os.chroot(top)
    os.chdir("/")


def _moult(top, *words):
    """What it says, as a program of that system."""
    return subprocess.run(["/usr/bin/moult", *words], check=True, stdout=subprocess.PIPE,
                          preexec_fn=lambda: _enter(top)).stdout


def _snapper(verb):
    subprocess.run([*snapper.COMMAND, verb], check=True, stdout=subprocess.DEVNULL,
                   preexec_fn=lambda: os.chdir("/"))


def _checkpoint(top):
    """Seconds from its start until it had its snapshot; what comes after may take its time."""
    start = time.monotonic()
    timings = json.loads(_moult(top, "--json", "checkpoint"))["timings"]
    return (timings["began_monotonic_usec"] + timings["snapshot_usec"]) / 1e6 - start


def _looks(top):
    return {"list": lambda: measure.seconds_of(lambda: _snapper("list")),
            "moult list": lambda: measure.seconds_of(lambda: _moult(top, "list")),
            "status": lambda: measure.seconds_of(lambda: _moult(top, "status"))}


def _snapshots(top):
    return {"create": lambda: measure.seconds_of(lambda: _snapper("create")),
            SNAPSHOT: lambda: _checkpoint(top)}


def _turns(turns, count):
    """So many times each, one after another."""
    found = {name: [] for name in turns}
    with measure.undisturbed():
        for _ in range(count):
            for name, turn in turns.items():
                found[name].append(turn())
    return found


def living(binary, repetitions):
    """The rows of the area."""
    with measure.disk(binary, "settled") as disk:
        for _ in range(GENERATIONS - 1):
            measure.moult(binary, disk, "rollback", "-q", "--base", "1")
        image.private_mounts()
        with boot.home(disk) as home, snapper.knows(home.top):
            for _ in range(GENERATIONS):
                _snapper("create")
            # first what leaves the number of them as it is
            found = {**_turns(_looks(home.top), 15 * repetitions),
                     **_turns(_snapshots(home.top), 5 * repetitions)}
    return [measure.row(f"{what}, {GENERATIONS} generations", "s", found[what], peer=found[peer],
                        peer_is=f"snapper {peer}")
            for what, peer in (("status", "list"), ("moult list", "list"), (SNAPSHOT, "create"))]
