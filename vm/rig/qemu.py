"""The command line of the emulated machine."""

import json
import os
import pathlib
import shutil

from . import emulator
from .command import RigError
from .shell import PORT

FIRMWARE_FOLDERS = ("/usr/share/OVMF", "/usr/share/edk2/ovmf", "/usr/share/edk2/x64")


def firmware(name):
    """The path of a firmware file of the distribution's ovmf package."""
    for folder in FIRMWARE_FOLDERS:
        path = pathlib.Path(folder, name)
        if path.exists():
            return path
    raise RigError(f"{name} not found: is ovmf installed?")


def variables(image, reset=False):
    """The image's own copy of the firmware variables, kept beside it from boot to boot."""
    path = pathlib.Path(f"{os.fspath(image)}.vars")
    if reset or not path.exists():
        shutil.copyfile(firmware("OVMF_VARS_4M.fd"), path)
    return path


def command(image, variable_file, *, memory, cpus, write_log=None, start=0):
    """The words that start a machine, without its channels: see channel() and wiring().

    One thread emulates all CPUs and KVM is never used, so that runs are alike on every host.
    A reset ends QEMU: see power.py.
    """
    pflash = "if=pflash,format=raw,unit={},{}={}"
    return [
        *emulator.found()[0], "-nodefaults", "-no-user-config", "-display", "none", "-vga", "none",
        "-machine", "q35,smm=off", "-accel", "tcg,thread=single", "-cpu", "max,la57=off",
        "-m", str(memory), "-smp", str(cpus), "-action", "reboot=shutdown,watchdog=reset",
        "-drive", pflash.format(0, "readonly=on,file", _escaped(firmware("OVMF_CODE_4M.fd"))),
        "-drive", pflash.format(1, "file", _escaped(variable_file)),
        "-blockdev", json.dumps(_disk(image, write_log, start)),
        "-device", "virtio-blk-pci,drive=disk,bootindex=0",
        "-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile=",
        "-device", "virtio-rng-pci", "-device", "virtio-serial-pci",
    ]


def _disk(image, write_log, start):
    """The disk; with a write log, every write and flush is noted there in the order it happens.

    What the guest flushes stays in the host's cache: a machine that is killed here loses nothing of
    it, and a host that fails has lost its test anyhow.
    """
    file = {"driver": "file", "filename": os.path.abspath(image), "discard": "unmap",
            "cache": {"no-flush": True}}
    disk = {"driver": "raw", "file": file, "discard": "unmap"}
    if not write_log:
        return {**disk, "node-name": "disk"}
    log = {"driver": "file", "filename": os.path.abspath(write_log)}
    how = {"log-append": True} if start else {"log-sector-size": 512}
    return {"driver": "blklogwrites", "node-name": "disk", "file": disk, "log": log, **how}


def _escaped(path):
    """A comma ends a value in QEMU's options unless it is doubled."""
    return os.path.abspath(path).replace(",", ",,")


def channel(name, fd):
    """The words for a character device on a connected socket that QEMU inherits."""
    return ["-chardev", f"socket,id={name},fd={fd}"]


def wiring():
    """The words that connect the character devices serial, shell and control to the machine."""
    return ["-serial", "chardev:serial", "-mon", "chardev=control,mode=control",
            "-device", f"virtserialport,id=shell,chardev=shell,name={PORT}"]
