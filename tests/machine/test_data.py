#!/usr/bin/python3
"""The machine's data, as programs in the stage see it and as they want to change it.

On the shipped binary and on disks of real machines that are off; see world.py.
"""

import contextlib
import subprocess
import unittest

import world
from rig.command import call
from world import MOULT, NAME, tearDownModule  # noqa: F401

MIB = 1 << 20


def must_fail(*commands):
    """Lines of shell under -e: none of these commands may succeed."""
    return [f"if {command}; then exit 9; fi" for command in commands]


def names(top):
    """Everything below a directory."""
    return sorted(str(path.relative_to(top)) for path in top.rglob("*"))


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
