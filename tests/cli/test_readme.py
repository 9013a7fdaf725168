#!/usr/bin/python3
"""README.md's first screen: the commands exist, and the lines are as moult makes them.

The machine of the README (generation 7, upgraded to 8) is laid out on a small disk; what moult
prints about it is compared line by line; numbers, times, sizes and kernels count as equal.
Needs root.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import re
import subprocess
import tempfile
import time
import unittest

README = pathlib.Path(__file__).resolve().parents[2] / "README.md"
MOULT = os.environ.get("MOULT", "moult")
FAILED = "health: nginx.service fails now, and did not on the last good boot"
# The pool's default subvolume is that of generation 8: it was blessed last.
FILL = """
mount -o loop "$1" "$2"
for subvolume in @rootfs @moult @gens/7/root @gens/8/root; do
    mkdir -p "$(dirname "$2/$subvolume")"
    btrfs -q subvolume create "$2/$subvolume"
done
cp -r "$3/." "$2"
btrfs subvolume set-default "$2/@gens/8/root"
umount "$2"
"""
# Without root `status` shows what was written down when moult last ran on the machine itself.
SNAPSHOT = """
mkdir -p /run/moult
mount -t tmpfs none /run/moult
cp "$1" /run/moult/status.json
chmod 644 /run/moult/status.json
touch -d '2 minutes ago' /run/moult/status.json
setpriv --reuid 65534 --regid 65534 --clear-groups "$2" status
"""
PATTERNS = (
    (r"\x1b\[[0-9;]*m", ""),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d", "DATE"),
    (r"(?:just now|yesterday|\d+ (?:second|minute|hour|day|week|month|year)s? ago)", "AGO"),
    (r"\d+\.\d+\.\d+-\d+(?:-\w+)*", "KERNEL"),
    (r"\d+(?:\.\d+)? (?:B|[KMGT]iB)", "SIZE"),
    (r"\d+", "N"),
    (r"^[*+-]+ ", ""),  # which one runs: none, on a disk that lies here
    (r" +", " "),
)


def shape(line):
    """A line with everything that differs from machine to machine replaced."""
    for pattern, word in PATTERNS:
        line = re.sub(pattern, word, line)
    return line.strip()


def first_screen():
    """[(command, lines)] of the blocks above the first heading."""
    text = README.read_text(encoding="utf-8").split("\n## ", maxsplit=1)[0]
    shown = []
    for block in re.findall(r"^```\n(.*?)^```", text, re.M | re.S):
        for line in block.splitlines():
            if line.startswith("$ "):
                shown.append((line.removeprefix("$ ").removeprefix("sudo "), []))
            else:
                shown[-1][1].append(line)
    return shown


def write(path, content):
    """A file, or a document, with its directories."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, str) else json.dumps(content)
    path.write_text(text, encoding="utf-8")


def generation(top, number, root, **facts):
    """A good one with a kernel, an initrd and one publication."""
    version = {"format_version": 1, "min_reader": 1}
    release = f"6.1.0-{42 + number}-amd64"
    digests = {}
    for kind, name in (("linux", "vmlinuz"), ("initrd", "initrd.img")):
        content = f"{kind} {number}"
        write(top / root / f"boot/{name}-{release}", content)
        digests[f"{kind}_sha256"] = hashlib.sha256(content.encode()).hexdigest()
    serial = 0 if number == 0 else number
    kind = "old" if number == 7 else "current"
    facts = {**version, "id": number, "created": int(time.time()) - (9 - number) * 86400, **facts}
    write(top / f"@gens/{number}/generation.json", facts)
    write(top / f"@gens/{number}/state.json", {**version, "state": "good", "publications": [
        {"serial": serial, "kind": kind, "kernel": release, "options": "ro quiet", **digests}]})


def fill(top):
    """The machine of the README."""
    upgraded = {"source": "packages", "what": "apt full-upgrade"}
    write(top / "@gens/layout.json",
          {"format_version": 1, "min_reader": 1, "last_id": 8, "last_serial": 8})
    generation(top, 0, "@rootfs", source="init", original="@rootfs", original_default="",
               original_loader_conf="", what="the system as it was before moult")
    generation(top, 7, "@gens/7/root", parent=0, **upgraded)
    generation(top, 8, "@gens/8/root", parent=7, **upgraded)


