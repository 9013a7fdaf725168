"""Errors of the rig, and how it runs the programs it is made of."""

import os
import subprocess
import sys
import time


class RigError(Exception):
    """The rig itself is broken: QEMU died, the emulated CPU misbehaved, a tool is missing.

    A test that meets it has learnt nothing about moult, so it must not look like a failure of
    moult.
    """


class MachineError(Exception):
    """The machine ran but did not do what was expected of it."""


def call(*argv, input=None, env=None, timeout=None):
    """Run a program and return its standard output as bytes; anything but success is RigError.

    Standard error is part of the message and otherwise dropped.
    """
    words = [os.fspath(word) for word in argv]
    environment = {**os.environ, "LC_ALL": "C.UTF-8", **(env or {})}
    try:
        done = subprocess.run(words, input=input, env=environment, timeout=timeout,
                              stdin=None if input is not None else subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    except FileNotFoundError as missing:
        raise RigError(f"{words[0]} is not installed") from missing
    except subprocess.TimeoutExpired as late:
        raise RigError(f"{' '.join(words)}: still running after {timeout} s") from late
    if done.returncode != 0:
        raise RigError(_failure(words, done))
    return done.stdout


def _failure(words, done):
    said = (done.stdout[-4000:] + done.stderr[-4000:]).decode(errors="replace").strip()
    return f"{' '.join(words)}: exit status {done.returncode}\n{said}"


def say(message):
    """Tell the person at the terminal what takes the time."""
    print(f"[{time.strftime('%H:%M:%S')}] {message}", file=sys.stderr, flush=True)
