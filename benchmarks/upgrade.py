"""Area upgrade: what moult adds around the package manager, Debian 12 without → with updates."""

import measure
from rig import image

# The whole of design/proof: figures to hold.
OWN_SECONDS, OWN_PERCENT, RESIDENT_MIB = 1.5, 5, 24


def is_package_manager(program):
    """What an upgrade by hand would run, too; what moult runs besides is its own."""
    return program[0] == "apt-get" and program[-1] in ("update", "full-upgrade") and \
        "-s" not in program


def upgrade(binary, repetitions):
    """The rows of the area."""
    own, share, floor, resident = [], [], [], []
    for _ in range(repetitions):
        with measure.disk(binary, "adopted") as disk:
            # mounted already, as a system that runs is: moult neither attaches nor unmounts it
            with measure.attached(disk) as top, image.loop(disk, image.esp(disk)) as esp:
                run = measure.moult(binary, top, "upgrade", "-q", "--esp", esp)
        manager = run.inside(is_package_manager)
        floor.append(manager)
        own.append(run.seconds - manager)
        share.append(100 * own[-1] / manager)
        resident.append(run.resident_mib)
    by = {"floor": floor, "floor_is": "apt-get update and full-upgrade themselves"}
    return [
        measure.row("upgrade: everything but apt itself", "s", own, goal=OWN_SECONDS, **by),
        measure.row("upgrade: the same as a share of apt's time", "%", share, goal=OWN_PERCENT),
        measure.row("upgrade: resident memory of moult", "MiB", resident, goal=RESIDENT_MIB),
    ]
