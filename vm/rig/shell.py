"""Commands for the guest, through the virtio-serial port its moult-vm-shell listens on.

Each request has an id that is never used twice, and an answer is looked for by its id, so whatever
an earlier boot left in the stream does no harm.  The guest says hello with its boot id when it
starts to listen, so nobody needs to ask.
"""

import dataclasses
import re
import secrets

from .channel import Channel

PORT = "org.moult.shell"
HELLO = re.compile(rb"\nMOULT hello ([0-9a-f-]+)\n")


@dataclasses.dataclass(frozen=True)
class Result:
    """How a command ended in the guest; 124 or 137 if it was stopped for taking too long."""
    rc: int
    out: str
    raw: bytes = dataclasses.field(repr=False, default=b"")


class Shell(Channel):
    """The host's end of the port; hello is the id of the last boot that announced itself."""

    def __init__(self, sock, news):
        self.buffer = b""
        self.hello = None
        super().__init__(sock, news)

    def received(self, data):
        """Take in answers."""
        self.buffer += data
        for match in HELLO.finditer(self.buffer, max(0, len(self.buffer) - len(data) - 64)):
            self.hello = match[1].decode()

    def request(self, command, seconds, stdin=b""):
        """Send a command; returns the id under which the answer will come."""
        name = secrets.token_hex(8)
        words = command.encode()
        head = f"\nMOULT {name} {int(seconds)} {len(words)} {len(stdin)}\n"
        self.send(head.encode() + words + stdin)
        return name

    def answer(self, *names):
        """The answer to one of some requests, if it has arrived in full; to call with news held."""
        found = re.search(rb"\nMOULT (?:%s) (\d+) (\d+)\n" % b"|".join(n.encode() for n in names),
                          self.buffer)
        if not found:
            return None
        end = found.end() + int(found[2])
        if len(self.buffer) < end:
            return None
        raw = self.buffer[found.end():end]
        self.buffer = self.buffer[end:]
        return Result(int(found[1]), raw.decode(errors="replace"), raw)
