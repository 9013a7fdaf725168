#!/usr/bin/python3
"""Leaves out each sync, read-back, rename and check of the switch: some test has to notice.

The result is docs/mutants.md: each mutant, and the test that fails with it.
"""

import dataclasses
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/mutants"))

import mutate  # noqa: E402
from excuses import EXCUSES  # noqa: E402

DOCUMENT = TOP / "docs/mutants.md"
# What is built; the rest of the tree has no part in it.
NEEDED = ("src", "tests", "units", "migrations", "schemas", "meson.build", "meson_options.txt",
          "docs")
OPTIONS = ("-Dbuildtype=plain", "-Dwerror=false", "-Dwarning_level=0")
SUITES = {"moult:unit", "moult:faults"}
START = re.compile(r"^START_TEST\((\w+)\)", re.MULTILINE)
# Those in which calls fail one by one: what was left out has nothing that could fail.
UNFIT = re.compile("any_call")
TIMEOUT = 600
ROW = re.compile(r"^\| (.+?) \| (\w+: \w+) \|$", re.MULTILINE)
HEAD = """# Mutants

*Written by `tests/mutants/test_mutants.py`; nobody types it. Where it says **nothing** a test is
missing.*

Each line is one call on which the switch rests. It was left out (or two were put in the other
order), and the tests were run until one failed. The tests of the unit rung run in memory, so they
notice here what only a power cut would show on a machine. How: [design/crash.md](design/crash.md).

| left out | noticed by |
|---|---|
"""


@dataclasses.dataclass(frozen=True)
class Test:
    """One test of a program of the unit rung."""
    command: tuple  # the program, and what the build calls it with
    name: str

    @property
    def told(self):
        """For people: "test_switch: cut_anywhere"."""
        return f"{pathlib.Path(self.command[0]).name}: {self.name}"


class Tree:
    """A copy of the sources in which each mutant can be chosen, built once."""

    def __init__(self, folder):
        self.top, self.build = folder / "tree", folder / "build"
        self.top.mkdir()
        for name in NEEDED:
            source = TOP / name
            if source.is_dir():
                shutil.copytree(source, self.top / name, symlinks=True)
            elif source.exists():
                shutil.copy2(source, self.top / name)
        self.mutants = mutate.find(self.top)
        mutate.instrument(self.top, self.mutants)
        self.took, self.reached = {}, {}

    def make(self):
        """Build the programs of the unit rung; returns their commands."""
        flags = f"-Dc_args=-O1 -w -include {self.top / mutate.HEADER}"
        subprocess.run(["meson", "setup", self.build, self.top, *OPTIONS, flags], check=True,
                       stdout=subprocess.DEVNULL)
        tests = json.loads(subprocess.run(["meson", "introspect", "--tests", self.build],
                                          check=True, stdout=subprocess.PIPE).stdout)
        commands = [tuple(test["cmd"]) for test in tests if SUITES & set(test["suite"])
                    and self.build in pathlib.Path(test["cmd"][0]).parents]
        subprocess.run(["ninja", "-C", self.build,
                        *{os.path.relpath(command[0], self.build) for command in commands}],
                       check=True, stdout=subprocess.DEVNULL)
        return commands

    def tests(self, commands):
        """Those that say more than that a call which fails is noticed, in these programs."""
        for command in commands:
            source = self.top / "tests/unit" / f"{pathlib.Path(command[0]).name}.c"
            for name in START.findall(source.read_text(encoding="utf-8")):
                if not UNFIT.search(name):
                    yield Test(command, name)

    def fails(self, test, number, **more):
        """Whether a test fails, or does not come to its end, while a mutant is alive."""
        env = {**os.environ, "MOULT_MUTANT": str(number), "CK_VERBOSITY": "silent",
               "CK_RUN_CASE": test.name, **more}
        try:
            return subprocess.run(test.command, env=env, cwd=self.build, check=False,
                                  timeout=TIMEOUT, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL).returncode != 0
        except subprocess.TimeoutExpired:
            return True

    def explore(self, commands):
        """Learn which tests reach which mutants, and how long each takes.

        Returns what fails although nothing was left out.
        """
        failed = []
        for test in self.tests(commands):
            reached = self.build / "reached"
            reached.write_bytes(b"")
            start = time.monotonic()
            if self.fails(test, 0, MOULT_MUTANTS_REACHED=str(reached)):
                failed.append(test.told)
            self.took[test] = time.monotonic() - start
            for number in set(map(int, reached.read_text().split())):
                self.reached.setdefault(number, []).append(test)
        return failed

    def killer(self, number, likely):
        """The first test that notices a mutant, likely ones and then quick ones first; or None."""
        tests = sorted(self.reached.get(number, []),
                       key=lambda test: (test.told != likely, self.took[test]))
        found = next((test.told for test in tests if self.fails(test, number)), None)
        print(f"# {mutate.keys(self.mutants)[number - 1]}: {found}, reached by {len(tests)}",
              file=sys.stderr, flush=True)
        return found


