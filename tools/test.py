#!/usr/bin/python3
"""Build this checkout and run its tests; see HACKING.md.

./test              everything but what takes long: about 25 minutes on two processors
./test --all        that too, and the suites that boot nothing in a Debian 13 root as well
./test SUITE…       only these
"""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import time

from results import Count, run

TOP = pathlib.Path(__file__).resolve().parent.parent
SANITIZED, PLAIN = TOP / "build-sanitized", TOP / "build-plain"
TREE = PLAIN / "tree"
# The first is what unit and fuzz tests are built with, the second what is installed and booted.
BUILDS = {
    SANITIZED: ["-Db_sanitize=address,undefined"],
    PLAIN: ["--prefix=/usr"],
}
PYTHON = [sys.executable, str(TOP / "tests/tap.py")]


def meson_tests(build, around=(), named=None):
    """A suite of meson's: its programs as meson would run them, python ones reporting each case."""
    def suite_run(count, suite):
        suite = named or suite
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
    "faults": meson_tests(PLAIN),
    "fuzz": meson_tests(SANITIZED),
    "rig": python_tests(),
    "cli": meson_tests(PLAIN),
    "machine": meson_tests(PLAIN, around=["unshare", "--mount"]),
    "units": python_tests(),
    "deb": python_tests(),
    "vm": python_tests(),
    "crash": python_tests(),
    "mutants": python_tests(),
    "faults-sanitized": meson_tests(SANITIZED, named="faults"),
    "machine-days": python_tests(),
    "units-13": python_tests(MOULT_SUITE="trixie"),
    "debian13": debian13,
}
ONLY_IN_ALL = ("mutants", "faults-sanitized", "machine-days", "units-13", "debian13")
BOOTING = {"rig", "vm", "crash"}
BESIDE = {"vm"}
IN_DEBIAN_13 = ("style", "unit", "faults", "fuzz", "cli", "machine", "deb")


def build():
    """Both builds, the plain one installed below itself."""
    for place, options in BUILDS.items():
        if not (place / "build.ninja").exists():
            shutil.rmtree(place, ignore_errors=True)
            subprocess.run(["meson", "setup", place, TOP, *options], check=True,
                           stdout=subprocess.DEVNULL)
        print(f"building {place.name}", flush=True)
        subprocess.run(["ninja", "--quiet", "-C", place], check=True)
    shutil.rmtree(TREE, ignore_errors=True)
    subprocess.run(["meson", "install", "--quiet", "--no-rebuild", "-C", PLAIN, "--destdir", TREE],
                   check=True)


@contextlib.contextmanager
def beside(count, names):
    """Suites run by another process of this program meanwhile; their results are ours too."""
    if not names:
        yield
        return
    with subprocess.Popen([sys.executable, __file__, "--built", *names], text=True,
                          stdout=subprocess.PIPE) as other:
        listener = threading.Thread(target=count.relay, args=(other.stdout,))
        listener.start()
        try:
            yield
        except BaseException:
            other.terminate()
            raise
        finally:
            listener.join()
    if not count.all or (other.returncode and not count.failed):
        count.add(False, f"{', '.join(names)}: exit status {other.returncode}")


def chosen_suites(args):
    """(those that run here, those that run beside them): a machine keeps one processor busy."""
    chosen = args.suites or [name for name in SUITES if args.all or name not in ONLY_IN_ALL]
    machines = [name for name in chosen if name in BESIDE and len(chosen) > 1
                and not args.built and (os.cpu_count() or 1) > 1]
    return [name for name in chosen if name not in machines], machines


def main():
    """Run what the command line asks for; the status says whether all passed."""
    parser = argparse.ArgumentParser(prog="test", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="what takes long, too")
    parser.add_argument("--built", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=", ".join(SUITES))
    args = parser.parse_args()
    if unknown := set(args.suites) - set(SUITES):
        parser.error(f"no suite {', '.join(sorted(unknown))}; there are {', '.join(SUITES)}")
    if args.all:
        os.environ["MOULT_TEST_ALL"] = "1"
    here, machines = chosen_suites(args)
    if not args.built:
        without = ["--no-boots"] if BOOTING.isdisjoint([*here, *machines]) else []
        subprocess.run([TOP / "tools/install-packages", *without], check=True)
        build()
    count, others = Count(), Count()
    with beside(others, machines):
        for name in here:
            start = time.monotonic()
            SUITES[name](count, name)
            print(f"== {name}: {time.monotonic() - start:.0f} s, {count} so far ==", flush=True)
    count.add_counts(others.passed, others.failed, others.skipped)
    print(count)
    return 1 if count.failed or not count.all else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as error:
        sys.exit(f"test: {' '.join(map(str, error.cmd))}: exit status {error.returncode}")
