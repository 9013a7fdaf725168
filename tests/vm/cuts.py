"""What follows a power cut in the middle of moult's work: a boot, and a look at everything."""

import world

OLD, NEW, EITHER = "the old generation", "the new generation", "one of the two"
MAY_BE_NEW = {OLD: (False,), NEW: (True,), EITHER: (False, True)}
LEFTOVERS = ("mount --mkdir -o subvolid=5 $(findmnt -nvo SOURCE /) /run/top && "
             "ls -A /run/top/@gens | grep tmp; umount /run/top")


def step(name, text=""):
    """Tells a step by its name, and by something in its object or reason."""
    return lambda done: done["name"] == name and text in f"{done['object']} {done.get('why', '')}"


class Cuts(world.Vm):
    """One machine a test; each cut is followed by a boot that is looked at."""

    def boot(self, machine):
        """Switch it on again: (generation, whether it is on trial)."""
        machine.start()
        machine.wait_shell(world.BOOT_TIMEOUT)
        booted, _, trial = machine.booted()
        world.say(f"  generation {booted} boots{' on trial' if trial else ''}")
        return booted, trial

    def wait_blessed(self, machine):
        """Wait until the trial of this boot has ended well."""
        machine.until(lambda: machine.run("test -e /run/moult/blessed").rc == 0, "the bless")

    def boot_after_cut(self, machine, before, expected):
        """Old or new, reconciled, whole; a new one is blessed. Returns what is current then."""
        booted, trial = self.boot(machine)
        self.assertIn(booted > before, MAY_BE_NEW[expected],
                      f"generation {booted} boots, {before} was current")
        if trial:
            self.wait_blessed(machine)
        machine.up()
        self.assert_whole(machine, booted)
        return booted

    def assert_whole(self, machine, booted):
        """Nothing is left of what was cut off, and no promise is broken."""
        machine.until(lambda: machine.ok("systemctl show -P ActiveState moult-reconcile").strip()
                      == "active", "reconcile")
        status = machine.status()
        self.assertEqual(status["current"], {"id": booted}, machine.story())
        self.assertEqual([gen for gen in status["generations"] if gen["state"] == "damaged"], [])
        self.assert_promises_hold(machine.json("check"))
        self.assertEqual(machine.ok(LEFTOVERS), "")

    def finish(self, machine, disk, before):
        """The same undisturbed: it is made, tried and blessed; the disk is clean."""
        made = machine.json("run --replace -- true")["next"]["id"]
        self.assertGreater(made, before)
        machine.reboot()
        machine.wait_blessed(made)
        machine.poweroff()
        self.assertEqual(disk.counted(), [])
        self.assert_clean_esp(disk)