class Finder(unittest.TestCase):
    """What is found in a source, and what becomes of it."""

    def found(self, text):
        """(mutants of one file, the file when they were put in)."""
        with tempfile.TemporaryDirectory() as scratch:
            top = pathlib.Path(scratch)
            for folder in mutate.FOLDERS:
                (top / folder).mkdir(parents=True)
            path = top / "src/engine/x.c"
            path.write_text(text, encoding="utf-8")
            swaps, mutate.SWAPS = mutate.SWAPS, ()
            try:
                mutants = mutate.find(top)
            finally:
                mutate.SWAPS = swaps
            mutate.instrument(top, mutants)
            return mutants, path.read_text(encoding="utf-8")

    def test_a_sync_of_a_plan(self):
        mutants, text = self.found('static bool f(int a)\n{\n\tplan_at(p, STEP_SYNC, v, "");\n}\n')
        self.assertEqual(mutate.keys(mutants), ["src/engine/x.c f: sync"])
        self.assertIn('(mutant_alive(1) ? (MUTANT_NO_STEP) : plan_at(p, STEP_SYNC, v, ""));', text)

    def test_a_call_of_the_host_inside_of_another(self):
        mutants, text = self.found("int g(void)\n{\n"
                                   "\treturn check(host->ops->sync(h, (v)), x);\n}\n")
        self.assertEqual([mutant.name for mutant in mutants], ["sync"])
        self.assertIn("check((mutant_alive(1) ? (0) : host->ops->sync(h, (v))), x);", text)

    def test_a_replacement_becomes_a_write_in_place(self):
        _, text = self.found("int g(void)\n{\n\tplan_replace(p, v, a, b)->why = c;\n}\n")
        self.assertIn("(plan_write(p, v, a, b)) : plan_replace(p, v, a, b))->why = c;", text)

    def test_what_is_none(self):
        mutants, _ = self.found("static void add_sync(struct plan *p)\n{\n"
                                '\tplan_at(p, STEP_REMOVE, v, "");\n}\n/* plan_rename(x) */\n')
        self.assertEqual(mutants, [])

    def test_the_second_of_a_function_has_a_number(self):
        mutants, _ = self.found("void f(void)\n{\n\tadd_sync(p);\n\tadd_sync(p);\n}\n")
        self.assertEqual(mutate.keys(mutants),
                         ["src/engine/x.c f: sync", "src/engine/x.c f: sync #2"])

    def test_every_swap_is_found_in_the_tree(self):
        names = [mutant.name for mutant in mutate.find(TOP)]
        self.assertEqual(sum(" after " in name for name in names), len(mutate.SWAPS))


class Mutants(unittest.TestCase):
    """All of them."""

    def test_each_is_noticed(self):
        # whoever noticed it the last time will do so again
        likely = dict(ROW.findall(DOCUMENT.read_text(encoding="utf-8")))
        with tempfile.TemporaryDirectory(prefix="moult-mutants-") as scratch:
            tree = Tree(pathlib.Path(scratch))
            self.assertEqual(tree.explore(tree.make()), [])
            names = mutate.keys(tree.mutants)
            killers = {name: tree.killer(number, likely.get(name))
                       for number, name in enumerate(names, 1)}
        self.publish(killers)
        survivors = {name for name, killer in killers.items() if not killer}
        self.assertEqual(survivors - set(EXCUSES), set(), "nothing notices that these are missing")
        self.assertEqual(set(EXCUSES) - survivors, set(), "these are noticed, or gone: no excuse")

    @staticmethod
    def publish(killers):
        """Write the document."""
        lines = [f"| {name} | {killer or 'no unit test: ' + EXCUSES.get(name, '**nothing**')} |\n"
                 for name, killer in killers.items()]
        noticed = sum(map(bool, killers.values()))
        DOCUMENT.write_text(f"{HEAD}{''.join(lines)}\n{noticed} of {len(killers)} are noticed by a "
                            "unit test; each other has its reason.\n", encoding="utf-8")


if __name__ == "__main__":
    unittest.main()
