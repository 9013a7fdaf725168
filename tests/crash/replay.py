"""Puts a disk into every state in which a power cut could have left it.

    replay = Replay(disk, log, pool)            # disk: as it was when the recording began
    for state in replay.states(replay.epochs, subsets=200, seed=1):
        judge(state)                            # the disk is in that state until the next one

At a flush everything before it is there. Between two flushes any of the sectors written may be
there and any may be missing: random subsets of them are tried, by three ways of choosing: whole
writes, single sectors, and writes in their order up to one that is torn. Of a sector written twice
each version may be the one that is there. One thing is never torn, because Btrfs itself stands or
falls with it: a superblock, which is 4096 bytes.
"""

import dataclasses
import os
import random

from record import SECTOR, epochs

SUPERBLOCKS = (64 << 10, 64 << 20, 256 << 30)
SUPERBLOCK_BYTES = 4096
# Between two flushes of the boot volume the loader's menu is at stake: those get more of the cuts.
BOOT_WEIGHT = 6
# For a part of an epoch that was not tried yet.
TRIES = 24
ODDS = (0.1, 0.5, 0.9)


@dataclasses.dataclass(frozen=True)
class Change:
    """Bytes that become different in one place, all or nothing; write: which write it is of."""
    position: int
    data: bytes
    write: int


@dataclasses.dataclass(frozen=True)
class State:
    """What the disk holds at the moment: all up to a flush, and perhaps a part of what follows."""
    flush: int
    subset: str = ""

    def __str__(self):
        return f"flush {self.flush}" + (f", {self.subset}" if self.subset else "")


def _units(position, data, pool):
    """Cuts a write into what is written at once: sectors, but a superblock of the pool whole."""
    blocks = {pool + place for place in SUPERBLOCKS}
    at = 0
    while at < len(data):
        length = SUPERBLOCK_BYTES if position + at in blocks else SECTOR
        yield position + at, data[at:at + length]
        at += length


class Replay:
    """A disk that is taken through its history.

    pool: where the Btrfs starts, in bytes; written(position, length) is told of every change.
    """

    def __init__(self, disk, log, pool, written=lambda position, length: None):
        self.disk = os.open(disk, os.O_RDWR | os.O_CLOEXEC)
        self.log = os.open(log, os.O_RDONLY | os.O_CLOEXEC)
        self.pool = pool
        self.written = written
        self.epochs = epochs(log)
        self.done = 0  # epochs that are on the disk

    def close(self):
        """Give the disk back, in the state that it has."""
        os.close(self.disk)
        os.close(self.log)

    def _write(self, position, data):
        os.pwrite(self.disk, data, position)
        self.written(position, len(data))

    def _data(self, write):
        if not write.at:
            return bytes(write.count * SECTOR)
        return os.pread(self.log, write.count * SECTOR, write.at)

    def _apply(self, epoch):
        for write in epoch.writes:
            self._write(write.sector * SECTOR, self._data(write))

    def changes(self, epoch):
        """What an epoch changes on the disk as it is now, unit by unit in the order of writing."""
        now, found = {}, []
        for number, write in enumerate(epoch.writes):
            start, data = write.sector * SECTOR, self._data(write)
            before = os.pread(self.disk, len(data), start)
            for position, unit in _units(start, data, self.pool):
                there = now.get(position, before[position - start:position - start + len(unit)])
                if unit != there:
                    now[position] = unit
                    found.append(Change(position, unit, number))
        return found

    def _put(self, changes):
        """Make changes, and return what undoes them."""
        undo = []
        for change in changes:
            undo.append((change.position, os.pread(self.disk, len(change.data), change.position)))
            self._write(change.position, change.data)
        return reversed(undo)

    def _subset(self, changes, chance, seen):
        """(its name, changes) of a random part that is neither nothing, nor all, nor known."""
        for _ in range(TRIES):
            how = chance.choice((_whole_writes, _single_sectors, _in_order))
            name, part = how(changes, chance)
            key = frozenset((change.position, change.write) for change in part)
            if 0 < len(part) < len(changes) and key not in seen:
                seen.add(key)
                return f"{name}, {len(part)} of {len(changes)}", part
        return None

    def _shares(self, part, subsets, chance):
        """How many subsets of each epoch are tried."""
        weights = [BOOT_WEIGHT if self._is_boot(epoch) else 1 for epoch in part]
        drawn = chance.choices(range(len(weights)), weights, k=subsets) if weights else []
        return [drawn.count(number) for number in range(len(weights))]

    def _is_boot(self, epoch):
        return any(write.sector * SECTOR < self.pool for write in epoch.writes)

    def until(self, end):
        """The epochs from here to the first flush at or after a place in the log."""
        part = []
        for epoch in self.epochs[self.done:]:
            if part and part[-1].end >= end:
                break
            part.append(epoch)
        return part

    def go_to(self, end):
        """Take the disk to the first flush at or after a place in the log."""
        while self.done < len(self.epochs) and (self.epochs[self.done - 1].end if self.done
                                                else SECTOR) < end:
            self._apply(self.epochs[self.done])
            self.done += 1

    def states(self, part, subsets, seed):
        """Take the disk through the flushes of some epochs, and as many subsets in between.

        An epoch that has too few different subsets leaves its share to later ones.
        """
        chance = random.Random(seed)
        shares, owed = self._shares(part, subsets, chance), 0
        yield State(0)
        for number, epoch in enumerate(part):
            owed += shares[number]
            for state in self._cuts(number, epoch, owed, chance):
                owed -= 1
                yield state
            self._apply(epoch)
            self.done += 1
            yield State(number + 1)

    def _cuts(self, number, epoch, wanted, chance):
        """The disk with parts of an epoch, as many as are wanted and there are."""
        changes, seen = self.changes(epoch) if wanted else [], set()
        for _ in range(wanted if len(changes) > 1 else 0):
            subset = self._subset(changes, chance, seen)
            if not subset:
                return
            undo = self._put(subset[1])
            yield State(number, subset[0])
            for position, data in undo:
                self._write(position, data)


def _whole_writes(changes, chance):
    odds = chance.choice(ODDS)
    kept = {change.write for change in changes}
    kept = {write for write in sorted(kept) if chance.random() < odds}
    return "whole writes", [change for change in changes if change.write in kept]


def _single_sectors(changes, chance):
    odds = chance.choice(ODDS)
    return "single sectors", [change for change in changes if chance.random() < odds]


def _in_order(changes, chance):
    last = chance.choice(sorted({change.write for change in changes}))
    return "in order", [change for change in changes if change.write < last or
                        (change.write == last and chance.random() < 0.5)]
