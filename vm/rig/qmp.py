"""The control channel of QEMU: one command at a time, and the events it reports."""

import json
import secrets

from .channel import Channel
from .command import RigError


class Qmp(Channel):
    """Speaks QMP on a connected socket; events, (name, data), are added to a list as they come.

    port_open is whether the guest listens on the command port.
    """

    def __init__(self, sock, news, events):
        self.rest = b""
        self.answers = {}
        self.events = events
        self.port_open = False
        super().__init__(sock, news)
        self.send(b'{"execute": "qmp_capabilities"}\n')

    def received(self, data):
        """Take in lines of JSON."""
        *lines, self.rest = (self.rest + data).split(b"\n")
        for message in (json.loads(line) for line in lines if line.strip()):
            if "event" in message:
                self._event(message["event"], message.get("data", {}))
            elif "return" in message or "error" in message:
                self.answers[message.get("id")] = message

    def _event(self, name, data):
        self.events.append((name, data))
        if name == "VSERPORT_CHANGE":
            self.port_open = data["open"]

    def execute(self, command, timeout=60, **arguments):
        """Run a command and return what it answers."""
        name = secrets.token_hex(8)
        request = {"execute": command, "arguments": arguments, "id": name}
        with self.news:
            self.send(json.dumps(request).encode() + b"\n")
            self.news.wait_for(lambda: name in self.answers or self.closed, timeout)
            answer = self.answers.pop(name, None)
        if answer is None:
            raise RigError(f"QEMU did not answer {command}")
        if "error" in answer:
            raise RigError(f"QEMU refused {command}: {answer['error'].get('desc')}")
        return answer["return"]
