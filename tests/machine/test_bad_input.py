#!/usr/bin/python3
"""Bad packages, settings, documents and clocks: each is refused or survived, with its reason.

On the shipped binary and on disks of real machines that are off; see world.py.
"""

import json
import os
import unittest

import world
from rig.command import call
from world import NAME, NEW, OLD, tearDownModule  # noqa: F401

STATUS = "usr/lib/sysimage/dpkg/status"
SETTINGS = "etc/moult/moult.yaml"
# A clock of 1970 cannot be had from the kernel: CLOCK_REALTIME is in no namespace, and setting it
# would move this machine's. So the C library's calls are replaced in the one process.
CLOCK = """
#define _GNU_SOURCE
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <sys/syscall.h>
int clock_gettime(clockid_t id, struct timespec *now)
{
	int r = syscall(SYS_clock_gettime, id, now);
	if (r == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		now->tv_sec = 7;
	return r;
}
int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	(void)zone;
	*now = (struct timeval){7, 0};
	return 0;
}
time_t time(time_t *now)
{
	if (now)
		*now = 7;
	return 7;
}
"""


class Packages(world.BadDay):
    """Upgrades that the package manager or a package's script makes fail."""

    def offer(self, disk, **scripts):
        """The archive has a new version of the package, with these maintainer scripts."""
        with disk.pool() as top:
            folder = top / "@srv/repo"
            world.make_deb(folder, NEW, **scripts)
            world.index(folder)

    def database(self, disk):
        """What the live data of the package is."""
        return disk.read(f"@var/lib/{NAME}/db")

    def test_upgrade(self):
        disk = self.disk()
        self.offer(disk)
        document = disk.moult("--json", "upgrade").ok().json
        self.assertEqual([(p["name"], p["from"], p["to"]) for p in document["packages"]],
                         [(NAME, OLD, NEW)])
        self.assertEqual(disk.read(f"@gens/2/root/usr/share/{NAME}/version"), f"{NEW}\n")
        self.assertEqual(disk.read(f"@gens/1/root/usr/share/{NAME}/version"), f"{OLD}\n")
        self.assert_sound(disk)

    def test_plan(self):
        disk = self.disk()
        self.offer(disk)
        document = disk.moult("--json", "plan").ok().json
        self.assertEqual([(p["name"], p["from"], p["to"]) for p in document["packages"]],
                         [(NAME, OLD, NEW)])
        self.assertGreater(document["space"]["data_free"], 0)
        # a file: archive is read in place, and apt names it with its size all the same
        self.assertGreater(document["space"]["download"], 0)
        self.assertIn("/home", document["not_rolled_back"])
        disk.moult("upgrade").ok()
        document = disk.moult("--json", "plan", "rollback", "0").ok().json
        self.assertEqual((document["from"], document["to"]), (0, 0))
        self.assertEqual((document["not_rolled_back"], document["accept"]), ([], ["ORIGINAL_DATA"]))
        self.assert_sentence(disk.moult("rollback", "0"), 3, ["as they were at the adoption"],
                             ".* rollback 0 --accept ORIGINAL_DATA")
        self.assert_sound(disk)

    def test_nothing_to_upgrade(self):
        disk = self.disk()
        self.assertIn("nothing to upgrade", disk.moult("upgrade").ok().out.lower())
        self.assertEqual(disk.moult("upgrade", "--unchanged-exit-77").status, 77)

    def test_archive_refuses(self):
        disk = self.disk()
        disk.write("@gens/1/root", {
            "etc/apt/sources.list": "deb http://127.0.0.1:9/debian bookworm main\n"})
        result = self.failed(disk, "upgrade", says=("127.0.0.1",), tries="")
        self.assertIn("refused", result.err)
        self.assert_works(disk)

    def test_archive_has_no_name(self):
        disk = self.disk()
        disk.write("@gens/1/root", {
            "etc/apt/sources.list": "deb http://archive.invalid/debian bookworm main\n"})
        self.failed(disk, "upgrade", says=("archive.invalid",), tries="")

    def test_no_sources(self):
        disk = self.disk()
        disk.write("@gens/1/root", {"etc/apt/sources.list": ""})
        result = disk.moult("upgrade")
        self.assertIn(result.status, (0, 1), result)
        self.assert_sound(disk)

    def test_half_configured(self):
        disk = self.disk()
        before = disk.read(f"@gens/1/root/{STATUS}")
        start = before.index(f"Package: {NAME}\n")
        after = before[:start] + before[start:].replace("install ok installed",
                                                        "install ok half-configured", 1)
        disk.write("@gens/1/root", {STATUS: after})
        for words in (["upgrade"], ["run", "--", "true"]):
            self.refused(disk, *words, says=(NAME, "half-configured"), tries="sudo ")

    def test_garbage_in_the_package_database(self):
        disk = self.disk()
        disk.write("@gens/1/root", {STATUS: os.urandom(4096)})
        self.refused(disk, "run", "--", "true", says=("dpkg",), tries="sudo ")

    def test_script_that_fails(self):
        for script in ("preinst", "postinst"):
            with self.subTest(script=script):
                disk = self.disk()
                self.offer(disk, **{script: "echo all is lost; exit 7"})
                result = self.failed(disk, "upgrade", says=(NAME,), tries="sudo moult .*log 2")
                self.assertIn("all is lost", result.err)
                self.assertIn("all is lost", disk.moult("log", "2").ok().out)
                self.assertEqual(self.database(disk), "1\n")
                self.assert_works(disk)

    def test_script_that_changes_data(self):
        disk = self.disk()
        self.offer(disk, postinst=f"echo 2 >/var/lib/{NAME}/db")
        self.failed(disk, "upgrade", status=3, says=("DATA_CHANGE", f"/var/lib/{NAME}/db"),
                    tries="sudo moult .*upgrade --accept DATA_CHANGE")
        self.assertEqual(self.database(disk), "1\n")
        disk.moult("upgrade", "--accept", "DATA_CHANGE").ok()
        self.assertEqual(self.database(disk), "1\n")
        self.assert_sound(disk)

    def test_command_that_fails(self):
        disk = self.disk()
        self.failed(disk, "run", "--", "sh", "-c", "echo so it goes; exit 3",
                    says=("status 3", "so it goes"), tries="sudo moult .*log 2")
        self.failed(disk, "run", "--", "no-such-program", says=("no-such-program",), tries="")
        self.failed(disk, "run", "--", "sh", "-c", "kill -9 $$", says=("sh",), tries="")

    def test_command_that_breaks_the_copy(self):
        disk = self.disk()
        for command, says in (("rm /boot/vmlinuz-*", ("kernel",)),
                              ("rm /boot/initrd.img-*", ("initrd",)),
                              ("rm /etc/fstab", ("/etc/fstab",)),
                              ("sed -i '/ \\/ /d' /etc/fstab", ("/etc/fstab",)),
                              ("rm /sbin/init /usr/sbin/init", ("init",)),
                              ("rm -r /usr/lib/modules/*", ("modules",)),
                              ("rm /usr/lib/sysimage/dpkg/status", ("package",))):
            with self.subTest(command=command):
                self.failed(disk, "run", "--", "sh", "-c", command, says=says, tries="")
        self.assert_works(disk)


    def test_command_that_removes_everything(self):
        disk = self.disk()
        command = ("--", "sh", "-c", "rm -rf --no-preserve-root / 2>/dev/null; true")
        self.failed(disk, "run", *command, status=3, says=("DATA_CHANGE", "/srv/repo"),
                    tries="sudo moult .*run --accept DATA_CHANGE")
        self.failed(disk, "run", "--accept", "DATA_CHANGE", *command, says=("kernel", "init"),
                    tries="")
        self.assertEqual(disk.read(f"@var/lib/{NAME}/db"), "1\n")
        self.assert_works(disk)


