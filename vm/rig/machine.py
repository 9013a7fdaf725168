"""A machine that boots: its firmware, its menu, its serial console, commands inside it.

    with Machine("disk.img") as machine:
        machine.menu_choose(r"Debian")
        machine.wait_shell()
        print(machine.ok("uname -r"))
        machine.poweroff()

What goes wrong is a MachineError if the machine is to blame and a RigError if the rig is.
Every wait has a limit that a busy host with an emulated CPU still meets.
"""

import contextlib
import functools
import os
import pathlib
import re
import shutil
import socket
import tempfile
import threading
import time

from . import cache, emulator, qemu
from .command import MachineError, RigError
from .console import Console
from .power import Power

TIMEOUT = 300
FIRMWARE_TIMEOUT = 240
KEYS = {"up": "\x1b[A", "down": "\x1b[B", "enter": "\r", "space": " "}


class Machine:
    """One machine on one disk image, off until start() or `with`.

    snapshot: run on a copy of the disk and the firmware variables that is thrown away.
    reset_vars: begin with the firmware's own variables.  faults_ok: do not take a crashing guest
    for a broken rig, for tests that damage kernels.  write_log: note every write to the disk in
    this file (format of the kernel's dm-log-writes).  The serial log is kept beside the image.
    """

    def __init__(self, image, *, memory="1G", cpus=1, snapshot=False, extra_args=(),
                 reset_vars=False, faults_ok=False, write_log=None, echo=None, log=None):
        self.image = pathlib.Path(image)
        self.settings = {"memory": memory, "cpus": cpus, "write_log": write_log}
        self.snapshot = snapshot
        self.extra_args = list(extra_args)
        self.reset_vars = reset_vars
        self.faults_ok = faults_ok
        self.echo = bool(os.environ.get("MOULT_VM_ECHO")) if echo is None else echo
        self.log_path = pathlib.Path(log or f"{image}.log")
        self.news = threading.Condition()
        self.held = contextlib.ExitStack()
        self.console = self.power = self.boot_id = None

    # Life

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.kill()

    def start(self):
        """Switch it on."""
        if self.power and self.power.on:
            raise RigError("the machine is running already")
        self.kill()
        emulator.found()  # its first use may take a minute
        disk, variables = self._disk()
        log = self.held.enter_context(open(self.log_path, "a", encoding="utf-8"))
        ours, theirs = socket.socketpair()
        self.boot_id = None
        self.console = Console(ours, self.news, log, self.echo)
        self.held.callback(self.console.close)
        self.power = Power(functools.partial(self._words, disk, variables), theirs, self.news, log)
        self.held.callback(self.power.close)

    def _disk(self):
        """The files to run on: the image's own, or copies until it is off."""
        if not self.snapshot:
            return self.image, qemu.variables(self.image, self.reset_vars)
        scratch = self.held.enter_context(
            tempfile.TemporaryDirectory(prefix="snapshot-", dir=self.image.absolute().parent))
        disk = pathlib.Path(scratch) / "disk.img"
        cache.copy(self.image, disk)
        kept = qemu.variables(self.image, self.reset_vars)
        return disk, shutil.copyfile(kept, f"{disk}.vars")

    def _words(self, disk, variables, start):
        return qemu.command(disk, variables, start=start, **self.settings) + self.extra_args

    def kill(self):
        """Take the power away from the guest (not from the host's disk cache)."""
        if self.power:
            self.power.kill()
        self.held.close()

    def reset(self):
        """Press the reset button."""
        self.power.execute("system_reset")

    def poweroff(self, timeout=TIMEOUT):
        """Shut down in order and wait until it is off."""
        if self.listening:
            self.power.shell.request("systemctl poweroff", 60)
        else:
            self.power.execute("system_powerdown")
        self.wait_exit(timeout)

    def wait_exit(self, timeout=TIMEOUT):
        """Wait until it is off."""
        self._wait(lambda: not self.power.on, timeout, "power off", alive=False)
        if self.power.status != 0:
            raise RigError(f"QEMU ended with status {self.power.status}: {self.log_path}")

    # Waiting

    def _wait(self, ready, timeout, what, alive=True):
        """Wait for something; raises for whatever makes waiting pointless."""
        limit = time.monotonic() + timeout
        with self.news:
            while True:
                found = ready()
                if found:
                    return found
                self._check(alive)
                left = limit - time.monotonic()
                if left <= 0:
                    raise MachineError(f"waited {timeout} s for {what}; the console ends with:\n"
                                       f"{self.console.tail()}")
                self.news.wait(min(left, 0.5))

    def _check(self, alive):
        """Tell a broken rig from a machine that disappoints."""
        if self.console.fault and not self.faults_ok:
            raise RigError(f"the emulated machine is broken: {self.console.fault}")
        if alive and not self.power.on:
            kind = MachineError if self.power.status == 0 else RigError
            raise kind(f"the machine went off (status {self.power.status}): {self.log_path}\n"
                       f"{self.console.tail()}")
        silent = time.monotonic() - self.console.started > FIRMWARE_TIMEOUT
        if silent and not self.console.text:
            raise RigError(f"the firmware said nothing for {FIRMWARE_TIMEOUT} s")

    def wait_serial(self, regex, timeout=TIMEOUT):
        """Wait for a match on the serial console after the last one; returns the match."""
        pattern = re.compile(regex)
        return self._wait(lambda: self.console.search(pattern), timeout, f"/{regex}/")

    def wait_shell(self, timeout=TIMEOUT):
        """Wait until commands can be run; remembers and returns the id of that boot."""
        return self._wait_hello(lambda boot_id: True, timeout, "the command port")

    def wait_boot(self, timeout=TIMEOUT):
        """The same in another boot than the last one seen: after a reboot or a reset."""
        return self._wait_hello(lambda boot_id: boot_id != self.boot_id, timeout, "another boot")

    def _wait_hello(self, wanted, timeout, what):
        def ready():
            hello = self.power.shell.hello if self.listening else None
            return hello if hello and wanted(hello) else None

        self.boot_id = self._wait(ready, timeout, what)
        return self.boot_id

    @property
    def boots(self):
        """How many kernels have started since the machine was switched on."""
        return self.console.boots

    @property
    def firmware_starts(self):
        """How often the firmware has started a boot loader since the machine was switched on."""
        return self.console.firmware_starts

    # Commands

    @property
    def listening(self):
        """Whether the guest listens for commands."""
        return self.power.on and self.power.qmp.port_open and bool(self.power.shell.hello)

    def run(self, command, timeout=TIMEOUT, stdin=b""):
        """Run a shell command as root in the guest, stopped there after timeout: a Result."""
        self._wait(lambda: self.listening, timeout, "the command port")
        shell = self.power.shell
        name = shell.request(command, timeout, stdin)

        def ready():
            answer = shell.answer(name)
            if not answer and shell.closed:
                raise MachineError(f"the machine went down during: {command}")
            return answer

        return self._wait(ready, timeout + 30, f"an answer to: {command}")

    def ok(self, command, timeout=TIMEOUT, stdin=b""):
        """The output of a command that must succeed."""
        result = self.run(command, timeout, stdin)
        if result.rc != 0:
            raise MachineError(f"{command}: exit status {result.rc}\n{result.out}")
        return result.out

    def put(self, data, path, mode=0o644):
        """Write bytes to a file in the guest."""
        self.ok(f"cat >'{path}' && chmod {mode:o} '{path}'", stdin=data)

    def get(self, path):
        """The bytes of a file in the guest."""
        result = self.run(f"cat '{path}'")
        if result.rc != 0:
            raise MachineError(f"{path}: {result.out}")
        return result.raw

    # Keys

    def send_key(self, *names):
        """Press keys one after another on the keyboard, by QEMU's names: ret, down, a, ctrl+c."""
        for name in names:
            chord = [{"type": "qcode", "data": key} for key in name.split("+")]
            self.power.execute("send-key", keys=chord)

    def type(self, text):
        """Type on the serial console."""
        self.console.send(text.encode())

    def menu(self, timeout=TIMEOUT):
        """Wait for the boot menu, stop its countdown, and return (rows, number of the chosen)."""
        screen = self.console.screen
        self._wait(lambda: screen.highlighted() is not None, timeout, "the boot menu")
        before = screen.highlighted()
        self.type(KEYS["down"])
        self._settle(lambda: screen.highlighted() != before)
        return screen.rows(), screen.highlighted()

    def _settle(self, done, quiet=1.0, limit=10):
        """Give the menu time to redraw; a menu of one entry does not move."""
        try:
            self._wait(done, limit, "the menu to move")
        except MachineError:
            pass
        seen = None
        while seen != len(self.console.text):
            seen = len(self.console.text)
            time.sleep(quiet)

    def menu_choose(self, title_regex, timeout=TIMEOUT):
        """Boot the entry of the menu whose title matches, by arrow keys and Enter."""
        rows, chosen = self.menu(timeout)
        wanted = [row for row, text in rows.items() if re.search(title_regex, text)]
        if not wanted:
            titles = "\n".join(rows.values())
            raise MachineError(f"no menu entry matches /{title_regex}/:\n{titles}")
        while chosen != wanted[0]:
            chosen = self._move("up" if wanted[0] < chosen else "down", chosen)
        self.type(KEYS["enter"])
        with self.news:
            self.console.screen.cells.clear()
        return rows[wanted[0]]

    def _move(self, key, chosen):
        """Press an arrow key and return the row that is chosen then."""
        screen = self.console.screen
        self.type(KEYS[key])
        self._wait(lambda: screen.highlighted() not in (None, chosen), 60, "the menu to move")
        return screen.highlighted()
