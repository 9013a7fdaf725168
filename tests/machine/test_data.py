#!/usr/bin/python3
"""The machine's data, as programs in the stage see it and as they want to change it.

On the shipped binary and on disks of real machines that are off; see world.py.
"""

import contextlib
import json
import os
import subprocess
import unittest

import world
from rig.command import call
from world import MOULT, NAME, NEW, tearDownModule  # noqa: F401

MIB = 1 << 20


def must_fail(*commands):
    """Lines of shell under -e: none of these commands may succeed."""
    return [f"if {command}; then exit 9; fi" for command in commands]


def names(top):
    """Everything below a directory."""
    return sorted(str(path.relative_to(top)) for path in top.rglob("*"))


class Stacked(world.BadDay):
    """One pending generation upon another: the last one brings what all of them were to bring."""

    def run_on(self, disk, *lines, accept=False):
        """A generation upon the pending one, by a few lines of shell."""
        words = ["--accept", "DATA_CHANGE"] if accept else []
        return disk.moult("run", "--continue", *words, "--", "sh", "-ec", "\n".join(lines))

    def changes(self, disk, number):
        """The accepted changes of a generation: {(path, kind)}."""
        document = json.loads(disk.read(f"@gens/{number}/replay.json"))
        return {(f"{volume['mount_point']}/{change['path']}", change["kind"])
                for volume in document["volumes"] for change in volume["changes"]}

    def test_new_data_goes_on(self):
        disk = self.disk()
        self.run_on(disk, "useradd -m bob", "mkdir /var/lib/newd", "echo x >/var/lib/newd/db",
                    "chmod 0640 /var/lib/newd/db; chown bob /var/lib/newd/db").ok()
        with disk.pool() as top:
            os.setxattr(top / "@gens/2/replay/@var/lib/newd/db", "user.k", b"v")
        self.run_on(disk, "id bob", "[ $(stat -c %U /home/bob) = bob ]", "ls /home/bob/.profile",
                    "grep x /var/lib/newd/db", "echo y >/var/lib/newd/more",
                    f"[ $(cat /var/lib/{NAME}/db) = 1 ]").ok()
        self.run_on(disk, "grep y /var/lib/newd/more", "rm /home/bob/.bashrc",
                    "mv /var/lib/newd/more /var/lib/newd/moved").ok()
        with disk.pool(read_only=True) as top:
            first, third = top / "@gens/2/replay", top / "@gens/4/replay"
            self.assertEqual(names(third / "@var"),
                             ["lib", "lib/newd", "lib/newd/db", "lib/newd/moved"])
            self.assertEqual(set(names(first / "@home")) - set(names(third / "@home")),
                             {"bob/.bashrc"})
            for path in ("@var/lib/newd", "@home/bob/.profile", "@var/lib/newd/db"):
                was, now = (first / path).lstat(), (third / path).lstat()
                self.assertEqual((was.st_mode, was.st_uid, was.st_gid),
                                 (now.st_mode, now.st_uid, now.st_gid), path)
                self.assertTrue(now.st_mtime_ns == was.st_mtime_ns or path.endswith("newd"), path)
            self.assertEqual(os.getxattr(third / "@var/lib/newd/db", "user.k"), b"v")
            for path in third.rglob("*"):
                self.assertEqual([name for name in os.listxattr(path, follow_symlinks=False)
                                  if name.startswith("trusted.overlay")], [], path)
            for left in ("overlay", "data-lower", "empty"):
                self.assertFalse((top / "@gens/4" / left).exists())
            self.assertFalse((top / "@var/lib/newd").exists())
        self.assertEqual(self.changes(disk, 4), set())
        self.assert_sound(disk)

    def test_accepted_changes_go_on(self):
        disk = self.disk()
        with disk.pool() as top:
            (top / f"@var/lib/{NAME}/dir").mkdir()
            (top / f"@var/lib/{NAME}/dir/inner").write_text("i\n")
            (top / f"@var/lib/{NAME}/old").write_text("o\n")
            (top / f"@var/lib/{NAME}/mode").write_text("m\n")
        lines = [f"cd /var/lib/{NAME}", "echo 2 >db", "rm old", "chmod 0600 mode", "rm -r dir",
                 "mkdir dir", "echo f >dir/fresh"]
        self.assertEqual(self.run_on(disk, *lines).status, 3)
        self.run_on(disk, *lines, accept=True).ok()
        accepted = {(f"/var/lib/{NAME}/{name}", kind) for name, kind in (
            ("db", "changed"), ("mode", "changed"), ("old", "removed"), ("dir", "removed"))}
        last_id, _ = disk.numbers()
        self.assertEqual(self.changes(disk, last_id), accepted)
        # what was accepted once is there, and is not asked about again
        looks = [f"cd /var/lib/{NAME}", "grep 2 db", "[ ! -e old ]", "[ $(ls dir) = fresh ]",
                 "[ $(stat -c %a mode) = 600 ]"]
        self.run_on(disk, *looks, "echo n >new").ok()
        self.run_on(disk, *looks, "grep n new").ok()
        self.assertEqual(self.changes(disk, last_id + 2), accepted)
        with disk.pool(read_only=True) as top:
            tree = top / f"@gens/{last_id + 2}/replay/@var/lib/{NAME}"
            self.assertEqual(names(tree), ["db", "dir", "dir/fresh", "mode", "new"])
            self.assertEqual((tree / "db").read_text(), "2\n")
        # but anything more is
        self.failed(disk, "run", "--continue", "--", "sh", "-c", f"echo 3 >/var/lib/{NAME}/db",
                    status=3, says=("DATA_CHANGE", f"/var/lib/{NAME}/db"),
                    tries="sudo moult .*run --continue --accept DATA_CHANGE -- COMMAND")
        self.failed(disk, "run", "--continue", "--", "rm", f"/var/lib/{NAME}/db", status=3,
                    says=("DATA_CHANGE", f"/var/lib/{NAME}/db"), tries="")
        for name in ("db", "old", "mode", "dir/inner"):
            disk.read(f"@var/lib/{NAME}/{name}")
        self.assertEqual(disk.read(f"@var/lib/{NAME}/db"), "1\n")
        self.assert_sound(disk)

    def test_what_the_data_has_by_now_is_not_hidden(self):
        disk = self.disk()
        self.run_on(disk, "mkdir /var/lib/newd /var/lib/other", "echo ours >/var/lib/newd/db",
                    "echo ours >/var/lib/newd/more", "echo ours >/var/lib/other/file").ok()
        with disk.pool() as top:
            (top / "@var/lib/newd").mkdir(mode=0o700)
            (top / "@var/lib/newd/db").write_text("its own\n")
            (top / "@var/lib/other").write_text("a file\n")
        self.run_on(disk, "grep own /var/lib/newd/db", "grep ours /var/lib/newd/more",
                    "[ $(stat -c %a /var/lib/newd) = 700 ]", "grep file /var/lib/other").ok()
        with disk.pool(read_only=True) as top:
            self.assertEqual(names(top / "@gens/3/replay/@var"),
                             ["lib", "lib/newd", "lib/newd/more"])

    def test_an_upgrade_upon_a_command(self):
        disk = self.disk()
        disk.moult("run", "--", "sh", "-c", "mkdir /srv/site; echo s >/srv/site/index").ok()
        with disk.pool() as top:
            world.make_deb(top / "@srv/repo", NEW, postinst="set -e; grep s /srv/site/index; "
                                                            "mkdir /var/lib/newd")
            world.index(top / "@srv/repo")
        disk.moult("upgrade", "--continue").ok()
        with disk.pool(read_only=True) as top:
            self.assertEqual(names(top / "@gens/3/replay/@srv"), ["site", "site/index"])
            self.assertTrue((top / "@gens/3/replay/@var/lib/newd").is_dir())
        # made anew from the current one it has nothing of it
        disk.moult("run", "--replace", "--", "sh", "-c", "[ ! -e /srv/site ]").ok()
        with disk.pool(read_only=True) as top:
            self.assertFalse((top / "@gens/4/replay.json").exists())


