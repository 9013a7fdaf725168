#!/usr/bin/python3
"""moult interrupted: by signals at every phase, killed at every write, by a second moult.

On the shipped binary and on disks of real machines that are off; see world.py.
"""

import collections
import json
import os
import re
import signal
import subprocess
import tempfile
import unittest

import world
from rig import cache, image
from rig.command import call
from world import tearDownModule  # noqa: F401

ALL = os.environ.get("MOULT_TEST_ALL") == "1"
PHASES = ("stage", "refresh", "fill", "verify", "publish")
# What ends a step: everything before it is on the disk.
WRITES = "fsync,fdatasync,syncfs,renameat,renameat2,unlinkat,mkdirat"
SYNCS = "fsync,fdatasync,syncfs,renameat,renameat2"


def killed_at(call, number):
    """Run under this, every process dies before its call of that number."""
    # with --seccomp-bpf no signal would be sent
    return ("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}",
            "-e", f"inject={call}:signal=SIGKILL:when={number}")


def count_calls(disk, calls, *words):
    """How often they are called in a run: {call: most in one process}; each call counts apart."""
    found = collections.Counter()
    with tempfile.NamedTemporaryFile("r") as log:
        disk.moult(*words, around=("strace", "-f", "-qq", "-o", log.name, "-e",
                                   f"trace={calls}")).ok()
        for line in log:
            call = re.match(r"(\d+) +(\w+)\(", line)
            if call:
                found[call.groups()] += 1
    return {call: max(count for (_, name), count in found.items() if name == call)
            for _, call in found}


def spread(counts, wanted):
    """So many of all the (call, number) there are, evenly, the first and the last among them."""
    points = [(call, number) for call, count in sorted(counts.items())
              for number in range(1, count + 1)]
    if len(points) <= wanted:
        return points
    return sorted({points[round(i * (len(points) - 1) / (wanted - 1))] for i in range(wanted)})


