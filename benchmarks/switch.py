"""Areas rollback, look and init: what works on a disk image without any package manager."""

import pathlib
import subprocess
import tempfile

import measure
import world
from rig import cache, image

ROLLBACK_SECONDS = 0.5
GENERATIONS = 10
ATTACH = "mounting and unmounting the disk with mount(8)"
ENTRY = b"title floor\noptions root=UUID=0\n#linux /none\n"


def _only_attach(disk):
    with measure.attached(disk, read_only=True):
        pass


def _switch_by_hand(disk):
    """What any rollback has to do: a small file on the ESP, the default subvolume, both durable."""
    image.esp_write(disk, "/loader/floor.conf", ENTRY)
    with measure.attached(disk) as top:
        subprocess.run(["btrfs", "subvolume", "set-default", top / "@gens/1/root"], check=True)
        subprocess.run(["sync", "--file-system", top], check=True)
    with open(disk, "rb") as file:
        subprocess.run(["sync", disk], check=True, stdin=file)


def rollback(binary, repetitions):
    """Between two good generations, to and fro."""
    ours, floor = [], []
    with measure.disk(binary, "settled") as disk:
        measure.moult(binary, disk, "rollback", "-q", "--base", "1")
        for turn in range(2 * repetitions):
            floor.append(measure.seconds_of(lambda: _switch_by_hand(disk)))
            run = measure.moult(binary, disk, "rollback", "-q", str(1 + turn % 2))
            ours.append(run.seconds)
    return [measure.row("rollback to another good generation", "s", ours, floor=floor,
                        floor_is="an entry, the default subvolume and syncs, by programs",
                        goal=ROLLBACK_SECONDS)]


def look(binary, repetitions):
    """The verbs that only read, with ten generations; so often that a median means something."""
    ours = {"status": [], "list": []}
    floor = []
    with measure.disk(binary, "settled") as disk:
        for _ in range(GENERATIONS - 2):
            measure.moult(binary, disk, "rollback", "-q", "--base", "1")
        for _ in range(5 * repetitions):
            floor.append(measure.seconds_of(lambda: _only_attach(disk)))
            for verb, values in ours.items():
                values.append(measure.moult(binary, disk, verb).seconds)
    return [measure.row(f"{verb} with {GENERATIONS} generations, disk image", "s", values,
                        floor=floor, floor_is=ATTACH) for verb, values in ours.items()]


def init(binary, repetitions):
    """Adopting a disk as the installer leaves it."""
    ours, floor = [], []
    for _ in range(repetitions):
        with tempfile.TemporaryDirectory(dir=cache.folder("benchmarks")) as scratch:
            disk = pathlib.Path(scratch) / "disk.img"
            world._fresh(disk, world._package_name(), "bookworm")
            with measure.alone(disk):
                floor.append(measure.seconds_of(lambda at=disk: _only_attach(at)))
                ours.append(measure.moult(binary, disk, "init", "-q").seconds)
    return [measure.row("init of a fresh Debian 12", "s", ours, floor=floor, floor_is=ATTACH)]