class Remedies(world.BadDay):
    """The command that helps is the one that was typed, and more."""

    def test_shell(self):
        disk = self.disk()
        done = subprocess.run(disk.words("shell"), input=f"echo 2 >/var/lib/{NAME}/db\nexit 0\n",
                              text=True, capture_output=True, check=False, timeout=100)
        result = world.Result(done.returncode, done.stdout, done.stderr)
        self.assertEqual(result.status, 3, result)
        self.assertRegex(result.err, r"(?m)^ *try: sudo moult .*shell --accept DATA_CHANGE$")


class Fstab(world.BadDay):
    """Lines of fstab whose data the stage cannot have."""

    def with_lines(self, *lines):
        """A disk with more lines in the fstab of its current generation."""
        disk = self.disk()
        fstab = disk.read("@gens/1/root/etc/fstab")
        pool = next(line for line in fstab.splitlines() if " /home " in line).split()[0]
        disk.write("@gens/1/root", {"etc/fstab": fstab + "".join(
            f"{line.format(pool=pool)}\n" for line in lines)})
        return disk

    def test_missing_subvolumes_that_may_be_missing(self):
        disk = self.with_lines("{pool} /srv/a btrfs subvol=@gone,noauto 0 0",
                               "{pool} /srv/b btrfs subvol=@lost,nofail 0 0",
                               "{pool} /mnt/c btrfs subvol=@away,nofail 0 0")
        result = disk.moult("run", "--", "sh", "-ec", "\n".join([
            "touch /srv/a", *must_fail("touch /srv/b/x", "touch /mnt/c/x")])).ok()
        self.assertIn("no data subvolume '@lost'", " ".join(result.err.split()))
        self.assertNotIn("no data subvolume '@gone'", " ".join(result.err.split()))
        with disk.pool(read_only=True) as top:
            self.assertEqual(names(top / "@gens/2/root/mnt"), ["c"])

    def test_missing_subvolume_that_must_be_there(self):
        disk = self.with_lines("{pool} /srv/b btrfs subvol=@lost 0 0")
        self.refused(disk, "run", "--", "true", says=("'@lost'", "no such subvolume"),
                     tries="sudoedit /etc/fstab")

    def test_data_from_elsewhere(self):
        disk = self.with_lines("server:/export /home/far nfs defaults,nofail 0 0",
                               "LABEL=db /var/lib/db ext4 defaults,nofail 0 0",
                               "LABEL=log /var/log ext4 defaults,nofail 0 0",
                               "{pool} /var/lib/db/deep btrfs subvol=@deep 0 0")
        with disk.pool() as top:
            call("btrfs", "subvolume", "create", top / "@deep")
        result = disk.moult("run", "--", "sh", "-ec", "\n".join([
            *must_fail("mkdir /home/far/x", "touch /var/lib/db/x"), "useradd -m bob",
            "echo l >/var/log/line", "echo d >/var/lib/db/deep/x"])).ok()
        self.assertIn("'server:/export' on /home/far", result.out + result.err)
        self.assertIn("'LABEL=db' on /var/lib/db", result.out + result.err)
        self.assertNotIn("LABEL=log", result.out + result.err)
        with disk.pool(read_only=True) as top:
            made = top / "@gens/2"
            self.assertEqual(names(made / "root/home") + names(made / "root/var"), [])
            self.assertTrue((made / "replay/@home/bob").is_dir())
            self.assertEqual(names(made / "replay/@deep"), ["x"])
            self.assertEqual((made / "log/line").read_text(), "l\n")

    def test_var_from_elsewhere(self):
        disk = self.disk()
        fstab = disk.read("@gens/1/root/etc/fstab").splitlines(keepends=True)
        disk.write("@gens/1/root", {"etc/fstab": "".join(
            "LABEL=var /var ext4 defaults,nofail 0 0\n" if " /var " in line else line
            for line in fstab)})
        self.failed(disk, "run", "--", "true", says=("'LABEL=var' on /var", "packages"),
                    tries="sudoedit /etc/fstab")


