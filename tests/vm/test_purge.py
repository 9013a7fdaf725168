"""moult is no longer wanted: its package is purged, and the machine boots what it booted before."""

import unittest

import world


class Purged(world.Vm):
    """A machine on its second day."""

    long = True

    def test_a_machine_without_moult_boots(self):
        disk = self.disk()
        with disk.machine() as machine:
            machine.wait_shell()
            machine.up()
            machine.json("run -- true")
            machine.ok("DEBIAN_FRONTEND=noninteractive apt-get purge -qy moult",
                       world.WORK_TIMEOUT)
            # the layout stays, and apt is told where its lists are in it
            self.assertEqual(machine.ok("find /etc /usr -iname '*moult*' -not -name '*moult-vm*' "
                                        "-not -name 10moult"), "")
            machine.reboot()
            machine.wait_boot(world.BOOT_TIMEOUT)
            machine.up()
            # not 2, which was pending and has moult in it
            self.assertEqual(machine.booted()[0::2], (1, False))
            self.assertEqual(machine.ok("systemctl --failed --quiet --no-legend --plain"), "")
            world.say("a kernel by apt, as on any machine")
            machine.ok("apt-get -q update && apt-get install -qy linux-image-cloud-amd64",
                       world.WORK_TIMEOUT)
            kernel = machine.ok("ls -t /lib/modules | head -n 1").strip()
            machine.ok("apt-get check -qq; dpkg --audit")
            machine.reboot()
            machine.wait_boot(world.BOOT_TIMEOUT)
            machine.up()
            world.say(f"{kernel} is installed, {machine.ok('uname -r').strip()} runs")
            machine.poweroff()
        self.assert_clean_esp(disk)


if __name__ == "__main__":
    unittest.main()
