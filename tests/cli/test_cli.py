#!/usr/bin/python3
"""The built binary as a person or a script meets it. MOULT names it; needs no root and no disk."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import schemas  # noqa: E402

SOURCE = pathlib.Path(__file__).resolve().parents[2]
MOULT = os.environ.get("MOULT", "moult")
MAN = SOURCE / "docs" / "man" / "moult.8.scd"
GROUPS = ("look", "change", "back", "setup", "internal")
NOBODY = 65534
# A shell on a terminal of its own: a line is typed in it, then tab; what is offered is printed.
ZSH_TYPES = r"""
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PROMPT= ; stty -echo; fpath=(${(q)1} \$fpath); autoload -Uz compinit; compinit -u -D"
zpty -w shell 'compadd() {
    if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then builtin compadd "$@"; return; fi
    typeset -a hits; builtin compadd -A hits "$@"; (( $#hits )) && printf "<%s>\n" "${hits[@]}"
}
over() { print -- "<""<END"; exit }; comppostfuncs=(over); print "<""<READY"'
while zpty -r shell line; do [[ $line == *"<<READY"* ]] && break; done
zpty -n -w shell "$2"$'\t'
while zpty -r shell line; do [[ $line == *"<<END"* ]] && break; print -r -- $line; done
"""


def moult(*arguments, **options):
    """stdout, stderr and exit status of one run; standard output is no terminal."""
    options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run([MOULT, *arguments], text=True, capture_output=True, timeout=60,
                          **options)


def synopsis():
    return moult("internal", "synopsis").stdout.splitlines()


def commands():
    return [line.split()[1] for line in synopsis()]


def options_of(command):
    """Long options that the help of a command shows."""
    return re.findall(r"^ .{5}--([a-z0-9-]+)", moult(command, "--help").stdout, re.MULTILINE)


def plain(scdoc):
    """A line of scdoc as it is read."""
    return re.sub(r"(?<!\\)[*_]", "", scdoc).replace("\\", "").removesuffix("++")


def readable(path):
    """A copy of the binary that nobody can run, too."""
    copy = pathlib.Path(path) / "moult"
    shutil.copy(MOULT, copy)
    copy.chmod(0o755)
    return str(copy)


class Usage(unittest.TestCase):
    def assert_refused(self, arguments, status, sentence, helps):
        run = moult(*arguments)
        self.assertEqual(run.returncode, status)
        self.assertEqual(run.stdout, "")
        self.assertEqual(run.stderr, f"moult: {sentence}\ntry: {helps}\n")

    def test_wrong_command_lines_exit_with_2_and_a_command_that_helps(self):
        self.assert_refused([], 2, "no command was given.", "moult help")
        self.assert_refused(["upgarde"], 2,
                            "there is no command 'upgarde'; did you mean 'upgrade'?", "moult help")
        self.assert_refused(["list", "--reboot"], 2, "moult list takes no --reboot.",
                            "moult list --help")
        self.assert_refused(["help", "nothing"], 2, "there is no command 'nothing'.",
                            "moult help")

    def test_hostile_words_are_escaped(self):
        run = moult("\x1b[2J\n")
        self.assertEqual(run.returncode, 2)
        self.assertNotIn("\x1b", run.stderr)
        self.assertEqual(len(run.stderr.splitlines()), 2)

    def test_errors_are_json_for_those_who_asked(self):
        run = moult("--json", "upgarde")
        self.assertEqual(run.returncode, 2)
        document = json.loads(run.stdout)
        self.assertEqual(document["format_version"], 1)
        self.assertEqual(document["error"]["kind"], "usage")
        self.assertEqual(document["error"]["try"], "moult help")
        self.assertTrue(run.stderr.startswith("moult: there is no command"))

    def test_a_closed_progress_descriptor_is_refused_before_anything_is_done(self):
        if os.geteuid() != 0:
            self.skipTest("needs root to get that far")
        run = moult("upgrade", "--progress-fd", "9", "--sysroot", "/nowhere")
        self.assertEqual(run.returncode, 2)
        self.assertIn("--progress-fd 9 is not open", run.stderr)

    def test_a_system_that_is_not_there_is_refused_with_a_sentence(self):
        if os.geteuid() != 0:
            self.skipTest("needs root to get that far")
        run = moult("status", "--sysroot", "/nowhere")
        self.assertEqual(run.returncode, 1)
        self.assertEqual(run.stdout, "")
        self.assertRegex(run.stderr, r"^moult: .*/nowhere.*\.\n")


class Help(unittest.TestCase):
    def test_help_goes_to_standard_output_and_fits_in_80_columns(self):
        for arguments in [["help"], ["--help"], ["-h"], *([c, "--help"] for c in commands()),
                          *(["help", c] for c in commands()),
                          ["help", "internal", "bless"], ["internal", "bless", "--help"]]:
            run = moult(*arguments)
            with self.subTest(arguments=arguments):
                self.assertEqual((run.returncode, run.stderr), (0, ""))
                self.assertTrue(run.stdout.endswith("\n"))
                self.assertEqual([line for line in run.stdout.splitlines() if len(line) > 80], [])

    def test_help_names_every_command(self):
        overview = moult("help").stdout
        for command in commands():
            self.assertIn(f"\n  {command} ", overview)

    def test_version_is_that_of_the_build(self):
        version = re.search(r"version: '([^']+)'", (SOURCE / "meson.build").read_text()).group(1)
        self.assertEqual(moult("version").stdout, f"moult {version}\n")
        self.assertEqual(moult("--version").stdout, f"moult {version}\n")
        self.assertEqual(json.loads(moult("version", "--json").stdout)["version"], version)

    def test_internal_commands_are_not_offered(self):
        self.assertNotIn("internal", moult("help").stdout)


class Manual(unittest.TestCase):
    def test_the_synopsis_is_that_of_the_table(self):
        section = MAN.read_text().split("# SYNOPSIS")[1].split("\n# ")[0]
        lines = [plain(line) for line in section.splitlines() if line.startswith("*moult ")]
        self.assertEqual([line for line in lines if not line.startswith("moult COMMAND")],
                         synopsis())

    def test_every_command_and_option_is_described(self):
        text = MAN.read_text()
        listed = text.split("# COMMANDS")[1].split("\n# OPTIONS")[0]
        options = plain(text.split("\n# OPTIONS")[1].split("\n# ")[0])
        described = "".join((MAN.parent / f"{group}.scd").read_text() for group in GROUPS)
        for command in commands():
            if command not in ("help", "version"):
                self.assertRegex(listed, rf"[:,] \*{command}\*")
                self.assertRegex(described, rf"(?m)^\*{command}\*|, \*{command}\*")
            for option in options_of(command):
                self.assertIn(f"--{option}", options)

    def test_exit_statuses_and_files_are_described(self):
        text = MAN.read_text()
        for status in (0, 1, 2, 3, 75, 77):
            self.assertIn(f"\n*{status}*\n", text)

    def test_every_command_has_a_page_of_its_group(self):
        build = (SOURCE / "docs" / "meson.build").read_text()
        for group in GROUPS:
            listed = re.search(rf"'{group}': \[([^]]*)\]", build).group(1)
            page = moult("internal", "manual", group).stdout
            names = moult("internal", "manual", group, "names").stdout.split()
            self.assertEqual(re.findall(r"[a-z-]+", listed),
                             [name for name in names if name not in ("help", "version")])
            for name in names:
                self.assertRegex(page, rf"(?m)^## {name}$")
                self.assertRegex(page, rf"(?m)^\*moult\* \*{name}\*")

    @unittest.skipUnless(shutil.which("scdoc"), "scdoc is not installed")
    def test_pages_of_groups_are_understood_by_scdoc(self):
        for group in GROUPS:
            made = subprocess.run([SOURCE / "docs/man/page", MOULT, "scdoc", group,
                                   MAN.parent / f"{group}.scd"], capture_output=True,
                                  text=True, check=False)
            self.assertEqual((made.returncode, made.stderr), (0, ""))
            self.assertIn(f".SH NAME\n.P\nmoult-{group} - ", made.stdout)
            heads = re.findall(r"(?m)^\.SH (.*)$", made.stdout)
            self.assertEqual(heads, ["NAME", "COMMANDS", "IN DETAIL", "OPTIONS", "SEE ALSO"])

    @unittest.skipUnless(shutil.which("scdoc"), "scdoc is not installed")
    def test_both_pages_are_understood_by_scdoc(self):
        for page in (SOURCE / "docs" / "man").glob("*.[58].scd"):
            with page.open() as source:
                run = subprocess.run(["scdoc"], stdin=source, capture_output=True, check=False)
            self.assertEqual(run.returncode, 0, run.stderr)


class Completion(unittest.TestCase):
    def script(self, shell):
        run = moult("internal", "completion", shell)
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        return run.stdout

    def check(self, shell):
        if not shutil.which(shell):
            self.skipTest(f"{shell} is not installed")
        with tempfile.NamedTemporaryFile("w", suffix=f".{shell}") as script:
            script.write(self.script(shell))
            script.flush()
            run = subprocess.run([shell, "-n", script.name], capture_output=True, text=True,
                                 check=False)
        self.assertEqual((run.returncode, run.stderr), (0, ""))

    def complete(self, line):
        """What bash offers at the end of `line`; it takes "=" for a word of its own."""
        words = re.findall(r"=|[^ =]+", line) + ([] if line[-1] not in " =" else [""])
        program = self.script("bash") + (
            f'\nCOMP_WORDS=({" ".join(repr(word) for word in words)})\n'
            f"COMP_CWORD={len(words) - 1}\n_moult\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n")
        return subprocess.run(["bash", "-c", program], capture_output=True, text=True,
                              check=True).stdout.split()

    def complete_in_fish(self, line):
        """The same of fish; newer ones also list what has the typed letters somewhere within."""
        typed = line.rpartition(" ")[2]
        program = self.script("fish") + f"\ncomplete -C {line!r}\n"
        run = subprocess.run(["fish", "--no-config", "-c", program], capture_output=True, text=True,
                             check=True)
        self.assertEqual(run.stderr, "")
        offered = [words.split("\t")[0] for words in run.stdout.splitlines()]
        return [word for word in offered if word.startswith(typed)]

    def complete_in_zsh(self, line):
        """The same of zsh, which completes only where somebody types."""
        with tempfile.TemporaryDirectory() as directory:
            (pathlib.Path(directory) / "_moult").write_text(self.script("zsh"))
            run = subprocess.run(["zsh", "-f", "-c", ZSH_TYPES, "zsh", directory, line], text=True,
                                 capture_output=True, timeout=60, check=True)
        return re.findall(r"<([a-z-]+)>", run.stdout)

    def test_bash_understands_it(self):
        self.check("bash")

    def test_zsh_understands_it(self):
        self.check("zsh")

    def test_fish_understands_it(self):
        self.check("fish")

    def test_bash_offers_commands_then_their_options_and_words(self):
        self.assertEqual(self.complete("moult "), commands())
        self.assertEqual(self.complete("moult ro"), ["rollback"])
        self.assertEqual(self.complete("moult plan "), ["upgrade", "rollback"])
        self.assertEqual(self.complete("moult --sysroot /mnt plan r"), ["rollback"])
        self.assertEqual(self.complete("moult upgrade --re"),
                         ["--release", "--replace", "--reboot"])
        self.assertEqual(self.complete("moult upgrade --release "), [])
        self.assertEqual(self.complete("moult upgrade --sysroot /et"), ["/etc"])

    def test_options_may_be_completed_before_the_command_and_the_command_after_them(self):
        upgrade = ["--release", "--replace", "--reboot"]
        cases = {"moult ": commands(), "moult --js": ["--json"], "moult --dry": ["--dry-run"],
                 "moult --json ": commands(), "moult --sysroot /x ": commands(),
                 "moult --sysroot=/x ": commands(), "moult -n --esp /x pla": ["plan"],
                 "moult --sysroot /x --js": ["--json"], "moult --sysroot /x plan r": ["rollback"],
                 "moult -q plan --js": ["--json"], "moult --json upgrade --re": upgrade}
        for shell, complete in (("bash", self.complete), ("fish", self.complete_in_fish),
                                ("zsh", self.complete_in_zsh)):
            for line, offered in cases.items():
                with self.subTest(shell=shell, line=line):
                    if not shutil.which(shell):
                        self.skipTest(f"{shell} is not installed")
                    self.assertEqual(sorted(complete(line)), sorted(offered))

    def test_every_option_is_in_every_shell(self):
        for shell in ("bash", "zsh", "fish"):
            script = self.script(shell)
            for command in commands():
                self.assertIn(command, script)
                for option in options_of(command):
                    self.assertIn(option, script)


class WithoutRoot(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        os.chmod(cls.directory.name, 0o755)
        cls.moult = readable(cls.directory.name)

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def run_as_nobody(self, *arguments):
        options = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        return subprocess.run([self.moult, *arguments], text=True, capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=60, check=False, **options)

    def test_everything_that_needs_root_says_so(self):
        for arguments in (["upgrade"], ["list"], ["rollback", "5"], ["internal", "bless"]):
            run = self.run_as_nobody(*arguments)
            with self.subTest(arguments=arguments):
                self.assertEqual(run.returncode, 1)
                name = " ".join(word for word in arguments if word != "5")
                self.assertEqual(run.stderr, f"moult: moult {name} has to be run as root.\n"
                                             f"try: sudo moult {name}\n")

    def test_help_needs_no_root(self):
        self.assertEqual(self.run_as_nobody("upgrade", "--help").returncode, 0)
        self.assertEqual(self.run_as_nobody("version").returncode, 0)


class Streams(unittest.TestCase):
    def test_a_reader_that_goes_away_is_no_failure(self):
        run = subprocess.run(["bash", "-c", f"{MOULT} help | true; exit ${{PIPESTATUS[0]}}"],
                             capture_output=True, text=True, check=False)
        self.assertEqual((run.returncode, run.stderr), (0, ""))

    def test_a_full_disk_behind_standard_output_is_a_failure(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            run = subprocess.run([MOULT, "help"], stdout=full, stderr=subprocess.PIPE, check=False)
        self.assertEqual(run.returncode, 1)

    def test_closed_standard_streams_are_survived(self):
        run = subprocess.run(["bash", "-c", f"{MOULT} version <&- >&- 2>&-"], check=False)
        self.assertIn(run.returncode, (0, 1))


class Documents(unittest.TestCase):
    SCHEMAS = SOURCE / "docs" / "schema"

    def test_schemas_are_schemas_and_refer_to_what_exists(self):
        common = json.loads((self.SCHEMAS / "common.json").read_text())["$defs"]
        for path in self.SCHEMAS.glob("*.json"):
            text = path.read_text()
            document = json.loads(text)
            with self.subTest(schema=path.name):
                self.assertEqual(document["$schema"],
                                 "https://json-schema.org/draft/2020-12/schema")
                for name in re.findall(r'"common\.json#/\$defs/([a-z_]+)"', text):
                    self.assertIn(name, common)

    def test_an_error_document_is_as_its_schema_says(self):
        for arguments in (["--json", "upgarde"], ["--json", "status", "--sysroot", "/nowhere"]):
            document = json.loads(moult(*arguments).stdout)
            self.assertIn("error", document)
            schemas.check(arguments, document)


if __name__ == "__main__":
    unittest.main(verbosity=2)
