"""A generation is staged, and its owner goes on: edits, packages, and a power cut."""

import unittest

import world


class Late(world.Vm):
    """One machine, while a generation waits for its boot."""

    def edited_and_shut_down(self, machine):
        """What is edited by hand is in the new generation, carried when the machine went down."""
        machine.json("run -- sh -c 'echo new >/etc/of-the-new-one'")
        self.assertEqual(machine.status()["late"]["edits"], 0)
        machine.ok("echo 'mine' >/etc/by-hand && sed -i s/localhost/here/ /etc/hosts && sync")
        late = machine.status()["late"]
        self.assertEqual((late["generation"], late["paths"]), (2, ["/etc/by-hand", "/etc/hosts"]))
        self.assertIn("2 files edited since generation 2 was staged", machine.ok("moult status"))
        world.say("reboot with edits")
        machine.reboot()
        machine.wait_blessed(2)
        self.assertEqual(machine.ok("cat /etc/by-hand /etc/of-the-new-one").split(),
                         ["mine", "new"])
        self.assertIn("here", machine.ok("cat /etc/hosts"))
        # at the shutdown, not at the first boot for want of one
        verbs = [op["verb"] for op in machine.json("log")["operations"]]
        self.assertIn("late-edits", verbs)
        self.assertEqual(machine.ok("ls -d /var/lib/moult/late 2>/dev/null || true").strip(), "")

    def changed_by_apt(self, machine):
        """A live change of packages takes the pending one out of the menu, by apt's own hook."""
        machine.json("run -- true")
        self.assertEqual(machine.status()["next"]["id"], 3)
        machine.ok("apt-get -q update && apt-get install -qy hello", world.WORK_TIMEOUT)
        status = machine.status()
        self.assertEqual(status["next"]["id"], 2)
        self.assertTrue(status["pending"]["stale"])
        self.assertIn("hello", status["pending"]["why"])
        self.assertIn("generation 3 is stale", machine.ok("run-parts /etc/update-motd.d"))
        self.assertIn("is stale", machine.ok(
            "journalctl --no-pager -b MESSAGE_ID=5f3c1d5e6f0c4c0a9d2f0b7f6a5e1b01"))
        machine.json("run --replace -- true")
        status = machine.status()
        self.assertEqual((status["next"]["id"], status["pending"]["stale"]), (4, False))

    def test_edits_packages_and_a_power_cut(self):
        disk = self.disk()
        with disk.machine() as machine:
            machine.wait_shell()
            machine.up()
            self.edited_and_shut_down(machine)
            self.changed_by_apt(machine)
            machine.ok("echo cut >/etc/before-the-cut && sync")
            world.say("power off without a word")
            machine.kill()
            machine.start()
            machine.wait_blessed(4)
            self.assertEqual(machine.ok("cat /etc/before-the-cut").strip(), "cut")
            self.assertIn("Hello, world", machine.ok("hello"))
            self.assert_promises_hold(machine.json("check"))
            machine.poweroff()
        self.assert_clean_esp(disk)
        with disk.mounted(read_only=True) as top:
            self.assertEqual([path.name for path in top.glob("@gens/*/late-*")], [])
            self.assertFalse((top / "@gens/4/ancestor").exists())


if __name__ == "__main__":
    unittest.main()
