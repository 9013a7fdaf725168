"""A whole life: upgraded, tried, blessed, the older one picked by hand, rolled back for good."""

import re
import unittest

import world
from rig import image

WRITER = """[Service]
ExecStart=/etc/writer
[Install]
WantedBy=multi-user.target
"""
# Tells the console of a line only after it was made durable.
WRITER_SCRIPT = """#!/bin/sh
mkdir -p /var/lib/writer
cd /var/lib/writer
touch lines
n=$(tail -n 1 lines)
while :; do
	n=$((n + 1))
	echo $n >>lines
	sync lines
	echo "acknowledged $n" >/dev/ttyS0
	sleep 0.3
done
"""
ACKNOWLEDGED = re.compile(r"acknowledged (\d+)\n")


def add_writer(top, root):
    """A service that never stops appending to a file below /var."""
    script = top / root / "etc/writer"
    script.write_text(WRITER_SCRIPT, encoding="ascii")
    script.chmod(0o755)
    units = top / root / "etc/systemd/system"
    (units / "writer.service").write_text(WRITER, encoding="ascii")
    (units / "multi-user.target.wants/writer.service").symlink_to(
        "/etc/systemd/system/writer.service")


class Life(world.Vm):
    """One machine, from its second day on."""

    acknowledged = 0

    def note_lines(self, machine):
        """Remember what the service was told is safe, before the console is closed."""
        found = ACKNOWLEDGED.findall(machine.console.text)
        self.acknowledged = max([self.acknowledged, *map(int, found)])

    def assert_lines_are_there(self, machine):
        """Every line that was ever acknowledged, once, and in order."""
        self.note_lines(machine)
        lines = machine.ok("cat /var/lib/writer/lines").split()
        self.assertEqual(lines, [str(n) for n in range(1, len(lines) + 1)])
        self.assertGreater(self.acknowledged, 10)
        self.assertGreaterEqual(len(lines), self.acknowledged)
        world.say(f"{len(lines)} lines, {self.acknowledged} of them acknowledged")

    def assert_at_rest(self, disk, current):
        """What the disk of a machine that is off must look like after a bless."""
        self.assertEqual(disk.counted(), [])
        self.assert_clean_esp(disk)
        self.assertEqual(disk.json("status")["current"], {"id": current})
        self.assert_promises_hold(disk.json("check"))
        with disk.mounted(options="rw") as default:  # without subvol=: the default subvolume
            self.assertTrue((default / f"etc/skin-{current}").exists())

    def mark(self, disk, number):
        """Something by which to tell a generation."""
        with disk.mounted() as top:
            (top / f"@gens/{number}/root/etc/skin-{number}").write_text("")

    def upgrade(self, disk):
        """From inside, while the service writes."""
        with disk.machine() as machine:
            machine.wait_shell()
            machine.up()
            self.assertEqual(machine.booted()[0::2], (1, False))
            answer = machine.json("run -- sh -c 'apt-get -q update && apt-get install -qy hello && "
                                  "mv /etc/skin-1 /etc/skin-2'")
            self.assertEqual(answer["outcome"], "done")
            self.assertEqual((answer["next"]["id"], answer["next"]["trial"]), (2, True))
            self.assertNotEqual(machine.run("command -v hello").rc, 0)
            self.assertEqual(machine.ok("ls /etc/skin-*").strip(), "/etc/skin-1")
            world.say("reboot into the trial")
            machine.reboot()
            machine.wait_blessed(2)
            self.assertIn("Hello, world", machine.ok("hello"))
            self.assertEqual(machine.ok("systemctl --failed --quiet --no-pager"), "")
            status = machine.status()
            self.assertEqual(status["session"], "normal")
            self.assertEqual(machine.generation(2)["attempts"][-1]["outcome"], "healthy")
            self.assert_promises_hold(machine.json("check"))
            self.assert_lines_are_there(machine)
            machine.poweroff()
            self.note_lines(machine)

    def pick_and_return(self, disk):
        """The older one in the menu: temporary; then for good."""
        with disk.machine() as machine:
            world.say("chosen: " + machine.menu_choose(r"generation 1\b").strip())
            machine.wait_shell()
            machine.up()
            self.assertEqual(machine.booted()[0::2], (1, False))
            status = machine.status()
            self.assertEqual((status["session"], status["next"]["id"]), ("temporary", 2))
            self.assertIn("temporary session of generation 1",
                          machine.ok("run-parts /etc/update-motd.d"))
            self.assert_lines_are_there(machine)
            answer = machine.json("rollback 1")
            self.assertEqual((answer["next"]["id"], answer["next"]["trial"]), (1, False))
            world.say("reboot into what was rolled back to")
            machine.reboot()
            machine.wait_boot()
            machine.up()
            self.assertEqual(machine.booted()[0::2], (1, False))
            status = machine.status()
            self.assertEqual((status["session"], status["current"]), ("normal", {"id": 1}))
            self.assertNotEqual(machine.run("command -v hello").rc, 0)
            self.assertNotIn("temporary", machine.ok("run-parts /etc/update-motd.d"))
            self.assert_lines_are_there(machine)
            machine.poweroff()
            self.note_lines(machine)

    def test_upgrade_bless_rollback(self):
        disk = self.disk()
        self.mark(disk, 1)
        with disk.mounted() as top:
            add_writer(top, "@gens/1/root")
        self.upgrade(disk)
        self.assert_at_rest(disk, 2)
        self.pick_and_return(disk)
        self.assert_at_rest(disk, 1)


class FromTheInstaller(world.Vm):
    """The first upgrade of an adopted disk, made offline, from the live archive."""

    start = "adopted"
    long = True

    def test_first_upgrade(self):
        disk = self.disk()
        with disk.mounted() as top:
            kernel = next((top / "@rootfs/usr/lib/modules").iterdir()).name
        answer = disk.json("upgrade")
        self.assertEqual((answer["outcome"], answer["next"]["id"]), ("done", 2))
        with disk.machine() as machine:
            machine.wait_blessed(2)
            self.assertNotEqual(machine.ok("uname -r").strip(), kernel)
            self.assertEqual(machine.ok("apt-get -s full-upgrade | grep -c ^Inst || true").strip(),
                             "0")
            self.assertEqual(machine.ok("dpkg --audit"), "")
            self.assertEqual(machine.ok("systemctl --failed --quiet --no-pager"), "")
            machine.poweroff()
            world.say("the original, from the menu")
            machine.start()
            machine.menu_choose(r"generation 0\b")
            machine.wait_shell()
            machine.up()
            self.assertEqual(machine.ok("uname -r").strip(), kernel)
            self.assertEqual(machine.status()["session"], "temporary")
            machine.reboot()
            machine.wait_boot()
            self.assertEqual(machine.booted()[0::2], (2, False))
            machine.poweroff()
        self.assert_clean_esp(disk)
        self.assert_promises_hold(disk.json("check"))
        settings = image.esp_read(disk.path, "/loader/loader.conf").decode().splitlines()
        self.assertEqual([line for line in settings if line.startswith("default")],
                         ["default moult-[0-9]*"])


if __name__ == "__main__":
    unittest.main()