class Settings(world.BadDay):
    """moult.yaml that is wrong: file, line, key and what is allowed."""

    CASES = (
        ("version: 1\nfoo: 2\n", (f"/{SETTINGS}:2", "'foo'", "allowed there")),
        ("version: 1\ntries: many\n", (f"/{SETTINGS}:2", "'tries'", "1 to 9")),
        ("version: 1\nretention:\n  keep: -1\n", (f"/{SETTINGS}:3", "'retention.keep'")),
        ("version: 1\nretention:\n  keeps: 1\n", (f"/{SETTINGS}:3", "'retention.keeps'")),
        ("version: 2\n", (f"/{SETTINGS}:1", "'version'")),
        ("version: 1\nloader: [grub]\n", (f"/{SETTINGS}:2", "'loader'")),
        ("version: 1\n\tspace: 3\n", (f"/{SETTINGS}:2",)),
        ("- 1\n", (f"/{SETTINGS}",)),
        (b"\xff\xfe\0\0garbage", (f"/{SETTINGS}",)),
        ("version: 1\na: &a [*a]\n", (f"/{SETTINGS}",)),
        ("version: 1\n" + "[" * 100_000, (f"/{SETTINGS}",)),
    )

    def test_wrong_settings(self):
        disk = self.disk()
        for text, says in self.CASES:
            with self.subTest(text=text[:60]):
                disk.write("@rootfs", {SETTINGS: text})
                self.refused(disk, "run", "--", "true", says=says, tries="")

    def test_wrong_drop_in(self):
        disk = self.disk()
        disk.write("@rootfs", {"etc/moult/moult.d/mine.yaml": "tries: 0\n"})
        self.refused(disk, "upgrade", says=("/etc/moult/moult.d/mine.yaml:1", "'tries'"), tries="")

    def test_looking_and_going_back_work_all_the_same(self):
        disk = self.disk()
        disk.write("@rootfs", {SETTINGS: "version: 1\nfoo: 2\n"})
        for words in (["list"], ["status"], world.TO_ORIGINAL):
            with self.subTest(words=words):
                disk.moult(*words).ok()
        self.refused(disk, "cleanup", says=(f"/{SETTINGS}:2",), tries="man moult.yaml")
        codes = [f["code"] for f in disk.moult("--json", "check").json["findings"]]
        self.assertIn("SETTINGS", codes)


