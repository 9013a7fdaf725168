"""One byte stream from the machine, read by a thread as long as the machine lives."""

import threading


class Channel:
    """Collects what arrives on a socket; subclasses say what to do with it in received().

    received() runs in the reading thread with `news` held, the condition that all channels of a
    machine share and on which its methods wait.
    """

    def __init__(self, sock, news):
        self.sock = sock
        self.news = news
        self.closed = False
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            try:
                data = self.sock.recv(65536)
            except OSError:
                data = b""
            with self.news:
                if data:
                    self.received(data)
                else:
                    self.closed = True
                self.news.notify_all()
            if not data:
                return

    def received(self, data):
        """Take in some bytes."""
        raise NotImplementedError

    def send(self, data):
        """Write to the machine; a machine that is gone is noticed elsewhere."""
        try:
            self.sock.sendall(data)
        except OSError:
            pass

    def close(self):
        """End the stream."""
        self.sock.close()
