"""Machines that are adopted while they run, and a service that writes through it all.

It appends numbered lines in /var, /home and /etc and says so when they are durable: none of what it
said may be missing afterwards, whatever came between.
"""

import re
import time
import unittest

import world
from layouts import relayout

WRITER = """[Unit]
After=local-fs.target
[Service]
ExecStart=/usr/bin/sh /etc/writer
[Install]
WantedBy=multi-user.target
"""
FILES = ("/var/lib/lines", "/home/lines", "/etc/lines")
WRITER_SCRIPT = f"""set -e
n=$(tail -n 1 /etc/lines 2>/dev/null || true)
while :; do
	n=$((n + 1))
	for file in {" ".join(FILES)}; do echo $n >>$file; sync $file; done
	echo "acknowledged $n" >/dev/ttyS0
	sleep 0.3
done
"""
ACKNOWLEDGED = re.compile(r"acknowledged (\d+)\r?\n")
CARVES = r"Part data from the system"


class Live(world.Vm):
    """From the first `moult init` to the day that nothing of the original is needed any more."""

    start = "installed"
    acknowledged = 0

    def machine_of(self, layout="@rootfs"):
        """A disk as an installer leaves it, and the service."""
        disk = self.disk()
        if layout != "@rootfs":
            relayout(disk.path, layout)
        with disk.mounted() as top:
            root = top / layout
            # a busy host is no reason for the installer's system to end in emergency mode
            fstab = (root / "etc/fstab").read_text()
            (root / "etc/fstab").write_text(fstab.replace(
                "umask=0077", "umask=0077,x-systemd.device-timeout=15min"))
            (root / "etc/writer").write_text(WRITER_SCRIPT)
            (root / "etc/systemd/system/writer.service").write_text(WRITER)
            (root / "etc/systemd/system/multi-user.target.wants/writer.service").symlink_to(
                "/etc/systemd/system/writer.service")
        return disk

    def note(self, machine):
        """What was said to be safe on this console."""
        self.acknowledged = max([self.acknowledged,
                                 *map(int, ACKNOWLEDGED.findall(machine.console.text))])

    def assert_nothing_lost(self, machine):
        """Each file has each line that was acknowledged, in order."""
        self.note(machine)
        self.assertGreater(self.acknowledged, 5)
        for name in FILES:
            lines = [int(line) for line in machine.ok(f"cat {name}").split()]
            self.assertEqual(lines, sorted(lines), name)
            missing = set(range(1, self.acknowledged + 1)) - set(lines)
            self.assertEqual(missing, set(), name)
        world.say(f"{self.acknowledged} lines are there")

    def adopt(self, machine):
        """While it runs; it goes on for a while."""
        world.say("moult init")
        machine.ok("moult init", world.WORK_TIMEOUT)
        time.sleep(5)
        status = machine.status()
        self.assertEqual(status["current"], {"id": 0})
        return status

    def assert_settled(self, machine):
        """Data is parted, the packages are whole, nothing is left over, no promise is broken."""
        machine.until(lambda: machine.run("ls -d /.moult-rest /var/.moult-rest /home/.moult-rest "
                                          "2>/dev/null", 60).out == "", "the leftovers to go")
        for place in ("/var", "/home"):
            self.assertIn(f"@{place[1:]}", machine.ok(f"findmnt -no OPTIONS {place}"))
        self.assertEqual(machine.ok("dpkg --audit; apt-get check -qq", 300), "")
        self.assertEqual(machine.ok("systemctl --failed --quiet --no-legend --plain"), "")
        self.assert_promises_hold(machine.json("check"))

    def test_adopted_while_it_runs(self):
        disk = self.machine_of()
        with disk.machine() as machine:
            machine.wait_shell()
            machine.up()
            self.assertEqual(self.adopt(machine)["session"], "adopting")
            world.say("moult init --undo, and again")
            machine.ok("moult init --undo", world.WORK_TIMEOUT)
            self.assertNotIn("moult", machine.ok("findmnt -no OPTIONS /"))
            self.adopt(machine)
            self.note(machine)
            machine.reboot()
            machine.wait_serial(CARVES)
            time.sleep(2)
            world.say("the power goes while data is parted from the system")
            machine.kill()
            machine.start()
            machine.wait_blessed(1)
            self.assert_nothing_lost(machine)
            self.assert_settled(machine)
            world.say("moult run, and its trial")
            machine.ok("moult run -- true", world.WORK_TIMEOUT)
            machine.reboot()
            machine.wait_blessed(2)
            self.assert_nothing_lost(machine)
            machine.poweroff()
        self.assert_clean_esp(disk)

    def adopt_and_settle(self, layout):
        """One whole adoption, and back to the original."""
        disk = self.machine_of(layout)
        with disk.machine() as machine:
            machine.wait_shell()
            machine.up()
            self.adopt(machine)
            self.note(machine)
            machine.reboot()
            machine.wait_blessed(1)
            self.assert_nothing_lost(machine)
            self.assert_settled(machine)
            machine.ok("moult init --undo", world.WORK_TIMEOUT)
            machine.reboot()
            machine.wait_boot(world.BOOT_TIMEOUT)
            self.assertNotIn("moult.gen=", machine.ok("cat /proc/cmdline"))
            self.assertEqual(machine.ok("findmnt -no FSROOT /").strip(), f"/{layout}")
            machine.poweroff()
        self.assert_clean_esp(disk)

    def test_a_root_at_the_top(self):
        self.adopt_and_settle("")

    def test_a_home_of_its_own(self):
        self.adopt_and_settle("@")

    test_adopted_while_it_runs.long = test_a_root_at_the_top.long = True
    test_a_home_of_its_own.long = True


if __name__ == "__main__":
    unittest.main()
