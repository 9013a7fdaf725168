"""What is recorded in a machine that runs: the kernel's FAT driver, firmware and loader at work.

The rows are like those of operations.py; their subject is the machine.
"""

import importlib.util
import pathlib
import shutil
import sys

from operations import Operation, Recording, Segment, TOP
from rig import MachineError, cache
from rig.command import say

# tests/machine has a module of the same name
_spec = importlib.util.spec_from_file_location("vm_world", TOP / "tests/vm/world.py")
vm_world = importlib.util.module_from_spec(_spec)
sys.modules["vm_world"] = vm_world
_spec.loader.exec_module(vm_world)

EDITED = b"127.0.0.1 here\n"
# Bytes of no meaning after an initrd make it another one, that boots like the first.
OTHER_INITRD = "sh -c 'for i in /boot/initrd.img-*; do head -c 8192 /dev/zero >>$i; done'"


def command(words):
    """An act of one command in the machine."""
    return lambda machine: machine.ok(words, vm_world.WORK_TIMEOUT)


def _shut_down_and_bless(machine):
    """What was edited is carried over when the machine goes down."""
    machine.reboot()
    machine.wait_blessed(2)
    verbs = [operation["verb"] for operation in machine.json("log")["operations"]]
    if machine.get("/etc/hosts") != EDITED or "late-edits" not in verbs:
        raise MachineError(f"no late edits were carried over: {verbs}\n{machine.story()}")


def _edit(machine):
    machine.put(EDITED, "/etc/hosts")


LIVE = (
    Operation("in QEMU: boot, bless", lambda machine: machine.wait_blessed(1)),
    Operation("in QEMU: run, with another initrd", command(f"moult run -- {OTHER_INITRD}")),
    Operation("in QEMU: late edits, reboot, bless", _shut_down_and_bless, _edit),
    Operation("in QEMU: rollback", command("moult rollback 1")),
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
                written = {_root(machine)} if segments else set()
                say(f"recording {operation.name}")
                operation.act(machine)
                segments.append(Segment(operation.name, begin, _mark(machine, log),
                                        frozenset(written | {_root(machine)})))
            machine.poweroff()
    disk.unlink()
    return Recording(start, log, tuple(segments))


def _root(machine):
    """The subvolume that runs."""
    return machine.ok("findmnt -no FSROOT /", vm_world.BOOT_TIMEOUT).strip().lstrip("/")


def _mark(machine, log):
    """Where the log is when everything up to now is in it."""
    machine.ok("sync", vm_world.WORK_TIMEOUT)
    return log.stat().st_size


def boot(sample, binary):
    """Boot a disk that was cut off: None, or what is wrong with what came up."""
    serial = pathlib.Path(f"{sample.disk}.serial")
    say(f"booting {sample.operation}, {sample.state}: {sample.entry.file}")
    try:
        with vm_world.Disk(sample.disk, binary, serial).machine() as machine:
            machine.wait_shell(vm_world.BOOT_TIMEOUT)
            return _runs(machine, sample.entry) or _came_up(machine, sample)
    except MachineError as error:
        kept = cache.folder("logs") / "crash-booted.log"
        shutil.copyfile(serial, kept)
        return f"{error} (serial log: {kept})"


def _runs(machine, entry):
    """None where it is this entry that was booted."""
    root, line = _root(machine), machine.ok("cat /proc/cmdline", vm_world.BOOT_TIMEOUT).split()
    if root != entry.root or (entry.ours and f"moult.serial={entry.serial}" not in line):
        return f"{root} boots with {' '.join(line)}, not {entry.file}"
    return None


def _came_up(machine, sample):
    """What is wrong with the system that runs in the end."""
    if "moult.trial=1" in sample.entry.line[-1].split() and not _ends_well(machine, sample):
        if sample.after.generation is not None:
            machine.wait_return(sample.after.generation)
        if wrong := _runs(machine, sample.after):
            return wrong
    machine.up()
    if machine.run("systemctl is-failed --quiet moult-reconcile", 60).rc == 0:
        return "reconcile fails"
    if sample.entry.ours:
        machine.json("check")  # an error is one of the machine's, with all that was found
    return None


def _ends_well(machine, sample):
    """Whether the trial is blessed. It need not be where the operation takes it back: what makes it
    stale may be on the disk already, or that the adoption was undone."""
    over = "test -e /run/moult/blessed || ! grep -q moult.trial=1 /proc/cmdline"
    try:
        machine.until(lambda: machine.run(over, 60).rc == 0, "the trial to end")
    except MachineError:
        if not machine.power.on or sample.after.root == sample.entry.root:
            raise
        return False
    return machine.run("test -e /run/moult/blessed", 60).rc == 0
