"""Another command line, another initrd, another kernel for the generation that runs: tried, kept
if it comes up, left if it does not; the one that worked is in the menu all the while."""

import contextlib
import unittest

import world

KERNEL = "linux-image-cloud-amd64"
TRIES = 3


class Live(world.Vm):
    """Generation 1, which stays generation 1."""

    long = True

    def tried_and_kept(self, machine):
        """The next boot tries the new line; the former entry stays."""
        serial = machine.booted()[1]
        answer = machine.json("kargs add skin=2")
        self.assertEqual((answer["next"]["id"], answer["next"]["trial"]), (1, True))
        self.assertNotIn("skin=2", machine.ok("cat /proc/cmdline"))
        world.say("reboot into the new command line")
        machine.reboot()
        machine.wait_blessed(1)
        self.assertIn("skin=2", machine.ok("cat /proc/cmdline").split())
        self.assertNotEqual(machine.booted()[1], serial)
        self.assert_promises_hold(machine.json("check"))
        return serial

    def is_on_trial(self, machine):
        """The next boot that runs commands; one on trial may end meanwhile."""
        while True:
            machine.wait_boot(world.BOOT_TIMEOUT)
            with contextlib.suppress(world.MachineError):
                return machine.booted()[2]

    def tried_and_left(self, machine):
        """A line that nobody can use: the machine is back on the one that it had."""
        machine.json("kargs add systemd.unit=emergency.target")
        boots = machine.boots
        world.say("reboot into a command line that does not come up")
        machine.reboot()
        while self.is_on_trial(machine):
            world.say("  on trial")
        machine.up()
        self.assertEqual(machine.boots, boots + TRIES + 1)
        line = machine.ok("cat /proc/cmdline").split()
        self.assertIn("skin=2", line)
        self.assertNotIn("systemd.unit=emergency.target", line)
        status = machine.status()
        self.assertEqual((status["current"], status["next"]["id"]), ({"id": 1}, 1))
        self.assertEqual(machine.generation(1)["state"], "good")
        self.assertIn("emergency", machine.ok("moult status"))
        self.assert_promises_hold(machine.json("check"))

    def kernel_by_apt(self, machine):
        """The owner's own apt brings a kernel: it is tried like anything else."""
        before = machine.ok("uname -r").strip()
        machine.ok(f"apt-get -q update && apt-get install -qy {KERNEL}", world.WORK_TIMEOUT)
        machine.until(lambda: machine.status()["next"]["trial"], "the kernel to be published")
        self.assertEqual(machine.status()["next"]["id"], 1)
        world.say("reboot into the new kernel")
        machine.reboot()
        machine.wait_blessed(1)
        self.assertNotEqual(machine.ok("uname -r").strip(), before)
        self.assert_promises_hold(machine.json("check"))
        return before

    def test_tried_kept_and_left(self):
        disk = self.disk()
        with disk.machine() as machine:
            machine.wait_shell()
            machine.up()
            self.tried_and_kept(machine)
            self.tried_and_left(machine)
            before = self.kernel_by_apt(machine)
            machine.poweroff()
        self.assertEqual(disk.counted(), [])
        self.assert_clean_esp(disk)
        self.assertTrue([name for name in disk.entries() if name.startswith("moult-old-")])
        with disk.machine() as machine:
            world.say(machine.menu_choose(r"generation 1, former kernel\b").strip())
            machine.wait_shell()
            machine.up()
            self.assertEqual(machine.ok("uname -r").strip(), before)
            self.assertEqual(machine.status()["session"], "temporary")
            machine.poweroff()


if __name__ == "__main__":
    unittest.main()
