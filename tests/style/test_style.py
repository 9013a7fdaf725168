"""What a program can say about style: the formatter, and the lengths HACKING.md names."""

import collections
import pathlib
import re
import subprocess
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
FORMATTER = "14.0.6"  # Debian 12's; others lay out differently
FILE_LINES, FUNCTION_LINES, COLUMNS, FOLDER_FILES = 500, 50, 100, 14
FUNCTION = re.compile(r"^\{\n(.*?)^\}", re.MULTILINE | re.DOTALL)


def files(*suffixes):
    """The sources with these suffixes."""
    return sorted(path for top in ("src", "tests", "units", "vm", "tools", "benchmarks")
                  for path in (TOP / top).rglob("*") if path.suffix in suffixes)


class Style(unittest.TestCase):
    """One case a rule; each names all the places."""

    def assert_none(self, found):
        """Nothing was found."""
        if found:
            self.fail("\n" + "\n".join(found))

    def test_c_is_formatted(self):
        version = subprocess.run(["clang-format", "--version"], check=True, text=True,
                                 stdout=subprocess.PIPE).stdout
        if FORMATTER not in version:
            self.skipTest(f"only version {FORMATTER} is asked, here is {version.strip()}")
        done = subprocess.run(["clang-format", "--dry-run", *files(".c", ".h")], check=True,
                              text=True, stderr=subprocess.PIPE)
        places = {line.split(":")[0] for line in done.stderr.splitlines() if "warning:" in line}
        self.assert_none([f"clang-format -i {place}" for place in sorted(places)])

    def test_files_are_short(self):
        lengths = {path: path.read_text(encoding="utf-8").count("\n")
                   for path in files(".c", ".h", ".py")}
        self.assert_none([f"{path}: {lines} lines" for path, lines in lengths.items()
                          if lines > FILE_LINES])

    def test_folders_of_the_program_are_small(self):
        counts = collections.Counter(path.parent for path in files(".c")
                                     if TOP / "src" in path.parents)
        self.assert_none([f"{folder}: {count} files in C" for folder, count in counts.items()
                          if count > FOLDER_FILES])

    def test_messages_of_the_journal_are_described(self):
        pattern = re.compile(r"[0-9a-f]{32}")
        used = {name for path in files(".c") if TOP / "src" in path.parents
                for name in pattern.findall(path.read_text(encoding="utf-8"))}
        page = (TOP / "docs/man/moult.8.scd").read_text(encoding="utf-8")
        self.assertEqual(sorted(used), sorted(set(pattern.findall(page))))

    def test_functions_are_short(self):
        found = []
        for path in files(".c"):
            text = path.read_text(encoding="utf-8")
            for match in FUNCTION.finditer(text):
                lines = match[1].count("\n")
                if lines > FUNCTION_LINES:
                    start = text.count("\n", 0, match.start()) + 1
                    found.append(f"{path}:{start}: a function of {lines} lines")
        self.assert_none(found)

    def test_lines_of_python_are_narrow(self):
        self.assert_none([f"{path}:{number}: {len(line.expandtabs(8))} columns"
                          for path in files(".py")
                          for number, line in enumerate(
                              path.read_text(encoding="utf-8").splitlines(), 1)
                          if len(line.expandtabs(8)) > COLUMNS])

    def test_no_blanks_at_the_end(self):
        self.assert_none([f"{path}:{number}" for path in files(".c", ".h", ".py", ".build")
                          for number, line in enumerate(
                              path.read_text(encoding="utf-8").splitlines(), 1)
                          if line != line.rstrip()])

    def test_scripts_parse(self):
        scripts = [path for top in ("tools", "units", "debian", ".ci")
                   for path in (TOP / top).rglob("*")
                   if path.is_file() and path.read_bytes()[:9] == b"#!/bin/sh"]
        self.assertGreater(len(scripts), 4)
        for path in scripts:
            done = subprocess.run(["sh", "-n", path], check=False, stderr=subprocess.PIPE)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_lessons_name_tests_that_exist(self):
        text = (TOP / "docs/lessons.md").read_text(encoding="utf-8")
        named = re.findall(r"`(tests/[^`]+)`: `(\w+)`", text)
        self.assertGreater(len(named), 60)
        self.assertEqual(len(named), text.count("`tests/"))
        self.assert_none([f"{path}: {name}" for path, name in named
                          if not re.search(rf"(?:def |START_TEST\(){name}\b",
                                           (TOP / path).read_text(encoding="utf-8"))])


if __name__ == "__main__":
    unittest.main()
