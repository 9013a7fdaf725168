"""Area living: verbs on a machine that runs, with 50 generations, against snapper's on the same
file system with as many snapshots.

In QEMU, since only there the EFI system partition is mounted and moult is at home. Its processor is
emulated: the seconds are not those of a machine, but both programs have the same.
"""

import json
import pathlib

import measure
import world

GENERATIONS = 50
INSIDE = pathlib.Path(__file__).with_name("living_inside.py")
SNAPPER = "snapper --no-dbus -c root"


def _prepare(machine):
    """snapper as its users have it, with as many snapshots as there are generations."""
    machine.wait_shell(world.BOOT_TIMEOUT)
    machine.up()
    machine.ok("apt-get -q update && apt-get install -qy --no-install-recommends snapper "
               "python3", world.WORK_TIMEOUT)
    machine.ok(f"{SNAPPER} create-config / && for n in $(seq {GENERATIONS}); do "
               f"{SNAPPER} create --description $n || exit; done", world.WORK_TIMEOUT)
    machine.put(INSIDE.read_bytes(), "/run/living.py")


def living(binary, repetitions):
    """The rows of the area."""
    with measure.disk(binary, "settled") as disk:
        for _ in range(GENERATIONS - 1):
            measure.moult(binary, disk, "rollback", "-q", "--base", "1")
        with world.Disk(disk, binary, disk.with_name("log")).machine() as machine:
            _prepare(machine)
            found = json.loads(machine.ok(f"python3 /run/living.py {5 * repetitions}",
                                          world.WORK_TIMEOUT))
            machine.poweroff()
    title = f"{{}}, {GENERATIONS} generations, emulated processor"
    return [measure.row(title.format(what), "s", found[what], peer=found[peer],
                        peer_is=f"snapper {peer}")
            for what, peer in (("status", "list"), ("moult list", "list"),
                               ("checkpoint until its snapshot exists", "create"))]
