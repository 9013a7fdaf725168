"""What is recorded in a machine that runs: the kernel's FAT driver, firmware and loader at work.

The rows are like those of operations.py; their subject is the machine.
"""

import importlib.util
import pathlib
import sys

from operations import Operation, Recording, Segment, TOP
from rig import cache
from rig.command import say

# tests/machine has a module of the same name
_spec = importlib.util.spec_from_file_location("vm_world", TOP / "tests/vm/world.py")
vm_world = importlib.util.module_from_spec(_spec)
sys.modules["vm_world"] = vm_world
_spec.loader.exec_module(vm_world)

KEEP_NOTHING = b"retention:\n  keep: 0\n"
# Bytes of no meaning after an initrd make it another one, that boots like the first.
OTHER_INITRD = "sh -c 'for i in /boot/initrd.img-*; do head -c 8192 /dev/zero >>$i; done'"


def command(words):
    """An act of one command in the machine."""
    return lambda machine: machine.ok(words, vm_world.WORK_TIMEOUT)


def _boot_and_bless(number):
    """The loader counts, the generation boots, and is blessed."""
    def act(machine):
        machine.reboot()
        machine.wait_blessed(number)
    return act


def _keep_nothing(machine):
    machine.put(KEEP_NOTHING, "/etc/moult/moult.d/keep.yaml")


LIVE = (
    Operation("in QEMU: boot, bless", lambda machine: machine.wait_blessed(1)),
    Operation("in QEMU: run, with another initrd", command(f"moult run -- {OTHER_INITRD}")),
    Operation("in QEMU: reboot, bless", _boot_and_bless(2)),
    Operation("in QEMU: rollback", command("moult rollback 1")),
    Operation("in QEMU: rollback, forward again", command("moult rollback 2")),
    Operation("in QEMU: run", command("moult run -- true")),
    Operation("in QEMU: reboot, bless again", _boot_and_bless(3)),
    Operation("in QEMU: cleanup", command("moult cleanup"), _keep_nothing),
)


def live(folder, operations=LIVE, suite="bookworm"):
    """Record operations in a machine whose adopted disk was never booted."""
    start, disk, log = folder / "start.img", folder / "recorded.img", folder / "writes.log"
    log.write_bytes(b"")
    segments = []
    with vm_world.binary() as binary:
        # pylint: disable=protected-access
        with vm_world._adopted(binary, suite) as adopted:
            cache.copy(adopted, start)
        cache.copy(start, disk)
        serial = cache.folder("logs") / "crash-live.log"
        serial.unlink(missing_ok=True)
        machine_disk = vm_world.Disk(disk, binary, serial)
        with machine_disk.machine(write_log=log) as machine:
            for operation in operations:
                if operation.prepare:
                    operation.prepare(machine)
                begin = _mark(machine, log) if segments else 0
                say(f"recording {operation.name}")
                operation.act(machine)
                segments.append(Segment(operation.name, begin, _mark(machine, log)))
            machine.poweroff()
    disk.unlink()
    return Recording(start, log, tuple(segments), live=True)


def _mark(machine, log):
    """Where the log is when everything up to now is in it."""
    machine.ok("sync", vm_world.WORK_TIMEOUT)
    return log.stat().st_size


def boot(sample, binary):
    """Boot a disk that was cut off: None, or what is wrong with what came up."""
    serial = pathlib.Path(f"{sample.disk}.serial")
    with vm_world.Disk(sample.disk, binary, serial).machine() as machine:
        say(f"booting {sample.state}")
        machine.wait_shell(vm_world.BOOT_TIMEOUT)
        root = machine.ok("findmnt -no FSROOT /", vm_world.BOOT_TIMEOUT).strip().lstrip("/")
        machine.up()
        failed = machine.run("systemctl is-failed --quiet moult-reconcile", 60).rc == 0
        machine.poweroff()
    if root not in sample.systems:
        return f"{sample.state}: {root} boots, not one of {', '.join(sample.systems)}"
    return f"{sample.state}: reconcile fails" if failed else None
