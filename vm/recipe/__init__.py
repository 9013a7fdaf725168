"""Builds the disks: a Debian root from the archive, then a disk laid out as its installer does."""

from .disk import Spec, build

__all__ = ["Spec", "build"]
