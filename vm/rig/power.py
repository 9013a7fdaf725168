"""Keeps a machine powered: one QEMU process from each reset to the next.

A reset of the guest ends QEMU and starts a new one on the same disk.  A QEMU that resets in place
keeps translated code of the old boot; pages of memory that still hold some of it are written
slowly by the next boot, which then takes minutes instead of seconds.
"""

import ctypes
import os
import signal
import socket
import subprocess
import threading

from . import emulator, qemu
from .command import RigError
from .qmp import Qmp
from .shell import Shell

PR_SET_PDEATHSIG = 1
RESETS = ("guest-reset", "host-qmp-system-reset", "subsystem-reset")


class Power:
    """Runs QEMU until the guest switches off, kill() is called, or QEMU fails.

    words(n) is the command line of the n-th start.  status is None while it runs.  qmp and shell
    belong to the present process; the serial socket is the same for all.  Its thread starts every
    process, and those die with it.
    """

    def __init__(self, words, serial, news, output):
        self.words = words
        self.serial = serial
        self.news = news
        self.output = output
        self.starts = 0
        self.events = []
        self.status = self.process = self.qmp = self.shell = None
        self.killed = False
        threading.Thread(target=self._run, daemon=True).start()
        with news:
            news.wait_for(lambda: self.qmp or self.status is not None)

    @property
    def on(self):
        """Whether it is running or about to start again."""
        return self.status is None

    def kill(self):
        """Cut the power and wait until it is gone."""
        with self.news:
            self.killed = True
            if self.on and self.process:
                self.process.kill()
            self.news.wait_for(lambda: not self.on)

    def _run(self):
        status = -1
        try:
            while not self.killed:
                self._launch()
                status = self.process.wait()
                if not self._was_reset(status):
                    break
        finally:
            with self.news:
                self.status = status
                self.news.notify_all()

    def _launch(self):
        pairs = [socket.socketpair() for _ in range(2)]
        ours, theirs = zip(*pairs)
        inherited = dict(zip(("shell", "control"), theirs), serial=self.serial)
        words = self.words(self.starts) + qemu.wiring()
        for name, sock in inherited.items():
            words += qemu.channel(name, sock.fileno())
        libc = ctypes.CDLL(None)
        with self.news:
            self.process = subprocess.Popen(
                words, env=emulator.found()[1], stdin=subprocess.DEVNULL,
                stdout=self.output, stderr=self.output,
                pass_fds=[sock.fileno() for sock in inherited.values()],
                preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
            if self.killed:
                self.process.kill()
            self._connect(*ours)
        for sock in theirs:
            sock.close()

    def _connect(self, shell, control):
        for old in (self.shell, self.qmp):
            if old:
                old.close()
        self.starts += 1
        self.shell = Shell(shell, self.news)
        self.qmp = Qmp(control, self.news, self.events)
        self.news.notify_all()

    def _was_reset(self, status):
        """Whether the end of QEMU was a reset of the guest; its last event says so."""
        with self.news:
            self.news.wait_for(lambda: self.qmp.closed, 10)
            last = [data for name, data in self.events if name == "SHUTDOWN"][-1:]
        return status == 0 and bool(last) and last[0].get("reason") in RESETS

    def execute(self, command, **arguments):
        """Run a QMP command."""
        if not self.on:
            raise RigError(f"the machine is off: {command}")
        return self.qmp.execute(command, **arguments)

    def close(self):
        """Give back what it holds, after kill() or the end."""
        for held in (self.shell, self.qmp):
            if held:
                held.close()
        os.close(self.serial.detach())
