"""The units as systemd reads them in a real Debian root: no error, no warning, no cycle."""

import shutil
import subprocess
import unittest

import container


FIRST_MOUNT = """[Unit]
Requires=moult-carve.service
After=moult-carve.service
Before=local-fs.target
[Mount]
What=/dev/disk/by-uuid/1234
Where=/var
Type=btrfs
Options=subvol=@var
"""


class Verify(unittest.TestCase):
    """Scenarios share one unpacked root."""

    @classmethod
    def setUpClass(cls):
        cls.root = cls.enterClassContext(container.debian(container.SUITE))
        container.write(cls.root, "usr/bin/moult", "#!/bin/sh\n", 0o755)

    def inside(self, *words, command_line=container.TRIAL):
        """Run a program in the root, with a /proc and a /run of its own; returns what it says."""
        # Bound to itself: systemd 257 wants / to be a mount before it runs generators.
        script = ('mount --rbind "$0" "$0" && mount -t proc proc "$0/proc" && '
                  'mount -t tmpfs tmpfs "$0/run" && mount -t tmpfs tmpfs "$0/tmp" && '
                  'exec chroot "$0" "$@"')
        done = subprocess.run(
            ["unshare", "--mount", "--pid", "--fork", "sh", "-c", script, self.root, *words],
            check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={"PATH": "/usr/sbin:/usr/bin", "SYSTEMD_PROC_CMDLINE": command_line})
        return done.returncode, done.stdout

    def units(self):
        """The names of all units that moult installs."""
        folder = container.tree() / "usr/lib/systemd/system"
        names = sorted(path.name for path in folder.iterdir() if path.is_file())
        return [name.replace("@.", "@health.") for name in names]

    def test_units(self):
        status, said = self.inside("systemd-analyze", "verify", "--man=no", *self.units())
        ours = [line for line in said.splitlines() if "moult" in line or "cycle" in line]
        self.assertEqual((ours, status), ([], 0), said)

    def test_whole_boot_with_the_generator(self):
        status, said = self.inside("systemd-analyze", "verify", "--man=no", "--generators=yes",
                                   "default.target", "emergency.target", "rescue.target")
        ours = [line for line in said.splitlines() if "moult" in line or "cycle" in line]
        self.assertEqual((ours, status), ([], 0), said)

    def test_a_first_boot_parts_data_before_it_is_mounted(self):
        container.write(self.root, "usr/lib/sysimage/moult-first-mounts/var.mount", FIRST_MOUNT)
        self.addCleanup(shutil.rmtree, self.root / "usr/lib/sysimage/moult-first-mounts")
        generator = "/usr/lib/systemd/system-generators/moult-generator"
        places = "/tmp/1 /tmp/2 /tmp/3"
        said = self.inside("sh", "-c", f"mkdir {places}; {generator} {places}; cd /tmp; "
                           "find 1 2 3 -type f -o -type l; cat 3/var.mount")[1]
        for name in ("1/local-fs.target.requires/moult-carve.service", "3/var.mount",
                     "3/local-fs.target.requires/var.mount", "2/systemd-bless-boot.service"):
            self.assertIn(name, said.splitlines())
        self.assertTrue(said.endswith(FIRST_MOUNT))
        self.assertNotIn("carve", self.inside("sh", "-c", f"mkdir {places}; {generator} {places}; "
                                              "find /tmp", command_line="moult.gen=1")[1])
        status, said = self.inside("systemd-analyze", "verify", "--man=no", "--generators=yes",
                                   "default.target")
        ours = [line for line in said.splitlines() if "moult" in line or "cycle" in line]
        self.assertEqual((ours, status), ([], 0), said)

    def ordered(self, unit, key):
        """The units that a unit names in its Before= or After=."""
        text = (self.root / "usr/lib/systemd/system" / unit).read_text(encoding="utf-8")
        return {name for line in text.splitlines() if line.startswith(f"{key}=")
                for name in line.partition("=")[2].split()}

    def test_devices_do_not_wait_until_data_is_parted(self):
        late = self.ordered("moult-carve.service", "Before")
        for unit in ("systemd-udevd.service", "systemd-udev-trigger.service"):
            self.assertEqual(late & (self.ordered(unit, "After") | {unit}), set())

    def test_generator_ends_with_the_trial(self):
        places = ["/tmp/1", "/tmp/2", "/tmp/3"]
        script = ("mkdir %s; test -z \"$0\" || { mkdir /run/moult; touch /run/moult/blessed; }; "
                  "/usr/lib/systemd/system-generators/moult-generator %s; find %s -type f"
                  % ((" ".join(places),) * 3))
        self.assertIn("emergency.service", self.inside("sh", "-c", script, "")[1])
        self.assertEqual(self.inside("sh", "-c", script, "blessed"), (0, ""))

    def test_emergency_texts_are_whole(self):
        script = ("mkdir /tmp/1 /tmp/2 /tmp/3; "
                  "/usr/lib/systemd/system-generators/moult-generator /tmp/1 /tmp/2 /tmp/3; "
                  "systemd-analyze verify --man=no /tmp/2/emergency.service /tmp/2/rescue.service")
        status, said = self.inside("sh", "-c", script)
        self.assertEqual((status, said), (0, ""))


if __name__ == "__main__":
    unittest.main()
