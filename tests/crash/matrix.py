"""Judges every state of a recording, and writes what was found: docs/crash-matrix.md and .json."""

import contextlib
import dataclasses
import json
import pathlib
import random
import shutil

import bootview
import judge
import replay
from rig import RigError, cache, image
from rig.command import say

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
LOADER = "systemd-boot"
LOADER_OF_DISKS = bootview.VERSIONS.index(252)
FORMAT_VERSION = 1
SHOWN = 10


@dataclasses.dataclass
class Row:
    """What was found about one operation; seen: each state, and the entry that is taken in it;
    after: the one that is taken in the end; samples: copies of disks, to be booted."""
    operation: str
    flush_points: int = 0
    subsets: int = 0
    images: int = 0
    booted: int = 0
    violations: int = 0
    said: list = dataclasses.field(default_factory=list)
    seen: list = dataclasses.field(default_factory=list)
    after: judge.Item = None
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
    """A disk that was cut off; the entry that its loader takes, as the checker has it; and the one
    that the loader takes after the whole of the operation."""
    disk: pathlib.Path
    operation: str
    state: replay.State
    entry: judge.Item
    after: judge.Item


@dataclasses.dataclass(frozen=True)
class Effort:
    """How much is tried of each operation.

    samples: how many states are booted; a third is one of each third operation.
    """
    subsets: int = 250
    samples: float = 0
    seed: int = 1

    def samples_of(self, number):
        """How many of the operation of this number, from 0."""
        return int((number + 1) * self.samples) - int(number * self.samples)


class Trial:
    """A recording that is replayed: to know what is old and what is new, to judge, and to keep
    some states."""

    def __init__(self, recording, folder, effort):
        self.recording, self.folder, self.effort = recording, folder, effort
        self.disk = folder / "replayed.img"

    def rows(self):
        """One for each operation of the recording."""
        with cache.lock(f"btrfs-{image.btrfs_uuid(self.recording.start)}"):
            with self._replay() as (history, viewer):
                bounds = list(self._bounds(history, viewer))
            with self._replay() as (history, viewer):
                rows = [self._judge(history, viewer, segment, bound)
                        for segment, bound in zip(self.recording.segments, bounds)]
            if self.effort.samples:
                with self._replay() as (history, _):
                    for number, row in enumerate(rows):
                        self._keep(history, number, row)
        return rows

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
            yield judge.Bounds(old, new, segment.written)

    def _states(self, history, segment):
        """The states of an operation; the same ones each time."""
        history.go_to(segment.start)
        return history.states(history.until(segment.end), self.effort.subsets, self.effort.seed)

    def _judge(self, history, viewer, segment, bounds):
        row = Row(segment.operation, after=bounds.new.defaults[LOADER_OF_DISKS])
        for state in self._states(history, segment):
            row.images += 1
            row.subsets += bool(state.subset)
            row.flush_points += not state.subset
            look = viewer.look()
            if sentences := judge.violations(look, bounds):
                row.blame(state, sentences)
            row.seen.append((state, look.defaults[LOADER_OF_DISKS]))
        say(f"{segment.operation}: {row.images} states, {row.violations} violations, the log of "
            f"the Btrfs was replayed {viewer.pool.replayed} times so far")
        return row

    def _keep(self, history, number, row):
        """Copy the states that are to be booted."""
        segment = self.recording.segments[number]
        chosen = chosen_states(row.seen, self.effort.samples_of(number), self.effort.seed)
        name = "".join(letter if letter.isalnum() else "-" for letter in row.operation)
        for at, _ in enumerate(self._states(history, segment)):
            if at in chosen:
                disk = self.folder / f"{name}-{at}.img"
                cache.copy(self.disk, disk)
                row.samples.append(Sample(disk, row.operation, *row.seen[at], row.after))


def chosen_states(seen, wanted, seed):
    """The numbers of the states that are booted: by turns from around the commit, and from all.

    seen: (state, the entry that is taken). Around it are the flush before the default first became
    another one, all parts of what was written then, and the flush after.
    """
    chance, everywhere = random.Random(seed), list(range(len(seen)))
    flushes = [number for number in everywhere if not seen[number][0].subset]
    commit = next((at for at in range(1, len(flushes))
                   if seen[flushes[at]][1] != seen[flushes[at - 1]][1]), None)
    around = everywhere if commit is None else list(range(flushes[commit - 1],
                                                          flushes[commit] + 1))
    found = set()
    for number in range(min(wanted, len(seen))):
        pool = [at for at in (everywhere if number % 2 else around) if at not in found]
        found.add(chance.choice(pool or [at for at in everywhere if at not in found]))
    return found


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
generation that was verified when it was made, by a command line that was written for it; the
default is the old one or the new one, and so are the default subvolume and each subvolume of data;
nothing that is there before and after is ever gone. Some of the states were booted in QEMU as well
(the column `booted`): there the machine came up with the very entry that the checker had said, a
trial ended well (or returned, where it had become stale), and `moult check` found no error.
How: [design/crash.md](design/crash.md).

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
