"""Area upgrade: what moult adds around the package manager, Debian 12 without → with updates.

Once on the system as it is, and once with ten times as many files in its root.
"""

import subprocess

import measure
from rig import image

# The whole of design/proof: figures to hold.
OWN_SECONDS, OWN_PERCENT, RESIDENT_MIB = 1.5, 5, 24
TIMES = 10
UNCHANGED = 1.1  # times as long, which two runs of the same may differ by
FOLDER_FILES = 100


def is_package_manager(program):
    """What an upgrade by hand would run, too; what moult runs besides is its own."""
    return program[0] == "apt-get" and program[-1] in ("update", "full-upgrade") and \
        "-s" not in program


def _fill(root):
    """So many files that belong to no package; how many there are then for each that was there."""
    count = int(subprocess.run(f"find {root} -xdev -type f | wc -l", check=True, shell=True,
                               stdout=subprocess.PIPE).stdout)
    for number in range((TIMES - 1) * count):
        folder = root / f"usr/share/many/{number // FOLDER_FILES}"
        if number % FOLDER_FILES == 0:
            folder.mkdir(parents=True)
        (folder / str(number)).write_text(f"{number}\n", encoding="ascii")
    subprocess.run(["sync", "-f", root], check=True)


def _upgrade(binary, many):
    """One run, and how long the package manager took in it."""
    with measure.disk(binary, "adopted") as disk:
        # mounted already, as a system that runs is: moult neither attaches nor unmounts it
        with measure.attached(disk) as top, image.loop(disk, image.esp(disk)) as esp:
            if many:
                _fill(top / "@gens/1/root")
            run = measure.moult(binary, top, "upgrade", "-q", "--esp", esp)
    return run, run.inside(is_package_manager)


def upgrade(binary, repetitions):
    """The rows of the area."""
    own, many, share, floor, resident = [], [], [], [], []
    for _ in range(repetitions):
        run, manager = _upgrade(binary, False)
        floor.append(manager)
        own.append(run.seconds - manager)
        share.append(100 * own[-1] / manager)
        resident.append(run.resident_mib)
        run, manager = _upgrade(binary, True)
        many.append(run.seconds - manager)
        resident.append(run.resident_mib)
    by = {"floor": floor, "floor_is": "apt-get update and full-upgrade themselves"}
    return [
        measure.row("upgrade: everything but apt itself", "s", own, goal=OWN_SECONDS, **by),
        measure.row("upgrade: the same as a share of apt's time", "%", share, goal=OWN_PERCENT),
        measure.row(f"upgrade: everything but apt itself, {TIMES} times the files", "times",
                    [a / b for a, b in zip(many, own)], goal=UNCHANGED),
        measure.row("upgrade: resident memory of moult", "MiB", resident, goal=RESIDENT_MIB),
    ]