class Swap(world.BadDay):
    """Swap files that are in use."""

    @contextlib.contextmanager
    def swapping(self, path):
        """A swap file that the kernel uses, for a while."""
        path.touch(mode=0o600)
        call("chattr", "+C", path)
        path.write_bytes(bytes(4 * MIB))
        call("mkswap", path)
        call("swapon", path)
        try:
            yield
        finally:
            call("swapoff", path)

    def run_there(self, disk, top):
        """A generation on a disk that is mounted."""
        words = [MOULT, "--sysroot", str(top), "--esp", str(disk.path), "run", "--", "sh", "-ec"]
        done = subprocess.run([*words, *must_fail("touch /swap/x")], text=True, check=False,
                              capture_output=True, stdin=subprocess.DEVNULL,
                              timeout=world.TIMEOUT)
        return world.Result(done.returncode, done.stdout, done.stderr)

    def test_in_data_that_fstab_says_nothing_of(self):
        disk = self.disk()
        with disk.pool() as top:
            with self.swapping(top / "@var/pages"):
                result = self.run_there(disk, top)
                self.assert_sentence(result, 1, (f"{top}/@var/pages", "'@var'", "snapshot"),
                                     f"sudo swapoff {top}/@var/pages")
            self.assertEqual(sorted(path.name for path in (top / "@gens").iterdir()
                                    if path.name.isdigit()), ["0", "1"])

    def test_where_it_belongs(self):
        disk = self.disk()
        fstab = disk.read("@gens/1/root/etc/fstab")
        line = next(line for line in fstab.splitlines() if " /home " in line)
        line = line.replace("/home", "/swap").replace("@home", "@swap")
        disk.write("@gens/1/root", {
            "etc/fstab": f"{fstab}{line}\n/swap/pages none swap sw 0 0\n"})
        with disk.pool() as top:
            call("btrfs", "subvolume", "create", top / "@swap")
            (top / "@gens/1/root/swap").mkdir()
            with self.swapping(top / "@swap/pages"):
                self.run_there(disk, top).ok()
            self.assertEqual(names(top / "@gens/2/root/swap"), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
