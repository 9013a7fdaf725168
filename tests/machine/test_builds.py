#!/usr/bin/python3
"""The oldest and the newest moult at work on the same disk.

After a rollback an older one meets what a newer one wrote: it must still look, go back, and lose
no field that it does not know.

The oldest is built from this repository's own history; see OLDEST.
"""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import running
import world
from rig import cache
from rig.command import call, say
from world import tearDownModule  # noqa: F401

ALL = os.environ.get("MOULT_TEST_ALL") == "1"
# Of the day on which the first machines were adopted: it has neither data that is kept, nor
# checkpoints, nor other command lines that are tried. In this history: see `git log`.
OLDEST = "716f268"
FUTURE = {"future": {"colour": "green", "list": [1, None, "ß"]}, "format_version": 9,
          "min_reader": 1}


def build(path):
    """The oldest moult, from history."""
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        tree = pathlib.Path(scratch)
        archived = call("git", "-C", world.TOP, "archive", OLDEST)
        call("tar", "-x", "-C", tree, input=archived)
        say("building the oldest moult")
        call("meson", "setup", tree / "build", tree, "-Dtests=false")
        call("ninja", "-C", tree / "build", "src/cli/moult")
        (tree / "build/src/cli/moult").rename(path)


class Older:
    """Another moult on the same disk."""

    def __init__(self, disk, binary):
        self.disk, self.binary = disk, binary

    def __call__(self, *words, rc=0):
        done = subprocess.run([self.binary, "--sysroot", str(self.disk.path), *words], text=True,
                              check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=world.TIMEOUT)
        if done.returncode != rc:
            raise AssertionError(f"{words}: {done.returncode}\n{done.stdout}{done.stderr}")
        return json.loads(done.stdout) if "--json" in words else done.stdout


def states(disk):
    """All of state.json and generation.json, by path."""
    with disk.pool(read_only=True) as top:
        return {str(path.relative_to(top)): json.loads(path.read_text())
                for pattern in ("*/state.json", "*/generation.json")
                for path in sorted((top / "@gens").glob(pattern))}


@unittest.skipUnless(ALL, "builds another moult: --all only")
class OldAndNew(world.BadDay):
    """One disk, two builds."""

    def setUp(self):
        self.oldest = self.enterContext(cache.entry("packages", f"moult-{OLDEST}", build))

    def lived(self):
        """A disk on which the newest did what the oldest knows nothing of."""
        disk = self.disk()
        older = Older(disk, self.oldest)
        disk.moult("run", "--", "touch", "/etc/skin-2").ok()
        self.assertEqual(older("--json", "status")["next"]["id"], 2)
        disk.moult("pin", "1", "before").ok()
        return disk, older

    def trying(self):
        """A disk on which a good generation tries a command line, and another waits for that."""
        disk = self.disk("blessed")
        older = Older(disk, self.oldest)
        disk.moult("checkpoint", "kept").ok()
        with disk.pool() as top:
            (top / "@gens/2/data").mkdir()
            call("btrfs", "-q", "subvolume", "snapshot", "-r", top / "@var",
                 top / "@gens/2/data/@var")
        disk.moult("kargs", "add", "nosmt").ok()
        disk.moult("run", "--", "touch", "/etc/skin-3").ok()
        self.assertTrue(disk.generations()[3]["waiting"])
        return disk, older

    def test_the_older_one_goes_back_from_what_it_knows_nothing_of(self):
        disk, older = self.trying()
        self.assertEqual({gen["id"]: gen["state"] for gen in older("--json", "list")[
            "generations"]}, {gen["id"]: gen["state"] for gen in disk.generations().values()})
        self.assertEqual(older("--json", "status")["next"]["id"], 1)
        older("rollback", "2")
        for status in (older("--json", "status"), disk.moult("--json", "status").ok().json):
            self.assertEqual((status["current"]["id"], status["next"]["id"]), (2, 2))
        with disk.pool(read_only=True) as top:
            self.assertTrue((top / "@gens/2/data/@var/lib").is_dir())
        disk.moult("repair").ok()
        self.assert_sound(disk)
        self.assert_works(disk)

    def test_the_older_one_changes_something_and_the_newest_goes_on(self):
        disk, older = self.trying()
        older("pin", "3", "party")
        older("repair")
        gen = disk.generations()[3]
        self.assertEqual((gen["name"], gen["waiting"], gen["state"]), ("party", True, "built"))
        # it takes the entry of what is tried away, as one that the loader lost: that costs one try
        with running.Running(disk, "@gens/1/root") as system:
            system.mount_data()
            system.moult("internal", "reconcile").ok()
        self.assertIn("nosmt", " ".join(disk.moult("kargs").ok().out.split()))
        running.boot(disk, 1)
        self.assertEqual(disk.generations()[3]["state"], "trial")
        self.assert_sound(disk)

    def test_the_older_one_reads_and_goes_back(self):
        disk, older = self.lived()
        self.assertEqual({gen["id"] for gen in older("--json", "list")["generations"]},
                         set(disk.generations()))
        self.assertEqual([finding for finding in older("--json", "check")["findings"]
                          if finding["level"] == "error"], [])
        older("rollback", *world.TO_ORIGINAL[1:])
        self.assertEqual(older("--json", "status")["next"]["id"], 0)
        self.assertEqual(disk.moult("--json", "status").ok().json["next"]["id"], 0)
        older("repair")
        self.assert_sound(disk)
        self.assert_works(disk)

    def test_what_the_older_one_does_not_know_survives_its_writing(self):
        disk, older = self.lived()
        with disk.pool() as top:
            for path in sorted((top / "@gens").glob("*/*.json")):
                document = json.loads(path.read_text()) | FUTURE
                path.write_text(json.dumps(document))
        for words in (("unpin", "1"), ("pin", "2", "party"), ("repair",),
                      ("run", "--replace", "--", "true")):
            older(*words)
        for path, document in states(disk).items():
            if not path.startswith("@gens/3/"):
                self.assertEqual(document.get("future"), FUTURE["future"], path)
                self.assertEqual(document["format_version"], 9, path)
        self.assertEqual(disk.generations()[2]["name"], "party")
        self.assert_sound(disk)

    def test_what_it_must_not_read_is_damage_to_it_and_no_more(self):
        disk, older = self.lived()
        with disk.pool() as top:
            path = top / "@gens/2/state.json"
            path.write_text(json.dumps(json.loads(path.read_text()) | {"min_reader": 99}))
        listed = {gen["id"]: gen for gen in older("--json", "list")["generations"]}
        self.assertEqual(listed[2]["state"], "damaged")
        older("rollback", *world.TO_ORIGINAL[1:])
        self.assertEqual(older("--json", "status")["next"]["id"], 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
