#!/usr/bin/python3
"""What the checker compares: a state with what was there before an operation and after it.

And which of the states are booted.
"""

import dataclasses
import pathlib
import sys
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "vm"), str(TOP / "tests/crash")]

import matrix  # noqa: E402
from damaged import DamagedCase  # noqa: E402
from replay import State  # noqa: E402
from rig.command import call  # noqa: E402
from specimen import DATA, FIRST, ORIGINAL, SECOND  # noqa: E402

THREE = (ORIGINAL, FIRST, SECOND)


def subvolume(verb, *words):
    """What btrfs does to one."""
    call("btrfs", "-q", "subvolume", verb, *words)


class Data(DamagedCase):
    """Subvolumes that do not roll back."""

    def put_back(self, top):
        """As a rollback with data leaves it."""
        (top / DATA).rename(top / f"{DATA}.before")
        subvolume("create", top / DATA)

    def test_data_that_is_gone(self):
        with self.disk.top() as top:
            subvolume("delete", top / DATA)
        self.assert_found(*[f"{file}: its data {DATA} does not exist" for file in THREE],
                          f"{DATA} is neither the old", f"the subvolume that was {DATA} is gone")

    def test_data_of_another_name(self):
        with self.disk.top() as top:
            (top / DATA).rename(top / "@elsewhere")
        self.assert_found(*[f"{file}: its data {DATA} does not exist" for file in THREE],
                          f"{DATA} is neither the old")

    def test_data_that_is_neither_old_nor_new(self):
        with self.disk.top() as top:
            self.put_back(top)
        self.assert_found(f"{DATA} is neither the old")

    def test_data_that_goes_back_is_the_old_or_the_new_and_both_stay(self):
        with self.disk.top() as top:
            self.put_back(top)
        after = self.disk.look()
        self.assert_found(after=after)
        with self.disk.top() as top:
            subvolume("delete", top / f"{DATA}.before")
        self.assert_found(f"the subvolume that was {DATA} is gone", after=after)

    def test_a_root_that_moves_may_be_in_either_place_but_nowhere_else(self):
        with self.disk.top() as top:
            (top / "@rootfs").rename(top / "@gens/2/old")
            (top / "@gens/2/root").rename(top / "@rootfs")
            (top / "@gens/2/old").rename(top / "@gens/2/root")
        after = self.disk.look()
        self.assert_found(after=after)
        with self.disk.top() as top:
            subvolume("snapshot", top / "@gens/2/root", top / "@gens/2/copy")
            subvolume("delete", top / "@gens/2/root")
            (top / "@gens/2/copy").rename(top / "@gens/2/root")
        self.assert_found("the subvolume that was @rootfs is gone", after=after)


class Bounds(DamagedCase):
    """Before and after."""

    def test_a_command_line_that_is_neither_old_nor_new(self):
        options = f"root=UUID={self.disk.uuid} rootflags=subvol=@gens/1/root moult.gen=1 " \
                  "moult.serial=1"
        self.put_entry(FIRST, 1, 1, options=f"{options} single")
        self.assert_found(f"{FIRST}: its command line is neither")
        after = self.disk.look()
        self.assert_found(after=after)
        self.put_entry(FIRST, 1, 1, options=f"{options} sin")
        self.assert_found(f"{FIRST}: its command line is neither", after=after)

    def test_a_root_that_runs_is_written_to_and_no_other(self):
        with self.disk.top() as top:
            for number in (1, 2):
                (top / f"@gens/{number}/root/etc/motd").write_text("edited\n")
        self.assert_found("@gens/2/root is not complete", written={"@gens/1/root"})

    def test_a_new_generation_needs_its_base(self):
        after, pool = self.disk.look(), self.before.pool
        generations = {number: listed for number, listed in pool.generations.items() if number < 2}
        trees = {path: tree for path, tree in pool.trees.items() if path != "@gens/2/base"}
        self.before = dataclasses.replace(self.before, pools=(dataclasses.replace(
            pool, generations=generations, trees=trees),))
        self.assert_found(after=after)
        with self.disk.top() as top:
            subvolume("delete", top / "@gens/2/base")
        self.assert_found("@gens/2/base is not complete", after=after)

    def test_a_generation_that_was_listed_without_a_base_gets_the_whole_of_it(self):
        after = self.disk.look()
        with self.disk.top() as top:
            subvolume("delete", top / "@gens/2/base")
        self.before = self.disk.look()
        self.assert_found(after=after)
        with self.disk.top() as top:
            subvolume("create", top / "@gens/2/base")
        self.assert_found("@gens/2/base is not complete", after=after)


class Booted(unittest.TestCase):
    """Which states are booted."""

    # two parts of what the third flush ends, and that is where the default becomes another one
    SEEN = [(State(0), "old"), (State(1), "old"), (State(2), "old"), (State(2, "a part"), "new"),
            (State(2, "another"), "old"), (State(3), "new"), (State(4), "new"), (State(5), "new")]

    def test_the_first_is_around_the_commit(self):
        found = {number for seed in range(60)
                 for number in matrix.chosen_states(self.SEEN, 1, seed)}
        self.assertEqual(found, {2, 3, 4, 5})

    def test_as_many_as_are_wanted_and_there_are(self):
        for wanted in range(12):
            self.assertEqual(len(matrix.chosen_states(self.SEEN, wanted, 1)),
                             min(wanted, len(self.SEEN)))

    def test_where_the_default_stays_any_is_booted(self):
        seen = [(State(number), "old") for number in range(4)]
        found = {number for seed in range(60) for number in matrix.chosen_states(seen, 1, seed)}
        self.assertEqual(found, {0, 1, 2, 3})

    def test_the_same_seed_boots_the_same(self):
        self.assertEqual(matrix.chosen_states(self.SEEN, 3, 5),
                         matrix.chosen_states(self.SEEN, 3, 5))

    def test_a_part_of_the_operations(self):
        for samples, expected in ((1, [1] * 6), (0, [0] * 6), (2, [2] * 6), (.5, [0, 1] * 3)):
            effort = matrix.Effort(samples=samples)
            self.assertEqual([effort.samples_of(number) for number in range(6)], expected)
        self.assertEqual(sum(matrix.Effort(samples=.4).samples_of(n) for n in range(5)), 2)


if __name__ == "__main__":
    unittest.main()
