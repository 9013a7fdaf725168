"""tap.py SCRIPT [ARGUMENTS]: run a unittest script as it is, but have it report each case as TAP.

A case or class with a true attribute `long` runs only with MOULT_TEST_ALL=1; how many were left
out is reported, too.
"""

import os
import runpy
import sys
import traceback
import unittest


def flat(suite):
    """The cases of a suite."""
    if not isinstance(suite, unittest.TestSuite):
        return [suite]
    return [case for part in suite for case in flat(part)]


def is_long(case):
    """Whether a case is for the long run only."""
    method = getattr(case, getattr(case, "_testMethodName", ""), None)
    return bool(getattr(case, "long", False) or getattr(method, "long", False))


class Result(unittest.TestResult):
    """Says what became of each case as soon as it is known."""

    count = 0

    def line(self, good, case, more=""):
        """One case, or something that broke outside of one."""
        self.count += 1
        name = case.id().removeprefix("__main__.")
        print(f"{'ok' if good else 'not ok'} {self.count} - {name}{more}", flush=True)

    def failed(self, case, err):
        """A case that failed, with its traceback."""
        for text in "".join(traceback.format_exception(*err)).splitlines():
            print(f"# {text}")
        self.line(False, case)

    def addSuccess(self, test):
        self.line(True, test)

    def addError(self, test, err):
        super().addError(test, err)
        self.failed(test, err)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.failed(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            self.failed(subtest, err)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.line(True, test, f" # SKIP {reason}")

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.line(False, test, " succeeded, against expectation")


class Runner:
    """What unittest.main() makes instead of its TextTestRunner."""

    def __init__(self, **_options):
        pass

    def run(self, test):
        """Run a suite; classes keep their order, so that what they share is made once."""
        cases = flat(test)
        if os.environ.get("MOULT_TEST_ALL") != "1":
            chosen = [case for case in cases if not is_long(case)]
            if len(chosen) < len(cases):
                print(f"# left out: {len(cases) - len(chosen)} long, see --all", flush=True)
            cases = chosen
        result = Result()
        unittest.TestSuite(cases).run(result)
        print(f"1..{result.count}", flush=True)
        return result


if __name__ == "__main__":
    unittest.runner.TextTestRunner = Runner
    del sys.argv[0]
    sys.path[0] = os.path.dirname(os.path.abspath(sys.argv[0]))
    runpy.run_path(sys.argv[0], run_name="__main__")
