"""What firmware does to the menu: old directories, cut renames, counters, its variables."""

import unittest

import damage
import world
from rig import image
from rig.fat import Fat32

RENAMES = 60
ENTRIES = "/loader/entries"


def age(disk, name):
    """Rename an entry back and forth as the firmware's driver does; the directory grows."""
    other = name.replace("+3-0", "+2-1")
    with Fat32(disk.path, image.esp(disk.path).offset) as fat:
        before = len(fat.slots(ENTRIES))
        for _ in range(RENAMES // 2):
            fat.rename_append(f"{ENTRIES}/{name}", f"{ENTRIES}/{other}")
            fat.rename_append(f"{ENTRIES}/{other}", f"{ENTRIES}/{name}")
        return len(fat.slots(ENTRIES)) > before


class CutRename(world.Vm):
    """The loader's counting rename was cut off, in a directory that is old."""

    long = True

    def cut(self, state):
        """A disk on which generation 2 is on trial and its entry is in this state."""
        disk = self.disk()
        with disk.mounted() as top:
            (top / "@srv/precious").write_text("mine\n", encoding="ascii")
        disk.moult("run", "--", "true")
        name, = disk.counted()
        self.assertTrue(age(disk, name), "the directory has not grown")
        self.assert_clean_esp(disk)
        with Fat32(disk.path, image.esp(disk.path).offset) as fat:
            fat.leave(state, f"{ENTRIES}/{name}",
                      f"{ENTRIES}/{name.replace('+3-0', '+2-1')}")
        return disk

    def assert_blessed_and_clean(self, machine, disk):
        """The trial ends well, and nothing of the cut is left."""
        machine.wait_blessed(2)
        self.assertEqual(machine.ok("cat /srv/precious"), "mine\n")
        self.assert_promises_hold(machine.json("check"))
        machine.poweroff()
        self.assertEqual(disk.counted(), [])
        self.assert_clean_esp(disk)

    def lost(self, state):
        """The loader misses it: the old generation boots and offers it again, one try less."""
        disk = self.cut(state)
        with disk.machine() as machine:
            machine.wait_shell()
            machine.up()
            self.assertEqual(machine.booted()[0::2], (1, False))
            following = machine.status()["next"]
            self.assertEqual((following["id"], following["trial"]), (2, True), machine.story())
            entries = machine.ok("ls /boot/efi/loader/entries")
            self.assertRegex(entries, r"moult-\d+\+2-[01]\.conf")
            machine.reboot()
            self.assert_blessed_and_clean(machine, disk)

    def test_intact(self):
        disk = self.cut("intact")
        with disk.machine() as machine:
            self.assert_blessed_and_clean(machine, disk)

    def test_missing(self):
        self.lost("missing")

    def test_alias_only(self):
        self.lost("alias")

    def test_twice(self):
        disk = self.cut("twice")
        with disk.machine() as machine:
            self.assert_blessed_and_clean(machine, disk)


class ByHand(world.Vm):
    """What a person does to the menu and the firmware."""

    long = True

    def test_exhausted_entry_picked_by_hand(self):
        disk = self.disk()
        with disk.mounted() as top:
            policy = top / "@gens/1/root/etc/moult/moult.d/tries.yaml"
            policy.write_text("tries: 1\n", encoding="ascii")
        disk.moult("run", "--", "sh", "-c", damage.MAKE_UNHEALTHY)
        with disk.machine() as machine:
            machine.wait_shell()
            self.assertEqual(machine.booted()[0::2], (2, True))
            world.say("its only try fails; then somebody picks it in the menu")
            machine.wait_serial(r"Restarting system", world.BOOT_TIMEOUT)
            machine.menu_choose(r"generation 2\b", world.BOOT_TIMEOUT)
            machine.wait_boot()
            self.assertEqual(machine.booted()[0], 2)
            machine.wait_return(1)
            failed = machine.generation(2)
            self.assertEqual(failed["state"], "bad")
            self.assertEqual([attempt["outcome"] for attempt in failed["attempts"]],
                             ["failed", "failed"])
            refused = machine.run("moult rollback 2")
            self.assertNotEqual(refused.rc, 0)
            self.assertIn("BAD_GENERATION", refused.out)
            self.assertEqual(machine.status()["next"]["id"], 1)
            again = machine.json("rollback 2 --accept BAD_GENERATION")["next"]
            self.assertEqual((again["id"], again["trial"]), (2, True))
            machine.poweroff()
        self.assert_clean_esp(disk)

    def test_default_in_the_firmware(self):
        disk = self.disk()
        disk.moult("run", "--", "true")
        with disk.machine() as machine:
            machine.wait_blessed(2)
            old = machine.ok("ls /boot/efi/loader/entries | grep moult-old-").split()[0]
            machine.ok(f"bootctl set-default {old}")
            machine.reboot()
            machine.wait_boot()
            machine.up()
            self.assertEqual(machine.booted()[0], 1)
            for command in ("moult check", "journalctl -b -u moult-reconcile -t moult --no-pager"):
                self.assertIn("LoaderEntryDefault", machine.run(command).out, command)
            self.assertIn("set-default ''", machine.run("moult check").out)
            machine.ok("bootctl set-default ''")
            machine.reboot()
            machine.wait_boot()
            self.assertEqual(machine.booted()[0::2], (2, False))
            self.assert_promises_hold(machine.json("check"))
            machine.poweroff()


if __name__ == "__main__":
    unittest.main()
