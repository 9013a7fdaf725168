"""Drives UEFI machines in QEMU and reaches into their disks while they are off.

machine.py runs one, image.py and fat.py look at a disk at rest, cache.py keeps what is slow to
make.  The recipe that builds the disks is the sibling package `recipe`.
"""

from .command import MachineError, RigError
from .machine import Machine
from .shell import Result

__all__ = ["Machine", "MachineError", "Result", "RigError"]
