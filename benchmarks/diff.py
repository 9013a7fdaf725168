"""Area diff: what differs between two generations, against snapper on the same trees.

Two roots of 14,000 and of 140,000 files with the same changes, each as Btrfs has it after an
upgrade: files replaced by renames, written in place, removed, new, and a few in /etc. snapper gets
snapshots of the same bases, so that both ask the kernel the same.
"""

import contextlib
import json
import os
import pathlib
import subprocess
import tempfile

import measure
import snapper
from rig import cache, image

FILES = (14_000, 140_000)
A_FOLDER = 50
CHANGES = {"replaced": 400, "written": 60, "removed": 60, "created": 120, "mode": 20}
OWNED = 10  # written by their owner since
TEN_TIMES = 1.1  # no slower, but for what two runs of the same differ by
STATUS = "usr/lib/sysimage/dpkg/status"
INFO = """<?xml version="1.0"?>
<snapshot><type>single</type><num>{number}</num><date>2026-01-01 00:00:00</date></snapshot>
"""


def _call(*words):
    return subprocess.run([os.fspath(word) for word in words], check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE).stdout


def _subvolume(verb, *words):
    _call("btrfs", "-q", "subvolume", verb, *words)


def _place(number):
    folder = number // A_FOLDER
    top = "etc" if folder % 20 == 0 else "usr/share"
    return f"{top}/d{folder // 40}/e{folder}/f{number}"


def _write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="ascii")


def _change(root):
    """The same files of the first 14,000, however many there are."""
    step = min(FILES) // sum(CHANGES.values())
    number = 0
    for kind, times in CHANGES.items():
        for _ in range(times):
            path = root / _place(number)
            number += step
            if kind == "replaced":
                _write(path.with_suffix(".new"), f"new {number}\n" * 50)
                os.rename(path.with_suffix(".new"), path)
            elif kind == "written":
                _write(path, f"written {number}\n")
            elif kind == "removed":
                path.unlink()
            elif kind == "created":
                _write(path.with_name(f"created{number}"), f"{number}\n")
            else:
                path.chmod(0o600)


def _document(path, **fields):
    path.write_text(json.dumps({"format_version": 1, "min_reader": 1, **fields}),
                    encoding="ascii")


def _generation(top, number):
    folder = top / f"@gens/{number}"
    _subvolume("snapshot", "-r", folder / "root", folder / "base")
    _document(folder / "generation.json", id=number, source="packages",
              **({"parent": number - 1} if number > 1 else {}))
    _document(folder / "state.json", state="good",
              publications=[{"serial": number, "kind": "current"}])
    _subvolume("set-default", folder / "root")


def _fill(top, count):
    """Generations 1 and 2, the second changed by an upgrade, both by their owner since."""
    (top / "@gens/1").mkdir(parents=True)
    _document(top / "@gens/layout.json", last_id=2, last_serial=2)
    first, second = top / "@gens/1/root", top / "@gens/2/root"
    _subvolume("create", first)
    for number in range(count):
        _write(first / _place(number), f"{number}\n" * 20)
    _write(first / STATUS, "")
    _generation(top, 1)
    second.parent.mkdir()
    _subvolume("snapshot", first, second)
    _change(second)
    _generation(top, 2)
    for root in (first, second):
        for number in range(OWNED):
            _write(root / f"etc/owned{number}", "mine\n")
    _call("sync", "-f", top)


@contextlib.contextmanager
def _disk(count):
    """A Btrfs with both generations, and a snapper that knows their bases."""
    image.private_mounts()
    with contextlib.ExitStack() as stack:
        scratch = pathlib.Path(stack.enter_context(
            tempfile.TemporaryDirectory(dir=cache.folder("benchmarks"))))
        disk, top = scratch / "disk.img", scratch / "top"
        top.mkdir()
        with open(disk, "wb") as file:
            file.truncate(4 << 30)
        _call("mkfs.btrfs", "-q", disk)
        _call("mount", "-o", "loop,subvolid=5,noatime", disk, top)
        stack.callback(_call, "umount", top)
        _fill(top, count)
        stack.enter_context(snapper.knows(top))
        for number in (1, 2):
            place = top / f".snapshots/{number}"
            _write(place / "info.xml", INFO.format(number=number))
            _subvolume("snapshot", "-r", top / f"@gens/{number}/base", place / "snapshot")
        yield top


def _snapper(top):
    """What it says; its memory of the last time is taken away first."""
    for kept in (top / ".snapshots").glob("*/filelist-*"):
        kept.unlink()
    said = []
    seconds = measure.seconds_of(lambda: said.append(_call(
        *snapper.COMMAND, "status", "1..2")))
    return seconds, said[0]


def _moult(binary, top, *words):
    said = []
    seconds = measure.seconds_of(lambda: said.append(_call(
        binary, "--sysroot", top, "diff", "--config", "--files", *words, "1", "2")))
    return seconds, said[0]


def _paths(text, top=""):
    """The paths of lines with six marks in front, without what the tree itself is called."""
    lines = [line.strip().split(" ", 1) for line in text.decode().splitlines()]
    return {words[1].removeprefix(os.fspath(top)).rstrip("/") for words in lines
            if len(words) == 2 and len(words[0]) == 6 and "." in words[0]}


def _check(ours, theirs, top):
    """Both tell of the same paths, or one of them did not do the work."""
    odd = _paths(ours) ^ _paths(theirs, top)
    if odd or not _paths(ours):
        raise OSError(f"moult and snapper differ: {sorted(odd)[:5]}")


def _measure(binary, count, repetitions):
    built, now, peer = [], [], []
    with _disk(count) as top:
        _check(_moult(binary, top, "--base")[1], _snapper(top)[1], top)
        with measure.undisturbed():
            for _ in range(5 * repetitions):
                peer.append(_snapper(top)[0])
                built.append(_moult(binary, top, "--base")[0])
                now.append(_moult(binary, top)[0])
    return built, now, peer


def diff(binary, repetitions):
    """The rows of the area."""
    name = "snapper status, the same trees"
    small = _measure(binary, FILES[0], repetitions)
    large = _measure(binary, FILES[1], repetitions)
    rows = []
    for count, (built, now, peer) in zip(FILES, (small, large)):
        title = f"diff, {sum(CHANGES.values())} of {count:,} files changed"
        rows.append(measure.row(f"{title}, as they were built", "s", built, peer=peer,
                                peer_is=name))
        rows.append(measure.row(f"{title}, and {OWNED} more in each by its owner", "s", now,
                                peer=peer, peer_is=name))
    ratio = [b / a for a, b in zip(sorted(small[0]), sorted(large[0]))]
    rows.append(measure.row("diff: ten times the files, the same changes", "times", ratio,
                            goal=TEN_TIMES))
    return rows
