#!/usr/bin/python3
"""Reading commands on a real Btrfs: text that is safe, JSON as the schemas say. Needs root."""

import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import schemas  # noqa: E402

MOULT = os.environ.get("MOULT", "moult")
CREATED = 1795384800
HOSTILE = "health: \x1b[2J\x1b]0;x\x07 \u202e gone"


def write(path, document):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document))


def fill(top):
    """Generation 0, a bad one whose reason is hostile, and a damaged one; no boot menu."""
    version = {"format_version": 1, "min_reader": 1}
    write(top / "@gens/layout.json", {**version, "last_id": 2, "last_serial": 3})
    write(top / "@gens/0/generation.json",
          {**version, "id": 0, "source": "init", "created": CREATED, "original": "@rootfs"})
    write(top / "@gens/0/state.json", {**version, "state": "good"})
    write(top / "@gens/1/generation.json",
          {**version, "id": 1, "parent": 0, "source": "packages", "created": CREATED})
    write(top / "@gens/1/state.json",
          {**version, "state": "bad", "reason": HOSTILE, "publications": [
              {"serial": 1, "kind": "none", "kernel": "6.1", "options": "quiet", "failed": True,
               "attempts": [{"boot_id": "x", "when": CREATED, "outcome": "failed",
                             "reason": HOSTILE}]}]})
    for root in ("@rootfs", "@gens/1/root"):
        write(top / root / "var/lib/dpkg/status", "Package: a\nStatus: install ok installed\n"
              "Version: 1\nArchitecture: all\n")
    write(top / "@gens/2/generation.json", {**version, "id": 2, "created": CREATED})
    write(top / "@gens/2/state.json", "torn")


FILL = """
mount -o loop "$1" "$2"
for subvolume in @rootfs @moult @gens/1/root @gens/2/root; do
    mkdir -p "$(dirname "$2/$subvolume")"
    btrfs -q subvolume create "$2/$subvolume"
done
cp -r "$3/." "$2"
umount "$2"
"""


