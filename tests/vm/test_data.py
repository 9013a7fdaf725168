"""A daemon of the new generation that migrates its database when it starts: data goes back, too."""

import unittest

import world

UNIT = """[Unit]
Description=A database that is migrated by whichever version of it starts
[Service]
ExecStart=/usr/bin/sh /etc/appd
[Install]
WantedBy=multi-user.target
"""
# Its version is part of the system, its database is data. A newer format it does not read.
DAEMON = """set -e
mine=$(cat /etc/appd-version)
mkdir -p /var/lib/appd
cd /var/lib/appd
test -e format || echo $mine >format
if [ $(cat format) -gt $mine ]; then
	echo "format $(cat format) was made by a newer appd" >&2
	exit 1
fi
if [ $(cat format) -lt $mine ]; then
	sed -i 's/$/ stamped/' letters
	echo $mine >format
fi
touch letters
sync -f .
exec sleep infinity
"""


class Migrated(world.Vm):
    """The shape of a database server that is upgraded to a new main version."""

    long = True

    def machine_of(self):
        """Version 1 runs in generation 1."""
        disk = self.disk()
        with disk.mounted() as top:
            etc = top / "@gens/1/root/etc"
            (etc / "appd").write_text(DAEMON)
            (etc / "appd-version").write_text("1\n")
            (etc / "systemd/system/appd.service").write_text(UNIT)
            (etc / "systemd/system/multi-user.target.wants/appd.service").symlink_to(
                "/etc/systemd/system/appd.service")
        return disk

    def upgraded(self, machine):
        """Version 2 migrates what version 1 wrote, as soon as it runs."""
        machine.wait_shell()
        machine.up()
        machine.ok("echo first >>/var/lib/appd/letters; sync")
        machine.json("run -- sh -c 'echo 2 >/etc/appd-version'")
        machine.ok("echo second >>/var/lib/appd/letters; sync")
        world.say("reboot into the version that migrates")
        machine.reboot()
        machine.wait_blessed(2)
        self.assertEqual(machine.ok("cat /var/lib/appd/format /var/lib/appd/letters").split("\n"),
                         ["2", "first stamped", "second stamped", ""])
        machine.ok("echo 'third stamped' >>/var/lib/appd/letters; sync")

    def back(self, machine):
        """The plan says what goes, the rollback brings it, the newer data is kept beside it."""
        plan = machine.json("plan rollback 1 --data var")
        self.assertEqual([data["name"] for data in plan["data"]], ["/var"])
        answer = machine.json("rollback 1 --data var")
        kept = answer["data"][0]["kept_as"]
        world.say("reboot into the older version with its data")
        machine.reboot()
        machine.wait_boot(world.BOOT_TIMEOUT)
        machine.up()
        self.assertEqual(machine.booted()[0::2], (1, False))
        self.assertEqual(machine.ok("cat /var/lib/appd/format /var/lib/appd/letters").split(),
                         ["1", "first", "second"])
        self.assertEqual(machine.ok("systemctl --failed --quiet --no-legend --plain"), "")
        return kept

    def test_its_data_comes_back_with_it(self):
        disk = self.machine_of()
        with disk.machine() as machine:
            self.upgraded(machine)
            kept = self.back(machine)
            self.assert_promises_hold(machine.json("check"))
            machine.poweroff()
        with disk.mounted(read_only=True) as top:
            self.assertEqual((top / kept / "lib/appd/letters").read_text().split("\n")[-2],
                             "third stamped")
        self.assert_clean_esp(disk)


if __name__ == "__main__":
    unittest.main()
