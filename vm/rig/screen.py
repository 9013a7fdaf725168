"""What a terminal would show: enough of one to read the boot menu from the serial console."""

import re

TOKEN = re.compile(r"\x1b\[([0-9;?=]*)([A-Za-z])|\x1b[()][0-9A-Za-z]|\x1b[^\[(]|[\r\n\b]|"
                   r"[^\x1b\r\n\b]+")
HIGHLIGHT = 47
BLACK = 40
ROWS = 200


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