@unittest.skipUnless(os.geteuid() == 0, "needs root, to mount a loop device privately")
@unittest.skipUnless(shutil.which("mkfs.btrfs") and shutil.which("mkfs.vfat"), "needs mkfs")
class Pool(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        path = pathlib.Path(cls.directory.name)
        cls.pool, cls.esp = path / "pool", path / "esp"
        fill(path / "top")
        for image, mebibytes in ((cls.pool, 256), (cls.esp, 64)):
            with image.open("wb") as file:
                file.truncate(mebibytes << 20)
        (path / "mnt").mkdir()
        subprocess.run(["mkfs.btrfs", "-q", cls.pool], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        subprocess.run(["unshare", "-m", "sh", "-ec", FILL, "sh", cls.pool, path / "mnt",
                        path / "top"], check=True)
        subprocess.run(["mkfs.vfat", "-F", "32", cls.esp], check=True, stdout=subprocess.DEVNULL)

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def moult(self, *arguments, pool=None):
        """Run it; right after the run before, whose loop device the kernel may still hold."""
        return subprocess.run([MOULT, "--sysroot", pool or self.pool, "--esp", self.esp,
                               *arguments], text=True, capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=60, check=False)

    def valid(self, *arguments):
        """What a command prints with --json, held against its schema, and its exit status."""
        run = self.moult("--json", *arguments)
        return schemas.check(arguments, json.loads(run.stdout)), run.returncode

    def test_documents_are_as_their_schemas_say(self):
        for arguments in (["status"], ["list"], ["show", "1"], ["show", "2"], ["log"], ["check"],
                          ["rollback", "1"], ["show", "99"]):
            with self.subTest(arguments=arguments):
                self.valid(*arguments)

    def test_a_bad_generation_needs_an_acknowledgement(self):
        document, status = self.valid("rollback", "1")
        self.assertEqual(status, 3)
        self.assertEqual(document["error"]["kind"], "needs-ack")

    def test_reasons_from_the_disk_cannot_reach_the_terminal(self):
        for arguments in (["status"], ["list"], ["show", "1"], ["rollback", "1"]):
            run = self.moult(*arguments)
            with self.subTest(arguments=arguments):
                self.assertNotIn("\x1b", run.stdout + run.stderr)
                self.assertNotIn("\u202e", run.stdout + run.stderr)

    def test_a_damaged_generation_is_shown_and_the_others_as_well(self):
        run = self.moult("list")
        self.assertEqual(run.returncode, 0)
        words = [line.replace("!", " ").split()[:2] for line in run.stdout.splitlines()]
        self.assertEqual(words, [["ID", "STATE"], ["0", "good"], ["1", "bad"], ["2", "damaged"]])

    def test_commands_that_help_name_the_same_system(self):
        run = self.moult("rollback", "1")
        self.assertIn(f"try: sudo moult --sysroot {self.pool} --esp {self.esp} rollback 1 "
                      "--accept BAD_GENERATION\n", run.stderr)

    def test_remedies_for_that_system_are_not_offered_for_this_one(self):
        text = self.moult("check").stdout
        document, _ = self.valid("check")
        remedies = [finding["remedy"] for finding in document["findings"] if finding["remedy"]]
        place = f"--sysroot {self.pool} --esp {self.esp}"
        self.assertIn("# in that system: sudo bootctl install", remedies)
        self.assertIn("\n  try (in that system): sudo bootctl install\n", text)
        for remedy in remedies:
            self.assertTrue(place in remedy or remedy.startswith("# in that system: "), remedy)
        for line in text.splitlines():
            if "try: " in line:
                self.assertIn(place, line)

    def test_what_only_looks_works_on_a_disk_that_cannot_be_written_to(self):
        device = subprocess.run(["losetup", "--find", "--show", "--read-only", self.pool],
                                check=True, capture_output=True, text=True).stdout.strip()
        self.addCleanup(subprocess.run, ["losetup", "--detach", device], check=True)
        for words in (["status"], ["list"], ["check"], ["plan", "rollback", "1"],
                      ["plan", "rollback", "1", "-n"], ["pin", "1", "-n"]):
            run = self.moult("--json", *words, pool=device)
            with self.subTest(words=words):
                document = schemas.check(words, json.loads(run.stdout))
                self.assertNotIn("error", document)
        plan = json.loads(self.moult("--json", "plan", "rollback", "1").stdout)
        self.assertEqual((plan["to"], plan["accept"]), (1, ["BAD_GENERATION"]))

    def test_dry_runs_change_nothing_and_repair_refuses_one(self):
        before = self.pool.read_bytes(), self.esp.read_bytes()
        document, status = self.valid("pin", "1", "kept", "-n")
        self.assertEqual((status, document["outcome"]), (0, "planned"))
        self.assertEqual(self.valid("unpin", "1", "-n")[1], 0)
        for words in (["keep", "-n"], ["discard", "-n"]):
            self.assertIn(f"there is no session to {words[0]}", self.moult(*words).stderr)
        run = self.moult("repair", "-n")
        self.assertEqual(run.returncode, 1)
        self.assertIn("cannot be shown before", run.stderr)
        self.assertEqual((self.pool.read_bytes(), self.esp.read_bytes()), before)

    def test_a_place_with_blanks_is_quoted(self):
        odd = self.pool.parent / "it's a pool"
        odd.symlink_to(self.pool)
        run = self.moult("rollback", "99", pool=odd)
        line = run.stderr.splitlines()[-1]
        self.assertTrue(line.startswith("try: "), run.stderr)
        words = shlex.split(line.removeprefix("try: "))
        self.assertEqual(words[words.index("--sysroot") + 1], str(odd))

    def test_reading_changes_nothing(self):
        before = self.pool.read_bytes(), self.esp.read_bytes()
        for arguments in (["status"], ["list"], ["show", "1"], ["log"], ["check"],
                          ["cleanup", "--dry-run"]):
            self.moult(*arguments)
        self.assertEqual((self.pool.read_bytes(), self.esp.read_bytes()), before)


if __name__ == "__main__":
    unittest.main(verbosity=2)
