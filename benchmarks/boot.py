"""Area boot: what moult adds to a boot on which there is nothing to do.

The generation runs in a chroot, as tests/crash records it: its own root, data, boot volume (through
mtools where the kernel has no vfat) and command line.
"""

import pathlib
import subprocess
import sys

import measure
import world
from rig import image

# behind the others: tests/machine has a `world` of its own
TESTS = pathlib.Path(__file__).resolve().parents[1] / "tests"
sys.path += [str(TESTS / "crash"), str(TESTS / "machine")]

import inside  # noqa: E402

RECONCILE_SECONDS = 0.06


def _command_line(disk):
    """That of the entry that the loader takes by itself."""
    held = world.Disk(disk, None)
    newest = max(name for name in held.entries() if world.ENTRY.fullmatch(name)[1] == "moult-")
    return held.entry(newest)["options"]


def home(disk):
    """The system of a disk, as it runs."""
    return inside.Inside(disk, _command_line(disk))


def boot(binary, repetitions):
    """The row of the area."""
    del binary  # the disk has the same one
    ours, floor = [], []
    with world.binary() as moult, measure.disk(moult, "settled") as disk:
        image.private_mounts()
        with home(disk) as system:
            for _ in range(5 * repetitions):
                floor.append(measure.seconds_of(
                    lambda: subprocess.run(["chroot", system.top, "true"], check=True)))
                ours.append(measure.seconds_of(lambda: system.moult("internal", "reconcile")))
    return [measure.row("reconcile on a clean boot", "s", ours, floor=floor,
                        floor_is="starting a program in the same place",
                        goal=RECONCILE_SECONDS)]
