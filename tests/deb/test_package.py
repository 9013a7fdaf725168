"""The Debian package: what is in it, what installing and purging it does to a real Debian root."""

import os
import pathlib
import platform
import re
import subprocess
import sys
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/units"))

import container  # noqa: E402

UNITS = "usr/lib/systemd/system/"
PROGRAMS = {
    "etc/update-motd.d/60-moult", "usr/bin/moult", "usr/lib/moult/warn-users",
    "usr/lib/systemd/system-generators/moult-generator", "usr/lib/moult/kernel-changed",
    "etc/kernel/postinst.d/zz-moult", "etc/kernel/postrm.d/zz-moult",
    "etc/initramfs/post-update.d/zz-moult", "usr/lib/systemd/system-shutdown/moult",
}
CONFFILES = {
    "/etc/moult/moult.yaml", "/etc/moult/health.d/README", "/etc/moult/hooks.d/README",
    "/etc/update-motd.d/60-moult", "/etc/apt/apt.conf.d/60moult-checkpoint",
    "/etc/apt/apt.conf.d/60moult-stale", "/etc/kernel/postinst.d/zz-moult",
    "/etc/kernel/postrm.d/zz-moult", "/etc/initramfs/post-update.d/zz-moult",
}
FILES = PROGRAMS | {path.lstrip("/") for path in CONFFILES} | {
    "etc/moult/moult.d/",
    UNITS + "moult-bless.service", UNITS + "moult-carve.service", UNITS + "moult-prune.service",
    UNITS + "multi-user.target.wants/moult-prune.service", UNITS + "moult-deadline.service",
    "usr/lib/systemd/system-shutdown/moult",
    UNITS + "moult-deadline.timer", UNITS + "moult-first-boot.service",
    UNITS + "moult-give-up@.service", UNITS + "moult-health.service",
    UNITS + "moult-kernel-changed.service",
    UNITS + "apt-daily-upgrade.service.d/50-moult.conf",
    UNITS + "unattended-upgrades.service.d/50-moult.conf",
    UNITS + "moult-late-edits.service", UNITS + "sysinit.target.wants/moult-late-edits.service",
    UNITS + "moult-reconcile.service", UNITS + "multi-user.target.wants/moult-reconcile.service",
    "usr/lib/tmpfiles.d/moult.conf",
    "usr/share/bash-completion/completions/moult", "usr/share/zsh/vendor-completions/_moult",
    "usr/share/fish/vendor_completions.d/moult.fish",
    "usr/share/man/man8/moult.8.gz", "usr/share/man/man5/moult.yaml.5.gz",
    "usr/share/doc/moult/copyright",
}
PLACES = ("etc/moult/", "etc/apt/apt.conf.d/60moult", "etc/update-motd.d/",
          "etc/kernel/postinst.d/zz-moult", "etc/kernel/postrm.d/zz-moult",
          "etc/initramfs/post-update.d/zz-moult", "usr/bin/", "usr/lib/moult/",
          "usr/lib/systemd/system", "usr/lib/tmpfiles.d/", "usr/share/")
# What apt, dpkg and systemd keep for themselves, and what is put together from other files.
NOT_COMPARED = re.compile(r"(proc|sys|dev|run|tmp|var/(cache|log|lib/(apt|dpkg|systemd))"
                          r"|etc/(ld\.so\.cache|resolv\.conf)|usr/sbin/policy-rc\.d)(/|$)")


def output(*words, **options):
    """What a program that must succeed prints."""
    done = subprocess.run([str(word) for word in words], check=False, text=True,
                          stdout=subprocess.PIPE, **options)
    if done.returncode != 0:
        raise AssertionError(f"{words}: exit status {done.returncode}\n{done.stdout[-3000:]}")
    return done.stdout


def build(place, **environment):
    """Build the package of this checkout."""
    output(TOP / "tools/build-deb", place, env={**os.environ, **environment})
    return next(pathlib.Path(place).glob("moult_*.deb"))