class Signals(world.BadDay):
    """SIGINT, SIGTERM and SIGKILL at each phase of making a generation."""

    def interrupt(self, disk, phase, number):
        """Send the signal when the phase is reported; how it ended."""
        process, progress = disk.start("run", "--", "sleep", "0.3")
        try:
            for line in progress:
                if json.loads(line).get("phase") == phase:
                    process.send_signal(number)
                    break
            progress.close()
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
        return world.Result(process.returncode, out, err)

    def test_signals(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            for phase in PHASES:
                with self.subTest(signal=number.name, phase=phase):
                    disk = self.disk()
                    before, numbers = disk.facts(), disk.numbers()
                    result = self.interrupt(disk, phase, number)
                    if result.status == 0:
                        # the commit point had passed: then it was finished
                        self.assertEqual(phase, "publish", result)
                        self.assertEqual(disk.generations()[2]["state"], "trial")
                    else:
                        self.assert_sentence(result, 1, ["nterrupted"], "")
                        self.assert_unchanged(disk, before, numbers)
                    self.assert_sound(disk)
                    self.assert_works(disk)

    def test_kills(self):
        for phase in PHASES:
            with self.subTest(phase=phase):
                disk = self.disk()
                before = disk.facts()
                result = self.interrupt(disk, phase, signal.SIGKILL)
                self.assertEqual(result.status, -signal.SIGKILL, result)
                self.assert_free(disk)
                self.assertEqual(disk.facts()["default"], before["default"])
                self.assert_works(disk)

    def test_signal_to_the_whole_group(self):
        disk = self.disk()
        before, numbers = disk.facts(), disk.numbers()
        process, progress = disk.start("run", "--", "sleep", "1000", start_new_session=True)
        for line in progress:
            if json.loads(line).get("phase") == "fill":
                break
        os.killpg(process.pid, signal.SIGINT)
        progress.close()
        out, err = process.communicate(timeout=60)
        self.assert_sentence(world.Result(process.returncode, out, err), 1, ["nterrupted"], "")
        self.assert_unchanged(disk, before, numbers)


class Killed(world.BadDay):
    """SIGKILL before the N-th call that makes something durable, for many N."""

    def assert_recovers(self, disk):
        """Whatever there is, the next command finds its way."""
        self.assert_free(disk)
        status = disk.moult("--json", "status").ok().json
        self.assertIn(status["next"]["id"], disk.generations(), status)
        disk.moult("repair").ok()
        again = disk.facts()
        disk.moult("repair").ok()
        self.assertEqual(disk.facts(), again)
        self.assert_sound(disk)
        self.assert_works(disk)

    def each(self, calls, wanted, words, prepare=None, recovers=None):
        """Kill a run at many places, each on a fresh disk."""
        disk, recovers = self.disk(), recovers or self.assert_recovers
        if prepare:
            prepare(disk)
        prepared = world.made.place / f"{self.id().rpartition('.')[2]}-prepared.img"
        cache.copy(disk.path, prepared)
        self.addCleanup(prepared.unlink)
        counts = count_calls(disk, calls, *words)
        self.assertGreater(sum(counts.values()), 3)
        for call, number in spread(counts, wanted):
            with self.subTest(call=call, number=number, of=counts[call]):
                disk.path.unlink()
                cache.copy(prepared, disk.path)
                last = disk.numbers()
                result = disk.moult(*words, around=killed_at(call, number))
                self.assertNotEqual(result.status, 0, result)
                for now, then in zip(disk.numbers(), last):
                    self.assertGreaterEqual(now, then)
                recovers(disk)

    def test_run(self):
        self.each(WRITES if ALL else SYNCS, 90 if ALL else 9, ("run", "--", "true"))

    def test_rollback(self):
        self.each(SYNCS, 60 if ALL else 6, world.TO_ORIGINAL,
                  lambda disk: disk.moult("run", "--", "true").ok())

    def test_rollback_to_one_on_trial(self):
        self.each(SYNCS, 60 if ALL else 6, ("rollback", "1"),
                  lambda disk: disk.moult("run", "--", "true").ok())

    def test_cleanup(self):
        def prepare(disk):
            for _ in range(3):
                disk.moult("run", "--continue", "--", "true").ok()

        self.each(WRITES, 60 if ALL else 5, ("cleanup",), prepare)

    def assert_undone(self, disk):
        """Undone or not: it can be, and init works after it."""
        disk.moult("repair").ok()
        self.assert_sound(disk)
        disk.moult("init", "--undo").ok()
        status = disk.moult("--json", "status").ok().json
        self.assertEqual((status["current"]["id"], status["next"]["id"]), (0, 0))
        disk.moult("init").ok()
        self.assert_recovers(disk)

    def test_undo(self):
        self.each(SYNCS, 60 if ALL else 5, ("init", "--undo"), recovers=self.assert_undone)


class Adoption(world.BadDay):
    """init killed anywhere: the original boots as before, and init goes on."""

    def original(self, disk):
        """What its owner has: the root, and what the loader reads."""
        with disk.pool(read_only=True) as top:
            return world.tree(top / "@rootfs"), world.boot_files(disk.path)

    def assert_original(self, disk, before):
        """Untouched, and until loader.conf is ours, so is all it boots from."""
        root, boot = self.original(disk)
        self.assertEqual(root, before[0])
        kept = {path: boot.get(path) for path in before[1] if path != "/loader/random-seed"}
        was = {path: before[1][path] for path in kept}
        if kept["/loader/loader.conf"] != was["/loader/loader.conf"]:
            kept.pop("/loader/loader.conf")
            was.pop("/loader/loader.conf")
            self.assertIn("/loader/entries/moult-000000.conf", boot)
        self.assertEqual(kept, was)

    def test_killed_anywhere(self):
        disk = self.disk("fresh")
        before = self.original(disk)
        counts = count_calls(disk, SYNCS, "init")
        self.assert_original(disk, before)
        for call, number in spread(counts, 30 if ALL else 5):
            with self.subTest(call=call, number=number, of=counts[call]):
                disk.path.unlink()
                cache.copy(world.made("fresh"), disk.path)
                result = disk.moult("init", around=killed_at(call, number))
                self.assertNotEqual(result.status, 0, result)
                self.assert_free(disk)
                self.assert_original(disk, before)
                result = disk.moult("init")
                if result.status != 0:
                    self.assert_sentence(result, 1, ["adopted already"], "")
                    disk.moult("repair").ok()
                self.assert_original(disk, before)
                self.assert_sound(disk)
                self.assert_works(disk)

    def test_undo(self):
        disk = self.disk("fresh")
        root, boot = self.original(disk)
        default = disk.facts()["default"]
        disk.moult("init").ok()
        for _ in range(2):
            disk.moult("init", "--undo").ok()
            self.assertEqual(disk.facts()["default"], default)
            now = self.original(disk)
            self.assertEqual(now[0], root)
            self.assertEqual({path: now[1].get(path) for path in boot if "random" not in path},
                             {path: boot[path] for path in boot if "random" not in path})
            entries = [path for path in now[1] if path.startswith("/loader/entries/moult-")]
            self.assertEqual([e for e in entries if not e.endswith("moult-000000.conf")], [])
            self.assertEqual(disk.generations()[1]["state"], "built")
            for words in (["upgrade"], ["run", "--", "true"], ["rollback", "1"]):
                self.refused(disk, *words, says=("the adoption was undone",),
                             tries="sudo moult .*init")
            disk.moult("repair").ok()
            self.assertEqual(self.original(disk), now)
        last = disk.numbers()
        result = disk.moult("init").ok()
        self.assertIn("before the adoption was undone", " ".join((result.out + result.err).split()))
        self.assertGreater(disk.numbers()[1], last[1])
        status = disk.moult("--json", "status").ok().json
        self.assertEqual((status["current"]["id"], status["next"]["id"]), (0, 1))
        self.assert_sound(disk)
        self.assert_works(disk)

    def test_interrupted_by_hand(self):
        disk = self.disk("fresh")
        before = self.original(disk)
        process, progress = disk.start("init")
        for line in progress:
            if json.loads(line).get("what"):
                break
        process.send_signal(signal.SIGINT)
        progress.close()
        out, err = process.communicate(timeout=60)
        result = world.Result(process.returncode, out, err)
        self.assertIn(result.status, (0, 1))
        self.assert_free(disk)
        self.assert_original(disk, before)
        if result.status:
            self.assertIn("nterrupted", result.err)
            disk.moult("init").ok()
        self.assert_sound(disk)


class Two(world.BadDay):
    """Two moults at once."""

    def held(self, *words):
        """A moult that holds the disk until its standard input is closed."""
        return [world.MOULT, *map(str, words), "run", "--", "sh", "-c",
                "echo held >&2; sleep 1000"]

    def start(self, words):
        """Start one and wait until it is at work."""
        ours, theirs = os.pipe()
        words = [words[0], *words[1:]]
        words[words.index("run") + 1:words.index("run") + 1] = ["--progress-fd", str(theirs)]
        process = subprocess.Popen(words, text=True, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   pass_fds=(theirs,))
        os.close(theirs)
        progress = os.fdopen(ours)
        for line in progress:
            if json.loads(line).get("phase") == "fill":
                break
        return process, progress

    def stop(self, process, progress):
        """Interrupt it."""
        process.send_signal(signal.SIGTERM)
        progress.close()
        process.communicate(timeout=60)

    def test_on_an_image(self):
        disk = self.disk()
        before, numbers = disk.facts(), disk.numbers()
        process, progress = self.start(self.held("--sysroot", disk.path))
        try:
            for words in (["run", "--", "true"], world.TO_ORIGINAL, ["repair"]):
                with self.subTest(words=words):
                    result = disk.moult(*words)
                    self.assert_sentence(result, 75, [disk.path.name, "in use"], "")
        finally:
            self.stop(process, progress)
        self.assert_unchanged(disk, before, numbers)
        self.assert_works(disk)

    def test_on_a_mounted_system(self):
        disk = self.disk()
        before, numbers = disk.facts(), disk.numbers()
        with disk.pool() as top, image.loop(disk.path, image.esp(disk.path)) as esp:
            where = ("--sysroot", top, "--esp", esp)
            process, progress = self.start(self.held(*where))
            try:
                for words in (["run", "--", "true"], world.TO_ORIGINAL, ["repair"]):
                    with self.subTest(words=words):
                        done = subprocess.run([world.MOULT, *map(str, where), *words], text=True,
                                              capture_output=True, check=False)
                        result = world.Result(done.returncode, done.stdout, done.stderr)
                        self.assert_sentence(result, 75, ["moult is busy", "'moult run' since"],
                                             "moult .*status")
                # looking takes no lock
                done = subprocess.run([world.MOULT, *map(str, where), "list"], check=False)
                self.assertEqual(done.returncode, 0)
            finally:
                self.stop(process, progress)
        self.assert_unchanged(disk, before, numbers)

    def test_at_the_same_moment(self):
        disk = self.disk()
        first = [disk.start("run", "--replace", "--", "true") for _ in range(4)]
        statuses = []
        for process, progress in first:
            progress.close()
            out, err = process.communicate(timeout=120)
            statuses.append(process.returncode)
            if process.returncode:
                self.assert_sentence(world.Result(process.returncode, out, err), 75, ["in use"],
                                     "")
        self.assertIn(0, statuses)
        self.assert_sound(disk)
        self.assert_works(disk)


class Numbers(world.BadDay):
    """What is kept, what goes, and numbers that are never used twice."""

    def test_cleanup(self):
        disk = self.disk()
        for _ in range(4):
            disk.moult("run", "--continue", "--", "sh", "-c", "date +%N >>/etc/stamp").ok()
        disk.moult("pin", "3", "kept").ok()
        last = disk.numbers()
        disk.moult("cleanup").ok()
        self.assertEqual(sorted(disk.generations()), [0, 1, 3, 5])
        self.assert_sound(disk)
        facts = disk.facts()
        self.assertNotIn("@gens/2", " ".join(facts["subvolumes"]))
        self.assertEqual([path for path in facts["boot"] if "000002" in path], [])
        for number in (2, 4):
            result = disk.moult("show", number)
            self.assert_sentence(result, 1, [f"{number}"], "")
        disk.moult("cleanup").ok()
        self.assertEqual(sorted(disk.generations()), [0, 1, 3, 5])
        disk.moult("run", "--continue", "--", "true").ok()
        self.assertEqual(sorted(disk.generations()), [0, 1, 3, 5, 6])
        self.assertGreater(disk.numbers()[1], last[1])
        disk.moult(*world.TO_ORIGINAL).ok()
        disk.moult("unpin", "kept").ok()
        disk.moult("cleanup").ok()
        # it can still be wanted: it was not given up, only taken out of the menu
        self.assertEqual(sorted(disk.generations()), [0, 1, 6])
        disk.moult("run", "--replace", "--", "true").ok()
        disk.moult("cleanup").ok()
        self.assertEqual(sorted(disk.generations()), [0, 1, 7])

    def test_discarded_numbers(self):
        disk = self.disk()
        serials = {disk.generations()[1]["serial"]}
        for number in range(2, 6):
            self.failed(disk, "run", "--replace", "--", "false", says=("false",), tries="")
            last = disk.numbers()
            disk.moult("run", "--replace", "--", "true").ok()
            newest = max(disk.generations())
            self.assertEqual(newest, 2 * number - 1)
            self.assertGreater(newest, last[0])
            serial = disk.generations()[newest]["serial"]
            self.assertNotIn(serial, serials)
            self.assertEqual(serial, max(serials | {serial}))
            serials.add(serial)


if __name__ == "__main__":
    unittest.main(verbosity=2)