class Readme(unittest.TestCase):
    """Each case is about one kind of sample."""

    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            raise unittest.SkipTest("needs root, to mount a loop device privately")
        cls.directory = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.directory.chmod(0o755)
        cls.pool, cls.esp = cls.directory / "pool", cls.directory / "esp"
        fill(cls.directory / "top")
        for image, mebibytes, make in ((cls.pool, 256, ["mkfs.btrfs", "-q"]),
                                       (cls.esp, 64, ["mkfs.vfat", "-F", "32"])):
            with image.open("wb") as file:
                file.truncate(mebibytes << 20)
            subprocess.run([*make, image], check=True, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
        (cls.directory / "mnt").mkdir()
        subprocess.run(["unshare", "-m", "sh", "-ec", FILL, "sh", cls.pool, cls.directory / "mnt",
                        cls.directory / "top"], check=True)
        # only its menu is wanted: this machine has neither fstab nor a loader's program
        with cls().assertRaisesRegex(AssertionError, "what moult can do is done"):
            cls.moult("repair")

    @classmethod
    def moult(cls, *words):
        """What moult prints about that machine."""
        done = subprocess.run([MOULT, "--sysroot", cls.pool, "--esp", cls.esp, *words], text=True,
                              capture_output=True, stdin=subprocess.DEVNULL, check=False)
        if done.returncode != 0:
            raise AssertionError(f"moult {' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout

    def status_while_running(self, number, verb, reason=None):
        """`moult status` on the machine itself: the document of the disk, as if it ran."""
        document = json.loads(self.moult("status", "--json"))
        document.update(session="normal", booted={"id": number, "serial": 1},
                        current={"id": number},
                        next={"id": number, "serial": 1, "trial": False, "why": "it is current"})
        document["last"]["verb"] = verb
        for entry in document["generations"]:
            entry.update(booted=entry["id"] == number, current=entry["id"] == number)
            if reason and entry["id"] == 8:
                entry.update(state="bad", reason=reason)
        snapshot = self.directory / "status.json"
        write(snapshot, document)
        with contextlib.ExitStack() as stack:
            binary = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory())) / "moult"
            binary.parent.chmod(0o755)
            binary.write_bytes(pathlib.Path(MOULT).read_bytes())
            binary.chmod(0o755)
            printed = subprocess.run(
                ["unshare", "-m", "sh", "-ec", SNAPSHOT, "sh", snapshot, binary], check=True,
                text=True, stdout=subprocess.PIPE).stdout
        shown, as_of = printed.rstrip("\n").rsplit("\n", 1)
        self.assertRegex(as_of, "^as of ")  # root, who is in the README, is told what is now
        return shown

    def assert_shown(self, command, nth, printed):
        """The lines below the nth such command have the form of what was printed."""
        lines = [lines for shown, lines in first_screen() if shown == command][nth]
        self.assertEqual([shape(line) for line in lines],
                         [shape(line) for line in printed.splitlines()])

    def test_the_commands_exist(self):
        words = [command.split()[1] for command, _ in first_screen() if command.startswith("moult")]
        self.assertGreater(len(words), 4)
        for word in words:
            subprocess.run([MOULT, word, "--help"], check=True, stdout=subprocess.DEVNULL)

    def test_the_sentence_of_an_upgrade_is_in_the_program(self):
        [lines] = [lines for command, lines in first_screen() if command == "moult upgrade"]
        sentence = lines[0].rstrip(".").replace("Generation 8", "generation %u").replace(
            "23 packages", "%zu package%s")
        program = pathlib.Path(MOULT).read_bytes()
        built, when = sentence.split("; ")
        self.assertEqual(shape(lines[1]), "next boot generation N (it is on trial)")
        for part in (f"{built}; %s", f"\0{when}\0", "\0it is on trial\0"):
            self.assertTrue(part.encode() in program, part)

    def test_status_after_an_upgrade(self):
        self.assert_shown("moult status", 0, self.status_while_running(8, "bless"))

    def test_status_after_a_failure(self):
        self.assert_shown("moult status", 1, self.status_while_running(7, "reconcile", FAILED))

    def test_rolling_back_and_the_list_after_it(self):
        self.assert_shown("moult rollback", 0, self.moult("rollback", "7"))
        self.assert_shown("moult list", 0, self.moult("list"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
