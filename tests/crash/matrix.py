"""Judges every state of a recording, and writes what was found: docs/crash-matrix.md and .json."""

import contextlib
import dataclasses
import json
import pathlib
import random
import shutil

import judge
import replay
from rig import RigError, cache, image
from rig.command import say

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
LOADER = "systemd-boot"
FORMAT_VERSION = 1
SHOWN = 10


@dataclasses.dataclass
class Row:
    """What was found about one operation; samples: copies of disks, to be booted."""
    operation: str
    flush_points: int = 0
    subsets: int = 0
    images: int = 0
    booted: int = 0
    violations: int = 0
    said: list = dataclasses.field(default_factory=list)
    samples: list = dataclasses.field(default_factory=list)

    def blame(self, state, sentences):
        """Note a state in which the promise is not kept."""
        self.violations += 1
        if len(self.said) < SHOWN:
            self.said.append(f"{self.operation}, {state}: {'; '.join(sentences)}")

    def document(self):
        """As it is published."""
        names = ("operation", "flush_points", "subsets", "images", "booted", "violations")
        return {"loader": LOADER, **{name: getattr(self, name) for name in names}}


@dataclasses.dataclass(frozen=True)
class Sample:
    """A disk that was cut off, and the roots that it may boot."""
    disk: pathlib.Path
    state: str
    systems: tuple


@dataclasses.dataclass(frozen=True)
class Effort:
    """How much is tried of each operation."""
    subsets: int = 220
    samples: int = 0
    seed: int = 1


class Trial:
    """A recording that is replayed twice: to know what is old and what is new, and to judge."""

    def __init__(self, recording, folder, effort):
        self.recording, self.folder, self.effort = recording, folder, effort
        self.disk = folder / "replayed.img"

    def rows(self):
        """One for each operation of the recording."""
        with cache.lock(f"btrfs-{image.btrfs_uuid(self.recording.start)}"):
            with self._replay() as (history, viewer):
                bounds = list(self._bounds(history, viewer))
            with self._replay() as (history, viewer):
                return [self._judge(history, viewer, segment, bound)
                        for segment, bound in zip(self.recording.segments, bounds)]

    @contextlib.contextmanager
    def _replay(self):
        cache.copy(self.recording.start, self.disk)
        with judge.Viewer(self.disk) as viewer:
            history = replay.Replay(self.disk, self.recording.log, image.root(self.disk).offset,
                                    viewer.written)
            try:
                yield history, viewer
            finally:
                history.close()
        self.disk.unlink()

    def _bounds(self, history, viewer):
        for segment in self.recording.segments:
            history.go_to(segment.start)
            old = viewer.look()
            history.go_to(segment.end)
            new = viewer.look()
            if faults := [*old.faults, *new.faults]:
                raise RigError(f"{segment.operation}: a disk that was not cut off: {faults}")
            yield judge.Bounds(old, new, self.recording.live)

    def _judge(self, history, viewer, segment, bounds):
        row = Row(segment.operation)
        history.go_to(segment.start)
        part = history.until(segment.end)
        kept = self._kept(part)
        for state in history.states(part, self.effort.subsets, self.effort.seed):
            row.images += 1
            row.subsets += bool(state.subset)
            row.flush_points += not state.subset
            if sentences := judge.violations(viewer.look(), bounds):
                row.blame(state, sentences)
            if row.images in kept:
                row.samples.append(self._sample(row, state, bounds))
        say(f"{segment.operation}: {row.images} states, {row.violations} violations, the log of "
            f"the Btrfs was replayed {viewer.pool.replayed} times so far")
        return row

    def _kept(self, part):
        """The numbers of the states that are to be booted."""
        most = len(part) + self.effort.subsets
        return set(random.Random(self.effort.seed).sample(range(1, most), self.effort.samples))

    def _sample(self, row, state, bounds):
        name = "".join(letter if letter.isalnum() else "-" for letter in row.operation)
        disk = self.folder / f"{name}-{row.images}.img"
        cache.copy(self.disk, disk)
        systems = {system for number in range(2) for system in bounds.systems(number)}
        return Sample(disk, f"{row.operation}, {state}", tuple(sorted(systems)))


# What is published


def document(rows, effort, order, before):
    """The rows as crash-matrix.json has them: new ones instead of those of the same operation."""
    known = {row["operation"]: row for row in before.get("rows", ())}
    known |= {row.operation: row.document() for row in rows}
    return {"format_version": FORMAT_VERSION, "seed": effort.seed,
            "rows": [known[name] for name in order if name in known]}


HEAD = """# The crash matrix

*Written by `./test --all`; nobody types a figure.*

Each operation was done while every write and every flush of the disk was recorded. The disk was
then put into the state of every flush, and into random states between two of them: any part of
the sectors written since the last flush, each sector whole or not at all. In each state a checker
that shares no code with moult looked at the boot volume as firmware and systemd-boot read it, and
mounted the Btrfs with the kernel. It asked for promise P2: every entry of ours boots a complete
generation that was verified when it was made, the default is the old one or the new one, and so is
the default subvolume. How many of the states were booted in QEMU as well is in the column of that
name. How: [design/crash.md](design/crash.md).

| loader | operation | flush points | random subsets | states judged | booted | violations |
|---|---|---:|---:|---:|---:|---:|
"""


def text(shown):
    """The document as crash-matrix.md has it."""
    names = ("loader", "operation", "flush_points", "subsets", "images", "booted", "violations")
    lines = [" | ".join(str(row[name]) for name in names) for row in shown["rows"]]
    return HEAD + "".join(f"| {line} |\n" for line in lines) + \
        f"\nRandom choices were made with seed {shown['seed']}.\n"


def published(folder=DOCS):
    """What is published; nothing at the very first time."""
    path = folder / "crash-matrix.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def publish(rows, effort, order, folder=DOCS):
    """Write both files; order: the names of all operations there are."""
    published_now = document(rows, effort, order, published(folder))
    new = {"crash-matrix.json": json.dumps(published_now, indent=1) + "\n",
           "crash-matrix.md": text(published_now)}
    for name, content in new.items():
        path = folder / name
        path.with_suffix(".new").write_text(content, encoding="utf-8")
        shutil.move(path.with_suffix(".new"), path)
