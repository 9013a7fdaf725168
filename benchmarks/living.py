"""Area living: verbs on a system that runs, with 50 generations, against snapper's on the same file
system with as many snapshots.

The generation runs in a chroot, as in area boot. Both programs are started by this one. When a
snapshot was there is what moult says; the kernel's own stamp of it must not be later.
"""

import contextlib
import fcntl
import json
import os
import pathlib
import struct
import subprocess
import tempfile
import time

import boot
import measure
import snapper
import world
from rig import RigError, image

GENERATIONS = 50
SNAPSHOT = "checkpoint until its snapshot exists"
GET_SUBVOL_INFO, SUBVOL_INFO_BYTES = 0x81F8943C, 504
OTIME_AT = 392  # of struct btrfs_ioctl_get_subvol_info_args


def _enter(top):
    os.chroot(top)
    os.chdir("/")


def _moult(top, *words):
    """What it says, as a program of that system."""
    return subprocess.run(["/usr/bin/moult", *words], check=True, stdout=subprocess.PIPE,
                          preexec_fn=lambda: _enter(top)).stdout


def _snapper(verb):
    """In the root that it is in already, so that both are started alike."""
    subprocess.run([*snapper.COMMAND, verb], check=True, stdout=subprocess.DEVNULL,
                   preexec_fn=lambda: _enter("/"))


@contextlib.contextmanager
def _pool(device):
    """All generations, as no system has them mounted."""
    with tempfile.TemporaryDirectory() as top:
        subprocess.run(["mount", "-o", "subvolid=5", device, top], check=True)
        try:
            yield pathlib.Path(top)
        finally:
            subprocess.run(["umount", top], check=True)


def _made_at(path):
    """When the kernel made a snapshot, in seconds since 1970; its clock goes by ticks."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        answer = fcntl.ioctl(folder, GET_SUBVOL_INFO, bytes(SUBVOL_INFO_BYTES))
    finally:
        os.close(folder)
    seconds, nanoseconds = struct.unpack_from("=QI", answer, OTIME_AT)
    return seconds + nanoseconds / 1e9


def _checkpoint(top, pool):
    """Seconds from its start until it had its snapshot; what comes after may take its time."""
    start, clock = time.monotonic(), time.time()
    said = json.loads(_moult(top, "--json", "checkpoint"))
    timings = said["timings"]
    took = (timings["began_monotonic_usec"] + timings["snapshot_usec"]) / 1e6 - start
    made = _made_at(pool / f"@gens/{said['generation']}/root") - clock
    if made > took:
        raise RigError(f"the snapshot was there after {made} s, and not after {took} s")
    return took


def _looks(top):
    return {"list": lambda: measure.seconds_of(lambda: _snapper("list")),
            "moult list": lambda: measure.seconds_of(lambda: _moult(top, "list")),
            "status": lambda: measure.seconds_of(lambda: _moult(top, "status"))}


def _snapshots(top, pool):
    return {"create": lambda: measure.seconds_of(lambda: _snapper("create")),
            SNAPSHOT: lambda: _checkpoint(top, pool)}


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
        with boot.home(disk) as home, snapper.knows(home.top), _pool(home.pool) as pool:
            for _ in range(GENERATIONS):
                _snapper("create")
            # first what leaves the number of them as it is
            found = {**_turns(_looks(home.top), 15 * repetitions),
                     **_turns(_snapshots(home.top, pool), 5 * repetitions)}
    return [measure.row(f"{what}, {GENERATIONS} generations", "s", found[what], peer=found[peer],
                        peer_is=f"snapper {peer}")
            for what, peer in (("status", "list"), ("moult list", "list"), (SNAPSHOT, "create"))]
