#!/usr/bin/env python3
"""Real packages into copies of a real Debian root, through fill_driver; needs root and the archive.

fill_test.py PATH-OF-FILL-DRIVER [unittest arguments]; MOULT_TEST_ALL=1 adds the next release.
"""

import contextlib
import ctypes
import hashlib
import json
import os
import pathlib
import pty
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import types
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "vm"))

from fill_packages import PACKAGES, build_package, make_repository, run  # noqa: E402
from recipe import root as recipe_root  # noqa: E402
from rig import archive  # noqa: E402

CLONE_NEWNS = 0x20000
REFUSED, NEEDS_ACK, SYSTEM, INTERRUPTED = 3, 4, 7, 9  # enum err_kind
SPEC = types.SimpleNamespace(suite="bookworm", security=False, kernel="cloud",
                             loader="systemd-boot", include=())
DRIVER = None


# --- the machine ----------------------------------------------------------------------------------

class Machine:
    """An image with one adopted Debian root in generation 1."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.image = self.directory / "image"
        self.next_id = 2
        run("truncate", "-s", "8G", self.image)
        run("mkfs.btrfs", "-q", self.image)
        self.uuid = run("blkid", "-o", "value", "-s", "UUID", self.image).strip()
        with self.disk() as top:
            self._install(top)
        carved = self.drive("carve")
        assert carved["ok"], carved
        with self.disk() as top:
            self._mount_data(top / "@gens/1/root")

    @contextlib.contextmanager
    def disk(self):
        """The top level, while no driver runs."""
        mounted = self.directory / "mounted"
        mounted.mkdir(exist_ok=True)
        loop = run("losetup", "--find", "--show", self.image).strip()
        try:
            run("mount", "-t", "btrfs", "-o", "subvolid=5", loop, mounted)
            try:
                yield mounted
            finally:
                run("umount", mounted)
        finally:
            run("losetup", "-d", loop)

    def _install(self, top):
        (top / "@gens/.1.tmp").mkdir(parents=True)
        root = top / "@gens/.1.tmp/root"
        for subvolume in (root, top / "@moult"):
            run("btrfs", "subvolume", "create", subvolume)
        with recipe_root.obtain(SPEC, recipe_root.named(SPEC)) as tar:
            run("tar", "--numeric-owner", "--xattrs", "--xattrs-include=*", "-xf", tar,
                "-C", root)
        (root / "etc/fstab").write_text(f"UUID={self.uuid} / btrfs defaults 0 0\n")
        (root / "etc/hostname").write_text("shed-machine\n")
        (root / "etc/apt/apt.conf.d/90test").write_text("".join(
            f'{name} "{value}";\n' for name, value in archive.options().items()))
        (root / "etc/apt/sources.list").write_text(source_list())
        (root / "etc/left.dpkg-dist").write_text("the owner's\n")
        debs = [build_package(self.directory, name, "1", versions["1"])
                for name, versions in PACKAGES.items()]
        for deb in debs:
            shutil.copy(deb, root / "tmp")
        run("chroot", root, "sh", "-c", "dpkg -i /tmp/*.deb && rm /tmp/*.deb")
        for name in PACKAGES:
            make_repository(root / "usr/share/shed" / name, name)
        (root / "etc/shed-conf.conf").write_text("setting=mine\n")

    def _mount_data(self, root):
        """As an adoption leaves it: what fstab mounts before is parted already."""
        with open(root / "etc/fstab", "a", encoding="ascii") as fstab:
            for at, name in (("/var", "@var"), ("/home", "@home"), ("/root", "@root"),
                             ("/srv", "/@srv"), ("/usr/local", "@usr-local"),
                             ("/var/lib/moult", "@moult")):
                fstab.write(f"UUID={self.uuid} {at} btrfs subvol={name} 0 0\n")

    def drive(self, *argv):
        with open(self.directory / "output", "ab") as output:
            done = subprocess.run([DRIVER, self.image, *map(str, argv)], stdout=subprocess.PIPE,
                                  stderr=output, check=False)
        if done.returncode != 0:
            raise AssertionError(f"fill_driver {argv}: {done.returncode}\n"
                                 + (self.directory / "output").read_text()[-4000:])
        return json.loads(done.stdout)

    def fill(self, *argv, offer=(), sources=None):
        """A copy of generation 1, filled; `offer`: which of our archives its root knows."""
        with self.disk() as top:
            etc = top / "@gens/1/root/etc/apt"
            (etc / "sources.list").write_text(sources or source_list())
            (etc / "sources.list.d/shed.list").write_text("".join(
                f"deb [trusted=yes] file:/usr/share/shed/{name} ./\n" for name in offer))
        number, self.next_id = self.next_id, self.next_id + 1
        answer = self.drive("fill", number, *argv)
        answer["id"] = number
        return answer


def source_list(with_security=False):
    return "\n".join(archive.source_lines(SPEC.suite, with_security)) + "\n"


def fingerprint(top, skip=()):
    """Names, owners, modes and contents below a directory."""
    found = {}
    for path in sorted(top.rglob("*")):
        name = str(path.relative_to(top))
        if any(name == part or name.startswith(part + "/") for part in skip):
            continue
        status = path.lstat()
        content = os.readlink(path) if path.is_symlink() else (
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "")
        found[name] = (status.st_mode, status.st_uid, status.st_gid, content)
    return found


def tree(path):
    return sorted(str(child.relative_to(path)) for child in path.rglob("*"))


class FillTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="moult-fill-")
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.machine = Machine(cls.scratch.name)

    def setUp(self):
        with self.machine.disk() as top:
            self.before = {name: fingerprint(top / name, skip=("cache/apt/archives",))
                           for name in ("@var", "@home", "@root", "@srv")}

    def assert_data_untouched(self, top):
        for name, before in self.before.items():
            self.assertEqual(fingerprint(top / name, skip=("cache/apt/archives",)), before)

    def assert_ok(self, answer):
        self.assertTrue(answer["ok"],
                        f"{answer['error']}\n{(answer.get('log') or '')[-3000:]}")

    def assert_generation_clean(self, top, answer):
        directory = top / f"@gens/{answer['id']}"
        root = directory / "root"
        self.assertFalse((directory / "overlay").exists())
        self.assertFalse((directory / "data-lower").exists())
        self.assertFalse(os.path.lexists(root / "usr/sbin/policy-rc.d"))
        for name in ("run", "dev", "tmp"):
            self.assertEqual(tree(root / name), tree(top / "@gens/1/root" / name))
        self.assertEqual(os.listdir(root / "var"), [])
        self.assertEqual((root / "etc/left.dpkg-dist").read_text(), "the owner's\n")
        status = (root / "usr/lib/sysimage/dpkg/status").read_text()
        self.assertNotIn("half-", status)
        self.assertNotIn("unpacked", status)
        return directory

    # --- what it says -----------------------------------------------------------------------------

    def test_nothing_to_upgrade(self):
        answer = self.machine.fill("--preview")
        self.assert_ok(answer)
        self.assertEqual(answer["changes"], [])

    def test_preview_names_the_changes(self):
        answer = self.machine.fill("--preview", offer=["shed-conf", "shed-daemon"])
        self.assert_ok(answer)
        upgraded = {"change": "upgraded", "from": "1", "to": "2"}
        self.assertEqual(answer["changes"], [{"name": name, **upgraded}
                                             for name in ("shed-conf", "shed-daemon")])

    def test_archive_that_does_not_answer(self):
        answer = self.machine.fill(sources="deb http://127.0.0.1:9/debian bookworm main\n")
        self.assertEqual(answer["kind"], SYSTEM)
        self.assertIn("cannot reach the package archive", answer["error"])
        self.assertIn("127.0.0.1", answer["error"])

    def test_half_configured_packages_are_refused(self):
        with self.machine.disk() as top:
            status = top / "@gens/1/root/usr/lib/sysimage/dpkg/status"
            good = status.read_text()
            fine = "Package: shed-conf\nStatus: install ok "
            status.write_text(good.replace(fine + "installed", fine + "half-configured"))
        try:
            answer = self.machine.fill(offer=["shed-daemon"])
        finally:
            with self.machine.disk() as top:
                (top / "@gens/1/root/usr/lib/sysimage/dpkg/status").write_text(good)
        self.assertEqual(answer["kind"], REFUSED)
        self.assertIn("shed-conf", answer["error"])
        self.assertEqual(answer["hint"], "sudo dpkg --configure -a")

    def test_failing_script_is_named(self):
        answer = self.machine.fill(offer=["shed-broken"])
        self.assertEqual(answer["kind"], REFUSED)
        self.assertIn("'shed-broken'", answer["error"])
        self.assertIn("post-installation script", answer["error"])
        self.assertIn("status 3", answer["error"])
        self.assertIn("the reason", answer["error"])
        self.assertRegex(answer["hint"], r"^sudo moult log \d+$")
        with self.machine.disk() as top:
            self.assert_data_untouched(top)

    # --- what it does -----------------------------------------------------------------------------

    def test_new_daemon_reaches_the_data_at_the_first_boot(self):
        answer = self.machine.fill(offer=["shed-daemon"])
        self.assert_ok(answer)
        self.assertEqual(answer["data_changes"], [])
        self.assertEqual(answer["what"], "apt full-upgrade")
        self.assertNotIn("percent_fell", answer)
        self.assertEqual(answer["percent"], 100)
        with self.machine.disk() as top:
            self.assert_data_untouched(top)
            directory = self.assert_generation_clean(top, answer)
            user = int(run("chroot", directory / "root", "id", "-u", "shed"))
            replay = directory / "replay/@var"
            self.assertEqual(tree(replay), ["cache", "cache/shed", "lib", "lib/shed",
                                            "lib/shed/link", "lib/shed/seed", "log", "log/shed"])
            self.assertEqual((replay / "lib/shed").stat().st_uid, user)
            for path in [replay, *replay.rglob("*")]:
                self.assertEqual([name for name in os.listxattr(path, follow_symlinks=False)
                                  if name.startswith("trusted.overlay")], [])
            self.assertEqual((directory / "log/shed/install.log").read_text(), "hello\n")
            self.assertTrue((directory / "log/dpkg.log").exists())
            # by then a service has made one of them itself
            (top / "@var/lib/shed").mkdir()
            (top / "@var/lib/shed/seed").write_text("its own\n")
        self.assert_ok(self.machine.drive("replay", answer["id"]))
        self.assert_ok(self.machine.drive("replay", answer["id"]))
        with self.machine.disk() as top:
            self.assertEqual((top / "@var/lib/shed/seed").read_text(), "its own\n")
            self.assertEqual(os.readlink(top / "@var/lib/shed/link"), "seed")
            log = (top / "@var/log/shed").stat()
            self.assertEqual((log.st_mode & 0o7777, log.st_uid), (0o750, user))
            self.assertTrue((top / "@home/shed").is_dir())
            self.assertFalse((top / "@var/.moult-replay").exists())
            self.assertTrue((top / f"@gens/{answer['id']}/replay.done").exists())

    def test_defaults_are_collected(self):
        answer = self.machine.fill(offer=["shed-conf"])
        self.assert_ok(answer)
        with self.machine.disk() as top:
            directory = self.assert_generation_clean(top, answer)
            self.assertEqual((directory / "root/etc/shed-conf.conf").read_text(), "setting=mine\n")
            self.assertEqual((directory / "new-defaults/etc/shed-conf.conf").read_text(),
                             "setting=2\n")
            self.assertFalse((directory / "root/etc/shed-conf.conf.dpkg-dist").exists())
        self.assertTrue(any("/etc/shed-conf.conf" in note for note in answer["notes"]))

    def test_changes_to_data_need_an_ack(self):
        answer = self.machine.fill(offer=["shed-migrate"])
        self.assertEqual(answer["kind"], NEEDS_ACK)
        self.assertIn("DATA_CHANGE", answer["error"])
        self.assertIn("/var/lib/shed-migrate/db", answer["error"])
        self.assertEqual(answer["hint"], "sudo moult upgrade --accept DATA_CHANGE")
        changes = sorted((change["path"], change["kind"]) for change in answer["data_changes"])
        self.assertEqual(changes, [("/var/lib/shed-migrate/db", "changed"),
                                   ("/var/lib/shed-migrate/dir", "removed"),
                                   ("/var/lib/shed-migrate/old", "removed"),
                                   ("/var/lib/shed-migrate/perm", "changed")])
        with self.machine.disk() as top:
            self.assert_data_untouched(top)

    def test_accepted_changes_keep_what_was_there(self):
        answer = self.machine.fill("--accept", offer=["shed-migrate"])
        self.assert_ok(answer)
        with self.machine.disk() as top:
            self.assert_data_untouched(top)
            self.assert_generation_clean(top, answer)
            (top / "@var/lib/shed-migrate/perm").write_text("later\n")
        self.assert_ok(self.machine.drive("replay", answer["id"]))
        with self.machine.disk() as top:
            live = top / "@var/lib/shed-migrate"
            kept = top / f"@gens/{answer['id']}/data/@var/lib/shed-migrate"
            self.assertEqual(tree(live), ["db", "dir", "dir/fresh", "perm", "same", "same/file"])
            self.assertEqual((live / "db").read_text(), "2\n")
            self.assertEqual((kept / "db").read_text(), "1\n")
            self.assertEqual((kept / "perm").read_text(), "later\n")
            self.assertTrue((kept / "dir/inner").exists() and (kept / "old").exists())
            # for the tests after this one
            shutil.rmtree(live)
            shutil.copytree(kept, live)

    # --- commands ---------------------------------------------------------------------------------

    def test_command(self):
        answer = self.machine.fill("--", "sh", "-c",
                                   "echo $MOULT_GENERATION $HOME $(hostname) >/etc/made && "
                                   "apt-get install -y --no-install-recommends nginx-light")
        self.assert_ok(answer)
        changed = {change["name"]: change for change in answer["changes"]}
        self.assertIsNone(changed["nginx-light"]["from"])
        self.assertEqual(answer["data_changes"], [])
        with self.machine.disk() as top:
            self.assert_data_untouched(top)
            directory = self.assert_generation_clean(top, answer)
            self.assertEqual((directory / "root/etc/made").read_text(),
                             f"{answer['id']} /root shed-machine\n")
            self.assertTrue((directory / "replay/@var/lib/nginx").is_dir())
            self.assertTrue((directory / "replay/@var/log/nginx").is_dir())

    def test_failing_command(self):
        answer = self.machine.fill("--", "sh", "-c", "echo no; exit 5")
        self.assertEqual(answer["kind"], REFUSED)
        self.assertIn("status 5", answer["error"])

    def test_interrupt(self):
        number, self.machine.next_id = self.machine.next_id, self.machine.next_id + 1
        with subprocess.Popen([DRIVER, self.machine.image, "fill", str(number), "--", "sh", "-c",
                               "echo begun; exec sleep 1000"], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as driver:
            while "begun" not in driver.stderr.readline():
                pass
            driver.send_signal(signal.SIGTERM)
            answer = json.loads(driver.communicate(timeout=20)[0])
        self.assertEqual(answer["kind"], INTERRUPTED)
        self.assertIn("the running system is as it was", answer["error"])

    def test_shell(self):
        number, self.machine.next_id = self.machine.next_id, self.machine.next_id + 1
        child, terminal = pty.fork()
        if child == 0:
            os.execv(DRIVER, [DRIVER, str(self.machine.image), "fill", str(number), "--terminal"])
        said = self.converse(terminal, [
            # a key typed while fg still hands over the terminal would go to the shell
            (f"(moult {number})",
             "sleep 100 & jobs; kill %1; sh -c 'echo in$((1 + 1)); exec sleep 100'\n"),
            ("in2\r\n", "\x03"),
            (f"(moult {number})", "tty; cat /proc/self/status | grep CapEff; id -u >/etc/made\n"),
            ("CapEff", "exit\n"),
        ])
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertIn("[1]+  Running", said)
        self.assertNotIn("no job control", said)
        self.assertTrue(json.loads(said[said.rindex("\n{"):])["ok"], said)
        with self.machine.disk() as top:
            directory = top / f"@gens/{number}"
            self.assertEqual((directory / "root/etc/made").read_text(), "0\n")
            self.assertNotIn("root/.bash_history", tree(directory / "replay"))

    def converse(self, terminal, exchange):
        """Wait for each text, then type the answer; what was said until the end."""
        said, seen = "", 0
        for expected, answer in [*exchange, (None, None)]:
            while expected is None or expected not in said[seen:]:
                if not select.select([terminal], [], [], 60)[0]:
                    self.fail(f"no {expected!r} in {said!r}")
                try:
                    said += os.read(terminal, 4096).decode(errors="replace")
                except OSError:
                    self.assertIsNone(expected, said)
                    return said
            seen = len(said)
            os.write(terminal, answer.encode())
        return said

    # --- the distribution -------------------------------------------------------------------------

    def assert_boots(self, root):
        """Kernel, initrd and modules of one release, the newest."""
        kernels = sorted(path.name.removeprefix("vmlinuz-") for path in root.glob("boot/vmlinuz-*"))
        for release in kernels:
            self.assertTrue((root / f"usr/lib/modules/{release}/modules.dep").exists())
            names = run("chroot", root, "lsinitramfs", f"/boot/initrd.img-{release}")
            self.assertIn("scripts/init-top", names)
            self.assertIn("btrfs.ko", names)
        return kernels

    def test_security_upgrade_with_kernel(self):
        answer = self.machine.fill(sources=source_list(with_security=True))
        self.assert_ok(answer)
        self.assertEqual(answer["data_changes"], [])
        self.assertGreater(len(answer["changes"]), 3)
        self.assertTrue([change for change in answer["changes"]
                         if change["name"].startswith("linux-image-6") and not change["from"]],
                        "the archive has no newer kernel")
        with self.machine.disk() as top:
            self.assert_data_untouched(top)
            directory = self.assert_generation_clean(top, answer)
            self.assertEqual(len(self.assert_boots(directory / "root")), 2)
            self.assertEqual(run("chroot", directory / "root", "dpkg", "--admindir",
                                 "/usr/lib/sysimage/dpkg", "--audit"), "")

    @unittest.skipUnless(os.environ.get("MOULT_TEST_ALL"), "MOULT_TEST_ALL=1 adds it")
    def test_next_release(self):
        answer = self.machine.fill("--release", "trixie", sources=source_list(with_security=True))
        self.assert_ok(answer)
        self.assertEqual(answer["data_changes"], [])
        with self.machine.disk() as top:
            self.assert_data_untouched(top)
            directory = self.assert_generation_clean(top, answer)
            self.assert_boots(directory / "root")
            self.assertIn("trixie", (directory / "root/etc/os-release").read_text())
            self.assertNotIn("bookworm", (directory / "root/etc/apt/sources.list").read_text())

    def test_unknown_release(self):
        answer = self.machine.fill("--release", "no such; thing")
        self.assertFalse(answer["ok"])
        self.assertIn("codename", answer["error"])


if __name__ == "__main__":
    DRIVER = os.path.abspath(sys.argv.pop(1))
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
        sys.exit("needs root")
    run("mount", "--make-rprivate", "/")
    unittest.main()
