"""A machine that never stands still: whatever moult does to it, databases, a log, an editor, a mail
spool and live apt go on writing, and each write that was acknowledged is there afterwards."""

import collections
import pathlib
import tempfile
import unittest

import world
from recipe import Spec, build
from rig import cache, image
from rig.command import call

HERE = pathlib.Path(__file__).parent / "never_still"
PACKAGES = ("postgresql", "python3-psycopg2")
UPGRADE_TIMEOUT = 3600
LIVE_APT = ("hello", "sl", "cowsay", "figlet")
READERS = {
    "database": "python3 -c \"import sqlite3; print(*(row[0] for row in sqlite3.connect("
                "'/var/lib/never-still/rows.sqlite').execute('SELECT n FROM rows')))\"",
    "server": "cd / && runuser -u postgres -- psql -qAtc 'SELECT n FROM rows' postgres",
    "log": "cat /var/log/never-still.log",
    "mail": "ls /var/mail/never-still/new",
}


def prepare(top):
    """The writers, in the root that is about to be adopted."""
    root = top / "@rootfs"
    place = root / "usr/local/lib/never-still"
    place.mkdir(parents=True)
    (place / "writers.py").write_bytes((HERE / "writers.py").read_bytes())
    unit = root / "etc/systemd/system/never-still.service"
    unit.write_bytes((HERE / "never-still.service").read_bytes())
    wanted = root / "etc/systemd/system/multi-user.target.wants"
    wanted.mkdir(exist_ok=True)
    (wanted / "never-still.service").symlink_to("../never-still.service")
    # an emulated processor takes a quarter of an hour for an initrd beside all this
    call("chroot", root, "apt-mark", "hold", "linux-image-cloud-amd64")


def make(path, name):
    """A disk as the installer leaves it, with both database engines, moult and the writers."""
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch, \
            cache.entry("packages", f"{name}.deb", world._build_package) as package:
        deb = pathlib.Path(scratch) / "moult_0_amd64.deb"
        deb.write_bytes(package.read_bytes())
        image.private_mounts()
        build(Spec(security=False, debs=(deb,), include=PACKAGES), path)
    with image.mounted(path) as top:
        prepare(top)


class NeverStill(world.Vm):
    """One life, from the adoption of the running machine to a rollback."""

    long = True

    def disk(self, start=None):
        folder = pathlib.Path(self.enterContext(
            tempfile.TemporaryDirectory(dir=cache.folder("scratch"))))
        self.port = folder / "acknowledged"
        self.port.touch()
        self.live = []
        make(folder / "disk.img", world._package_name())
        return world.Disk(folder / "disk.img", self.binary, self.log)

    def machine(self, disk):
        """With a port whose other end is a file of the host: no rollback reaches it."""
        return disk.machine(memory="1536M", extra_args=(
            "-chardev", f"file,id=acknowledged,path={self.port},append=on",
            "-device", "virtserialport,chardev=acknowledged,name=acknowledged"))

    def acknowledged(self):
        """The last number of each kind, and how many there were."""
        last, count = {}, collections.Counter()
        for line in self.port.read_text(encoding="ascii", errors="replace").splitlines():
            kind, _, number = line.partition(" ")
            if number.isdigit():
                last[kind] = max(last.get(kind, 0), int(number))
                count[kind] += 1
        return last, count

    def still_writing(self, machine):
        """Every kind goes on."""
        before = self.acknowledged()[1]
        machine.until(lambda: all(self.acknowledged()[1][kind] > before[kind] + 3
                                  for kind in (*READERS, "editor")), "every writer to write")

    def assert_nothing_is_lost(self, machine):
        """Each acknowledged write, once, and no gap before it."""
        last, _ = self.acknowledged()
        for kind, command in READERS.items():
            found = sorted(int(word) for word in machine.ok(command).split())
            self.assertEqual(found, list(range(1, len(found) + 1)), kind)
            self.assertGreaterEqual(len(found), last[kind], kind)
            world.say(f"{kind}: {len(found)} there, {last[kind]} acknowledged")

    def assert_edits_are_there(self, machine):
        """The last save of each file that was acknowledged, or a newer one."""
        last = self.acknowledged()[0]["editor"]
        for file in range(min(5, last)):
            expected = last - (last - file) % 5
            found = int(machine.ok(f"cat /etc/never-still/{expected % 5}.conf"))
            self.assertGreaterEqual(found, expected)

    def install_live(self, machine):
        """The owner's own apt, on the running root."""
        package = LIVE_APT[len(self.live)]
        machine.ok(f"apt-get install -qy --no-install-recommends {package}", world.WORK_TIMEOUT)
        self.live.append(package)

    def assert_live_packages(self, machine):
        """What apt said it installed is installed."""
        for package in self.live:
            self.assertIn("install ok installed", machine.ok(f"dpkg -s {package}"))

    def adopt(self, machine):
        machine.wait_shell()
        machine.up()
        machine.ok("apt-get -q update", world.WORK_TIMEOUT)
        self.still_writing(machine)
        answer = machine.json("init")
        self.assertEqual((answer["next"]["id"], answer["next"]["trial"]), (1, True))
        self.install_live(machine)
        self.still_writing(machine)
        world.say("reboot into the adopted system")
        machine.reboot()
        machine.wait_blessed(1)
        self.assert_everything(machine)

    def assert_everything(self, machine):
        self.still_writing(machine)
        self.assert_nothing_is_lost(machine)
        self.assert_edits_are_there(machine)
        self.assert_live_packages(machine)

    def upgrade(self, machine):
        """Staged, then changed by live apt: stale, and built again; edits go on to the end."""
        self.assertEqual(machine.json("upgrade", UPGRADE_TIMEOUT)["next"]["id"], 2)
        self.still_writing(machine)
        self.install_live(machine)
        status = machine.status()
        self.assertTrue(status["pending"] is None or status["pending"]["stale"], status)
        self.assertEqual(status["next"]["id"], 1)
        answer = machine.json("upgrade", UPGRADE_TIMEOUT)
        self.assertTrue(answer["next"]["trial"])
        self.still_writing(machine)
        world.say("reboot into the upgrade")
        machine.reboot()
        machine.wait_blessed(answer["next"]["id"])
        self.assert_everything(machine)
        return answer["next"]["id"]

    def go_back(self, machine):
        """Data stays; what was edited in between is in the older root, or was listed."""
        edited = machine.ok("grep -H . /etc/never-still/*.conf")
        plan = machine.json("plan rollback 1")
        self.assertIn("/etc/never-still", str(plan), edited)
        self.assertEqual(machine.json("rollback 1")["next"]["id"], 1)
        self.still_writing(machine)
        machine.reboot()
        machine.wait_boot()
        machine.up()
        self.assertEqual(machine.booted()[0::2], (1, False))
        self.still_writing(machine)
        self.assert_nothing_is_lost(machine)

    def test_nothing_is_lost(self):
        disk = self.disk()
        with self.machine(disk) as machine:
            self.adopt(machine)
            self.upgrade(machine)
            self.go_back(machine)
            machine.poweroff()
        self.assert_promises_hold(disk.json("check"))


if __name__ == "__main__":
    unittest.main()
