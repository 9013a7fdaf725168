"""The serial console of a machine: a log with times, a text to search, and a screen."""

import codecs
import re
import sys
import time

from .channel import Channel

FIRMWARE = re.compile(r"BdsDxe: starting Boot")
KERNEL = re.compile(r"Linux version \d")
# What an emulator looks like that corrupts its guest, or is not let run.  A plain panic is not
# among them: machines that find no root panic, and that may be what a test is about.
FAULT = re.compile(r"general protection fault|BUG: |\bOops: |double fault|"
                   r"traps: .* (?:trap|error)|: segfault at |X64 Exception Type|"
                   r"IO-APIC \+ timer doesn.t work")
# Enough of a terminal to read the boot menu.
TOKEN = re.compile(r"\x1b\[([0-9;?=]*)([A-Za-z])|\x1b[()][0-9A-Za-z]|\x1b[^\[(]|[\r\n\b]|"
                   r"[^\x1b\r\n\b]+")
HIGHLIGHT = 47
BLACK = 40
ROWS = 200


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


class Screen:
    """Rows of characters with their background colour; moved about by ANSI sequences."""

    def __init__(self):
        self.cells = {}
        self.row = self.column = 0
        self.background = BLACK
        self.pending = ""

    def feed(self, text):
        """Draw text; return it as plain lines, where a jump of the cursor begins a new line."""
        text, self.pending = _split_unfinished(self.pending + text)
        return "".join(self._draw(match) for match in TOKEN.finditer(text))

    def rows(self):
        """The rows that show something, top to bottom, as {number: text}."""
        return {row: self._text(row) for row in sorted(self.cells) if self._text(row)}

    def highlighted(self):
        """The number of the row shown in reverse, such as the chosen entry of a menu, or None."""
        for row, cells in sorted(self.cells.items()):
            if self._text(row) and any(back == HIGHLIGHT for _, back in cells.values()):
                return row
        return None

    def _text(self, row):
        cells = self.cells[row]
        return "".join(cells.get(at, " ")[0] for at in range(max(cells, default=-1) + 1)).strip()

    def _draw(self, match):
        token = match.group()
        if match.group(2):
            return self._control(match.group(2), match.group(1))
        if token == "\r":
            self.column = 0
        elif token == "\b":
            self.column = max(0, self.column - 1)
        elif token == "\n":
            self._line_feed()
            return token
        elif token[0] != "\x1b":
            self._put(token)
            return token
        return ""

    def _line_feed(self):
        self.row += 1
        if self.row > ROWS:
            self.cells, self.row = {}, 0

    def _put(self, text):
        row = self.cells.setdefault(self.row, {})
        for letter in text:
            row[self.column] = (letter, self.background)
            self.column += 1

    def _control(self, letter, words):
        numbers = [int(word) for word in words.split(";") if word.isdigit()]
        if letter in "Hf":
            self.row, self.column = ([n - 1 for n in numbers] + [0, 0])[:2]
            return "\n"
        if letter == "J":
            self.cells = {}
            return "\n"
        if letter == "m":
            for number in numbers or [0]:
                self._colour(number)
        return ""

    def _colour(self, number):
        if number == 7:
            self.background = HIGHLIGHT
        elif number == 0 or number == 27:
            self.background = BLACK
        elif 40 <= number <= 47:
            self.background = number


def _split_unfinished(text):
    """Hold back an escape sequence that is not complete yet."""
    start = text.rfind("\x1b", max(0, len(text) - 16))
    if start >= 0 and not re.match(r"\x1b\[[0-9;?=]*[A-Za-z]|\x1b[()].|\x1b[^\[(]", text[start:]):
        return text[:start], text[start:]
    return text, ""
