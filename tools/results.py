"""Runs test programs, tells the result of each case as it comes, and counts them."""

import contextlib
import os
import pathlib
import re
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
TAIL_LINES = 40
RESULT = re.compile(r"(not ok|ok)\b[ \d]*-? ?(.*)")
CHECK_PLACE = re.compile(r"^\S*/(?:test_)?(\w+)\.c:\w+:(\w+): (?:Passed$)?")  # of Check
SUMMARY = re.compile(r"(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$")
TOLD = re.compile(r"^# left out|\.\.\. (ok|FAILED|skipped: .*)$")


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
            self.add_counts(passed, failed, skipped)
        elif result:
            name, mark, why = CHECK_PLACE.sub(r"\1: \2 ", result[2]).partition("# SKIP")
            skip = (why.strip() or "no reason given") if mark else None
            self.add(result[1] == "ok", f"{suite}: {name.strip()}", skip)
        elif TOLD.search(line):
            print(f"{suite}: {line.rstrip()}", flush=True)
        return summary or result

    def relay(self, lines):
        """The output of another run of this program, as it comes."""
        for line in lines:
            if SUMMARY.match(line):
                self.add_line("", line)
            else:
                print(line, end="", flush=True)

    def add_counts(self, passed, failed, skipped):
        """What another one counted."""
        self.passed, self.failed = self.passed + passed, self.failed + failed
        self.skipped += skipped

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


@contextlib.contextmanager
def ended_early(program):
    """Ctrl-C reaches this program only: timeout is in a process group of its own."""
    try:
        yield
    except KeyboardInterrupt:
        program.terminate()
        sys.exit(130)


def run(count, suite, name, words, env=None, seconds=3600):
    """Run one test program, counting its cases; one that knows of no plan is a case itself."""
    before, failed, planned, said = count.all, count.failed, None, []
    # a background job of a script ignores interrupts; what is tested must not inherit that
    words = ["env", "--default-signal=INT", "timeout", "--kill-after=10", seconds, *words]
    with subprocess.Popen([str(word) for word in words], cwd=TOP,
                          env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          errors="replace") as program, ended_early(program):
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