class Damage(world.BadDay):
    """Generations damaged by hand: shown as such, and nothing else suffers."""

    def make(self, disk, count):
        """So many generations, one upon the other."""
        for _ in range(count):
            disk.moult("run", "--continue", "--", "true").ok()

    def assert_damaged(self, disk, damaged):
        """Exactly these; the others are listed as they are, and the next one can be made."""
        states = {number: gen["state"] for number, gen in disk.generations().items()}
        self.assertEqual({number for number, state in states.items() if state == "damaged"},
                         set(damaged), states)
        result = disk.moult("list").ok()
        self.assertEqual(result.out.count("damaged"), len(damaged))
        findings = disk.moult("--json", "check").json["findings"]
        self.assertIn("GENERATION_DAMAGED", {finding["code"] for finding in findings})
        for number in damaged:
            disk.moult("show", number).ok()
            result = disk.moult("rollback", number)
            self.assert_sentence(result, 1, [f"generation {number}", "damaged"], "")
        # nothing can mend its documents, and repair does not claim to
        self.assert_sentence(disk.moult("repair"), 1,
                             ["what moult can do is done", f"generation {damaged[0]}", "damaged"],
                             "sudo moult .*check")
        last_id, _ = disk.numbers()
        disk.moult("run", "--replace", "--", "true").ok()
        self.assertEqual(disk.generations()[last_id + 1]["state"], "trial")
        disk.moult(*world.TO_ORIGINAL).ok()
        self.assertEqual(disk.moult("--json", "status").ok().json["next"]["id"], 0)

    def damage(self, path, content):
        """One document of generation 2, of 0 to 3."""
        disk = self.disk()
        self.make(disk, 2)
        disk.write("@gens/2", {path: content})
        self.assert_damaged(disk, [2])

    def test_truncated_state(self):
        self.damage("state.json", '{"format_version": 1, "min_rea')

    def test_empty_state(self):
        self.damage("state.json", "")

    def test_garbage_in_facts(self):
        self.damage("generation.json", os.urandom(512))

    def test_facts_missing(self):
        self.damage("generation.json", None)

    def test_huge_state(self):
        self.damage("state.json", "[" * (4 << 20))

    def test_wrong_types(self):
        self.damage("state.json", json.dumps({"format_version": 1, "min_reader": 1,
                                              "state": 7, "publications": "none"}))

    def test_root_deleted(self):
        disk = self.disk()
        self.make(disk, 2)
        with disk.pool() as top:
            call("btrfs", "subvolume", "delete", top / "@gens/2/root")
        self.assert_damaged(disk, [2])

    def test_strange_names(self):
        disk = self.disk()
        with disk.pool() as top:
            for name in ("007", "-1", "9999999999", "x", "3 4", ".x.tmp", ".99999999999.tmp"):
                (top / "@gens" / name).mkdir()
            (top / "@gens/5").write_text("a file\n")
            (top / "@gens/6").symlink_to("1")
        self.assertEqual([number for number in disk.generations() if number < 5], [0, 1])
        disk.moult(*world.TO_ORIGINAL).ok()

    def test_layout_lost(self):
        for content in ("", "{}", '{"format_version": 1, "min_reader": 1, "last_id": "x"}'):
            with self.subTest(content=content):
                disk = self.disk()
                disk.write("@gens", {"layout.json": content})
                self.assertEqual(sorted(disk.generations()), [0, 1])
                disk.moult(*world.TO_ORIGINAL).ok()
                disk.moult("repair").ok()
                self.assertEqual(disk.numbers()[0], 1)
                self.assert_works(disk)

    def test_layout_of_a_newer_moult(self):
        disk = self.disk()
        disk.write("@gens", {"layout.json": json.dumps(
            {"format_version": 9, "min_reader": 9, "last_id": 1, "last_serial": 1})})
        for words in (["run", "--", "true"], ["repair"]):
            self.refused(disk, *words, says=("@gens/layout.json", "newer moult"), tries="")

    def test_journal_damaged(self):
        disk = self.disk()
        with disk.pool() as top:
            with open(top / "@moult/journal", "ab") as journal:
                journal.write(os.urandom(4096) + b'\n{"torn')
        disk.moult("log").ok()
        disk.moult("status").ok()
        self.assert_works(disk)

    def test_loader_settings_lost(self):
        disk = self.disk()
        world.image.esp_remove(disk.path, "/loader/loader.conf")
        disk.moult("check")
        disk.moult("repair").ok()
        self.assert_sound(disk)

    def test_entries_lost(self):
        disk = self.disk()
        for name in world.image.esp_list(disk.path, "/loader/entries"):
            if name.startswith("moult-"):
                world.image.esp_remove(disk.path, f"/loader/entries/{name}")
        disk.moult("repair").ok()
        self.assert_sound(disk)
        self.assertEqual(disk.moult("--json", "status").ok().json["current"]["id"], 0)

    def test_kernel_damaged(self):
        disk = self.disk()
        for name in world.image.esp_list(disk.path, "/moult"):
            if name.endswith(".linux"):
                world.image.esp_write(disk.path, f"/moult/{name}", b"no kernel")
        findings = disk.moult("--json", "check").json["findings"]
        self.assertTrue([f for f in findings if f["level"] == "error"], findings)
        disk.moult("repair").ok()
        self.assert_sound(disk)


class Clock(world.BadDay):
    """A machine whose clock starts in 1970."""

    def test_clock_of_1970(self):
        library = world.made.place / "clock.so"
        source = world.made.place / "clock.c"
        source.write_text(CLOCK)
        call("cc", "-shared", "-fPIC", "-o", library, source)
        env = {**os.environ, "LD_PRELOAD": str(library)}
        disk = self.disk()
        for words in (["upgrade"], ["run", "--", "true"]):
            self.refused(disk, *words, says=("clock", "1970"), tries="sudo timedatectl", env=env)
        disk.moult("list", env=env).ok()
        disk.moult(*world.TO_ORIGINAL, env=env).ok()
        self.assertEqual(disk.moult("--json", "status").ok().json["next"]["id"], 0)
        self.assert_sound(disk)


if __name__ == "__main__":
    unittest.main(verbosity=2)