class Package(unittest.TestCase):
    """All cases look at one build."""

    @classmethod
    def setUpClass(cls):
        cls.scratch = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="moult-deb-"))
        cls.deb = build(cls.scratch + "/first")
        cls.control = cls.scratch + "/control"
        output("dpkg-deb", "--control", cls.deb, cls.control)

    def listing(self):
        """{path: (mode, owner)} of all that is in it."""
        lines = (line.split(None, 5) for line in output("dpkg-deb", "-c", self.deb).splitlines())
        return {line[5].split(" -> ")[0].removeprefix("./"): (line[0], line[1]) for line in lines}

    def test_holds_every_part(self):
        self.assertEqual(FILES - set(self.listing()), set())

    def test_is_owned_by_root_and_sets_no_ids(self):
        for path, (mode, owner) in self.listing().items():
            with self.subTest(path):
                self.assertEqual(owner, "root/root")
                self.assertNotRegex(mode, "[sStT]")
                if mode[0] == "-":
                    self.assertEqual(mode, "-rwxr-xr-x" if path in PROGRAMS else "-rw-r--r--")

    def test_stays_in_its_places(self):
        outside = [path for path in self.listing()
                   if path and not path.endswith("/") and not path.startswith(PLACES)]
        self.assertEqual(outside, [])

    def test_owners_files_are_conffiles(self):
        lines = pathlib.Path(self.control, "conffiles").read_text(encoding="utf-8").split("\n")
        self.assertEqual({line for line in lines if line}, CONFFILES)

    def test_scripts_enable_and_start_nothing(self):
        for name in ("preinst", "postinst", "prerm", "postrm"):
            script = pathlib.Path(self.control, name)
            if script.exists():
                said = re.findall(r"systemctl\s+(?!--system daemon-reload|daemon-reload)\S.*|"
                                  r"deb-systemd-\S+ .*|invoke-rc\.d.*|update-rc\.d.*",
                                  script.read_text(encoding="utf-8"))
                self.assertEqual(said, [], name)

    def test_lintian_has_nothing_to_say(self):
        done = subprocess.run(["lintian", "--allow-root", "--fail-on=error,warning", self.deb],
                              check=False, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_is_built_the_same_again(self):
        other = build(self.scratch + "/second", TZ="Pacific/Kiritimati", LC_ALL="C",
                      TMPDIR=self.enterContext(tempfile.TemporaryDirectory(dir="/var/tmp")))
        self.assertEqual(self.deb.read_bytes(), other.read_bytes())


class Install(unittest.TestCase):
    """Installed into a root that does not run, as a stage or an image would."""

    @classmethod
    def setUpClass(cls):
        scratch = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="moult-deb-"))
        deb = build(scratch)
        suite = platform.freedesktop_os_release()["VERSION_CODENAME"]  # whose libraries it needs
        cls.root = cls.enterClassContext(container.debian(suite, with_units=False))
        cls.before = cls.snapshot()
        output("cp", deb, cls.root / "tmp/moult.deb")
        output("cp", "--dereference", "/etc/resolv.conf", cls.root / "etc/resolv.conf")
        cls.inside("apt-get", "-q", "update")
        cls.said = cls.inside("apt-get", "-q", "-y", "--no-install-recommends", "install",
                              "/tmp/moult.deb")
        cls.after = cls.snapshot()

    @classmethod
    def inside(cls, *words):
        """Run a program in the root."""
        return output("unshare", "--mount", "sh", "-c",
                      'mount -t proc proc "$0/proc"; exec chroot "$0" "$@"', cls.root, *words,
                      stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                      env={**os.environ, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                           "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"})

    @classmethod
    def snapshot(cls):
        """{path: (mode, what it holds)} of the root."""
        found = {}
        for path in cls.root.rglob("*"):
            name = str(path.relative_to(cls.root))
            if not NOT_COMPARED.match(name):
                holds = (os.readlink(path) if path.is_symlink() else
                         path.read_bytes() if path.is_file() else None)
                found[name] = (path.lstat().st_mode, holds)
        return found

    def test_1_program_runs(self):
        self.assertRegex(self.inside("moult", "version"), r"^moult \d")

    def test_2_links_and_boot_files_are_as_before(self):
        changed = {name for name in self.before.keys() | self.after.keys()
                   if self.before.get(name) != self.after.get(name)}
        self.assertEqual({name for name in changed if name.startswith(("boot", "etc/systemd"))},
                         set())
        self.assertIn("etc/moult/moult.yaml", changed)

    def test_3_man_page_is_found(self):
        self.assertIn("moult.8.gz", self.inside("dpkg", "-L", "moult"))

    def hook(self, folder, *words, running=True, line="quiet moult.gen=7 moult.serial=12"):
        """Run a hook as dpkg would, with a systemctl that only writes down what it was told."""
        (self.root / "tmp/cmdline").write_text(line + "\n", encoding="utf-8")
        fake = self.root / "usr/sbin/systemctl"  # found before the real one
        fake.write_text("#!/bin/sh\necho \"$@\" >>/tmp/told\n", encoding="utf-8")
        fake.chmod(0o755)
        try:
            return self.inside(
                "sh", "-ec", 'mount --bind /tmp/cmdline /proc/cmdline; mkdir -p "$1"; : >/tmp/told;'
                ' mkdir -p /var/lib/moult; shift; "$@"; cat /tmp/told; ls /var/lib/moult',
                "sh", "/run/systemd/system" if running else "/run/none", f"/etc/{folder}/zz-moult",
                *words)
        finally:
            output("rm", "-rf", self.root / "run/systemd/system", fake,
                   self.root / "var/lib/moult")

    def test_4_hooks_leave_a_mark_and_ask_systemd(self):
        for folder in ("kernel/postinst.d", "kernel/postrm.d", "initramfs/post-update.d"):
            with self.subTest(folder):
                self.assertEqual(self.hook(folder, "6.1.0-51-amd64").splitlines(),
                                 ["--no-block start moult-kernel-changed.service",
                                  "kernel-changed.7"])

    def test_4_hooks_do_nothing_where_nobody_is_to_be_asked(self):
        for about in ({"running": False}, {"line": "quiet"}, {"line": "moult.gen=0 quiet"},
                      {"line": "xmoult.gen=7"}, {"line": "moult.gen=7x"}):
            with self.subTest(about):
                self.assertEqual(self.hook("kernel/postinst.d", "6.1.0-51-amd64", **about), "")

    def test_4_hooks_never_fail(self):
        self.assertEqual(self.inside("sh", "-ec", "mount -t tmpfs -o ro none /usr/lib/moult;"
                                     "/etc/kernel/postinst.d/zz-moult 6.1 /boot/vmlinuz-6.1"), "")

    def conf(self, text=None):
        """What kernel-install is told in this root; written first where a text is given."""
        path = self.root / "etc/kernel/install.conf"
        if text is not None:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return path.read_text(encoding="utf-8") if path.exists() else None

    def test_5_kernels_are_given_back_and_taken_again(self):
        ours = "# moult keeps kernels on the boot volume itself\nlayout=other\n"
        marker = self.root / "etc/apt/apt.conf.d/10moult"
        cases = ((ours, None, ours),
                 ("#moult#layout=bls\ninitrd_generator=x\n" + ours,
                  "layout=bls\ninitrd_generator=x\n",
                  "#moult#layout=bls\ninitrd_generator=x\n" + ours))
        try:
            marker.write_text("", encoding="utf-8")
            for adopted, given, taken in cases:
                with self.subTest(adopted):
                    self.conf(adopted)
                    self.inside("dpkg-reconfigure", "moult")
                    self.assertEqual(self.conf(), adopted)
                    self.inside("dpkg", "--remove", "moult")
                    self.assertEqual(self.conf(), given)
                    self.inside("dpkg", "--install", "/tmp/moult.deb")
                    self.assertEqual(self.conf(), taken)
            marker.unlink()
            self.conf("layout=bls\n")
            self.inside("dpkg-reconfigure", "moult")
            self.assertEqual(self.conf(), "layout=bls\n")
        finally:
            output("rm", "-rf", marker, self.root / "etc/kernel/install.conf")

    def test_5_a_removed_package_leaves_hooks_that_do_nothing(self):
        self.inside("dpkg", "--remove", "moult")
        try:
            self.assertEqual(self.inside("/etc/kernel/postinst.d/zz-moult", "6.1"), "")
        finally:
            self.inside("dpkg", "--install", "/tmp/moult.deb")

    def test_6_purge_leaves_what_was_there(self):
        self.inside("dpkg", "--purge", "moult")
        now = self.snapshot()
        self.assertEqual({name for name in now if "moult" in name}, set())
        lost = {name for name in self.before if self.before[name] != now.get(name)}
        self.assertEqual(lost, set())


if __name__ == "__main__":
    unittest.main()
