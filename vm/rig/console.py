"""The serial console of a machine: a log with times, a text to search, and a screen."""

import codecs
import re
import sys
import time

from .channel import Channel
from .screen import Screen

FIRMWARE = re.compile(r"BdsDxe: starting Boot")
KERNEL = re.compile(r"Linux version \d")
# What an emulator that corrupts its guest looks like.  A plain panic is not among them: machines
# that find no root panic, and that may be what a test is about.
FAULT = re.compile(r"general protection fault|BUG: |\bOops: |double fault|"
                   r"traps: .* (?:trap|error)|: segfault at |X64 Exception Type")


class Console(Channel):
    """Collects the serial output of every boot of a machine.

    text is plain, without terminal control; cursor is how far wait_serial() has looked;
    fault is the first line that tells of a broken emulation, or None.
    """

    def __init__(self, sock, news, log, echo=False):
        self.log = log
        self.echo = echo
        self.started = time.monotonic()
        self.decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self.screen = Screen()
        self.text = ""
        self.line = ""
        self.cursor = 0
        self.firmware_starts = 0
        self.boots = 0
        self.fault = None
        super().__init__(sock, news)

    def received(self, data):
        """Take in serial output."""
        if self.echo:
            sys.stderr.buffer.write(data)
            sys.stderr.buffer.flush()
        text = self.screen.feed(self.decode(data))
        self.text += text
        *lines, self.line = (self.line + text).split("\n")
        for line in lines:
            self._line(line)

    def _line(self, line):
        if not line.strip():
            return
        self.log.write(f"[{time.monotonic() - self.started:8.2f}] {line}\n")
        self.log.flush()
        self.firmware_starts += bool(FIRMWARE.search(line))
        if KERNEL.search(line):
            self.boots += 1
            self.screen.cells.clear()  # the menu is over
        if self.fault is None and FAULT.search(line):
            self.fault = line.strip()

    def search(self, pattern):
        """The next match after the cursor, which moves behind it; None if there is none yet."""
        match = pattern.search(self.text, self.cursor)
        if match:
            self.cursor = match.end()
        return match

    def tail(self, lines=30):
        """The last lines, for messages."""
        return "\n".join([line for line in self.text.split("\n") if line.strip()][-lines:])
