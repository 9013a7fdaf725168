"""Runs moult, and says how long it took, what it said meanwhile, and how large it grew."""

import contextlib
import dataclasses
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import threading
import time

import world
from rig import RigError, cache, image

POLL_SECONDS = 0.01


@dataclasses.dataclass
class Run:
    """One run of moult."""
    seconds: float
    resident_mib: float
    events: list

    def inside(self, wanted):
        """Seconds in which a program ran whose words `wanted` accepts."""
        total, since = 0, None
        for event in self.events:
            if "program" in event and wanted(event["program"]):
                if event["running"]:
                    since = event["usec"]
                else:
                    total += event["usec"] - since
        return total / 1e6


class Resident(threading.Thread):
    """The high-water mark of one process, without what it started; rusage has the largest one."""

    def __init__(self, process):
        super().__init__()
        self.process, self.kib = process, 0

    def run(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status")
        while self.process.poll() is None:
            with contextlib.suppress(OSError, StopIteration):
                line = next(line for line in status.read_text(encoding="ascii").splitlines()
                            if line.startswith("VmHWM:"))
                self.kib = max(self.kib, int(line.split()[1]))
            time.sleep(POLL_SECONDS)


def moult(binary, disk, *words):
    """Run it on a disk image; a failure is an error of the benchmark."""
    reading, writing = os.pipe()
    command = [binary, "--sysroot", disk, *words]
    if words[0] not in ("status", "list"):
        command += ["--progress-fd", str(writing)]
    with tempfile.TemporaryFile() as said, os.fdopen(reading, "rb") as lines:
        start = time.monotonic()
        with subprocess.Popen(command, pass_fds=[writing], stdout=said, stderr=said,
                              stdin=subprocess.DEVNULL) as process:
            os.close(writing)
            resident = Resident(process)
            resident.start()
            events = [json.loads(line) for line in lines]
            process.wait()
            seconds = time.monotonic() - start
        resident.join()
        said.seek(0)
        if process.returncode != 0:
            raise RigError(f"moult {' '.join(words)}: {said.read().decode(errors='replace')}")
    return Run(seconds, resident.kib / 1024, events)


@contextlib.contextmanager
def undisturbed():
    """What is started here comes before all that the machine does besides, if it has work to do."""
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    try:
        yield
    finally:
        os.sched_setscheduler(0, *before)


def seconds_of(action):
    """How long a function takes."""
    start = time.monotonic()
    action()
    return time.monotonic() - start


def _median(values):
    return None if values is None else round(statistics.median(values), 4)


def row(case, unit, values, **more):
    """The row of one case: the median, and between what it lay.

    The goal is what was set, or to be no slower than the peer; without either nothing is met.
    """
    ours, peer = statistics.median(values), _median(more.get("peer"))
    goal = more.get("goal", peer)
    return {"case": case, "unit": unit, "ours": round(ours, 4), "best_peer": more.get("peer_is"),
            "peer": peer, "floor": _median(more.get("floor")),
            "floor_is": more.get("floor_is"), "goal": goal,
            "met": None if goal is None else bool(ours <= goal),
            "least": round(min(values), 4), "most": round(max(values), 4),
            "repetitions": len(values)}


@contextlib.contextmanager
def disk(binary, kind):
    """A copy of a disk of tests/vm: "adopted" by init, or "settled" by a boot and its bless."""
    with tempfile.TemporaryDirectory(dir=cache.folder("benchmarks")) as scratch, \
            world.KINDS[kind](binary, "bookworm") as made:
        copy = pathlib.Path(scratch) / "disk.img"
        cache.copy(made, copy)
        with alone(copy):
            yield copy


def alone(path):
    """Copies of a disk share their Btrfs id, and the kernel mounts only one of them at a time."""
    return cache.lock(f"btrfs-{image.btrfs_uuid(path)}")


@contextlib.contextmanager
def attached(path, read_only=False):
    """Mount a disk's Btrfs as any tool would: the floor of everything done to a disk at rest."""
    with tempfile.TemporaryDirectory() as top:
        part = image.root(path)
        options = f"loop,offset={part.offset},sizelimit={part.size},subvolid=5"
        subprocess.run(["mount", "-o", options + (",ro" if read_only else ""), path, top],
                       check=True)
        try:
            yield pathlib.Path(top)
        finally:
            subprocess.run(["umount", top], check=True)
