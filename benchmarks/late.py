"""Area late: was anything edited since a generation was staged, among 100,000 files."""

import json
import os
import subprocess

import measure

FILES, FOLDERS = 100_000, 200
EDITED = 100
FOUND_SECONDS = 0.03
FROM, TO = "@gens/1/root", "@gens/2"


def _fill(top):
    """So many files of the owner's in the root that is staged from."""
    for folder in range(FOLDERS):
        place = top / FROM / f"opt/many/{folder}"
        place.mkdir(parents=True)
        for number in range(FILES // FOLDERS):
            (place / f"file-{number}").write_text("x", encoding="ascii")


def _edit(top):
    for number in range(EDITED):
        (top / FROM / f"opt/many/{number}/file-7").write_text("edited", encoding="ascii")


def _looked(binary, disk):
    """What moult itself says: how many edits, and how long it looked, on a disk just mounted."""
    done = subprocess.run([binary, "--sysroot", disk, "--json", "status"], check=True,
                          stdout=subprocess.PIPE)
    found = json.loads(done.stdout)["late"]
    return found["edits"], found["looked_usec"] / 1e6


def _walk(disk):
    """What one does without transaction ids: look at every file of both roots."""
    with measure.attached(disk, read_only=True) as top:
        def walk():
            for root in (top / FROM, top / TO / "ancestor"):
                for folder, _, names in os.walk(root):
                    for name in names:
                        os.lstat(os.path.join(folder, name))
        return measure.seconds_of(walk)


def _series(binary, disk, repetitions, expected):
    ours, floor = [], []
    for _ in range(3 * repetitions):
        floor.append(_walk(disk))
        edits, seconds = _looked(binary, disk)
        if edits != expected:
            raise RuntimeError(f"{edits} edits were found, and {expected} made")
        ours.append(seconds)
    return ours, floor


def late(binary, repetitions):
    """Nothing edited, then some of them."""
    rows = []
    with measure.disk(binary, "adopted") as disk:
        with measure.attached(disk) as top:
            _fill(top)
        measure.moult(binary, disk, "run", "--", "true")
        ours, floor = _series(binary, disk, repetitions, 0)
        rows.append(measure.row(f"late edits among {FILES:,} files: none", "s", ours, floor=floor,
                                floor_is="looking at every file of both roots",
                                goal=FOUND_SECONDS))
        with measure.attached(disk) as top:
            _edit(top)
        ours, floor = _series(binary, disk, repetitions, EDITED)
        rows.append(measure.row(f"late edits among {FILES:,} files: {EDITED}", "s", ours,
                                floor=floor, floor_is="looking at every file of both roots"))
    return rows
