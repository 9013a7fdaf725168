#!/usr/bin/python3
"""Build this checkout and run its tests; see HACKING.md.

./test              everything but what takes long: about 25 minutes on two processors
./test --all        that too, and the suites that boot nothing in a Debian 13 root as well
./test SUITE…       only these
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

TOP = pathlib.Path(__file__).resolve().parent.parent
SANITIZED, PLAIN = TOP / "build-sanitized", TOP / "build-plain"
TREE = PLAIN / "tree"
# The first is what unit and fuzz tests are built with, the second what is installed and booted.
BUILDS = {
    SANITIZED: ["-Db_sanitize=address,undefined"],
    PLAIN: ["--prefix=/usr"],
}
TAIL_LINES, QUIET = 40, subprocess.DEVNULL
RESULT = re.compile(r"(not ok|ok)\b[ \d]*-? ?(.*)")
CHECK_PLACE = re.compile(r"^\S*/(?:test_)?(\w+)\.c:\w+:(\w+): (?:Passed$)?")  # of Check
SUMMARY = re.compile(r"(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$")
TOLD = re.compile(r"^# left out|\.\.\. (ok|FAILED|skipped: .*)$")
PYTHON = [sys.executable, str(TOP / "tests/tap.py")]


class Count:
    """Passed, failed and skipped test cases; says each as it comes."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def add(self, good, name, skip=None):
        """One test case."""
        self.passed += good and skip is None
        self.failed += not good
        self.skipped += good and skip is not None
        result = f"skipped: {skip}" if good and skip is not None else "ok" if good else "FAILED"
        print(f"{name} ... {result}", flush=True)

    def add_line(self, suite, line):
        """A line of a program's output, if it tells a result: TAP, or another run of this."""
        summary, result = SUMMARY.match(line), RESULT.match(line)
        if summary:
            passed, failed, skipped = (int(number or 0) for number in summary.groups())
            self.passed, self.failed = self.passed + passed, self.failed + failed
            self.skipped += skipped
        elif result:
            name, mark, why = CHECK_PLACE.sub(r"\1: \2 ", result[2]).partition("# SKIP")
            skip = (why.strip() or "no reason given") if mark else None
            self.add(result[1] == "ok", f"{suite}: {name.strip()}", skip)
        elif TOLD.search(line):
            print(f"{suite}: {line.rstrip()}", flush=True)
        return summary or result

    @property
    def all(self):
        """How many cases there were."""
        return self.passed + self.failed + self.skipped

    def __str__(self):
        more = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{more}"


def show(lines):
    """The tail of what a failing test said."""
    print("".join(f"    {line.rstrip()}\n" for line in lines[-TAIL_LINES:]), end="", flush=True)


def run(count, suite, name, words, env=None, seconds=3600):
    """Run one test program, counting its cases; one that knows of no plan is a case itself."""
    before, failed, planned, said = count.all, count.failed, None, []
    with subprocess.Popen(["timeout", "--kill-after=10", str(seconds), *map(str, words)], cwd=TOP,
                          env={**os.environ, **(env or {})}, stdin=QUIET, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          errors="replace") as program:
        for line in program.stdout:
            plan, so_far = re.match(r"1\.\.(\d+)", line), count.failed
            planned = int(plan[1]) if plan else planned
            if count.add_line(suite, line):
                show(said if count.failed > so_far else [])
                said = []
            else:
                said.append(line)
    ended = {0: "", 124: f": still running after {seconds} s"}.get(
        program.returncode, f": exit status {program.returncode}")
    if count.all - before < (planned or 0):
        ended = ended or f": {count.all - before} of {planned} cases reported"
    if (count.all == before and planned != 0) or (ended and count.failed == failed):
        count.add(not ended, f"{suite}: {name}{ended}")
        show(said if ended else [])


