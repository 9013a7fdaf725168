"""Writes docs/performance.json and docs/performance.md: nobody types a figure."""

import json
import pathlib

DOCS = pathlib.Path(__file__).resolve().parents[1] / "docs"
JSON, TEXT = DOCS / "performance.json", DOCS / "performance.md"
HEAD = """# What moult costs

Written by `benchmarks/run`; the same as data in [performance.json](performance.json). Each figure
is the median of the repetitions, with the least and the most in brackets. The floor was measured in
the same run, turn by turn with moult, and is what the work costs without it, or what another
program takes for the same; both have a raised priority (diff: that of real time), since the machine
may be busy with something else. moult works on disks of another system, as from a rescue stick: the
EFI system partition is written through mtools, and but for upgrade and diff, whose disks are
mounted already, attaching and unmounting a disk image is part of the figure. Two areas are systems
that run, in a chroot: boot and living.

"""
COLUMNS = ("area", "case", "moult", "floor or peer", "goal", "met")


def _number(value, unit):
    return "" if value is None else f"{value:.3g} {unit}"


def _cells(row):
    unit = row["unit"]
    spread = f"{_number(row['ours'], unit)} ({row['least']:.3g} to {row['most']:.3g}, " \
             f"{row['repetitions']} times)"
    floor = _number(row["floor"], unit)
    if row["floor_is"]:
        floor += f": {row['floor_is']}"
    if row["best_peer"]:
        floor += f"{_number(row['peer'], unit)}: {row['best_peer']}"
    goal = "" if row["goal"] is None else f"at most {_number(row['goal'], unit)}"
    met = {None: "", True: "yes", False: "**no**"}[row["met"]]
    return row["area"], row["case"], spread, floor, goal, met


def table(rows):
    """The rows as a table of Markdown."""
    lines = [COLUMNS, tuple("---" for _ in COLUMNS), *map(_cells, rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def write(rows):
    """Both files; the rows of areas that were not measured now are kept."""
    measured = {row["area"] for row in rows}
    kept = []
    if JSON.exists():
        kept = [row for row in json.loads(JSON.read_text(encoding="utf-8"))["rows"]
                if row["area"] not in measured]
    rows = sorted(rows + kept, key=lambda row: row["area"])
    document = {"format_version": 1, "rows": rows}
    JSON.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    TEXT.write_text(HEAD + table(rows), encoding="utf-8")