def meson_tests(build, around=()):
    """A suite of meson's: its programs as meson would run them, python ones reporting each case."""
    def suite_run(count, suite):
        tests = json.loads(subprocess.run(["meson", "introspect", "--tests", build], check=True,
                                          stdout=subprocess.PIPE).stdout)
        tests = [test for test in tests if f"moult:{suite}" in test["suite"]]
        if not tests:
            count.add(False, f"{suite}: no tests found")
        for test in tests:
            # programs of the build are named from there
            words = [str(build / word) if (build / word).is_file() else word
                     for word in test["cmd"]]
            if "python3" in os.path.basename(words[0]) or words[0].endswith(".py"):
                words = PYTHON + words["python3" in words[0]:]
            run(count, suite, test["name"], [*around, *words], test["env"], test["timeout"] * 4)
    return suite_run


def python_tests(**more):
    """A suite of unittest files: tests/SUITE/test_*.py."""
    def suite_run(count, suite):
        env = {"MOULT": f"{TREE}/usr/bin/moult", "MOULT_TREE": str(TREE), **more}
        files = sorted((TOP / "tests" / suite.split("-")[0]).glob("test_*.py"))
        if not files:
            count.add(False, f"{suite}: no tests found")
        for path in files:
            run(count, suite, path.stem, [*PYTHON, path], env)
    return suite_run


def debian13(count, suite):
    """./test itself in a Debian 13 root, without what boots machines."""
    run(count, suite, "Debian 13", [sys.executable, TOP / "tests/debian13.py", *IN_DEBIAN_13], None,
        3 * 3600)


SUITES = {
    "style": python_tests(),
    "unit": meson_tests(SANITIZED),
    "fuzz": meson_tests(SANITIZED),
    "rig": python_tests(),
    "cli": meson_tests(PLAIN),
    "machine": meson_tests(PLAIN, around=["unshare", "--mount"]),
    "units": python_tests(),
    "deb": python_tests(),
    "vm": python_tests(),
    "machine-days": python_tests(),
    "units-13": python_tests(MOULT_SUITE="trixie"),
    "debian13": debian13,
}
ONLY_IN_ALL = ("machine-days", "units-13", "debian13")
BOOTING = {"rig", "vm"}
IN_DEBIAN_13 = ("style", "unit", "fuzz", "cli", "machine", "deb")


def build():
    """Both builds, the plain one installed below itself."""
    for place, options in BUILDS.items():
        if not (place / "build.ninja").exists():
            shutil.rmtree(place, ignore_errors=True)
            subprocess.run(["meson", "setup", place, TOP, *options], check=True, stdout=QUIET)
        print(f"building {place.name}", flush=True)
        subprocess.run(["ninja", "--quiet", "-C", place], check=True)
    shutil.rmtree(TREE, ignore_errors=True)
    subprocess.run(["meson", "install", "--quiet", "--no-rebuild", "-C", PLAIN, "--destdir", TREE],
                   check=True)


def main():
    """Run what the command line asks for; the status says whether all passed."""
    parser = argparse.ArgumentParser(prog="test", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="what takes long, too")
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=", ".join(SUITES))
    args = parser.parse_args()
    if unknown := set(args.suites) - set(SUITES):
        parser.error(f"no suite {', '.join(sorted(unknown))}; there are {', '.join(SUITES)}")
    if os.geteuid() != 0:
        sys.exit("test: mounting file systems needs root\ntry: sudo ./test")
    if args.all:
        os.environ["MOULT_TEST_ALL"] = "1"
    chosen = args.suites or [name for name in SUITES if args.all or name not in ONLY_IN_ALL]
    without = ["--no-boots"] if BOOTING.isdisjoint(chosen) else []
    subprocess.run([TOP / "tools/install-packages", *without], check=True)
    build()
    count = Count()
    for name in chosen:
        start = time.monotonic()
        SUITES[name](count, name)
        print(f"== {name}: {time.monotonic() - start:.0f} s, {count} so far ==", flush=True)
    print(count)
    return 1 if count.failed or not count.all else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as error:
        sys.exit(f"test: {' '.join(map(str, error.cmd))}: exit status {error.returncode}")
